//! Tokens of a normalized text, for the cold path (facts, planning on a miss).
//!
//! Needs no dialect: the normalized text is self-describing. Never fails: bytes that no scan writes
//! come out as [`Token::Punct`]. The n-th [`Token::Marker`] carries [`NormSlot`]`(n)`.

use super::classes::{CLASSES, Class, in_word};
use super::literal::{Number, number};
use super::scratch::{MARKER, STRUCTURAL};
use super::{MarkerKind, NormSlot};
use std::borrow::Cow;

/// A token and its place in the normalized text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lexeme<'a> {
    pub token: Token<'a>,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Token<'a> {
    /// An unquoted word: keyword, identifier, function, charset introducer.
    Word(&'a [u8]),
    /// A quoted identifier, unquoted.
    Quoted(Cow<'a, [u8]>),
    /// The place of a literal; of one or more if `folded`.
    Marker { n: NormSlot, kind: MarkerKind, folded: bool },
    /// `@name`, without the `@` and its quotes.
    UserVar(Cow<'a, [u8]>),
    /// `@@name`, `@@session.name`; `name` may be dotted (`instance.key_buffer_size`).
    SysVar { scope: Option<SysVarScope>, name: Cow<'a, [u8]> },
    /// One byte of punctuation.
    Punct(u8),
    /// `<=` `>=` `<>` `!=` `<=>` `:=` `||` `&&` `<<` `>>` `->` `->>`.
    Op(&'a [u8]),
    /// A literal that is part of the structure, as the client wrote it.
    Structural(&'a [u8]),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SysVarScope {
    Session,
    Local,
    Global,
    Persist,
    PersistOnly,
}

impl Token<'_> {
    /// Whether this is the unquoted `word`, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(bytes) if bytes.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether this is the punctuation byte.
    pub fn is_punct(&self, byte: u8) -> bool {
        *self == Token::Punct(byte)
    }

    /// The name, if this can be an identifier (an unquoted word or a quoted identifier).
    pub fn name(&self) -> Option<&[u8]> {
        match self {
            Token::Word(bytes) => Some(bytes),
            Token::Quoted(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Iterates over a normalized text.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    markers: u32,
}

/// The tokens of a text that [`super::scan`] normalized.
pub fn tokens(normalized: &[u8]) -> Tokens<'_> {
    Tokens { text: normalized, at: 0, markers: 0 }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Lexeme<'a>;

    fn next(&mut self) -> Option<Lexeme<'a>> {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let start = self.at;
        let first = *self.text.get(start)?;
        let (token, end) = self.token(first, start);
        self.at = end;
        Some(Lexeme { token, start, end })
    }
}

impl<'a> Tokens<'a> {
    fn token(&mut self, first: u8, at: usize) -> (Token<'a>, usize) {
        match CLASSES[first as usize] {
            Class::Stray if first == MARKER => self.marker(at),
            Class::Stray if first == STRUCTURAL => self.opaque(at),
            Class::Word => self.word(at),
            Class::Digit => self.number(at),
            Class::Dot if self.is_decimal(at) => self.number(at),
            Class::Quote => {
                let end = memchr::memchr(b'\'', &self.text[at + 1..]).map_or(self.text.len(), |i| at + i + 2);
                (Token::Structural(&self.text[at..end]), end)
            }
            Class::Backquote => {
                let (name, end) = self.quoted(at);
                (Token::Quoted(name), end)
            }
            Class::At => self.variable(at),
            _ => match operator(&self.text[at..]) {
                Some(length) => (Token::Op(&self.text[at..at + length]), at + length),
                None => (Token::Punct(first), at + 1),
            },
        }
    }

    fn marker(&mut self, at: usize) -> (Token<'a>, usize) {
        match self.text.get(at + 1).copied().and_then(MarkerKind::from_byte) {
            Some((kind, folded)) => {
                let n = NormSlot(self.markers);
                self.markers += 1;
                (Token::Marker { n, kind, folded }, at + 2)
            }
            None => (Token::Punct(MARKER), at + 1),
        }
    }

    fn opaque(&self, at: usize) -> (Token<'a>, usize) {
        let read = || {
            let length = self.text.get(at + 1..at + 5)?.try_into().ok().map(u32::from_le_bytes)?;
            let end = (at + 5).checked_add(length as usize)?;
            Some((Token::Structural(self.text.get(at + 5..end)?), end))
        };
        read().unwrap_or((Token::Punct(STRUCTURAL), at + 1))
    }

    fn word_end(&self, at: usize) -> usize {
        self.text[at..].iter().position(|byte| !in_word(*byte)).map_or(self.text.len(), |length| at + length)
    }

    fn word(&self, at: usize) -> (Token<'a>, usize) {
        let end = self.word_end(at);
        // Only bit and hex literals are written with a quote directly behind a letter.
        if end == at + 1
            && self.text.get(end) == Some(&b'\'')
            && let Some(length) = memchr::memchr(b'\'', &self.text[end + 1..])
        {
            let close = end + length + 2;
            return (Token::Structural(&self.text[at..close]), close);
        }
        (Token::Word(&self.text[at..end]), end)
    }

    /// A structural number, or a name that begins with a digit.
    fn number(&self, at: usize) -> (Token<'a>, usize) {
        let behind_dot = at > 0 && self.text[at - 1] == b'.';
        match number(self.text, at) {
            Ok(Number::Literal(_, end) | Number::Bits(end)) if !behind_dot => {
                (Token::Structural(&self.text[at..end]), end)
            }
            _ if self.text[at] == b'.' => (Token::Punct(b'.'), at + 1),
            _ => {
                let end = self.word_end(at);
                (Token::Word(&self.text[at..end]), end)
            }
        }
    }

    /// Whether the dot at `at` begins a number; directly behind a name it does not.
    fn is_decimal(&self, at: usize) -> bool {
        let digit = self.text.get(at + 1).is_some_and(u8::is_ascii_digit);
        digit && !(at > 0 && (in_word(self.text[at - 1]) || self.text[at - 1] == b'`'))
    }

    /// The quoted identifier at `at` and its end.
    fn quoted(&self, at: usize) -> (Cow<'a, [u8]>, usize) {
        let inner = at + 1;
        let mut i = inner;
        let mut doubled = false;
        loop {
            match memchr::memchr(b'`', &self.text[i..]) {
                None => return (Cow::Borrowed(&self.text[inner..]), self.text.len()),
                Some(offset) if self.text.get(i + offset + 1) == Some(&b'`') => {
                    doubled = true;
                    i += offset + 2;
                }
                Some(offset) => {
                    let raw = &self.text[inner..i + offset];
                    let name = if doubled { Cow::Owned(undouble(raw)) } else { Cow::Borrowed(raw) };
                    return (name, i + offset + 1);
                }
            }
        }
    }

    fn variable(&self, at: usize) -> (Token<'a>, usize) {
        match self.text.get(at + 1) {
            Some(b'@') => self.system_variable(at),
            Some(b'`') => {
                let (name, end) = self.quoted(at + 1);
                (Token::UserVar(name), end)
            }
            Some(byte) if in_word(*byte) || *byte == b'.' => {
                let name = &self.text[at + 1..];
                let length = name.iter().position(|byte| !in_word(*byte) && *byte != b'.').unwrap_or(name.len());
                (Token::UserVar(Cow::Borrowed(&name[..length])), at + 1 + length)
            }
            _ => (Token::Punct(b'@'), at + 1),
        }
    }

    fn system_variable(&self, at: usize) -> (Token<'a>, usize) {
        let mut parts: Vec<Cow<'a, [u8]>> = Vec::new();
        let mut i = at + 2;
        loop {
            match self.text.get(i) {
                Some(b'`') => {
                    let (name, end) = self.quoted(i);
                    parts.push(name);
                    i = end;
                }
                Some(byte) if in_word(*byte) => {
                    let end = self.word_end(i);
                    parts.push(Cow::Borrowed(&self.text[i..end]));
                    i = end;
                }
                _ => break,
            }
            let more = self.text.get(i + 1).is_some_and(|byte| in_word(*byte) || *byte == b'`');
            if self.text.get(i) != Some(&b'.') || !more {
                break;
            }
            i += 1;
        }
        if parts.is_empty() {
            return (Token::Punct(b'@'), at + 1);
        }
        let scope = if parts.len() > 1 { scope(&parts[0]) } else { None };
        if scope.is_some() {
            parts.remove(0);
        }
        let name = if parts.len() == 1 { parts.remove(0) } else { Cow::Owned(parts.join(&b'.')) };
        (Token::SysVar { scope, name }, i)
    }
}

fn scope(word: &[u8]) -> Option<SysVarScope> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("session") => Some(SysVarScope::Session),
        () if is("local") => Some(SysVarScope::Local),
        () if is("global") => Some(SysVarScope::Global),
        () if is("persist") => Some(SysVarScope::Persist),
        () if is("persist_only") => Some(SysVarScope::PersistOnly),
        () => None,
    }
}

/// The length of the operator of several bytes that `text` begins with.
fn operator(text: &[u8]) -> Option<usize> {
    match text {
        [b'<', b'=', b'>', ..] | [b'-', b'>', b'>', ..] => Some(3),
        [b'<' | b'>' | b'!' | b':', b'=', ..] | [b'<', b'>' | b'<', ..] | [b'>', b'>', ..] => Some(2),
        [b'|', b'|', ..] | [b'&', b'&', ..] | [b'-', b'>', ..] => Some(2),
        _ => None,
    }
}

fn undouble(raw: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(raw.len());
    let mut i = 0;
    while let Some(byte) = raw.get(i) {
        name.push(*byte);
        i += if *byte == b'`' { 2 } else { 1 };
    }
    name
}
