//! Exact decimals: their column types, and their values as integers scaled by a power of ten.

use std::fmt;

/// A decimal column type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecimalType {
    /// All digits, at most [`DIGITS_MAX`].
    pub precision: u8,
    /// Digits behind the point.
    pub scale: u8,
    pub unsigned: bool,
}

/// More do not fit the integers that keys are compared as.
pub const DIGITS_MAX: u8 = 38;

impl DecimalType {
    /// Whether the column can hold the scaled value.
    pub fn holds(self, value: i128) -> bool {
        let most = 10i128.pow(u32::from(self.precision)) - 1;
        let least = if self.unsigned { 0 } else { -most };
        (least..=most).contains(&value)
    }

    /// A whole number, scaled; `None` where the column cannot hold it.
    pub fn whole(self, value: i128) -> Option<i128> {
        value.checked_mul(10i128.pow(u32::from(self.scale))).filter(|scaled| self.holds(*scaled))
    }

    /// `-?digits`, or with a point: scaled. `Err` where digits are missing, or more behind the point than the scale;
    /// `Ok(None)` where the column cannot hold it.
    pub fn read(self, text: &[u8]) -> Result<Option<i128>, NotExact> {
        let (negative, digits) = match text.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let point = digits.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(point) => (&digits[..point], &digits[point + 1..]),
            None => (digits, &[][..]),
        };
        let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if !all_digits || whole.len() + fraction.len() == 0 || fraction.len() > usize::from(self.scale) {
            return Err(NotExact);
        }
        let zeros = usize::from(self.scale) - fraction.len();
        let scaled =
            whole.iter().chain(fraction).map(|digit| i128::from(digit - b'0')).chain(std::iter::repeat_n(0, zeros));
        let mut value: i128 = 0;
        for digit in scaled {
            let next = value.checked_mul(10).and_then(|value| value.checked_add(digit));
            let Some(next) = next else {
                return Ok(None);
            };
            value = next;
        }
        Ok(Some(if negative { -value } else { value }).filter(|value| self.holds(*value)))
    }

    /// A scaled value with all digits of the scale, as the servers show it.
    pub fn shown(self, value: i128) -> String {
        let unit = 10u128.pow(u32::from(self.scale));
        let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
        let sign = if value < 0 { "-" } else { "" };
        match self.scale {
            0 => format!("{sign}{whole}"),
            scale => format!("{sign}{whole}.{fraction:0width$}", width = usize::from(scale)),
        }
    }
}

/// `-?(0|[1-9][0-9]*)`, with a point between digits or without; no minus before zero.
pub fn is_canonical(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let mut parts = digits.split(|byte| *byte == b'.');
    let (whole, fraction, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let leading_zero = whole.len() > 1 && whole[0] == b'0';
    let zero = digits.iter().all(|byte| matches!(byte, b'0' | b'.'));
    all_digits(whole)
        && fraction.is_none_or(all_digits)
        && more.is_none()
        && !leading_zero
        && !(zero && bytes != digits)
}

/// The text is no decimal of the type's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotExact;

impl fmt::Display for DecimalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decimal({},{})", self.precision, self.scale)?;
        f.write_str(if self.unsigned { " unsigned" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_scaled_integers() {
        let five = DecimalType { precision: 5, scale: 2, unsigned: false };
        let check = |text: &str, expected: Result<Option<i128>, NotExact>| {
            assert_eq!(five.read(text.as_bytes()), expected, "{text}");
        };
        check("42", Ok(Some(4200)));
        check("-42.5", Ok(Some(-4250)));
        check(".05", Ok(Some(5)));
        check("42.", Ok(Some(4200)));
        check("0042.50", Ok(Some(4250)));
        check("999.99", Ok(Some(99_999)));
        check("1000", Ok(None));
        check(&"9".repeat(60), Ok(None));
        for text in ["42.125", "42.500", "", ".", "-", "4e1", "+1", " 1", "1.2.3"] {
            check(text, Err(NotExact));
        }
        assert_eq!(DecimalType { unsigned: true, ..five }.read(b"-1"), Ok(None));
        assert_eq!(five.shown(-4250), "-42.50");
        assert_eq!(five.shown(5), "0.05");
        assert_eq!(five.whole(999), Some(99_900));
        assert_eq!(five.whole(1000), None);
    }

    #[test]
    fn the_widest_one_fits() {
        let widest = DecimalType { precision: DIGITS_MAX, scale: 0, unsigned: false };
        let nines = "9".repeat(38);
        assert_eq!(widest.read(nines.as_bytes()).map(|value| value.map(|value| widest.shown(value))), Ok(Some(nines)));
        assert_eq!(widest.read(b"100000000000000000000000000000000000000"), Ok(None));
    }
}
