//! INSERT and REPLACE.

use super::level::Part;
use super::reader::{Reader, Tok};
use super::shape::{Column, Given, Insert, InsertSource, Role, Selected, Updated};
use crate::plan::concat::AGGREGATES;
use crate::plan::{Clock, Operand, SelectDoubt};

/// Words between SELECT and the first column.
pub(super) const OPTIONS: &[&str] = &[
    "ALL",
    "DISTINCT",
    "DISTINCTROW",
    "HIGH_PRIORITY",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
    "SQL_CACHE",
    "SQL_CALC_FOUND_ROWS",
    "SQL_NO_CACHE",
    "SQL_SMALL_RESULT",
    "STRAIGHT_JOIN",
];

impl Reader {
    /// At INSERT or REPLACE.
    pub fn insert(&mut self) {
        self.at += 1;
        self.accept_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"]);
        self.accept("IGNORE");
        self.accept("INTO");
        if self.is_any(self.at, &["VALUES", "SET", "SELECT", "PARTITION"]) {
            return self.unsure();
        }
        let Some(table) = self.take_table_name() else {
            return self.unsure();
        };
        let target = self.occurrence(table, Role::Inserted);
        if self.is_word(self.at, "PARTITION") && self.is_op(self.at + 1, "(") {
            self.at += 1;
            self.skip_group();
        }
        let mut columns = None;
        if self.is_op(self.at, "(") && !self.is_op(self.at + 1, "(") && !self.at_query(self.at + 1) {
            columns = Some(self.column_names());
        }
        let source = if self.accept_any(&["VALUES", "VALUE"]) {
            InsertSource::Rows(self.rows())
        } else if self.accept("SET") {
            let (named, row) = self.set_row();
            columns = Some(named);
            InsertSource::Rows(vec![row])
        } else {
            InsertSource::Query(self.stored_query())
        };
        let alias = match source {
            InsertSource::Rows(_) => self.row_alias(),
            InsertSource::Query(_) => None,
        };
        let mut updated = Vec::new();
        if self.is_word(self.at, "ON") && self.at_insert_tail() {
            self.at += 3;
            if !self.accept("UPDATE") {
                return self.unsure();
            }
            for (column, from, to) in self.assignments() {
                let value = self.updated(from, to, alias.as_deref(), &source);
                updated.push(Updated { column, value });
            }
        }
        self.returning_clause();
        self.shape.inserts.push(Insert { target, columns, source, updated });
    }

    /// `AS row [(columns)]`, for ON DUPLICATE KEY UPDATE (MySQL). The alias, unless its columns have other names.
    fn row_alias(&mut self) -> Option<Box<str>> {
        if !self.accept("AS") {
            return None;
        }
        let Some(alias) = self.name(self.at).map(Box::from) else {
            self.unsure();
            return None;
        };
        self.at += 1;
        if self.is_op(self.at, "(") {
            self.skip_group();
            // Then any name may be one of them.
            return Some("".into());
        }
        Some(alias)
    }

    /// What ON DUPLICATE KEY UPDATE gives to a column: a column is the found row's own, if it cannot be another's.
    fn updated(&self, from: usize, to: usize, alias: Option<&str>, source: &InsertSource) -> Given {
        match (self.given(from, to), source, alias) {
            (Given::Column(column), InsertSource::Rows(_), None) => Given::Column(column),
            (Given::Column(Column { database: None, table: Some(table), name }), _, Some(alias))
                if *table == *alias =>
            {
                Given::OfRow(name)
            }
            (Given::Column(_), ..) => Given::Operand(Operand::Expression),
            (given, ..) => given,
        }
    }

    /// A function of the time, if that is the whole range.
    pub fn clock(&self, from: usize, to: usize) -> Option<Operand> {
        let (clock, is_function) = match self.word(from)? {
            "NOW" => (Clock::Now, true),
            "CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" => (Clock::Now, false),
            "CURDATE" => (Clock::Today, true),
            "CURRENT_DATE" => (Clock::Today, false),
            "UTC_TIMESTAMP" => (Clock::UtcNow, false),
            "UTC_DATE" => (Clock::UtcToday, false),
            "SYSDATE" => (Clock::Called, true),
            _ => return None,
        };
        let digits = match to - from {
            1 if !is_function => return Some(Operand::Clock(clock, None)),
            3 | 4 => self.parenthesized(from + 1, to)?,
            _ => return None,
        };
        match (digits.1 - digits.0, self.tok(digits.0)) {
            (0, _) => Some(Operand::Clock(clock, None)),
            (1, Tok::Marker(slot)) => Some(Operand::Clock(clock, Some(*slot))),
            _ => None,
        }
    }

    /// The query of INSERT ... SELECT.
    fn stored_query(&mut self) -> Result<Selected, SelectDoubt> {
        if !self.is_word(self.at, "SELECT") {
            self.query();
            return Err(SelectDoubt::Query);
        }
        let start = self.at;
        let part = self.nested(|reader| {
            let part = reader.select();
            reader.query_tail();
            Some(part)
        });
        if self.set_operation() {
            self.query_body();
            return Err(SelectDoubt::Query);
        }
        if self.shape.unsure.is_some() || (start..self.at).any(|at| self.is_any(at, &["ROLLUP", "CUBE"])) {
            return Err(SelectDoubt::Query);
        }
        let Some(Part { level, list: (from, to), .. }) = part else {
            return Err(SelectDoubt::Query);
        };
        Ok(Selected { items: self.items(from, to), doubt: self.nulls(start), level })
    }

    /// The columns of a select list; `None` for `*`, which stands for any number of them.
    fn items(&self, mut from: usize, to: usize) -> Vec<Option<Given>> {
        while from < to && self.is_any(from, OPTIONS) {
            from += 1;
        }
        let item = |(from, to): (usize, usize)| match to.checked_sub(1) {
            Some(last) if self.is_op(last, "*") || self.is_op(last, ".*") => None,
            _ if to >= from + 3 && self.is_word(to - 2, "AS") => Some(self.given(from, to - 2)),
            _ => Some(self.given(from, to)),
        };
        self.comma_ranges(from, to).into_iter().map(item).collect()
    }

    /// Why a column of the SELECT from `start` to here may be NULL where no row of its table has a NULL.
    fn nulls(&self, start: usize) -> Option<SelectDoubt> {
        let (mut grouped, mut aggregate) = (false, false);
        // Of each parenthesis that is open, whether it is a query's.
        let mut open: Vec<bool> = Vec::new();
        for at in start..self.at {
            if self.is_op(at, "(") {
                open.push(self.at_query(at + 1) || self.is_op(at + 1, "("));
            } else if self.is_op(at, ")") {
                open.pop();
            } else if self.is_any(at, &["LEFT", "RIGHT"]) && !self.is_op(at + 1, "(") {
                return Some(SelectDoubt::OuterJoin);
            }
            grouped |= open.is_empty() && self.is_word(at, "GROUP");
            if self.is_any(at, AGGREGATES) && self.is_op(at + 1, "(") {
                // A GROUP BY outside gives each row of a query within, also the one of no rows, to a group.
                if open.contains(&true) {
                    return Some(SelectDoubt::Aggregate);
                }
                aggregate = true;
            }
        }
        (aggregate && !grouped).then_some(SelectDoubt::Aggregate)
    }

    /// `(a, t.b, ...)`: the columns of an INSERT; empty for `()`.
    fn column_names(&mut self) -> Vec<Box<str>> {
        let open = self.at;
        self.skip_group();
        if self.shape.unsure.is_some() {
            return Vec::new();
        }
        let ranges = self.comma_ranges(open + 1, self.at - 1);
        let names: Option<Vec<Box<str>>> =
            ranges.into_iter().map(|(from, to)| self.column(from, to).map(|column| column.name)).collect();
        names.unwrap_or_else(|| {
            self.unsure();
            Vec::new()
        })
    }

    /// `(...), ROW(...), ...`; a folded row stands once.
    fn rows(&mut self) -> Vec<Vec<Operand>> {
        let mut rows = Vec::new();
        loop {
            self.accept("ROW");
            let open = self.at;
            let Some(close) = self.closing(open).filter(|_| self.is_op(open, "(")) else {
                self.unsure();
                return rows;
            };
            self.group();
            if self.shape.unsure.is_some() {
                return rows;
            }
            rows.push(self.comma_ranges(open + 1, close).into_iter().map(|(from, to)| self.stored(from, to)).collect());
            if !self.accept_op(",") {
                return rows;
            }
        }
    }

    fn set_row(&mut self) -> (Vec<Box<str>>, Vec<Operand>) {
        let assignments = self.assignments();
        if self.shape.unsure.is_some() {
            return (Vec::new(), Vec::new());
        }
        assignments.into_iter().map(|(column, from, to)| (column.name, self.stored(from, to))).unzip()
    }
}
