//! The property that matters: a statement that was routed answers on its shard as it would on all rows.
//!
//! A seeded generator makes queries over three tables, prints them with as few parentheses as MySQL's precedences allow,
//! and evaluates them over all rows and over the rows of the shard they were routed to.

mod generate;
mod hints;
mod inner;
mod model;
mod tuples;

use generate::Generator;
use model::Row;

use super::{Literals, Route, SessionFacts, Shards, route};
use crate::plan::read::{read, toks};
use crate::plan::{Concatenation, Statement, Target, plan, second};
use crate::shard_map::ShardMap;
use crate::sql::{self, Dialect, Flavor, Scratch};

const MAP: &str = "
version: 1
regions: [eu]
groups:
  a: {members: [{at: '127.0.0.1:1', region: eu}]}
  b: {members: [{at: '127.0.0.1:2', region: eu}]}
shards:
  s0: {group: a}
  s1: {group: b}
databases:
  shop:
    family: mariadb
    unlisted: refuse
    tables:
      ledger: s0
      customers: {key: {id: int}, range: [{from: MIN, on: s0}, {from: 4, on: s1}]}
      events: {key: {user_id: int}, range: [{from: MIN, on: s0}, {from: 4, on: s1}]}
";
const DIALECT: Dialect = Dialect::new(Flavor::MariaDb, 101119);
fn shop() -> ShardMap {
    ShardMap::load(MAP).expect("the map is sound")
}

fn planned(map: &ShardMap, text: &str, scratch: &mut Scratch) -> Statement {
    sql::scan(text.as_bytes(), &DIALECT, scratch).expect("the text has tokens");
    let normalized = scratch.normalized();
    plan(map, Some("shop"), normalized, sql::facts(normalized), &DIALECT)
}

fn target(map: &ShardMap, text: &str, scratch: &mut Scratch) -> Target {
    planned(map, text, scratch).target
}

#[test]
fn a_routed_query_answers_on_its_shard_as_on_all_rows() {
    let map = shop();
    let mut scratch = Scratch::new();
    let mut generator = Generator::new(0x9E37_79B9_7F4A_7C15);
    let (mut routed, mut several, mut refused) = (0, 0, 0);
    let statements =
        std::env::var("MERIDIAN_STATEMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(3000usize);
    for _ in 0..statements {
        generator.aliases = 0;
        let query = generator.query(1, &[]);
        let text = query.print();
        let Statement { target: Target::Tables(tables), concatenation, .. } = planned(&map, &text, &mut scratch) else {
            refused += 1;
            continue;
        };
        let nothing = Row::new();
        match route(&tables, &map, &Literals::of_text(text.as_bytes(), &scratch, SessionFacts::ORDINARY)) {
            Ok(Route { shards: Shards::Several(shards) }) if concatenation == Concatenation::Yes => {
                several += 1;
                let mut rows: Vec<Row> = shards.iter().flat_map(|shard| query.rows(&nothing, Some(shard.0))).collect();
                rows.sort_unstable();
                assert!(query.rows(&nothing, None) == rows, "answers otherwise on {shards:?}: {text}");
            }
            Ok(Route { shards: Shards::One(shard) }) => {
                routed += 1;
                assert!(
                    query.rows(&nothing, None) == query.rows(&nothing, Some(shard.0)),
                    "answers otherwise on shard {}: {text}",
                    shard.0
                );
            }
            Ok(_) | Err(_) => refused += 1,
        }
    }
    let least = routed.min(several).min(refused);
    assert!(
        40 * least > statements,
        "{routed} routed, {several} to several, {refused} refused: one side was hardly tried"
    );
}

#[test]
fn both_readings_find_the_generated_tables() {
    let mut scratch = Scratch::new();
    let mut generator = Generator::new(42);
    for _ in 0..1000 {
        let text = generator.query(1, &[]).print();
        sql::scan(text.as_bytes(), &DIALECT, &mut scratch).expect("the text has tokens");
        let (_, shape, _) = read(toks(scratch.normalized()), true);
        assert_eq!(shape.unsure, None, "{text}");
        let mut ours: Vec<&str> = shape.occurrences.iter().map(|occurrence| &*occurrence.name).collect();
        let mut written: Vec<&str> =
            text.split(' ').filter(|word| matches!(*word, "ledger" | "customers" | "events")).collect();
        written.extend(text.matches("(ledger ").map(|_| "ledger"));
        written.extend(text.matches("(customers ").map(|_| "customers"));
        written.extend(text.matches("(events ").map(|_| "events"));
        ours.sort_unstable();
        written.sort_unstable();
        assert_eq!(ours, written, "{text}");
        let theirs = second::relations(scratch.normalized());
        let mut theirs: Vec<&str> = theirs.iter().flatten().map(|name| &**name).collect();
        // sqlparser finds names of common table expressions, too.
        theirs.retain(|name| matches!(*name, "ledger" | "customers" | "events"));
        theirs.sort_unstable();
        assert!(theirs.is_empty() || theirs == written, "{text}");
    }
}

#[test]
fn other_literals_make_the_same_plan() {
    let map = shop();
    let (mut scratch, mut other_scratch) = (Scratch::new(), Scratch::new());
    let mut generator = Generator::new(7);
    for _ in 0..500 {
        let text = generator.query(1, &[]).print();
        // Every number but those in names is a literal.
        let other = text.replace(" = 3", " = 77").replace(" = 5", " = 123456").replace("> 2", "> 9");
        let plan = target(&map, &text, &mut scratch);
        let other_plan = target(&map, &other, &mut other_scratch);
        assert_eq!(scratch.normalized(), other_scratch.normalized(), "{text}");
        assert_eq!(format!("{plan:?}"), format!("{other_plan:?}"), "{text}");
    }
}

#[test]
fn deep_nesting_is_refused_in_little_stack() {
    let deep = |open: &str, inside: &str, close: &str, times: usize| {
        format!("{}{inside}{}", open.repeat(times), close.repeat(times))
    };
    let texts = [
        deep("SELECT * FROM (", "SELECT 1 FROM ledger", ") d", 5000),
        format!("SELECT * FROM ledger WHERE {}", deep("(", "1", ")", 5000)),
        format!("SELECT * FROM ledger WHERE {}", deep("(SELECT * FROM ((", "ledger x", ")))", 5000)),
        format!("SELECT * FROM {}", deep("(", "ledger", ")", 5000)),
        format!("SELECT * FROM {}", deep("ledger JOIN (", "ledger", ")", 5000)),
        format!("SELECT {}1", deep("{fn ", "1", "}", 5000)),
        deep("SET STATEMENT a = 1 FOR ", "SELECT 1", "", 5000),
        format!("SELECT 1{} FROM ledger", " + 1".repeat(30_000)),
        format!("SELECT 1{} FROM ledger", " + 1".repeat(290)),
        format!("SELECT 1 FROM ledger WHERE 1{}", " OR a".repeat(290)),
        format!("SELECT 1{} FROM ledger", " + 1".repeat(15_000)),
        format!("SELECT 1{} FROM ledger", "+a".repeat(15_000)),
        format!("SELECT 1 FROM ledger {}", "UNION SELECT 1 ".repeat(3_000)),
        format!("SELECT 1 FROM ledger WHERE {} 1", "a AND ".repeat(8_000)),
        format!("SELECT {} 1 FROM ledger", "NOT ".repeat(15_000)),
        format!("SELECT {} 1 FROM ledger", "- ".repeat(15_000)),
        format!("SELECT a{} FROM ledger", "[1]".repeat(8_000)),
        format!("SELECT a{} FROM ledger", "->1".repeat(8_000)),
        format!("SELECT a{} FROM ledger", " IS NULL".repeat(8_000)),
        format!("SELECT a{} FROM ledger", " COLLATE b".repeat(6_000)),
        format!("SELECT 1 FROM ledger{}", " JOIN ledger".repeat(1_000)),
        format!("SELECT {} 1 FROM ledger", "NOT ".repeat(30_000)),
        format!("SELECT 1 FROM ledger {}", "UNION SELECT 1 ".repeat(20_000)),
        format!("SELECT 1 FROM ledger WHERE {} 1", "a = 1 AND ".repeat(100_000)),
        format!("SELECT 1 FROM ledger{}", ", ledger".repeat(100_000)),
        format!("SELECT 1 FROM {}1", "((SELECT 1 FROM ".repeat(5000)),
    ];
    // A worker's stack; a debug build needs more of it than a release.
    let worker = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let map = shop();
        let mut scratch = Scratch::new();
        for text in &texts {
            target(&map, text, &mut scratch);
        }
    });
    worker.expect("a thread can be started").join().expect("no statement panics");
}
