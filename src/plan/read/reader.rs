//! The tokens of one statement and a place among them.
//!
//! Words that MySQL cannot read as keywords (quoted, or behind a point) are names here; whether an
//! unquoted word is a keyword is asked where it matters. Looking past the end is allowed and finds `Tok::End`.

use super::level::{Body, BodyId, Derived, DerivedId, Level, LevelId, Seen};
use super::shape::{Occurrence, OccurrenceId, QualifiedName, Role, Shape};
use crate::sql::{NormSlot, SysVarScope, Token, tokens};

/// A token with its text owned: this is the cold path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tok {
    /// Unquoted, not behind a point.
    Word {
        text: Box<str>,
        upper: Box<str>,
    },
    /// Quoted, or behind a point.
    Name(Box<str>),
    /// A literal that the fingerprint took out; a folded one stands for many.
    Marker(NormSlot),
    /// Punctuation.
    Op(&'static str),
    /// A user or system variable.
    Variable(Box<str>),
    /// A literal that the fingerprint kept.
    Literal(Box<str>),
    /// Instead of all tokens of a text that is too long; no statement begins so, so it is unsure.
    TooLong,
    End,
}

/// The tokens of a normalized text.
pub fn toks(normalized: &[u8]) -> Vec<Tok> {
    let mut toks: Vec<Tok> = Vec::new();
    if normalized.len() > TEXT_MAX {
        return vec![Tok::TooLong];
    }
    for lexeme in tokens(normalized) {
        let behind_point = matches!(toks.last(), Some(Tok::Op(op)) if **op == *".");
        toks.push(match lexeme.token {
            Token::Word(word) if behind_point => Tok::Name(text(word)),
            Token::Word(word) => {
                let text = text(word);
                Tok::Word { upper: text.to_ascii_uppercase().into(), text }
            }
            Token::Quoted(name) => Tok::Name(text(&name)),
            Token::Marker { n, .. } => Tok::Marker(n),
            Token::UserVar(name) => Tok::Variable(format!("@{}", text(&name)).into()),
            Token::SysVar { scope, name } => {
                let scope = match scope {
                    Some(SysVarScope::Global | SysVarScope::Persist | SysVarScope::PersistOnly) => "global.",
                    Some(SysVarScope::Session | SysVarScope::Local) | None => "",
                };
                Tok::Variable(format!("@@{scope}{}", text(&name)).into())
            }
            Token::Punct(byte) => Tok::Op(operator(&[byte])),
            Token::Op(op) => Tok::Op(operator(op)),
            Token::Structural(literal) => Tok::Literal(text(literal)),
        });
    }
    toks
}

/// Texts that are longer once normalized are not read: the tokens of a text take many times its size.
const TEXT_MAX: usize = 1 << 20;

fn operator(bytes: &[u8]) -> &'static str {
    const KNOWN: &[&str] = &[
        "(", ")", ",", ".", "=", "{", "}", ";", "+", "-", "*", "/", "%", "<", ">", "!", "&", "|", "^", "~", ":", "?",
        "@", "<=", ">=", "<>", "!=", "<=>", ":=", "||", "&&", "<<", ">>", "->", "->>",
    ];
    KNOWN.iter().find(|known| known.as_bytes() == bytes).copied().unwrap_or("(operator)")
}

/// A name that is no UTF-8 is in no map, and stays so.
fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// Reads a statement from left to right, filling a [`Shape`].
#[derive(Debug)]
pub struct Reader {
    toks: Vec<Tok>,
    pub at: usize,
    pub shape: Shape,
    /// Names of common table expressions that can be seen here, innermost last.
    pub expressions: Vec<Expression>,
    /// The references whose columns a query that begins here can see besides its own.
    pub around: Option<Seen>,
    /// Nesting of groups and queries; bounded, since each costs stack.
    depth: usize,
    /// Attempts left at reading `((` as a query: nested failures would double the work each.
    retries: u8,
    /// Comparisons that were looked at.
    pub comparisons: usize,
    /// Whether RETURNING is a reserved word of this server.
    pub returning: bool,
}

/// A common table expression.
#[derive(Debug, Clone)]
pub struct Expression {
    pub name: Box<str>,
    /// Names that its columns get.
    pub names: Option<Vec<Box<str>>>,
    /// `None` while it is read, and if it may name itself.
    pub body: Option<BodyId>,
}

/// More tables than any statement joins; some work grows with the square of their number.
const OCCURRENCES_MAX: usize = 1024;

/// Deeper nesting than any server's default thread stack parses comfortably.
const DEPTH_MAX: usize = 200;

impl Reader {
    pub fn new(toks: Vec<Tok>, returning: bool) -> Reader {
        Reader {
            toks,
            at: 0,
            shape: Shape::default(),
            expressions: Vec::new(),
            around: None,
            depth: 0,
            retries: 16,
            comparisons: 0,
            returning,
        }
    }

    pub fn len(&self) -> usize {
        self.toks.len()
    }

    pub fn is_too_long(&self) -> bool {
        matches!(self.toks.first(), Some(Tok::TooLong))
    }

    pub fn tok(&self, at: usize) -> &Tok {
        self.toks.get(at).unwrap_or(&Tok::End)
    }

    pub fn is_word(&self, at: usize, upper: &str) -> bool {
        matches!(self.tok(at), Tok::Word { upper: word, .. } if **word == *upper)
    }

    /// Whether the unquoted word stands anywhere.
    pub fn any_word(&self, upper: &str) -> bool {
        (0..self.len()).any(|at| self.is_word(at, upper))
    }

    pub fn is_any(&self, at: usize, words: &[&str]) -> bool {
        self.word(at).is_some_and(|word| words.contains(&word))
    }

    /// The unquoted word at `at`, in upper case.
    pub fn word(&self, at: usize) -> Option<&str> {
        match self.tok(at) {
            Tok::Word { upper, .. } => Some(upper),
            _ => None,
        }
    }

    pub fn is_op(&self, at: usize, op: &str) -> bool {
        matches!(self.tok(at), Tok::Op(found) if **found == *op)
    }

    /// Drops the tokens from `len` on.
    pub fn cut(&mut self, len: usize) {
        self.toks.truncate(len);
    }

    /// Whether the variable at `at` belongs to the server, not to the session.
    pub fn is_global_variable(&self, at: usize) -> bool {
        match self.tok(at) {
            Tok::Variable(text) => text.starts_with("@@global."),
            _ => false,
        }
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.toks.len()
    }

    /// The identifier at `at`, quoted or not.
    pub fn name(&self, at: usize) -> Option<&str> {
        match self.tok(at) {
            Tok::Word { text, .. } => Some(text),
            Tok::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Steps over `upper` if it is here.
    pub fn accept(&mut self, upper: &str) -> bool {
        let found = self.is_word(self.at, upper);
        self.at += usize::from(found);
        found
    }

    pub fn accept_any(&mut self, words: &[&str]) -> bool {
        let found = self.is_any(self.at, words);
        self.at += usize::from(found);
        found
    }

    pub fn accept_op(&mut self, op: &str) -> bool {
        let found = self.is_op(self.at, op);
        self.at += usize::from(found);
        found
    }

    /// Takes `d.t` or `t`.
    pub fn take_table_name(&mut self) -> Option<QualifiedName> {
        let first: Box<str> = self.name(self.at)?.into();
        self.at += 1;
        if self.is_op(self.at, ".") {
            let second: Box<str> = self.name(self.at + 1)?.into();
            self.at += 2;
            return Some((Some(first), second));
        }
        Some((None, first))
    }

    /// Index of the `)` that closes the `(` at `open`.
    pub fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.toks.len() {
            if self.is_op(at, "(") {
                depth += 1;
            } else if self.is_op(at, ")") {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        None
    }

    /// Steps over `( ... )` without looking inside; for lists of names.
    pub fn skip_group(&mut self) {
        match self.closing(self.at).filter(|_| self.is_op(self.at, "(")) {
            Some(close) => self.at = close + 1,
            None => self.unsure(),
        }
    }

    /// Gives the statement up: the first place counts.
    pub fn unsure(&mut self) {
        if self.shape.unsure.is_none() {
            self.shape.unsure = Some(self.near(self.at));
        }
        // Nothing behind this place is understood; the callers' loops end at the end.
        self.at = self.toks.len();
    }

    /// Runs `inside` one level deeper, or gives up.
    pub fn nested<T: Default>(&mut self, inside: impl FnOnce(&mut Reader) -> T) -> T {
        if self.depth >= DEPTH_MAX {
            self.unsure();
            return T::default();
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    pub fn may_retry(&mut self) -> bool {
        self.retries = self.retries.saturating_sub(1);
        self.retries > 0
    }

    pub fn mention(&mut self, name: &str) {
        if !self.shape.mentioned.iter().any(|known| **known == *name) {
            self.shape.mentioned.push(name.into());
        }
    }

    pub fn occurrence(&mut self, table: QualifiedName, role: Role) -> OccurrenceId {
        let (database, name) = table;
        if self.shape.occurrences.len() >= OCCURRENCES_MAX {
            self.unsure();
        }
        self.mention(&name);
        self.shape.occurrences.push(Occurrence { database, name, alias: None, role, end: self.at, portion: false });
        OccurrenceId(self.shape.occurrences.len() - 1)
    }

    /// A level of its own for a query that begins here.
    pub fn begin_level(&mut self) -> LevelId {
        self.shape.levels.push(Level { outer: self.around, ..Level::default() });
        LevelId(self.shape.levels.len() - 1)
    }

    pub fn level(&mut self, LevelId(id): LevelId) -> &mut Level {
        &mut self.shape.levels[id]
    }

    /// Reads `inside`, whose queries see `around` besides their own references.
    pub fn seeing<T>(&mut self, around: Option<Seen>, inside: impl FnOnce(&mut Reader) -> T) -> T {
        let before = std::mem::replace(&mut self.around, around);
        let result = inside(self);
        self.around = before;
        result
    }

    pub fn keep(&mut self, body: Body) -> BodyId {
        self.shape.bodies.push(body);
        BodyId(self.shape.bodies.len() - 1)
    }

    pub fn derived(&mut self, derived: Derived) -> DerivedId {
        if let Some(BodyId(body)) = derived.body {
            self.shape.bodies[body].references += 1;
        }
        self.shape.derived.push(derived);
        DerivedId(self.shape.derived.len() - 1)
    }

    /// A few tokens, for a person who looks for the place.
    fn near(&self, at: usize) -> Box<str> {
        let at = at.min(self.toks.len().saturating_sub(1));
        let mut text = String::new();
        for tok in self.toks.iter().skip(at).take(3) {
            let part = match tok {
                Tok::Word { text, .. } | Tok::Name(text) | Tok::Variable(text) | Tok::Literal(text) => &**text,
                Tok::Op(op) => op,
                Tok::TooLong => "a statement this long",
                Tok::Marker(_) => "?",
                Tok::End => "",
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.extend(part.chars().take(32));
        }
        text.into()
    }
}
