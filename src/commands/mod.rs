//! One file for each subcommand of the binary.

pub mod check;
pub mod diff;
pub mod explain;
pub mod password;
pub mod serve;
