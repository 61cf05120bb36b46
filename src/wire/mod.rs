//! What MySQL's bytes mean: framing, capabilities, login, commands, replies, a walker over replies.
//!
//! Sans-IO and pure: bytes come in as slices and go out as vectors; no clock, lock or socket, and
//! randomness is an argument (RSA padding alone takes the operating system's). Everything read here
//! comes from a network, so every reader answers [`Malformed`] instead of panicking, and nothing is
//! allocated by a length that a peer merely claims.
//!
//! Facts are from the MySQL source documentation ("Client/Server Protocol") and the MariaDB
//! knowledge base ("Client/Server Protocol"), checked against MariaDB 10.11 on the wire.

pub mod attributes;
pub mod auth;
pub mod capability;
pub mod charset;
pub mod columns;
pub mod command;
pub mod execute;
pub mod handshake;
pub mod lenenc;
pub mod names;
pub mod packet;
pub mod reply;
pub mod result_set;
pub mod status;
#[cfg(test)]
mod tests;
pub mod walker;

use std::fmt;

/// Bytes that are not what the protocol allows at this place. The peer is at fault; the connection
/// can't be trusted any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// What was wrong, for a log line: a noun phrase without values.
    pub what: &'static str,
}

impl Malformed {
    /// An error that names what was wrong.
    pub const fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed packet: {}", self.what)
    }
}

impl std::error::Error for Malformed {}
