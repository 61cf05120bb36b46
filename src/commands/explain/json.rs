//! An explanation as a JSON object; `docs` of its fields are those of `route::explain`.

use serde_json::{Value, json};

use crate::route::Explanation;
use crate::route::explain::{KeyFound, KeyValue, Read, Verdict};

/// Every field is always there; what does not apply is null or an empty list.
pub(super) fn object(explanation: &Explanation) -> Value {
    let (verdict, refusal, parameters) = match &explanation.verdict {
        Verdict::Control => ("session", Value::Null, Value::Null),
        Verdict::NoTable => ("no table", Value::Null, Value::Null),
        Verdict::Gather => ("gather", Value::Null, Value::Null),
        Verdict::Answer => ("answer", Value::Null, Value::Null),
        Verdict::View(_) => ("answer", Value::Null, Value::Null),
        Verdict::ShardVariable => ("answer", Value::Null, Value::Null),
        Verdict::Single => ("single", Value::Null, Value::Null),
        Verdict::Scatter => ("scatter", Value::Null, Value::Null),
        Verdict::Parameters { parameters, may_refuse, may_scatter } => {
            let decide = json!({"decide": parameters, "may_refuse": may_refuse, "may_scatter": may_scatter});
            ("parameters", Value::Null, decide)
        }
        Verdict::Refused { number, sqlstate, text } => {
            ("refused", json!({"number": number, "sqlstate": sqlstate, "text": text}), Value::Null)
        }
    };
    let tables: Vec<Value> = explanation
        .tables
        .iter()
        .map(|table| {
            json!({
                "database": table.database, "table": table.table, "kind": table.kind.word(), "shard": table.shard,
            })
        })
        .collect();
    let shards: Vec<Value> = explanation
        .destinations
        .iter()
        .map(|to| {
            let members: Vec<Value> =
                to.members.iter().map(|member| json!({"at": member.at, "region": member.region})).collect();
            json!({"shard": to.shard, "group": to.group, "members": members})
        })
        .collect();
    let text = String::from_utf8_lossy(&explanation.text);
    let send = match explanation.destinations.is_empty() {
        true => Value::Null,
        false => json!({"bytes": explanation.text.len(), "text": text}),
    };
    json!({
        "statement": text,
        "explanation": explanation.to_string(),
        "verdict": verdict,
        "refusal": refusal,
        "parameters": parameters,
        "keys": explanation.keys.iter().map(key).collect::<Vec<Value>>(),
        "tables": tables,
        "hint": explanation.hint,
        "shards": shards,
        "prepared": explanation.prepared,
        "send": send,
    })
}

fn key(key: &KeyFound) -> Value {
    let values: Vec<Value> = key
        .values
        .iter()
        .map(|values| {
            let (read, shard) = match &values.read {
                Read::Place { place, shard } => (place.clone(), Some(shard)),
                Read::NoRow => ("no row".into(), None),
                Read::Open => ("not known yet".into(), None),
                Read::Unsettled(form) => (format!("not settled: {form}"), None),
            };
            // As text: JSON readers round integers of 64 bits.
            let value = |value: &KeyValue| json!({"given": value.given, "key": value.key});
            let shown: Vec<Value> = values.shown.iter().map(value).collect();
            json!({"read": read, "shard": shard, "count": values.count, "values": shown})
        })
        .collect();
    json!({
        "database": key.database,
        "table": key.table,
        "column": key.column,
        "condition": key.condition,
        "through": key.through,
        "values": values,
        "values_are_cut": key.values_are_cut,
    })
}
