//! Text result sets of our own, and decoding of small buffered ones.

use super::Malformed;
use super::reply::ServerError;

/// Column types on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnType(pub u8);

impl ColumnType {
    pub const LONG: Self = Self(3);
    pub const NULL: Self = Self(6);
    pub const LONGLONG: Self = Self(8);
    pub const VAR_STRING: Self = Self(253);
}

/// A column of a [`TextResult`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: Vec<u8>,
    pub kind: ColumnType,
    pub charset: u16,
    pub length: u32,
    pub flags: u16,
    pub decimals: u8,
}

impl Column {
    pub fn text(_name: impl AsRef<[u8]>, _characters: u32) -> Self {
        Self::integer(_name)
    }
    pub fn integer(name: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            kind: ColumnType::LONGLONG,
            charset: 63,
            length: 20,
            flags: 0,
            decimals: 0,
        }
    }
}

/// A result set of our own.
#[derive(Debug, Clone, Default)]
pub struct TextResult {}

impl TextResult {
    pub fn new(_columns: Vec<Column>) -> Self {
        Self {}
    }
    pub fn row(&mut self, _values: &[Option<&[u8]>]) -> &mut Self {
        self
    }
    pub fn encode(
        &self,
        _out: &mut Vec<u8>,
        _seq: &mut u8,
        _deprecate_eof: bool,
        _status: u16,
        _warnings: u16,
    ) {
    }
}

/// A decoded reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    Rows(TextRows),
    Ok {
        affected_rows: u64,
        last_insert_id: u64,
        status: u16,
    },
    Err(ServerError),
}

/// Rows of a decoded result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextRows {
    pub columns: Vec<Vec<u8>>,
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    pub status: u16,
    pub warnings: u16,
}

pub fn decode_text(_bytes: &[u8], _deprecate_eof: bool) -> Result<Decoded, Malformed> {
    Err(Malformed::new("result set"))
}
