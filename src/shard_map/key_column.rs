//! Reads the `key` of a table, with its `zone`.

use super::document::{Fields, Node, Shape, Value};
use super::load::check_name;
use super::problem::{Faults, Feature, Problem, Thing};
use super::{KeyColumn, KeyType, Zone};

/// `None` where a fault was added.
pub(super) fn read(node: &Node, fields: &Fields<'_>, faults: &mut Faults) -> Option<KeyColumn> {
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
