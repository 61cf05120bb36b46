//! A normalized text for people: literals as `?`, no string of the client's.

use super::tokens::{Token, tokens};

/// The text, cut to about so many bytes.
pub fn shape(normalized: &[u8], bytes_max: usize) -> String {
    let mut out = String::new();
    let mut before = None;
    for lexeme in tokens(normalized) {
        if out.len() >= bytes_max {
            out.push_str(" ...");
            break;
        }
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (text, glue) = match &lexeme.token {
            Token::Word(word) => (lossy(word), Glue::None),
            Token::Quoted(name) => (format!("`{}`", lossy(name)), Glue::None),
            Token::Marker { folded: true, .. } => ("?, ...".into(), Glue::None),
            Token::Marker { .. } => ("?".into(), Glue::None),
            Token::UserVar(name) => (format!("@{}", lossy(name)), Glue::None),
            Token::SysVar { name, .. } => (format!("@@{}", lossy(name)), Glue::None),
            Token::Punct(byte @ (b',' | b')')) => (char::from(*byte).into(), Glue::Left),
            Token::Punct(b'.') => (".".into(), Glue::Both),
            Token::Punct(b'(') => (
                "(".into(),
                if lexeme.start > 0 && directly(normalized, lexeme.start) { Glue::Both } else { Glue::Right },
            ),
            Token::Punct(byte) => (char::from(*byte).into(), Glue::None),
            Token::Op(op) => (lossy(op), Glue::None),
            Token::Structural(literal) if literal.iter().all(u8::is_ascii_digit) => (lossy(literal), Glue::None),
            Token::Structural(_) => ("?".into(), Glue::None),
        };
        let apart =
            !matches!(before, None | Some(Glue::Right | Glue::Both)) && !matches!(glue, Glue::Left | Glue::Both);
        if apart {
            out.push(' ');
        }
        out.push_str(&text);
        before = Some(glue);
    }
    out.replace(|c: char| c.is_control(), " ")
}

/// The sides on which no space stands.
#[derive(Clone, Copy)]
enum Glue {
    None,
    Left,
    Right,
    Both,
}

/// Whether a name stands directly before the parenthesis at `at`, as that of a function does.
fn directly(normalized: &[u8], at: usize) -> bool {
    normalized[at - 1].is_ascii_alphanumeric() || matches!(normalized[at - 1], b'_' | b'`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, Flavor, Scratch, scan};

    #[track_caller]
    fn check(text: &str, shown: &str) {
        let mut scratch = Scratch::default();
        scan(text.as_bytes(), &Dialect::new(Flavor::MySql, 90_704), &mut scratch).expect("it can be lexed");
        assert_eq!(shape(scratch.normalized(), 200), shown);
    }

    #[test]
    fn it_can_be_read_and_tells_no_value() {
        check("SELECT  c FROM t WHERE id=5 AND name = 'x'", "SELECT c FROM t WHERE id = ? AND name = ?");
        check(
            "select count(*), a.b from `a b`.t as a where id in (1,2,3)",
            "select count(*), a.b from `a b`.t as a where id in (?, ...)",
        );
        check("INSERT INTO t (a, b) VALUES (1, 'two'), (3, 'four')", "INSERT INTO t (a, b) VALUES (?, ..., ?, ...)");
        check("SELECT 'a' AS 'secret', 'b' 'secret' LIMIT 10", "SELECT ? AS ?, ? ? LIMIT 10");
    }
}
