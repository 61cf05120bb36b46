//! Reads the split of a table: its key, and `range`, `list` or `hash`.

use std::collections::HashMap;

use super::databases::{Declared, REFUSE};
use super::document::{Fields, Node, Position, Shape, Value};
use super::key::Bound;
use super::problem::{Faults, Feature, Problem};
use super::ranges::{self, Of};
use super::sorted::order;
use super::{CRC32_1, GroupId, Hash, KeyType, List, ShardId, Split, SplitTable, TableKey, key_column, tuples};

pub(super) const LIST: &[&str] = &["in", "on", "home"];

/// Buckets of a hash; more of them than shards that anybody has.
pub(super) const BUCKETS_MAX: u64 = 1 << 16;

/// Reads the split of a table that has a `key`. `None` where a fault was added.
pub(super) fn read(
    table: &str,
    key: &Node,
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    faults: &mut Faults,
) -> Option<SplitTable> {
    let key = key_column::read(key, fields, faults);
    let split = match (fields.get("hash"), fields.get("list"), fields.get("range")) {
        (Some(node), _, _) => hash(table, node, fields, declared, faults),
        (None, Some(node), _) => list(table, node, key.as_ref(), fields, declared, faults),
        (None, None, Some(node)) => range(table, node, key.as_ref(), fields, declared, faults),
        (None, None, None) => {
            let elsewhere = ["with", "on", "everywhere", "period"];
            if elsewhere.iter().all(|field| fields.get(field).is_none()) {
                let (name, of) = ("range", "a table with a key");
                faults.add(fields.at(), Shape::MissingField { name, of });
            }
            None
        }
    };
    Some(SplitTable { key: key?, split: split?, refuses_scatter: false })
}

fn range(
    table: &str,
    node: &Node,
    key: Option<&TableKey>,
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    faults: &mut Faults,
) -> Option<Split> {
    if let Some(TableKey { first, .. }) = key
        && let kind @ KeyType::Text(text) = first.kind
        && !text.is_ordered()
    {
        faults.add(node.at, Problem::UnorderedRange { kind });
        return None;
    }
    let written = ranges::read(node, Of::Key(key), declared, faults)?;
    ranges::below(&written, fields, faults);
    same_place(table, written.iter().map(|written| (written.at, written.on)), declared, faults);
    ranges::ranges(written, Of::Key(key)).map(Split::Range)
}

fn hash(table: &str, node: &Node, fields: &Fields<'_>, declared: &Declared<'_>, faults: &mut Faults) -> Option<Split> {
    let function = node.text("a hash function", faults);
    if let Some(name) = function.filter(|name| *name != CRC32_1) {
        faults.add(node.at, Problem::UnknownHash { name: name.into() });
    }
    if let Some(key) = fields.key("below") {
        faults.add(key.at, Problem::FieldsConflict { field: "below", other: "hash" });
    }
    let buckets = fields.require("buckets", faults).and_then(|node| node.integer(1, BUCKETS_MAX, faults));
    let range = fields.require("range", faults);
    let (buckets, range) = (buckets? as u32, range?);
    let written = ranges::read(range, Of::Buckets(buckets), declared, faults)?;
    ranges::from_zero(&written, faults);
    same_place(table, written.iter().map(|written| (written.at, written.on)), declared, faults);
    let ranges = ranges::ranges(written, Of::Buckets(buckets))?;
    Some(Split::Hash(Hash { buckets, ranges }))
}

/// One listed key with its position.
struct Listed {
    at: Position,
    key: Bound,
    on: Option<ShardId>,
}

fn list(
    table: &str,
    node: &Node,
    key: Option<&TableKey>,
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    faults: &mut Faults,
) -> Option<Split> {
    let nodes = node.list("a list of `{in: [KEY], on: SHARD}`", faults);
    let mut sound = nodes.is_some();
    let (mut listed, mut places) = (Vec::new(), Vec::new());
    for node in nodes.unwrap_or_default() {
        let Some(fields) = Fields::read(node, "an entry of a list", LIST, faults) else {
            sound = false;
            continue;
        };
        if let Some(key) = fields.key("home") {
            faults.add(key.at, Problem::NotYet(Feature::Homes));
        }
        let on = fields.require("on", faults).and_then(|node| declared.shard(node, faults));
        places.push((node.at, on));
        let keys = fields.require("in", faults).and_then(|node| node.list("a list of keys", faults));
        sound &= on.is_some() && keys.is_some();
        for node in keys.unwrap_or_default() {
            match listed_key(node, key, faults) {
                Some(key) => listed.push(Listed { at: node.at, key, on }),
                None => sound = false,
            }
        }
    }
    let otherwise = fields.require("else", faults).and_then(|node| match node.text("a shard or `refuse`", faults)? {
        REFUSE => Some(None),
        _ => {
            let shard = declared.shard(node, faults);
            places.push((node.at, shard));
            shard.map(Some)
        }
    });
    same_place(table, places, declared, faults);
    let padded = Of::Key(key).is_padded();
    // The sort keeps the order of the file among equal keys.
    listed.sort_by(|a, b| order(a.key.key(), b.key.key(), padded));
    for pair in listed.windows(2) {
        if order(pair[0].key.key(), pair[1].key.key(), padded).is_eq() {
            let key = Of::Key(key).shown(&pair[1].key).into();
            faults.add(pair[1].at, Problem::ListedTwice { key, first_line: pair[0].at.line });
        }
    }
    let otherwise = otherwise?;
    if !sound {
        return None;
    }
    let on = listed.iter().map(|listed| listed.on).collect::<Option<Vec<ShardId>>>()?;
    let keys = Of::Key(key).sorted(listed.into_iter().map(|listed| listed.key).collect());
    Some(Split::List(List::new(keys, on, otherwise)))
}

fn listed_key(node: &Node, key: Option<&TableKey>, faults: &mut Faults) -> Option<Bound> {
    match key {
        Some(key) if key.is_composite() => tuples::listed(key, node, faults).map(Bound::Text),
        // Its own faults were added.
        None if matches!(node.value, Value::List(_)) => None,
        key => {
            let text = node.text("a key", faults)?;
            key?.first.kind.bound(text).map_err(|problem| faults.add(node.at, problem)).ok()
        }
    }
}

/// Two shards of one group have the same schema name there, so they cannot hold parts of one table.
pub(super) fn same_place(
    table: &str,
    places: impl IntoIterator<Item = (Position, Option<ShardId>)>,
    declared: &Declared<'_>,
    faults: &mut Faults,
) {
    let mut owners: HashMap<GroupId, ShardId> = HashMap::new();
    for (at, on) in places {
        let shard = |id: ShardId| declared.shards[usize::from(id.0)].as_ref();
        let Some((id, shard_here)) = on.and_then(|id| Some((id, shard(id)?))) else {
            continue;
        };
        let first = *owners.entry(shard_here.group).or_insert(id);
        if first != id {
            let first = shard(first).map_or("", |shard| shard.name.as_str());
            let group = &declared.groups[usize::from(shard_here.group.0)].name;
            faults.add(
                at,
                Problem::SamePlace {
                    table: table.into(),
                    shards: [first.into(), shard_here.name.as_str().into()],
                    group: group.as_str().into(),
                },
            );
        }
    }
}
