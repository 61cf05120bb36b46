//! Meridian: a MySQL-wire-protocol, shard-routing SQL proxy. `docs/ARCHITECTURE.md` names the rooms.

/// One file for each subcommand of the binary.
pub mod commands {
    pub mod password;
}
pub mod config;
pub mod plan;
pub mod route;
pub mod shard_map;
pub mod sql;
pub mod telemetry;
pub mod wire;
