//! COM_STMT_EXECUTE: its head, and the values of its parameters.
//!
//! Nothing is copied. A value's place depends on the types of all before it, so that
//! [`Execute::values`] reads them in one pass; [`Execute::value`] is for a single one.
//! Source: MySQL source documentation, "COM_STMT_EXECUTE" and "Binary Protocol Value".

use super::Malformed;
use super::command;
use super::lenenc::Reader;

/// Flag: open a cursor; rows come by COM_STMT_FETCH.
pub const CURSOR_READ_ONLY: u8 = 1;

/// A parsed COM_STMT_EXECUTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> {
    pub statement_id: u32,
    /// Kind of cursor.
    pub flags: u8,
    /// Always 1.
    pub iterations: u32,
    /// One bit a parameter.
    pub null_bitmap: &'a [u8],
    /// `new_params_bound`: whether types are sent.
    pub bound: bool,
    /// Two bytes each; `None` if they were sent with an earlier EXECUTE.
    pub types: Option<&'a [u8]>,
    /// The values that are neither NULL nor sent as long data.
    pub values: &'a [u8],
    /// Offset in the payload where the types are, or have to be put in; the byte in front of it is
    /// `new_params_bound`. 0 for a statement without parameters.
    pub types_at: usize,
    /// Number of parameters.
    pub params: u16,
}

/// What parameters of these types, two bytes each, are to a server: MySQL takes a parameter of a prepared statement for
/// what it was at first, whatever its later types say. Equal for types that mean the same behind each other; 0 if all are
/// integers.
pub fn classes(types: &[u8]) -> u64 {
    // An odd factor above all classes: no parameter's class is lost in front of many.
    types.chunks_exact(2).fold(0, |classes, kind| classes.wrapping_mul(9).wrapping_add(class(kind[0]).into()))
}

fn class(kind: u8) -> u8 {
    match kind {
        // TINY, SHORT, LONG, NULL, LONGLONG.
        1..=3 | 6 | 8 => 0,
        // FLOAT, DOUBLE.
        4 | 5 => 1,
        // VARCHAR, ENUM, SET, blobs, strings.
        0x0F | 0xF7..=0xFE => 2,
        // DECIMAL, NEWDECIMAL.
        0 | 0xF6 => 3,
        // DATE.
        0x0A => 4,
        // TIMESTAMP, DATETIME.
        7 | 0x0C => 5,
        // TIME.
        0x0B => 6,
        _ => 7,
    }
}

/// A parameter's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param<'a> {
    Null,
    /// Sent before by COM_STMT_SEND_LONG_DATA.
    Long,
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// Strings and blobs.
    Text(&'a [u8]),
    /// A decimal, as text.
    Decimal(&'a [u8]),
    /// BIT, VECTOR, JSON, GEOMETRY: what else travels as a lenenc string.
    Opaque(&'a [u8]),
    /// DATE, DATETIME, TIMESTAMP.
    Date(DateTime),
    Time(Duration),
}

/// Fields of a DATE, DATETIME or TIMESTAMP as sent; not checked against a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateTime {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
    /// Whether the client typed it as DATE.
    pub date_only: bool,
}

/// Fields of a TIME as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Duration {
    pub negative: bool,
    pub days: u32,
    pub hours: u8,
    pub minutes: u8,
    pub seconds: u8,
    pub micros: u32,
}

impl<'a> Execute<'a> {
    /// In the second byte of a type.
    pub(super) const UNSIGNED: u8 = 0x80;

    /// Parses a whole payload; `params` is the number that PREPARE told. The values aren't looked
    /// at yet.
    pub fn parse(payload: &'a [u8], params: u16) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != command::code::STMT_EXECUTE {
            return Err(Malformed::new("COM_STMT_EXECUTE"));
        }
        let statement_id = reader.u32()?;
        let flags = reader.u8()?;
        let iterations = reader.u32()?;
        let mut execute = Self {
            statement_id,
            flags,
            iterations,
            null_bitmap: &[],
            bound: false,
            types: None,
            values: &[],
            types_at: 0,
            params,
        };
        if params > 0 {
            execute.null_bitmap = reader.bytes(usize::from(params).div_ceil(8))?;
            execute.bound = match reader.u8()? {
                0 => false,
                1 => true,
                _ => return Err(Malformed::new("new_params_bound")),
            };
            execute.types_at = reader.position();
            if execute.bound {
                execute.types = Some(reader.bytes(usize::from(params) * 2)?);
            }
            execute.values = reader.rest();
        }
        Ok(execute)
    }

    /// All values in order. `types` are this EXECUTE's or those bound earlier; `is_long` tells which
    /// parameters were sent as long data. Ends behind the first error.
    pub fn values<F: Fn(usize) -> bool>(&self, types: &'a [u8], is_long: F) -> Values<'a, F> {
        Values { execute: *self, types, is_long, reader: Reader::new(self.values), index: 0 }
    }

    /// The value of parameter `index` (from 0).
    pub fn value(&self, types: &[u8], index: usize, is_long: impl Fn(usize) -> bool) -> Result<Param<'a>, Malformed> {
        let mut reader = Reader::new(self.values);
        for before in 0..index {
            self.read(&mut reader, types, before, &is_long)?;
        }
        self.read(&mut reader, types, index, &is_long)
    }

    /// Whether the bitmap says NULL.
    pub fn is_null(&self, index: usize) -> bool {
        self.null_bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// Long data counts before NULL, as in the servers' `setup_one_conversion_function` callers.
    fn read(
        &self,
        reader: &mut Reader<'a>,
        types: &[u8],
        index: usize,
        is_long: &impl Fn(usize) -> bool,
    ) -> Result<Param<'a>, Malformed> {
        if index >= usize::from(self.params) {
            return Err(Malformed::new("parameter beyond the last"));
        }
        let kind = types.get(index * 2..index * 2 + 2).ok_or(Malformed::new("types of parameters"))?;
        if is_long(index) {
            Ok(Param::Long)
        } else if self.is_null(index) {
            Ok(Param::Null)
        } else {
            scalar(reader, kind[0], kind[1] & Self::UNSIGNED != 0)
        }
    }
}

/// Iterator over all parameters.
#[derive(Debug, Clone)]
pub struct Values<'a, F> {
    execute: Execute<'a>,
    types: &'a [u8],
    is_long: F,
    reader: Reader<'a>,
    index: usize,
}

impl<'a, F: Fn(usize) -> bool> Iterator for Values<'a, F> {
    type Item = Result<Param<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let params = usize::from(self.execute.params);
        if self.index >= params {
            return None;
        }
        let found = self.execute.read(&mut self.reader, self.types, self.index, &self.is_long);
        self.index = if found.is_ok() { self.index + 1 } else { params };
        Some(found)
    }
}

/// A value of a type (MySQL source documentation, `enum_field_types`).
pub(super) fn scalar<'a>(reader: &mut Reader<'a>, kind: u8, unsigned: bool) -> Result<Param<'a>, Malformed> {
    let integer = |signed: i64, plain: u64| {
        if unsigned { Param::Unsigned(plain) } else { Param::Signed(signed) }
    };
    Ok(match kind {
        0x01 => {
            let value = reader.u8()?;
            integer(i64::from(value as i8), u64::from(value))
        }
        0x02 => {
            let value = reader.u16()?;
            integer(i64::from(value as i16), u64::from(value))
        }
        0x03 => {
            let value = reader.u32()?;
            integer(i64::from(value as i32), u64::from(value))
        }
        0x08 => {
            let value = reader.u64()?;
            integer(value as i64, value)
        }
        0x04 => Param::Float(f64::from(f32::from_le_bytes(reader.array()?))),
        0x05 => Param::Float(f64::from_le_bytes(reader.array()?)),
        0x07 | 0x0A | 0x0C => Param::Date(date(reader, kind == 0x0A)?),
        0x0B => Param::Time(time(reader)?),
        // DECIMAL, NEWDECIMAL.
        0x00 | 0xF6 => Param::Decimal(reader.string()?),
        // VARCHAR, ENUM, SET, blobs, strings.
        0x0F | 0xF7..=0xFE => Param::Text(reader.string()?),
        // BIT, VECTOR, JSON, GEOMETRY.
        0x10 | 0xF2 | 0xF5 | 0xFF => Param::Opaque(reader.string()?),
        // Among them what the servers don't agree on: NULL (0x06) without its bit in the bitmap; INT24 and YEAR, which are
        // NULL to MariaDB.
        _ => return Err(Malformed::new("type of a parameter")),
    })
}

fn date(reader: &mut Reader<'_>, date_only: bool) -> Result<DateTime, Malformed> {
    let len = reader.u8()?;
    let mut found = DateTime { date_only, ..DateTime::default() };
    if !matches!(len, 0 | 4 | 7 | 11) {
        return Err(Malformed::new("length of a date"));
    }
    if len >= 4 {
        (found.year, found.month, found.day) = (reader.u16()?, reader.u8()?, reader.u8()?);
    }
    if len >= 7 {
        (found.hour, found.minute, found.second) = (reader.u8()?, reader.u8()?, reader.u8()?);
    }
    if len == 11 {
        found.micros = reader.u32()?;
    }
    Ok(found)
}

fn time(reader: &mut Reader<'_>) -> Result<Duration, Malformed> {
    let len = reader.u8()?;
    let mut found = Duration::default();
    if !matches!(len, 0 | 8 | 12) {
        return Err(Malformed::new("length of a time"));
    }
    if len >= 8 {
        found.negative = reader.u8()? != 0;
        found.days = reader.u32()?;
        (found.hours, found.minutes, found.seconds) = (reader.u8()?, reader.u8()?, reader.u8()?);
    }
    if len == 12 {
        found.micros = reader.u32()?;
    }
    Ok(found)
}
