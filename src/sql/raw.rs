//! Tokens of the client's own text with their byte spans, for statements that are read for their text.
//!
//! Cold. Uses the same ends of literals and comments as the fingerprint. Code of executable comments is
//! read in place, as the server would; the comment's own marks are skipped.

use super::classes::{CLASSES, Class};
use super::comment::{Comment, comment};
use super::literal::{Number, bits_end, identifier_end, number, string_end, word_end};
use super::{Dialect, LexError, LexFault};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RawKind {
    Word,
    /// A quoted identifier.
    Quoted,
    /// With its prefix, if it is `x'..'`, `b'..'` or `n'..'`.
    String,
    Number,
    /// A byte of punctuation; `@` and `:` among them.
    Punct(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Raw {
    pub kind: RawKind,
    pub start: usize,
    pub end: usize,
    /// Where the executable comment begins that the token stands in.
    pub comment: Option<usize>,
}

/// The tokens up to the first `;`.
pub(super) fn raw(text: &[u8], dialect: &Dialect) -> Result<Vec<Raw>, LexError> {
    let mut tokens = Vec::new();
    let mut executable = None;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let (kind, end) = match CLASSES[byte as usize] {
            Class::Space => {
                at += 1;
                continue;
            }
            Class::Dash | Class::Slash | Class::Hash => match comment(text, at, dialect)? {
                Comment::None => (RawKind::Punct(byte), at + 1),
                Comment::Skip(end) => {
                    at = end;
                    continue;
                }
                Comment::Run(code) => {
                    executable = Some(at);
                    at = code;
                    continue;
                }
            },
            Class::Star if executable.is_some() && text.get(at + 1) == Some(&b'/') => {
                executable = None;
                at += 2;
                continue;
            }
            Class::Semicolon if executable.is_some() => {
                return Err(LexError::new(at, LexFault::SemicolonInComment));
            }
            Class::Semicolon => break,
            Class::Stray => return Err(LexError::new(at, LexFault::StrayByte(byte))),
            class => token(text, at, class, dialect)?,
        };
        tokens.push(Raw { kind, start: at, end, comment: executable });
        at = end;
    }
    match executable {
        Some(at) => Err(LexError::new(at, LexFault::UnterminatedComment)),
        None => Ok(tokens),
    }
}

fn token(text: &[u8], at: usize, class: Class, dialect: &Dialect) -> Result<(RawKind, usize), LexError> {
    let byte = text[at];
    Ok(match class {
        Class::Word => {
            let end = word_end(text, at, dialect.charset)?;
            let prefixed = end == at + 1 && text.get(end) == Some(&b'\'');
            match byte | 0x20 {
                b'n' if prefixed => (RawKind::String, string_end(text, end, dialect)?),
                b'x' | b'b' if prefixed => (RawKind::String, bits_end(text, end, byte | 0x20 == b'x')?),
                _ => (RawKind::Word, end),
            }
        }
        Class::DoubleQuote if dialect.ansi_quotes => (RawKind::Quoted, identifier_end(text, at, dialect.charset)?),
        Class::Backquote => (RawKind::Quoted, identifier_end(text, at, dialect.charset)?),
        Class::Quote | Class::DoubleQuote => (RawKind::String, string_end(text, at, dialect)?),
        Class::Digit => number_or_word(text, at, dialect)?,
        Class::Dot if text.get(at + 1).is_some_and(u8::is_ascii_digit) && !names_end(text, at) => {
            number_or_word(text, at, dialect)?
        }
        _ => (RawKind::Punct(byte), at + 1),
    })
}

/// Whether a name ends directly before the dot at `at`.
fn names_end(text: &[u8], at: usize) -> bool {
    at > 0 && (super::classes::in_word(text[at - 1]) || matches!(text[at - 1], b'`' | b'"'))
}

fn number_or_word(text: &[u8], at: usize, dialect: &Dialect) -> Result<(RawKind, usize), LexError> {
    Ok(match number(text, at)? {
        Number::Literal(_, end) | Number::Bits(end) => (RawKind::Number, end),
        Number::Word => (RawKind::Word, word_end(text, at, dialect.charset)?),
    })
}
