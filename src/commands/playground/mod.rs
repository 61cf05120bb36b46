//! `meridian playground`: the servers of a map on this machine, with sample data, and the proxy in front of them.
//!
//! For trying things out, not for production: accounts have well-known passwords, and servers are small.
//! Everything listens on 127.0.0.1, lives in one folder and ends with this process.

mod folder;
mod layout;
mod members;
mod place;
mod processes;
mod relay;
mod report;
mod sample;
mod software;
mod stage;

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::folder::Folder;
use self::processes::Processes;
use self::software::Software;
use self::stage::{Signals, Stage};
use crate::net::timer;
use crate::server::StartFailure;
use crate::shard_map::{Family, ShardMap};

/// Try a map out: start its servers on this machine, with sample data, and serve them.
///
/// Needs MariaDB or MySQL to be installed. Ctrl-C ends everything. Not for production.
#[derive(Debug, Args)]
pub struct Playground {
    /// The shard map (YAML); its addresses are replaced. Beside it NAME.sql may have tables and rows. Without it, the shop of
    /// shard-maps/shop.yaml.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Whose servers are started, without it those of the map's family: as they are installed here. For MySQL,
    /// MERIDIAN_MYSQL9_ROOT may name a root that holds it, to be entered by chroot.
    #[arg(long, value_name = "mariadb|mysql", hide_possible_values = true)]
    server: Option<Server>,
    /// Where everything lives: a new folder, or one that was kept, to go on with; without it, a new one in the system's
    /// temporary folder.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Leave the folder at the end; a later start with the same --folder goes on.
    #[arg(long)]
    keep: bool,
    /// Lengthen each round trip between this region's proxy or members and the other regions', as us=40ms; may be repeated.
    #[arg(long, value_name = "REGION=TIME", value_parser = latency)]
    latency: Vec<(String, Duration)>,
    /// Where the proxy of the first region listens, those of others on the next ports; 0: on any that are free.
    #[arg(long, value_name = "PORT", default_value_t = 3306)]
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Server {
    #[value(name = "mariadb")]
    MariaDb,
    #[value(name = "mysql")]
    MySql,
}

/// Why there is no playground.
#[derive(Debug)]
pub enum Failure {
    Start(StartFailure),
    /// What was asked for cannot be had; says the way out.
    Asked(String),
    File {
        path: PathBuf,
        error: io::Error,
    },
    /// A program or a server failed; what it said.
    Program(String),
    System(io::Error),
}

const SHOP: &str = include_str!("../../../shard-maps/shop.yaml");
const SHOP_SQL: &str = include_str!("../../../shard-maps/shop.sql");

/// A map, and what is loaded into its tables.
struct Source {
    yaml: String,
    map: ShardMap,
    sql: Option<String>,
}

impl Playground {
    pub fn run(&self) -> Result<(), Failure> {
        timer::start().map_err(Failure::System)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().map_err(Failure::System)?;
        // On this thread, the main one, which lives as long as the process: see `processes`.
        runtime.block_on(self.play())
    }

    async fn play(&self) -> Result<(), Failure> {
        let mut signals = Signals::new().map_err(Failure::System)?;
        // Whatever can be refused is, before a folder is made or a server started.
        let asked = self.map.as_deref().map(Source::read).transpose()?;
        self.check_port()?;
        let folder = Folder::open(self.folder.as_deref(), self.keep)?;
        let source = match (&folder.made, asked) {
            (None, asked) => asked.unwrap_or_else(Source::shop),
            (Some(_), None) => Source { sql: None, ..Source::read(&folder.path.join("map.yaml"))? },
            (Some(_), Some(_)) => {
                let why = format!("{} has a map of its own, map.yaml: leave out --map", folder.path.display());
                return Err(Failure::Asked(why));
            }
        };
        let delays = self.delays(&source.map)?;
        let family = self.family(&source.map, folder.made.as_deref())?;
        let root = std::env::var_os(software::MYSQL_ROOT).map(PathBuf::from);
        let software = Software::find(family, &software::path(), root, &folder.path)?;
        software.check_reach(&folder.path)?;
        let mut stage = Stage::set(folder, software, source, &delays, self.port).await?;

        let mut processes = Processes::default();
        let played = stage.play(&mut processes, &mut signals).await;
        say("Ending the servers ...\n");
        if stage.folder.is_kept() {
            processes.end().await;
            say(&format!("Kept: `meridian playground --folder {}` goes on.\n", stage.folder.path.display()));
        }
        // Whose data goes need not end in good order.
        drop(processes);
        played
    }

    /// Of the servers to start: what is asked for, what is there already, or what the map says.
    fn family(&self, map: &ShardMap, made: Option<&str>) -> Result<Family, Failure> {
        let asked = self.server.map(|server| match server {
            Server::MariaDb => Family::MariaDb,
            Server::MySql => Family::MySql,
        });
        let mut families = map.databases.iter().map(|database| database.family);
        let Some(first) = families.next() else {
            return Err(Failure::Asked("the map has no databases: there is nothing to play with".into()));
        };
        match (asked, made) {
            (Some(asked), Some(made)) if layout::word(asked) != made => {
                Err(Failure::Asked(format!("the folder holds the data of {made}: leave out --server")))
            }
            (Some(asked), _) => Ok(asked),
            (None, _) if families.any(|family| family != first) => Err(Failure::Asked(
                "the map has databases of both families: say which servers to start, with --server".into(),
            )),
            (None, _) => Ok(first),
        }
    }

    /// Refuses a port that somebody listens on.
    fn check_port(&self) -> Result<(), Failure> {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Failure::Asked(format!(
                "port {} of 127.0.0.1 is in use: end what listens there, or take another one with --port (0 is any)",
                self.port
            ))),
            Err(error) => Err(Failure::Asked(format!(
                "port {} of 127.0.0.1: {error}: take another one with --port (0 is any)",
                self.port
            ))),
        }
    }

    /// What each region's members are late by.
    fn delays(&self, map: &ShardMap) -> Result<Vec<Duration>, Failure> {
        let mut delays = vec![Duration::ZERO; map.regions.len()];
        for (region, delay) in &self.latency {
            let Some(index) = map.regions.iter().position(|name| name == region) else {
                let known = map.regions.join(", ");
                return Err(Failure::Asked(format!("--latency: the map has no region {region}; it has {known}")));
            };
            delays[index] = *delay;
        }
        Ok(delays)
    }
}

impl Source {
    fn shop() -> Source {
        Source { yaml: SHOP.into(), map: ShardMap::load(SHOP).expect("a test loads it"), sql: Some(SHOP_SQL.into()) }
    }

    fn read(path: &Path) -> Result<Source, Failure> {
        let yaml = crate::config::text(path).map_err(Failure::at(path))?;
        let map = ShardMap::load(&yaml).map_err(|faults| {
            let faults = faults.iter().map(ToString::to_string).collect();
            Failure::Start(StartFailure::Faults { path: path.to_path_buf(), faults })
        })?;
        let sql = path.with_extension("sql");
        let sql = match std::fs::read_to_string(&sql) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::at(&sql)(error)),
        };
        Ok(Source { yaml: yaml.as_str().to_owned(), map, sql })
    }
}

/// Prints; a terminal or a reader that is gone is no reason to leave servers to themselves.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
    let _ = io::stdout().flush();
}

/// Reads `us=40ms`.
fn latency(text: &str) -> Result<(String, Duration), String> {
    let wanted = || format!("`{text}` is not REGION=TIME, as us=40ms");
    let (region, time) = text.split_once('=').ok_or_else(wanted)?;
    let (number, unit) = time.split_at(time.find(|c: char| !c.is_ascii_digit()).ok_or_else(wanted)?);
    let number: u32 = number.parse().map_err(|_| wanted())?;
    match unit {
        "ms" => Ok((region.to_owned(), Duration::from_millis(number.into()))),
        "s" => Ok((region.to_owned(), Duration::from_secs(number.into()))),
        _ => Err(wanted()),
    }
}

impl Failure {
    /// For `map_err`: of this file.
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_path_buf();
        |error| Failure::File { path, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Start(failure) => failure.fmt(f),
            Failure::Asked(text) | Failure::Program(text) => f.write_str(text),
            Failure::File { path, error } => write!(f, "{}: {error}", path.display()),
            Failure::System(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_a_region_and_a_time() {
        assert_eq!(latency("us=40ms"), Ok(("us".into(), Duration::from_millis(40))));
        assert_eq!(latency("eu=1s"), Ok(("eu".into(), Duration::from_secs(1))));
        for text in ["us", "us=", "us=40", "us=ms", "us=-4ms", "us=4h", "us=99999999999ms"] {
            assert!(latency(text).is_err(), "{text}");
        }
    }
}
