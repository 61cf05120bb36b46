//! Ends of literals and quoted identifiers, byte for byte as the servers' lexers find them
//! (`get_text`, MY_LEX_NUMBER_IDENT, MY_LEX_USER_VARIABLE_DELIMITER in sql/sql_lex.cc).

use super::classes::{ascii_word_len, in_word};
use super::{ClientCharset, Dialect, LexError, LexFault, MarkerKind};

/// The offset behind the string that begins with the quote at `at`.
pub(super) fn string_end(text: &[u8], at: usize, dialect: &Dialect) -> Result<usize, LexError> {
    let quote = text[at];
    let escape = if dialect.no_backslash_escapes { quote } else { b'\\' };
    if dialect.charset != ClientCharset::AsciiSafe {
        return string_end_multibyte(text, at, escape, dialect.charset);
    }
    let mut i = at + 1;
    // Most strings are short: a few bytes by hand are cheaper than starting a vector search.
    let near = text.len().min(i + 16);
    while i < near && text[i] != quote && text[i] != escape {
        i += 1;
    }
    loop {
        if i >= near {
            let rest = text.get(i..).unwrap_or_default();
            i += memchr::memchr2(quote, escape, rest).ok_or_else(|| LexError::new(at, LexFault::UnterminatedString))?;
        }
        if text[i] == quote {
            if text.get(i + 1) != Some(&quote) {
                return Ok(i + 1);
            }
            i += 2;
        } else if text[i] == escape {
            i += 2;
        } else {
            i += 1;
        }
    }
}

fn string_end_multibyte(text: &[u8], at: usize, escape: u8, charset: ClientCharset) -> Result<usize, LexError> {
    let quote = text[at];
    let mut i = at + 1;
    while i < text.len() {
        let length = charset.character(&text[i..]).ok_or_else(|| LexError::new(i, LexFault::MalformedCharacter))?;
        if length > 1 {
            i += length;
        } else if text[i] == quote {
            if text.get(i + 1) != Some(&quote) {
                return Ok(i + 1);
            }
            i += 2;
        } else if text[i] == escape {
            // Servers skip one byte here, not one character: a lead byte would lose its trail.
            match text.get(i + 1) {
                Some(byte) if *byte >= 0x80 => {
                    return Err(LexError::new(i, LexFault::MalformedCharacter));
                }
                _ => i += 2,
            }
        } else {
            i += 1;
        }
    }
    Err(LexError::new(at, LexFault::UnterminatedString))
}

/// The offset behind the quoted identifier that begins with the quote at `at`.
pub(super) fn identifier_end(text: &[u8], at: usize, charset: ClientCharset) -> Result<usize, LexError> {
    let quote = text[at];
    let mut i = at + 1;
    while i < text.len() {
        let byte = text[i];
        if byte == quote {
            if text.get(i + 1) != Some(&quote) {
                return Ok(i + 1);
            }
            i += 2;
        } else if byte < 0x80 {
            if byte == 0 {
                return Err(LexError::new(i, LexFault::StrayByte(0)));
            }
            i += 1;
        } else {
            i += charset.character(&text[i..]).ok_or_else(|| LexError::new(i, LexFault::MalformedCharacter))?;
        }
    }
    Err(LexError::new(at, LexFault::UnterminatedIdentifier))
}

/// The offset behind the unquoted word that begins at `at`.
///
/// 0xA0 is a space in latin1 and its neighbours and part of a letter in utf8: in doubt, an error.
#[inline]
pub(super) fn word_end(text: &[u8], at: usize, charset: ClientCharset) -> Result<usize, LexError> {
    let i = at + ascii_word_len(&text[at..]);
    match text.get(i) {
        Some(0x80..) => word_end_beyond_ascii(text, at, i, charset),
        _ => Ok(i),
    }
}

/// As `word_end`, from `i` on, where the first byte that is not ASCII stands.
#[cold]
fn word_end_beyond_ascii(text: &[u8], at: usize, mut i: usize, charset: ClientCharset) -> Result<usize, LexError> {
    while i < text.len() && in_word(text[i]) {
        i += charset.character(&text[i..]).ok_or_else(|| LexError::new(i, LexFault::MalformedCharacter))?;
    }
    if charset == ClientCharset::AsciiSafe {
        let word = &text[at..i];
        if let Some(offset) = memchr::memchr(0xA0, word)
            && std::str::from_utf8(word).is_err()
        {
            return Err(LexError::new(at + offset, LexFault::StrayByte(0xA0)));
        }
    }
    Ok(i)
}

/// What begins with a digit, or with a dot before a digit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Number {
    Literal(MarkerKind, usize),
    /// `0x2A`, `0b1`.
    Bits(usize),
    /// `42abc`, `0xyz`, `1e`: an identifier that begins here.
    Word,
}

/// Reads the number at `at`. Where servers would end a number directly before a letter it is an error.
pub(super) fn number(text: &[u8], at: usize) -> Result<Number, LexError> {
    let digits_end = |mut i: usize| {
        while text.get(i).is_some_and(u8::is_ascii_digit) {
            i += 1;
        }
        i
    };
    let word_at = |i: usize| text.get(i).copied().is_some_and(in_word);
    if text[at] == b'0' && matches!(text.get(at + 1), Some(b'x' | b'b')) {
        let hex = text[at + 1] == b'x';
        let mut i = at + 2;
        while text.get(i).is_some_and(|byte| if hex { byte.is_ascii_hexdigit() } else { matches!(byte, b'0' | b'1') }) {
            i += 1;
        }
        return Ok(if i == at + 2 || word_at(i) { Number::Word } else { Number::Bits(i) });
    }
    let whole = digits_end(at);
    let mut i = whole;
    let mut kind = MarkerKind::Integer;
    if text.get(i) == Some(&b'.') {
        kind = MarkerKind::Decimal;
        i = digits_end(i + 1);
    }
    if matches!(text.get(i), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(i + 1), Some(b'+' | b'-')));
        let end = digits_end(i + 1 + sign);
        if end > i + 1 + sign {
            kind = MarkerKind::Float;
            i = end;
        }
    }
    if word_at(i) {
        if kind == MarkerKind::Integer {
            return Ok(Number::Word);
        }
        return Err(LexError::new(at, LexFault::MalformedNumber));
    }
    if kind == MarkerKind::Integer && whole - at > 19 && above_u64(&text[at..whole]) {
        kind = MarkerKind::Decimal;
    }
    Ok(Number::Literal(kind, i))
}

/// Servers read integers above 18446744073709551615 as decimals (`int_token`).
fn above_u64(digits: &[u8]) -> bool {
    const MAX: &[u8] = b"18446744073709551615";
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros..];
    digits.len() > MAX.len() || (digits.len() == MAX.len() && digits > MAX)
}

/// The offset behind `x'..'`, `b'..'` whose quote is at `quote`; only their own digits may stand inside.
pub(super) fn bits_end(text: &[u8], quote: usize, hex: bool) -> Result<usize, LexError> {
    let mut i = quote + 1;
    while text.get(i).is_some_and(|byte| if hex { byte.is_ascii_hexdigit() } else { matches!(byte, b'0' | b'1') }) {
        i += 1;
    }
    if text.get(i) != Some(&b'\'') || (hex && (i - quote).is_multiple_of(2)) {
        return Err(LexError::new(quote, LexFault::MalformedNumber));
    }
    Ok(i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    #[test]
    fn numbers() {
        use MarkerKind::{Decimal, Float, Integer};
        let check = |text: &str, result: Option<Number>| {
            assert_eq!(number(text.as_bytes(), 0).ok(), result, "{text}");
        };
        let literal = |kind, end| Some(Number::Literal(kind, end));
        check("42", literal(Integer, 2));
        check("42 a", literal(Integer, 2));
        check("42,", literal(Integer, 2));
        check("042", literal(Integer, 3));
        check("1.", literal(Decimal, 2));
        check(".5", literal(Decimal, 2));
        check("1.5)", literal(Decimal, 3));
        check("1..2", literal(Decimal, 2));
        check("1e5", literal(Float, 3));
        check("1E+5", literal(Float, 4));
        check("1.e-5", literal(Float, 5));
        check(".5e1", literal(Float, 4));
        check("1e", Some(Number::Word));
        check("1e+", Some(Number::Word));
        check("42abc", Some(Number::Word));
        check("42\u{e9}", Some(Number::Word));
        check("1e5x", None);
        check("1.5x", None);
        check("1.e", None);
        check("0x2A", Some(Number::Bits(4)));
        check("0x", Some(Number::Word));
        check("0x2Ag", Some(Number::Word));
        check("0X2A", Some(Number::Word));
        check("0b01", Some(Number::Bits(4)));
        check("0b2", Some(Number::Word));
        check("18446744073709551615", literal(Integer, 20));
        check("18446744073709551616", literal(Decimal, 20));
        check("000018446744073709551615", literal(Integer, 24));
        check("999999999999999999999", literal(Decimal, 21));
    }

    #[test]
    fn strings() {
        let check = |charset: ClientCharset, no_backslash_escapes: bool, text: &[u8], end: Option<usize>| {
            let dialect = Dialect { charset, no_backslash_escapes, ..Dialect::new(Flavor::MySql, 90704) };
            assert_eq!(string_end(text, 0, &dialect).ok(), end, "{charset:?} {}", text.escape_ascii());
        };
        let safe = ClientCharset::AsciiSafe;
        check(safe, false, b"''", Some(2));
        check(safe, false, b"'a'b", Some(3));
        check(safe, false, b"'a''b'", Some(6));
        check(safe, false, br"'a\'b'", Some(6));
        check(safe, false, br"'a\\'b'", Some(5));
        check(safe, false, br"'a\", None);
        check(safe, false, b"'a", None);
        check(safe, false, b"'", None);
        check(safe, false, br#""a'b""#, Some(5));
        check(safe, false, br"'0123456789012345678901234567\'89'", Some(34));
        check(safe, true, br"'a\'b'", Some(4));
        check(safe, true, br"'a\\''b'", Some(8));
        check(ClientCharset::Gbk, false, b"'\xBF\x5C'x", Some(4));
        check(safe, false, b"'\xBF\x5C'x", None);
        check(ClientCharset::Gbk, false, b"'\xBF'x", None);
        check(ClientCharset::Sjis, false, b"'\x95\x5C' or '", Some(4));
        check(ClientCharset::Big5, false, b"'a\\'b'", Some(6));
    }
}
