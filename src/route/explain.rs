//! Why a statement goes where it goes: the one printer for EXPLAIN ROUTE, logs and plan goldens.
//!
//! Evaluates again what `route` evaluated, so that the hot path keeps no reasons.

use std::fmt;

use super::{Reach, Value, Values, name, range_of, restriction, route};
use crate::plan::{KeySource, Keyed, Operand, Refusal, Statement, Target};
use crate::shard_map::{RangeTable, ShardMap};

/// One line without its end: `route customers.id = 42 (range) -> s0 single`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    line: String,
}

/// Key values shown before the list is cut.
const SHOWN_MAX: usize = 4;

/// Explains a plan with the values of one execution.
pub fn explain(statement: &Statement, map: &ShardMap, values: &impl Values) -> Explanation {
    let line = match &statement.target {
        Target::Control => "control session".into(),
        Target::NoTable => "route no table -> any shard".into(),
        Target::ShowTables { .. } => "gather SHOW TABLES".into(),
        Target::ShowDatabases => "answer SHOW DATABASES".into(),
        Target::Refused(refusal) => refused(refusal),
        Target::Tables(tables) => match route(tables, map, values) {
            Err(refusal) => refused(&refusal),
            Ok(found) => {
                let mut parts: Vec<String> = Vec::new();
                for keyed in &tables.keyed {
                    if let Some(range) = range_of(map, &keyed.table) {
                        push(&mut parts, restricted(keyed, range, values));
                    }
                }
                for fixed in &tables.fixed {
                    let kind = match range_of(map, &fixed.table) {
                        Some(_) => "definition",
                        None if &*fixed.table.name == "*" => "one shard",
                        None => "vertical",
                    };
                    push(&mut parts, format!("{} ({kind})", fixed.table.name));
                }
                format!("route {} -> {} single", parts.join(", "), name(map, found.shard))
            }
        },
    };
    Explanation { line }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

fn push(parts: &mut Vec<String>, part: String) {
    if !parts.contains(&part) {
        parts.push(part);
    }
}

fn refused(refusal: &Refusal) -> String {
    let (code, state, text) = refusal.error();
    format!("refuse {code} ({state}) {text}")
}

/// The source that decided, with its values.
fn restricted(keyed: &Keyed, range: &RangeTable, values: &impl Values) -> String {
    let alone = |source: &KeySource| Keyed { table: keyed.table.clone(), sources: vec![source.clone()] };
    let decides = |wanted: fn(Reach) -> bool| {
        keyed.sources.iter().find(|source| restriction(range, &alone(source), values).is_ok_and(wanted))
    };
    let source = decides(|reach| matches!(reach, Reach::Shard(_)))
        .or_else(|| decides(|reach| reach == Reach::Nothing))
        .or(keyed.sources.first());
    let column = format!("{}.{}", keyed.table.name, range.key.name);
    match source {
        Some(KeySource::Equal(operand)) => {
            format!("{column} = {} (range)", shown(std::slice::from_ref(operand), values))
        }
        Some(KeySource::In(operands)) => {
            format!("{column} IN ({}) (range)", shown(operands, values))
        }
        Some(KeySource::Inserted(operands)) => {
            format!("{column} <- {} (range)", shown(operands, values))
        }
        None => format!("{column} (range)"),
    }
}

fn shown(operands: &[Operand], values: &impl Values) -> String {
    let mut texts: Vec<String> = Vec::new();
    for operand in operands {
        match operand {
            Operand::Slot { slot, negated } => values.each(*slot, &mut |value| {
                texts.push(literal(value, *negated));
                texts.len() <= SHOWN_MAX
            }),
            Operand::Null => texts.push("NULL".into()),
            Operand::Bool(true) => texts.push("TRUE".into()),
            Operand::Bool(false) => texts.push("FALSE".into()),
            Operand::Default => texts.push("DEFAULT".into()),
            Operand::Expression => texts.push("an expression".into()),
            Operand::Missing => texts.push("nothing".into()),
        }
        if texts.len() > SHOWN_MAX {
            texts.truncate(SHOWN_MAX);
            texts.push("...".into());
            break;
        }
    }
    texts.join(", ")
}

fn literal(value: Value<'_>, negated: bool) -> String {
    let text = match value {
        Value::Integer(bytes) | Value::Decimal(bytes) | Value::String(bytes) => lossy(bytes),
        Value::Text(bytes) => format!("'{}'", lossy(bytes)),
        Value::Signed(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Double(value) => format!("{value:e}"),
        Value::Null => "NULL".into(),
        Value::Float => "a float".into(),
        Value::Other => "?".into(),
    };
    if negated { format!("-{text}") } else { text }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(64).collect()
}
