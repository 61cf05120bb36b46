//! Cuts a packet of several statements into its statements.

use super::{Dialect, LexError, Scratch, scan};

/// Iterates over the statements of a text as byte ranges, without the `;`.
#[derive(Debug)]
pub struct Statements<'a> {
    text: &'a [u8],
    dialect: &'a Dialect,
    scratch: Scratch,
    at: Option<usize>,
}

/// The statements of `text`; empty ones are left out. Ends at the first error.
pub fn statements<'a>(text: &'a [u8], dialect: &'a Dialect) -> Statements<'a> {
    Statements { text, dialect, scratch: Scratch::new(), at: Some(0) }
}

impl Iterator for Statements<'_> {
    type Item = Result<std::ops::Range<usize>, LexError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at.take()?;
            match scan(&self.text[start..], self.dialect, &mut self.scratch) {
                Ok(scanned) => {
                    self.at = scanned.rest.map(|rest| start + rest);
                    if !self.scratch.normalized().is_empty() {
                        return Some(Ok(start..start + scanned.end));
                    }
                }
                Err(error) => {
                    let at = error.at.saturating_add(u32::try_from(start).unwrap_or(u32::MAX));
                    return Some(Err(LexError { at, fault: error.fault }));
                }
            }
        }
    }
}
