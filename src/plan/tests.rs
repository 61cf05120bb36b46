//! The property that matters: a statement that was routed answers on its shard as it would on all rows.
//!
//! A seeded generator makes queries over three tables, prints them with as few parentheses as MySQL's precedences allow,
//! and evaluates them over all rows and over the rows of the shard they were routed to.

use super::read::{read, toks};
use super::{Target, plan, second};
use crate::route::{Literals, route};
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
/// Every table holds these keys, each with two values of `x`.
const KEYS: std::ops::Range<i64> = 0..8;
const SPLIT_AT: i64 = 4;

/// xorshift64*: seeded, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    fn key(&mut self) -> i64 {
        i64::try_from(self.below(10)).expect("below 10") - 1
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Ledger,
    Customers,
    Events,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Ledger => "ledger",
            Table::Customers => "customers",
            Table::Events => "events",
        }
    }

    fn key(self) -> &'static str {
        if self == Table::Events {
            "user_id"
        } else {
            "id"
        }
    }

    /// Key and x of each row that the shard holds, or of all.
    fn rows(self, shard: Option<u16>) -> Vec<(i64, i64)> {
        let on = |key: i64| u16::from(self != Table::Ledger && key >= SPLIT_AT);
        KEYS.filter(|key| shard.is_none_or(|shard| on(*key) == shard))
            .flat_map(|key| [(key, key % 3), (key, 5)])
            .collect()
    }
}

/// A column of the table with that alias: its key or its x.
#[derive(Clone, Copy)]
struct Column {
    alias: usize,
    table: Table,
    key: bool,
}

enum Expr {
    Or(Box<Expr>, Box<Expr>),
    Xor(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// The literal stands left.
    Equal(Column, i64, bool),
    Same(Column, Column),
    Greater(Column, i64),
    Between(Column, i64, i64),
    In(Column, Vec<i64>, bool),
    IsNull(Column),
    /// `condition IS TRUE`.
    Is(Box<Expr>),
    /// `(condition) = 1`
    EqualsOne(Box<Expr>),
    Case(Box<Expr>, Box<Expr>),
    Exists(Box<Query>),
}

enum From {
    Table(usize, Table),
    Join(Box<From>, Kind, Box<From>, Option<Expr>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inner,
    Left,
    Right,
}

struct Query {
    from: From,
    condition: Expr,
}

struct Generator {
    dice: Dice,
    aliases: usize,
}

impl Generator {
    fn query(&mut self, depth: u32, outer: &[(usize, Table)]) -> Query {
        let from = self.from(if depth > 0 { 2 } else { 1 });
        let mut visible = Vec::new();
        from.tables(&mut visible);
        let mut condition = self.expr(3, depth, &[&visible[..], outer].concat());
        // Else next to nothing is routed.
        for (alias, table) in visible {
            if table != Table::Ledger && self.dice.below(4) > 0 {
                let low = i64::try_from(self.dice.below(4)).expect("below 4");
                let key = Column {
                    alias,
                    table,
                    key: true,
                };
                condition = Expr::And(Box::new(Expr::Equal(key, low, false)), Box::new(condition));
            }
        }
        Query { from, condition }
    }

    fn from(&mut self, depth: u32) -> From {
        if depth == 0 || self.dice.below(3) == 0 {
            self.aliases += 1;
            let table =
                [Table::Ledger, Table::Customers, Table::Events][self.dice.below(3) as usize];
            return From::Table(self.aliases, table);
        }
        let (left, right) = (self.from(depth - 1), self.from(depth - 1));
        let kind = [Kind::Inner, Kind::Left, Kind::Right][self.dice.below(3) as usize];
        let mut visible = Vec::new();
        left.tables(&mut visible);
        right.tables(&mut visible);
        let on = (kind != Kind::Inner || self.dice.below(4) > 0).then(|| self.expr(2, 0, &visible));
        From::Join(Box::new(left), kind, Box::new(right), on)
    }

    fn column(&mut self, visible: &[(usize, Table)]) -> Column {
        let (alias, table) = visible[self.dice.below(visible.len() as u64) as usize];
        Column {
            alias,
            table,
            key: self.dice.below(3) > 0,
        }
    }

    fn expr(&mut self, depth: u32, queries: u32, visible: &[(usize, Table)]) -> Expr {
        let column = self.column(visible);
        let sides = if depth == 0 { 9 } else { 20 };
        let inside = depth.saturating_sub(1);
        match self.dice.below(sides) {
            0..4 => Expr::Equal(column, self.dice.key(), self.dice.below(3) == 0),
            4 => Expr::Greater(column, self.dice.key()),
            5 => Expr::In(
                column,
                vec![self.dice.key(), self.dice.key()],
                self.dice.below(4) == 0,
            ),
            6 => Expr::Between(column, self.dice.key(), self.dice.key()),
            7 => Expr::IsNull(column),
            8 => Expr::Same(column, self.column(visible)),
            9..14 => Expr::And(
                self.boxed(inside, queries, visible),
                self.boxed(inside, queries, visible),
            ),
            14 => Expr::Or(
                self.boxed(inside, queries, visible),
                self.boxed(inside, queries, visible),
            ),
            15 => Expr::Xor(
                self.boxed(inside, queries, visible),
                self.boxed(inside, queries, visible),
            ),
            16 => Expr::Not(self.boxed(inside, queries, visible)),
            17 => Expr::Is(self.boxed(inside, queries, visible)),
            18 if queries > 0 => Expr::Exists(Box::new(self.query(queries - 1, visible))),
            18 => Expr::EqualsOne(self.boxed(inside, queries, visible)),
            _ => Expr::Case(
                self.boxed(inside, queries, visible),
                self.boxed(inside, queries, visible),
            ),
        }
    }

    fn boxed(&mut self, depth: u32, queries: u32, visible: &[(usize, Table)]) -> Box<Expr> {
        Box::new(self.expr(depth, queries, visible))
    }
}

/// Rows of the aliases that are bound; `None` is a row of NULLs.
type Row = Vec<(usize, Option<(i64, i64)>)>;

impl Column {
    fn value(self, row: &Row) -> Option<i64> {
        let (_, bound) = row
            .iter()
            .rev()
            .find(|(alias, _)| *alias == self.alias)
            .expect("visible columns are bound");
        bound.map(|(key, x)| if self.key { key } else { x })
    }

    fn print(self) -> String {
        format!(
            "t{}.{}",
            self.alias,
            if self.key { self.table.key() } else { "x" }
        )
    }
}

impl Expr {
    fn value(&self, row: &Row, shard: Option<u16>) -> Option<bool> {
        let of = |expr: &Expr| expr.value(row, shard);
        match self {
            Expr::Or(a, b) => match (of(a), of(b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Expr::And(a, b) => match (of(a), of(b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Expr::Xor(a, b) => Some(of(a)? != of(b)?),
            Expr::Not(a) => of(a).map(|truth| !truth),
            Expr::Equal(column, literal, _) => column.value(row).map(|value| value == *literal),
            Expr::Same(a, b) => Some(a.value(row)? == b.value(row)?),
            Expr::Greater(column, literal) => column.value(row).map(|value| value > *literal),
            Expr::Between(column, low, high) => column
                .value(row)
                .map(|value| (*low..=*high).contains(&value)),
            Expr::In(column, literals, negated) => column
                .value(row)
                .map(|value| literals.contains(&value) != *negated),
            Expr::IsNull(column) => Some(column.value(row).is_none()),
            Expr::Is(a) => Some(of(a) == Some(true)),
            Expr::EqualsOne(a) => of(a),
            Expr::Case(when, then) => {
                if of(when) == Some(true) {
                    of(then)
                } else {
                    Some(false)
                }
            }
            Expr::Exists(query) => Some(!query.rows(row, shard).is_empty()),
        }
    }

    /// With parentheses only where an operator of the level around binds as tight or tighter.
    fn print(&self, around: u32) -> String {
        let (level, text) = match self {
            Expr::Or(a, b) => (1, format!("{} OR {}", a.print(1), b.print(2))),
            Expr::Xor(a, b) => (2, format!("{} XOR {}", a.print(2), b.print(3))),
            Expr::And(a, b) => (3, format!("{} AND {}", a.print(3), b.print(4))),
            Expr::Not(a) => (4, format!("NOT {}", a.print(4))),
            Expr::Equal(column, literal, false) => (5, format!("{} = {literal}", column.print())),
            Expr::Equal(column, literal, true) => (5, format!("{literal} = {}", column.print())),
            Expr::Same(a, b) => (5, format!("{} = {}", a.print(), b.print())),
            Expr::Greater(column, literal) => (5, format!("{} > {literal}", column.print())),
            Expr::Between(column, low, high) => {
                (5, format!("{} BETWEEN {low} AND {high}", column.print()))
            }
            Expr::In(column, literals, negated) => {
                let not = if *negated { "NOT " } else { "" };
                let literals: Vec<String> = literals.iter().map(i64::to_string).collect();
                (
                    5,
                    format!("{} {not}IN ({})", column.print(), literals.join(", ")),
                )
            }
            Expr::IsNull(column) => (5, format!("{} IS NULL", column.print())),
            Expr::Is(a) => (5, format!("{} IS TRUE", a.print(5))),
            Expr::EqualsOne(a) => (5, format!("({}) = 1", a.print(0))),
            Expr::Case(when, then) => (
                9,
                format!(
                    "CASE WHEN {} THEN {} ELSE FALSE END",
                    when.print(0),
                    then.print(0)
                ),
            ),
            Expr::Exists(query) => (9, format!("EXISTS ({})", query.print())),
        };
        if level < around {
            format!("({text})")
        } else {
            text
        }
    }
}

impl From {
    fn tables(&self, tables: &mut Vec<(usize, Table)>) {
        match self {
            From::Table(alias, table) => tables.push((*alias, *table)),
            From::Join(left, _, right, _) => {
                left.tables(tables);
                right.tables(tables);
            }
        }
    }

    fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Row> {
        match self {
            From::Table(alias, table) => table
                .rows(shard)
                .into_iter()
                .map(|row| vec![(*alias, Some(row))])
                .collect(),
            From::Join(left, kind, right, on) => {
                let (left_rows, right_rows) = (left.rows(outer, shard), right.rows(outer, shard));
                let holds = |a: &Row, b: &Row| {
                    on.as_ref().is_none_or(|on| {
                        on.value(&[&outer[..], a, b].concat(), shard) == Some(true)
                    })
                };
                let (kept, others, nulls) = match kind {
                    Kind::Right => (&right_rows, &left_rows, left.nulls()),
                    _ => (&left_rows, &right_rows, right.nulls()),
                };
                let mut rows = Vec::new();
                for row in kept {
                    let before = rows.len();
                    rows.extend(
                        others
                            .iter()
                            .filter(|other| holds(row, other))
                            .map(|other| [&row[..], other].concat()),
                    );
                    if *kind != Kind::Inner && rows.len() == before {
                        rows.push([&row[..], &nulls].concat());
                    }
                }
                rows
            }
        }
    }

    fn nulls(&self) -> Row {
        let mut tables = Vec::new();
        self.tables(&mut tables);
        tables.into_iter().map(|(alias, _)| (alias, None)).collect()
    }

    fn print(&self) -> String {
        match self {
            From::Table(alias, table) => format!("{} AS t{alias}", table.name()),
            From::Join(left, kind, right, on) => {
                let word = match kind {
                    Kind::Inner => "JOIN",
                    Kind::Left => "LEFT JOIN",
                    Kind::Right => "RIGHT OUTER JOIN",
                };
                let on = on
                    .as_ref()
                    .map(|on| format!(" ON {}", on.print(0)))
                    .unwrap_or_default();
                // `a JOIN b JOIN c ON .. ON ..` nests to the right where every join has its ON.
                let nests = !on.is_empty() && right.has_conditions();
                match **right {
                    From::Join(..) if !nests => {
                        format!("{} {word} ({}){on}", left.print(), right.print())
                    }
                    _ => format!("{} {word} {}{on}", left.print(), right.print()),
                }
            }
        }
    }

    fn has_conditions(&self) -> bool {
        match self {
            From::Table(..) => true,
            From::Join(left, _, right, on) => {
                on.is_some() && left.has_conditions() && right.has_conditions()
            }
        }
    }
}

impl Query {
    fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Row> {
        let mut rows = self.from.rows(outer, shard);
        rows.retain(|row| self.condition.value(&[&outer[..], row].concat(), shard) == Some(true));
        for row in &mut rows {
            row.sort_unstable();
        }
        rows.sort_unstable();
        rows
    }

    fn print(&self) -> String {
        format!(
            "SELECT 1 FROM {} WHERE {}",
            self.from.print(),
            self.condition.print(0)
        )
    }
}

fn shop() -> ShardMap {
    ShardMap::load(MAP).expect("the map is sound")
}

fn target(map: &ShardMap, text: &str, scratch: &mut Scratch) -> Target {
    sql::scan(text.as_bytes(), &DIALECT, scratch).expect("the text has tokens");
    let normalized = scratch.normalized();
    plan(
        map,
        Some("shop"),
        normalized,
        sql::facts(normalized),
        &DIALECT,
    )
    .target
}

#[test]
fn a_routed_query_answers_on_its_shard_as_on_all_rows() {
    let map = shop();
    let mut scratch = Scratch::new();
    let mut generator = Generator {
        dice: Dice(0x9E37_79B9_7F4A_7C15),
        aliases: 0,
    };
    let (mut routed, mut refused) = (0, 0);
    for _ in 0..2500 {
        generator.aliases = 0;
        let query = generator.query(1, &[]);
        let text = query.print();
        let Target::Tables(tables) = target(&map, &text, &mut scratch) else {
            refused += 1;
            continue;
        };
        match route(&tables, &map, &Literals::of_text(text.as_bytes(), &scratch)) {
            Ok(found) => {
                routed += 1;
                let nothing = Row::new();
                assert!(
                    query.rows(&nothing, None) == query.rows(&nothing, Some(found.shard.0)),
                    "answers otherwise on shard {}: {text}",
                    found.shard.0
                );
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        routed > 400 && refused > 400,
        "{routed} routed, {refused} refused: one side was hardly tried"
    );
}

#[test]
fn both_readings_find_the_generated_tables() {
    let mut scratch = Scratch::new();
    let mut generator = Generator {
        dice: Dice(42),
        aliases: 0,
    };
    for _ in 0..1000 {
        let text = generator.query(1, &[]).print();
        sql::scan(text.as_bytes(), &DIALECT, &mut scratch).expect("the text has tokens");
        let (_, shape, _) = read(toks(scratch.normalized()), true);
        assert_eq!(shape.unsure, None, "{text}");
        let mut ours: Vec<&str> = shape
            .occurrences
            .iter()
            .map(|occurrence| &*occurrence.name)
            .collect();
        let mut written: Vec<&str> = text
            .split(' ')
            .filter(|word| matches!(*word, "ledger" | "customers" | "events"))
            .collect();
        written.extend(text.matches("(ledger ").map(|_| "ledger"));
        written.extend(text.matches("(customers ").map(|_| "customers"));
        written.extend(text.matches("(events ").map(|_| "events"));
        ours.sort_unstable();
        written.sort_unstable();
        assert_eq!(ours, written, "{text}");
        let theirs = second::relations(scratch.normalized());
        let mut theirs: Vec<&str> = theirs.iter().flatten().map(|name| &**name).collect();
        theirs.sort_unstable();
        assert!(theirs.is_empty() || theirs == written, "{text}");
    }
}

#[test]
fn other_literals_make_the_same_plan() {
    let map = shop();
    let (mut scratch, mut other_scratch) = (Scratch::new(), Scratch::new());
    let mut generator = Generator {
        dice: Dice(7),
        aliases: 0,
    };
    for _ in 0..500 {
        let text = generator.query(1, &[]).print();
        // Every number but those in names is a literal.
        let other = text
            .replace(" = 3", " = 77")
            .replace(" = 5", " = 123456")
            .replace("> 2", "> 9");
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
        format!(
            "SELECT * FROM ledger WHERE {}",
            deep("(SELECT * FROM ((", "ledger x", ")))", 5000)
        ),
        format!("SELECT * FROM {}", deep("(", "ledger", ")", 5000)),
        format!(
            "SELECT * FROM {}",
            deep("ledger JOIN (", "ledger", ")", 5000)
        ),
        format!("SELECT {}1", deep("{fn ", "1", "}", 5000)),
        deep("SET STATEMENT a = 1 FOR ", "SELECT 1", "", 5000),
        format!("SELECT 1{} FROM ledger", " + 1".repeat(30_000)),
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
        format!(
            "SELECT 1 FROM ledger WHERE {} 1",
            "a = 1 AND ".repeat(100_000)
        ),
        format!("SELECT 1 FROM ledger{}", ", ledger".repeat(100_000)),
        format!("SELECT 1 FROM {}1", "((SELECT 1 FROM ".repeat(5000)),
    ];
    // A worker's stack; a debug build needs more of it than a release.
    let worker = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let map = shop();
            let mut scratch = Scratch::new();
            for text in &texts {
                target(&map, text, &mut scratch);
            }
        });
    worker
        .expect("a thread can be started")
        .join()
        .expect("no statement panics");
}
