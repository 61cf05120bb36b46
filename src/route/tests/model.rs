//! What a generated query answers over given rows, and how it is written.
//!
//! Three-valued logic and outer joins as in the SQL standard. Printed with as few parentheses as MySQL's
//! precedences allow, so that a reader that guesses one is found out.

use super::generate::{Column, Derived, Expr, Kind, On, Query, Source, Table, Values, Written};

/// The values of the aliases that are bound.
pub(super) type Row = Vec<(usize, Values)>;

impl Column {
    pub(super) fn value(self, row: &Row) -> Option<i64> {
        let (_, bound) = row.iter().rev().find(|(alias, _)| *alias == self.alias).expect("visible columns are bound");
        if self.key { bound.0 } else { bound.1 }
    }

    pub(super) fn print(self) -> String {
        let name = if self.key { self.table.key() } else { "x" };
        if self.bare { name.into() } else { format!("t{}.{name}", self.alias) }
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
            Source::Derived(alias, derived) => tables.push((*alias, derived.naming)),
            Source::Join(left, _, right, _) => {
                left.tables(tables);
                right.tables(tables);
            }
        }
    }

    pub(super) fn is_lateral(&self) -> bool {
        matches!(self, Source::Derived(_, Derived { written: Written::Lateral, .. }))
    }

    /// The key that USING made of those of the only two references.
    pub(super) fn merged_key(&self) -> Option<Column> {
        match self {
            Source::Join(_, kind, _, On::Merged { left, right, .. }) => {
                let (alias, table) = *if *kind == Kind::Right { right } else { left };
                Some(Column { alias, table, key: true, bare: true })
            }
            _ => None,
        }
    }

    pub(super) fn rows(&self, outer: &Row, shard: Option<u16>) -> Vec<Row> {
        match self {
            Source::Table(alias, table) => table.rows(shard).into_iter().map(|row| vec![(*alias, row)]).collect(),
            Source::Derived(alias, derived) => {
                derived.inner.rows(outer, shard).into_iter().map(|row| vec![(*alias, row)]).collect()
            }
            Source::Join(left, kind, right, on) => {
                let left_rows = left.rows(outer, shard);
                let right_rows = if right.is_lateral() { Vec::new() } else { right.rows(outer, shard) };
                let holds = |a: &Row, b: &Row| on.holds(&[&outer[..], a, b].concat(), shard);
                let (kept, others, nulls) = match kind {
                    Kind::Right => (&right_rows, &left_rows, left.nulls()),
                    _ => (&left_rows, &right_rows, right.nulls()),
                };
                let mut rows = Vec::new();
                for row in kept {
                    let before = rows.len();
                    let lateral = right.is_lateral().then(|| right.rows(&[&outer[..], row].concat(), shard));
                    let others = lateral.as_ref().unwrap_or(others);
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
        tables.into_iter().map(|(alias, _)| (alias, (None, None))).collect()
    }

    pub(super) fn print(&self) -> String {
        match self {
            Source::Table(alias, table) => format!("{} AS t{alias}", table.name()),
            Source::Derived(alias, Derived { written: Written::Expression(number), .. }) => {
                format!("c{number} AS t{alias}")
            }
            Source::Derived(alias, Derived { inner, written, named, .. }) => {
                let lateral = if *written == Written::Lateral { "LATERAL " } else { "" };
                let names = if *named { " (id, x)" } else { "" };
                format!("{lateral}({}) AS t{alias}{names}", inner.print(*named))
            }
            Source::Join(left, kind, right, on) => {
                let word = match kind {
                    Kind::Inner => "JOIN",
                    Kind::Left => "LEFT JOIN",
                    Kind::Right => "RIGHT OUTER JOIN",
                };
                let (natural, on) = on.print();
                // `a JOIN b JOIN c ON .. ON ..` nests to the right where every join has its ON.
                let nests = !on.is_empty() && right.has_conditions();
                match **right {
                    Source::Join(..) if !nests => {
                        format!("{} {natural}{word} ({}){on}", left.print(), right.print())
                    }
                    _ => format!("{} {natural}{word} {}{on}", left.print(), right.print()),
                }
            }
        }
    }

    pub(super) fn has_conditions(&self) -> bool {
        match self {
            Source::Table(..) | Source::Derived(..) => true,
            Source::Join(left, _, right, on) => {
                matches!(on, On::Condition(_)) && left.has_conditions() && right.has_conditions()
            }
        }
    }

    /// `c1 AS (...)` of each common table expression, once.
    fn expressions(&self, texts: &mut Vec<String>) {
        match self {
            Source::Derived(_, Derived { inner, written: Written::Expression(number), .. }) => {
                let text = format!("c{number} AS ({})", inner.print(false));
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
            Source::Table(..) | Source::Derived(..) => {}
            Source::Join(left, _, right, _) => {
                left.expressions(texts);
                right.expressions(texts);
            }
        }
    }
}

impl On {
    fn holds(&self, row: &Row, shard: Option<u16>) -> bool {
        match self {
            On::Nothing => true,
            On::Condition(on) => on.value(row, shard) == Some(true),
            On::Merged { natural, left, right } => [true, false].into_iter().all(|key| {
                let of = |(alias, table)| Column { alias, table, key, bare: false }.value(row);
                (!key && !natural) || (of(*left).is_some() && of(*left) == of(*right))
            }),
        }
    }

    /// What stands in front of the join's words, and behind its right side.
    fn print(&self) -> (&'static str, String) {
        match self {
            On::Nothing => ("", String::new()),
            On::Condition(on) => ("", format!(" ON {}", on.print(0))),
            On::Merged { natural: true, .. } => ("NATURAL ", String::new()),
            On::Merged { left, .. } => ("", format!(" USING ({})", left.1.key())),
        }
    }
}

impl Query {
    /// Each with the values of all of the query's own aliases.
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
        self.print_as("1", "")
    }

    /// With that select list, and what follows its condition.
    pub(super) fn print_as(&self, list: &str, tail: &str) -> String {
        let mut with = Vec::new();
        self.from.expressions(&mut with);
        let with = if with.is_empty() { String::new() } else { format!("WITH {} ", with.join(", ")) };
        format!("{with}SELECT {list} FROM {} WHERE {}{tail}", self.from.print(), self.condition.print(0))
    }
}
