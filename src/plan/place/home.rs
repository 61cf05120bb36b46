//! Lookups in the map: databases, tables, the shards of each.

use super::Place;
use crate::plan::{DatabaseId, Refusal, TableName};
use crate::shard_map::{Database, Everywhere, ShardId, SplitTable, Table};

/// Schemas that every server has of its own.
const SYSTEM: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

/// Where the rows of a table live.
pub enum Home<'a> {
    One(ShardId),
    /// All of them on each of several shards.
    Copies(&'a Everywhere),
    Split(&'a SplitTable),
}

impl<'a> Place<'a> {
    fn at(&self, DatabaseId(index): DatabaseId) -> &'a Database {
        &self.map.databases[usize::from(index)]
    }

    /// The named database, or the session's.
    pub fn database(&self, name: Option<&str>) -> Result<DatabaseId, Refusal> {
        let Some(name) = name else {
            return self.session.ok_or(Refusal::NoDatabase);
        };
        DatabaseId::find(self.map, name).ok_or_else(|| Refusal::UnknownDatabase { database: name.into() })
    }

    /// The name of the session's database.
    pub fn session_name(&self) -> Option<&'a str> {
        self.session.map(|id| self.at(id).name.as_str())
    }

    /// A map may use such a name for a database of its own.
    pub fn is_system(&self, name: &str) -> bool {
        SYSTEM.iter().any(|system| system.eq_ignore_ascii_case(name)) && DatabaseId::find(self.map, name).is_none()
    }

    /// Where a statement about the database as such goes.
    pub fn home_shard(&self, id: DatabaseId) -> ShardId {
        self.at(id).home()
    }

    pub fn home(&self, id: DatabaseId, table: &str) -> Result<Home<'a>, Refusal> {
        let database = self.at(id);
        if let Some(listed) = database.tables.get(table) {
            return Ok(home_of(listed));
        }
        // A server that folds the case of names would find the listed table.
        let folded = table.to_lowercase();
        if let Some((logical, of)) = self.logical(&database.name, &folded) {
            return Err(Refusal::NameThere { name: table.into(), table: logical.into(), database: of.into() });
        }
        let variant = database.tables.iter().find(|(name, _)| name.to_lowercase() == folded);
        match (variant, database.unlisted) {
            (Some((_, listed)), Some(unlisted)) if matches!(home_of(listed), Home::One(shard) if shard == unlisted) => {
                Ok(Home::One(unlisted))
            }
            (Some((listed, _)), _) => Err(Refusal::OtherCase {
                database: database.name.as_str().into(),
                table: table.into(),
                listed: listed.as_str().into(),
            }),
            (None, Some(unlisted)) => Ok(Home::One(unlisted)),
            (None, None) => Err(Refusal::Unlisted { database: database.name.as_str().into(), table: table.into() }),
        }
    }

    /// The name by which the map lists a table that is called so on its servers, and its database. Servers may fold the case
    /// of names; `folded` is in lower case.
    fn logical(&self, database: &str, folded: &str) -> Option<(&'a str, &'a str)> {
        let mut all =
            self.map.databases.iter().flat_map(|of| of.physical.iter().map(move |(name, there)| (of, name, there)));
        let found = all.find(|(_, _, there)| {
            there.database.eq_ignore_ascii_case(database) && there.table.to_lowercase() == folded
        });
        found.map(|(of, name, _)| (name.as_str(), of.name.as_str()))
    }

    pub fn split(&self, table: &TableName) -> Option<&'a SplitTable> {
        match self.at(table.database).tables.get(&*table.name) {
            Some(Table::Split(split)) => Some(split),
            _ => None,
        }
    }

    /// The shard of everything in the database, tables that the map does not list included.
    pub fn sole_shard(&self, id: DatabaseId) -> Option<ShardId> {
        // What is not understood may name tables that have other names there.
        let here = &self.at(id).name;
        let has_other_names = !self.at(id).physical.is_empty()
            || self
                .map
                .databases
                .iter()
                .flat_map(|of| of.physical.values())
                .any(|there| there.database.eq_ignore_ascii_case(here));
        self.at(id).unlisted.filter(|_| self.only_shard(id).is_some() && !has_other_names)
    }

    /// The shard of all tables that the map knows of.
    pub fn only_shard(&self, id: DatabaseId) -> Option<ShardId> {
        let database = self.at(id);
        let mut only = database.unlisted;
        for table in database.tables.values() {
            let Home::One(shard) = home_of(table) else {
                return None;
            };
            if *only.get_or_insert(shard) != shard {
                return None;
            }
        }
        only
    }

    /// Whether rows live on the shard that are not all there, or not there alone.
    pub fn hosts_shared_rows(&self, shard: ShardId) -> bool {
        self.map.databases.iter().flat_map(|database| database.tables.values()).any(|table| match home_of(table) {
            Home::One(_) => false,
            Home::Copies(copies) => copies.is_on(shard),
            Home::Split(split) => split.is_on(shard),
        })
    }

    /// The shards of a split table, each once.
    pub fn shard_names(&self, split: &SplitTable) -> Vec<Box<str>> {
        split.shards().into_iter().map(|shard| self.shard_name(shard)).collect()
    }
}

/// A table whose ranges are all on one shard, with no key left out, is not split.
fn home_of(table: &Table) -> Home<'_> {
    match table {
        Table::Vertical(shard) => Home::One(*shard),
        Table::Everywhere(copies) => Home::Copies(copies),
        Table::Split(split) => split.sole().map_or(Home::Split(split), Home::One),
    }
}
