//! `meridian check MAP`: everything that is wrong with a shard map, or what it says. No server is asked but with --live.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::live;
use crate::config;
use crate::route::explain::interval;
use crate::server::StartFailure;
use crate::shard_map::{CRC32_1, Database, Fault, ShardId, ShardMap, Split, SplitTable, Table};

/// Ranges shown of one table; of a table with more, their number and its shards.
const RANGES_MAX: usize = 8;

/// Say everything that is wrong with a shard map, or what it holds.
///
/// Exit status 1 if something is wrong, as `path:line:column: problem; remedy` on standard error.
#[derive(Debug, Args)]
pub struct Check {
    /// The shard map (YAML).
    #[arg(value_name = "MAP")]
    map: PathBuf,
    /// Ask every server of the map whether it is as the map says: key columns, families, settings that must be equal.
    ///
    /// Exit status 1 if something is wrong, 2 if a server could not be asked; warnings alone are 0.
    #[arg(long, requires = "config")]
    live: bool,
    /// For --live: the configuration of the proxy, which names the accounts (YAML).
    #[arg(long, value_name = "FILE", requires = "live")]
    config: Option<PathBuf>,
    /// For --live: which of the accounts' `backends` logs in to the servers; not needed where there is one.
    #[arg(long, value_name = "NAME", requires = "live")]
    backend: Option<String>,
    /// For --live: how many proxies with this configuration there are at most; their connections have to fit into `max_connections`
    /// of each server.
    #[arg(long, value_name = "N", requires = "live", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    proxies: u32,
}

/// Why a command about a map gives no answer.
#[derive(Debug)]
pub enum MapFailure {
    Read {
        path: PathBuf,
        error: io::Error,
    },
    Faults {
        path: PathBuf,
        faults: Vec<Fault>,
    },
    Write(io::Error),
    /// Nothing was asked of the servers.
    Live(StartFailure),
}

impl Check {
    pub fn run(&self) -> Result<ExitCode, MapFailure> {
        match read_map(&self.map) {
            Ok(map) => {
                let mut out = io::stdout().lock();
                writeln!(out, "{}: sound", self.map.display()).map_err(MapFailure::Write)?;
                write!(out, "{}", Summary(&map)).map_err(MapFailure::Write)?;
                match &self.config {
                    Some(config) if self.live => self.live(&map, config, &mut out),
                    _ => Ok(ExitCode::SUCCESS),
                }
            }
            // Bare lines, so that editors can jump to them.
            Err(faults @ MapFailure::Faults { .. }) => {
                eprintln!("{faults}");
                Ok(ExitCode::FAILURE)
            }
            Err(failure) => Err(failure),
        }
    }
}

impl Check {
    fn live(&self, map: &ShardMap, config: &Path, out: &mut impl Write) -> Result<ExitCode, MapFailure> {
        let yaml = config::text(&self.map).map_err(|error| MapFailure::Read { path: self.map.clone(), error })?;
        match live::check(&self.map, &yaml, map, config, self.backend.as_deref(), self.proxies) {
            Ok((text, status)) => {
                out.write_all(text.as_bytes()).map_err(MapFailure::Write)?;
                Ok(status)
            }
            Err(failure) => {
                eprintln!("meridian: {}", MapFailure::Live(failure));
                Ok(ExitCode::from(live::NOT_DONE))
            }
        }
    }
}

/// Reads and checks a map, as `meridian serve` does.
pub(super) fn read_map(path: &Path) -> Result<ShardMap, MapFailure> {
    let text = config::text(path).map_err(|error| MapFailure::Read { path: path.into(), error })?;
    ShardMap::load(&text).map_err(|faults| MapFailure::Faults { path: path.into(), faults })
}

impl fmt::Display for MapFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MapFailure::Read { path, error } => write!(f, "{}: {error}", path.display()),
            MapFailure::Faults { path, faults } => {
                let lines: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", path.display())).collect();
                f.write_str(&lines.join("\n"))
            }
            MapFailure::Live(failure) => failure.fmt(f),
            MapFailure::Write(error) => write!(f, "cannot write the answer: {error}"),
        }
    }
}

impl std::error::Error for MapFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            MapFailure::Read { error, .. } | MapFailure::Write(error) => Some(error),
            MapFailure::Live(failure) => Some(failure),
            MapFailure::Faults { .. } => None,
        }
    }
}

/// A sound map in a few lines; tables by name.
struct Summary<'m>(&'m ShardMap);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let map = self.0;
        match map.generation {
            Some(generation) => writeln!(f, "generation {generation}")?,
            None => writeln!(f, "no generation")?,
        }
        writeln!(f, "regions {}", map.regions.join(", "))?;
        for (id, group) in map.group_ids().zip(&map.groups) {
            let members: Vec<String> =
                group.members.iter().map(|member| format!("{} in {}", member.at, map.region(member.region))).collect();
            let shards: Vec<&str> =
                map.shards.iter().filter(|shard| shard.group == id).map(|shard| shard.name.as_str()).collect();
            let shards = if shards.is_empty() { "none".into() } else { shards.join(", ") };
            writeln!(f, "group {}: {}; shards: {shards}", group.name, members.join(", "))?;
        }
        for database in &map.databases {
            self.database(database, f)?;
        }
        Ok(())
    }
}

impl Summary<'_> {
    fn database(&self, database: &Database, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unlisted = match database.unlisted {
            Some(shard) => format!("on {}", self.0.shard(shard).name),
            None => "refused".into(),
        };
        writeln!(f, "database {} ({}); tables not listed: {unlisted}", database.name, database.family)?;
        let mut tables: Vec<(&String, &Table)> = database.tables.iter().collect();
        tables.sort_unstable_by_key(|(name, _)| *name);
        for (name, table) in tables {
            let name = &match database.physical(name) {
                Some(physical) => format!("{name} (as {}.{})", physical.database, physical.table),
                None => name.clone(),
            };
            match table {
                Table::Vertical(shard) => writeln!(f, "  {name}: {}", self.0.shard(*shard).name)?,
                Table::Everywhere(copies) => {
                    let on: Vec<&str> = copies.on().iter().map(|id| self.0.shard(*id).name.as_str()).collect();
                    writeln!(
                        f,
                        "  {name}: everywhere on {}, from {}",
                        on.join(", "),
                        self.0.shard(copies.from()).name
                    )?;
                }
                Table::Split(split) => {
                    let scatter = if split.refuses_scatter { "; scatter refused" } else { "" };
                    writeln!(f, "  {name}: by {}{scatter}", self.split(split))?;
                }
            }
        }
        Ok(())
    }

    fn split(&self, table: &SplitTable) -> String {
        let key = table.key.declared();
        let (of, count, noun) = match &table.split {
            Split::Range(ranges) => (String::new(), ranges.count(), "ranges"),
            Split::List(list) => (String::new(), list.entries().count(), "listed keys"),
            Split::Hash(hash) => (format!(", {CRC32_1} of {} buckets", hash.buckets), hash.ranges.count(), "ranges"),
        };
        if count > RANGES_MAX {
            let shards: Vec<&str> = table.shards().into_iter().map(|id| self.0.shard(id).name.as_str()).collect();
            let shown = shards[..shards.len().min(RANGES_MAX)].join(", ");
            let more = if shards.len() > RANGES_MAX { ", ..." } else { "" };
            return format!("{key}{of}, {count} {noun} on {} shards: {shown}{more}", shards.len());
        }
        let name = |id: ShardId| self.0.shard(id).name.as_str();
        let places: Vec<String> = match &table.split {
            Split::Range(ranges) => ranges
                .intervals()
                .map(|found| format!("{} {}", interval(Some(&table.key), found), name(found.on)))
                .collect(),
            Split::List(list) => {
                let otherwise = list.otherwise.map_or("refused", name);
                let keys = list.entries().map(|(key, found)| format!("{} {}", table.key.shown(key), name(found.on)));
                keys.chain([format!("others {otherwise}")]).collect()
            }
            Split::Hash(hash) => {
                hash.ranges.intervals().map(|found| format!("{} {}", interval(None, found), name(found.on))).collect()
            }
        };
        format!("{key}{of}: {}", places.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ranges_are_counted() {
        let mut yaml = String::from(
            "version: 1\nregions: [eu]\ngroups: {a: {members: [{at: 'a:1', region: eu}]}, b: {members: [{at: 'b:1', region: eu}]}}\n\
             shards: {s: {group: a}, t: {group: b}}\ndatabases:\n  shop:\n    family: mysql\n    unlisted: s\n    \
             tables:\n      wide:\n        key: {id: int}\n        range:\n          - {from: MIN, on: s}\n",
        );
        for bound in 1..20 {
            yaml += &format!("          - {{from: {bound}, on: {}}}\n", if bound % 2 == 0 { "s" } else { "t" });
        }
        let found = ShardMap::load(&yaml).map(|map| Summary(&map).to_string()).map_err(|faults| format!("{faults:?}"));
        let found = found.expect("a sound map");
        assert!(found.ends_with("  wide: by id int, 20 ranges on 2 shards: s, t\n"), "{found}");
        assert!(found.starts_with("no generation\nregions eu\ngroup a: a:1 in eu; shards: s\n"), "{found}");
    }
}
