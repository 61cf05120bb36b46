//! INSERT, REPLACE, UPDATE, DELETE.

use super::from::Scope;
use super::query::CLAUSES;
use super::reader::{Reader, Tok};
use super::shape::{Assignment, Column, Insert, InsertSource, OccurrenceId, QualifiedName, Role};
use crate::plan::Operand;

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
            InsertSource::Rows { columns, rows: self.rows() }
        } else if self.accept("SET") {
            let (columns, row) = self.set_row();
            InsertSource::Rows { columns: Some(columns), rows: vec![row] }
        } else {
            self.query();
            InsertSource::Query
        };
        if !matches!(source, InsertSource::Query) && self.accept("AS") {
            // The row's alias and its columns, for ON DUPLICATE KEY UPDATE.
            if self.name(self.at).is_none() {
                return self.unsure();
            }
            self.at += 1;
            if self.is_op(self.at, "(") {
                self.skip_group();
            }
        }
        let mut updated = Vec::new();
        if self.is_word(self.at, "ON") && self.at_insert_tail() {
            self.at += 3;
            if !self.accept("UPDATE") {
                return self.unsure();
            }
            updated = self.assignments().into_iter().map(|(column, ..)| column).collect();
        }
        self.returning_clause();
        self.shape.inserts.push(Insert { target, source, updated });
    }

    /// At UPDATE.
    pub fn update(&mut self) {
        self.at += 1;
        self.accept("LOW_PRIORITY");
        self.accept("IGNORE");
        let scope = self.table_references();
        if !self.accept("SET") || scope.tables.is_empty() {
            return self.unsure();
        }
        for (column, ..) in self.assignments() {
            self.shape.assignments.push(Assignment { column, visible: scope.tables.clone() });
        }
        self.where_clause(&scope);
        self.write_tail();
    }

    /// At DELETE.
    pub fn delete(&mut self) {
        self.at += 1;
        while self.accept_any(&["LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"]) {}
        let from_first = self.accept("FROM");
        let start = self.at;
        let Some(targets) = self.delete_targets() else {
            return self.unsure();
        };
        let scope = if from_first && !self.is_word(self.at, "USING") {
            // One table: what was read as a target is the reference.
            self.at = start;
            self.delete_reference()
        } else if self.accept_any(&["FROM", "USING"]) {
            let scope = self.table_references();
            if !targets.iter().all(|target| self.is_target(target, &scope)) {
                return self.unsure();
            }
            scope
        } else {
            return self.unsure();
        };
        if scope.tables.is_empty() {
            return self.unsure();
        }
        self.where_clause(&scope);
        self.write_tail();
    }

    fn delete_reference(&mut self) -> Scope {
        let mut scope = Scope::default();
        match self.take_table_name() {
            Some(table) => {
                if let Some(id) = self.table(table, Role::Rows) {
                    self.table_suffix(Some(id));
                    // MariaDB and MySQL: the alias may stand before PARTITION.
                    if self.is_word(self.at, "PARTITION") {
                        self.at += 1;
                        self.skip_group();
                    }
                    scope.tables.push(id);
                }
            }
            None => self.unsure(),
        }
        scope
    }

    /// `t`, `d.t`, `t.*`, `d.t.*`, in a comma list.
    fn delete_targets(&mut self) -> Option<Vec<QualifiedName>> {
        let mut targets = Vec::new();
        loop {
            let mut parts: Vec<Box<str>> = vec![self.name(self.at)?.into()];
            self.at += 1;
            while self.accept_op(".") {
                if self.accept_op("*") {
                    break;
                }
                parts.push(self.name(self.at)?.into());
                self.at += 1;
            }
            // The lexer may see `.*` as one operator.
            self.accept_op(".*");
            let table = parts.pop()?;
            self.mention(&table);
            targets.push((parts.pop(), table));
            if !parts.is_empty() {
                return None;
            }
            if !self.accept_op(",") {
                return Some(targets);
            }
        }
    }

    fn is_target(&self, target: &QualifiedName, scope: &Scope) -> bool {
        let (database, table) = target;
        scope.tables.iter().any(|OccurrenceId(id)| {
            let occurrence = &self.shape.occurrences[*id];
            match (&occurrence.alias, database) {
                (Some(alias), None) => alias == table,
                (None, None) => occurrence.name == *table,
                (None, Some(database)) => {
                    occurrence.name == *table && occurrence.database.as_ref().is_none_or(|of| of == database)
                }
                (Some(_), Some(_)) => false,
            }
        })
    }

    /// ORDER BY, LIMIT, RETURNING and the end.
    fn write_tail(&mut self) {
        while self.accept_any(&["ORDER", "LIMIT"]) {
            self.scan(CLAUSES, false);
        }
        self.returning_clause();
    }

    fn returning_clause(&mut self) {
        if self.returning && self.accept("RETURNING") {
            self.scan(&[], false);
        }
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

    /// `column = expression, ...`: each column with the range of its expression.
    fn assignments(&mut self) -> Vec<(Column, usize, usize)> {
        let mut assignments = Vec::new();
        loop {
            let start = self.at;
            while matches!(self.tok(self.at), Tok::Word { .. } | Tok::Name(_)) || self.is_op(self.at, ".") {
                self.at += 1;
            }
            let column = self.column(start, self.at);
            let (Some(column), true) = (column, self.accept_op("=") || self.accept_op(":=")) else {
                self.unsure();
                return assignments;
            };
            let from = self.at;
            self.scan(&["WHERE", "ORDER", "LIMIT", "ON", "RETURNING", "AS"], true);
            assignments.push((column, from, self.at));
            if !self.accept_op(",") {
                return assignments;
            }
        }
    }
}
