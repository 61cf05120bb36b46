//! Changes of ownership that the operator vouches for: `accept`, as `meridian diff` prints it.
//!
//! An entry says that rows have moved already, or that there are none, and is of one change only: that of the map whose
//! ownership is `base`. What it says of other maps has no effect, so that entries may stay.

use std::collections::HashSet;

use super::document::{Fields, Node};
use super::ownership::Ownership;
use super::problem::{Faults, Problem, Thing};

pub(super) const ACCEPT: &[&str] = &["table", "keys", "from", "to", "base"];

/// Comparing costs no more than the diff itself.
const ACCEPTS_MAX: usize = 1 << 16;

/// Rows that change their owner, as [`Move`](super::Move) has them, from the map with that ownership on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accept {
    pub table: String,
    pub keys: String,
    pub from: String,
    pub to: String,
    pub base: Ownership,
}

/// Reads the list. Faults are added where there are any.
pub(super) fn read(node: &Node, faults: &mut Faults) -> Vec<Accept> {
    let nodes = node.list("a list of changes", faults).unwrap_or_default();
    if nodes.len() > ACCEPTS_MAX {
        let (thing, count, count_max) = (Thing::Accept, nodes.len(), ACCEPTS_MAX);
        faults.add(node.at, Problem::TooMany { thing, count, count_max });
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut accepts = Vec::new();
    for node in nodes {
        let Some(accept) = entry(node, faults) else { continue };
        match seen.insert(accept.clone()) {
            true => accepts.push(accept),
            false => faults.add(node.at, Problem::AcceptedTwice),
        }
    }
    accepts
}

fn entry(node: &Node, faults: &mut Faults) -> Option<Accept> {
    let fields = Fields::read(node, "an accepted change", ACCEPT, faults)?;
    let [table, keys, from, to, base] =
        ["table", "keys", "from", "to", "base"].map(|name| fields.require(name, faults));
    let mut text = |node: Option<&Node>, expected| Some(node?.text(expected, faults)?.to_owned());
    let table = text(table, "`database.table`");
    let keys = text(keys, "keys as `[a, b)`");
    let (from, to) = (text(from, "a shard's name"), text(to, "a shard's name"));
    let base = base.and_then(|node| {
        let text = node.text("a hash of 64 hexadecimal digits", faults)?;
        let base = Ownership::parse(text);
        if base.is_none() {
            let text = text.into();
            faults.add(node.at, Problem::BadBase { text });
        }
        base
    });
    Some(Accept { table: table?, keys: keys?, from: from?, to: to?, base: base? })
}
