//! Seeded queries over three tables of known rows: a ledger on one shard, and two split tables.

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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Ledger,
    Customers,
    Events,
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Ledger => "ledger",
            Table::Customers => "customers",
            Table::Events => "events",
        }
    }

    pub(super) fn key(self) -> &'static str {
        if self == Table::Events { "user_id" } else { "id" }
    }

    /// Key and x of each row that the shard holds, or of all.
    pub(super) fn rows(self, shard: Option<u16>) -> Vec<(i64, i64)> {
        let on = |key: i64| u16::from(self != Table::Ledger && key >= SPLIT_AT);
        KEYS.filter(|key| shard.is_none_or(|shard| on(*key) == shard))
            .flat_map(|key| [(key, key % 3), (key, 5)])
            .collect()
    }
}

/// A column of the table with that alias: its key or its x.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) alias: usize,
    pub(super) table: Table,
    pub(super) key: bool,
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
    Join(Box<Source>, Kind, Box<Source>, Option<Expr>),
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
}

impl Generator {
    pub(super) fn query(&mut self, depth: u32, outer: &[(usize, Table)]) -> Query {
        let from = self.from(if depth > 0 { 2 } else { 1 });
        let mut visible = Vec::new();
        from.tables(&mut visible);
        let mut condition = self.expr(3, depth, &[&visible[..], outer].concat());
        // Else next to nothing is routed.
        for (alias, table) in visible {
            if table != Table::Ledger && self.dice.below(4) > 0 {
                let low = i64::try_from(self.dice.below(4)).expect("below 4");
                let key = Column { alias, table, key: true };
                condition = Expr::And(Box::new(Expr::Equal(key, low, false)), Box::new(condition));
            }
        }
        Query { from, condition }
    }

    pub(super) fn from(&mut self, depth: u32) -> Source {
        if depth == 0 || self.dice.below(3) == 0 {
            self.aliases += 1;
            let table = [Table::Ledger, Table::Customers, Table::Events][self.dice.below(3) as usize];
            return Source::Table(self.aliases, table);
        }
        let (left, right) = (self.from(depth - 1), self.from(depth - 1));
        let kind = [Kind::Inner, Kind::Left, Kind::Right][self.dice.below(3) as usize];
        let mut visible = Vec::new();
        left.tables(&mut visible);
        right.tables(&mut visible);
        let on = (kind != Kind::Inner || self.dice.below(4) > 0).then(|| self.expr(2, 0, &visible));
        Source::Join(Box::new(left), kind, Box::new(right), on)
    }

    pub(super) fn column(&mut self, visible: &[(usize, Table)]) -> Column {
        let (alias, table) = visible[self.dice.below(visible.len() as u64) as usize];
        Column { alias, table, key: self.dice.below(3) > 0 }
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
