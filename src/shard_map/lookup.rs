//! Lookups in a checked map. None of them allocates or fails on an id of the same map.

use std::fmt;

use super::collation::{Order, Stored};
use super::{
    Database, Family, Group, GroupId, KeyType, Physical, Reads, RegionId, Shard, ShardId, ShardMap, Table, TextType,
};

impl ShardMap {
    /// A logical database by its exact name, as with `lower_case_table_names=0`.
    pub fn database(&self, name: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.name == name)
    }

    pub fn shard(&self, id: ShardId) -> &Shard {
        &self.shards[usize::from(id.0)]
    }

    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[usize::from(id.0)]
    }

    pub fn region(&self, id: RegionId) -> &str {
        &self.regions[usize::from(id.0)]
    }

    /// The group whose servers hold a shard.
    pub fn group_of(&self, id: ShardId) -> &Group {
        self.group(self.shard(id).group)
    }

    pub fn shard_named(&self, name: &str) -> Option<ShardId> {
        let index = self.shards.iter().position(|shard| shard.name == name)?;
        u16::try_from(index).ok().map(ShardId)
    }

    pub fn region_named(&self, name: &str) -> Option<RegionId> {
        let index = self.regions.iter().position(|region| region == name)?;
        u16::try_from(index).ok().map(RegionId)
    }

    /// The tables of weights by which text keys of rows on the group are known, each once.
    pub fn weights_on(&self, group: GroupId) -> Vec<Stored> {
        let mut found = Vec::new();
        for table in self.databases.iter().flat_map(|database| database.tables.values()) {
            let Table::Split(split) = table else { continue };
            if !split.shards().iter().any(|shard| self.shard(*shard).group == group) {
                continue;
            }
            for column in split.key.columns() {
                if let KeyType::Text(TextType { collation: Some(collation), .. }) = column.kind
                    && let Order::Weights(weights) = collation.order
                    && !found.contains(&weights)
                {
                    found.push(weights);
                }
            }
        }
        found.sort_by_key(|weights| weights.name());
        found
    }

    /// Whether all reads are the primary's.
    pub fn reads_primary(&self) -> bool {
        let primary = |reads: &Reads| *reads == Reads::Primary;
        self.databases.iter().all(|database| primary(&database.reads) && database.reads_of.values().all(primary))
    }

    pub fn group_ids(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..=u16::MAX).take(self.groups.len()).map(GroupId)
    }

    pub fn shard_ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..=u16::MAX).take(self.shards.len()).map(ShardId)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::MariaDb => "mariadb",
            Family::MySql => "mysql",
        })
    }
}

impl Database {
    /// A listed table by its exact name; where it is `None`, [`Database::unlisted`] decides.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// What the table is called on its servers, if not as here.
    pub fn physical(&self, name: &str) -> Option<&Physical> {
        self.physical.get(name)
    }

    /// Who answers reads of a table. Where the map has it in other letters, a server may take the two for one.
    pub fn reads(&self, name: &str) -> Reads {
        if self.reads_of.is_empty() {
            return self.reads;
        }
        if let Some(reads) = self.reads_of.get(name) {
            return *reads;
        }
        let folded = name.to_lowercase();
        let others = self.reads_of.iter().filter(|(other, _)| other.to_lowercase() == folded);
        others.map(|(_, reads)| *reads).chain([self.reads]).min().unwrap_or_default()
    }

    /// Every shard that holds something of the database, ascending.
    pub fn shards(&self) -> Vec<ShardId> {
        let mut shards: Vec<ShardId> = self.unlisted.into_iter().collect();
        for table in self.tables.values() {
            shards.extend(table.shards());
        }
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// Where statements without a table go: the `unlisted` shard, else the first of the database.
    pub fn home(&self) -> ShardId {
        self.unlisted.or_else(|| self.shards().first().copied()).unwrap_or(ShardId(0))
    }
}

impl Table {
    /// Every shard that has rows of the table, each once, ascending.
    pub fn shards(&self) -> Vec<ShardId> {
        match self {
            Table::Vertical(shard) => vec![*shard],
            Table::Everywhere(copies) => copies.on().to_vec(),
            Table::Split(split) => split.shards(),
        }
    }
}
