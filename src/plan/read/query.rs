//! Query expressions: WITH, SELECT, set operations, and the groups of an expression that may hold a query.
//!
//! Clauses begin at words that both servers reserve, so a clause cannot be taken for a name. Where only
//! one of them reserves a word (WINDOW, RETURNING, EXCEPT, INTERSECT) more of its context is asked for.

use super::from::Scope;
use super::reader::{Reader, Tok};
use super::shape::{Condition, Role};

/// Words that end a WHERE condition or a table reference list.
pub const CLAUSES: &[&str] =
    &["GROUP", "HAVING", "ORDER", "LIMIT", "FOR", "LOCK", "INTO", "PROCEDURE", "WINDOW", "RETURNING", "ON"];

/// Conditions kept of a statement; each knows the tables that it sees.
const CONDITIONS_MAX: usize = 1024;

/// Words that never stand inside an expression outside parentheses.
const QUERY_WORDS: &[&str] = &["SELECT", "FROM", "WHERE", "JOIN", "UNION"];

impl Reader {
    /// A query expression; ends at `)`, at the end, at ON DUPLICATE KEY or at RETURNING.
    pub fn query(&mut self) {
        self.nested(|reader| {
            let outer = reader.expressions.len();
            if reader.is_word(reader.at, "WITH") {
                reader.with_clause();
            }
            reader.query_body();
            reader.expressions.truncate(outer);
        })
    }

    /// What follows WITH.
    pub fn query_body(&mut self) {
        loop {
            self.query_primary();
            self.query_tail();
            if !self.set_operation() {
                return;
            }
        }
    }

    pub fn at_query(&self, at: usize) -> bool {
        self.is_any(at, &["SELECT", "WITH"]) || (self.is_word(at, "TABLE") && self.name(at + 1).is_some())
    }

    /// WITH [RECURSIVE] name [(columns)] AS (query), ...
    pub fn with_clause(&mut self) {
        self.accept("WITH");
        let recursive = self.accept("RECURSIVE");
        loop {
            let Some(name) = self.name(self.at).map(Box::<str>::from) else {
                return self.unsure();
            };
            self.mention(&name);
            self.at += 1;
            if self.is_op(self.at, "(") {
                self.skip_group();
            }
            if recursive {
                self.expressions.push(name.clone());
            }
            if !self.accept("AS") || !self.accept_op("(") {
                return self.unsure();
            }
            self.query();
            if !self.accept_op(")") {
                return self.unsure();
            }
            if !recursive {
                self.expressions.push(name);
            }
            if !self.accept_op(",") {
                return;
            }
        }
    }

    fn query_primary(&mut self) {
        if self.accept_op("(") {
            self.query();
            if !self.accept_op(")") {
                self.unsure();
            }
        } else if self.is_word(self.at, "SELECT") {
            self.select();
        } else if self.accept("VALUES") {
            self.scan(CLAUSES, false);
        } else if self.accept("TABLE") {
            match self.take_table_name() {
                Some(table) => {
                    self.table(table, Role::Rows);
                }
                None => self.unsure(),
            }
        } else {
            self.unsure();
        }
    }

    /// The range of its select list, and the tables that it sees.
    pub fn select(&mut self) -> (usize, usize, Scope) {
        self.accept("SELECT");
        let from = self.at;
        let stops = &["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "FOR", "LOCK", "INTO", "PROCEDURE", "ON"];
        self.scan(stops, false);
        let to = self.at;
        if self.accept("INTO") {
            self.scan(stops, false);
        }
        let mut scope = Scope::default();
        if !self.accept("FROM") {
            if self.is_word(self.at, "WHERE") {
                self.at += 1;
                self.scan(CLAUSES, false);
            }
            return (from, to, scope);
        }
        if !self.accept("DUAL") {
            scope = self.table_references();
        }
        self.where_clause(&scope);
        (from, to, scope)
    }

    /// `[WHERE condition]` over the tables of `scope`.
    pub fn where_clause(&mut self, scope: &Scope) {
        if self.accept("WHERE") {
            let from = self.at;
            self.scan(CLAUSES, false);
            self.conditions(from, self.at, &scope.tables.clone(), scope);
        }
    }

    /// Records the conjuncts of the condition in `from..to`; it restricts `restricts` and sees `scope`.
    pub fn conditions(&mut self, from: usize, to: usize, restricts: &[super::shape::OccurrenceId], scope: &Scope) {
        if self.shape.unsure.is_some() {
            return;
        }
        // Not reserved everywhere: if it was a column's name, the condition went on behind it.
        if self.is_any(to, &["WINDOW", "RETURNING"]) && self.loose_operator_behind(to) {
            return;
        }
        for test in self.conjuncts(from, to) {
            // Leaving one out is sound.
            if self.shape.conditions.len() >= CONDITIONS_MAX {
                return;
            }
            let test = test.without(&|column| column.table.is_none() && scope.merges(&column.name));
            let (restricts, visible) = (restricts.to_vec(), scope.tables.clone());
            self.shape.conditions.push(Condition { test, restricts, visible });
        }
    }

    fn loose_operator_behind(&self, at: usize) -> bool {
        (at..self.len()).any(|at| self.is_any(at, &["OR", "XOR"]) || self.is_op(at, "||") || self.is_op(at, ":="))
    }

    /// ORDER BY, LIMIT, FOR UPDATE and the like: nothing there restricts rows, subqueries there are read.
    pub fn query_tail(&mut self) {
        while self.is_any(self.at, CLAUSES) && !self.at_insert_tail() {
            if self.is_word(self.at, "WINDOW") && !(self.name(self.at + 1).is_some() && self.is_word(self.at + 2, "AS"))
            {
                return self.unsure();
            }
            if self.is_word(self.at, "ON") {
                return self.unsure();
            }
            self.at += 1;
            self.scan(CLAUSES, false);
        }
        let ended = self.at_end()
            || self.is_op(self.at, ")")
            || self.is_word(self.at, "UNION")
            || self.at_contextual_set_operation()
            || self.at_insert_tail();
        if !ended {
            self.unsure();
        }
    }

    /// What may follow the query of INSERT ... SELECT.
    pub fn at_insert_tail(&self) -> bool {
        (self.is_word(self.at, "ON") && self.is_word(self.at + 1, "DUPLICATE") && self.is_word(self.at + 2, "KEY"))
            || (self.returning && self.is_word(self.at, "RETURNING"))
    }

    pub fn set_operation(&mut self) -> bool {
        if !self.is_word(self.at, "UNION") && !self.at_contextual_set_operation() {
            return false;
        }
        self.at += 1;
        self.accept_any(&["ALL", "DISTINCT"]);
        true
    }

    /// EXCEPT and INTERSECT are names on older servers.
    fn at_contextual_set_operation(&self) -> bool {
        self.is_any(self.at, &["EXCEPT", "INTERSECT"])
            && (self.is_any(self.at + 1, &["ALL", "DISTINCT", "SELECT", "VALUES", "TABLE"])
                || (self.is_op(self.at + 1, "(") && self.at_query(self.at + 2)))
    }

    /// Steps over an expression: to one of `stops`, a comma if asked, `)`, a set operation or the end.
    pub fn scan(&mut self, stops: &[&str], comma: bool) {
        loop {
            match self.tok(self.at) {
                Tok::End => return,
                Tok::Op(op) => match &**op {
                    "(" => self.group(),
                    ")" => return,
                    "," if comma => return,
                    "{" => self.braces(),
                    "}" => return,
                    ";" => return self.unsure(),
                    _ => self.at += 1,
                },
                Tok::Word { upper, .. } => {
                    let stop = stops.contains(&&**upper)
                        // LEFT( and RIGHT( are functions; the joins are followed by JOIN or OUTER.
                        && !(matches!(&**upper, "LEFT" | "RIGHT") && self.is_op(self.at + 1, "("));
                    if stop || **upper == *"UNION" || self.at_contextual_set_operation() {
                        return;
                    }
                    if QUERY_WORDS.contains(&&**upper) {
                        return self.unsure();
                    }
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    /// `{d '...'}`, `{fn ...}`.
    fn braces(&mut self) {
        self.nested(|reader| {
            reader.accept_op("{");
            reader.scan(&[], false);
            if !reader.accept_op("}") {
                reader.unsure();
            }
        })
    }

    /// `( ... )`: a query, or an expression list that may hold queries.
    pub fn group(&mut self) {
        self.nested(|reader| {
            let takes_from = reader.at > 0
                && reader.is_any(reader.at - 1, &["TRIM", "EXTRACT", "SUBSTRING", "SUBSTR", "MID", "TRIM_ORACLE"]);
            if !reader.accept_op("(") {
                return reader.unsure();
            }
            if reader.at_query(reader.at) {
                reader.query();
            }
            loop {
                match reader.tok(reader.at) {
                    Tok::End => return reader.unsure(),
                    Tok::Op(op) if &**op == "(" => reader.group(),
                    Tok::Op(op) if &**op == ")" => {
                        reader.at += 1;
                        return;
                    }
                    Tok::Word { upper, .. } => match &**upper {
                        "UNION" => {
                            reader.set_operation();
                            reader.query();
                        }
                        "EXCEPT" | "INTERSECT" if reader.at_contextual_set_operation() => {
                            reader.set_operation();
                            reader.query();
                        }
                        "FROM" if takes_from => reader.at += 1,
                        "SELECT" | "FROM" | "WHERE" | "JOIN" => return reader.unsure(),
                        _ => reader.at += 1,
                    },
                    _ => reader.at += 1,
                }
            }
        })
    }
}
