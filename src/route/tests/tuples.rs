//! Keys of several columns: statements of a seeded generator against a model of all rows.
//!
//! A read has to find its rows on the shards that it is sent to; a write has to find all of them on its one shard, and
//! what it stores has to belong there.

use super::generate::Dice;
use super::target;
use crate::plan::{KeySource, Target};
use crate::route::{Literals, Route, SessionFacts, Shards, route};
use crate::shard_map::{ShardMap, Table};
use crate::sql::Scratch;

const MAP: &str = "
version: 1
regions: [eu]
groups:
  a: {members: [{at: '127.0.0.1:1', region: eu}]}
  b: {members: [{at: '127.0.0.1:2', region: eu}]}
  c: {members: [{at: '127.0.0.1:3', region: eu}]}
shards:
  s0: {group: a}
  s1: {group: b}
  s2: {group: c}
databases:
  shop:
    family: mariadb
    unlisted: refuse
    tables:
      r0: {key: {a: int, b: int}, range: [{from: MIN, on: s0}, {from: [2, 3], on: s1}, {from: [4], on: s2}, {from: [4, 5], on: s0}]}
      r1: {key: {a: int, b: int}, below: refuse, range: [{from: [1, 2], on: s2}, {from: [3], on: s1}]}
      r2: {key: {a: varchar(9) collate utf8mb4_bin, b: int}, range: [{from: MIN, on: s0}, {from: [t2, 3], on: s1}, {from: [t4], on: s2}]}
      l0: {key: {a: int, b: int}, list: [{in: [[1, 1], [1, 2], [3, 3]], on: s0}, {in: [[1, 3], [2, 1]], on: s1}], else: refuse}
      l1: {key: {a: varchar(9) collate utf8mb4_general_ci, b: int}, list: [{in: [[t1, 1], [t1, 2], [t3, 3]], on: s0}, {in: [[t1, 3]], on: s1}], else: s2}
      h0: {key: {a: int, b: int}, hash: crc32/1, buckets: 16, range: [{from: 0, on: s0}, {from: 4, on: s1}, {from: 9, on: s2}]}
      h1: {key: {b: int, a: varchar(9) collate utf8mb4_general_ci}, hash: crc32/1, buckets: 16, range: [{from: 0, on: s0}, {from: 6, on: s1}]}
";

const TABLES: [&str; 7] = ["r0", "r1", "r2", "l0", "l1", "h0", "h1"];
const TEXTS: [&str; 3] = ["r2", "l1", "h1"];

/// Values of both columns; 0 is not stored.
const VALUES: std::ops::RangeInclusive<i64> = 1..=6;

type Row = (i64, i64);

enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// `=`, `<`, `<=`, `>`, `>=` of a column: the first, if so.
    Compare(bool, usize, i64),
    In(bool, Vec<i64>),
    Between(bool, i64, i64, bool),
    Rows(bool, Vec<Row>),
    RowsOrdered(usize, Row),
    /// Not understood.
    Sum(i64),
}

struct Generator {
    dice: Dice,
    /// The first column is text.
    text: bool,
}

const SIGNS: [&str; 5] = ["=", "<", "<=", ">", ">="];

fn holds<T: Ord>(sign: usize, a: T, b: T) -> bool {
    match sign {
        0 => a == b,
        1 => a < b,
        2 => a <= b,
        3 => a > b,
        _ => a >= b,
    }
}

impl Expr {
    fn value(&self, row: Row) -> bool {
        let of = |first: bool| if first { row.0 } else { row.1 };
        match self {
            Expr::And(a, b) => a.value(row) && b.value(row),
            Expr::Or(a, b) => a.value(row) || b.value(row),
            Expr::Not(a) => !a.value(row),
            Expr::Compare(first, sign, literal) => holds(*sign, of(*first), *literal),
            Expr::In(first, literals) => literals.contains(&of(*first)),
            Expr::Between(first, low, high, negated) => (*low..=*high).contains(&of(*first)) != *negated,
            Expr::Rows(turned, rows) => rows.contains(&if *turned { (row.1, row.0) } else { row }),
            Expr::RowsOrdered(sign, other) => holds(*sign, row, *other),
            Expr::Sum(sum) => row.0 + row.1 == *sum,
        }
    }

    fn print(&self, text: bool) -> String {
        let name = |first: bool| if first { "a" } else { "b" };
        let of = |first: bool, value: i64| literal(text && first, value);
        match self {
            Expr::And(a, b) => format!("({} AND {})", a.print(text), b.print(text)),
            Expr::Or(a, b) => format!("({} OR {})", a.print(text), b.print(text)),
            Expr::Not(a) => format!("NOT ({})", a.print(text)),
            Expr::Compare(first, sign, value) => format!("{} {} {}", name(*first), SIGNS[*sign], of(*first, *value)),
            Expr::In(first, values) => {
                let values: Vec<String> = values.iter().map(|value| of(*first, *value)).collect();
                format!("{} IN ({})", name(*first), values.join(", "))
            }
            Expr::Between(first, low, high, negated) => {
                let not = if *negated { "NOT " } else { "" };
                format!("{} {not}BETWEEN {} AND {}", name(*first), of(*first, *low), of(*first, *high))
            }
            Expr::Rows(turned, rows) => {
                let row = |(x, y): &Row| format!("({}, {})", of(!turned, *x), of(*turned, *y));
                let rows: Vec<String> = rows.iter().map(row).collect();
                let columns = if *turned { "(b, a)" } else { "(a, b)" };
                match &rows[..] {
                    [row] => format!("{columns} = {row}"),
                    rows => format!("{columns} IN ({})", rows.join(", ")),
                }
            }
            Expr::RowsOrdered(sign, (a, b)) => format!("(a, b) {} ({}, {b})", SIGNS[*sign], of(true, *a)),
            Expr::Sum(sum) => format!("a + b = {sum}"),
        }
    }
}

fn literal(text: bool, value: i64) -> String {
    if text { format!("'t{value}'") } else { value.to_string() }
}

impl Generator {
    fn below(&mut self, sides: u64) -> usize {
        self.dice.below(sides) as usize
    }

    fn value(&mut self) -> i64 {
        VALUES.start() + self.dice.below(6) as i64
    }

    fn row(&mut self) -> Row {
        (self.value(), self.value())
    }

    fn expr(&mut self, depth: u32) -> Expr {
        let first = self.below(2) == 0;
        if depth > 0 && self.below(3) > 0 {
            let (a, b) = (Box::new(self.expr(depth - 1)), Box::new(self.expr(depth - 1)));
            return match self.below(6) {
                0..4 => Expr::And(a, b),
                4 => Expr::Or(a, b),
                _ => Expr::Not(a),
            };
        }
        match self.below(12) {
            0..5 => Expr::Compare(first, 0, self.value()),
            5 => Expr::Compare(first, self.below(5), self.value()),
            6 => Expr::In(first, vec![self.value(), self.value()]),
            7 => Expr::Between(first, self.value(), self.value(), self.below(3) == 0),
            8..10 => {
                let rows = (0..=self.below(3)).map(|_| self.row()).collect();
                Expr::Rows(self.below(3) == 0, rows)
            }
            10 => Expr::RowsOrdered(self.below(5), self.row()),
            _ => Expr::Sum(self.value()),
        }
    }

    /// What some columns are to get, and its text.
    fn assignments(&mut self) -> ([Option<i64>; 2], String) {
        let given = match self.below(3) {
            0 => [Some(self.value()), None],
            1 => [None, Some(self.value())],
            _ => [Some(self.value()), Some(self.value())],
        };
        let texts = [given[0].map(|a| format!("a = {}", literal(self.text, a))), given[1].map(|b| format!("b = {b}"))];
        (given, texts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Where the model has a row.
fn home(map: &ShardMap, table: &str, row: Row) -> Option<u16> {
    let Table::Split(split) = &map.databases[0].tables[table] else { panic!("a split table") };
    let (a, b) = (row.0.to_string(), row.1.to_string());
    let a = if TEXTS.contains(&table) { format!("t{a}") } else { a };
    let values = if table == "h1" { [b.as_bytes(), a.as_bytes()] } else { [a.as_bytes(), b.as_bytes()] };
    match split.stored(&values) {
        crate::shard_map::Stored::Home(shard) => Some(shard.0),
        _ => None,
    }
}

#[test]
fn statements_find_their_rows_and_store_them_where_they_belong() {
    let map = ShardMap::load(MAP).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut scratch = Scratch::new();
    let mut generator = Generator { dice: Dice(0x5851_F42D_4C95_7F2D), text: false };
    // Reads of one shard and of several; updates, inserts and upserts that were served.
    let mut counts = [0usize; 6];
    let statements =
        std::env::var("MERIDIAN_STATEMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(6000usize);
    let all: Vec<Row> = VALUES.flat_map(|a| VALUES.map(move |b| (a, b))).collect();
    for _ in 0..statements {
        let table = TABLES[generator.below(7)];
        generator.text = TEXTS.contains(&table);
        let rows: Vec<(Row, u16)> = all.iter().filter_map(|row| Some((*row, home(&map, table, *row)?))).collect();
        let expr = generator.expr(3);
        let condition = expr.print(generator.text);
        let matching: Vec<(Row, u16)> = rows.iter().copied().filter(|(row, _)| expr.value(*row)).collect();
        let (assigned, set) = generator.assignments();
        let inserted: Vec<Row> = (0..=generator.below(2)).map(|_| generator.row()).collect();
        let values = |(a, b): &Row| format!("({b}, 'x', {})", literal(generator.text, *a));
        let values = inserted.iter().map(values).collect::<Vec<_>>().join(", ");
        let kind = generator.dice.below(4);
        let text = match kind {
            0 => format!("SELECT * FROM {table} WHERE {condition}"),
            1 => format!("UPDATE {table} SET {set} WHERE {condition}"),
            2 => format!("INSERT INTO {table} (b, x, a) VALUES {values}"),
            _ => format!("INSERT INTO {table} (b, x, a) VALUES {values} ON DUPLICATE KEY UPDATE {set}"),
        };
        let Target::Tables(tables) = target(&map, &text, &mut scratch) else {
            counts[5] += 1;
            continue;
        };
        let shards = match route(&tables, &map, &Literals::of_text(text.as_bytes(), &scratch, SessionFacts::ORDINARY)) {
            Ok(Route { shards: Shards::One(shard) }) => vec![shard.0],
            Ok(Route { shards: Shards::Several(shards) }) => shards.iter().map(|shard| shard.0).collect(),
            Err(_) => {
                counts[5] += 1;
                continue;
            }
        };
        let becomes = |(a, b): Row| (assigned[0].unwrap_or(a), assigned[1].unwrap_or(b));
        let on = shards[0];
        if kind < 2 {
            assert!(matching.iter().all(|(_, on)| shards.contains(on)), "{shards:?} lack rows of {text}: {matching:?}");
        }
        match kind {
            0 => counts[usize::from(shards.len() > 1)] += 1,
            1 => {
                let stays = |(row, _): &(Row, u16)| home(&map, table, becomes(*row)) == Some(on);
                assert!(shards.len() == 1 && matching.iter().all(stays), "moves a row from {on}: {text}");
                counts[2] += 1;
            }
            _ => {
                assert!(inserted.iter().all(|row| home(&map, table, *row) == Some(on)), "stored on {on}: {text}");
                // Any row there may be the one that is found.
                let stays = |(row, at): &(Row, u16)| *at != on || home(&map, table, becomes(*row)) == Some(on);
                assert!(kind == 2 || rows.iter().all(stays), "moves a row from {on}: {text}");
                counts[kind as usize + 1] += 1;
            }
        }
    }
    assert!(counts.iter().all(|count| 150 * count > statements), "{counts:?}: one side was hardly tried");
}

#[test]
fn a_point_needs_no_other_shard_however_it_is_written() {
    let map = ShardMap::load(MAP).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut scratch = Scratch::new();
    for table in TABLES {
        let text = TEXTS.contains(&table);
        for (a, b) in VALUES.flat_map(|a| VALUES.map(move |b| (a, b))) {
            let Some(on) = home(&map, table, (a, b)) else { continue };
            let a = literal(text, a);
            for condition in [
                format!("a = {a} AND b = {b}"),
                format!("{b} = b AND {a} = a AND x > 3"),
                format!("(b, a) = ({b}, {a})"),
                format!("(b, x, a) IN (({b}, 1, {a}), ({b}, 2, {a}))"),
                format!("(a = {a} AND b = {b} AND x = 1) OR (b = {b} AND a = {a} AND x = 2)"),
                format!("a IN ({a}) AND b BETWEEN {b} AND {b}"),
            ] {
                let statement = format!("DELETE FROM {table} WHERE {condition}");
                let Target::Tables(tables) = target(&map, &statement, &mut scratch) else { panic!("{statement}") };
                assert!(matches!(tables.keyed[0].sources[..], [KeySource::Columns(_)]), "{statement}");
                let values = Literals::of_text(statement.as_bytes(), &scratch, SessionFacts::ORDINARY);
                let found = route(&tables, &map, &values).unwrap_or_else(|refusal| panic!("{statement}: {refusal:?}"));
                assert_eq!(found.shards, Shards::One(crate::shard_map::ShardId(on)), "{statement}");
            }
        }
    }
}
