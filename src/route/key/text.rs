//! Keys of text and binary columns: string literals and parameters, in a charset that is known.

use std::borrow::Cow;

use super::{Normal, Read, Written, unquoted};
use crate::plan::Form;
use crate::route::{SessionFacts, TextFacts, Value};
use crate::shard_map::TextType;
use crate::shard_map::collation::NoForm;

pub fn read(value: Value<'_>, negated: bool, kind: TextType, session: SessionFacts) -> Read<'_> {
    if matches!(value, Value::Null) {
        return Read::Nothing;
    }
    match given(value, negated, session).and_then(|text| normal(text, kind, session)) {
        // Its values are all of this length.
        Ok(key) if kind.name == "binary" && !kind.holds(&key) => Read::Unsettled(Form::Spelling),
        Ok(key) => Read::Key(Normal::Text(key)),
        Err(form) => Read::Unsettled(form),
    }
}

/// The key that storing the value stores.
pub fn written(value: Value<'_>, negated: bool, kind: TextType, session: SessionFacts) -> Written<'_> {
    if matches!(value, Value::Null) {
        return Err(Form::Null);
    }
    let text = given(value, negated, session)?;
    if !kind.holds(&text) {
        return Err(Form::OutOfRange);
    }
    normal(text, kind, session).map(Normal::Text)
}

/// The text that the client wrote: numbers are compared as such, and then many texts are equal to one.
fn given(value: Value<'_>, negated: bool, session: SessionFacts) -> Result<Cow<'_, [u8]>, Form> {
    if negated {
        return Err(Form::Expression);
    }
    match value {
        Value::String(quoted) => literal(quoted, session),
        Value::Text(bytes) => Ok(Cow::Borrowed(bytes)),
        Value::Integer(_)
        | Value::Decimal(_)
        | Value::Float
        | Value::Signed(_)
        | Value::Unsigned(_)
        | Value::Double(_)
        | Value::Digits(_) => Err(Form::Number),
        Value::Date(_) | Value::Timestamp(_) | Value::Temporal(_) | Value::Null | Value::Unbound(_) | Value::Other => {
            Err(Form::Other)
        }
    }
}

fn normal(text: Cow<'_, [u8]>, kind: TextType, session: SessionFacts) -> Result<Cow<'_, [u8]>, Form> {
    let known = match session.text {
        TextFacts::Utf8 => true,
        TextFacts::Ascii => text.is_ascii(),
        TextFacts::Unknown => false,
    };
    if !known {
        return Err(Form::Charset);
    }
    let form = |fault: NoForm| match fault {
        NoForm::Malformed | NoForm::OutOfCharset => Form::Charset,
        NoForm::TooLong => Form::Long,
    };
    match text {
        Cow::Borrowed(text) => kind.normal(text).map_err(form),
        Cow::Owned(text) => kind.normal(&text).map(|key| Cow::Owned(key.into_owned())).map_err(form),
    }
}

/// A literal without its quotes, and without escapes as its server reads them (MySQL manual, "String Literals").
fn literal(quoted: &[u8], session: SessionFacts) -> Result<Cow<'_, [u8]>, Form> {
    let inside = unquoted(quoted);
    let quote = quoted.first().copied().unwrap_or(b'\'');
    if !inside.iter().any(|byte| *byte == quote || *byte == b'\\') {
        return Ok(Cow::Borrowed(inside));
    }
    let escapes = session.backslash_escapes.ok_or(Form::Spelling)?;
    let mut text = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == quote {
            // The first of two.
            bytes.next();
            text.push(quote);
        } else if byte == b'\\' && escapes {
            match bytes.next().ok_or(Form::Spelling)? {
                b'0' => text.push(0),
                b'b' => text.push(8),
                b'n' => text.push(b'\n'),
                b'r' => text.push(b'\r'),
                b't' => text.push(b'\t'),
                b'Z' => text.push(0x1A),
                // For LIKE.
                kept @ (b'%' | b'_') => text.extend([b'\\', kept]),
                other => text.push(other),
            }
        } else {
            text.push(byte);
        }
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard_map::collation::Collation;

    const UTF8: SessionFacts = SessionFacts::ORDINARY;

    fn of(collation: &str) -> TextType {
        let collation = Collation::named(collation);
        TextType { name: if collation.is_some() { "varchar" } else { "varbinary" }, length: 8, collation }
    }

    #[track_caller]
    fn check(value: Value<'_>, collation: &str, session: SessionFacts, expected: Result<&str, Form>) {
        let found = match read(value, false, of(collation), session) {
            Read::Key(Normal::Text(key)) => Ok(String::from_utf8(key.into_owned()).expect("UTF-8")),
            Read::Unsettled(form) => Err(form),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected.map(str::to_owned), "{value:?}");
    }

    #[test]
    fn strings_are_keys_and_numbers_are_not() {
        check(Value::String(b"'Ab '"), "utf8mb4_bin", UTF8, Ok("Ab"));
        check(Value::String(b"'Ab '"), "utf8mb4_general_ci", UTF8, Ok("ab"));
        check(Value::String(b"'Ab '"), "", UTF8, Ok("Ab "));
        check(Value::Text("\u{e9}".as_bytes()), "utf8mb4_bin", UTF8, Ok("\u{e9}"));
        check(Value::Text("\u{e9}".as_bytes()), "utf8mb4_general_ci", UTF8, Ok("e"));
        check(Value::Integer(b"42"), "utf8mb4_bin", UTF8, Err(Form::Number));
        check(Value::Digits(b"42"), "utf8mb4_bin", UTF8, Err(Form::Number));
        check(Value::Date(b"'2026-01-02'"), "utf8mb4_bin", UTF8, Err(Form::Other));
    }

    #[test]
    fn the_charset_of_the_session_has_to_be_known() {
        let ascii = SessionFacts { text: TextFacts::Ascii, ..UTF8 };
        let unknown = SessionFacts { text: TextFacts::Unknown, ..UTF8 };
        check(Value::String(b"'abc'"), "utf8mb4_bin", ascii, Ok("abc"));
        check(Value::String("'\u{e9}'".as_bytes()), "utf8mb4_bin", ascii, Err(Form::Charset));
        check(Value::String(b"'abc'"), "utf8mb4_bin", unknown, Err(Form::Charset));
        check(Value::String(b"'\xFF'"), "utf8mb4_bin", UTF8, Err(Form::Charset));
    }

    #[test]
    fn escapes_are_undone_as_the_sql_mode_says() {
        let plain = SessionFacts { backslash_escapes: Some(false), ..UTF8 };
        let unknown = SessionFacts { backslash_escapes: None, ..UTF8 };
        check(Value::String(br"'it''s'"), "utf8mb4_bin", UTF8, Ok("it's"));
        check(Value::String(br#""a""b'c""#), "utf8mb4_bin", UTF8, Ok("a\"b'c"));
        check(Value::String(br"'a\'b\\\n\%\x'"), "utf8mb4_bin", UTF8, Ok("a'b\\\n\\%x"));
        check(Value::String(br"'a\b'"), "utf8mb4_bin", plain, Ok("a\\b"));
        check(Value::String(br"'a\b'"), "utf8mb4_bin", unknown, Err(Form::Spelling));
    }

    #[test]
    fn what_the_column_would_cut_is_not_stored() {
        let write = |text: &'static [u8]| written(Value::Text(text), false, of("utf8mb4_bin"), UTF8);
        assert_eq!(write(b"12345678"), Ok(Normal::Text(Cow::Borrowed(b"12345678"))));
        assert_eq!(write(b"123456789"), Err(Form::OutOfRange));
        assert_eq!(written(Value::Null, false, of("utf8mb4_bin"), UTF8), Err(Form::Null));
        assert_eq!(written(Value::Signed(5), false, of("utf8mb4_bin"), UTF8), Err(Form::Number));
    }
}
