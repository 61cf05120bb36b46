//! The JSON Schema of a map, for editors: what is known where, generated from the lists of fields that the reader uses.
//!
//! It says less than `check`: not that names exist, bounds ascend or values are of the key's type.
//! Invariant: a field that the reader knows and serves is in the schema, and no other.

use serde_json::{Map, Value, json};

use super::CRC32_1;
use super::accept::ACCEPT;
use super::databases::{BESIDE, DATABASE, NOT_YET, PLACES, REFUSE, TABLE};
use super::load::{GROUP, MEMBER, SHARD, TOP};
use super::ranges::RANGE;
use super::reads::READS;
use super::splits::{BUCKETS_MAX, LIST};

/// The schema as a text of several lines, with an end of line at its end.
pub fn schema() -> String {
    let mut schema = object(TOP, &["version", "regions", "groups", "shards", "databases"], top_field);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Meridian shard map",
        "description": "Where the rows of each table live. `meridian check` knows more than this schema does.",
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    format!("{schema:#}\n")
}

/// The fields of a list that are not "not yet", nor make sense only beside one that is.
fn served(fields: &[&'static str], not_yet: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let not_yet: Vec<&str> = not_yet.collect();
    fields.iter().copied().filter(|field| !not_yet.contains(field)).collect()
}

/// A mapping with these fields and no others.
fn object(fields: &[&'static str], required: &[&str], of: fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), of(field))).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A mapping whose keys are names that the file chooses.
fn named(of: Value, what: &str) -> Value {
    json!({"type": "object", "additionalProperties": of, "description": what})
}

fn list(of: Value, what: &str) -> Value {
    json!({"type": "array", "items": of, "minItems": 1, "description": what})
}

fn text(what: &str) -> Value {
    json!({"type": "string", "description": what})
}

/// A name; one that looks like a number to YAML is one here all the same.
fn name(what: &str) -> Value {
    json!({"type": ["string", "integer"], "description": what})
}

fn word(words: &[&str], what: &str) -> Value {
    json!({"enum": words, "description": what})
}

/// A key's value, which the key's type reads and not YAML.
fn value(what: &str) -> Value {
    json!({"type": ["string", "integer", "number"], "description": what})
}

/// A key of one column, or of several.
fn value_or_tuple(one: &str, several: &str) -> Value {
    json!({"anyOf": [value(one), list(value("A value of the column's type."), several)]})
}

fn top_field(field: &str) -> Value {
    match field {
        "version" => json!({"enum": [1, "1"], "description": "The version of this grammar."}),
        "generation" => json!({
            "type": "integer", "minimum": 0, "description": "The number of this map; where it is written it must grow.",
        }),
        "regions" => list(name("A region."), "Where members are."),
        "groups" => named(object(GROUP, &["members"], group_field), "Groups by name: replicated servers."),
        "shards" => {
            let fields = served(SHARD, ["database"].into_iter());
            named(object(&fields, &["group"], shard_field), "Shards by name: a schema on a group.")
        }
        "databases" => named(object(DATABASE, &["family"], database_field), "Databases by the name that clients use."),
        "accept" => list(
            object(ACCEPT, ACCEPT, accept_field),
            "Changes of ownership whose rows have moved, as `meridian diff` prints them.",
        ),
        _ => unknown(),
    }
}

fn accept_field(field: &str) -> Value {
    match field {
        "table" => text("`database.table`, or `database.*` of the tables that are not listed."),
        "keys" => text("The keys as `meridian diff` shows them."),
        "from" => name("The shard that had the rows."),
        "to" => name("The shard that has them."),
        "base" => text("The ownership hash of the map before."),
        _ => unknown(),
    }
}

fn group_field(field: &str) -> Value {
    match field {
        "members" => {
            let member = object(MEMBER, &["at", "region"], member_field);
            json!({"type": "array", "items": member, "minItems": 1, "description": "The group's servers: one that is written, and its replicas."})
        }
        _ => unknown(),
    }
}

fn member_field(field: &str) -> Value {
    match field {
        "at" => text("host:port"),
        "region" => name("One of `regions`."),
        _ => unknown(),
    }
}

fn shard_field(field: &str) -> Value {
    match field {
        "group" => name("The group whose servers hold the shard."),
        "database" => name("The schema's name on the servers, where it differs."),
        _ => unknown(),
    }
}

fn database_field(field: &str) -> Value {
    match field {
        "family" => word(&["mariadb", "mysql"], "What the servers are; one database never mixes them."),
        "unlisted" => name("The shard of all tables that are not listed, or `refuse`."),
        "reads" => word(READS, "Which member answers reads of tables that do not say so themselves."),
        "transactions" => word(&["single_shard"], "What a transaction may write."),
        "tables" => named(table(), "Tables by name, and where their rows live."),
        _ => unknown(),
    }
}

fn table() -> Value {
    let not_yet: Vec<&str> = NOT_YET.iter().map(|(field, _)| *field).collect();
    let alone = BESIDE.iter().filter(|(_, beside)| not_yet.contains(beside)).map(|(field, _)| *field);
    let fields = served(TABLE, not_yet.iter().copied().chain(alone));
    let mut table = object(&fields, &[], table_field);
    let beside: Map<String, Value> = BESIDE
        .iter()
        .filter(|(field, _)| fields.contains(field))
        .map(|(field, beside)| ((*field).to_owned(), json!([beside])))
        .collect();
    let places: Vec<Value> =
        PLACES.iter().filter(|place| fields.contains(place)).map(|place| json!({"required": [place]})).collect();
    table["dependentRequired"] = Value::Object(beside);
    table["anyOf"] = Value::Array(places);
    json!({"anyOf": [name("The shard that has all rows."), table]})
}

fn table_field(field: &str) -> Value {
    let entry = |fields: &[&'static str], required: &[&str]| object(fields, required, place_field);
    match field {
        "on" => name("The shard that has all rows."),
        "everywhere" => list(name("A shard."), "Shards that have every row each."),
        "from" => name("Which of `everywhere` is written first and decides."),
        "with" => name("The table along which this one is split."),
        "key" => {
            let what = "The column that decides where a row lives, or several, in the order of the file.";
            named(text("The column's type as in CREATE TABLE, and `default current_timestamp` if it has that."), what)
        }
        "range" => {
            let fields = served(RANGE, ["home"].into_iter());
            list(entry(&fields, &["from", "on"]), "Lower bounds, ascending; each holds up to the next.")
        }
        "list" => {
            let fields = served(LIST, ["home"].into_iter());
            list(entry(&fields, &["in", "on"]), "Values of the key, and the shard of each.")
        }
        "else" => name("The shard of all other values, or `refuse`."),
        "hash" => word(&[CRC32_1], "The function that makes buckets of keys; `range` is over the buckets then."),
        "buckets" => {
            let what = "How many buckets there are; it never changes.";
            json!({"type": "integer", "minimum": 1, "maximum": BUCKETS_MAX, "description": what})
        }
        "below" => word(&[REFUSE], "Keys below the first bound have no home."),
        "scatter" => word(&[REFUSE], "No statement reads several shards of the table."),
        "as" => text("Its name on the servers, where it differs: `database.table`."),
        "reads" => word(READS, "Which member answers reads."),
        "zone" => text("UTC or an offset as +02:00: of the bounds of a timestamp."),
        _ => unknown(),
    }
}

fn place_field(field: &str) -> Value {
    match field {
        "from" => {
            value_or_tuple("The first key: MIN, or a value of the key's type.", "Values of the first columns, or all.")
        }
        "in" => list(value_or_tuple("A value of the key's type.", "A value for each column."), "Values of the key."),
        "on" => name("The shard of these rows, or `refuse`."),
        _ => unknown(),
    }
}

/// A field that a list has and this file does not: a test fails where one is in the schema.
fn unknown() -> Value {
    Value::Bool(true)
}
