//! Key values, by the cells of docs/keys.md.
//!
//! Two questions, two answers. Which rows does `column = value` match: a key, none, or a comparison that is not settled.
//! What does storing the value store: exactly this key, or a form that is refused.

mod decimal;
mod integer;
mod temporal;
mod text;

use std::borrow::Cow;

use super::{Value, Values};
use crate::plan::{Clock, Form};
use crate::shard_map::{Key, KeyType};
use crate::sql::NormSlot;

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

/// A key in the form that splits compare; text is borrowed where it was given in that form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normal<'a> {
    Number(i128),
    Text(Cow<'a, [u8]>),
}

impl Normal<'_> {
    pub fn into_owned(self) -> Normal<'static> {
        match self {
            Normal::Number(number) => Normal::Number(number),
            Normal::Text(bytes) => Normal::Text(Cow::Owned(bytes.into_owned())),
        }
    }

    #[inline]
    pub fn key(&self) -> Key<'_> {
        match self {
            Normal::Number(number) => Key::Number(*number),
            Normal::Text(bytes) => Key::Text(bytes),
        }
    }
}

/// Below this, a comparison as doubles is one of integers.
const EXACT_DOUBLE: i128 = 1 << 53;

/// Decimals of so many digits are told apart as doubles.
const EXACT_DOUBLE_DIGITS: u8 = 15;

/// `column = value`, or a member of `column IN (...)` if `list`.
#[inline]
pub fn read<'a>(value: Value<'a>, negated: bool, kind: &KeyType, list: bool, values: &impl Values) -> Read<'a> {
    match kind {
        KeyType::Integer(integer) => integer::read(value, negated, *integer, list),
        // MySQL compares a list of several types as doubles.
        KeyType::Decimal(_) if list && decimal::is_long(&value) => Read::Unsettled(Form::Digits),
        KeyType::Decimal(decimal) => decimal::read(value, negated, *decimal),
        KeyType::Date | KeyType::DateTime { .. } | KeyType::Timestamp { .. } => {
            temporal::read(value, negated, *kind, values.session())
        }
        KeyType::Text(kind) => text::read(value, negated, *kind, values.session()),
    }
}

/// `column = TRUE`, `column = FALSE`.
pub fn read_truth(truth: bool, kind: &KeyType) -> Read<'static> {
    match kind {
        KeyType::Integer(integer) => integer::key(i128::from(truth), *integer),
        _ => Read::Unsettled(Form::Other),
    }
}

/// The key that storing the value stores.
#[inline]
pub fn written<'a>(value: Value<'a>, negated: bool, kind: &KeyType, values: &impl Values) -> Written<'a> {
    let number = match kind {
        KeyType::Integer(integer) => integer::written(value, negated, *integer),
        KeyType::Decimal(decimal) => decimal::written(value, negated, *decimal),
        KeyType::Date | KeyType::DateTime { .. } | KeyType::Timestamp { .. } => {
            temporal::written(value, negated, *kind, values.session())
        }
        KeyType::Text(kind) => return text::written(value, negated, *kind, values.session()),
    };
    number.map(Normal::Number)
}

/// The key that storing what a function of the time answers stores.
pub fn clock(clock: Clock, digits: u8, kind: &KeyType, values: &impl Values) -> Written<'static> {
    temporal::clock(clock, digits, *kind, values.session()).map(Normal::Number)
}

/// Calls `visit` with the digits behind the point that a function of the time is asked for, once for each row that the
/// slot stands for.
pub fn each_digits(slot: Option<NormSlot>, values: &impl Values, visit: &mut dyn FnMut(u8) -> bool) {
    let Some(slot) = slot else {
        visit(0);
        return;
    };
    values.each(slot, &mut |value| match value {
        Value::Integer([digit @ b'0'..=b'6']) => visit(digit - b'0'),
        // The server will say what is wrong with it; no column has so many digits.
        _ => visit(u8::MAX),
    });
}

/// A double that is a whole number below 2^53.
fn exact(value: f64) -> Option<i128> {
    // In this range the conversion is exact.
    (value.fract() == 0.0 && value.abs() < EXACT_DOUBLE as f64).then_some(value as i128)
}

/// The literal without its quotes; doubled quotes and escapes inside stay as they are.
fn unquoted(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}
