//! Reads the `key` of a table, with its `zone`.

use super::document::{Fields, Key, Node, Shape, Value};
use super::key::tuple::COLUMNS_MAX;
use super::load::check_name;
use super::problem::{Faults, Problem, Thing};
use super::{KeyColumn, KeyType, TableKey, Zone};

/// `None` where a fault was added.
pub(super) fn read(node: &Node, fields: &Fields<'_>, faults: &mut Faults) -> Option<TableKey> {
    let entries = node.entries("a column and its type, as `{id: bigint unsigned}`", faults)?;
    let mut sound = true;
    for (index, (column, _)) in entries.iter().enumerate() {
        check_name(Thing::Column, &column.name, column.at, faults);
        if entries[..index].iter().any(|(other, _)| other.name.to_lowercase() == column.name.to_lowercase()) {
            let name = column.name.as_str().into();
            faults.add(column.at, Problem::DuplicateName { thing: Thing::Column, name });
            sound = false;
        }
    }
    if entries.is_empty() {
        let expected = "a column and its type, as `{id: bigint unsigned}`";
        let found = node.found();
        faults.add(node.at, Shape::Unexpected { expected, found });
        return None;
    }
    if let Some((column, _)) = entries.get(COLUMNS_MAX) {
        let (thing, count, count_max) = (Thing::Column, entries.len(), COLUMNS_MAX);
        faults.add(column.at, Problem::TooMany { thing, count, count_max });
        return None;
    }
    if let Some((_, cut)) = entries.iter().find(|(_, node)| is_cut(node)).filter(|_| entries.len() > 1) {
        faults.add(cut.at, Problem::TypeCut);
        return None;
    }
    let kinds: Vec<Option<(KeyType, bool)>> = entries.iter().map(|entry| kind(entry, faults)).collect();
    let (kinds, defaults): (Vec<KeyType>, Vec<bool>) =
        kinds.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
    let kinds = zoned(&kinds, entries, fields, faults)?;
    let mut columns = entries
        .iter()
        .zip(kinds.into_iter().zip(defaults))
        .map(|((column, _), (kind, defaults_to_now))| KeyColumn { name: column.name.clone(), kind, defaults_to_now });
    let first = columns.next()?;
    sound.then(|| TableKey { first, more: columns.collect() })
}

/// `decimal(10` of `{price: decimal(10,2)}`.
fn is_cut(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(kind) if kind.text.contains('(') && !kind.text.contains(')'))
}

fn kind((_, node): &(Key, Node), faults: &mut Faults) -> Option<(KeyType, bool)> {
    match KeyType::read_with_default(node.text("a column's type", faults)?) {
        Ok(kind) => Some(kind),
        Err(problem) => {
            faults.add(node.at, problem);
            None
        }
    }
}

/// The types with the zone that the table states; exactly timestamps have one.
fn zoned(kinds: &[KeyType], entries: &[(Key, Node)], fields: &Fields<'_>, faults: &mut Faults) -> Option<Vec<KeyType>> {
    let is_timestamp = |kind: &KeyType| matches!(kind, KeyType::Timestamp { .. });
    let zone = match (kinds.iter().position(is_timestamp), fields.get("zone")) {
        (Some(_), Some(node)) => {
            let text = node.text("UTC or an offset", faults)?;
            let zone = Zone::read(text);
            if zone.is_none() {
                faults.add(node.at, Problem::BadZone { text: text.into() });
            }
            zone?
        }
        (Some(index), None) => {
            faults.add(entries[index].1.at, Problem::NoZone);
            return None;
        }
        (None, Some(node)) => {
            faults.add(node.at, Problem::ZoneWithoutEffect { kind: kinds[0] });
            Zone::UTC
        }
        (None, None) => Zone::UTC,
    };
    let with_zone = |kind: &KeyType| match *kind {
        KeyType::Timestamp { digits, .. } => KeyType::Timestamp { digits, zone },
        kind => kind,
    };
    Some(kinds.iter().map(with_zone).collect())
}
