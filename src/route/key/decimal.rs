//! Keys of decimal columns.
//!
//! Numbers are compared with the column exactly, strings as doubles: those name a key only where the column's values
//! are exact as doubles too.

use super::{EXACT_DOUBLE, EXACT_DOUBLE_DIGITS, Normal, Read, exact, unquoted};
use crate::plan::Form;
use crate::route::Value;
use crate::shard_map::key::is_canonical;
use crate::shard_map::{DecimalType, NotExact};

pub fn read(value: Value<'_>, negated: bool, decimal: DecimalType) -> Read<'static> {
    let signed = |value: i128| if negated { -value } else { value };
    match value {
        Value::Integer(digits) | Value::Decimal(digits) => number(digits, negated, decimal),
        Value::Signed(value) => whole(signed(i128::from(value)), decimal),
        Value::Unsigned(value) => whole(signed(i128::from(value)), decimal),
        Value::Digits(digits) if !negated && is_canonical(digits) => number(digits, false, decimal),
        Value::String(_) | Value::Text(_) if negated => Read::Unsettled(Form::Spelling),
        Value::String(quoted) => text(unquoted(quoted), decimal),
        Value::Text(bytes) => text(bytes, decimal),
        Value::Null => Read::Nothing,
        Value::Float | Value::Double(_) => Read::Unsettled(Form::Float),
        Value::Digits(_) => Read::Unsettled(Form::Spelling),
        Value::Date(_) | Value::Timestamp(_) | Value::Temporal(_) | Value::Other | Value::Unbound(_) => {
            Read::Unsettled(Form::Other)
        }
    }
}

/// Whether a double has too few digits for the number.
pub fn is_long(value: &Value<'_>) -> bool {
    match value {
        Value::Integer(digits) | Value::Decimal(digits) | Value::Digits(digits) => {
            digits.len() > usize::from(EXACT_DOUBLE_DIGITS)
        }
        Value::Signed(value) => i128::from(*value).abs() >= EXACT_DOUBLE,
        Value::Unsigned(value) => i128::from(*value) >= EXACT_DOUBLE,
        _ => false,
    }
}

/// The key that storing the value stores.
pub fn written(value: Value<'_>, negated: bool, decimal: DecimalType) -> Result<i128, Form> {
    let signed = |value: i128| if negated { -value } else { value };
    let of_whole = |value: i128| decimal.whole(signed(value)).ok_or(Form::OutOfRange);
    let of_text = |bytes: &[u8]| match is_canonical(bytes) {
        true => stored(bytes, false, decimal),
        false => Err(Form::Spelling),
    };
    match value {
        Value::Integer(digits) | Value::Decimal(digits) => stored(digits, negated, decimal),
        Value::Signed(value) => of_whole(i128::from(value)),
        Value::Unsigned(value) => of_whole(i128::from(value)),
        Value::Double(value) => exact(value).ok_or(Form::Float).and_then(of_whole),
        Value::String(_) | Value::Text(_) | Value::Digits(_) if negated => Err(Form::Expression),
        Value::String(quoted) => of_text(unquoted(quoted)),
        Value::Digits(bytes) => of_text(bytes),
        // MySQL stores what it is as a double.
        Value::Text(bytes) if bytes.len() <= usize::from(EXACT_DOUBLE_DIGITS) => of_text(bytes),
        Value::Text(_) => Err(Form::Digits),
        Value::Null => Err(Form::Null),
        Value::Float => Err(Form::Float),
        Value::Date(_) | Value::Timestamp(_) | Value::Temporal(_) | Value::Other | Value::Unbound(_) => {
            Err(Form::Other)
        }
    }
}

fn whole(value: i128, decimal: DecimalType) -> Read<'static> {
    decimal.whole(value).map_or(Read::Nothing, |key| Read::Key(Normal::Number(key)))
}

/// More digits behind the point than the column has are left to the servers: they do not agree on very many.
fn number(digits: &[u8], negated: bool, decimal: DecimalType) -> Read<'static> {
    match scaled(digits, negated, decimal) {
        Ok(Some(key)) => Read::Key(Normal::Number(key)),
        Ok(None) if digits.len() <= usize::from(DIGITS_COMPARED_MAX) => Read::Nothing,
        Ok(None) | Err(NotExact) => Read::Unsettled(Form::Digits),
    }
}

/// Digits of a literal that no server rounds.
const DIGITS_COMPARED_MAX: u8 = 60;

fn text(bytes: &[u8], decimal: DecimalType) -> Read<'static> {
    if !is_canonical(bytes) || decimal.precision > EXACT_DOUBLE_DIGITS {
        return Read::Unsettled(Form::Spelling);
    }
    match decimal.read(bytes) {
        Ok(Some(key)) => Read::Key(Normal::Number(key)),
        Ok(None) | Err(NotExact) => Read::Unsettled(Form::Spelling),
    }
}

fn stored(digits: &[u8], negated: bool, decimal: DecimalType) -> Result<i128, Form> {
    match scaled(digits, negated, decimal) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(Form::OutOfRange),
        Err(NotExact) => Err(Form::Digits),
    }
}

fn scaled(digits: &[u8], negated: bool, decimal: DecimalType) -> Result<Option<i128>, NotExact> {
    // Read without a sign: a column without one holds no other value than 0 with a minus.
    let value = DecimalType { unsigned: false, ..decimal }.read(digits)?;
    Ok(value.map(|value| if negated { -value } else { value }).filter(|value| decimal.holds(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: DecimalType = DecimalType { precision: 5, scale: 2, unsigned: false };
    const WIDE: DecimalType = DecimalType { precision: 20, scale: 2, unsigned: false };

    #[test]
    fn reads_as_both_servers_compare() {
        let check = |value: Value<'_>, decimal: DecimalType, expected: Result<i128, Form>| {
            let found = match read(value, false, decimal) {
                Read::Key(Normal::Number(key)) => Ok(key),
                Read::Unsettled(form) => Err(form),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, expected, "{value:?}");
        };
        check(Value::Integer(b"042"), FIVE, Ok(4200));
        check(Value::Decimal(b"42.5"), FIVE, Ok(4250));
        check(Value::Decimal(b"42.500"), FIVE, Err(Form::Digits));
        check(Value::String(b"'42.5'"), FIVE, Ok(4250));
        check(Value::String(b"'42.5'"), WIDE, Err(Form::Spelling));
        check(Value::String(b"' 42.5'"), FIVE, Err(Form::Spelling));
        check(Value::Digits(b"42.5"), WIDE, Ok(4250));
        check(Value::Double(42.0), FIVE, Err(Form::Float));
        assert_eq!(read(Value::Integer(b"1000"), false, FIVE), Read::Nothing);
        assert_eq!(read(Value::Decimal(b".5"), true, FIVE), Read::Key(Normal::Number(-50)));
        assert_eq!(read(Value::Null, false, FIVE), Read::Nothing);
    }

    #[test]
    fn stores_exactly_or_refuses() {
        let check = |value: Value<'_>, expected: Result<i128, Form>| {
            assert_eq!(written(value, false, WIDE), expected, "{value:?}");
        };
        check(Value::Decimal(b"42.5"), Ok(4250));
        check(Value::Decimal(b"42.555"), Err(Form::Digits));
        check(Value::String(b"'-42.50'"), Ok(-4250));
        check(Value::String(b"'42,50'"), Err(Form::Spelling));
        check(Value::Text(b"42.5"), Ok(4250));
        check(Value::Text(b"9007199254740993"), Err(Form::Digits));
        check(Value::Digits(b"9007199254740993"), Ok(900719925474099300));
        check(Value::Double(42.0), Ok(4200));
        check(Value::Double(42.5), Err(Form::Float));
        check(Value::Integer(b"0"), Ok(0));
        check(Value::Integer(b"9999999999999999999"), Err(Form::OutOfRange));
        assert_eq!(written(Value::Integer(b"0"), true, DecimalType { unsigned: true, ..WIDE }), Ok(0));
    }
}
