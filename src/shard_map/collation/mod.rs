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
    /// The text's own bytes.
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

fn trimmed(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1)]
}

impl Charset {
    pub fn holds(self, c: char) -> bool {
        match self {
            Charset::Ascii => c.is_ascii(),
            Charset::Latin1 => is_latin1(c),
            Charset::Utf8mb3 => c <= '\u{ffff}',
            Charset::Utf8mb4 => true,
        }
    }
}

fn is_latin1(c: char) -> bool {
    match u32::from(c) {
        0..=0x7f | 0xa0..=0xff | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d => true,
        0x80..=0x9f => false,
        _ => WINDOWS_1252.contains(c),
    }
}

/// What Windows-1252 has in 80 to 9F.
const WINDOWS_1252: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

#[cfg(test)]
mod tests;
