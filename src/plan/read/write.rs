//! UPDATE, DELETE, and the assignments of UPDATE and INSERT.

use super::level::{LevelId, Reference, Seen};
use super::query::CLAUSES;
use super::reader::{Reader, Tok};
use super::shape::{Assignment, Column, Given, OccurrenceId, QualifiedName, Role};

impl Reader {
    /// At UPDATE.
    pub fn update(&mut self) {
        let level = self.begin_level();
        self.seeing(Some(Seen::whole(level)), |reader| reader.update_in(level))
    }

    fn update_in(&mut self, level: LevelId) {
        self.at += 1;
        self.accept("LOW_PRIORITY");
        self.accept("IGNORE");
        self.table_references(level);
        let tables = self.level(level).tables();
        if !self.accept("SET") || tables.is_empty() {
            return self.unsure();
        }
        for (column, from, to) in self.assignments() {
            let value = self.given(from, to);
            self.shape.assignments.push(Assignment { column, value, visible: tables.clone() });
        }
        self.where_clause(level);
        self.write_tail();
    }

    /// At DELETE.
    pub fn delete(&mut self) {
        let level = self.begin_level();
        self.seeing(Some(Seen::whole(level)), |reader| reader.delete_in(level))
    }

    fn delete_in(&mut self, level: LevelId) {
        self.at += 1;
        while self.accept_any(&["LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"]) {}
        let from_first = self.accept("FROM");
        let start = self.at;
        let Some(targets) = self.delete_targets() else {
            return self.unsure();
        };
        if from_first && !self.is_word(self.at, "USING") {
            // One table: what was read as a target is the reference.
            self.at = start;
            self.delete_reference(level);
            self.before_system_time();
            let tables = self.level(level).tables();
            self.shape.deleted.extend(tables);
        } else if self.accept_any(&["FROM", "USING"]) {
            self.table_references(level);
            let tables = self.level(level).tables();
            for target in &targets {
                let named: Vec<OccurrenceId> =
                    tables.iter().copied().filter(|id| self.is_target(target, *id)).collect();
                if named.is_empty() {
                    return self.unsure();
                }
                self.shape.deleted.extend(named);
            }
        } else {
            return self.unsure();
        }
        if self.level(level).tables().is_empty() {
            return self.unsure();
        }
        self.where_clause(level);
        self.write_tail();
    }

    fn delete_reference(&mut self, level: LevelId) {
        let Some(table) = self.take_table_name() else {
            return self.unsure();
        };
        let reference = self.table(table, Role::Rows);
        if let Reference::Table(_) = reference {
            self.table_suffix(reference);
            // MariaDB and MySQL: the alias may stand before PARTITION.
            if self.is_word(self.at, "PARTITION") {
                self.at += 1;
                self.skip_group();
            }
            self.level(level).references.push(reference);
        }
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

    fn is_target(&self, (database, table): &QualifiedName, OccurrenceId(id): OccurrenceId) -> bool {
        let occurrence = &self.shape.occurrences[id];
        match (&occurrence.alias, database) {
            (Some(alias), None) => alias == table,
            (None, None) => occurrence.name == *table,
            (None, Some(database)) => {
                occurrence.name == *table && occurrence.database.as_ref().is_none_or(|of| of == database)
            }
            (Some(_), Some(_)) => false,
        }
    }

    /// ORDER BY, LIMIT, RETURNING and the end.
    fn write_tail(&mut self) {
        while self.accept_any(&["ORDER", "LIMIT"]) {
            self.scan(CLAUSES, false);
        }
        self.returning_clause();
    }

    pub fn returning_clause(&mut self) {
        if self.returning && self.accept("RETURNING") {
            self.scan(&[], false);
        }
    }

    /// `column = expression, ...`: each column with the range of its expression.
    pub fn assignments(&mut self) -> Vec<(Column, usize, usize)> {
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
    /// What the expression in `from..to` gives to a column.
    pub fn given(&self, from: usize, to: usize) -> Given {
        if let Some((from, to)) = self.parenthesized(from, to) {
            return self.given(from, to);
        }
        const NO_COLUMNS: &[&str] = &[
            "NULL",
            "TRUE",
            "FALSE",
            "DEFAULT",
            "CURRENT_DATE",
            "CURRENT_TIME",
            "CURRENT_TIMESTAMP",
            "LOCALTIME",
            "LOCALTIMESTAMP",
            "UTC_DATE",
            "UTC_TIME",
            "UTC_TIMESTAMP",
            "CURRENT_USER",
            "CURRENT_ROLE",
        ];
        if self.is_any(from, &["VALUES", "VALUE"])
            && let Some((from, to)) = self.parenthesized(from + 1, to)
            && let Some(column) = self.column(from, to)
        {
            return Given::OfRow(column.name);
        }
        match self.column(from, to) {
            Some(column) if !self.is_any(from, NO_COLUMNS) => Given::Column(column),
            _ => Given::Operand(self.stored(from, to)),
        }
    }
}
