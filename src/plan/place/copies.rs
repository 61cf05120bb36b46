//! Tables that are everywhere: which copy answers, and what would change one of them alone.

use super::Place;
use crate::plan::read::{Role, Shape};
use crate::plan::{Construct, Copied, Fixed, Refusal, Tables};
use crate::shard_map::{Everywhere, ShardId};
use crate::sql::{Facts, Flags};

impl Place<'_> {
    /// Refuses what would change, or lock, one copy and leave the others as they are.
    pub fn refuse_changed_copy(
        &self,
        facts: &Facts,
        shape: &Shape,
        index: usize,
        copies: &Everywhere,
    ) -> Result<(), Refusal> {
        let occurrence = &shape.occurrences[index];
        let construct = match occurrence.role {
            Role::Described => None,
            Role::Inserted => Some(Construct::Insert),
            Role::Whole(construct) => Some(construct),
            Role::Rows if facts.flags.contains(Flags::LOCKING_READ) => Some(Construct::LockingRead),
            Role::Rows if shape.deleted.iter().any(|id| id.0 == index) => Some(Construct::Delete),
            Role::Rows => self.updated(shape, index),
        };
        match construct {
            None => Ok(()),
            Some(construct) => Err(Refusal::CopyChanged {
                table: occurrence.name.clone(),
                construct,
                shards: copies.on().iter().map(|shard| self.shard_name(*shard)).collect(),
            }),
        }
    }

    /// Whether an UPDATE changes rows of this occurrence, or may.
    fn updated(&self, shape: &Shape, index: usize) -> Option<Construct> {
        let mut found = None;
        for assignment in &shape.assignments {
            let visible = &assignment.visible;
            let answers = |id: usize| shape.occurrences[id].answers_to(&assignment.column, self.session_name());
            if !visible.iter().any(|id| id.0 == index) || !answers(index) && visible.iter().any(|id| answers(id.0)) {
                continue;
            }
            match visible.len() > 1 && assignment.column.table.is_none() {
                true => found = Some(Construct::UnqualifiedUpdate),
                false => return Some(Construct::Update),
            }
        }
        found
    }

    /// The copy of each table where that is certain by now: beside tables of one shard, or alone.
    ///
    /// Beside split tables the keys decide, when they are known.
    pub fn choose_copies(&self, tables: &mut Tables) -> Result<(), Refusal> {
        let copies = std::mem::take(&mut tables.copies);
        let shard = match (tables.fixed.first(), copies.first()) {
            (_, None) => return Ok(()),
            (Some(fixed), _) => fixed.shard,
            (None, _) if !tables.keyed.is_empty() => {
                tables.copies = copies;
                return Ok(());
            }
            (None, Some(_)) => common(&copies).ok_or_else(|| self.no_common(&copies))?,
        };
        for copied in copies {
            if !copied.copies.is_on(shard) {
                return Err(copied.missing(self.map, shard));
            }
            tables.fixed.push(Fixed { table: copied.table, shard });
        }
        Ok(())
    }

    fn no_common(&self, copies: &[Copied]) -> Refusal {
        let mut places: Vec<(Box<str>, Box<str>)> = Vec::new();
        for copied in copies {
            let names: Vec<Box<str>> = copied.copies.on().iter().map(|shard| self.shard_name(*shard)).collect();
            places.push((copied.table.name.clone(), names.join(", ").into()));
        }
        places.sort();
        places.dedup();
        Refusal::Apart { places }
    }
}

/// The copy that decides for one of the tables, if all others have one there too; else the first shard that has all.
fn common(copies: &[Copied]) -> Option<ShardId> {
    let has_all = |shard: &ShardId| copies.iter().all(|copied| copied.copies.is_on(*shard));
    let decides = copies.iter().map(|copied| copied.copies.from());
    let others = copies.iter().flat_map(|copied| copied.copies.on().iter().copied());
    decides.chain(others).find(has_all)
}
