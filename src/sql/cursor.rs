//! A cursor over raw tokens, with what parsers of session statements ask for again and again.

use super::control::ControlError;
use super::raw::{Raw, RawKind};
use super::{ClientCharset, Dialect};

#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    pub text: &'a [u8],
    pub dialect: Dialect,
    tokens: Vec<Raw>,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8], dialect: &Dialect, tokens: Vec<Raw>) -> Cursor<'a> {
        Cursor { text, dialect: *dialect, tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<Raw> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<Raw> {
        self.tokens.get(self.at + ahead).copied()
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.tokens.len());
    }

    pub(super) fn bytes(&self, token: Raw) -> &'a [u8] {
        &self.text[token.start..token.end]
    }

    pub(super) fn word_at(&self, ahead: usize, word: &str) -> bool {
        self.peek_at(ahead)
            .is_some_and(|token| token.kind == RawKind::Word && self.bytes(token).eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(super) fn punct_at(&self, ahead: usize, byte: u8) -> bool {
        self.peek_at(ahead).is_some_and(|token| token.kind == RawKind::Punct(byte))
    }

    /// Takes the words if all of them follow.
    pub(super) fn take(&mut self, words: &[&str]) -> bool {
        let follow = words.iter().enumerate().all(|(ahead, word)| self.word_at(ahead, word));
        if follow {
            self.advance(words.len());
        }
        follow
    }

    pub(super) fn take_punct(&mut self, byte: u8) -> bool {
        let follows = self.punct_at(0, byte);
        if follows {
            self.advance(1);
        }
        follows
    }

    /// Where the next token begins, or the last one ended.
    pub(super) fn start(&self) -> usize {
        self.peek().map_or_else(|| self.end(), |token| token.start)
    }

    /// Where the token before ended.
    pub(super) fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |before| self.tokens[before].end)
    }

    /// From the first to the last token.
    pub(super) fn whole(&self) -> &'a [u8] {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => &self.text[first.start..last.end],
            _ => &[],
        }
    }

    /// The whole statement from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        let whole = self.tokens.last().map_or(self.text.len(), |last| last.end);
        &self.text[self.start().min(whole)..whole]
    }

    pub(super) fn syntax<T>(&self) -> Result<T, ControlError> {
        Err(ControlError::Syntax { at: u32::try_from(self.start()).unwrap_or(u32::MAX) })
    }

    /// `done` if nothing is left.
    pub(super) fn finish<T>(&self, done: T) -> Result<T, ControlError> {
        if self.peek().is_none() { Ok(done) } else { self.syntax() }
    }

    /// A name, unquoted.
    pub(super) fn name(&mut self) -> Result<Vec<u8>, ControlError> {
        match self.peek() {
            Some(token) if token.kind == RawKind::Word => {
                self.advance(1);
                Ok(self.bytes(token).to_vec())
            }
            Some(token) if token.kind == RawKind::Quoted => {
                self.advance(1);
                Ok(self.unquoted(token))
            }
            _ => self.syntax(),
        }
    }

    /// A word or string without escapes, in lower case: charsets, collations.
    pub(super) fn label(&mut self) -> Result<String, ControlError> {
        let Some(token) = self.peek() else {
            return self.syntax();
        };
        let bytes = match token.kind {
            RawKind::Word => self.bytes(token).to_vec(),
            RawKind::Quoted => self.unquoted(token),
            RawKind::String if matches!(self.text[token.start], b'\'' | b'"') => self.unquoted(token),
            _ => return self.syntax(),
        };
        match String::from_utf8(bytes) {
            Ok(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                self.advance(1);
                Ok(name.to_ascii_lowercase())
            }
            _ => self.syntax(),
        }
    }

    /// The inside of a quoted token, doubled quotes undone, backslashes left.
    pub(super) fn unquoted(&self, token: Raw) -> Vec<u8> {
        let quote = self.text[token.start];
        let inner = &self.text[token.start + 1..token.end - 1];
        let mut name = Vec::with_capacity(inner.len());
        let mut i = 0;
        while i < inner.len() {
            let length = match self.dialect.charset {
                ClientCharset::AsciiSafe => 1,
                charset => charset.character(&inner[i..]).unwrap_or(1),
            };
            name.extend_from_slice(&inner[i..i + length]);
            let doubled = length == 1 && inner[i] == quote;
            i += if doubled { 2 } else { length };
        }
        name
    }
}
