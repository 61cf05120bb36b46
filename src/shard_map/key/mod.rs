//! Key columns, the types that they can have, and their values in the form that splits compare.

pub mod calendar;
mod decimal;
mod integer;
pub mod text;
pub mod tuple;
mod written;

use std::fmt;

pub use calendar::Zone;
pub use decimal::{DecimalType, NotExact, is_canonical};
pub use integer::IntegerType;
pub use text::TextType;
pub use tuple::TableKey;
pub(super) use written::{Bound, NAMES};

/// A column that decides where a row of a split table lives, by itself or with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    pub name: String,
    pub kind: KeyType,
    /// `DEFAULT CURRENT_TIMESTAMP`, with the column's digits: of a datetime or a timestamp.
    pub defaults_to_now: bool,
}

/// The type of a key column, as CREATE TABLE has it. `digits` are those behind the point of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Integer(IntegerType),
    Decimal(DecimalType),
    Date,
    DateTime {
        digits: u8,
    },
    /// The map's bounds are local times of `zone`.
    Timestamp {
        digits: u8,
        zone: Zone,
    },
    Text(TextType),
}

/// A key value in the form that splits compare: numbers, dates and times as one ordered integer each, text as
/// normalised bytes.
///
/// Integers as they are; decimals scaled; dates as days, points in time as microseconds since 1970 (timestamps in UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    Number(i128),
    Text(&'a [u8]),
}

impl KeyType {
    /// A key as its column's server shows it, timestamps in the map's zone, text in quotes.
    pub fn shown(self, key: Key<'_>) -> String {
        match key {
            Key::Number(number) => self.text(number),
            Key::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => format!("'{text}'"),
                // A form by weights.
                Err(_) => format!("x'{}'", bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>()),
            },
        }
    }

    /// The CRC-32 of the key as text, as CRC32() of both servers has it of the column (of a timestamp, in the map's zone).
    pub fn crc32(self, number: i128) -> u32 {
        // Digits of an integer, from behind, without an allocation.
        if let KeyType::Integer(_) = self {
            let mut digits = [0; 40];
            let mut at = digits.len();
            let mut rest = number.unsigned_abs();
            loop {
                at -= 1;
                digits[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
            if number < 0 {
                at -= 1;
                digits[at] = b'-';
            }
            return crc32fast::hash(&digits[at..]);
        }
        crc32fast::hash(self.text(number).as_bytes())
    }

    fn text(self, number: i128) -> String {
        match self {
            KeyType::Integer(_) | KeyType::Text(_) => number.to_string(),
            KeyType::Decimal(decimal) => decimal.shown(number),
            KeyType::Date => calendar::show_date(number),
            KeyType::DateTime { digits } => calendar::show_moment(number, digits),
            KeyType::Timestamp { digits, zone } => calendar::show_moment(calendar::in_zone(number, zone), digits),
        }
    }

    /// What a value of the type is called, with the way to write one.
    pub fn example(self) -> &'static str {
        match self {
            KeyType::Integer(_) => "an integer",
            KeyType::Decimal(_) => "a decimal like 12.50",
            KeyType::Date => "a date like '2026-07-01'",
            KeyType::DateTime { .. } | KeyType::Timestamp { .. } => "a point in time like '2026-07-01 12:00:00'",
            KeyType::Text(_) => "a string like 'abc'",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = |f: &mut fmt::Formatter<'_>, digits: u8| match digits {
            0 => Ok(()),
            digits => write!(f, "({digits})"),
        };
        match self {
            KeyType::Integer(integer) => integer.fmt(f),
            KeyType::Decimal(decimal) => decimal.fmt(f),
            KeyType::Date => f.write_str("date"),
            KeyType::DateTime { digits: count } => {
                f.write_str("datetime")?;
                digits(f, *count)
            }
            KeyType::Timestamp { digits: count, zone } => {
                f.write_str("timestamp")?;
                digits(f, *count)?;
                write!(f, " in {zone}")
            }
            KeyType::Text(text) => text.fmt(f),
        }
    }
}
