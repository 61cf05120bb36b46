//! How much memory a plan holds, for the bound of the cache: exact, as `tests/plan_cache.rs` compares with an allocator.

use super::concat::{Concatenation, Obstacle};
use super::{
    Copied, DatabaseId, Fixed, HintRefusal, KeySource, Keyed, Operand, Refusal, Renamed, Statement, TableName, Tables,
    Target,
};
use crate::shard_map::ShardId;
use crate::sql::HintFault;

impl Statement {
    /// Bytes of this plan: itself, and what it holds on the heap.
    pub fn bytes(&self) -> usize {
        size_of::<Statement>() + self.heap()
    }
}

/// Bytes on the heap behind a value, without those of the value itself.
trait Heap {
    fn heap(&self) -> usize;
}

macro_rules! nothing_on_the_heap {
    ($($kind:ty),*) => { $(impl Heap for $kind { fn heap(&self) -> usize { 0 } })* };
}

nothing_on_the_heap!(DatabaseId, Operand, ShardId, u8);

impl Heap for Box<str> {
    fn heap(&self) -> usize {
        self.len()
    }
}

impl<T: Heap> Heap for Vec<T> {
    fn heap(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(Heap::heap).sum::<usize>()
    }
}

impl<T: Heap> Heap for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, Heap::heap)
    }
}

impl<A: Heap, B: Heap> Heap for (A, B) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap()
    }
}

impl Heap for Statement {
    fn heap(&self) -> usize {
        let Statement { facts: _, target, hint: _, concatenation, reads: _ } = self;
        target.heap() + concatenation.heap()
    }
}

impl Heap for Target {
    fn heap(&self) -> usize {
        match self {
            Target::Tables(tables) => tables.heap(),
            Target::ShardVariable { column } => column.heap(),
            Target::Refused(refusal) => refusal.heap(),
            Target::Control
            | Target::NoTable
            | Target::ShowTables { .. }
            | Target::ShowDatabases
            | Target::ShowMeridian(_) => 0,
        }
    }
}

impl Heap for Tables {
    fn heap(&self) -> usize {
        let Tables { fixed, keyed, copies, scatters: _, databases, beyond, hinted: _, renamed } = self;
        fixed.heap() + keyed.heap() + copies.heap() + databases.heap() + beyond.heap() + renamed.heap()
    }
}

impl Heap for TableName {
    fn heap(&self) -> usize {
        self.name.heap()
    }
}

impl Heap for Fixed {
    fn heap(&self) -> usize {
        self.table.heap()
    }
}

impl Heap for Copied {
    fn heap(&self) -> usize {
        self.table.heap() + size_of_val(self.copies.on())
    }
}

impl Heap for Renamed {
    fn heap(&self) -> usize {
        let Renamed { renaming, logical, physical } = self;
        let names = logical.0.heap() + logical.1.heap() + physical.database.capacity() + physical.table.capacity();
        renaming.with.len() + names
    }
}

impl Heap for Keyed {
    fn heap(&self) -> usize {
        let Keyed { table, sources, through } = self;
        table.heap() + sources.heap() + through.heap()
    }
}

impl Heap for KeySource {
    fn heap(&self) -> usize {
        match self {
            KeySource::In(operands) | KeySource::Inserted(operands) | KeySource::Assigned(operands) => operands.heap(),
            KeySource::All(sources) | KeySource::Any(sources) | KeySource::Columns(sources) => sources.heap(),
            KeySource::Of(_, source) => size_of::<KeySource>() + source.heap(),
            KeySource::Tuples { columns, rows } => columns.heap() + rows.heap(),
            KeySource::InsertedTuples(rows) => rows.heap(),
            KeySource::Equal(_) | KeySource::Compare(..) | KeySource::Between { .. } => 0,
        }
    }
}

impl Heap for Concatenation {
    fn heap(&self) -> usize {
        match self {
            Concatenation::No(obstacle) => obstacle.heap(),
            Concatenation::OtherName(table) => table.heap(),
            Concatenation::NotAsked | Concatenation::Yes => 0,
        }
    }
}

impl Heap for Obstacle {
    fn heap(&self) -> usize {
        let Obstacle { construct, near, token, before: _ } = self;
        construct.heap() + near.heap() + token.len()
    }
}

impl Heap for Refusal {
    fn heap(&self) -> usize {
        match self {
            Refusal::NoDatabase | Refusal::NoView => 0,
            Refusal::UnknownDatabase { database: name }
            | Refusal::Source { table: name, source: _ }
            | Refusal::SplitSchema { table: name, construct: _ }
            | Refusal::Admin { verb: name }
            | Refusal::PerServer { what: name }
            | Refusal::Homeless { construct: _, name }
            | Refusal::LocksElsewhere { shard: name }
            | Refusal::Unreadable { near: name } => name.heap(),
            Refusal::Unlisted { database, table } => database.heap() + table.heap(),
            Refusal::OtherCase { database, table, listed } => database.heap() + table.heap() + listed.heap(),
            Refusal::NoKey { table, key, shards } | Refusal::Scatter { table, key, shards } => {
                table.heap() + key.heap() + shards.heap()
            }
            Refusal::Apart { places } => places.heap(),
            Refusal::Together { shards, construct, near, at: _ } => shards.heap() + construct.heap() + near.heap(),
            Refusal::RowsApart { table, first, second } => table.heap() + first.heap() + second.heap(),
            Refusal::KeysApart { table, key, first, second } => {
                table.heap() + key.heap() + first.heap() + second.heap()
            }
            Refusal::KeyMoved { table, key, from, to } => table.heap() + key.heap() + from.heap() + to.heap(),
            Refusal::ReadForm { table, key, kind: _, form: _ }
            | Refusal::WrittenForm { table, key, kind: _, form: _ }
            | Refusal::Columns { table, key }
            | Refusal::Selected { table, key, doubt: _ }
            | Refusal::KeyMayMove { table, key }
            | Refusal::Portion { table, key }
            | Refusal::ColumnTwice { table, key }
            | Refusal::KeyAssigned { table, key, construct: _ } => table.heap() + key.heap(),
            Refusal::CopyChanged { table, construct: _, shards } => table.heap() + shards.heap(),
            Refusal::OtherName { table, what } => table.heap() + what.heap(),
            Refusal::NameThere { name, table, database } => name.heap() + table.heap() + database.heap(),
            Refusal::NoCopy { table, shard, copies } => table.heap() + shard.heap() + copies.heap(),
            Refusal::Hint(refusal) => refusal.heap(),
        }
    }
}

impl Heap for HintRefusal {
    fn heap(&self) -> usize {
        match self {
            HintRefusal::Fault(HintFault::Unreadable(comment)) => comment.heap(),
            HintRefusal::UnknownShard { shard, known } => shard.heap() + known.heap(),
            HintRefusal::Table { table, shard, shards } => table.heap() + shard.heap() + shards.heap(),
            HintRefusal::Database { database, shard, shards } => database.heap() + shard.heap() + shards.heap(),
            HintRefusal::Key { table, shard, home } => table.heap() + shard.heap() + home.heap(),
            HintRefusal::Fault(_) | HintRefusal::Session | HintRefusal::Variable => 0,
        }
    }
}
