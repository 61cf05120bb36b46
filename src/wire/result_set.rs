//! Text result sets of our own (SHOW TABLES over shards, the admin console), and decoding of small
//! replies that were buffered whole (read-backs, gathered SHOWs).
//!
//! Not for relayed results: those are never decoded ([`super::walker`]).
//! Source: MySQL source documentation, "Text Resultset" and "Column Definition".

use super::lenenc::{self, Reader};
use super::packet;
use super::reply::{self, ServerError};
use super::{Malformed, capability, charset};

/// Column types on the wire (MySQL source documentation, `enum_field_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnType(pub u8);

impl ColumnType {
    pub const LONG: Self = Self(3);
    pub const FLOAT: Self = Self(4);
    pub const DOUBLE: Self = Self(5);
    pub const NULL: Self = Self(6);
    pub const TIMESTAMP: Self = Self(7);
    pub const LONGLONG: Self = Self(8);
    pub const DATETIME: Self = Self(12);
    pub const NEWDECIMAL: Self = Self(246);
    pub const BLOB: Self = Self(252);
    pub const VAR_STRING: Self = Self(253);
}

/// A column of a [`TextResult`]. Its table and database are empty, as those of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: Vec<u8>,
    pub kind: ColumnType,
    /// Collation id of the values; 63 for numbers and bytes.
    pub charset: u16,
    /// Largest length in bytes.
    pub length: u32,
    pub flags: u16,
    /// Digits behind the point; 31 for strings and floats without a fixed number.
    pub decimals: u8,
}

/// Column flag: values are never NULL.
pub const NOT_NULL: u16 = 1;
/// Column flag: integers are unsigned.
pub const UNSIGNED: u16 = 32;

impl Column {
    /// A utf8mb4 string of at most so many characters.
    pub fn text(name: impl AsRef<[u8]>, characters: u32) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            kind: ColumnType::VAR_STRING,
            charset: u16::from(charset::UTF8MB4_GENERAL_CI),
            length: characters.saturating_mul(4),
            flags: 0,
            decimals: 31,
        }
    }

    /// A signed integer of 64 bits.
    pub fn integer(name: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            kind: ColumnType::LONGLONG,
            charset: u16::from(charset::BINARY),
            length: 20,
            flags: 0,
            decimals: 0,
        }
    }

    /// The payload of the definition.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + self.name.len());
        lenenc::write_string(&mut out, b"def");
        for empty in [b""; 3] {
            lenenc::write_string(&mut out, empty);
        }
        lenenc::write_string(&mut out, &self.name);
        lenenc::write_string(&mut out, b"");
        // The length of all fixed fields behind it.
        lenenc::write_int(&mut out, 0x0C);
        out.extend_from_slice(&self.charset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.push(self.kind.0);
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&[self.decimals, 0, 0]);
        out
    }
}

/// A result set of our own.
#[derive(Debug, Clone)]
pub struct TextResult {
    columns: Vec<Column>,
    /// Payload of each row.
    rows: Vec<Vec<u8>>,
}

impl TextResult {
    /// A result without rows yet. At least one column: a count of zero would read as OK.
    pub fn new(columns: Vec<Column>) -> Self {
        assert!(!columns.is_empty(), "a result set has columns");
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; values beyond the columns are dropped, missing ones are NULL.
    pub fn row(&mut self, values: &[Option<&[u8]>]) -> &mut Self {
        let mut payload = Vec::new();
        for index in 0..self.columns.len() {
            match values.get(index).copied().flatten() {
                Some(value) => lenenc::write_string(&mut payload, value),
                None => payload.push(NULL),
            }
        }
        self.rows.push(payload);
        self
    }

    /// Appends the packets; `seq` is the first id and becomes the next free one.
    pub fn encode(&self, out: &mut Vec<u8>, seq: &mut u8, deprecate_eof: bool, status: u16, warnings: u16) {
        let mut count = Vec::with_capacity(3);
        lenenc::write_int(&mut count, self.columns.len() as u64);
        packet::append(out, seq, &count);
        for column in &self.columns {
            packet::append(out, seq, &column.encode());
        }
        if !deprecate_eof {
            packet::append(out, seq, &reply::eof(status, warnings));
        }
        for row in &self.rows {
            packet::append(out, seq, row);
        }
        packet::append(out, seq, &reply::end_of_rows(status, warnings, deprecate_eof));
    }
}

/// A decoded reply to one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A result set.
    Rows(TextRows),
    /// OK: the statement has no result set.
    Ok { affected_rows: u64, last_insert_id: u64, status: u16, warnings: u16 },
    /// ERR, perhaps in the middle of rows.
    Err(ServerError),
}

/// A decoded text result set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextRows {
    /// Names of the columns.
    pub columns: Vec<Vec<u8>>,
    /// Types of the columns.
    pub types: Vec<ColumnType>,
    /// Whether the columns are unsigned numbers.
    pub unsigned: Vec<bool>,
    /// Values as text; `None` is NULL.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    /// Status at the end.
    pub status: u16,
    /// Warnings at the end.
    pub warnings: u16,
}

/// Decodes the first reply in `bytes`, which hold it whole: the caller let [`super::walker`] find the
/// end, and bounded the buffer. What follows it is ignored.
pub fn decode_text(bytes: &[u8], deprecate_eof: bool) -> Result<Decoded, Malformed> {
    let mut payloads = Payloads { bytes };
    let first = payloads.next()?;
    match first.first() {
        Some(0xFF) => return reply::parse_err(&first).map(Decoded::Err),
        Some(0x00) => {
            let ok = reply::parse_ok(&first, capability::SESSION_TRACK)?;
            let reply::OkReply { affected_rows, last_insert_id, status, warnings, .. } = ok;
            return Ok(Decoded::Ok { affected_rows, last_insert_id, status, warnings });
        }
        Some(0xFB) | None => return Err(Malformed::new("reply to a statement of ours")),
        Some(_) => {}
    }
    let count = Reader::new(&first).lenenc()?;
    let mut found = TextRows::default();
    for _ in 0..count {
        let definition = payloads.next()?;
        if definition.first() == Some(&0xFF) {
            return reply::parse_err(&definition).map(Decoded::Err);
        }
        let (name, kind, unsigned) = column(&definition)?;
        found.columns.push(name);
        found.types.push(kind);
        found.unsigned.push(unsigned);
    }
    if !deprecate_eof {
        payloads.next()?;
    }
    loop {
        let payload = payloads.next()?;
        match payload.first() {
            Some(0xFF) => return reply::parse_err(&payload).map(Decoded::Err),
            Some(0xFE) if payload.len() < end_below(deprecate_eof) => {
                let end = reply::parse_ok(&payload, capability::SESSION_TRACK)?;
                (found.status, found.warnings) = (end.status, end.warnings);
                return Ok(Decoded::Rows(found));
            }
            _ => {}
        }
        let mut reader = Reader::new(&payload);
        let values = found.columns.iter().map(|_| Ok(reader.nullable_string()?.map(<[u8]>::to_vec)));
        found.rows.push(values.collect::<Result<_, Malformed>>()?);
        if !reader.is_empty() {
            return Err(Malformed::new("row with more values than columns"));
        }
    }
}

/// A payload that begins with 0xFE and is shorter ends the rows.
fn end_below(deprecate_eof: bool) -> usize {
    if deprecate_eof { packet::PAYLOAD_MAX } else { 9 }
}

/// The name under which a column is shown (behind catalog, database, table and original table) and its type (behind
/// the original name, the length of the fixed fields, charset and length).
fn column(definition: &[u8]) -> Result<(Vec<u8>, ColumnType, bool), Malformed> {
    const UNSIGNED: u16 = 32;
    let mut reader = Reader::new(definition);
    for _ in 0..4 {
        reader.string()?;
    }
    let name = reader.string()?.to_vec();
    reader.string()?;
    reader.lenenc()?;
    reader.bytes(6)?;
    let kind = ColumnType(reader.u8()?);
    Ok((name, kind, reader.u16()? & UNSIGNED != 0))
}

struct Payloads<'a> {
    bytes: &'a [u8],
}

impl<'a> Payloads<'a> {
    fn next(&mut self) -> Result<std::borrow::Cow<'a, [u8]>, Malformed> {
        let whole = packet::whole(self.bytes).ok_or(Malformed::new("reply that isn't whole"))?;
        let (these, rest) = self.bytes.split_at(whole.end);
        self.bytes = rest;
        Ok(packet::payload(these))
    }
}

/// A NULL value in a text row.
const NULL: u8 = 0xFB;
