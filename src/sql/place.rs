//! Where in a client's own text a token of its normalized form stands, for errors that name a place.

use super::Dialect;
use super::raw::{RawKind, raw};

/// The byte at which the token begins that `before` others like it precede; case counts for nothing. A variable's name
/// is no word. `None` if there is none, or the text cannot be cut into tokens.
pub fn place_of(text: &[u8], dialect: &Dialect, token: &[u8], before: usize) -> Option<usize> {
    let tokens = raw(text, dialect).ok()?;
    let mut found = (0..tokens.len()).filter(|at| {
        let this = &tokens[*at];
        let behind_at = *at > 0 && tokens[*at - 1].kind == RawKind::Punct(b'@');
        match this.kind {
            RawKind::Word => !behind_at && text[this.start..this.end].eq_ignore_ascii_case(token),
            RawKind::Quoted => text[this.start..this.end] == *token,
            RawKind::Punct(_) => !behind_at && text[this.start..].starts_with(token),
            _ => false,
        }
    });
    found.nth(before).map(|at| tokens[at].start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn check(text: &str, token: &str, before: usize, found: Option<&str>) {
        let dialect = Dialect::new(Flavor::MariaDb, 101_119);
        let at = place_of(text.as_bytes(), &dialect, token.as_bytes(), before);
        assert_eq!(at.map(|at| &text[at..]), found, "{text}");
    }

    #[test]
    fn words_and_marks_are_found() {
        check("SELECT 'order' /* order */, `order`, @order FROM t Order BY a", "ORDER", 0, Some("Order BY a"));
        check("SELECT a FROM t WHERE a IN (SELECT b FROM u)", "select", 1, Some("SELECT b FROM u)"));
        check("SELECT @a, @@b, @@c FROM t", "@@", 1, Some("@@c FROM t"));
        check("SELECT @a := 1", ":=", 0, Some(":= 1"));
        check("SELECT `f`(1)", "`f`", 0, Some("`f`(1)"));
        check("SELECT a", "LIMIT", 0, None);
        check("SELECT 'a", "SELECT", 0, None);
    }
}
