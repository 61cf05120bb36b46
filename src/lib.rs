//! Meridian: a MySQL-wire-protocol, shard-routing SQL proxy. `docs/ARCHITECTURE.md` names the rooms.

pub mod backend;
pub mod config;
pub mod net;
pub mod plan;
pub mod route;
pub mod session;
pub mod shard_map;
pub mod sql;
pub mod wire;
