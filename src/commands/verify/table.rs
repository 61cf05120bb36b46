//! The tables to read, and the servers on which each of them could have rows.

use crate::shard_map::{self, Database, Everywhere, ShardId, ShardMap, SplitTable, Stored};

/// A table of the map.
#[derive(Debug, Clone, Copy)]
pub struct Table<'m> {
    pub database: &'m Database,
    pub name: &'m str,
    table: &'m shard_map::Table,
}

/// A server that may hold rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table's shard there; if it has none, the first shard of the server.
    pub shard: ShardId,
    /// Whether the map has rows of the table there.
    pub is_used: bool,
}

impl Table<'_> {
    /// `shop.customers`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database.name, self.name)
    }

    pub fn split(&self) -> Option<&SplitTable> {
        match self.table {
            shard_map::Table::Split(split) => Some(split),
            shard_map::Table::Vertical(_) | shard_map::Table::Everywhere(_) => None,
        }
    }

    /// Its database and name on the servers.
    pub fn there(&self) -> (&str, &str) {
        match self.database.physical(self.name) {
            Some(physical) => (&physical.database, &physical.table),
            None => (&self.database.name, self.name),
        }
    }

    /// Where it is everywhere: shards that have all rows each.
    pub fn copies(&self) -> Option<&Everywhere> {
        match self.table {
            shard_map::Table::Everywhere(copies) => Some(copies),
            shard_map::Table::Vertical(_) | shard_map::Table::Split(_) => None,
        }
    }

    /// Where a row belongs whose key's columns have these texts, or these bytes, on its server.
    pub fn home(&self, key: &[Option<Vec<u8>>]) -> Stored {
        let values: Option<Vec<&[u8]>> = key.iter().map(Option::as_deref).collect();
        match (self.table, values) {
            (shard_map::Table::Vertical(shard), _) => Stored::Home(*shard),
            (shard_map::Table::Everywhere(copies), _) => Stored::Home(copies.from()),
            // NULL has no home.
            (shard_map::Table::Split(_), None) => Stored::Nowhere,
            (shard_map::Table::Split(split), Some(values)) => split.stored(&values),
        }
    }

    fn is_on(&self, shard: ShardId) -> bool {
        match self.table {
            shard_map::Table::Vertical(on) => *on == shard,
            shard_map::Table::Everywhere(copies) => copies.is_on(shard),
            shard_map::Table::Split(split) => split.is_on(shard),
        }
    }

    /// Every server on which rows may be misplaced, each once: all that have a shard, for the schema has the database's
    /// name on all of them; but not those that have all rows.
    pub fn places(&self, map: &ShardMap) -> Vec<Place> {
        let mut places = self.servers(map);
        if self.split().is_none() {
            places.retain(|place| !place.is_used);
        }
        places.retain(|place| place.is_used || !self.is_another(map, place.shard));
        places
    }

    /// Whether what has this one's name on the shard's servers is another table of the map.
    fn is_another(&self, map: &ShardMap, shard: ShardId) -> bool {
        let group = map.shard(shard).group;
        let is_here = |table: &shard_map::Table| table.shards().iter().any(|on| map.shard(*on).group == group);
        map.databases.iter().any(|database| {
            let names = database.tables.iter().filter(|(_, table)| is_here(table));
            names.into_iter().any(|(name, _)| {
                let other = match database.physical(name) {
                    Some(physical) => (physical.database.as_str(), physical.table.as_str()),
                    None => (database.name.as_str(), name.as_str()),
                };
                other == self.there() && (database.name.as_str(), name.as_str()) != (&self.database.name, self.name)
            })
        })
    }

    fn servers(&self, map: &ShardMap) -> Vec<Place> {
        let on = |group| map.shard_ids().filter(move |shard| map.shard(*shard).group == group);
        let place = |group| {
            let used = on(group).find(|shard| self.is_on(*shard));
            used.map(|shard| Place { shard, is_used: true })
                .or_else(|| on(group).next().map(|shard| Place { shard, is_used: false }))
        };
        map.group_ids().filter_map(place).collect()
    }
}

/// The tables of these names, or all by name; `Err` says which name is none.
pub fn tables<'m>(map: &'m ShardMap, asked: &[String]) -> Result<Vec<Table<'m>>, String> {
    if !asked.is_empty() {
        return asked.iter().map(|name| named(map, name)).collect();
    }
    let of = |database: &'m Database| database.tables.iter().map(move |(name, table)| Table { database, name, table });
    let mut all: Vec<Table<'m>> = map.databases.iter().flat_map(of).collect();
    all.sort_unstable_by_key(|table| (&table.database.name, table.name));
    match all.is_empty() {
        true => Err("the map lists no table; there is nothing to verify".into()),
        false => Ok(all),
    }
}

fn named<'m>(map: &'m ShardMap, asked: &str) -> Result<Table<'m>, String> {
    let (database, name) = match asked.split_once('.') {
        Some((database, name)) => (Some(database), name),
        None => (None, asked),
    };
    let databases = map.databases.iter().filter(|other| database.is_none_or(|database| other.name == database));
    let find = |database: &'m Database| {
        let (name, table) = database.tables.get_key_value(name)?;
        Some(Table { database, name, table })
    };
    let found: Vec<Table<'m>> = databases.filter_map(find).collect();
    match found[..] {
        [table] => Ok(table),
        [] => Err(format!("the map has no table `{asked}`; write a table that it lists, as DATABASE.TABLE")),
        _ => Err(format!("several databases have a table `{asked}`; write DATABASE.TABLE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> ShardMap {
        let yaml = "version: 1\nregions: [eu]\ngroups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: \
                    eu}]}, c: {members: [{at: 'c:1', region: eu}]}, d: {members: [{at: 'd:1', region: eu}]}}\n\
                    shards: {other: {group: b}, s: {group: a}, t: {group: b}, u: {group: c}}\ndatabases:\n  shop:\n    \
                    family: mysql\n    unlisted: s\n    tables:\n      plain: s\n      wide:\n        key: {id: int}\n        \
                    range: [{from: MIN, on: t}, {from: 5, on: s}]\n      also: {key: {id: int}, range: [{from: MIN, on: u}]}\n  \
                    crm:\n    family: mysql\n    unlisted: s\n    tables:\n      also: {key: {id: int}, range: [{from: MIN, on: u}]}\n";
        ShardMap::load(yaml).unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    fn names(asked: &[&str]) -> Result<Vec<String>, String> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        tables(&map(), &asked).map(|tables| tables.iter().map(Table::full_name).collect())
    }

    #[test]
    fn tables_are_found_by_name() {
        let found = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&[]), found(&["crm.also", "shop.also", "shop.plain", "shop.wide"]));
        assert_eq!(names(&["wide", "crm.also", "plain"]), found(&["shop.wide", "crm.also", "shop.plain"]));
        for (asked, error) in [
            ("also", "several databases have a table `also`; write DATABASE.TABLE"),
            ("crm.wide", "the map has no table `crm.wide`; write a table that it lists, as DATABASE.TABLE"),
            ("x", "the map has no table `x`; write a table that it lists, as DATABASE.TABLE"),
        ] {
            assert_eq!(names(&["wide", asked]), Err(error.into()));
        }
    }

    #[test]
    fn every_server_with_a_shard_is_a_place() {
        let map = map();
        let check = |name: &str, expected: &[(&str, bool)]| {
            let table = named(&map, name).expect("it is there");
            let found: Vec<_> =
                table.places(&map).iter().map(|place| (map.shard(place.shard).name.as_str(), place.is_used)).collect();
            assert_eq!(found, expected, "{name}");
        };
        check("wide", &[("s", true), ("t", true), ("u", false)]);
        // The shard that has all rows is not read.
        check("plain", &[("other", false), ("u", false)]);
    }
}
