//! Query expressions: WITH, SELECT, set operations, and the groups of an expression that may hold a query.
//!
//! Clauses begin at words that both servers reserve, so a clause cannot be taken for a name. Where only
//! one of them reserves a word (WINDOW, RETURNING, EXCEPT, INTERSECT, OFFSET, QUALIFY) more of its context is asked for.

use std::ops::Range;

use super::level::{Body, LevelId, Part, Seen};
use super::reader::{Expression, Reader, Tok};
use super::shape::{Condition, Role, Test};

/// Words that end a WHERE condition or a table reference list.
pub const CLAUSES: &[&str] =
    &["GROUP", "HAVING", "ORDER", "LIMIT", "FOR", "LOCK", "INTO", "PROCEDURE", "WINDOW", "RETURNING", "ON"];

/// Conditions kept of a statement; each knows the tables that it sees.
const CONDITIONS_MAX: usize = 1024;

/// Words that never stand inside an expression outside parentheses.
const QUERY_WORDS: &[&str] = &["SELECT", "FROM", "WHERE", "JOIN", "UNION"];

impl Reader {
    /// A query expression; ends at `)`, at the end, at ON DUPLICATE KEY or at RETURNING.
    pub fn query(&mut self) -> Body {
        self.nested(|reader| {
            let outer = reader.expressions.len();
            if reader.is_word(reader.at, "WITH") {
                reader.with_clause();
            }
            let body = reader.query_body();
            reader.expressions.truncate(outer);
            body
        })
    }

    /// What follows WITH.
    pub fn query_body(&mut self) -> Body {
        let mut whole = Body::default();
        loop {
            let Body { mut parts, closed, .. } = self.query_primary();
            let end = self.at;
            // Behind one SELECT it is that one's, behind several it belongs to all of them.
            self.seeing(None, Reader::query_tail);
            match parts.as_mut_slice() {
                [part] if whole.parts.is_empty() && part.end == end => part.end = self.at,
                _ => whole.closed |= self.at > end,
            }
            whole.closed |= closed;
            whole.parts.extend(parts);
            if !self.set_operation() {
                return whole;
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
            let names = if self.is_op(self.at, "(") { self.names() } else { None };
            if recursive {
                self.expressions.push(Expression { name: name.clone(), names: names.clone(), body: None });
            }
            if !self.accept("AS") || !self.accept_op("(") {
                return self.unsure();
            }
            let body = self.query();
            if !self.accept_op(")") {
                return self.unsure();
            }
            if recursive && self.accept("CYCLE") {
                self.cycle();
            }
            if !recursive {
                let body = Some(self.keep(body));
                self.expressions.push(Expression { name, names, body });
            }
            if !self.accept_op(",") {
                return;
            }
        }
    }

    /// `CYCLE columns RESTRICT` (MariaDB).
    fn cycle(&mut self) {
        while self.name(self.at).is_some() && !self.is_word(self.at, "RESTRICT") {
            self.at += 1;
            self.accept_op(",");
        }
        if !self.accept("RESTRICT") {
            self.unsure();
        }
    }

    fn query_primary(&mut self) -> Body {
        if self.accept_op("(") {
            let body = self.query();
            if !self.accept_op(")") {
                self.unsure();
            }
            return body;
        }
        if self.is_word(self.at, "SELECT") {
            let part = self.select();
            return Body { parts: vec![part], ..Body::default() };
        }
        let level = self.begin_level();
        if self.accept("VALUES") {
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
        Body { parts: vec![Part { level, list: (self.at, self.at), end: self.at }], ..Body::default() }
    }

    pub fn select(&mut self) -> Part {
        let level = self.begin_level();
        self.seeing(Some(Seen::whole(level)), |reader| reader.select_in(level))
    }

    fn select_in(&mut self, level: LevelId) -> Part {
        self.accept("SELECT");
        let from = self.at;
        let stops = &["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "FOR", "LOCK", "INTO", "PROCEDURE", "ON"];
        self.scan(stops, false);
        let list = (from, self.at);
        if self.accept("INTO") {
            self.scan(stops, false);
        }
        if self.accept("FROM") {
            if !self.accept("DUAL") {
                self.table_references(level);
            }
            self.where_clause(level);
        } else if self.accept("WHERE") {
            self.scan(CLAUSES, false);
        }
        Part { level, list, end: self.at }
    }

    /// `[WHERE condition]` of the query whose references are those of `level`.
    pub fn where_clause(&mut self, level: LevelId) {
        if self.accept("WHERE") {
            let from = self.at;
            self.scan(CLAUSES, false);
            let references = self.level(level).references.len();
            self.conditions(from, self.at, Seen::whole(level), 0..references);
        }
    }

    /// Records the conjuncts of the condition in `from..to`.
    pub fn conditions(&mut self, from: usize, to: usize, seen: Seen, restricts: Range<usize>) {
        if self.shape.unsure.is_some() {
            return;
        }
        // Not reserved everywhere: if it was a column's name, the condition went on behind it.
        if self.is_any(to, &["WINDOW", "RETURNING", "QUALIFY"]) && self.loose_operator_behind(to) {
            return;
        }
        for test in self.conjuncts(from, to) {
            self.condition_of(test, seen, restricts.clone());
        }
    }

    pub fn condition_of(&mut self, test: Test, seen: Seen, restricts: Range<usize>) {
        // Leaving one out is sound.
        if self.shape.conditions.len() < CONDITIONS_MAX {
            self.shape.conditions.push(Condition { test, seen, restricts });
        }
    }

    fn loose_operator_behind(&self, at: usize) -> bool {
        (at..self.len()).any(|at| self.is_any(at, &["OR", "XOR"]) || self.is_op(at, "||") || self.is_op(at, ":="))
    }

    /// ORDER BY, LIMIT, FOR UPDATE and the like: nothing there restricts rows, subqueries there are read.
    pub fn query_tail(&mut self) {
        while (self.is_any(self.at, CLAUSES) || self.at_contextual_clause()) && !self.at_insert_tail() {
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
    pub fn at_contextual_set_operation(&self) -> bool {
        self.is_any(self.at, &["EXCEPT", "INTERSECT"])
            && (self.is_any(self.at + 1, &["ALL", "DISTINCT", "SELECT", "VALUES", "TABLE"])
                || (self.is_op(self.at + 1, "(") && self.at_query(self.at + 2)))
    }

    /// FETCH and OFFSET (MariaDB) and QUALIFY (MySQL), where they begin a clause.
    pub fn at_contextual_clause(&self) -> bool {
        match self.word(self.at) {
            Some("FETCH") => self.is_any(self.at + 1, &["FIRST", "NEXT"]),
            Some("OFFSET") => {
                matches!(self.tok(self.at + 1), Tok::Marker(_) | Tok::Literal(_))
                    && self.is_any(self.at + 2, &["ROW", "ROWS"])
            }
            Some("QUALIFY") => !self.returning,
            _ => false,
        }
    }

    /// Whether the word here, which elsewhere begins a clause, is part of an expression.
    fn is_in_expression(&self, word: &str) -> bool {
        let at = self.at;
        match word {
            // The joins are followed by JOIN or OUTER; WITHIN GROUP (...)
            "LEFT" | "RIGHT" | "GROUP" => self.is_op(at + 1, "("),
            // NEXT VALUE FOR a sequence
            "FOR" => at >= 2 && self.is_word(at - 1, "VALUE") && self.is_any(at - 2, &["NEXT", "PREVIOUS"]),
            // NTH_VALUE(a, 1) FROM FIRST [RESPECT NULLS] OVER
            "FROM" => {
                self.is_word(at + 1, "FIRST")
                    && (self.is_word(at + 2, "OVER")
                        || self.is_any(at + 2, &["RESPECT", "IGNORE"]) && self.is_word(at + 3, "NULLS"))
            }
            _ => false,
        }
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
                    if self.is_in_expression(upper) {
                        self.at += 1;
                        continue;
                    }
                    let stop = stops.contains(&&**upper) || (stops.contains(&"WINDOW") && self.at_contextual_clause());
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
    pub fn braces(&mut self) {
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
