//! Text column types: which texts are one key, and the bytes that stand for it.
//!
//! Collations that compare bytes give every text its own key, but for trailing blanks. Of the others only printable ASCII
//! is known: there the classes are pairs of letters in every collation below (tried on both servers), and what is written
//! beyond it has no key yet.

use std::borrow::Cow;
use std::fmt;

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

/// A collation, by what decides about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collation {
    pub name: &'static str,
    pub charset: Charset,
    pub equal: Equal,
    /// Trailing blanks do not count in a comparison.
    pub padded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// All of Unicode.
    Utf8mb4,
    /// Unicode up to U+FFFF.
    Utf8mb3,
    /// latin1 or ascii: only what is ASCII is read.
    Ascii,
}

/// Which texts a collation takes for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equal {
    /// Those with the same bytes.
    Bytes,
    /// Those, and others: of printable ASCII at most those that differ in case.
    Letters,
}

const fn bytes(name: &'static str, charset: Charset, padded: bool) -> Collation {
    Collation { name, charset, equal: Equal::Bytes, padded }
}

const fn letters(name: &'static str, charset: Charset) -> Collation {
    Collation { name, charset, equal: Equal::Letters, padded: true }
}

/// The collations that keys can have. What differs in accents only is one key as well, so that `as_cs` may stand with `ai_ci`.
pub const COLLATIONS: &[Collation] = &[
    bytes("utf8mb4_bin", Charset::Utf8mb4, true),
    bytes("utf8mb4_0900_bin", Charset::Utf8mb4, false),
    bytes("utf8mb4_nopad_bin", Charset::Utf8mb4, false),
    bytes("utf8mb3_bin", Charset::Utf8mb3, true),
    bytes("ascii_bin", Charset::Ascii, true),
    bytes("latin1_bin", Charset::Ascii, true),
    letters("utf8mb4_general_ci", Charset::Utf8mb4),
    letters("utf8mb4_unicode_ci", Charset::Utf8mb4),
    letters("utf8mb4_unicode_520_ci", Charset::Utf8mb4),
    letters("utf8mb4_0900_ai_ci", Charset::Utf8mb4),
    letters("utf8mb4_0900_as_ci", Charset::Utf8mb4),
    letters("utf8mb4_0900_as_cs", Charset::Utf8mb4),
    letters("utf8mb4_uca1400_ai_ci", Charset::Utf8mb4),
    letters("utf8mb4_uca1400_as_ci", Charset::Utf8mb4),
    letters("utf8mb4_uca1400_as_cs", Charset::Utf8mb4),
    letters("utf8mb3_general_ci", Charset::Utf8mb3),
    letters("utf8mb3_unicode_ci", Charset::Utf8mb3),
    letters("latin1_swedish_ci", Charset::Ascii),
    letters("latin1_general_ci", Charset::Ascii),
    letters("ascii_general_ci", Charset::Ascii),
];

/// Why a text names no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// Not of the column's charset.
    Charset,
    /// Beyond printable ASCII, under a collation that is known there only.
    Letters,
}

impl TextType {
    /// The bytes that stand for the key of a text: equal texts have equal ones.
    ///
    /// `text` is UTF-8, or any bytes for a binary type.
    pub fn normal(self, text: &[u8]) -> Result<Cow<'_, [u8]>, NoKey> {
        let Some(collation) = self.collation else {
            return Ok(Cow::Borrowed(text));
        };
        let text = if collation.padded || self.name == "char" { trimmed(text) } else { text };
        if !text.is_ascii() {
            let unicode = std::str::from_utf8(text).map_err(|_| NoKey::Charset)?;
            let fits = match collation.charset {
                Charset::Utf8mb4 => true,
                Charset::Utf8mb3 => !unicode.chars().any(|c| c.len_utf8() > 3),
                Charset::Ascii => false,
            };
            if !fits {
                return Err(NoKey::Charset);
            }
        }
        match collation.equal {
            Equal::Bytes => Ok(Cow::Borrowed(text)),
            Equal::Letters if !text.iter().all(|byte| matches!(byte, b' '..=b'~')) => Err(NoKey::Letters),
            Equal::Letters if text.iter().any(u8::is_ascii_uppercase) => Ok(Cow::Owned(text.to_ascii_lowercase())),
            Equal::Letters => Ok(Cow::Borrowed(text)),
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
        self.collation.is_none_or(|collation| collation.equal == Equal::Bytes)
    }

    pub fn is_padded(self) -> bool {
        self.collation.is_some_and(|collation| collation.padded)
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    let blanks = text.iter().rev().take_while(|byte| **byte == b' ').count();
    &text[..text.len() - blanks]
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
        let collation = COLLATIONS.iter().find(|known| known.name == collation).copied();
        TextType { name, length: 4, collation }
    }

    #[test]
    fn equal_texts_have_one_key() {
        let check = |kind: TextType, text: &str, expected: Result<&str, NoKey>| {
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
        check(of("varchar", "utf8mb3_bin"), "\u{1f600}", Err(NoKey::Charset));
        check(of("varchar", "ascii_bin"), "\u{e9}", Err(NoKey::Charset));
        let letters = of("varchar", "utf8mb4_0900_ai_ci");
        check(letters, "Ab 1~ ", Ok("ab 1~"));
        check(letters, "\u{e9}", Err(NoKey::Letters));
        check(letters, "a\t", Err(NoKey::Letters));
        check(of("varchar", "latin1_swedish_ci"), "\u{e9}", Err(NoKey::Charset));
        assert_eq!(padded.normal(b"\xFF"), Err(NoKey::Charset));
    }

    #[test]
    fn what_would_be_cut_or_filled_up_is_not_held() {
        assert!(of("varchar", "utf8mb4_bin").holds("\u{e9}\u{e9}\u{e9}\u{e9}".as_bytes()));
        assert!(!of("varchar", "utf8mb4_bin").holds(b"abcde"));
        assert!(of("binary", "").holds(b"abcd") && !of("binary", "").holds(b"abc"));
        assert!(of("varbinary", "").holds(b"abc") && !of("varbinary", "").holds(b"abcde"));
    }
}
