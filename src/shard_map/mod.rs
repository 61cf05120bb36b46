//! Where should a row live: groups, shards, databases, tables and the functions from key to shard.
//!
//! Pure: a map is built once from YAML text and never changes. Lookups neither allocate nor fail.
//! Invariant: every id held by a map indexes into that same map.

mod accept;
pub mod collation;
mod databases;
mod diff;
pub mod document;
mod everywhere;
pub mod key;
mod key_column;
mod load;
mod lookup;
mod numbers;
mod ownership;
mod physical;
mod positions;
mod problem;
mod ranges;
mod reads;
mod record;
mod schema;
mod sorted;
mod split;
mod splits;
mod stored;
#[cfg(test)]
mod tests;
mod tuples;

use std::collections::HashMap;

use foldhash::fast::FixedState;

pub use accept::Accept;
pub use diff::{Diff, Move, Note, Unfit, diff};
pub use everywhere::Everywhere;
pub use key::{DecimalType, IntegerType, Key, KeyColumn, KeyType, NotExact, TableKey, TextType, Zone};
pub use ownership::Ownership;
pub use physical::Physical;
pub use positions::Positions;
pub use problem::{Fault, Feature, Problem, Thing};
pub use reads::Reads;
pub use record::{Contrary, Next, Record};
pub use schema::schema;
pub use split::{CRC32_1, Hash, Interval, List, Ranges, Split, SplitTable};
pub use stored::Stored;

/// Index of a group in [`ShardMap::groups`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupId(pub u16);

/// Index of a shard in [`ShardMap::shards`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ShardId(pub u16);

/// Index of a region in [`ShardMap::regions`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RegionId(pub u16);

/// A whole, checked map.
#[derive(Debug, Clone)]
pub struct ShardMap {
    pub generation: Option<u64>,
    pub regions: Vec<String>,
    pub groups: Vec<Group>,
    pub shards: Vec<Shard>,
    /// In the order of the file.
    pub databases: Vec<Database>,
    /// Changes of ownership that may lead to this map.
    pub accepts: Vec<Accept>,
}

/// Replicated servers that hold the same rows.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    pub members: Vec<Member>,
}

/// One server.
#[derive(Debug, Clone)]
pub struct Member {
    /// `host:port`, as written.
    pub at: String,
    pub region: RegionId,
}

/// A schema on a group.
#[derive(Debug, Clone)]
pub struct Shard {
    pub name: String,
    pub group: GroupId,
}

/// The family of servers of a database; they differ in keys, literals and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    MariaDb,
    MySql,
}

/// A logical database.
#[derive(Debug, Clone)]
pub struct Database {
    pub name: String,
    pub family: Family,
    /// Where tables live that the map does not list; `None` refuses them.
    pub unlisted: Option<ShardId>,
    /// Looked up by each statement. The names are the operator's, so the hash need not withstand anybody.
    pub tables: HashMap<String, Table, FixedState>,
    /// Of the tables that have another name on their servers.
    pub physical: HashMap<String, Physical, FixedState>,
    /// Who answers reads of tables that say nothing of it.
    pub reads: Reads,
    /// Of the tables that do.
    pub reads_of: HashMap<String, Reads, FixedState>,
}

/// Where the rows of one table live.
#[derive(Debug, Clone)]
pub enum Table {
    Vertical(ShardId),
    /// All of them on each of several shards.
    Everywhere(Everywhere),
    Split(SplitTable),
}
