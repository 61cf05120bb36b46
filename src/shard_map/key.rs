//! Key columns, the types that they can have, and their values in the form that splits compare.

use std::fmt;

use super::IntegerType;

/// The column that decides where a row of a split table lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    pub name: String,
    pub kind: KeyType,
}

/// The type of a key column, as CREATE TABLE has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Integer(IntegerType),
}

/// A key value in the form that splits compare: numbers, dates and times as one ordered integer each, text as
/// normalised bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    Number(i128),
    Text(&'a [u8]),
}

impl KeyType {
    /// A key as a person writes it.
    pub fn shown(self, key: Key<'_>) -> String {
        match (self, key) {
            (KeyType::Integer(_), Key::Number(value)) => value.to_string(),
            (_, Key::Text(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Integer(integer) => integer.fmt(f),
        }
    }
}
