//! The JSON Schema, and a small validator of the keywords that it uses.

use serde_json::{Map, Value};

use super::super::document::{self, Faults, Node};
use super::super::problem::Problem;
use super::super::{ShardMap, schema};

fn parsed() -> Value {
    serde_json::from_str(&schema()).expect("valid JSON")
}

/// A map as an editor reads it: plain scalars that look like numbers are numbers.
fn value(node: &Node) -> Value {
    match &node.value {
        document::Value::Scalar(scalar) => match scalar.text.parse::<i64>() {
            Ok(number) if scalar.plain => number.into(),
            _ => scalar.text.as_str().into(),
        },
        document::Value::List(nodes) => nodes.iter().map(value).collect(),
        document::Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, node)| (key.name.clone(), value(node)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        document::Value::Refused => Value::Null,
    }
}

/// The path of the first value that the schema does not allow.
fn fault(schema: &Value, value: &Value, path: &str) -> Option<String> {
    let Value::Object(keywords) = schema else { return None };
    let here = |fails: bool| fails.then(|| path.to_owned());
    keywords.iter().find_map(|(keyword, wanted)| match keyword.as_str() {
        "type" => {
            let is = |name: &Value| match name.as_str().expect("a type's name") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("type {other}"),
            };
            here(!wanted.as_array().map_or_else(|| is(wanted), |names| names.iter().any(is)))
        }
        "enum" => here(!wanted.as_array().expect("a list").contains(value)),
        "minimum" => here(value.as_i64() < wanted.as_i64()),
        "maximum" => here(value.as_i64() > wanted.as_i64()),
        "minItems" => {
            here(value.as_array().is_some_and(|items| (items.len() as u64) < wanted.as_u64().expect("a number")))
        }
        "maxItems" => {
            here(value.as_array().is_some_and(|items| items.len() as u64 > wanted.as_u64().expect("a number")))
        }
        "items" => value.as_array()?.iter().find_map(|item| fault(wanted, item, &format!("{path}/*"))),
        "required" => {
            let object = value.as_object()?;
            here(
                wanted
                    .as_array()
                    .expect("a list")
                    .iter()
                    .any(|name| !object.contains_key(name.as_str().expect("a name"))),
            )
        }
        "dependentRequired" => {
            let object = value.as_object()?;
            let lacks = |name: &Value| !object.contains_key(name.as_str().expect("a name"));
            here(wanted.as_object().expect("an object").iter().any(|(field, beside)| {
                object.contains_key(field) && beside.as_array().expect("a list").iter().any(lacks)
            }))
        }
        "anyOf" => {
            let found: Vec<_> = wanted.as_array().expect("a list").iter().map(|one| fault(one, value, path)).collect();
            if found.iter().any(Option::is_none) { None } else { found.into_iter().flatten().max_by_key(String::len) }
        }
        "properties" => {
            let object = value.as_object()?;
            let properties = wanted.as_object().expect("an object");
            object.iter().find_map(|(name, value)| fault(properties.get(name)?, value, &format!("{path}/{name}")))
        }
        "additionalProperties" => {
            let object = value.as_object()?;
            let none = Map::new();
            let known = keywords.get("properties").and_then(Value::as_object).unwrap_or(&none);
            let mut others = object.iter().filter(|(name, _)| !known.contains_key(*name));
            match wanted {
                Value::Bool(false) => others.next().map(|(name, _)| format!("{path}/{name}")),
                schema => others.find_map(|(name, value)| fault(schema, value, &format!("{path}/{name}"))),
            }
        }
        "$schema" | "title" | "description" => None,
        other => panic!("keyword {other}"),
    })
}

/// Where the schema finds something wrong with a map.
fn check(yaml: &str) -> Option<String> {
    let node = Node::parse::<Problem>(yaml, &mut Faults::default()).expect("YAML");
    fault(&parsed(), &value(&node), "")
}

#[test]
fn every_field_that_is_served_is_described() {
    fn described(schema: &Value, path: &str) {
        match schema {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| described(value, &format!("{path}/{name}")))
            }
            Value::Array(list) => list.iter().for_each(|value| described(value, path)),
            other => assert_ne!(*other, Value::Bool(true), "{path} is no field that schema.rs knows"),
        }
    }
    described(&parsed(), "");
}

#[test]
fn every_map_of_the_repository_is_valid() {
    for folder in ["shard-maps", "tests/goldens"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("a readable folder").path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let yaml = std::fs::read_to_string(&path).expect("a readable map");
                assert_eq!(check(&yaml), None, "{}", path.display());
            }
        }
    }
}

#[test]
fn what_the_reader_does_not_know_is_not_valid() {
    let shop = include_str!("../../../tests/goldens/map.yaml");
    for (from, to, place) in [
        ("version: 1", "version: 2", "/version"),
        ("version: 1", "versoin: 1", ""),
        ("version: 1\n", "version: 1\ncolour: red\n", "/colour"),
        ("version: 1\n", "version: 1\naccept: []\n", "/accept"),
        ("regions: [eu]", "regions: []", "/regions"),
        ("{members: [{at:", "{member: [{at:", "/groups/orders/member"),
        ("region: eu}]}", "regoin: eu}]}", "/groups/orders/members/*"),
        ("{group: orders}", "{group: orders, database: x}", "/shards/orders/database"),
        ("family: mariadb", "family: postgres", "/databases/shop/family"),
        ("    unlisted: refuse\n", "    unlisted: refuse\n    reads: replicas\n", "/databases/shop/reads"),
        ("        key: {id: bigint unsigned}\n", "", "/databases/shop/tables/customers"),
        ("        range:\n", "        ranges:\n", "/databases/shop/tables/customers/ranges"),
        ("{from: MIN, on: s0}", "{from: MIN, no: s0}", "/databases/shop/tables/customers/range/*"),
        ("below: refuse", "below: s0", "/databases/shop/tables/events/below"),
        ("      orders: orders\n", "      orders: {on: orders, ids: x}\n", "/databases/shop/tables/orders/ids"),
        ("      orders: orders\n", "      orders: {reads: primary}\n", "/databases/shop/tables/orders"),
    ] {
        assert!(shop.contains(from), "{from}");
        let yaml = shop.replacen(from, to, 1);
        let found = check(&yaml);
        assert!(found.as_deref().is_some_and(|found| found.starts_with(place)), "{from} -> {to}: {found:?}");
        assert!(ShardMap::load(&yaml).is_err(), "{to}");
    }
}

#[test]
fn the_schema_in_the_documents_is_that_of_the_reader() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/shard-map.schema.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, schema()).expect("the schema can be written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == schema(), "docs/shard-map.schema.json is stale; UPDATE_DOCS=1 cargo test --lib schema writes it");
}

/// Fields, and words of a choice, that the schema has and none of these values uses, as paths.
fn unused(schema: &Value, values: &[&Value], path: &str, found: &mut Vec<String>) {
    let Value::Object(keywords) = schema else { return };
    let no_fields = Map::new();
    let properties = keywords.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
    for (name, of) in properties {
        let inside: Vec<&Value> = values.iter().filter_map(|value| value.get(name)).collect();
        let path = format!("{path}/{name}");
        match inside.is_empty() {
            true => found.push(path),
            false => unused(of, &inside, &path, found),
        }
    }
    if let Some(others) = keywords.get("additionalProperties").filter(|others| others.is_object()) {
        let inside: Vec<&Value> = values.iter().filter_map(|value| value.as_object()).flat_map(Map::values).collect();
        unused(others, &inside, &format!("{path}/*"), found);
    }
    if let Some(items) = keywords.get("items") {
        let inside: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
        unused(items, &inside, &format!("{path}/*"), found);
    }
    for form in keywords.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        // Not those that only say which fields belong together.
        if form.get("type").is_some() {
            let inside: Vec<&Value> = values.iter().filter(|value| fault(form, value, "").is_none()).copied().collect();
            match inside.is_empty() {
                true => found.push(format!("{path}: {}", form["description"])),
                false => unused(form, &inside, path, found),
            }
        }
    }
    for word in keywords.get("enum").and_then(Value::as_array).into_iter().flatten().filter(|word| **word != "1") {
        if !values.contains(&word) {
            found.push(format!("{path}: {word}"));
        }
    }
}

fn unused_by(yaml: &str) -> Vec<String> {
    let node = Node::parse::<Problem>(yaml, &mut Faults::default()).expect("YAML");
    let mut found = Vec::new();
    unused(&parsed(), &[&value(&node)], "", &mut found);
    found
}

#[test]
fn the_reference_has_every_field() {
    let reference = include_str!("../../../shard-maps/reference.yaml");
    assert_eq!(unused_by(reference), Vec::<String>::new());
    for (line, path) in [
        ("generation: 7 ", "/generation"),
        ("    transactions: single_shard ", "/databases/*/transactions"),
        ("    family: mysql", "/databases/*/family: \"mysql\""),
        ("        below: refuse ", "/databases/*/tables/*/below"),
        ("        zone: ", "/databases/*/tables/*/zone"),
    ] {
        let without: String =
            reference.lines().filter(|other| !other.starts_with(line)).map(|line| format!("{line}\n")).collect();
        assert_eq!(unused_by(&without), [path]);
    }
}
