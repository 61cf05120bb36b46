//! OK, ERR and EOF: built for clients, parsed from backends.

use super::Malformed;

/// An ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    pub code: u16,
    pub sqlstate: [u8; 5],
    pub message: Vec<u8>,
}

/// An OK packet, or an EOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OkReply<'a> {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub status: u16,
    pub warnings: u16,
    pub info: &'a [u8],
    pub changes: &'a [u8],
}

pub fn ok(
    _affected: u64,
    _last_id: u64,
    _status: u16,
    _warnings: u16,
    _info: &[u8],
    _session_track: bool,
) -> Vec<u8> {
    Vec::new()
}

pub fn eof(_status: u16, _warnings: u16) -> Vec<u8> {
    Vec::new()
}

pub fn err(_code: u16, _sqlstate: &[u8; 5], _message: impl AsRef<[u8]>) -> Vec<u8> {
    Vec::new()
}

pub fn err_before_handshake(_code: u16, _message: impl AsRef<[u8]>) -> Vec<u8> {
    Vec::new()
}

pub fn parse_ok(_payload: &[u8], _capabilities: u32) -> Result<OkReply<'_>, Malformed> {
    Err(Malformed::new("OK packet"))
}

pub fn parse_err(_payload: &[u8]) -> Result<ServerError, Malformed> {
    Err(Malformed::new("ERR packet"))
}

pub fn without_session_track(_payload: &[u8]) -> Vec<u8> {
    Vec::new()
}
