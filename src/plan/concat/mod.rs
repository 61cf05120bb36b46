//! Whether the answer of a SELECT over several shards is the concatenation of its shards' answers: every row of it comes
//! of one row of the first split table, of rows of others that live on its shard (`from.rs`), and of rows that every shard has.
//! A derived table or a common table expression that is read alone is such a SELECT itself (`derived.rs`).
//!
//! Pure, and asked once per plan. What is allowed is listed, word by word; everything else is an [`Obstacle`], which names
//! the construct and its place. A function counts only if it is one of `functions.rs`: builtins of both families whose
//! value depends on nothing but their arguments and the session's settings.

mod derived;
mod from;
mod functions;
#[cfg(test)]
mod tests;

use super::{Refusal, Tables};
use crate::sql::{Access, Dialect, Facts, Lexeme, Token, Verb, place_of, tokens};
pub(in crate::plan) use from::KEEPS_SPLIT;
pub(in crate::plan) use functions::AGGREGATES;
use functions::Called;

/// How the answer of a statement is made of those of its shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concatenation {
    /// No split table is named, so there are no several shards.
    NotAsked,
    /// The rows of all of them, in any order.
    Yes,
    /// In no way that is known here; why is the first thing that stands in its way.
    No(Obstacle),
    /// They would be, but this table has another name on its servers, where the text is edited for one shard only.
    OtherName(Box<str>),
}

/// The first construct of a text for which rows of several shards are needed in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// `ORDER BY`, `aggregate COUNT()`.
    pub construct: Box<str>,
    /// A few words from there on, literals shown as `?`.
    pub near: Box<str>,
    /// The token that begins it, and how many like it stand before it: so it is found in the client's own text.
    pub(super) token: Box<[u8]>,
    pub(super) before: usize,
}

/// What the statement with this normalized text, which names these tables, is.
pub fn concatenation(normalized: &[u8], facts: &Facts, tables: &Tables) -> Concatenation {
    let tokens = tokens(normalized).collect();
    let mut select = Select { tokens, normalized, at: 0, inner: 0, expressions: Vec::new() };
    match select.read(facts, tables) {
        Ok(()) => Concatenation::Yes,
        Err(construct) => Concatenation::No(select.obstacle(construct)),
    }
}

impl Obstacle {
    /// The refusal of a statement that needs rows of these shards; `text` is the client's, read by `dialect`.
    pub fn refusal(&self, shards: &[Box<str>], text: &[u8], dialect: &Dialect) -> Refusal {
        Refusal::Together {
            shards: shards.into(),
            construct: self.construct.clone(),
            near: self.near.clone(),
            at: place_of(text, dialect, &self.token, self.before),
        }
    }
}

/// A statement, read from left to right; `at` is where it was read to when something is in the way.
struct Select<'a> {
    tokens: Vec<Lexeme<'a>>,
    normalized: &'a [u8],
    at: usize,
    /// In how many parentheses of derived tables and common table expressions this place is.
    inner: usize,
    /// Of WITH, those that can be seen here.
    expressions: Vec<derived::Expression>,
}

/// The construct that begins at `at`.
type Read = Result<(), String>;

/// What ends expressions, beside the end of the statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Nothing,
    From,
    /// What may follow the condition of a join.
    On,
}

/// What a join is called that is not by the keys of tables that are split alike.
pub(in crate::plan) const JOIN: &str = "a join";

/// Words that may begin a join.
const JOINS: [&str; 6] = ["LEFT", "RIGHT", "INNER", "CROSS", "NATURAL", "STRAIGHT_JOIN"];

/// Words between SELECT and the first column that change no row.
#[rustfmt::skip]
const MODIFIERS: [&str; 8] = [
    "ALL", "HIGH_PRIORITY", "STRAIGHT_JOIN", "SQL_SMALL_RESULT", "SQL_BIG_RESULT", "SQL_BUFFER_RESULT", "SQL_CACHE",
    "SQL_NO_CACHE",
];

/// Words that are in the way wherever they stand unquoted, with what they are called.
const IN_THE_WAY: [(&str, &str); 35] = [
    ("SELECT", "a subquery"),
    ("UNION", "UNION"),
    ("EXCEPT", "EXCEPT"),
    ("INTERSECT", "INTERSECT"),
    ("MINUS", "MINUS"),
    ("GROUP", "GROUP BY"),
    ("HAVING", "HAVING"),
    ("ORDER", "ORDER BY"),
    ("LIMIT", "LIMIT"),
    ("FETCH", "FETCH"),
    ("WINDOW", "WINDOW"),
    ("QUALIFY", "QUALIFY"),
    ("OVER", "a window function (OVER)"),
    ("PROCEDURE", "PROCEDURE"),
    ("INTO", "INTO"),
    ("DISTINCT", "DISTINCT"),
    ("DISTINCTROW", "DISTINCTROW"),
    ("SQL_CALC_FOUND_ROWS", "SQL_CALC_FOUND_ROWS"),
    ("WITH", "WITH"),
    ("RETURNING", "RETURNING"),
    ("JOIN", JOIN),
    ("NEXTVAL", "a sequence"),
    ("CURRVAL", "a sequence"),
    ("LASTVAL", "a sequence"),
    ("ROWNUM", "ROWNUM"),
    ("CURRENT_DATE", "the clock (CURRENT_DATE)"),
    ("CURRENT_TIME", "the clock (CURRENT_TIME)"),
    ("CURRENT_TIMESTAMP", "the clock (CURRENT_TIMESTAMP)"),
    ("LOCALTIME", "the clock (LOCALTIME)"),
    ("LOCALTIMESTAMP", "the clock (LOCALTIMESTAMP)"),
    ("UTC_DATE", "the clock (UTC_DATE)"),
    ("UTC_TIME", "the clock (UTC_TIME)"),
    ("UTC_TIMESTAMP", "the clock (UTC_TIMESTAMP)"),
    ("CURRENT_USER", "CURRENT_USER"),
    ("CURRENT_ROLE", "CURRENT_ROLE"),
];

/// Words that may stand before a parenthesis without calling anything: operators, and types of CAST.
#[rustfmt::skip]
const BEFORE_PARENTHESIS: [&str; 40] = [
    "IN", "AND", "OR", "XOR", "NOT", "BETWEEN", "LIKE", "REGEXP", "RLIKE", "SOUNDS", "ESCAPE", "DIV", "MOD", "CASE",
    "WHEN", "THEN", "ELSE", "INTERVAL", "BINARY", "COLLATE", "IS", "ROW", "AS", "FROM", "FOR", "USING", "WHERE",
    "CHAR", "NCHAR", "VARCHAR", "VARBINARY", "DECIMAL", "DATETIME", "TIME", "FLOAT", "DOUBLE", "ALL", "ANY", "SOME",
    "EXISTS",
];

impl Select<'_> {
    /// The whole statement.
    fn read(&mut self, facts: &Facts, tables: &Tables) -> Read {
        if facts.verb == Verb::Select {
            self.with()?;
        }
        if facts.verb != Verb::Select || !self.is_word(self.at, "SELECT") {
            return Err(match self.word(self.at) {
                Some(word) => String::from_utf8_lossy(word).to_ascii_uppercase(),
                None => "a query in parentheses".into(),
            });
        }
        let has_all = self.select(tables)?;
        if self.at < self.tokens.len() {
            return Err(self.clause());
        }
        if facts.access != Access::Read || !has_all {
            // A lock, a function or a table that the walk let pass; there is none, as far as is known.
            self.at = 0;
            return Err("what may be no read".into());
        }
        Ok(())
    }

    /// A SELECT, to the end of what can be read; whether its FROM has every table of the statement.
    fn select(&mut self, tables: &Tables) -> Result<bool, String> {
        self.at += 1;
        while MODIFIERS.iter().any(|word| self.is_word(self.at, word)) {
            self.at += 1;
        }
        self.expression(End::From)?;
        if !self.is_word(self.at, "FROM") {
            return Err("what could not be read as a column".into());
        }
        self.at += 1;
        let has_all = self.from(tables)?;
        if self.is_word(self.at, "WHERE") {
            self.at += 1;
            self.expression(End::Nothing)?;
        }
        Ok(has_all)
    }

    /// Expressions, up to what ends them outside of parentheses, or to the end.
    fn expression(&mut self, end: End) -> Read {
        let mut depth = 0usize;
        while let Some(lexeme) = self.tokens.get(self.at) {
            match &lexeme.token {
                _ if depth == 0 && end == End::On && self.ends_condition() => return Ok(()),
                Token::Word(_) if depth == 0 && end == End::From && self.is_word(self.at, "FROM") => return Ok(()),
                Token::Word(_) if depth == 0 && (self.is_word(self.at, "FOR") || self.is_word(self.at, "LOCK")) => {
                    return Err(self.clause());
                }
                Token::Word(word) => self.in_expression(word)?,
                Token::Quoted(name) if self.is_punct(self.at + 1, b'(') => {
                    return Err(format!("function `{}`()", String::from_utf8_lossy(name)));
                }
                Token::SysVar { name, .. } => {
                    return Err(format!("system variable @@{}", String::from_utf8_lossy(name)));
                }
                Token::Op(b":=") => return Err("an assignment (:=)".into()),
                Token::Punct(b'(') => depth += 1,
                Token::Punct(b')') => match depth.checked_sub(1) {
                    Some(outer) => depth = outer,
                    None if self.inner > 0 => return Ok(()),
                    None => return Err("what could not be read".into()),
                },
                Token::Punct(byte) if !b",.=<>+-*/%&|^~!".contains(byte) => {
                    return Err("what could not be read".into());
                }
                _ => {}
            }
            self.at += 1;
        }
        Ok(())
    }

    /// An unquoted word of an expression.
    fn in_expression(&self, word: &[u8]) -> Read {
        let qualified = self.at > 0 && self.is_punct(self.at - 1, b'.');
        let qualifies = self.is_punct(self.at + 1, b'.');
        let called = self.is_punct(self.at + 1, b'(');
        let sequence = |word: &str| matches!(word, "NEXTVAL" | "CURRVAL" | "LASTVAL");
        let upper = String::from_utf8_lossy(word).to_ascii_uppercase();
        if !qualifies
            && (!qualified || sequence(&upper))
            && let Some((_, construct)) = IN_THE_WAY.iter().find(|(word, _)| *word == upper)
        {
            return Err((*construct).into());
        }
        if self.is_offset() {
            return Err("OFFSET".into());
        }
        if !called || (!qualified && BEFORE_PARENTHESIS.contains(&&*upper)) {
            return Ok(());
        }
        if qualified {
            return Err(format!("stored function {upper}()"));
        }
        let empty = self.is_punct(self.at + 2, b')');
        match functions::called(word, empty) {
            Called::Scalar => Ok(()),
            Called::Aggregate => Err(format!("aggregate {upper}()")),
            Called::Window => Err(format!("window function {upper}()")),
            Called::Clock => Err(format!("the clock ({upper}())")),
            Called::Other => Err(format!("function {upper}()")),
        }
    }

    /// `table [PARTITION (...)] [FOR SYSTEM_TIME ...] [[AS] alias] [index hints]`: one table.
    fn table(&mut self) -> Read {
        if self.is_punct(self.at, b'(') {
            return Err(match self.word(self.at + 1) {
                Some(word) if word.eq_ignore_ascii_case(b"SELECT") => "a derived table beside other tables",
                Some(word) if word.eq_ignore_ascii_case(b"WITH") => "WITH in FROM",
                _ => "parentheses in FROM",
            }
            .into());
        }
        self.name()?;
        if self.is_punct(self.at, b'.') {
            self.at += 1;
            self.name()?;
        }
        if self.is_word(self.at, "PARTITION") {
            self.at += 1;
            self.names()?;
        }
        self.versions()?;
        if self.is_word(self.at, "AS") {
            self.at += 1;
            self.name()?;
        } else if self.begins_alias() {
            self.at += 1;
        }
        while ["USE", "FORCE", "IGNORE"].iter().any(|word| self.is_word(self.at, word)) {
            self.at += 1;
            if !self.is_word(self.at, "INDEX") && !self.is_word(self.at, "KEY") {
                return Err("what could not be read".into());
            }
            self.at += 1;
            if self.is_word(self.at, "FOR") && self.is_word(self.at + 1, "JOIN") {
                self.at += 2;
            }
            self.names()?;
        }
        Ok(())
    }

    /// Whether an alias without AS stands here.
    fn begins_alias(&self) -> bool {
        matches!(self.tokens.get(self.at), Some(Lexeme { token: Token::Quoted(_), .. }))
            || self.word(self.at).is_some_and(|word| !ends_table(word) && !self.is_offset())
    }

    fn name(&mut self) -> Read {
        match self.tokens.get(self.at) {
            Some(Lexeme { token: Token::Word(_) | Token::Quoted(_), .. }) => {
                self.at += 1;
                Ok(())
            }
            _ => Err("what could not be read".into()),
        }
    }

    /// `(a, b)`, or an empty list.
    fn names(&mut self) -> Read {
        if !self.is_punct(self.at, b'(') {
            return Err(self.clause());
        }
        self.at += 1;
        while !self.is_punct(self.at, b')') {
            self.name()?;
            if self.is_punct(self.at, b',') {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(())
    }

    /// `OFFSET n ROWS`; the word may be a name elsewhere.
    fn is_offset(&self) -> bool {
        self.is_word(self.at, "OFFSET") && (self.is_word(self.at + 2, "ROW") || self.is_word(self.at + 2, "ROWS"))
    }

    /// What the clause is called that begins here.
    fn clause(&self) -> String {
        let Some(word) = self.word(self.at) else {
            return if self.is_punct(self.at, b',') { JOIN.into() } else { "what could not be read".into() };
        };
        let upper = String::from_utf8_lossy(word).to_ascii_uppercase();
        if JOINS.contains(&&*upper) {
            return JOIN.into();
        }
        match IN_THE_WAY.iter().find(|(word, _)| *word == upper) {
            Some((_, construct)) => (*construct).into(),
            None => upper,
        }
    }

    fn word(&self, at: usize) -> Option<&[u8]> {
        match self.tokens.get(at)?.token {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|lexeme| lexeme.token.is_word(word))
    }

    fn is_punct(&self, at: usize, byte: u8) -> bool {
        self.tokens.get(at).is_some_and(|lexeme| lexeme.token.is_punct(byte))
    }

    fn obstacle(&self, construct: String) -> Obstacle {
        let at = self.at.min(self.tokens.len().saturating_sub(1));
        let mut near = String::new();
        for lexeme in self.tokens.iter().skip(at).take(3) {
            if !near.is_empty() {
                near.push(' ');
            }
            match lexeme.token {
                Token::Marker { .. } => near.push('?'),
                _ => near.extend(self.source(lexeme).chars().filter(|c| !c.is_control()).take(32)),
            }
        }
        let (token, before) = match self.tokens.get(at) {
            None => (Vec::new(), 0),
            Some(found) => {
                let token = match &found.token {
                    Token::SysVar { .. } => b"@@".to_vec(),
                    _ => self.normalized[found.start..found.end].to_vec(),
                };
                let same = |lexeme: &&Lexeme<'_>| match (&found.token, &lexeme.token) {
                    (Token::Word(one), Token::Word(other)) => one.eq_ignore_ascii_case(other),
                    (Token::SysVar { .. }, Token::SysVar { .. }) => true,
                    (one, other) => one == other,
                };
                (token, self.tokens[..at].iter().filter(same).count())
            }
        };
        let short = construct.chars().take(80).collect::<String>();
        Obstacle { construct: short.into(), near: near.into(), token: token.into(), before }
    }

    fn source(&self, lexeme: &Lexeme<'_>) -> String {
        String::from_utf8_lossy(&self.normalized[lexeme.start..lexeme.end]).into_owned()
    }
}

/// Words behind a table that are no alias.
fn ends_table(word: &[u8]) -> bool {
    const ENDS: [&str; 14] = [
        "WHERE",
        "ON",
        "USING",
        "USE",
        "FORCE",
        "IGNORE",
        "LEFT",
        "RIGHT",
        "INNER",
        "CROSS",
        "NATURAL",
        "STRAIGHT_JOIN",
        "FOR",
        "LOCK",
    ];
    let is = |name: &&str| word.eq_ignore_ascii_case(name.as_bytes());
    ENDS.iter().any(is) || IN_THE_WAY.iter().any(|(name, _)| is(name))
}
