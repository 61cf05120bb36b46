//! `meridian verify [TABLE] --config FILE`: rows of split tables that are not where the map says.
//!
//! Reads every shard of the table's database, the whole table by its primary key in chunks, and looks up the home of each
//! key as a statement's would be. Nothing is changed, and nothing is locked.

mod read;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::server::{self, StartFailure};
use crate::shard_map::{ShardId, ShardMap, SplitTable, Stored, Table};
use read::{Counted, Source};

/// Read split tables, and report the rows that are not where the shard map says.
///
/// Misplaced rows go to standard output, progress to standard error. Exit status 0 if every row is at home, 1 if some are
/// not, 2 if something could not be read.
#[derive(Debug, Args)]
pub struct Verify {
    /// `table` or `database.table`; without, all split tables of the map.
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

/// A split table to be read.
struct Split<'m> {
    database: &'m str,
    name: &'m str,
    table: &'m SplitTable,
    /// All of its database: rows may be where the table has none.
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
        let splits = splits(&map, self.table.as_deref());
        if splits.is_empty() {
            let fault = match &self.table {
                Some(table) => format!(" the map has no split table {table}"),
                None => " the map has no split table".into(),
            };
            return Err(StartFailure::Faults { path: config.map.clone(), faults: vec![fault] });
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartFailure::System)?;
        let (mut misplaced, mut unread) = (0, 0);
        for split in &splits {
            for shard in &split.shards {
                let of = format!("{}.{} on {}", split.database, split.name, map.shard(*shard).name);
                let source = Source {
                    at: &map.group_of(*shard).members[0].at,
                    account: &account,
                    options: &server::pool_options(&config),
                    database: split.database,
                    table: split.name,
                    key: &split.table.key.name,
                    rows_per_second: self.rows_per_second,
                };
                let mut found = 0;
                let mut misplaced_row = |row: &str, key: Option<&str>| {
                    let Some(belongs) = belongs(&map, split.table, *shard, key) else { return };
                    found += 1;
                    if found <= PRINTED_MAX {
                        say(&mut io::stdout(), format_args!("{of}: {row} {belongs}"));
                    }
                };
                let done = runtime.block_on(source.read(&mut misplaced_row, &|rows| {
                    say(&mut io::stderr(), format_args!("{of}: {rows} rows read"));
                }));
                misplaced += found;
                if found > PRINTED_MAX {
                    say(&mut io::stdout(), format_args!("{of}: and {} more misplaced rows", found - PRINTED_MAX));
                }
                match done {
                    Ok(Counted::Rows(rows)) => {
                        say(&mut io::stderr(), format_args!("{of}: {rows} rows read, {found} misplaced"))
                    }
                    // A shard that the map gives no row need not have the table.
                    Ok(Counted::NoTable) if !split.table.is_on(*shard) => {}
                    Ok(Counted::NoTable) => {
                        unread += 1;
                        eprintln!("{of}: there is no such table");
                    }
                    Err(why) => {
                        unread += 1;
                        eprintln!("{of}: not read to its end: {why}");
                    }
                }
            }
        }
        let (tables, unread_parts) = (splits.len(), not_read(unread));
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

/// The split tables of the map that the argument means, by database and name.
fn splits<'m>(map: &'m ShardMap, wanted: Option<&str>) -> Vec<Split<'m>> {
    let mut splits = Vec::new();
    for database in &map.databases {
        for (name, table) in &database.tables {
            let Table::Split(table) = table else { continue };
            let qualified = || format!("{}.{name}", database.name);
            if wanted.is_none_or(|wanted| wanted == name || *wanted == qualified()) {
                splits.push(Split { database: &database.name, name, table, shards: database.shards() });
            }
        }
    }
    splits.sort_by_key(|split| (split.database, split.name));
    splits
}

/// Where a row belongs that is on `shard` and should not be; `None` if it should.
fn belongs(map: &ShardMap, table: &SplitTable, shard: ShardId, key: Option<&str>) -> Option<String> {
    let Some(key) = key else {
        return Some("has the key NULL, which no shard is the home of".into());
    };
    match table.stored(key) {
        Stored::Home(home) if home == shard => None,
        Stored::Home(home) => Some(format!("belongs on {}", map.shard(home).name)),
        Stored::Nowhere => Some("has a key that the map refuses".into()),
        Stored::Unread => Some(format!("has a key that is no {}", table.key.kind)),
    }
}
