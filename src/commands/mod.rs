//! One file for each subcommand of the binary.

pub mod password;
pub mod serve;
