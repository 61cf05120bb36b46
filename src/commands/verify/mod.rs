//! `meridian verify [TABLE]...`: which rows are not on the shard that the map says.
//!
//! Every server that the map has a shard on is read, one after the other, but those that have all rows of a table that
//! is not split: by primary key and in small chunks, the columns of that key and of the sharding key only. Nothing is
//! written, and memory does not grow with the tables.
//! Copies of a table that is everywhere are compared by their checksums, each read at once.
//! A row is reported only if it is there when it is read a second time. No moment is the same for all servers: a row that
//! is moved while the table is read may be missed.

mod copies;
mod layout;
mod pace;
mod report;
mod select;
mod table;
mod walk;

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::pace::Pace;
use self::report::{Report, Style};
use self::table::{Place, Table, tables};
use self::walk::{Servers, Trouble};
use crate::net::timer;
use crate::server::{self, StartFailure};
use crate::shard_map::ShardMap;

/// Find rows that are not on the shard that the map says.
///
/// Reads every server of the map, in chunks by primary key. Exit status 0 if each row is where it belongs, 1 if
/// some are not or copies differ, 2 if a server or a table could not be read.
#[derive(Debug, Args)]
pub struct Verify {
    /// The configuration of the proxy, which names the map and the accounts (YAML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which of the accounts' `backends` logs in to the servers; not needed where there is one.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Rows to read in a second, of all servers together; 0 is no limit.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    rows_per_second: u64,
    /// Misplaced rows to print of each table; all are counted.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u64,
    /// Print an object of JSON for each misplaced row, and one for each table.
    #[arg(long)]
    json: bool,
    /// Say on standard error how far it is, even if that is no terminal.
    #[arg(long)]
    progress: bool,
    /// The tables to read; without any, all that the map lists.
    #[arg(value_name = "[DATABASE.]TABLE")]
    tables: Vec<String>,
}

/// Rows are on the wrong shard, or copies differ.
const MISPLACED: u8 = 1;
/// Something could not be read.
const NOT_DONE: u8 = 2;

/// Why nothing was read, or nothing more.
#[derive(Debug)]
enum VerifyFailure {
    Start(StartFailure),
    /// What was asked for does not fit the files.
    Asked(String),
    Write(io::Error),
}

impl Verify {
    /// Prints what it finds. Only this command tells "found something" from "could not be done", so it never fails.
    pub fn run(&self) -> ExitCode {
        match self.verify() {
            Ok(status) => ExitCode::from(status),
            Err(failure) => {
                eprintln!("meridian: {failure}");
                ExitCode::from(NOT_DONE)
            }
        }
    }

    fn verify(&self) -> Result<u8, VerifyFailure> {
        let config = server::read_config(&self.config).map_err(VerifyFailure::Start)?;
        let (map, _) = server::read_map(&config).map_err(VerifyFailure::Start)?;
        let account = server::backend_account(&config, self.backend.as_deref()).map_err(VerifyFailure::Start)?;
        let tables = tables(&map, &self.tables).map_err(VerifyFailure::Asked)?;
        timer::start().map_err(|error| VerifyFailure::Start(StartFailure::System(error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(|error| VerifyFailure::Start(StartFailure::System(error)))?;
        let style = Style { json: self.json, limit: self.limit, progress: self.progress || io::stderr().is_terminal() };
        let mut report = Report::new(style, io::stdout().lock(), &map);
        let mut servers = Servers::new(account, server::pool_options(&config));
        let mut pace = Pace::new(self.rows_per_second);
        let mut status = 0;
        for table in tables {
            let run = read(&map, &table, !self.tables.is_empty(), &mut servers, &mut pace, &mut report);
            status = status.max(runtime.block_on(run).map_err(VerifyFailure::Write)?);
        }
        Ok(status)
    }
}

/// Reads one table wherever it could be; the exit status for it.
async fn read(
    map: &ShardMap,
    table: &Table<'_>,
    is_asked: bool,
    servers: &mut Servers,
    pace: &mut Pace,
    report: &mut Report<'_>,
) -> io::Result<u8> {
    report.begin(table, is_asked);
    let mut is_done = true;
    for place in table.places(map) {
        match walk::walk(map, table, place, servers, pace, report).await {
            Ok(()) => {}
            Err(Trouble::Write(error)) => return Err(error),
            Err(trouble) => {
                is_done = false;
                report.trouble(place, &trouble);
            }
        }
    }
    let are_alike = match copies::compare(map, table, servers).await {
        Ok(copies) => report.copies(copies)?,
        Err((shard, trouble)) => {
            is_done = false;
            report.trouble(Place { shard, is_used: true }, &trouble);
            true
        }
    };
    let misplaced = report.end()? + u64::from(!are_alike);
    Ok(match (is_done, misplaced) {
        (false, _) => NOT_DONE,
        (true, 0) => 0,
        (true, _) => MISPLACED,
    })
}

impl fmt::Display for VerifyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyFailure::Start(failure) => failure.fmt(f),
            VerifyFailure::Asked(text) => f.write_str(text),
            VerifyFailure::Write(error) => write!(f, "cannot write the answer: {error}"),
        }
    }
}
