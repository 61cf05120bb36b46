//! Reads the packets that are no rows: those that end a reply, and those that announce its shape.
//!
//! Each is given whole and is never empty.

use super::{EndKind, Prepared};
use crate::wire::Malformed;
use crate::wire::lenenc::Reader;

/// A payload that begins with 0xFE is an EOF (in the old form of replies) if it is shorter: a row
/// with a first value that needs 0xFE is longer (MySQL source documentation, "EOF_Packet").
pub(super) const EOF_BELOW: usize = 9;

/// Payload of an EOF: 0xFE, warnings, status. An OK has at least [`OK_MIN`].
const EOF_LEN: usize = 5;
const OK_MIN: usize = 7;

/// More columns than any server has (4096); what a garbled count would make us wait for.
const COLUMNS_MAX: u64 = u16::MAX as u64;

/// What a packet that ends a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terminator {
    pub kind: EndKind,
    /// Offset of the status in the payload; `None` if there is none.
    pub status_at: Option<usize>,
    pub status: u16,
    pub warnings: u16,
    pub affected_rows: u64,
    pub last_insert_id: u64,
}

impl Terminator {
    /// An end that tells nothing.
    pub const SILENT: Self =
        Self { kind: EndKind::Ok, status_at: None, status: 0, warnings: 0, affected_rows: 0, last_insert_id: 0 };
}

/// An ERR. Number 0xFFFF is MariaDB's progress report, which we never ask for.
pub(super) fn error(payload: &[u8]) -> Result<Terminator, Malformed> {
    let mut reader = Reader::new(payload);
    reader.u8()?;
    match reader.u16()? {
        0xFFFF => Err(Malformed::new("progress report that was not asked for")),
        code => Ok(Terminator { kind: EndKind::Err { code }, ..Terminator::SILENT }),
    }
}

/// An EOF of the old form.
pub(super) fn eof(payload: &[u8]) -> Result<Terminator, Malformed> {
    if payload.len() != EOF_LEN || payload[0] != 0xFE {
        return Err(Malformed::new("EOF packet"));
    }
    let mut reader = Reader::new(&payload[1..]);
    let warnings = reader.u16()?;
    let status = reader.u16()?;
    Ok(Terminator { kind: EndKind::Rows, status_at: Some(3), status, warnings, ..Terminator::SILENT })
}

/// An OK with either header, or an EOF. An EOF of five bytes is accepted in both forms of replies: no
/// OK is that short.
pub(super) fn ok_or_eof(payload: &[u8], deprecate_eof: bool) -> Result<Terminator, Malformed> {
    let new_form = deprecate_eof && payload.len() >= OK_MIN;
    if payload[0] == 0xFE && !new_form {
        return Ok(Terminator { kind: EndKind::Ok, ..eof(payload)? });
    }
    let mut reader = Reader::new(&payload[1..]);
    let affected_rows = reader.lenenc()?;
    let last_insert_id = reader.lenenc()?;
    let status_at = 1 + reader.position();
    let status = reader.u16()?;
    let warnings = reader.u16()?;
    Ok(Terminator { kind: EndKind::Ok, status_at: Some(status_at), status, warnings, affected_rows, last_insert_id })
}

/// The packet that holds nothing but the number of columns.
pub(super) fn column_count(payload: &[u8]) -> Result<u16, Malformed> {
    let mut reader = Reader::new(payload);
    match reader.lenenc()? {
        count @ 1..=COLUMNS_MAX if reader.is_empty() => Ok(count as u16),
        _ => Err(Malformed::new("number of columns")),
    }
}

/// The first packet of a reply to PREPARE: 0x00, id, columns, params, filler, warnings.
pub(super) fn prepared(payload: &[u8]) -> Result<Prepared, Malformed> {
    let mut reader = Reader::new(payload);
    if reader.u8()? != 0 {
        return Err(Malformed::new("reply to PREPARE"));
    }
    let prepared = Prepared { id: reader.u32()?, columns: reader.u16()?, params: reader.u16()? };
    // A filler and the number of warnings; a prepared statement's are those of its EXECUTE.
    reader.bytes(3)?;
    Ok(prepared)
}
