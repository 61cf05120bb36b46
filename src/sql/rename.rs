//! Other names for tables in a client's text.
//!
//! Invariant: what comes out is, token by token, what went in but for the names: it is scanned again and compared. Where
//! that cannot be had, nothing comes out.

use super::raw::{Raw, RawKind, raw};
use super::{Dialect, Edit, Scratch, Token, scan, splice, tokens};

/// A table's name in a normalized text, and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    /// The token among those of the normalized text; behind a database and a point, if `qualified`.
    pub token: usize,
    pub qualified: bool,
    /// Tokens without a literal.
    pub with: Box<[u8]>,
}

/// The first statement of a text with other names, ascending, and its scan.
pub fn renamed(text: &[u8], dialect: &Dialect, renamings: &[Renaming]) -> Option<(Vec<u8>, Scratch)> {
    let mut before = Scratch::new();
    scan(text, dialect, &mut before).ok()?;
    let was: Vec<_> = tokens(before.normalized()).collect();
    let places = raw(text, dialect).ok()?;
    let mut edits = Vec::with_capacity(renamings.len());
    let mut expected: Vec<Token<'_>> = Vec::with_capacity(was.len() + renamings.len() * 4);
    let mut copied = 0;
    for renaming in renamings {
        let first = if renaming.qualified { renaming.token.checked_sub(2)? } else { renaming.token };
        let last = place(text, &places, &was, before.normalized(), renaming.token)?;
        let from = if renaming.qualified { last.checked_sub(2)? } else { last };
        let span = places.get(from..=last)?;
        if span.iter().any(|raw| raw.comment != span[0].comment) {
            return None;
        }
        edits.push(Edit { start: span[0].start, end: places[last].end, with: &renaming.with });
        expected.extend(was.get(copied..first)?.iter().map(|lexeme| lexeme.token.clone()));
        expected.extend(tokens(&renaming.with).map(|lexeme| lexeme.token));
        copied = renaming.token + 1;
    }
    expected.extend(was.get(copied..)?.iter().map(|lexeme| lexeme.token.clone()));
    let mut out = Vec::new();
    splice(text, &edits, &mut out)?;
    let mut scratch = Scratch::new();
    scan(&out, dialect, &mut scratch).ok()?;
    let found = tokens(scratch.normalized()).map(|lexeme| lexeme.token);
    found.eq(expected).then_some((out, scratch))
}

/// Where the text has the name that is a certain token of its normalized form.
fn place(text: &[u8], places: &[Raw], was: &[super::Lexeme<'_>], normalized: &[u8], token: usize) -> Option<usize> {
    let name = was.get(token)?;
    let written = &normalized[name.start..name.end];
    let like = |lexeme: &&super::Lexeme<'_>| normalized[lexeme.start..lexeme.end] == *written;
    let before = was[..token].iter().filter(like).count();
    let is = |at: &usize| {
        let raw = &places[*at];
        let is_variable = *at > 0 && places[*at - 1].kind == RawKind::Punct(b'@');
        !is_variable && matches!(raw.kind, RawKind::Word | RawKind::Quoted) && text[raw.start..raw.end] == *written
    };
    (0..places.len()).filter(is).nth(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn check(text: &str, names: &[(usize, bool, &str)], result: Option<&str>) {
        let dialect = Dialect::new(Flavor::MariaDb, 101_119);
        let renamings: Vec<Renaming> = names
            .iter()
            .map(|&(token, qualified, with)| Renaming { token, qualified, with: with.as_bytes().into() })
            .collect();
        let found = renamed(text.as_bytes(), &dialect, &renamings);
        let found = found.map(|(text, _)| String::from_utf8(text).expect("UTF-8"));
        assert_eq!(found.as_deref(), result, "{text}");
    }

    #[test]
    fn names_are_replaced_where_they_stand() {
        check("SELECT t.a FROM t", &[(5, false, "`p`.`q` `t`")], Some("SELECT t.a FROM `p`.`q` `t`"));
        check(
            "SELECT 't', `t`.t /* t */ FROM  d . t x WHERE a IN (1, 2, 3)",
            &[(9, true, "`p`.`q`")],
            Some("SELECT 't', `t`.t /* t */ FROM  `p`.`q` x WHERE a IN (1, 2, 3)"),
        );
        check(
            "INSERT INTO t VALUES (1, 'a'), (2, 'b') -- t",
            &[(2, false, "`p`.`q`")],
            Some("INSERT INTO `p`.`q` VALUES (1, 'a'), (2, 'b') -- t"),
        );
        check("SELECT @t, @@t FROM t", &[(5, false, "`q`")], Some("SELECT @t, @@t FROM `q`"));
        check("SELECT a FROM t", &[(9, false, "`q`")], None);
        // What begins a comment, a literal or another name is no name.
        check("SELECT a FROM t", &[(3, false, "`q` /*")], None);
        check("SELECT a FROM t", &[(3, false, "`q`--")], None);
    }
}
