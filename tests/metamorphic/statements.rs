//! Statements of every shape that keys are read from, as pieces: words, names and places for values.

use crate::dice::Dice;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0 to 999.
    Integer,
    Decimal,
    Day,
    Moment,
    Word,
    /// A text that is no key: with quotes, backslashes and whatever else ends a string for those who read it wrongly.
    Text,
}

#[derive(Debug, Clone)]
pub enum Piece {
    Word(&'static str),
    Sign(&'static str),
    Name(String),
    /// A column's name: in any case.
    Column(&'static str),
    Value(Kind),
    /// Where only a literal without quotes is read.
    Bare(Kind),
    /// A list for IN, of any length.
    Values(Kind),
    /// So many pairs.
    Pairs(Kind, Kind, u64),
    /// Rows of VALUES, all of these kinds.
    Rows(Vec<Kind>),
}

use Piece::{Bare, Column, Name, Pairs, Rows, Sign, Value, Values, Word};

/// A split table and its key.
#[derive(Debug, Clone, Copy)]
struct Table {
    name: &'static str,
    key: &'static str,
    kind: Kind,
    database: &'static str,
}

const fn table(name: &'static str, kind: Kind) -> Table {
    Table { name, key: "id", kind, database: "shop" }
}

const TABLES: [Table; 11] = [
    table("customers", Kind::Integer),
    Table { key: "owner", ..table("remarks", Kind::Integer) },
    table("events", Kind::Integer),
    table("prices", Kind::Decimal),
    table("days", Kind::Day),
    table("moments", Kind::Moment),
    table("stamps", Kind::Moment),
    table("words", Kind::Word),
    table("labels", Kind::Word),
    table("lines", Kind::Integer),
    Table { database: "crm", ..table("contacts", Kind::Integer) },
];

struct Writer<'a> {
    dice: &'a mut Dice,
    database: Option<&'static str>,
    out: Vec<Piece>,
}

/// A statement of a session in this database.
pub fn any(dice: &mut Dice, database: Option<&'static str>) -> Vec<Piece> {
    let mut writer = Writer { dice, database, out: Vec::new() };
    match writer.dice.below(10) {
        0 => writer.insert(),
        1 => writer.update(),
        2 => writer.delete(),
        3 => writer.union(),
        _ => writer.select(0),
    }
    writer.out
}

impl Writer<'_> {
    fn words(&mut self, words: &[&'static str]) {
        self.out.extend(words.iter().map(|word| Word(word)));
    }

    fn sign(&mut self, sign: &'static str) {
        self.out.push(Sign(sign));
    }

    fn table(&mut self) -> Table {
        let inside: Vec<Table> = TABLES
            .into_iter()
            .filter(|table| self.database.is_none_or(|database| database == table.database))
            .collect();
        let from: &[Table] = if self.dice.one_in(8) { &TABLES } else { &inside };
        *self.dice.pick(from)
    }

    fn named(&mut self, table: Table) {
        if self.database != Some(table.database) || self.dice.one_in(6) {
            self.out.extend([Name(table.database.into()), Sign(".")]);
        }
        self.out.push(Name(table.name.into()));
    }

    fn union(&mut self) {
        self.select(1);
        self.words(&["UNION", "ALL"]);
        self.select(1);
    }

    fn select(&mut self, depth: u32) {
        self.words(&["SELECT"]);
        match self.dice.below(6) {
            0 => self.sign("*"),
            1 => self.out.extend([Word("COUNT("), Sign("*"), Sign(")")]),
            2 => self.out.extend([Column("name"), Sign(","), Value(Kind::Text), Word("AS"), Name("said".into())]),
            3 => self.out.extend([Column("name"), Sign(","), Value(Kind::Integer)]),
            _ => self.out.push(Column("name")),
        }
        self.words(&["FROM"]);
        let first = self.table();
        let alias = format!("t{depth}");
        if self.dice.one_in(10) && depth < 2 {
            // A derived table.
            self.sign("(");
            self.select(depth + 1);
            self.sign(")");
            self.out.extend([Word("AS"), Name("d".into())]);
            return;
        }
        self.named(first);
        self.out.extend([Word("AS"), Name(alias.clone())]);
        let mut tables = vec![(first, alias)];
        while self.dice.one_in(4) && tables.len() < 4 {
            let joined = self.table();
            let alias = format!("j{depth}{}", tables.len());
            let kinds: [&[&str]; 4] = [&["JOIN"], &["INNER", "JOIN"], &["LEFT", "JOIN"], &["CROSS", "JOIN"]];
            let kind = *self.dice.pick(&kinds);
            self.words(kind);
            if self.dice.one_in(4) {
                if self.database != Some("shop") {
                    self.out.extend([Name("shop".into()), Sign(".")]);
                }
                self.out.extend([Name("countries".into()), Word("AS"), Name(alias.clone())]);
                self.out.extend([Word("ON"), Name(alias), Sign("."), Column("code"), Sign("="), Value(Kind::Text)]);
                continue;
            }
            self.named(joined);
            self.out.extend([Word("AS"), Name(alias.clone()), Word("ON")]);
            let (other, of) = tables[0].clone();
            self.out.extend([Name(alias.clone()), Sign("."), Column(joined.key), Sign("=")]);
            self.out.extend([Name(of), Sign("."), Column(other.key)]);
            tables.push((joined, alias));
            if self.dice.one_in(3) {
                self.words(&["AND"]);
                self.condition(&tables, 1, depth);
            }
        }
        if !self.dice.one_in(12) {
            self.words(&["WHERE"]);
            self.condition(&tables, 3, depth);
        }
        if self.dice.one_in(8) {
            self.out.extend([Word("ORDER"), Word("BY"), Column("name")]);
        }
        if self.dice.one_in(8) {
            self.out.extend([Word("LIMIT"), Sign("5")]);
        }
        if self.dice.one_in(12) && depth == 0 {
            self.words(&["FOR", "UPDATE"]);
        }
    }

    fn condition(&mut self, tables: &[(Table, String)], levels: u32, depth: u32) {
        match self.dice.below(if levels == 0 { 5 } else { 10 }) {
            0..=4 => self.comparison(tables),
            5 | 6 => {
                self.condition(tables, levels - 1, depth);
                self.words(&["AND"]);
                self.condition(tables, levels - 1, depth);
            }
            7 => {
                self.sign("(");
                self.condition(tables, levels - 1, depth);
                self.words(&["OR"]);
                self.condition(tables, levels - 1, depth);
                self.sign(")");
            }
            8 => {
                self.out.extend([Word("NOT"), Sign("(")]);
                self.condition(tables, levels - 1, depth);
                self.sign(")");
            }
            _ if depth < 2 => {
                self.out.extend([Word("EXISTS"), Sign("(")]);
                self.select(depth + 1);
                self.sign(")");
            }
            _ => self.comparison(tables),
        }
    }

    fn comparison(&mut self, tables: &[(Table, String)]) {
        let (table, alias) = self.dice.pick(tables).clone();
        let kind = table.kind;
        let other = self.dice.one_in(4);
        let key = if other { "name" } else { table.key };
        let kind = if other { Kind::Text } else { kind };
        let column = |writer: &mut Self| {
            if tables.len() > 1 || writer.dice.one_in(2) {
                writer.out.extend([Name(alias.clone()), Sign(".")]);
            }
            writer.out.push(Column(key));
        };
        match self.dice.below(if other { 4 } else { 9 }) {
            0 | 1 => {
                column(self);
                self.out.extend([Sign("="), Value(kind)]);
            }
            2 => {
                self.out.extend([Value(kind), Sign("=")]);
                column(self);
            }
            3 | 4 => {
                column(self);
                self.out.extend([Word("IN"), Values(kind)]);
            }
            5 => {
                column(self);
                let sign = *self.dice.pick(&["<", "<=", ">", ">=", "<>"]);
                self.out.extend([Sign(sign), Bare(kind)]);
            }
            6 => {
                column(self);
                let words: &[&str] = if self.dice.one_in(3) { &["NOT", "BETWEEN"] } else { &["BETWEEN"] };
                self.words(words);
                self.out.extend([Bare(kind), Word("AND"), Bare(kind)]);
            }
            7 => {
                self.sign("(");
                column(self);
                let second = if table.name == "lines" { ("number", Kind::Integer) } else { ("name", Kind::Text) };
                self.out.extend([Sign(","), Column(second.0), Sign(")")]);
                if self.dice.one_in(2) {
                    self.out.extend([Sign("="), Sign("("), Value(kind), Sign(","), Value(second.1), Sign(")")]);
                } else {
                    let count = 1 + self.dice.below(3);
                    self.out.extend([Word("IN"), Sign("("), Pairs(kind, second.1, count), Sign(")")]);
                }
            }
            _ if table.name == "lines" => {
                column(self);
                self.out.extend([
                    Sign("="),
                    Value(kind),
                    Word("AND"),
                    Column("number"),
                    Sign("="),
                    Value(Kind::Integer),
                ]);
            }
            _ => {
                column(self);
                self.out.extend([Sign("<=>"), Bare(kind)]);
            }
        }
    }

    fn insert(&mut self) {
        let table = self.table();
        let verbs: [&[&str]; 3] = [&["INSERT", "INTO"], &["REPLACE", "INTO"], &["INSERT", "IGNORE", "INTO"]];
        let verb = *self.dice.pick(&verbs);
        self.words(verb);
        self.named(table);
        if self.dice.one_in(5) {
            self.out.extend([Word("SET"), Column("name"), Sign("="), Value(Kind::Text), Sign(",")]);
            self.out.extend([Column(table.key), Sign("="), Value(table.kind)]);
        } else {
            let mut columns = vec![("name", Kind::Text), (table.key, table.kind)];
            if table.name == "lines" {
                columns.push(("number", Kind::Integer));
            }
            if self.dice.one_in(2) {
                columns.reverse();
            }
            self.sign("(");
            for (at, (name, _)) in columns.iter().enumerate() {
                if at > 0 {
                    self.sign(",");
                }
                self.out.push(Column(name));
            }
            self.sign(")");
            self.out.extend([Word("VALUES"), Rows(columns.into_iter().map(|(_, kind)| kind).collect())]);
        }
        if verb[0] == "INSERT" && self.dice.one_in(5) {
            self.words(&["ON", "DUPLICATE", "KEY", "UPDATE"]);
            self.out.extend([Column("name"), Sign("="), Value(Kind::Text)]);
            if self.dice.one_in(3) {
                self.out.extend([Sign(","), Column(table.key), Sign("="), Value(table.kind)]);
            }
        }
    }

    fn update(&mut self) {
        let table = self.table();
        self.words(&["UPDATE"]);
        self.named(table);
        self.out.extend([Word("SET"), Column("name"), Sign("="), Value(Kind::Text)]);
        if self.dice.one_in(5) {
            self.out.extend([Sign(","), Column(table.key), Sign("="), Value(table.kind)]);
        }
        self.words(&["WHERE"]);
        self.condition(&[(table, table.name.to_owned())], 2, 1);
    }

    fn delete(&mut self) {
        let table = self.table();
        self.words(&["DELETE", "FROM"]);
        self.named(table);
        self.words(&["WHERE"]);
        self.condition(&[(table, table.name.to_owned())], 2, 1);
    }
}
