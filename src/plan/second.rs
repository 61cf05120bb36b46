//! A second opinion on a statement's tables: sqlparser's, where it can parse the text.
//!
//! Our reader knows clauses that sqlparser does not, sqlparser knows expressions that our reader steps over. A
//! table that sqlparser sees and our reader does not is a table that would be lost: the statement becomes unsure.
//! Nothing else is taken from the tree: it gets precedences wrong (`BINARY a = 'x'`), and it is never printed.

use std::ops::ControlFlow;

use sqlparser::ast::visit_relations;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::read::{Shape, Subject};
use crate::sql::{MarkerKind, Token, tokens};

/// Longer texts are not parsed twice: sqlparser needs about a microsecond for four bytes.
const LENGTH_MAX: usize = 64 * 1024;

/// A table that sqlparser finds and `shape` does not mention.
pub fn unknown_table(subject: &Subject, shape: &Shape, normalized: &[u8]) -> Option<Box<str>> {
    if *subject != Subject::Tables || shape.unsure.is_some() || normalized.len() > LENGTH_MAX {
        return None;
    }
    relations(normalized)?
        .into_iter()
        .find(|name| !name.eq_ignore_ascii_case("dual") && !shape.mentioned.iter().any(|known| **known == **name))
}

/// The last part of every table name in sqlparser's tree; `None` if it cannot parse the text.
pub fn relations(normalized: &[u8]) -> Option<Vec<Box<str>>> {
    let statements = Parser::new(&MySqlDialect {})
        .try_with_sql(&expanded(normalized))
        .and_then(|mut parser| parser.parse_statements())
        .ok()?;
    let mut names = Vec::new();
    let _: ControlFlow<()> = visit_relations(&statements, |relation| {
        if let Some(last) = relation.0.last().and_then(|part| part.as_ident()) {
            names.push(last.value.as_str().into());
        }
        ControlFlow::Continue(())
    });
    Some(names)
}

/// The text with a literal of the same kind for each marker.
fn expanded(normalized: &[u8]) -> String {
    let mut text = String::with_capacity(normalized.len() + 64);
    let mut copied = 0;
    for lexeme in tokens(normalized) {
        let literal = match lexeme.token {
            Token::Marker { kind: MarkerKind::Integer, .. } => "7",
            Token::Marker { kind: MarkerKind::Decimal, .. } => "7.5",
            Token::Marker { kind: MarkerKind::Float, .. } => "7e0",
            Token::Marker { kind: MarkerKind::String, .. } => "'s'",
            Token::Marker { kind: MarkerKind::Param, .. } => "?",
            // Digits are written as they are; strings whose text depends on the dialect are not.
            Token::Structural(literal) if !literal.iter().all(u8::is_ascii_alphanumeric) => "'s'",
            // `SELECT@@port` is two tokens to a server, one word to sqlparser.
            Token::SysVar { .. } | Token::UserVar(_) => {
                text.push_str(&String::from_utf8_lossy(&normalized[copied..lexeme.start]));
                text.push(' ');
                copied = lexeme.start;
                continue;
            }
            _ => continue,
        };
        text.push_str(&String::from_utf8_lossy(&normalized[copied..lexeme.start]));
        // A marker needs no space beside a word; a literal does.
        text.push(' ');
        text.push_str(literal);
        text.push(' ');
        copied = lexeme.end;
    }
    text.push_str(&String::from_utf8_lossy(&normalized[copied..]));
    text
}
