//! Signs in a statement's tokens of what it does to a session: functions, variables, INTO, locking clauses.
//!
//! Invariant: a parenthesis behind a name that is neither known grammar, a builtin, nor certainly the name
//! of a table or a list of columns is a call of an unknown function.

use super::facts::{Flags, Verb};
use super::functions::{is_builtin, is_grammar};
use super::tokens::{Token, tokens};
use super::verbs::{Opening, opening};

/// The flags that the tokens show.
pub(super) fn signs(tokens: &[Token<'_>], opening: &Opening) -> Flags {
    let mut flags = Flags::NONE;
    let mut reader = Reader::new(tokens, opening);
    for at in 0..tokens.len() {
        flags |= reader.token(at);
    }
    flags
}

/// The name of the first unknown function that a normalized text calls.
pub fn unknown_function(normalized: &[u8]) -> Option<String> {
    let tokens: Vec<Token<'_>> = tokens(normalized).map(|lexeme| lexeme.token).collect();
    let opening = opening(&tokens);
    let mut reader = Reader::new(&tokens, &opening);
    let called = (0..tokens.len()).find(|at| reader.token(*at).contains(Flags::UNKNOWN_FUNCTION))?;
    tokens[called].name().map(|name| String::from_utf8_lossy(name).into_owned())
}

/// DDL, where names before parentheses are columns, types and indexes, until a SELECT begins.
fn is_definition(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Create(_)
            | Verb::Alter(_)
            | Verb::Drop(_)
            | Verb::Rename(_)
            | Verb::Truncate
            | Verb::Admin(_)
            | Verb::Block
    )
}

struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    opening: &'t Opening,
    depth: u32,
    /// Function calls may stand here.
    selects: bool,
    /// Behind INTO and the variables and commas that follow it.
    into: bool,
}

impl<'t, 'a> Reader<'t, 'a> {
    fn new(tokens: &'t [Token<'a>], opening: &'t Opening) -> Self {
        Reader { tokens, opening, depth: 0, selects: !is_definition(opening.verb), into: false }
    }

    fn token(&mut self, at: usize) -> Flags {
        let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
        let next = self.tokens.get(at + 1);
        let next_is = |word: &str| next.is_some_and(|token| token.is_word(word));
        let calls = next.is_some_and(|token| token.is_punct(b'('));
        match &self.tokens[at] {
            Token::Punct(byte) => {
                self.depth = match byte {
                    b'(' => self.depth + 1,
                    b')' => self.depth.saturating_sub(1),
                    _ => self.depth,
                };
                self.into &= *byte == b',';
                Flags::NONE
            }
            Token::UserVar(_) => self.user_variable(next),
            Token::SysVar { name, .. } => Flags::SYSVAR_READ | system_variable(name),
            Token::Quoted(name) if calls && name.eq_ignore_ascii_case(b"connection_id") => {
                Flags::UNKNOWN_FUNCTION | Flags::CONNECTION_ID
            }
            Token::Quoted(_) if calls && self.selects && !self.is_name(at) => Flags::UNKNOWN_FUNCTION,
            Token::Word(word) => {
                self.into = word.eq_ignore_ascii_case(b"into");
                let lower = word.to_ascii_lowercase();
                let mut flags = match lower.as_slice() {
                    b"into" if next_is("outfile") || next_is("dumpfile") => Flags::INTO_FILE,
                    b"for" if next_is("update") || next_is("share") => Flags::LOCKING_READ,
                    b"lock" if next_is("in") => Flags::LOCKING_READ,
                    b"sql_calc_found_rows" => Flags::CALC_FOUND_ROWS,
                    b"next" | b"previous" if next_is("value") => Flags::NEXTVAL,
                    b"nextval" | b"currval" if before.is_some_and(|token| token.is_punct(b'.')) => Flags::NEXTVAL,
                    b"warnings" | b"errors" if matches!(self.opening.verb, Verb::Show(_)) => Flags::DIAGNOSTICS,
                    b"diagnostics" if self.opening.verb == Verb::GetDiagnostics => Flags::DIAGNOSTICS,
                    b"current_timestamp" | b"current_date" | b"current_time" | b"localtime" | b"localtimestamp"
                    | b"utc_date" | b"utc_time" | b"utc_timestamp" => Flags::CLOCK,
                    b"select" => {
                        self.selects = true;
                        Flags::NONE
                    }
                    _ => Flags::NONE,
                };
                if calls {
                    flags |= self.call(at, &lower);
                }
                flags
            }
            _ => {
                self.into = false;
                Flags::NONE
            }
        }
    }

    fn user_variable(&self, next: Option<&Token<'_>>) -> Flags {
        let assigns = match next {
            Some(Token::Op(b":=")) => true,
            Some(Token::Punct(b'=')) => {
                matches!(self.opening.verb, Verb::Set | Verb::GetDiagnostics)
            }
            _ => false,
        };
        match self.opening.verb {
            _ if assigns => Flags::USER_VAR_ASSIGN,
            // A procedure may write its arguments; LOAD DATA reads into variables.
            Verb::Call | Verb::Load => Flags::USER_VAR_READ | Flags::USER_VAR_ASSIGN,
            _ if self.into => Flags::INTO_VAR,
            _ => Flags::USER_VAR_READ,
        }
    }

    /// A word before a parenthesis.
    fn call(&self, at: usize, lower: &[u8]) -> Flags {
        let qualified = at > 0 && self.tokens[at - 1].is_punct(b'.');
        if qualified {
            return if self.selects && !self.is_name(at) { Flags::UNKNOWN_FUNCTION } else { Flags::NONE };
        }
        let empty = self.tokens.get(at + 2).is_some_and(|token| token.is_punct(b')'));
        match lower {
            b"last_insert_id" if empty => Flags::LAST_INSERT_ID,
            b"last_insert_id" => Flags::LAST_INSERT_ID | Flags::LAST_INSERT_ID_SET,
            b"row_count" => Flags::ROW_COUNT,
            b"found_rows" => Flags::FOUND_ROWS,
            b"connection_id" | b"ps_current_thread_id" => Flags::CONNECTION_ID,
            b"get_lock" | b"release_lock" | b"release_all_locks" | b"is_free_lock" | b"is_used_lock" => {
                Flags::NAMED_LOCK
            }
            b"nextval" | b"setval" | b"lastval" => Flags::NEXTVAL,
            b"now" | b"sysdate" | b"curdate" | b"curtime" => Flags::CLOCK,
            b"unix_timestamp" if empty => Flags::CLOCK,
            b"do" if at == self.opening.at => Flags::NONE,
            b"analyse" if at > 0 && self.tokens[at - 1].is_word("procedure") => Flags::NONE,
            _ if !self.selects || is_builtin(lower) || is_grammar(lower) || self.is_name(at) => Flags::NONE,
            _ => Flags::UNKNOWN_FUNCTION,
        }
    }

    /// Whether the name that ends at `at` names a table, a procedure or a common table expression.
    fn is_name(&self, at: usize) -> bool {
        let mut first = at;
        while first >= 2 && self.tokens[first - 1].is_punct(b'.') && self.tokens[first - 2].name().is_some() {
            first -= 2;
        }
        let Some(before) = first.checked_sub(1).and_then(|before| self.tokens.get(before)) else {
            return false;
        };
        let is = |words: &[&str]| words.iter().any(|word| before.is_word(word));
        let in_with = self.opening.flags.contains(Flags::WITH) && at < self.opening.at && self.depth == 0;
        match self.opening.verb {
            _ if is(&["into", "table", "as", "with", "recursive", "call", "window"]) || before.is_punct(b')') => true,
            _ if in_with => is(&["with", "recursive"]) || before.is_punct(b','),
            Verb::Insert | Verb::Replace => {
                let options = ["insert", "replace", "low_priority", "high_priority", "delayed", "ignore"];
                self.depth == 0 && first <= self.opening.at + 3 && is(&options)
            }
            _ => false,
        }
    }
}

fn system_variable(name: &[u8]) -> Flags {
    let lower = name.to_ascii_lowercase();
    match lower.as_slice() {
        b"identity" | b"last_insert_id" => Flags::LAST_INSERT_ID,
        b"warning_count" | b"error_count" => Flags::DIAGNOSTICS,
        b"pseudo_thread_id" => Flags::CONNECTION_ID,
        b"timestamp" => Flags::CLOCK,
        _ => Flags::NONE,
    }
}
