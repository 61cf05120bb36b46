//! Keys as the router reads them, against what both servers do with the same literals and parameters.
//!
//! For each column type a table with planted rows, each on a shard of its own, and a map that says so. Read: the server is
//! asked which rows match, and the shards that the router names must hold all of them. Written: what the server has
//! stored must live on the shard that the router named. Of the ordinary forms most must be routed, not refused.

mod forms;
mod literals;

use std::fmt::Write;

use forms::{COLUMNS, Column, Form, PARAMETERS, quoted};
use meridian::plan::{Target, plan};
use meridian::route::{Literals, SessionFacts, Shards, Value, route};
use meridian::shard_map::{ShardId, ShardMap, Stored, Table, Zone};
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
    for column in COLUMNS.iter().filter(|column| column.only.is_none_or(|family| family == server.family())) {
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

/// Ordinary forms, and how many of them were routed to one shard.
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
    session: SessionFacts,
    raw: Raw,
}

impl<'a> Trial<'a> {
    fn new(server: &Server, column: &'a Column) -> Trial<'a> {
        let (flavor, version) = match server.kind {
            Kind::MariaDb => (Flavor::MariaDb, 101_119),
            Kind::MySql9 => (Flavor::MySql, 90_704),
        };
        let mut raw = Raw::app(server.port, "shop").expect("the server answers");
        raw.ok("SET NAMES utf8mb4");
        raw.ok("DROP TABLE IF EXISTS t, bounds, w");
        for (table, home) in [("t", "home INT, "), ("bounds", "home INT, "), ("w", "")] {
            raw.ok(&format!("CREATE TABLE {table} ({home}k {} NOT NULL)", column.kind));
        }
        raw.ok(&format!("SET time_zone = '{MAP_ZONE}'"));
        for (index, planted) in column.planted.iter().enumerate() {
            raw.ok(&format!("INSERT INTO t (k) VALUES ({})", quoted(planted)));
            raw.ok(&format!("UPDATE t SET home = {} WHERE home IS NULL", column.home("t", Some(index))));
        }
        raw.ok("INSERT INTO bounds SELECT * FROM t");
        raw.ok(&format!("SET time_zone = '{SESSION_ZONE}'"));
        let map = ShardMap::load(&column.map(server.family(), MAP_ZONE)).unwrap_or_else(|faults| panic!("{faults:?}"));
        let session = SessionFacts { zone: Zone::read(SESSION_ZONE), ..SessionFacts::ORDINARY };
        Trial { column, map, dialect: Dialect::new(flavor, version), session, raw }
    }

    fn reads(&mut self, count: &mut Count, wrong: &mut String) {
        let planted = quoted(self.column.planted[0]);
        for Form { text, ordinary } in self.column.forms() {
            for (condition, is_ordinary) in [
                (format!("k = {text}"), ordinary),
                (format!("k IN ({text})"), ordinary),
                (format!("k IN ({planted}, {text})"), false),
                (format!("k IN ({text}, 42)"), false),
            ] {
                let statement = format!("SELECT home FROM t WHERE {condition}");
                let routed = self.routed(&statement, |_| Value::Other);
                let what = format!("{:?} {} {condition}", self.column.split, self.column.kind);
                count.add(is_ordinary, &routed, &what);
                if let Ok(routed) = routed {
                    let matched = self.matched(&statement);
                    compare(&what, &matched, &routed, wrong);
                }
            }
        }
        for condition in ["k = ?", "k IN (?)", &format!("k IN ({planted}, ?)"), "k IN (42, ?)"] {
            let statement = &format!("SELECT home FROM t WHERE {condition}");
            let ids = self.prepare(statement);
            for parameter in PARAMETERS {
                let payload = parameter.payload(&ids);
                let routed = self.routed_with(statement, &payload);
                let what = format!("{:?} {} {condition} {}", self.column.split, self.column.kind, parameter.name);
                let is_ordinary = !condition.contains(',') && self.column.is_ordinary_parameter(parameter);
                count.add(is_ordinary, &routed, &what);
                if let Ok(routed) = routed {
                    let matched = binary_homes(&self.execute(&payload));
                    compare(&what, &matched, &routed, wrong);
                }
            }
            ids.into_iter().for_each(|id| self.raw.close(id));
        }
    }

    fn writes(&mut self, count: &mut Count, wrong: &mut String) {
        for mode in [None, Some(""), Some("ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES")] {
            if let Some(mode) = mode {
                self.raw.ok(&format!("SET sql_mode = '{mode}'"));
                self.dialect.set_sql_mode(mode);
                self.session.backslash_escapes = Some(!self.dialect.no_backslash_escapes);
            }
            for Form { text, ordinary } in self.column.forms() {
                let statement = format!("INSERT INTO w (k) VALUES ({text})");
                let routed = self.routed(&statement.replace("INTO w", "INTO t"), |_| Value::Other);
                let what = format!("{:?} {} <- {text} in sql_mode {mode:?}", self.column.split, self.column.kind);
                count.add(ordinary, &routed, &what);
                if let Ok(routed) = routed {
                    self.raw.ok("DELETE FROM w");
                    let stored = self.raw.query(&statement);
                    self.compare_stored(&what, &stored, &routed, wrong);
                }
            }
            let statement = "INSERT INTO w (k) VALUES (?)";
            let ids = self.prepare(statement);
            for parameter in PARAMETERS {
                let payload = parameter.payload(&ids);
                let routed = self.routed_with("INSERT INTO t (k) VALUES (?)", &payload);
                let what =
                    format!("{:?} {} <- {} in sql_mode {mode:?}", self.column.split, self.column.kind, parameter.name);
                count.add(self.column.is_ordinary_parameter(parameter), &routed, &what);
                if let Ok(routed) = routed {
                    self.raw.ok("DELETE FROM w");
                    let stored = self.execute(&payload);
                    self.compare_stored(&what, &stored, &routed, wrong);
                }
            }
            ids.into_iter().for_each(|id| self.raw.close(id));
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
    fn compare_stored(&mut self, what: &str, stored: &[Reply], routed: &[u16], wrong: &mut String) {
        if !matches!(stored, [Reply::Ok(_)]) {
            return;
        }
        self.raw.ok(&format!("SET time_zone = '{MAP_ZONE}'"));
        let mut home = self.raw.value(&format!("SELECT {} FROM w", self.column.home("w", None)));
        self.raw.ok(&format!("SET time_zone = '{SESSION_ZONE}'"));
        let value = self.raw.value("SELECT k FROM w");
        // No SQL computes the form by weights, which tests/servers/collations compares with the servers'.
        if self.column.is_hashed_by_weights() && !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            let Some(Table::Split(split)) = self.map.databases[0].table("t") else { panic!("t is split") };
            let Stored::Home(ShardId(shard)) =
                split.stored(&[&self.raw.rows("SELECT CAST(k AS BINARY) FROM w").rows[0][0].clone().expect("no NULL")])
            else {
                panic!("{what}: {value:?} has no home")
            };
            home = shard.to_string();
        }
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
        let session = self.session;
        let parameter = |index: u16| parameter(index);
        let values = Literals { statement: statement.as_bytes(), scratch: &scratch, parameter, session };
        match &planned.target {
            Target::Tables(tables) => route(tables, &self.map, &values).map(|route| shards(route.shards)),
            Target::Refused(refusal) => Err(refusal.clone()),
            other => panic!("{statement}: {other:?}"),
        }
        .map_err(|refusal| refusal.error().2)
    }

    fn routed_with<'v>(&self, statement: &'v str, payload: &'v [u8]) -> Result<Vec<u16>, String> {
        self.routed(statement, |_| value_of(payload))
    }

    /// A statement for each class of parameters, as the proxy has them: MySQL takes a parameter for what it was first.
    fn prepare(&mut self, statement: &str) -> Vec<u32> {
        (0..=7).map(|_| self.raw.prepare(statement).expect("it prepares").0).collect()
    }

    fn execute(&mut self, payload: &[u8]) -> Vec<Reply> {
        self.raw.command(payload).expect("the connection stands");
        self.raw.replies(true).expect("an answer")
    }
}

/// The one parameter of an EXECUTE.
fn value_of(payload: &[u8]) -> Value<'_> {
    let execute = Execute::parse(payload, 1).expect("well formed");
    let types = execute.types.expect("types were sent");
    execute.value(types, 0, |_| false).map_or(Value::Other, Value::from)
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

fn compare(what: &str, matched: &[u16], routed: &[u16], wrong: &mut String) {
    if !matched.iter().all(|home| routed.contains(home)) {
        let _ = writeln!(wrong, "{what}: matches rows of {matched:?}, routed to {routed:?}");
    }
}
