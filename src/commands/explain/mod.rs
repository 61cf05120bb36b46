//! `meridian explain`: where statements would go, and why, by a map alone. Offline: no server is asked.
//!
//! Prints what EXPLAIN ROUTE answers, with the same printer. A refusal is an answer as well, and has an exit status of its
//! own.

mod json;
mod settings;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::Value;

use settings::Settings;

use super::check::{MapFailure, read_map};
use crate::backend::ServerFacts;
use crate::plan::{self, Hint, HintBy, Statement};
use crate::route::explain::{Verdict, unreadable};
use crate::route::{self, Asked, Explanation, Literals, SessionFacts};
use crate::shard_map::{Family, ShardId, ShardMap};
use crate::sql::{self, Control, Dialect, Flavor, Scratch, Verb};

/// Say where statements would go, and why.
///
/// Prints the shard, its group and members, the key that was found and how it was read, and the bytes that would be
/// sent; or the refusal. Of a statement with `?`, which parameters decide. Exit status 0 if all statements may be
/// served, 1 if one is refused, 2 if nothing could be explained.
#[derive(Debug, Args)]
pub struct Explain {
    /// The shard map (YAML).
    #[arg(long, value_name = "MAP")]
    shard_map: PathBuf,
    /// The session's database; without, none is selected.
    #[arg(long, value_name = "DB")]
    database: Option<String>,
    /// What of the session changes how a text is read: `sql_mode=ANSI_QUOTES`, `character_set_client=gbk`,
    /// `time_zone=+02:00`, `timestamp=1782864000` (else NOW() is the present), `meridian_shard=NAME`.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The servers' version, for executable comments; by default 10.11.0-MariaDB or 8.4.0, as the database's family.
    #[arg(long, value_name = "VERSION")]
    server_version: Option<String>,
    /// Print a list of objects instead of lines.
    #[arg(long)]
    json: bool,
    /// One statement or several, with `;` between them. A USE holds for those behind it; a SET does not, but --set does.
    #[arg(value_name = "SQL")]
    sql: String,
}

/// Why nothing is explained.
#[derive(Debug)]
pub enum ExplainFailure {
    Map(MapFailure),
    UnknownDatabase {
        database: String,
        known: Vec<String>,
    },
    /// `--set` of something else than NAME=VALUE.
    NotASetting {
        text: String,
    },
    /// A variable that changes nothing about where a statement goes, or is not known.
    UnknownVariable {
        name: String,
    },
    /// A shard that the map does not have.
    UnknownShard {
        shard: String,
    },
    UnknownMode {
        mode: String,
    },
    UnknownCharset {
        charset: String,
    },
    /// No fixed offset from UTC.
    NotAnOffset {
        zone: String,
    },
    /// No point in time as `timestamp` has it.
    NotSeconds {
        text: String,
    },
    /// No version that a server could have.
    NotAVersion {
        text: String,
    },
    OtherFamily {
        version: String,
        database: String,
    },
    NoStatement,
}

/// The schemas that each server has of its own, beside the map's.
const SYSTEM_SCHEMAS: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

/// Nothing was explained.
const FAILED: u8 = 2;

impl Explain {
    pub fn run(&self) -> ExitCode {
        match self.explain() {
            Ok(all_served) => ExitCode::from(u8::from(!all_served)),
            Err(failure) => {
                match failure {
                    ExplainFailure::Map(faults @ MapFailure::Faults { .. }) => eprintln!("{faults}"),
                    failure => eprintln!("meridian: {failure}"),
                }
                ExitCode::from(FAILED)
            }
        }
    }

    /// Whether no statement is refused.
    fn explain(&self) -> Result<bool, ExplainFailure> {
        let map = read_map(&self.shard_map).map_err(ExplainFailure::Map)?;
        let explained = self.explained(&map)?;
        let written = io::stdout().lock().write_all(self.text(&explained).as_bytes());
        written.map_err(|error| ExplainFailure::Map(MapFailure::Write(error)))?;
        Ok(!explained.iter().any(|explanation| matches!(explanation.verdict, Verdict::Refused { .. })))
    }

    fn explained(&self, map: &ShardMap) -> Result<Vec<Explanation>, ExplainFailure> {
        let settings = self.settings(map)?;
        let explained = explained(map, self.database.as_deref(), self.sql.as_bytes(), &settings);
        if explained.is_empty() {
            return Err(ExplainFailure::NoStatement);
        }
        Ok(explained)
    }

    /// Everything that is printed.
    fn text(&self, explained: &[Explanation]) -> String {
        if self.json {
            let list: Vec<Value> = explained.iter().map(json::object).collect();
            return format!("{:#}\n", Value::Array(list));
        }
        let several = explained.len() > 1;
        let mut text = String::new();
        for (at, explanation) in explained.iter().enumerate() {
            if several {
                let gap = if at == 0 { "" } else { "\n" };
                text += &format!("{gap}> {}\n", explanation.shown_text());
            }
            for line in explanation.lines() {
                text += &line;
                text.push('\n');
            }
            if explanation.connection_id && !explanation.destinations.is_empty() {
                text += "  with the session's own number in the place of CONNECTION_ID()\n";
            }
        }
        text
    }

    fn settings(&self, map: &ShardMap) -> Result<Settings, ExplainFailure> {
        let family = match &self.database {
            None => None,
            Some(name) => match map.database(name) {
                Some(database) => Some(database.family),
                None if SYSTEM_SCHEMAS.iter().any(|schema| schema.eq_ignore_ascii_case(name)) => None,
                None => {
                    let known = map.databases.iter().map(|database| database.name.clone()).collect();
                    return Err(ExplainFailure::UnknownDatabase { database: name.clone(), known });
                }
            },
        };
        let (family, version) = match &self.server_version {
            None => {
                let first = map.databases.first().map_or(Family::MariaDb, |database| database.family);
                match family.unwrap_or(first) {
                    Family::MariaDb => (Family::MariaDb, 101_100),
                    Family::MySql => (Family::MySql, 80_400),
                }
            }
            Some(text) => {
                let facts = ServerFacts::new(text.clone(), String::new());
                let is_version = text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('.');
                if !is_version || facts.version_number < 50_000 {
                    return Err(ExplainFailure::NotAVersion { text: text.clone() });
                }
                if let (Some(family), Some(database)) = (family, &self.database)
                    && family != facts.family
                {
                    let (version, database) = (text.clone(), database.clone());
                    return Err(ExplainFailure::OtherFamily { version, database });
                }
                (facts.family, facts.version_number)
            }
        };
        let flavor = match family {
            Family::MariaDb => Flavor::MariaDb,
            Family::MySql => Flavor::MySql,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let now = now.map(|since| i128::from(since.as_secs()) * 1_000_000);
        let (dialect, session) = (Dialect::new(flavor, version), SessionFacts { now, ..SessionFacts::ORDINARY });
        let mut settings = Settings { dialect, session, shard: None };
        for setting in &self.set {
            settings::set(&mut settings, map, setting)?;
        }
        Ok(settings)
    }
}

/// An explanation of each statement of the text, up to one that cannot be read; empty statements are left out.
///
/// A USE holds for the statements behind it; a SET does not.
fn explained(map: &ShardMap, database: Option<&str>, text: &[u8], settings: &Settings) -> Vec<Explanation> {
    let Settings { dialect, session, shard } = settings;
    let mut scratch = Scratch::new();
    let mut explained = Vec::new();
    let mut database = database.map(str::to_owned);
    let mut rest = Some(0);
    while let Some(at) = rest {
        let text = &text[at..];
        let scanned = match sql::scan(text, dialect, &mut scratch) {
            Ok(scanned) => scanned,
            Err(error) => {
                explained.push(unreadable(text, format!("You have an error in your SQL syntax: {error}")));
                break;
            }
        };
        // The two words may be left in front of a statement that was taken from a client.
        if let Some(Ok(behind)) = sql::explain_route(scratch.normalized(), text, dialect)
            && !scratch.has_hint_before(behind)
        {
            rest = Some(at + behind);
            continue;
        }
        rest = scanned.rest.map(|rest| at + rest);
        if scratch.normalized().is_empty() && !scratch.has_hint() {
            continue;
        }
        let text = &text[..scanned.end];
        let facts = sql::facts(scratch.normalized());
        let hosts = |shard| map.databases.iter().any(|database| database.shards().contains(&shard));
        let statement =
            match Hint::of(map, text, &scratch, shard.as_deref().map(|shard| (shard, HintBy::Session)), &hosts) {
                Ok(hint) => plan::plan_hinted(map, database.as_deref(), scratch.normalized(), facts, dialect, hint),
                Err(refusal) => Statement::refused(facts, refusal),
            };
        let home = database.as_deref().and_then(|name| map.database(name)).map_or(ShardId(0), |found| found.home());
        let asked = Asked::new(home, text, dialect, &scratch);
        explained.push(route::explain(&statement, map, &Literals::of_text(text, &scratch, *session), asked));
        if facts.verb == Verb::Use
            && let Ok(Control::Use(name)) = sql::control(text, dialect)
        {
            database = Some(String::from_utf8_lossy(&name).into_owned());
        }
    }
    explained
}

impl fmt::Display for ExplainFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExplainFailure::Map(failure) => failure.fmt(f),
            ExplainFailure::UnknownDatabase { database, known } => {
                write!(f, "--database: the map has no database `{database}`; it has {}", known.join(", "))
            }
            ExplainFailure::NotASetting { text } => {
                write!(f, "--set `{text}`: write NAME=VALUE, as sql_mode=ANSI_QUOTES")
            }
            ExplainFailure::UnknownVariable { name } => write!(
                f,
                "--set {name}: where a statement goes does not depend on it; sql_mode, character_set_client, time_zone, timestamp and \
                 meridian_shard can be set"
            ),
            ExplainFailure::UnknownShard { shard } => {
                write!(f, "--set meridian_shard: the map has no shard `{shard}`")
            }
            ExplainFailure::UnknownMode { mode } => {
                write!(f, "--set sql_mode: no server knows the mode `{mode}`; write its name as in @@sql_mode")
            }
            ExplainFailure::UnknownCharset { charset } => {
                write!(f, "--set character_set_client: no server knows `{charset}`; write a name as utf8mb4 or gbk")
            }
            ExplainFailure::NotAnOffset { zone } => {
                write!(f, "--set time_zone: keys are read in a fixed offset only, not in `{zone}`; write UTC or +02:00")
            }
            ExplainFailure::NotSeconds { text } => {
                write!(f, "--set timestamp: `{text}` is no number of seconds since 1970; write it as 1782864000")
            }
            ExplainFailure::NotAVersion { text } => {
                write!(
                    f,
                    "--server-version `{text}` is no version; write it as @@version has it, as 10.11.6-MariaDB or 8.4.3"
                )
            }
            ExplainFailure::OtherFamily { version, database } => write!(
                f,
                "--server-version {version} is of the other family than the map says of database {database}; \
                 MariaDB's versions end with -MariaDB"
            ),
            ExplainFailure::NoStatement => f.write_str("the text holds no statement; write one, as \"SELECT 1\""),
        }
    }
}

impl std::error::Error for ExplainFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ExplainFailure::Map(failure) => Some(failure),
            _ => None,
        }
    }
}
