//! One file for each subcommand of the binary.

pub mod check;
pub mod diff;
pub mod explain;
mod live;
pub mod password;
pub mod playground;
mod query;
pub mod schema;
pub mod serve;
pub mod verify;
