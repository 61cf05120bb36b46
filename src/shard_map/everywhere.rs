//! Tables that have every row on each of several shards.

use std::collections::HashSet;

use super::databases::Declared;
use super::document::{Fields, Node};
use super::problem::{Faults, Problem, Thing};
use super::splits::same_place;
use super::{ShardId, Table};

/// The copies of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Everywhere {
    /// Ascending, each once; two at least.
    on: Box<[ShardId]>,
    /// One of them: the copy that decides.
    from: ShardId,
}

impl Everywhere {
    /// Every shard that has a copy, ascending.
    pub fn on(&self) -> &[ShardId] {
        &self.on
    }

    /// The shard whose copy decides, and answers where no other table says which.
    pub fn from(&self) -> ShardId {
        self.from
    }

    pub fn is_on(&self, shard: ShardId) -> bool {
        self.on.binary_search(&shard).is_ok()
    }

    /// One copy is a table on one shard.
    pub(super) fn table(self) -> Table {
        match *self.on {
            [only] => Table::Vertical(only),
            _ => Table::Everywhere(self),
        }
    }
}

/// Reads `everywhere` and `from`. `None` where a fault was added.
pub(super) fn read(
    table: &str,
    node: &Node,
    fields: &Fields<'_>,
    declared: &Declared<'_>,
    faults: &mut Faults,
) -> Option<Everywhere> {
    let nodes = node.list("a list of shards", faults)?;
    let mut on: HashSet<ShardId> = HashSet::with_capacity(nodes.len());
    let mut places = Vec::with_capacity(nodes.len());
    let mut sound = true;
    for node in nodes {
        let shard = declared.shard(node, faults);
        sound &= shard.is_some();
        if let Some(shard) = shard
            && !on.insert(shard)
        {
            let name = node.text("a shard's name", faults).unwrap_or_default().into();
            faults.add(node.at, Problem::DuplicateName { thing: Thing::Shard, name });
            sound = false;
        }
        places.push((node.at, shard));
    }
    same_place(table, places, declared, faults);
    let node = fields.get("from")?;
    let from = declared.shard(node, faults)?;
    if !on.contains(&from) {
        if sound {
            faults.add(node.at, Problem::FromWithoutCopy);
        }
        return None;
    }
    let mut on: Vec<ShardId> = on.into_iter().collect();
    on.sort_unstable();
    sound.then_some(Everywhere { on: on.into(), from })
}
