//! Reads the split of a table: its key and its bounds.
//!
//! Invariant: bounds ascend strictly and lie inside the key's type; only the first may be MIN.

use std::collections::HashMap;

use super::databases::{Declared, REFUSE};
use super::document::{Fields, Node, Position, Shape, Value};
use super::load::check_name;
use super::problem::{Faults, Feature, Problem, Thing};
use super::{GroupId, Key, KeyColumn, KeyType, Ranges, ShardId, Split, SplitTable, Zone};

/// Reads the split of a table that has a `key`. `None` where a fault was added.
pub(super) fn read(
    table: &str,
    key: &Node,
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    faults: &mut Faults,
) -> Option<SplitTable> {
    let key = key_column(key, fields, faults);
    let Some(range) = fields.get("range") else {
        let elsewhere = ["list", "with", "on", "everywhere", "period"];
        if elsewhere.iter().all(|field| fields.get(field).is_none()) {
            let (name, of) = ("range", "a table with a key");
            faults.add(fields.at(), Shape::MissingField { name, of });
        }
        return None;
    };
    let bounds = bounds(range, key.as_ref().map(|key| key.kind), declared, faults)?;
    below(&bounds, fields, faults);
    same_place(table, &bounds, declared, faults);
    let bounds = bounds
        .into_iter()
        .map(|(_, from, on)| {
            let from = match from? {
                From::Min => None,
                From::Value(value) => Some(value),
            };
            Some((from, on?))
        })
        .collect::<Option<Vec<(Option<i128>, ShardId)>>>()?;
    let split = Split::Range(Ranges::new(bounds));
    Some(SplitTable { key: key?, split })
}

pub(super) const RANGE: &[&str] = &["from", "on", "home"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Min,
    Value(i128),
}

/// One written bound; `None` where its part is unsound.
type Written = (Position, Option<From>, Option<ShardId>);

fn key_column(node: &Node, fields: &Fields<'_>, faults: &mut Faults) -> Option<KeyColumn> {
    let columns = node.entries("a column and its type, as `{id: bigint unsigned}`", faults)?;
    for (column, _) in columns {
        check_name(Thing::Column, &column.name, column.at, faults);
    }
    if let [(_, first), _, ..] = columns
        && let Value::Scalar(first_type) = &first.value
        && first_type.text.contains('(')
        && !first_type.text.contains(')')
    {
        faults.add(first.at, Problem::TypeCut);
        return None;
    }
    if let Some((second, _)) = columns.get(1) {
        faults.add(second.at, Problem::NotYet(Feature::CompositeKey));
        return None;
    }
    let Some((column, node)) = columns.first() else {
        let expected = "a column and its type, as `{id: bigint unsigned}`";
        let found = node.found();
        faults.add(node.at, Shape::Unexpected { expected, found });
        return None;
    };
    let kind = KeyType::read(node.text("a column's type", faults)?);
    match kind {
        Ok(kind) => {
            let name = column.name.clone();
            Some(KeyColumn { name, kind: zoned(kind, node, fields, faults)? })
        }
        Err(problem) => {
            faults.add(node.at, problem);
            None
        }
    }
}

/// The type with the zone that the table states; exactly timestamps have one.
fn zoned(kind: KeyType, of: &Node, fields: &Fields<'_>, faults: &mut Faults) -> Option<KeyType> {
    match (kind, fields.get("zone")) {
        (KeyType::Timestamp { digits, .. }, Some(node)) => {
            let text = node.text("UTC or an offset", faults)?;
            let zone = Zone::read(text);
            if zone.is_none() {
                faults.add(node.at, Problem::BadZone { text: text.into() });
            }
            zone.map(|zone| KeyType::Timestamp { digits, zone })
        }
        (KeyType::Timestamp { .. }, None) => {
            faults.add(of.at, Problem::NoZone);
            None
        }
        (kind, Some(node)) => {
            faults.add(node.at, Problem::ZoneWithoutEffect { kind });
            Some(kind)
        }
        (kind, None) => Some(kind),
    }
}

/// Without a sound key the values of bounds are not looked at: their type is unknown.
fn bounds(node: &Node, kind: Option<KeyType>, declared: &Declared<'_>, faults: &mut Faults) -> Option<Vec<Written>> {
    let nodes = node.list("a list of `{from: BOUND, on: SHARD}`", faults)?;
    let mut bounds: Vec<Written> = Vec::with_capacity(nodes.len());
    let mut last: Option<i128> = None;
    for (index, node) in nodes.iter().enumerate() {
        let Some(fields) = Fields::read(node, "a range", RANGE, faults) else {
            bounds.push((node.at, None, None));
            continue;
        };
        if let Some(key) = fields.key("home") {
            faults.add(key.at, Problem::NotYet(Feature::Homes));
        }
        let on = fields.require("on", faults).and_then(|node| declared.shard(node, faults));
        let from = fields.require("from", faults).and_then(|node| {
            let from = bound(node, kind, faults)?;
            match from {
                From::Min if index > 0 => faults.add(node.at, Problem::MinNotFirst),
                From::Min => {}
                From::Value(value) => {
                    if let Some(before) = last.filter(|before| *before >= value) {
                        let [value, before] = [value, before].map(|bound| shown(bound, kind));
                        faults.add(node.at, Problem::BoundsDisorder { value, before });
                    }
                    last = Some(value);
                }
            }
            Some(from)
        });
        bounds.push((node.at, from, on));
    }
    Some(bounds)
}

fn bound(node: &Node, kind: Option<KeyType>, faults: &mut Faults) -> Option<From> {
    let scalar = node.scalar("MIN or a value of the key's type", faults)?;
    if scalar.plain && *scalar.text == "MIN" {
        return Some(From::Min);
    }
    match kind?.bound(&scalar.text) {
        Ok(value) => Some(From::Value(value)),
        Err(problem) => {
            faults.add(node.at, problem);
            None
        }
    }
}

fn shown(bound: i128, kind: Option<KeyType>) -> Box<str> {
    kind.map_or_else(String::new, |kind| kind.shown(Key::Number(bound))).into()
}

/// `below: refuse` is written exactly where the first bound is not MIN.
fn below(bounds: &[Written], fields: &Fields<'_>, faults: &mut Faults) {
    let below = fields.get("below");
    if let Some(node) = below {
        node.choice(&[REFUSE], faults);
    }
    match (bounds.first(), below) {
        (Some((at, Some(From::Value(_)), _)), None) => faults.add(*at, Problem::FirstNotMin),
        (Some((_, Some(From::Min), _)), Some(node)) => {
            faults.add(node.at, Problem::BelowBesideMin);
        }
        _ => {}
    }
}

/// Two shards of one group have the same schema name there, so they cannot hold parts of one table.
fn same_place(table: &str, bounds: &[Written], declared: &Declared<'_>, faults: &mut Faults) {
    let mut owners: HashMap<GroupId, ShardId> = HashMap::new();
    for (at, _, on) in bounds {
        let shard = |id: ShardId| declared.shards[usize::from(id.0)].as_ref();
        let Some((id, shard_here)) = on.and_then(|id| Some((id, shard(id)?))) else {
            continue;
        };
        let first = *owners.entry(shard_here.group).or_insert(id);
        if first != id {
            let first = shard(first).map_or("", |shard| shard.name.as_str());
            let group = &declared.groups[usize::from(shard_here.group.0)].name;
            faults.add(
                *at,
                Problem::SamePlace {
                    table: table.into(),
                    shards: [first.into(), shard_here.name.as_str().into()],
                    group: group.as_str().into(),
                },
            );
        }
    }
}
