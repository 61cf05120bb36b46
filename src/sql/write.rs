//! How words, names and structural literals are written into the normalized text, so that it can be
//! cut into tokens again without knowing the dialect.
//!
//! Invariant: unquoted words are ASCII-delimited, quoted identifiers stand in backquotes with inner ones
//! doubled, strings that a quote or backslash could end elsewhere are written with their length.

use super::fingerprint::{Prev, Scan};
use super::literal::{bits_end, identifier_end, string_end, word_end};
use super::scratch::STRUCTURAL;
use super::{LexError, LexFault};
use crate::sql::classes::{CLASSES, Class, combines, in_word};

impl Scan<'_> {
    /// Writes the unquoted word `at..end`.
    #[inline]
    pub(super) fn write_word(&mut self, end: usize) {
        let word = &self.text[self.at..end];
        if self.is_multibyte() && word.iter().any(|byte| *byte >= 0x80) {
            // A trail byte may look like punctuation: quote the name.
            self.write_name(self.at, end);
        } else {
            // Directly behind a dot no space can be needed.
            let apart = self.out.normalized.last().is_some_and(|last| in_word(*last));
            self.out.push_word(&self.text[self.at..], end - self.at, apart);
        }
        self.at = end;
    }

    /// Writes a number, or a bit or hex literal.
    pub(super) fn write_structural(&mut self, end: usize) {
        let literal = &self.text[self.at..end];
        self.gap(literal[0]);
        self.out.normalized.extend_from_slice(literal);
        self.at = end;
    }

    /// Writes the string `at..end` as part of the structure.
    pub(super) fn write_string(&mut self, end: usize) {
        let literal = &self.text[self.at..end];
        let inner = &literal[1..literal.len() - 1];
        let plain = literal[0] == b'\'' && !inner.iter().any(|byte| matches!(byte, b'\'' | b'\\' | b'"'));
        if plain {
            self.gap(b'\'');
            self.out.normalized.extend_from_slice(literal);
        } else {
            self.write_opaque(self.at, end);
        }
        self.at = end;
    }

    /// Writes bytes with their length.
    fn write_opaque(&mut self, start: usize, end: usize) {
        let bytes = &self.text[start..end];
        self.out.normalized.push(STRUCTURAL);
        self.out.normalized.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.out.normalized.extend_from_slice(bytes);
    }

    /// `n'..'`, `x'..'`, `b'..'` whose quote is at `quote`.
    pub(super) fn prefixed_string(&mut self, prefix: u8, quote: usize) -> Result<(), LexError> {
        if prefix == b'n' {
            let end = string_end(self.text, quote, self.dialect)?;
            self.write_opaque(self.at, end);
            self.at = end;
        } else {
            let end = bits_end(self.text, quote, prefix == b'x')?;
            self.write_structural(end);
        }
        self.prev = Prev::Structural;
        Ok(())
    }

    /// MySQL's `$tag$ .. $tag$`, if the word `at..end` begins one that is closed. A MySQL before 8.0.32
    /// would read a name; as the text is written with its length, nothing in it becomes a slot.
    pub(super) fn dollar_quoted(&mut self, end: usize) -> bool {
        let word = &self.text[self.at..end];
        let Some(length) = memchr::memchr(b'$', &word[1..]) else {
            return false;
        };
        let tag = &word[..length + 2];
        let body = self.at + tag.len();
        let Some(close) = memchr::memmem::find(&self.text[body..], tag) else {
            return false;
        };
        let end = body + close + tag.len();
        self.write_opaque(self.at, end);
        self.at = end;
        self.prev = Prev::Structural;
        true
    }

    /// A quoted identifier.
    pub(super) fn quoted(&mut self) -> Result<(), LexError> {
        let end = identifier_end(self.text, self.at, self.dialect.charset)?;
        self.write_quoted(end);
        self.prev = Prev::Quoted;
        Ok(())
    }

    fn write_quoted(&mut self, end: usize) {
        if self.text[self.at] == b'`' && !self.is_multibyte() {
            self.gap(b'`');
            self.out.normalized.extend_from_slice(&self.text[self.at..end]);
        } else {
            self.write_unquoted_inner(end);
        }
        self.at = end;
    }

    /// Undoes doubled quotes and writes the name anew.
    fn write_unquoted_inner(&mut self, end: usize) {
        let quote = self.text[self.at];
        self.gap(b'`');
        self.out.normalized.push(b'`');
        let mut i = self.at + 1;
        while i < end - 1 {
            // The bytes were checked when the end was found.
            let length = self.dialect.charset.character(&self.text[i..]).unwrap_or(1);
            if length == 1 && self.text[i] == quote {
                i += 1;
            }
            self.push_name_bytes(i, i + length);
            i += length;
        }
        self.out.normalized.push(b'`');
    }

    /// Writes `start..end` as a quoted name.
    fn write_name(&mut self, start: usize, end: usize) {
        self.gap(b'`');
        self.out.normalized.push(b'`');
        self.push_name_bytes(start, end);
        self.out.normalized.push(b'`');
    }

    fn push_name_bytes(&mut self, start: usize, end: usize) {
        for byte in &self.text[start..end] {
            if *byte == b'`' {
                self.out.normalized.push(b'`');
            }
            self.out.normalized.push(*byte);
        }
    }

    /// `@name`, `@@name`, `@'name'`, or a lone `@`.
    pub(super) fn variable(&mut self) -> Result<(), LexError> {
        if self.spaced && self.out.normalized.last().copied().is_some_and(combines) {
            self.out.normalized.push(b' ');
        }
        self.out.normalized.push(b'@');
        self.at += 1;
        self.prev = Prev::Quoted;
        if self.text.get(self.at) == Some(&b'@') {
            self.out.normalized.push(b'@');
            self.at += 1;
            return self.system_variable();
        }
        let next = self.text.get(self.at).copied().unwrap_or_default();
        match CLASSES[next as usize] {
            Class::Backquote => {
                let end = identifier_end(self.text, self.at, self.dialect.charset)?;
                self.write_quoted(end);
            }
            Class::DoubleQuote if self.dialect.ansi_quotes => {
                let end = identifier_end(self.text, self.at, self.dialect.charset)?;
                self.write_quoted(end);
            }
            Class::Quote | Class::DoubleQuote => {
                let end = string_end(self.text, self.at, self.dialect)?;
                let inner = &self.text[self.at + 1..end - 1];
                if let Some(offset) = memchr::memchr(b'\\', inner)
                    && !self.dialect.no_backslash_escapes
                {
                    return Err(LexError::new(self.at + 1 + offset, LexFault::StrayByte(b'\\')));
                }
                self.write_unquoted_inner(end);
                self.at = end;
            }
            Class::Word | Class::Digit | Class::Dot => self.variable_name()?,
            _ => {
                self.out.normalized.push(b' ');
                self.prev = Prev::Operator;
            }
        }
        Ok(())
    }

    /// Letters, digits, `_`, `$` and dots.
    fn variable_name(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let mut i = start;
        while let Some(byte) = self.text.get(i) {
            if *byte == b'.' {
                i += 1;
            } else if in_word(*byte) {
                i = word_end(self.text, i, self.dialect.charset)?;
            } else {
                break;
            }
        }
        if self.is_multibyte() && self.text[start..i].iter().any(|byte| *byte >= 0x80) {
            self.write_name(start, i);
        } else {
            self.out.normalized.extend_from_slice(&self.text[start..i]);
        }
        self.at = i;
        Ok(())
    }

    /// Behind `@@`: words or backquoted names joined by dots.
    fn system_variable(&mut self) -> Result<(), LexError> {
        loop {
            let next = self.text.get(self.at).copied().unwrap_or_default();
            match CLASSES[next as usize] {
                Class::Word | Class::Digit => {
                    let end = word_end(self.text, self.at, self.dialect.charset)?;
                    let raw = &self.text[self.at..end];
                    if self.is_multibyte() && raw.iter().any(|byte| *byte >= 0x80) {
                        return Err(LexError::new(self.at, LexFault::StrayByte(next)));
                    }
                    self.out.normalized.extend_from_slice(raw);
                    self.at = end;
                }
                Class::Backquote => {
                    let end = identifier_end(self.text, self.at, self.dialect.charset)?;
                    self.write_quoted(end);
                }
                _ => return Err(LexError::new(self.at, LexFault::StrayByte(next))),
            }
            match (self.text.get(self.at), self.text.get(self.at + 1)) {
                (Some(b'.'), Some(next)) if in_word(*next) || *next == b'`' => {
                    self.out.normalized.push(b'.');
                    self.at += 1;
                }
                _ => return Ok(()),
            }
        }
    }
}
