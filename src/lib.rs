//! Meridian: a MySQL-wire-protocol, shard-routing SQL proxy. `docs/ARCHITECTURE.md` names the rooms.

pub mod admin;
pub mod backend;
pub mod commands;
pub mod config;
pub mod execute;
pub mod frontend;
pub mod net;
pub mod plan;
pub mod route;
pub mod server;
pub mod session;
pub mod shard_map;
pub mod sql;
pub mod telemetry;
pub mod topology;
pub mod wire;
