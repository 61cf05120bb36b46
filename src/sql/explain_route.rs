//! `EXPLAIN ROUTE <statement>`: where the statement begins that is to be explained and not run.
//!
//! Servers read EXPLAIN ROUTE as DESCRIBE of a table called `route`, with a column or a pattern behind it. What can be
//! that stays that: nothing behind ROUTE, one name, one string, or a dot. A quoted `route` is always the table.

use super::raw::raw;
use super::tokens::{Token, tokens};
use super::{ControlError, Dialect, Verb, facts};

/// The offset in `text` of what stands behind EXPLAIN ROUTE; `None` if `normalized`, the scan of the same text, is
/// another statement.
///
/// An error where the two words cannot be taken off: one of them stands in an executable comment.
pub fn explain_route(normalized: &[u8], text: &[u8], dialect: &Dialect) -> Option<Result<usize, ControlError>> {
    // Asked of every text: one look at the first byte tells nearly all of them.
    if !matches!(normalized.first(), Some(b'e' | b'E')) || !is_explain_route(normalized) {
        return None;
    }
    Some(behind(text, dialect))
}

fn is_explain_route(normalized: &[u8]) -> bool {
    let mut lexemes = tokens(normalized);
    let mut word = |word: &str| lexemes.next().is_some_and(|lexeme| lexeme.token.is_word(word));
    if !(word("explain") && word("route")) {
        return false;
    }
    match (lexemes.next(), lexemes.next()) {
        (None, _) => false,
        (Some(first), _) if first.token.is_punct(b'.') => false,
        (Some(first), None) => {
            // COMMIT, and not a column.
            matches!(first.token, Token::Word(_)) && facts(&normalized[first.start..]).verb != Verb::Unknown
        }
        (Some(_), Some(_)) => true,
    }
}

fn behind(text: &[u8], dialect: &Dialect) -> Result<usize, ControlError> {
    let tokens = raw(text, dialect)?;
    match tokens.as_slice() {
        [explain, route, next, ..] if explain.comment.is_none() && route.comment.is_none() => {
            // An executable comment that begins behind ROUTE is part of the statement.
            Ok(next.comment.unwrap_or(next.start))
        }
        _ => Err(ControlError::Syntax { at: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Scratch, scan};
    use super::*;
    use crate::sql::Flavor;

    const MARIA: Dialect = Dialect::new(Flavor::MariaDb, 101119);

    /// What is explained, `-` for another statement, `!` for one that cannot be cut.
    fn explained(text: &str) -> &str {
        let mut scratch = Scratch::new();
        scan(text.as_bytes(), &MARIA, &mut scratch).expect("a sound text");
        match explain_route(scratch.normalized(), text.as_bytes(), &MARIA) {
            None => "-",
            Some(Err(_)) => "!",
            Some(Ok(start)) => &text[start..],
        }
    }

    #[test]
    fn the_statement_behind_the_words_is_found() {
        let check = |text: &str, expected: &str| assert_eq!(explained(text), expected, "{text}");
        check("EXPLAIN ROUTE SELECT 1", "SELECT 1");
        check("explain  Route\n\tselect 1", "select 1");
        check("/* a */ EXPLAIN -- b\n ROUTE # c\n/* d */ SELECT /* e */ 1; SELECT 2", "SELECT /* e */ 1; SELECT 2");
        check("EXPLAIN ROUTE(SELECT 1)", "(SELECT 1)");
        check("EXPLAIN ROUTE COMMIT", "COMMIT");
        check("EXPLAIN ROUTE BEGIN;", "BEGIN;");
        check("EXPLAIN ROUTE EXPLAIN ROUTE SELECT 1", "EXPLAIN ROUTE SELECT 1");
        check("EXPLAIN ROUTE gibberish nobody reads", "gibberish nobody reads");
        check("EXPLAIN ROUTE /*! SELECT */ 1", "/*! SELECT */ 1");
        check("EXPLAIN ROUTE /*!99999 nothing */ SELECT 1", "SELECT 1");
        check("EXPLAIN ROUTE `route`.x y", "`route`.x y");
    }

    #[test]
    fn a_table_of_that_name_is_still_described() {
        for text in [
            "EXPLAIN route",
            "EXPLAIN ROUTE;",
            "EXPLAIN route id",
            "EXPLAIN route `begin`",
            "EXPLAIN route 'a%'",
            "EXPLAIN route.customers",
            "EXPLAIN `route` x",
            "EXPLAIN routes SELECT 1",
            "DESCRIBE route",
            "SELECT 1",
            "ELSE",
            "",
        ] {
            assert_eq!(explained(text), "-", "{text}");
        }
    }

    #[test]
    fn words_in_an_executable_comment_cannot_be_cut_off() {
        for text in ["/*! EXPLAIN */ ROUTE SELECT 1", "EXPLAIN /*! ROUTE */ SELECT 1", "EXPLAIN /*! ROUTE SELECT */ 1"]
        {
            assert_eq!(explained(text), "!", "{text}");
        }
    }
}
