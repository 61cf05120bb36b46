//! Meridian: a MySQL-wire-protocol, shard-routing SQL proxy. `docs/ARCHITECTURE.md` names the rooms.

pub mod config;
pub mod plan;
pub mod route;
pub mod shard_map;
pub mod sql;
pub mod telemetry;
pub mod wire;
