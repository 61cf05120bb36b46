//! Text keys: which strings a column's collation calls equal, by the servers' own weights.
//!
//! [`Collation::key_form`] maps a string to bytes such that strings which the collation calls equal give the same bytes.
//! It may give the same bytes to strings that are not equal (their rows share a home, which is safe), never the reverse.
//! No Unicode library's folding has this property for any of the servers' collations, so the weights are theirs: see
//! `weights`, and `probe` for the query that compares a server's own with the stored ones.
//!
//! Invariant: of ASCII text without control characters the form is the text in lower case (as it is, where the collation
//! tells case apart), without spaces at the end; other text that weighs the same gets the same form.

mod names;
mod probe;
mod weights;

use std::borrow::Cow;

pub use names::{COLLATIONS, Collation};
pub use probe::Probe;
pub use weights::{Contraction, Kind, PAGES, Stored, Weights};

/// Longer texts, in bytes, are no key's: a row holds no longer VARCHAR.
pub const TEXT_BYTES_MAX: usize = 65_535;

/// Why a text has no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoForm {
    /// No UTF-8.
    Malformed,
    /// A character that the column's charset does not have.
    OutOfCharset,
    /// More than [`TEXT_BYTES_MAX`].
    TooLong,
}

/// The characters that a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    Ascii,
    /// As the servers have it: Windows-1252, and control characters where that has none.
    Latin1,
    /// The basic multilingual plane.
    Utf8mb3,
    Utf8mb4,
}

/// What the form of a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The text's own bytes, in the column's charset.
    Bytes,
    Weights(Stored),
}

impl Collation {
    /// The form of a text in UTF-8: the text itself, or a part of it, where that is its own form.
    #[inline]
    pub fn key_form(self, text: &[u8]) -> Result<Cow<'_, [u8]>, NoForm> {
        let trimmed = if self.padded { trimmed(text) } else { text };
        let folds = self.order != Order::Bytes;
        let mut upper = false;
        for byte in trimmed {
            match byte {
                b'A'..=b'Z' => upper |= folds,
                b' '..=b'~' => {}
                _ => return self.slow_form(trimmed),
            }
        }
        Ok(if upper { Cow::Owned(trimmed.to_ascii_lowercase()) } else { Cow::Borrowed(trimmed) })
    }

    /// The form of any text, without a look at what is ASCII.
    #[cold]
    fn slow_form(self, text: &[u8]) -> Result<Cow<'_, [u8]>, NoForm> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(NoForm::TooLong);
        }
        let unicode = str::from_utf8(text).map_err(|_| NoForm::Malformed)?;
        if !unicode.chars().all(|c| self.charset.holds(c)) {
            return Err(NoForm::OutOfCharset);
        }
        match self.order {
            // In the order of the column, and as CRC32() of it has them.
            Order::Bytes if self.charset == Charset::Latin1 => Ok(unicode.chars().filter_map(latin1).collect()),
            Order::Bytes => Ok(Cow::Borrowed(text)),
            Order::Weights(stored) => {
                let (weights, mut form) = (stored.weights(), Vec::with_capacity(2 * text.len()));
                unicode.chars().for_each(|c| weights.append(c, &mut form));
                form.truncate(trimmed(&form).len());
                Ok(Cow::Owned(form))
            }
        }
    }
}

/// Without blanks at the end.
pub fn trimmed(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1)]
}

impl Charset {
    pub fn holds(self, c: char) -> bool {
        match self {
            Charset::Ascii => c.is_ascii(),
            Charset::Latin1 => latin1(c).is_some(),
            Charset::Utf8mb3 => c <= '\u{ffff}',
            Charset::Utf8mb4 => true,
        }
    }

    /// A column's own bytes in UTF-8, or as they are where they are none of the charset.
    pub fn to_utf8(self, own: &[u8]) -> Cow<'_, [u8]> {
        let of_byte = |byte: &u8| match byte {
            0x80..=0x9f => WINDOWS_1252.chars().nth(usize::from(byte - 0x80)).unwrap_or(char::REPLACEMENT_CHARACTER),
            _ => char::from(*byte),
        };
        match self {
            Charset::Latin1 if !own.is_ascii() => Cow::Owned(own.iter().map(of_byte).collect::<String>().into_bytes()),
            _ => Cow::Borrowed(own),
        }
    }
}

/// The byte of a character in latin1, as the servers have it.
fn latin1(c: char) -> Option<u8> {
    let upper = || WINDOWS_1252.chars().zip(0x80..).find(|(one, _)| *one == c).map(|(_, byte)| byte);
    match u32::from(c) {
        code @ (0..=0x7f | 0xa0..=0xff) => Some(code as u8),
        _ => upper(),
    }
}

/// The bytes 80 to 9F: Windows-1252, and control characters where that has none.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

#[cfg(test)]
mod tests;
