//! Calls of CONNECTION_ID() in a client's own text: what stands in strings, comments and names is none.

use super::raw::{Raw, RawKind, raw};
use super::{Dialect, LexError};

/// A call's bytes, from its name to its `)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    pub start: usize,
    pub end: usize,
    /// The call is a whole column of the statement's SELECT, which is called as the call.
    pub column: bool,
}

/// The calls of CONNECTION_ID(), ascending. `None`: the statement asks for the server's number of the connection in a
/// way that no bytes can be put in the place of.
pub fn connection_ids(text: &[u8], dialect: &Dialect) -> Result<Option<Vec<Call>>, LexError> {
    let tokens = raw(text, dialect)?;
    let rest = tokens.last().map_or(text, |last| &text[last.end..]);
    if rest.trim_ascii_start().strip_prefix(b";").is_some_and(|behind| !behind.trim_ascii().is_empty()) {
        return Ok(None);
    }
    let named = |token: &Raw, name: &str| match token.kind {
        RawKind::Word => text[token.start..token.end].eq_ignore_ascii_case(name.as_bytes()),
        RawKind::Quoted => text[token.start + 1..token.end - 1].eq_ignore_ascii_case(name.as_bytes()),
        _ => false,
    };
    let punct = |at: usize, byte: u8| tokens.get(at).is_some_and(|token| token.kind == RawKind::Punct(byte));
    // How deep in parentheses, and whether the columns of the first SELECT are still being listed.
    let mut depth = 0usize;
    let mut listing = tokens.first().is_some_and(|first| named(first, "select"));
    let mut calls = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            RawKind::Punct(b'(') => depth += 1,
            RawKind::Punct(b')') => depth = depth.saturating_sub(1),
            RawKind::Word
                if depth == 0
                    && ["from", "where", "union", "into", "limit", "order"].iter().any(|word| named(token, word)) =>
            {
                listing = false;
            }
            _ => {}
        }
        let before = |byte: u8| at > 0 && punct(at - 1, byte);
        let variable = (before(b'@') || before(b'.')) && named(token, "pseudo_thread_id");
        if variable || punct(at + 1, b'(') && named(token, "ps_current_thread_id") {
            return Ok(None);
        }
        if before(b'.') || before(b'@') || !punct(at + 1, b'(') || !named(token, "connection_id") {
            continue;
        }
        let close = tokens.get(at + 2).filter(|close| punct(at + 2, b')') && close.comment == token.comment);
        let Some(close) = close else {
            return Ok(None);
        };
        let begins = at == 1 || before(b',');
        let ends = tokens.get(at + 3).is_none_or(|next| next.kind == RawKind::Punct(b',') || named(next, "from"));
        let column = listing && depth == 0 && begins && ends && token.comment.is_none();
        calls.push(Call { start: token.start, end: close.end, column });
    }
    Ok(Some(calls))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    /// The text with `#` for every call.
    fn check(text: &str, replaced: Option<&str>) {
        let dialect = Dialect::new(Flavor::MariaDb, 101_119);
        let calls = connection_ids(text.as_bytes(), &dialect).expect("it can be lexed");
        let made = calls.map(|calls| {
            let mut made = String::new();
            let mut at = 0;
            for call in calls {
                made.push_str(&text[at..call.start]);
                made.push_str(if call.column { "#column" } else { "#" });
                at = call.end;
            }
            made + &text[at..]
        });
        assert_eq!(made.as_deref(), replaced, "{text}");
    }

    #[test]
    fn only_calls() {
        check("SELECT CONNECTION_ID()", Some("SELECT #column"));
        check("select connection_id ( ) ;", Some("select #column ;"));
        check("SELECT CONNECTION_ID/**/(), 'connection_id()'", Some("SELECT #column, 'connection_id()'"));
        check(
            "INSERT INTO t VALUES ('how connection_id() works', CONCAT('cid',CONNECTION_ID()))",
            Some("INSERT INTO t VALUES ('how connection_id() works', CONCAT('cid',#))"),
        );
        check(
            "SELECT `connection_id()`, a.connection_id /* connection_id() */",
            Some("SELECT `connection_id()`, a.connection_id /* connection_id() */"),
        );
        check("SELECT `connection_id`()", Some("SELECT #column"));
        check("SELECT VERSION(), CONNECTION_ID(), connection_id()+1", Some("SELECT VERSION(), #column, #+1"));
        check("SELECT CONNECTION_ID() FROM t ORDER BY 1, CONNECTION_ID()", Some("SELECT #column FROM t ORDER BY 1, #"));
        check("SELECT (SELECT CONNECTION_ID()), IF(1, CONNECTION_ID(), 2)", Some("SELECT (SELECT #), IF(1, #, 2)"));
        check("SELECT x.connection_id()", Some("SELECT x.connection_id()"));
    }

    #[test]
    fn what_cannot_be_replaced() {
        check("SELECT @@pseudo_thread_id", None);
        check("SELECT @@session.`pseudo_thread_id`", None);
        check("SELECT PS_CURRENT_THREAD_ID()", None);
        check("BEGIN NOT ATOMIC SELECT 1; SELECT CONNECTION_ID(); END", None);
    }
}
