//! Keys as the router reads them, against what both servers do with the same literals and parameters.
//!
//! For each column type a table with planted rows, each on a shard of its own, and a map that says so. Read: the server is
//! asked which rows match, and the shards that the router names must hold all of them. Written: what the server has
//! stored must live on the shard that the router named. Of the ordinary forms most must be routed, not refused.

mod forms;

use std::fmt::Write;

use forms::{COLUMNS, Column, Form, PARAMETERS, Parameter};
use meridian::plan::{Target, plan};
use meridian::route::{Literals, SessionFacts, Shards, Value, route};
use meridian::shard_map::{ShardId, ShardMap, Zone};
use meridian::sql::{self, Dialect, Flavor, Scratch};
use meridian::wire::execute::Execute;

use crate::support::server::Kind;
use crate::support::{MariaDb, MySql9, Raw, Reply, Server};

/// The zone of the sessions, and of the maps: another one, so that nothing is right by accident.
const SESSION_ZONE: &str = "+02:00";
const MAP_ZONE: &str = "-05:30";

/// Of the ordinary forms so many hundredths at least are routed.
const ORDINARY_MIN: usize = 80;

#[test]
fn keys_are_read_as_mariadb_does() {
    check(&MariaDb::start("coercion", &["--default-storage-engine=MEMORY"]));
}

#[test]
fn keys_are_read_as_mysql_does() {
    if let Some(server) = MySql9::start("coercion", &["--default-storage-engine=MEMORY"]) {
        check(&server);
    }
}

fn check(server: &Server) {
    server.run_all(&["CREATE DATABASE shop"]);
    let mut wrong = String::new();
    let mut counts = [Count::default(), Count::default()];
    for column in COLUMNS {
        let mut trial = Trial::new(server, column);
        trial.reads(&mut counts[0], &mut wrong);
        trial.writes(&mut counts[1], &mut wrong);
    }
    assert!(wrong.is_empty(), "{:?}:\n{wrong}", server.kind);
    for (count, what) in counts.iter().zip(["read", "written"]) {
        let Count { routed, ordinary, refused } = count;
        assert!(*ordinary > 100, "{what}: only {ordinary} ordinary forms");
        assert!(routed * 100 >= ordinary * ORDINARY_MIN, "{what}: {routed} of {ordinary}; refused:\n{refused}");
    }
}

/// Ordinary forms, and how many of them were routed.
#[derive(Default)]
struct Count {
    ordinary: usize,
    routed: usize,
    refused: String,
}

impl Count {
    fn add(&mut self, is_ordinary: bool, routed: &Result<Vec<u16>, String>, what: &str) {
        if is_ordinary {
            self.ordinary += 1;
            // To all shards is not where its rows are.
            self.routed += usize::from(matches!(routed, Ok(shards) if shards.len() == 1));
            match routed {
                Ok(shards) if shards.len() > 1 => _ = writeln!(self.refused, "{what}: goes to {shards:?}"),
                Ok(_) => {}
                Err(error) => _ = writeln!(self.refused, "{what}: {error}"),
            }
        }
    }
}

/// One column type on one server.
struct Trial<'a> {
    column: &'a Column,
    map: ShardMap,
    dialect: Dialect,
    raw: Raw,
}

impl<'a> Trial<'a> {
    fn new(server: &Server, column: &'a Column) -> Trial<'a> {
        let (flavor, version) = match server.kind {
            Kind::MariaDb => (Flavor::MariaDb, 101_119),
            Kind::MySql9 => (Flavor::MySql, 90_704),
        };
        let mut raw = Raw::app(server.port, "shop").expect("the server answers");
        let definition = column.definition();
        raw.ok("DROP TABLE IF EXISTS t, bounds, w");
        for (table, home) in [("t", "home INT, "), ("bounds", ""), ("w", "")] {
            raw.ok(&format!("CREATE TABLE {table} ({home}k {definition} NOT NULL)"));
        }
        raw.ok(&format!("SET time_zone = '{MAP_ZONE}'"));
        for (home, planted) in column.planted.iter().enumerate() {
            raw.ok(&format!("INSERT INTO t VALUES ({home}, '{planted}')"));
            raw.ok(&format!("INSERT INTO bounds VALUES ('{planted}')"));
        }
        raw.ok(&format!("SET time_zone = '{SESSION_ZONE}'"));
        let map = ShardMap::load(&column.map(server.family(), MAP_ZONE)).unwrap_or_else(|faults| panic!("{faults:?}"));
        Trial { column, map, dialect: Dialect::new(flavor, version), raw }
    }

    fn reads(&mut self, count: &mut Count, wrong: &mut String) {
        let planted = format!("'{}'", self.column.planted[0]);
        for Form { text, ordinary } in self.column.forms() {
            for (condition, is_ordinary) in [
                (format!("k = {text}"), ordinary),
                (format!("{text} = k"), false),
                (format!("k IN ({text})"), ordinary),
                (format!("k IN ({text}, {text})"), ordinary),
                (format!("k IN ({planted}, {text})"), false),
                (format!("k IN ({text}, 42)"), false),
            ] {
                let statement = format!("SELECT home FROM t WHERE {condition}");
                let matched = self.matched(&statement);
                let routed = self.routed(&statement, |_| Value::Other);
                let what = format!("{} {condition}", self.column.kind);
                count.add(is_ordinary, &routed, &what);
                compare(&what, &matched, &routed, wrong);
            }
        }
        for condition in ["k = ?", "k IN (?)", &format!("k IN ({planted}, ?)"), "k IN (42, ?)"] {
            let statement = &format!("SELECT home FROM t WHERE {condition}");
            let (id, _, _) = self.raw.prepare(statement).expect("it prepares");
            for parameter in PARAMETERS {
                let (replies, payload) = self.execute(id, parameter);
                let matched = binary_homes(&replies);
                let routed = self.routed_with(statement, &payload);
                let what = format!("{} {condition} {}", self.column.kind, parameter.name);
                let is_ordinary = !condition.contains(',') && self.column.is_ordinary_parameter(parameter);
                count.add(is_ordinary, &routed, &what);
                compare(&what, &matched, &routed, wrong);
            }
            self.raw.close(id);
        }
    }

    fn writes(&mut self, count: &mut Count, wrong: &mut String) {
        for mode in [None, Some("''"), Some("'ALLOW_INVALID_DATES'")] {
            if let Some(mode) = mode {
                self.raw.ok(&format!("SET sql_mode = {mode}"));
            }
            for Form { text, ordinary } in self.column.forms() {
                let statement = format!("INSERT INTO w (k) VALUES ({text})");
                let routed = self.routed(&statement.replace("INTO w", "INTO t"), |_| Value::Other);
                let what = format!("{} <- {text} in sql_mode {mode:?}", self.column.kind);
                count.add(ordinary, &routed, &what);
                self.raw.ok("DELETE FROM w");
                let stored = self.raw.query(&statement);
                self.compare_stored(&what, &stored, &routed, wrong);
            }
            let statement = "INSERT INTO w (k) VALUES (?)";
            let (id, _, _) = self.raw.prepare(statement).expect("it prepares");
            for parameter in PARAMETERS {
                self.raw.ok("DELETE FROM w");
                let (stored, payload) = self.execute(id, parameter);
                let routed = self.routed_with("INSERT INTO t (k) VALUES (?)", &payload);
                let what = format!("{} <- {} in sql_mode {mode:?}", self.column.kind, parameter.name);
                count.add(self.column.is_ordinary_parameter(parameter), &routed, &what);
                self.compare_stored(&what, &stored, &routed, wrong);
            }
            self.raw.close(id);
        }
    }

    /// The homes of the rows that match; none where the server answers an error.
    fn matched(&mut self, statement: &str) -> Vec<u16> {
        match &self.raw.query(statement)[..] {
            [Reply::Rows(rows)] => rows.lines().iter().map(|line| line.parse().expect("a small number")).collect(),
            _ => Vec::new(),
        }
    }

    /// The server compares what it has stored with the bounds, in their type.
    fn compare_stored(&mut self, what: &str, stored: &[Reply], routed: &Result<Vec<u16>, String>, wrong: &mut String) {
        let Ok(routed) = routed else { return };
        if !matches!(stored, [Reply::Ok(_)]) {
            return;
        }
        let home = self.raw.value(&self.column.home_of_stored());
        let value = self.raw.value("SELECT k FROM w");
        if routed.iter().map(u16::to_string).collect::<Vec<_>>() != [home.as_str()] {
            let _ = writeln!(wrong, "{what}: stored {value} of shard {home}, routed to {routed:?}");
        }
    }

    /// The shards that the router names for a statement about `t`.
    fn routed<'v>(&self, statement: &'v str, parameter: impl Fn(u16) -> Value<'v>) -> Result<Vec<u16>, String> {
        let mut scratch = Scratch::new();
        sql::scan(statement.as_bytes(), &self.dialect, &mut scratch).map_err(|error| error.to_string())?;
        let facts = sql::facts(scratch.normalized());
        let planned = plan(&self.map, Some("shop"), scratch.normalized(), facts, &self.dialect);
        let session = SessionFacts { zone: Zone::read(SESSION_ZONE) };
        let parameter = |index: u16| parameter(index);
        let values = Literals { statement: statement.as_bytes(), scratch: &scratch, parameter, session };
        match &planned.target {
            Target::Tables(tables) => route(tables, &self.map, &values).map(|route| shards(route.shards)),
            Target::Refused(refusal) => Err(refusal.clone()),
            other => panic!("{statement}: {other:?}"),
        }
        .map_err(|refusal| refusal.error().2)
    }

    fn routed_with(&self, statement: &str, payload: &[u8]) -> Result<Vec<u16>, String> {
        let execute = Execute::parse(payload, 1).expect("well formed");
        let types = execute.types.expect("types were sent");
        let value = |index: u16| match execute.value(types, usize::from(index), |_| false) {
            Ok(param) => Value::from(param),
            Err(_) => Value::Other,
        };
        self.routed(statement, value)
    }

    fn execute(&mut self, id: u32, parameter: &Parameter) -> (Vec<Reply>, Vec<u8>) {
        let mut payload = vec![0x17];
        payload.extend(id.to_le_bytes());
        payload.extend([0, 1, 0, 0, 0]);
        payload.extend([u8::from(parameter.value.is_none()), 1]);
        payload.extend(parameter.kind);
        payload.extend(parameter.value.unwrap_or_default());
        self.raw.command(&payload).expect("the connection stands");
        (self.raw.replies(true).expect("an answer"), payload)
    }
}

fn shards(shards: Shards) -> Vec<u16> {
    match shards {
        Shards::One(ShardId(shard)) => vec![shard],
        Shards::Several(shards) => shards.into_iter().map(|ShardId(shard)| shard).collect(),
    }
}

/// The one INT column of binary rows.
fn binary_homes(replies: &[Reply]) -> Vec<u16> {
    match replies {
        [Reply::Rows(rows)] => rows
            .rows
            .iter()
            .map(|row| {
                let payload = row[0].as_deref().expect("a payload");
                u16::from_le_bytes([payload[2], payload[3]])
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn compare(what: &str, matched: &[u16], routed: &Result<Vec<u16>, String>, wrong: &mut String) {
    if let Ok(routed) = routed
        && !matched.iter().all(|home| routed.contains(home))
    {
        let _ = writeln!(wrong, "{what}: matches rows of {matched:?}, routed to {routed:?}");
    }
}
