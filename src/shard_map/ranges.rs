//! Reads ranges: of keys, or of the buckets of a hash.
//!
//! Invariant: bounds ascend strictly and lie inside the key's type; only the first may be MIN.

use super::databases::{Declared, REFUSE};
use super::document::{Fields, Node, Position, Value};
use super::key::Bound;
use super::problem::{Faults, Feature, Problem};
use super::sorted::{Sorted, order};
use super::tuples;
use super::{KeyType, Ranges, ShardId, TableKey};

pub(super) const RANGE: &[&str] = &["from", "on", "home"];

/// The kind of what is cut into ranges; `None` where the key is unsound, and then the values of bounds are not looked at.
#[derive(Clone, Copy)]
pub(super) enum Of<'k> {
    Key(Option<&'k TableKey>),
    Buckets(u32),
}

/// One written bound; `None` where its part is unsound.
pub(super) struct Written {
    pub at: Position,
    from: Option<From>,
    pub on: Option<ShardId>,
}

#[derive(Clone, PartialEq, Eq)]
enum From {
    Min,
    Value(Bound),
}

/// Every range, sound or not.
pub(super) fn read(node: &Node, of: Of<'_>, declared: &Declared<'_>, faults: &mut Faults) -> Option<Vec<Written>> {
    let nodes = node.list("a list of `{from: BOUND, on: SHARD}`", faults)?;
    let mut written: Vec<Written> = Vec::with_capacity(nodes.len());
    let mut last: Option<Bound> = None;
    for (index, node) in nodes.iter().enumerate() {
        let at = node.at;
        let Some(fields) = Fields::read(node, "a range", RANGE, faults) else {
            written.push(Written { at, from: None, on: None });
            continue;
        };
        if let Some(key) = fields.key("home") {
            faults.add(key.at, Problem::NotYet(Feature::Homes));
        }
        let on = fields.require("on", faults).and_then(|node| declared.shard(node, faults));
        let from = fields.require("from", faults).and_then(|node| {
            let from = of.bound(node, faults)?;
            match &from {
                From::Min if index > 0 => faults.add(node.at, Problem::MinNotFirst),
                From::Min => {}
                From::Value(value) => {
                    if let Some(before) = &last
                        && order(before.key(), value.key(), of.is_padded()).is_ge()
                    {
                        let [value, before] = [value, before].map(|bound| of.shown(bound).into());
                        faults.add(node.at, Problem::BoundsDisorder { value, before });
                    }
                    last = Some(value.clone());
                }
            }
            Some(from)
        });
        written.push(Written { at, from, on });
    }
    Some(written)
}

/// `below: refuse` is written exactly where the first bound is not MIN.
pub(super) fn below(written: &[Written], fields: &Fields<'_>, faults: &mut Faults) {
    let below = fields.get("below");
    if let Some(node) = below {
        node.choice(&[REFUSE], faults);
    }
    match (written.first(), below) {
        (Some(Written { at, from: Some(From::Value(_)), .. }), None) => faults.add(*at, Problem::FirstNotMin),
        (Some(Written { from: Some(From::Min), .. }), Some(node)) => {
            faults.add(node.at, Problem::BelowBesideMin);
        }
        _ => {}
    }
}

/// The first bucket has a home, and so have all behind it.
pub(super) fn from_zero(written: &[Written], faults: &mut Faults) {
    if let Some(Written { at, from: Some(From::Value(bound)), .. }) = written.first()
        && *bound != Bound::Number(0)
    {
        faults.add(*at, Problem::FirstNotZero);
    }
}

/// `None` where any part was unsound.
pub(super) fn ranges(written: Vec<Written>, of: Of) -> Option<Ranges> {
    let (mut bounds, mut on, mut begins_at_min) = (Vec::new(), Vec::new(), false);
    for (index, written) in written.into_iter().enumerate() {
        match written.from? {
            From::Min if index > 0 => return None,
            From::Min => begins_at_min = true,
            From::Value(bound) => bounds.push(bound),
        }
        on.push(written.on?);
    }
    Some(Ranges::new(of.sorted(bounds), begins_at_min, on))
}

impl Of<'_> {
    fn bound(self, node: &Node, faults: &mut Faults) -> Option<From> {
        let key = match self {
            Of::Key(key) => key,
            Of::Buckets(count) => {
                let bucket = node.integer(0, u64::from(count) - 1, faults)?;
                return Some(From::Value(Bound::Number(bucket.into())));
            }
        };
        let is_list = matches!(node.value, Value::List(_));
        if let Some(key) = key.filter(|key| key.is_composite())
            && !is_min(node)
        {
            let bound = tuples::bound(key, node, faults)?;
            return Some(if bound.is_empty() { From::Min } else { From::Value(Bound::Text(bound)) });
        }
        if key.is_none() && is_list {
            return None;
        }
        let scalar = node.scalar("MIN or a value of the key's type", faults)?;
        if is_min(node) {
            return Some(From::Min);
        }
        match key?.first.kind.bound(&scalar.text) {
            Ok(bound) => Some(From::Value(bound)),
            Err(problem) => {
                faults.add(node.at, problem);
                None
            }
        }
    }

    fn key(&self) -> Option<&TableKey> {
        match self {
            Of::Key(key) => *key,
            Of::Buckets(_) => None,
        }
    }

    pub(super) fn is_padded(self) -> bool {
        let sole = self.key().filter(|key| !key.is_composite()).map(|key| key.first.kind);
        matches!(sole, Some(KeyType::Text(text)) if text.is_padded())
    }

    pub(super) fn shown(self, bound: &Bound) -> String {
        match (self, bound) {
            (Of::Key(Some(key)), bound) => key.shown(bound.key()),
            (_, Bound::Number(number)) => number.to_string(),
            (_, Bound::Text(_)) => String::new(),
        }
    }

    pub(super) fn sorted(self, bounds: Vec<Bound>) -> Sorted {
        let (mut numbers, mut keys) = (Vec::new(), Vec::new());
        for bound in bounds {
            match bound {
                Bound::Number(number) => numbers.push(number),
                Bound::Text(text) => keys.push(text),
            }
        }
        match self {
            Of::Key(Some(key)) if key.is_composite() || matches!(key.first.kind, KeyType::Text(_)) => {
                Sorted::Texts { keys, padded: self.is_padded() }
            }
            _ => Sorted::numbers(numbers),
        }
    }
}

fn is_min(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.plain && *scalar.text == "MIN")
}
