//! The fingerprint: one pass over the client's bytes writes the normalized text and the slots.
//!
//! This is the hot path of every text statement: no token list, no allocation once the scratch is warm.
//! The grammar is not known here, only what surrounds a literal. A literal that may be structure (a
//! position in ORDER BY, a LIMIT, an alias) is written out as text; everything else becomes a marker.
//!
//! Invariants: the normalized text can be cut into the statement's tokens again without the dialect
//! ([`super::tokens`]), so equal texts are equal statements but for the literals in the slots. Offsets
//! never leave the text. After an error the scratch is empty.

use super::classes::{CLASSES, Class, combines, in_word, is_keyword, is_space};
use super::comment::{Comment, comment};
use super::head::Head;
use super::hint::is_hint;
use super::literal::word_end;
use super::rows::Rows;
use super::{ClientCharset, Dialect, Flavor, LexError, LexFault, Scratch};

/// Where the scanned statement ends and whether another follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scanned {
    /// Offset of the `;` or the length of the text.
    pub end: usize,
    /// Where a further, non-empty statement begins.
    pub rest: Option<usize>,
}

/// Scans ONE statement from the start of `text` into `scratch`.
///
/// CREATE PROCEDURE and the like, and compound statements, take the rest of the text as theirs.
pub fn scan(text: &[u8], dialect: &Dialect, scratch: &mut Scratch) -> Result<Scanned, LexError> {
    scratch.clear();
    if u32::try_from(text.len()).is_err() {
        return Err(LexError::new(0, LexFault::TooLong));
    }
    let scanned = Scan::new(text, dialect, scratch).run();
    match scanned {
        Ok(_) => scratch.seal(),
        Err(_) => scratch.clear(),
    }
    scanned
}

/// What the last token was, as far as the next one cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prev {
    Start,
    Word,
    /// A quoted identifier or a variable.
    Quoted,
    /// LIMIT, OFFSET, FETCH FIRST: a number that follows is structure.
    Limit,
    LimitNumber,
    /// INTERVAL: a literal that follows is structure.
    Interval,
    /// BY: a number that follows is a position.
    By,
    /// AS: a string that follows is a name.
    As,
    /// `_utf8`: a string that follows is not of the client's charset.
    Introducer,
    /// DATE, TIMESTAMP: a string that follows is of that type.
    Date,
    Timestamp,
    In,
    Values,
    /// ROW behind VALUES.
    Row,
    /// A string in a slot: a further string would be joined to it.
    Text,
    Literal,
    Structural,
    Open,
    Close,
    Comma,
    Equal,
    Dot,
    Operator,
}

pub(super) struct Scan<'a> {
    pub text: &'a [u8],
    pub dialect: &'a Dialect,
    pub out: &'a mut Scratch,
    pub at: usize,
    pub prev: Prev,
    /// Space or a comment stood before the token at `at`.
    pub spaced: bool,
    pub depth: u32,
    /// Bit n: the list at paren depth n is one of ORDER BY or GROUP BY.
    pub positions: u64,
    /// Where the executable comment began that we are in.
    executable: Option<usize>,
    pub params: u32,
    pub head: Head,
    pub rows: Rows,
}

impl<'a> Scan<'a> {
    fn new(text: &'a [u8], dialect: &'a Dialect, out: &'a mut Scratch) -> Scan<'a> {
        Scan {
            text,
            dialect,
            out,
            at: 0,
            prev: Prev::Start,
            spaced: false,
            depth: 0,
            positions: 0,
            executable: None,
            params: 0,
            head: Head::First,
            rows: Rows::default(),
        }
    }

    fn run(&mut self) -> Result<Scanned, LexError> {
        while let Some(&byte) = self.text.get(self.at) {
            match CLASSES[byte as usize] {
                Class::Space => {
                    self.at += 1;
                    self.spaced = true;
                    continue;
                }
                Class::Word => self.word(byte)?,
                Class::Digit => self.number()?,
                Class::Quote => self.string()?,
                Class::DoubleQuote if self.dialect.ansi_quotes => self.quoted()?,
                Class::DoubleQuote => self.string()?,
                Class::Backquote => self.quoted()?,
                Class::Dot => self.dot()?,
                Class::Open => self.open(),
                Class::Close => self.close(),
                Class::Comma => self.comma(),
                Class::Question => self.param()?,
                Class::At => self.variable()?,
                Class::Dash | Class::Slash | Class::Hash => match comment(self.text, self.at, self.dialect)? {
                    Comment::None => self.operator(byte),
                    Comment::Skip(end) => {
                        self.hint(end);
                        self.at = end;
                        self.spaced = true;
                        continue;
                    }
                    Comment::Run(code) => {
                        self.executable = Some(self.at);
                        self.at = code;
                        self.spaced = true;
                        continue;
                    }
                },
                Class::Star => {
                    if self.executable.is_some() && self.text.get(self.at + 1) == Some(&b'/') {
                        self.executable = None;
                        self.at += 2;
                        self.spaced = true;
                        continue;
                    }
                    self.operator(byte);
                }
                Class::Operator => self.operator(byte),
                Class::Semicolon if self.executable.is_some() => {
                    return Err(LexError::new(self.at, LexFault::SemicolonInComment));
                }
                Class::Semicolon if self.head == Head::Block => self.operator(byte),
                Class::Semicolon => break,
                Class::Stray => return Err(LexError::new(self.at, LexFault::StrayByte(byte))),
            }
            self.spaced = false;
        }
        if let Some(at) = self.executable {
            return Err(LexError::new(at, LexFault::UnterminatedComment));
        }
        self.rows.seal(self.out);
        let rest = if self.at < self.text.len() { self.further(self.at + 1)? } else { None };
        Ok(Scanned { end: self.at, rest })
    }

    /// Notes the comment that ends at `end` if it is a hint. A second one is one too many already.
    fn hint(&mut self, end: usize) {
        if is_hint(&self.text[self.at..end]) && self.out.hints.len() < 2 {
            // The text is shorter than 4 GiB.
            self.out.hints.push((self.at as u32, end as u32));
        }
    }

    /// Where a non-empty statement begins at or behind `at`.
    fn further(&self, mut at: usize) -> Result<Option<usize>, LexError> {
        while let Some(&byte) = self.text.get(at) {
            match CLASSES[byte as usize] {
                Class::Space | Class::Semicolon => at += 1,
                Class::Dash | Class::Slash | Class::Hash => {
                    match comment(self.text, at, self.dialect) {
                        // A hint belongs to what follows it.
                        Ok(Comment::Skip(end)) if !is_hint(&self.text[at..end]) => at = end,
                        // An error is reported when that statement is scanned.
                        _ => return Ok(Some(at)),
                    }
                }
                _ => return Ok(Some(at)),
            }
        }
        Ok(None)
    }

    /// A space if the normalized text would otherwise run into a token that begins with `first`.
    #[inline]
    pub(super) fn gap(&mut self, first: u8) {
        let Some(&last) = self.out.normalized.last() else {
            return;
        };
        let runs_together = if in_word(first) || first == b'.' {
            in_word(last)
        } else if first == b'\'' || first == b'`' {
            last == first || (first == b'\'' && in_word(last))
        } else {
            false
        };
        if runs_together {
            self.out.normalized.push(b' ');
        }
    }

    fn operator(&mut self, byte: u8) {
        // `< =` and `<=`, `- -` and `--` are not the same: keep them apart if the client did.
        if self.spaced && combines(byte) && self.out.normalized.last().copied().is_some_and(combines) {
            self.out.normalized.push(b' ');
        }
        if byte == b':' {
            self.head.label(self.out.normalized.len());
        }
        self.out.normalized.push(byte);
        self.prev = if byte == b'=' { Prev::Equal } else { Prev::Operator };
        self.at += 1;
    }

    fn dot(&mut self) -> Result<(), LexError> {
        let follows = self.text.get(self.at + 1).copied().unwrap_or_default();
        let names = !self.spaced && matches!(self.prev, Prev::Word | Prev::Quoted | Prev::Introducer);
        if follows.is_ascii_digit() && !names && !self.is_qualifier() {
            return self.number();
        }
        let apart = matches!(self.prev, Prev::Structural | Prev::LimitNumber)
            || (self.spaced && self.out.normalized.last().copied().is_some_and(combines));
        if apart {
            self.out.normalized.push(b' ');
        }
        self.out.normalized.push(b'.');
        self.at += 1;
        self.prev = Prev::Dot;
        // Directly behind the dot of a name even digits begin a name.
        match self.text.get(self.at) {
            Some(byte) if in_word(*byte) => {
                let end = word_end(self.text, self.at, self.dialect.charset)?;
                self.write_word(end);
                self.prev = Prev::Word;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the last token was a word that is a keyword to us but may well be a name before a dot.
    fn is_qualifier(&self) -> bool {
        !self.spaced
            && matches!(
                self.prev,
                Prev::Limit
                    | Prev::Interval
                    | Prev::By
                    | Prev::As
                    | Prev::In
                    | Prev::Values
                    | Prev::Row
                    | Prev::Date
                    | Prev::Timestamp
            )
    }

    fn comma(&mut self) {
        self.out.normalized.push(b',');
        self.prev = if self.prev == Prev::LimitNumber { Prev::Limit } else { Prev::Comma };
        self.at += 1;
    }

    fn open(&mut self) {
        // `now ()` and `now()` differ without IGNORE_SPACE.
        if self.spaced && self.out.normalized.last().is_some_and(|last| in_word(*last) || *last == b'`') {
            self.out.normalized.push(b' ');
        }
        let before = self.prev;
        match before {
            Prev::In if !self.rows.inside() && self.in_list() => return,
            Prev::Values | Prev::Row if !self.rows.inside() => {
                let word = if before == Prev::Row { self.rows.row_word } else { self.out.normalized.len() };
                self.rows.begin(self.depth, word, self.out);
            }
            _ => {}
        }
        self.enter();
    }

    /// Writes the `(` at `at` and goes one level deeper.
    pub(super) fn enter(&mut self) {
        self.out.normalized.push(b'(');
        self.at += 1;
        self.depth += 1;
        if self.depth < 64 {
            self.positions &= !(1 << self.depth);
        }
        self.prev = Prev::Open;
    }

    fn close(&mut self) {
        self.out.normalized.push(b')');
        self.at += 1;
        self.depth = self.depth.saturating_sub(1);
        self.prev = Prev::Close;
        if self.rows.inside() && self.depth <= self.rows.depth {
            self.row_end();
        }
    }

    fn word(&mut self, byte: u8) -> Result<(), LexError> {
        let end = word_end(self.text, self.at, self.dialect.charset)?;
        if end == self.at + 1 && self.text.get(end) == Some(&b'\'') && matches!(byte | 0x20, b'n' | b'x' | b'b') {
            return self.prefixed_string(byte | 0x20, end);
        }
        if byte == b'$' && self.dialect.family == Flavor::MySql && self.dollar_quoted(end) {
            return Ok(());
        }
        let word = &self.text[self.at..end];
        let before = self.prev;
        self.prev = if before == Prev::Dot { Prev::Word } else { self.keyword(word, before) };
        if self.prev == Prev::Row {
            self.gap(byte);
            self.rows.row_word = self.out.normalized.len();
        }
        self.write_word(end);
        if self.head.is_open() && before != Prev::Dot {
            self.head = self.head.word(word, before, self.out.normalized.len());
        }
        Ok(())
    }

    /// Words after which a literal or a parenthesis means something else.
    #[inline]
    fn keyword(&mut self, word: &[u8], before: Prev) -> Prev {
        // The length and the first letter rule out nearly all words before any is compared.
        match (word.len(), word[0] | 0x20) {
            (2, b'i') if is_keyword(word, b"in") => Prev::In,
            (2, b'a') if is_keyword(word, b"as") => Prev::As,
            (2, b'b') if is_keyword(word, b"by") => {
                if self.depth < 64 {
                    self.positions |= 1 << self.depth;
                }
                Prev::By
            }
            (3, b'r') if before == Prev::Values && is_keyword(word, b"row") => Prev::Row,
            (4, b'n') if is_keyword(word, b"next") => Prev::Limit,
            (4, b'd') if is_keyword(word, b"date") => Prev::Date,
            (5, b'l') if is_keyword(word, b"limit") => Prev::Limit,
            (5, b'f') if is_keyword(word, b"first") => Prev::Limit,
            (5, b'v') if self.head == Head::Insert && self.depth == 0 && is_keyword(word, b"value") => {
                self.values(before)
            }
            (6, b'v') if is_keyword(word, b"values") => self.values(before),
            (6, b'o') if is_keyword(word, b"offset") => Prev::Limit,
            (6, b's') if is_keyword(word, b"select") => {
                if self.depth < 64 {
                    self.positions &= !(1 << self.depth);
                }
                Prev::Word
            }
            (8, b'i') if is_keyword(word, b"interval") => Prev::Interval,
            (9, b't') if is_keyword(word, b"timestamp") => Prev::Timestamp,
            _ if word[0] == b'_' => Prev::Introducer,
            _ => Prev::Word,
        }
    }

    /// VALUES behind an operator or a comma is the function of ON DUPLICATE KEY UPDATE.
    fn values(&self, before: Prev) -> Prev {
        match before {
            Prev::Start
            | Prev::Word
            | Prev::Quoted
            | Prev::Date
            | Prev::Timestamp
            | Prev::Close
            | Prev::Open
            | Prev::Structural => Prev::Values,
            _ => Prev::Word,
        }
    }

    pub(super) fn skip_spaces(&self, mut at: usize) -> usize {
        while self.text.get(at).copied().is_some_and(is_space) {
            at += 1;
        }
        at
    }

    /// Whether quotes of this kind begin a string.
    pub(super) fn quotes_string(&self, byte: u8) -> bool {
        byte == b'\'' || (byte == b'"' && !self.dialect.ansi_quotes)
    }

    pub(super) fn is_multibyte(&self) -> bool {
        self.dialect.charset != ClientCharset::AsciiSafe
    }
}
