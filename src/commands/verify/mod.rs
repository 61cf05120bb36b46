//! `meridian verify [TABLE] --config FILE`: rows that are not where the map says.
//!
//! Reads every server of the table's database, but the one that has all rows of a table that is not split; the whole table
//! by its primary key in chunks. The home of each key is looked up as a statement's would be. Nothing is changed, and
//! nothing is locked.

mod read;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::server::{self, StartFailure};
use crate::shard_map::{ShardId, ShardMap, Stored, Table};
use read::{Counted, Source};

/// Read the servers' tables, and report the rows that are not where the shard map says.
///
/// Misplaced rows go to standard output, progress to standard error. Exit status 0 if every row is at home, 1 if some are
/// not, 2 if something could not be read.
#[derive(Debug, Args)]
pub struct Verify {
    /// `table` or `database.table`; without, all tables of the map.
    #[arg(value_name = "TABLE")]
    table: Option<String>,
    /// The configuration of the proxy, which names the map and the accounts (YAML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which of the accounts' `backends` logs in to the servers; by default the first.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Rows read in a second, at most.
    #[arg(long, value_name = "ROWS", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    rows_per_second: u32,
}

/// Misplaced rows that are printed of one table on one shard; the others are counted.
const PRINTED_MAX: u64 = 100;

/// Something could not be read.
const NOT_DONE: u8 = 2;

/// A table, and where its rows are looked for.
struct Wanted<'m> {
    database: &'m str,
    name: &'m str,
    table: &'m Table,
    /// One shard of each group that the database lives on: rows may be where the table has none. The table's own, if it has
    /// one there; another is the same schema of the same server.
    shards: Vec<ShardId>,
}

impl Verify {
    pub fn run(&self) -> Result<ExitCode, StartFailure> {
        match self.verify() {
            Ok(status) => Ok(status),
            Err(failure) => {
                eprintln!("meridian: {failure}");
                Ok(ExitCode::from(NOT_DONE))
            }
        }
    }

    fn verify(&self) -> Result<ExitCode, StartFailure> {
        let config = server::read_config(&self.config)?;
        let map = server::read_map(&config)?;
        let account = server::backend_account(&config, self.account.as_deref())?;
        let tables = wanted(&map, self.table.as_deref());
        if tables.is_empty() {
            let fault = match &self.table {
                Some(table) => format!(" the map has no table {table}"),
                None => " the map has no table".into(),
            };
            return Err(StartFailure::Faults { path: config.map.clone(), faults: vec![fault] });
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartFailure::System)?;
        let (mut misplaced, mut unread) = (0, 0);
        for one in &tables {
            for shard in &one.shards {
                let of = format!("{}.{} on {}", one.database, one.name, map.shard(*shard).name);
                let key = match one.table {
                    Table::Split(split) => Some(split.key.name.as_str()),
                    // All rows are at home there.
                    Table::Vertical(on) if on == shard => continue,
                    Table::Vertical(_) => None,
                };
                let source = Source {
                    at: &map.group_of(*shard).members[0].at,
                    account: &account,
                    options: &server::pool_options(&config),
                    database: one.database,
                    table: one.name,
                    key,
                    rows_per_second: self.rows_per_second,
                };
                let mut found = 0;
                let mut row = |row: &str, key: Option<&str>| {
                    let Some(belongs) = belongs(&map, one.table, *shard, key) else { return };
                    found += 1;
                    if found <= PRINTED_MAX {
                        say(&mut io::stdout(), format_args!("{of}: {row} {belongs}"));
                    }
                };
                let done = runtime.block_on(source.read(&mut row, &|rows| {
                    say(&mut io::stderr(), format_args!("{of}: {rows} rows read"));
                }));
                misplaced += found;
                if found > PRINTED_MAX {
                    say(&mut io::stdout(), format_args!("{of}: and {} more misplaced rows", found - PRINTED_MAX));
                }
                match done {
                    Ok(Counted::Rows(rows)) => {
                        say(&mut io::stderr(), format_args!("{of}: {rows} rows read, {found} misplaced"));
                    }
                    // A shard that the map gives no row need not have the table.
                    Ok(Counted::NoTable) if !is_on(one.table, *shard) => {}
                    Ok(Counted::NoTable) => {
                        unread += 1;
                        say(&mut io::stderr(), format_args!("{of}: there is no such table"));
                    }
                    Err(why) => {
                        unread += 1;
                        say(&mut io::stderr(), format_args!("{of}: not read to its end: {why}"));
                    }
                }
            }
        }
        let (tables, unread_parts) = (tables.len(), not_read(unread));
        say(&mut io::stdout(), format_args!("{tables} tables, {misplaced} misplaced rows{unread_parts}"));
        Ok(match (unread, misplaced) {
            (1.., _) => ExitCode::from(NOT_DONE),
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::FAILURE,
        })
    }
}

/// One line. A reader that has gone away ends nothing: the exit status still says what was found.
fn say(out: &mut impl Write, line: fmt::Arguments<'_>) {
    let _ = writeln!(out, "{line}");
}

fn not_read(parts: u32) -> String {
    match parts {
        0 => String::new(),
        parts => format!("; {parts} parts not read to their end"),
    }
}

/// The tables of the map that the argument means, by database and name.
fn wanted<'m>(map: &'m ShardMap, argument: Option<&str>) -> Vec<Wanted<'m>> {
    let mut tables = Vec::new();
    for database in &map.databases {
        let shards = database.shards();
        for (name, table) in &database.tables {
            let qualified = || format!("{}.{name}", database.name);
            if argument.is_none_or(|argument| argument == name || *argument == qualified()) {
                let shards = one_of_each_group(map, table, &shards);
                tables.push(Wanted { database: &database.name, name, table, shards });
            }
        }
    }
    tables.sort_by_key(|one| (one.database, one.name));
    tables
}

/// Of each group one shard, the table's own where it has one, in the order of the map.
fn one_of_each_group(map: &ShardMap, table: &Table, shards: &[ShardId]) -> Vec<ShardId> {
    let mut found: Vec<ShardId> = Vec::new();
    let (own, others): (Vec<ShardId>, Vec<ShardId>) = shards.iter().partition(|shard| is_on(table, **shard));
    for shard in own.into_iter().chain(others) {
        if !found.iter().any(|other| map.shard(*other).group == map.shard(shard).group) {
            found.push(shard);
        }
    }
    found.sort_unstable();
    found
}

fn is_on(table: &Table, shard: ShardId) -> bool {
    match table {
        Table::Vertical(on) => *on == shard,
        Table::Split(split) => split.is_on(shard),
    }
}

/// Where a row belongs that is on `shard` and should not be; `None` if it should.
fn belongs(map: &ShardMap, table: &Table, shard: ShardId, key: Option<&str>) -> Option<String> {
    let on = |home: ShardId| format!("belongs on {}", map.shard(home).name);
    let split = match table {
        Table::Vertical(home) => return Some(on(*home)).filter(|_| *home != shard),
        Table::Split(split) => split,
    };
    let Some(key) = key else {
        return Some("has the key NULL, which no shard is the home of".into());
    };
    match split.stored(key) {
        Stored::Home(home) if home == shard => None,
        Stored::Home(home) => Some(on(home)),
        Stored::Nowhere => Some("has a key that the map refuses".into()),
        Stored::Unread => Some(format!("has a key that is no {}", split.key.kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_two_shards_share_is_read_once() {
        let map = "version: 1\nregions: [eu]\n\
                   groups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: eu}]}}\n\
                   shards: {first: {group: a}, other: {group: a}, second: {group: b}}\ndatabases:\n  shop:\n    \
                   family: mysql\n    tables:\n      users: first\n      orders: other\n      customers: {key: {id: int}, \
                   range: [{from: MIN, on: other}, {from: 5, on: second}]}\n";
        let map = ShardMap::load(map).unwrap_or_else(|faults| panic!("{faults:?}"));
        let shards = |name: &str| -> Vec<String> {
            let found = wanted(&map, Some(name));
            found[0].shards.iter().map(|shard| map.shard(*shard).name.clone()).collect()
        };
        assert_eq!(shards("users"), ["first", "second"]);
        assert_eq!(shards("shop.orders"), ["other", "second"]);
        assert_eq!(shards("customers"), ["other", "second"]);
        assert!(wanted(&map, Some("Users")).is_empty());
    }
}
