//! Keys of integer columns.

use super::{EXACT_DOUBLE, Normal, Read, exact, unquoted};
use crate::plan::Form;
use crate::route::Value;
use crate::shard_map::IntegerType;

/// More digits than any literal that can equal an integer of the column; beyond, servers round.
const DECIMAL_DIGITS_MAX: usize = 30;

/// `column = value`, or a member of `column IN (...)` if `list`.
pub fn read(value: Value<'_>, negated: bool, integer: IntegerType, list: bool) -> Read<'static> {
    let sign = if negated { -1 } else { 1 };
    match value {
        // More digits than 128 bits hold are out of every range.
        Value::Integer(digits) => unsigned(digits).map_or(Read::Nothing, |value| element(sign * value, integer, list)),
        Value::Decimal(text) => decimal(text, sign, integer),
        Value::Signed(value) => element(sign * i128::from(value), integer, list),
        Value::Unsigned(value) => element(sign * i128::from(value), integer, list),
        Value::Double(value) => double(value * if negated { -1.0 } else { 1.0 }, integer),
        Value::String(_) if negated => Read::Unsettled(Form::Text),
        Value::String(quoted) => text(unquoted(quoted), integer, list),
        Value::Text(bytes) | Value::Digits(bytes) => bound_text(bytes, negated, integer),
        Value::Null => Read::Nothing,
        Value::Float => Read::Unsettled(Form::Float),
        Value::Date(_) | Value::Timestamp(_) | Value::Temporal(_) | Value::Other | Value::Unbound(_) => {
            Read::Unsettled(Form::Other)
        }
    }
}

/// The key, where the column can hold it.
pub fn key(value: i128, integer: IntegerType) -> Read<'static> {
    if integer.holds(value) { Read::Key(Normal::Number(value)) } else { Read::Nothing }
}

/// An integer. Beside a string in a list, MySQL takes 2^64 - 1 for -1 and the reverse: what is out of the column's range
/// is settled there only if that other one is as well.
fn element(value: i128, integer: IntegerType, list: bool) -> Read<'static> {
    const TURN: i128 = 1 << 64;
    match key(value, integer) {
        Read::Nothing if list && (integer.holds(value - TURN) || integer.holds(value + TURN)) => {
            Read::Unsettled(Form::Beyond)
        }
        read => read,
    }
}

/// The key that storing the value stores.
///
/// A zero is refused: an AUTO_INCREMENT column would store a number of the server's choice.
pub fn written(value: Value<'_>, negated: bool, integer: IntegerType) -> Result<i128, Form> {
    let sign = if negated { -1 } else { 1 };
    let value = match value {
        Value::Integer(digits) => sign * unsigned(digits).ok_or(Form::OutOfRange)?,
        Value::Signed(value) => sign * i128::from(value),
        Value::Unsigned(value) => sign * i128::from(value),
        Value::Double(value) => match exact(value) {
            Some(value) => sign * value,
            None => return Err(Form::Float),
        },
        Value::String(_) | Value::Text(_) | Value::Digits(_) if negated => return Err(Form::Expression),
        Value::String(quoted) => canonical(unquoted(quoted)).ok_or(Form::Text)?,
        Value::Digits(bytes) => canonical(bytes).ok_or(Form::Text)?,
        // MySQL stores what it is as a double.
        Value::Text(bytes) => canonical(bytes).filter(|value| value.abs() < EXACT_DOUBLE).ok_or(Form::Text)?,
        Value::Null => return Err(Form::Null),
        Value::Decimal(_) => return Err(Form::Decimal),
        Value::Float => return Err(Form::Float),
        Value::Date(_) | Value::Timestamp(_) | Value::Temporal(_) | Value::Other | Value::Unbound(_) => {
            return Err(Form::Other);
        }
    };
    match value {
        0 => Err(Form::Zero),
        value if integer.holds(value) => Ok(value),
        _ => Err(Form::OutOfRange),
    }
}

/// `42.000` is 42. `42.5` matches nothing, but MariaDB looks it up in an index, where it is one, as 43: rounded, half away
/// from zero.
fn decimal(text: &[u8], sign: i128, integer: IntegerType) -> Read<'static> {
    if text.len() > DECIMAL_DIGITS_MAX {
        return Read::Unsettled(Form::Decimal);
    }
    let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let (whole, fraction) = (&text[..point], text.get(point + 1..).unwrap_or_default());
    let whole = if whole.is_empty() { b"0" } else { whole };
    let up = i128::from(fraction.first().is_some_and(|digit| *digit >= b'5'));
    unsigned(whole).map_or(Read::Unsettled(Form::Decimal), |value| key(sign * (value + up), integer))
}

/// A comparison as doubles: exact where the column's values are exact as doubles too. In an index MariaDB looks it up
/// rounded, half to even.
fn double(value: f64, integer: IntegerType) -> Read<'static> {
    exact(value.round_ties_even()).map_or(Read::Unsettled(Form::Float), |value| key(value, integer))
}

/// A bound string or decimal in canonical form: MySQL compares them as doubles.
fn bound_text(bytes: &[u8], negated: bool, integer: IntegerType) -> Read<'static> {
    match canonical(bytes) {
        Some(value) if !negated && value.abs() < EXACT_DOUBLE => key(value, integer),
        _ => Read::Unsettled(Form::Text),
    }
}

/// A string literal in canonical form. Out of the column's range, and in lists, servers may compare as doubles.
fn text(bytes: &[u8], integer: IntegerType, list: bool) -> Read<'static> {
    match canonical(bytes) {
        Some(value) if value.abs() < EXACT_DOUBLE => key(value, integer),
        Some(value) if !list && integer.holds(value) => Read::Key(Normal::Number(value)),
        _ => Read::Unsettled(Form::Text),
    }
}

/// `-?[1-9][0-9]*|0`
fn canonical(bytes: &[u8]) -> Option<i128> {
    let (sign, digits) = match bytes.strip_prefix(b"-") {
        Some(digits) => (-1, digits),
        None => (1, bytes),
    };
    match digits.first()? {
        b'0' => (bytes == b"0").then_some(0),
        _ => unsigned(digits).map(|value| sign * value),
    }
}

/// Digits only; `None` also beyond 128 bits.
fn unsigned(digits: &[u8]) -> Option<i128> {
    // So many digits fit 64 bits, whose arithmetic is cheaper.
    const SHORT: usize = 19;
    if digits.is_empty() {
        return None;
    }
    if digits.len() <= SHORT {
        let mut value = 0u64;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
        return Some(i128::from(value));
    }
    digits.iter().try_fold(0i128, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: IntegerType = IntegerType { bytes: 4, unsigned: false };
    const BIGINT_UNSIGNED: IntegerType = IntegerType { bytes: 8, unsigned: true };

    fn number(value: i128) -> Read<'static> {
        Read::Key(Normal::Number(value))
    }

    #[test]
    fn reads_as_both_servers_compare() {
        let check = |value: Value<'_>, negated: bool, expected: Read| {
            assert_eq!(read(value, negated, INT, false), expected, "{value:?} {negated}");
        };
        check(Value::Integer(b"42"), false, number(42));
        check(Value::Integer(b"0042"), true, number(-42));
        check(Value::Integer(b"2147483647"), false, number(2147483647));
        check(Value::Integer(b"2147483648"), false, Read::Nothing);
        check(Value::Integer(b"2147483648"), true, number(-2147483648));
        check(Value::Integer(&[b'9'; 60]), false, Read::Nothing);
        check(Value::Decimal(b"42.000"), false, number(42));
        check(Value::Decimal(b".0"), false, number(0));
        check(Value::Decimal(b"42.5"), false, number(43));
        check(Value::Decimal(b"42.49"), true, number(-42));
        check(Value::Decimal(b".5"), true, number(-1));
        check(Value::Decimal(b"2147483647.5"), false, Read::Nothing);
        check(Value::Decimal(b"42."), true, number(-42));
        check(Value::Decimal(b"42.0000000000000000000000000000000001"), false, Read::Unsettled(Form::Decimal));
        check(Value::Float, false, Read::Unsettled(Form::Float));
        check(Value::Null, false, Read::Nothing);
        check(Value::Other, false, Read::Unsettled(Form::Other));
        check(Value::Signed(-7), false, number(-7));
        check(Value::Signed(i64::MIN), true, Read::Nothing);
        check(Value::Unsigned(u64::MAX), false, Read::Nothing);
        check(Value::Double(42.0), false, number(42));
        check(Value::Double(42.5), false, number(42));
        check(Value::Double(-43.5), false, number(-44));
        check(Value::Double(-0.0), false, number(0));
        check(Value::Double(1e16), false, Read::Unsettled(Form::Float));
        check(Value::Double(f64::NAN), false, Read::Unsettled(Form::Float));
        for (quoted, key) in [(&b"'42'"[..], 42), (b"\"-42\"", -42), (b"'0'", 0)] {
            check(Value::String(quoted), false, number(key));
        }
        for quoted in
            [&b"' 42'"[..], b"'42 '", b"'042'", b"'+42'", b"'42.0'", b"'4e1'", b"'-0'", b"''", b"'-'", b"'4''2'"]
        {
            check(Value::String(quoted), false, Read::Unsettled(Form::Text));
        }
        check(Value::String(b"'42'"), true, Read::Unsettled(Form::Text));
        check(Value::Text(b"42"), false, number(42));
    }

    #[test]
    fn strings_beyond_exact_doubles_are_settled_only_as_one_value_in_range() {
        let check = |digits: &[u8], list: bool, expected: Read| {
            let quoted = [b"'", digits, b"'"].concat();
            assert_eq!(read(Value::String(&quoted), false, BIGINT_UNSIGNED, list), expected);
        };
        check(b"9007199254740991", true, number(9007199254740991));
        check(b"9007199254740993", false, number(9007199254740993));
        check(b"9007199254740993", true, Read::Unsettled(Form::Text));
        check(b"18446744073709551615", false, number(18446744073709551615));
        check(b"18446744073709551616", false, Read::Unsettled(Form::Text));
    }

    #[test]
    fn bound_texts_are_doubles_to_mysql() {
        for value in [Value::Text(b"9007199254740993"), Value::Digits(b"9007199254740993")] {
            assert_eq!(read(value, false, BIGINT_UNSIGNED, false), Read::Unsettled(Form::Text));
        }
        assert_eq!(written(Value::Text(b"9007199254740993"), false, BIGINT_UNSIGNED), Err(Form::Text));
        assert_eq!(written(Value::Digits(b"9007199254740993"), false, BIGINT_UNSIGNED), Ok(9007199254740993));
    }

    #[test]
    fn in_a_list_the_largest_integer_may_be_minus_one() {
        let max = Value::Integer(b"18446744073709551615");
        assert_eq!(read(max, false, INT, true), Read::Unsettled(Form::Beyond));
        assert_eq!(read(max, false, INT, false), Read::Nothing);
        assert_eq!(read(Value::Signed(-1), false, BIGINT_UNSIGNED, true), Read::Unsettled(Form::Beyond));
        assert_eq!(read(Value::Integer(b"2147483648"), false, INT, true), Read::Nothing);
        assert_eq!(read(Value::Integer(&[b'9'; 38]), false, INT, true), Read::Nothing);
    }

    #[test]
    fn stores_exactly_or_refuses() {
        let check = |value: Value<'_>, negated: bool, expected: Result<i128, Form>| {
            assert_eq!(written(value, negated, INT), expected, "{value:?} {negated}");
        };
        check(Value::Integer(b"042"), false, Ok(42));
        check(Value::Integer(b"42"), true, Ok(-42));
        check(Value::String(b"'42'"), false, Ok(42));
        check(Value::String(b"'042'"), false, Err(Form::Text));
        check(Value::String(b"'42'"), true, Err(Form::Expression));
        check(Value::Integer(b"0"), false, Err(Form::Zero));
        check(Value::Double(-0.0), false, Err(Form::Zero));
        check(Value::Integer(b"2147483648"), false, Err(Form::OutOfRange));
        check(Value::Decimal(b"42.0"), false, Err(Form::Decimal));
        check(Value::Double(42.0), false, Ok(42));
        check(Value::Double(42.5), false, Err(Form::Float));
        check(Value::Null, false, Err(Form::Null));
        check(Value::Other, false, Err(Form::Other));
    }
}
