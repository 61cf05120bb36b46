//! What a generated query answers over given rows, and how it is written.
//!
//! Three-valued logic and outer joins as in the SQL standard. Printed with as few parentheses as MySQL's
//! precedences allow, so that a reader that guesses one is found out.

use super::generate::{Column, Expr, Kind, Query, Source, Table};

/// Rows of the aliases that are bound; `None` is a row of NULLs.
pub(super) type Row = Vec<(usize, Option<(i64, i64)>)>;

impl Column {
    pub(super) fn value(self, row: &Row) -> Option<i64> {
        let (_, bound) = row.iter().rev().find(|(alias, _)| *alias == self.alias).expect("visible columns are bound");
        bound.map(|(key, x)| if self.key { key } else { x })
    }

    pub(super) fn print(self) -> String {
        format!("t{}.{}", self.alias, if self.key { self.table.key() } else { "x" })
    }
}

impl Expr {
    pub(super) fn value(&self, row: &Row, shard: Option<u16>) -> Option<bool> {
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
            Expr::Order(column, 0, literal, _) => Some(column.value(row) == Some(*literal)),
            Expr::Order(column, sign, literal, _) => column.value(row).map(|value| match sign {
                1 => value < *literal,
                2 => value <= *literal,
                3 => value > *literal,
                _ => value >= *literal,
            }),
            Expr::Between(column, low, high, negated) => {
                column.value(row).map(|value| (*low..=*high).contains(&value) != *negated)
            }
            Expr::Pair(a, x, b, y) => match (a.value(row).map(|a| a == *x), b.value(row).map(|b| b == *y)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (a, b) => Some(a? && b?),
            },
            Expr::In(column, literals, negated) => column.value(row).map(|value| literals.contains(&value) != *negated),
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
    pub(super) fn print(&self, around: u32) -> String {
        let (level, text) = match self {
            Expr::Or(a, b) => (1, format!("{} OR {}", a.print(1), b.print(2))),
            Expr::Xor(a, b) => (2, format!("{} XOR {}", a.print(2), b.print(3))),
            Expr::And(a, b) => (3, format!("{} AND {}", a.print(3), b.print(4))),
            Expr::Not(a) => (4, format!("NOT {}", a.print(4))),
            Expr::Equal(column, literal, false) => (5, format!("{} = {literal}", column.print())),
            Expr::Equal(column, literal, true) => (5, format!("{literal} = {}", column.print())),
            Expr::Same(a, b) => (5, format!("{} = {}", a.print(), b.print())),
            Expr::Order(column, sign, literal, false) => {
                (5, format!("{} {} {literal}", column.print(), ["<=>", "<", "<=", ">", ">="][*sign]))
            }
            Expr::Order(column, sign, literal, true) => {
                (5, format!("{literal} {} {}", ["<=>", ">", ">=", "<", "<="][*sign], column.print()))
            }
            Expr::Between(column, low, high, negated) => {
                let not = if *negated { "NOT " } else { "" };
                (5, format!("{} {not}BETWEEN {low} AND {high}", column.print()))
            }
            Expr::Pair(a, x, b, y) => (5, format!("({}, {}) = ({x}, {y})", a.print(), b.print())),
            Expr::In(column, literals, negated) => {
                let not = if *negated { "NOT " } else { "" };
                let literals: Vec<String> = literals.iter().map(i64::to_string).collect();
                (5, format!("{} {not}IN ({})", column.print(), literals.join(", ")))
            }
            Expr::IsNull(column) => (5, format!("{} IS NULL", column.print())),
            Expr::Is(a) => (5, format!("{} IS TRUE", a.print(5))),
            Expr::EqualsOne(a) => (5, format!("({}) = 1", a.print(0))),
            Expr::Case(when, then) => (9, format!("CASE WHEN {} THEN {} ELSE FALSE END", when.print(0), then.print(0))),
            Expr::Exists(query) => (9, format!("EXISTS ({})", query.print())),
        };
        if level < around { format!("({text})") } else { text }
    }
}

impl Source {
    pub(super) fn tables(&self, tables: &mut Vec<(usize, Table)>) {
        match self {
            Source::Table(alias, table) => tables.push((*alias, *table)),
            Source::Join(left, _, right, _) => {
                left.tables(tables);
                right.tables(tables);
            }
        }
    }

    pub(super) fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Row> {
        match self {
            Source::Table(alias, table) => table.rows(shard).into_iter().map(|row| vec![(*alias, Some(row))]).collect(),
            Source::Join(left, kind, right, on) => {
                let (left_rows, right_rows) = (left.rows(outer, shard), right.rows(outer, shard));
                let holds = |a: &Row, b: &Row| {
                    on.as_ref().is_none_or(|on| on.value(&[&outer[..], a, b].concat(), shard) == Some(true))
                };
                let (kept, others, nulls) = match kind {
                    Kind::Right => (&right_rows, &left_rows, left.nulls()),
                    _ => (&left_rows, &right_rows, right.nulls()),
                };
                let mut rows = Vec::new();
                for row in kept {
                    let before = rows.len();
                    rows.extend(
                        others.iter().filter(|other| holds(row, other)).map(|other| [&row[..], other].concat()),
                    );
                    if *kind != Kind::Inner && rows.len() == before {
                        rows.push([&row[..], &nulls].concat());
                    }
                }
                rows
            }
        }
    }

    pub(super) fn nulls(&self) -> Row {
        let mut tables = Vec::new();
        self.tables(&mut tables);
        tables.into_iter().map(|(alias, _)| (alias, None)).collect()
    }

    pub(super) fn print(&self) -> String {
        match self {
            Source::Table(alias, table) => format!("{} AS t{alias}", table.name()),
            Source::Join(left, kind, right, on) => {
                let word = match kind {
                    Kind::Inner => "JOIN",
                    Kind::Left => "LEFT JOIN",
                    Kind::Right => "RIGHT OUTER JOIN",
                };
                let on = on.as_ref().map(|on| format!(" ON {}", on.print(0))).unwrap_or_default();
                // `a JOIN b JOIN c ON .. ON ..` nests to the right where every join has its ON.
                let nests = !on.is_empty() && right.has_conditions();
                match **right {
                    Source::Join(..) if !nests => {
                        format!("{} {word} ({}){on}", left.print(), right.print())
                    }
                    _ => format!("{} {word} {}{on}", left.print(), right.print()),
                }
            }
        }
    }

    pub(super) fn has_conditions(&self) -> bool {
        match self {
            Source::Table(..) => true,
            Source::Join(left, _, right, on) => on.is_some() && left.has_conditions() && right.has_conditions(),
        }
    }
}

impl Query {
    pub(super) fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Row> {
        let mut rows = self.from.rows(outer, shard);
        rows.retain(|row| self.condition.value(&[&outer[..], row].concat(), shard) == Some(true));
        for row in &mut rows {
            row.sort_unstable();
        }
        rows.sort_unstable();
        rows
    }

    pub(super) fn print(&self) -> String {
        format!("SELECT 1 FROM {} WHERE {}", self.from.print(), self.condition.print(0))
    }
}
