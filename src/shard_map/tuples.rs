//! Reads the bounds and listed keys of a key of several columns: lists of their values.

use super::document::{Node, Scalar};
use super::key::{Bound, tuple};
use super::problem::{Faults, Problem};
use super::{KeyColumn, KeyType, TableKey};

/// A lower bound: values of the first columns, or of all; `MIN` may stand for those that are left out. The bytes that all
/// tuples with these values begin with, none for MIN itself. `None` where a fault was added.
pub(super) fn bound(key: &TableKey, node: &Node, faults: &mut Faults) -> Option<Box<[u8]>> {
    let is_min = |scalar: &Scalar| scalar.plain && *scalar.text == "MIN";
    let nodes = node.list("MIN or a list of values, one for each column of the key", faults)?;
    if nodes.len() > key.count() {
        faults.add(node.at, Problem::TupleOfOther { count: nodes.len(), key: key.kinds().into() });
        return None;
    }
    let mut values = Vec::new();
    let mut min_seen = false;
    for (column, node) in key.columns().zip(nodes) {
        let scalar = node.scalar("MIN or a value of the column's type", faults)?;
        if is_min(scalar) {
            min_seen = true;
            continue;
        }
        if min_seen {
            faults.add(node.at, Problem::ValueBehindMin);
            return None;
        }
        if let KeyType::Text(text) = column.kind
            && !text.is_ordered()
        {
            faults.add(node.at, Problem::UnorderedRange { kind: column.kind });
            return None;
        }
        values.push((column, value(column, node, &scalar.text, faults)?));
    }
    // (5, 0) and (5) are one bound where nothing is below 0.
    while values.last().is_some_and(|(column, value)| is_least(column.kind, value)) {
        values.pop();
    }
    let mut text = Vec::new();
    for (column, value) in &values {
        tuple::append(column.kind, value.key(), &mut text);
    }
    Some(text.into())
}

/// A listed key: a value for each column.
pub(super) fn listed(key: &TableKey, node: &Node, faults: &mut Faults) -> Option<Box<[u8]>> {
    let nodes = node.list("a list of values, one for each column of the key", faults)?;
    if nodes.len() != key.count() {
        faults.add(node.at, Problem::TupleOfOther { count: nodes.len(), key: key.kinds().into() });
        return None;
    }
    let mut text = Vec::new();
    for (column, node) in key.columns().zip(nodes) {
        let scalar = node.scalar("a value of the column's type", faults)?;
        let value = value(column, node, &scalar.text, faults)?;
        tuple::append(column.kind, value.key(), &mut text);
    }
    Some(text.into())
}

fn value(column: &KeyColumn, node: &Node, text: &str, faults: &mut Faults) -> Option<Bound> {
    column.kind.bound(text).map_err(|problem| faults.add(node.at, problem)).ok()
}

fn is_least(kind: KeyType, value: &Bound) -> bool {
    match (kind, value) {
        (KeyType::Integer(integer), Bound::Number(number)) => *number == integer.min(),
        (KeyType::Text(text), Bound::Text(value)) => value.is_empty() && !text.is_padded(),
        _ => false,
    }
}
