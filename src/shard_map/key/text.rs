//! Text column types: which texts are one key, and the bytes that stand for it.
//!
//! A collation's texts are keys by their form (see `collation`), those of a binary type by their bytes.

use std::borrow::Cow;
use std::fmt;

use crate::shard_map::collation::{Collation, NoForm, Order, trimmed};

/// A text or binary column type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextType {
    /// As CREATE TABLE has it: `varchar`, `char`, `varbinary` or `binary`.
    pub name: &'static str,
    /// Characters that fit, or bytes of a binary type.
    pub length: u16,
    /// `None` of a binary type.
    pub collation: Option<Collation>,
}

impl TextType {
    /// The bytes that stand for the key of a text: equal texts have equal ones.
    ///
    /// `text` is UTF-8, or any bytes for a binary type.
    pub fn normal(self, text: &[u8]) -> Result<Cow<'_, [u8]>, NoForm> {
        match self.collation {
            None => Ok(Cow::Borrowed(text)),
            // It is stored without them.
            Some(collation) if self.name == "char" => collation.key_form(trimmed(text)),
            Some(collation) => collation.key_form(text),
        }
    }

    /// Whether the column holds the text as it is: in a lax sql_mode a longer one is cut.
    pub fn holds(self, text: &[u8]) -> bool {
        let length = usize::from(self.length);
        match (self.collation, self.name) {
            // Filled up with zeros otherwise.
            (None, "binary") => text.len() == length,
            (None, _) => text.len() <= length,
            // A byte is no more than a character.
            (Some(_), _) if text.len() <= length => true,
            (Some(_), _) => std::str::from_utf8(text).is_ok_and(|text| text.chars().count() <= length),
        }
    }

    /// Whether the order of the keys' bytes is the order of the column.
    pub fn is_ordered(self) -> bool {
        self.collation.is_none_or(|collation| collation.order == Order::Bytes)
    }

    pub fn is_padded(self) -> bool {
        self.collation.is_some_and(|collation| collation.padded)
    }
}

impl fmt::Display for TextType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.length)?;
        match self.collation {
            Some(collation) => write!(f, " collate {}", collation.name),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, collation: &str) -> TextType {
        let collation = Collation::named(collation);
        TextType { name, length: 4, collation }
    }

    #[test]
    fn equal_texts_have_one_key() {
        let check = |kind: TextType, text: &str, expected: Result<&str, NoForm>| {
            let found = kind.normal(text.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes).as_ref().copied(), "{kind} {text:?}");
        };
        let binary = of("varbinary", "");
        check(binary, "a\u{e9} ", Ok("a\u{e9} "));
        let padded = of("varchar", "utf8mb4_bin");
        check(padded, "Aa  ", Ok("Aa"));
        check(padded, "\u{1f600}\t", Ok("\u{1f600}\t"));
        check(of("varchar", "utf8mb4_0900_bin"), "a ", Ok("a "));
        check(of("char", "utf8mb4_0900_bin"), "a ", Ok("a"));
        check(of("varchar", "utf8mb3_bin"), "\u{1f600}", Err(NoForm::OutOfCharset));
        check(of("varchar", "ascii_bin"), "\u{e9}", Err(NoForm::OutOfCharset));
        let letters = of("varchar", "utf8mb4_0900_ai_ci");
        check(letters, "Ab 1~ ", Ok("ab 1~"));
        check(letters, "\u{c9} ", Ok("e"));
        check(of("varchar", "latin1_swedish_ci"), "\u{fc}", Ok("y"));
        check(of("varchar", "latin1_swedish_ci"), "\u{100}", Err(NoForm::OutOfCharset));
        assert_eq!(padded.normal(b"\xFF"), Err(NoForm::Malformed));
    }

    #[test]
    fn what_would_be_cut_or_filled_up_is_not_held() {
        assert!(of("varchar", "utf8mb4_bin").holds("\u{e9}\u{e9}\u{e9}\u{e9}".as_bytes()));
        assert!(!of("varchar", "utf8mb4_bin").holds(b"abcde"));
        assert!(of("binary", "").holds(b"abcd") && !of("binary", "").holds(b"abc"));
        assert!(of("varbinary", "").holds(b"abc") && !of("varbinary", "").holds(b"abcde"));
    }
}
