//! OK, ERR and EOF: built for clients, parsed from backends, rewritten where a client lacks
//! SESSION_TRACK.
//!
//! Invariant: everything built here is one payload without its packet header
//! ([`super::packet::append`]). Sources: MySQL source documentation, "OK_Packet", "ERR_Packet", "EOF_Packet".

use super::lenenc::{self, Reader};
use super::{Malformed, capability, status};

/// SQLSTATE of everything that has none of its own.
pub const SQLSTATE_GENERAL: &[u8; 5] = b"HY000";

/// An ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// MySQL's error number.
    pub code: u16,
    /// `HY000` if the packet had none.
    pub sqlstate: [u8; 5],
    /// In the connection's character set.
    pub message: Vec<u8>,
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = String::from_utf8_lossy(&self.sqlstate);
        write!(f, "{} ({state}): {}", self.code, String::from_utf8_lossy(&self.message))
    }
}

impl std::error::Error for ServerError {}

/// An OK packet with either header, or an EOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OkReply<'a> {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub status: u16,
    pub warnings: u16,
    /// The human-readable text.
    pub info: &'a [u8],
    /// What changed in the session, as it is on the wire.
    pub changes: Changes<'a>,
}

/// A payload of OK. `status` without SESSION_STATE_CHANGED: we announce no changes.
pub fn ok(affected_rows: u64, last_insert_id: u64, status: u16, warnings: u16, info: &[u8]) -> Vec<u8> {
    ok_with_header(0x00, (affected_rows, last_insert_id), status, warnings, info)
}

/// A payload of EOF in the old form.
pub fn eof(status: u16, warnings: u16) -> Vec<u8> {
    let [w0, w1] = warnings.to_le_bytes();
    let [s0, s1] = status.to_le_bytes();
    vec![0xFE, w0, w1, s0, s1]
}

/// The payload that ends rows: EOF, or OK with header 0xFE under DEPRECATE_EOF.
pub fn end_of_rows(status: u16, warnings: u16, deprecate_eof: bool) -> Vec<u8> {
    if deprecate_eof {
        // Without text, both forms of OK are equal.
        ok_with_header(0xFE, (0, 0), status, warnings, &[])
    } else {
        eof(status, warnings)
    }
}

/// A payload of ERR.
pub fn err(code: u16, sqlstate: &[u8; 5], message: impl AsRef<[u8]>) -> Vec<u8> {
    let message = message.as_ref();
    let mut out = Vec::with_capacity(9 + message.len());
    out.push(0xFF);
    out.extend_from_slice(&code.to_le_bytes());
    out.push(b'#');
    out.extend_from_slice(sqlstate);
    out.extend_from_slice(message);
    out
}

/// A payload of ERR for a client whose capabilities aren't known yet: it has no SQLSTATE.
pub fn err_before_handshake(code: u16, message: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = vec![0xFF];
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(message.as_ref());
    out
}

/// Parses an OK with either header, or an EOF; `capabilities` are those agreed on with the sender.
pub fn parse_ok(payload: &[u8], capabilities: u32) -> Result<OkReply<'_>, Malformed> {
    let mut reader = Reader::new(payload);
    let first = reader.u8()?;
    if first == 0xFE && payload.len() < OK_MIN {
        let warnings = reader.u16()?;
        let status = reader.u16()?;
        let nothing = Changes(&[]);
        return Ok(OkReply { affected_rows: 0, last_insert_id: 0, status, warnings, info: &[], changes: nothing });
    }
    if first != 0x00 && first != 0xFE {
        return Err(Malformed::new("OK packet"));
    }
    let affected_rows = reader.lenenc()?;
    let last_insert_id = reader.lenenc()?;
    let status = reader.u16()?;
    let warnings = reader.u16()?;
    let (mut info, mut changes) = (&[][..], Changes(&[]));
    if !reader.is_empty() {
        info = reader.string()?;
        if capabilities & capability::SESSION_TRACK != 0
            && status & status::SESSION_STATE_CHANGED != 0
            && !reader.is_empty()
        {
            changes = Changes(reader.string()?);
        }
    }
    Ok(OkReply { affected_rows, last_insert_id, status, warnings, info, changes })
}

/// Parses an ERR, with or without SQLSTATE.
pub fn parse_err(payload: &[u8]) -> Result<ServerError, Malformed> {
    let mut reader = Reader::new(payload);
    if reader.u8()? != 0xFF {
        return Err(Malformed::new("ERR packet"));
    }
    let code = reader.u16()?;
    let sqlstate = if reader.peek() == Some(b'#') && reader.remaining() >= 6 {
        reader.u8()?;
        reader.array()?
    } else {
        *SQLSTATE_GENERAL
    };
    Ok(ServerError { code, sqlstate, message: reader.rest().to_vec() })
}

/// Rewrites an OK (either header) of a connection with SESSION_TRACK for a client without it: the
/// changes go, and so does their flag. Anything else is returned as it
/// is, an EOF without the flag.
pub fn without_session_track(payload: &[u8]) -> Vec<u8> {
    let header = payload.first().copied().unwrap_or(0xFF);
    match parse_ok(payload, capability::SESSION_TRACK) {
        Ok(_) if header == 0xFE && payload.len() < OK_MIN => {
            let mut out = payload.to_vec();
            if let Some(high) = out.get_mut(4) {
                *high &= !(status::SESSION_STATE_CHANGED >> 8) as u8;
            }
            out
        }
        Ok(found) => {
            let numbers = (found.affected_rows, found.last_insert_id);
            ok_with_header(header, numbers, found.status, found.warnings, found.info)
        }
        Err(_) => payload.to_vec(),
    }
}

/// Session state changes as they are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes<'a>(pub &'a [u8]);

/// One change that a server tracked (MySQL source documentation, `enum_session_state_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    SystemVariable {
        name: &'a [u8],
        value: &'a [u8],
    },
    Schema(&'a [u8]),
    /// Something of the session changed.
    State,
    Gtids(&'a [u8]),
    /// The statements that would begin the transaction anew.
    TransactionCharacteristics(&'a [u8]),
    /// Eight letters, see the manual's "Server Tracking of Client Session State".
    TransactionState(&'a [u8]),
    /// A kind that we don't know.
    Other(u8),
}

impl<'a> Changes<'a> {
    /// Each change in order; ends behind the first malformed one.
    pub fn iter(self) -> impl Iterator<Item = Result<Change<'a>, Malformed>> {
        let mut reader = Reader::new(self.0);
        let mut variables = Reader::new(&[]);
        std::iter::from_fn(move || {
            if variables.is_empty() && reader.is_empty() {
                return None;
            }
            let found = next_change(&mut reader, &mut variables);
            if found.is_err() {
                (reader, variables) = (Reader::new(&[]), Reader::new(&[]));
            }
            Some(found)
        })
    }
}

/// Both servers send one variable an entry; several in one, as MariaDB's documentation shows them, are
/// read too.
fn next_change<'a>(reader: &mut Reader<'a>, variables: &mut Reader<'a>) -> Result<Change<'a>, Malformed> {
    if variables.is_empty() {
        let kind = reader.u8()?;
        let data = reader.string()?;
        let mut inner = Reader::new(data);
        match kind {
            0 => *variables = inner,
            1 => return inner.string().map(Change::Schema),
            2 => return Ok(Change::State),
            3 => {
                inner.u8()?;
                return inner.string().map(Change::Gtids);
            }
            4 => return inner.string().map(Change::TransactionCharacteristics),
            5 => return inner.string().map(Change::TransactionState),
            other => return Ok(Change::Other(other)),
        }
    }
    Ok(Change::SystemVariable { name: variables.string()?, value: variables.string()? })
}

fn ok_with_header(
    header: u8,
    (affected_rows, last_insert_id): (u64, u64),
    status: u16,
    warnings: u16,
    info: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + info.len());
    out.push(header);
    lenenc::write_int(&mut out, affected_rows);
    lenenc::write_int(&mut out, last_insert_id);
    out.extend_from_slice(&(status & !status::SESSION_STATE_CHANGED).to_le_bytes());
    out.extend_from_slice(&warnings.to_le_bytes());
    if !info.is_empty() {
        lenenc::write_string(&mut out, info);
    }
    out
}

/// Bytes of the shortest OK; what is shorter and begins with 0xFE is an EOF.
const OK_MIN: usize = 7;
