//! Key values, by the cells of docs/keys.md.
//!
//! Two questions, two answers. Which rows does `column = value` match: a key, none, or a comparison that is not settled.
//! What does storing the value store: exactly this key, or a form that is refused.

mod integer;

use super::Value;
use crate::plan::Form;
use crate::shard_map::{Key, KeyType};

/// What a comparison with the column matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<'a> {
    Key(Normal<'a>),
    /// No value of the column's type.
    Nothing,
    Unsettled(Form),
}

/// The key that is stored.
pub type Written<'a> = Result<Normal<'a>, Form>;

/// A key in the form that splits compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal<'a>(Key<'a>);

impl Normal<'_> {
    fn number(value: i128) -> Normal<'static> {
        Normal(Key::Number(value))
    }

    #[inline]
    pub fn key(&self) -> Key<'_> {
        self.0
    }
}

/// `column = value`, or a member of `column IN (...)` if `list`.
#[inline]
pub fn read<'a>(value: Value<'a>, negated: bool, kind: &KeyType, list: bool) -> Read<'a> {
    match kind {
        KeyType::Integer(integer) => integer::read(value, negated, *integer, list),
    }
}

/// `column = TRUE`, `column = FALSE`.
pub fn read_truth(truth: bool, kind: &KeyType) -> Read<'static> {
    match kind {
        KeyType::Integer(integer) => integer::key(i128::from(truth), *integer),
    }
}

/// The key that storing the value stores.
#[inline]
pub fn written<'a>(value: Value<'a>, negated: bool, kind: &KeyType) -> Written<'a> {
    match kind {
        KeyType::Integer(integer) => integer::written(value, negated, *integer).map(Normal::number),
    }
}

/// The literal without its quotes; doubled quotes and escapes inside stay as they are.
fn unquoted(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}
