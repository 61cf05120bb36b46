//! Seeded queries over three tables of known rows: a ledger on one shard, and two split tables. Their references may be
//! derived tables and common table expressions, too.

use std::rc::Rc;

use super::inner::{Inner, Part, Selects, SetOperation};

/// Every table holds these keys, each with two values of `x`.
pub(super) const KEYS: std::ops::Range<i64> = 0..8;
pub(super) const SPLIT_AT: i64 = 4;

/// xorshift64*: seeded, so that a failure can be repeated.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    pub(super) fn key(&mut self) -> i64 {
        i64::try_from(self.below(10)).expect("below 10") - 1
    }
}

/// A key and an x.
pub(super) type Values = (Option<i64>, Option<i64>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Ledger,
    Customers,
    Events,
    /// A derived table whose columns are called `id` and `x`.
    Derived,
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Ledger => "ledger",
            Table::Customers => "customers",
            Table::Events => "events",
            Table::Derived => unreachable!("it is written as its query"),
        }
    }

    pub(super) fn key(self) -> &'static str {
        if self == Table::Events { "user_id" } else { "id" }
    }

    /// Key and x of each row that the shard holds, or of all.
    pub(super) fn rows(self, shard: Option<u16>) -> Vec<Values> {
        let on = |key: i64| u16::from(self != Table::Ledger && key >= SPLIT_AT);
        KEYS.filter(|key| shard.is_none_or(|shard| on(*key) == shard))
            .flat_map(|key| [(Some(key), Some(key % 3)), (Some(key), Some(5))])
            .collect()
    }
}

/// A column of the table with that alias: its key or its x.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) alias: usize,
    pub(super) table: Table,
    pub(super) key: bool,
    /// Written without its table: USING made it one column.
    pub(super) bare: bool,
}

pub(super) enum Expr {
    Or(Box<Expr>, Box<Expr>),
    Xor(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// The literal stands left.
    Equal(Column, i64, bool),
    Same(Column, Column),
    /// `<=>`, `<`, `<=`, `>`, `>=`; the literal stands left.
    Order(Column, usize, i64, bool),
    /// `NOT BETWEEN`, if the last.
    Between(Column, i64, i64, bool),
    /// `(a, b) = (1, 2)`
    Pair(Column, i64, Column, i64),
    In(Column, Vec<i64>, bool),
    IsNull(Column),
    /// `condition IS TRUE`.
    Is(Box<Expr>),
    /// `(condition) = 1`
    EqualsOne(Box<Expr>),
    Case(Box<Expr>, Box<Expr>),
    Exists(Box<Query>),
}

pub(super) enum Source {
    Table(usize, Table),
    Derived(usize, Derived),
    Join(Box<Source>, Kind, Box<Source>, On),
}

/// A reference to a query.
pub(super) struct Derived {
    pub(super) inner: Rc<Inner>,
    /// What its columns are called like those of.
    pub(super) naming: Table,
    pub(super) written: Written,
    /// Its columns are named behind it.
    pub(super) named: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    InPlace,
    Lateral,
    /// The number of a common table expression.
    Expression(usize),
}

pub(super) enum On {
    Nothing,
    Condition(Expr),
    /// `USING (key)`; NATURAL makes x one column, too.
    Merged {
        natural: bool,
        left: (usize, Table),
        right: (usize, Table),
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Inner,
    Left,
    Right,
}

pub(super) struct Query {
    pub(super) from: Source,
    pub(super) condition: Expr,
}

pub(super) struct Generator {
    pub(super) dice: Dice,
    pub(super) aliases: usize,
    /// How deep derived tables may stand in one another.
    pub(super) derived: u32,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Generator {
        Generator { dice: Dice(seed), aliases: 0, derived: 2 }
    }

    pub(super) fn query(&mut self, depth: u32, outer: &[(usize, Table)]) -> Query {
        if depth > 0 && outer.is_empty() && self.dice.below(8) == 0 {
            return self.kept();
        }
        let from = self.from(if depth > 0 { 2 } else { 1 }, &mut Vec::new(), &[]);
        let mut visible = Vec::new();
        from.tables(&mut visible);
        let mut condition = self.expr(3, depth, &[&visible[..], outer].concat());
        // Else next to nothing is routed.
        for (alias, table) in &visible {
            if *table != Table::Ledger && self.dice.below(5) > 1 {
                let low = i64::try_from(self.dice.below(4)).expect("below 4");
                let key = Column { alias: *alias, table: *table, key: true, bare: false };
                condition = Expr::And(Box::new(Expr::Equal(key, low, false)), Box::new(condition));
            }
        }
        for _ in 0..self.dice.below(3) {
            let all = [&visible[..], outer].concat();
            let (one, other) = (self.key(&visible), self.key(&all));
            condition = Expr::And(Box::new(Expr::Same(one, other)), Box::new(condition));
        }
        if let Some(bare) = from.merged_key() {
            let literal = i64::try_from(self.dice.below(4)).expect("below 4");
            condition = Expr::And(Box::new(Expr::Equal(bare, literal, false)), Box::new(condition));
        }
        Query { from, condition }
    }

    /// An outer join of split tables that nothing behind it narrows: what its ON says of the side that it keeps would be seen.
    fn kept(&mut self) -> Query {
        let [left, right] = [0, 1].map(|_| {
            self.aliases += 1;
            (self.aliases, [Table::Customers, Table::Events][self.dice.below(2) as usize])
        });
        let kind = [Kind::Left, Kind::Right][self.dice.below(2) as usize];
        let kept = if kind == Kind::Left { left } else { right };
        let key = |(alias, table)| Column { alias, table, key: true, bare: false };
        let narrowed = self.key(&[left, right]);
        let beside = Box::new(Expr::Equal(narrowed, self.dice.key(), false));
        let on = On::Condition(Expr::And(Box::new(Expr::Same(key(left), key(right))), beside));
        let [one, other] = [left, right].map(|(alias, table)| Box::new(Source::Table(alias, table)));
        let from = Source::Join(one, kind, other, on);
        Query { from, condition: Expr::Order(Column { key: false, ..key(kept) }, 4, 0, false) }
    }

    /// `left` are the references that one of this source may see.
    fn from(
        &mut self,
        depth: u32,
        expressions: &mut Vec<(usize, Table, Rc<Inner>)>,
        left: &[(usize, Table)],
    ) -> Source {
        if depth == 0 || self.dice.below(3) == 0 {
            return self.reference(expressions, left);
        }
        let first = self.from(depth - 1, expressions, &[]);
        let mut visible = Vec::new();
        first.tables(&mut visible);
        let mut kind = [Kind::Inner, Kind::Left, Kind::Right][self.dice.below(3) as usize];
        let second = self.from(depth - 1, expressions, if depth == 1 { &visible } else { &[] });
        if second.is_lateral() && kind == Kind::Right {
            kind = Kind::Left;
        }
        let (seen, mut right) = (visible.len(), Vec::new());
        second.tables(&mut right);
        visible.extend_from_slice(&right);
        let on = match (&visible[..], kind) {
            ([left, right], _) if left.1.key() == right.1.key() && self.dice.below(3) == 0 => {
                On::Merged { natural: self.dice.below(2) == 0, left: *left, right: *right }
            }
            (_, Kind::Inner) if self.dice.below(4) == 0 => On::Nothing,
            _ if self.dice.below(3) == 0 => {
                let same = Expr::Same(self.key(&visible[..seen]), self.key(&visible[seen..]));
                let literal = i64::try_from(self.dice.below(4)).expect("below 4");
                let beside = match self.dice.below(2) {
                    0 => Box::new(Expr::Equal(self.key(&visible), literal, false)),
                    _ => self.boxed(1, 0, &visible),
                };
                On::Condition(Expr::And(Box::new(same), beside))
            }
            _ => On::Condition(self.expr(2, 0, &visible)),
        };
        Source::Join(Box::new(first), kind, Box::new(second), on)
    }

    fn reference(&mut self, expressions: &mut Vec<(usize, Table, Rc<Inner>)>, left: &[(usize, Table)]) -> Source {
        self.aliases += 1;
        let alias = self.aliases;
        if self.derived == 0 || self.dice.below(3) > 0 {
            let table = [Table::Ledger, Table::Customers, Table::Events][self.dice.below(3) as usize];
            return Source::Table(alias, table);
        }
        if !expressions.is_empty() && self.dice.below(3) == 0 {
            let (number, naming, inner) = &expressions[self.dice.below(expressions.len() as u64) as usize];
            let written = Written::Expression(*number);
            return Source::Derived(alias, Derived { inner: inner.clone(), naming: *naming, written, named: false });
        }
        let written = match self.dice.below(5) {
            0 | 1 => Written::InPlace,
            2 if !left.is_empty() => Written::Lateral,
            _ => Written::Expression(alias),
        };
        self.derived -= 1;
        let outer = if written == Written::Lateral { left } else { &[] };
        let mut parts = vec![(SetOperation::UnionAll, self.part(outer, true))];
        while parts.len() < 3 && self.dice.below(4) == 0 {
            use SetOperation::*;
            let operation = [UnionAll, Union, Intersect, Except][self.dice.below(4) as usize];
            let part = self.part(outer, false);
            parts.push((operation, part));
        }
        self.derived += 1;
        if let [(_, one), _, ..] = parts.as_mut_slice()
            && matches!(one.selects, Selects::Star)
        {
            one.selects = Selects::Columns;
        }
        let naming = match &parts[..] {
            [(_, Part { selects: Selects::Star, key, .. })] => key.table,
            _ => Table::Derived,
        };
        let inner = Rc::new(Inner { parts });
        let named = naming == Table::Derived && written == Written::InPlace && self.dice.below(4) == 0;
        if let Written::Expression(number) = written {
            expressions.push((number, naming, inner.clone()));
        }
        Source::Derived(alias, Derived { inner, naming, written, named })
    }

    /// One SELECT of a derived table.
    fn part(&mut self, outer: &[(usize, Table)], is_first: bool) -> Part {
        let query = self.query(0, outer);
        let mut visible = Vec::new();
        query.from.tables(&mut visible);
        let key = self.key(&visible);
        let selects = match self.dice.below(9) {
            0 if is_first && visible.len() == 1 => Selects::Star,
            1 => Selects::Distinct,
            2 => Selects::Grouped,
            3 => Selects::Numbered,
            4 => Selects::Limited(1 + self.dice.below(4) as usize),
            _ => Selects::Columns,
        };
        // `*` has the key and the x of one table.
        let x = Column { key: false, ..if matches!(selects, Selects::Star) { key } else { self.key(&visible) } };
        Part { query, key, x, selects }
    }

    fn key(&mut self, visible: &[(usize, Table)]) -> Column {
        let (alias, table) = visible[self.dice.below(visible.len() as u64) as usize];
        Column { alias, table, key: true, bare: false }
    }

    pub(super) fn column(&mut self, visible: &[(usize, Table)]) -> Column {
        let (alias, table) = visible[self.dice.below(visible.len() as u64) as usize];
        Column { alias, table, key: self.dice.below(3) > 0, bare: false }
    }

    pub(super) fn expr(&mut self, depth: u32, queries: u32, visible: &[(usize, Table)]) -> Expr {
        let column = self.column(visible);
        let sides = if depth == 0 { 9 } else { 20 };
        let inside = depth.saturating_sub(1);
        match self.dice.below(sides) {
            0..4 => Expr::Equal(column, self.dice.key(), self.dice.below(3) == 0),
            4 => Expr::Order(column, self.dice.below(5) as usize, self.dice.key(), self.dice.below(3) == 0),
            5 => Expr::In(column, vec![self.dice.key(), self.dice.key()], self.dice.below(4) == 0),
            6 => Expr::Between(column, self.dice.key(), self.dice.key(), self.dice.below(4) == 0),
            7 if self.dice.below(2) == 0 => Expr::IsNull(column),
            7 => Expr::Pair(column, self.dice.key(), self.column(visible), self.dice.key()),
            8 => Expr::Same(column, self.column(visible)),
            9..14 => Expr::And(self.boxed(inside, queries, visible), self.boxed(inside, queries, visible)),
            14 => Expr::Or(self.boxed(inside, queries, visible), self.boxed(inside, queries, visible)),
            15 => Expr::Xor(self.boxed(inside, queries, visible), self.boxed(inside, queries, visible)),
            16 => Expr::Not(self.boxed(inside, queries, visible)),
            17 => Expr::Is(self.boxed(inside, queries, visible)),
            18 if queries > 0 => Expr::Exists(Box::new(self.query(queries - 1, visible))),
            18 => Expr::EqualsOne(self.boxed(inside, queries, visible)),
            _ => Expr::Case(self.boxed(inside, queries, visible), self.boxed(inside, queries, visible)),
        }
    }

    pub(super) fn boxed(&mut self, depth: u32, queries: u32, visible: &[(usize, Table)]) -> Box<Expr> {
        Box::new(self.expr(depth, queries, visible))
    }
}
