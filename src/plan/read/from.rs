//! Table references: FROM, UPDATE and USING lists, joins, derived tables.
//!
//! Every construct is named here; an unknown one makes the statement unsure. A join's ON restricts its right side, and
//! its left side too when the join is inner; never the side whose rows an outer join keeps.

use super::reader::{Reader, Tok};
use super::shape::{OccurrenceId, QualifiedName, Role};

/// The tables that a clause can see.
#[derive(Debug, Default)]
pub struct Scope {
    pub tables: Vec<OccurrenceId>,
    /// Columns named by USING.
    pub merged: Vec<Box<str>>,
    /// NATURAL merges columns that only the servers know.
    pub natural: bool,
    /// A common table expression, derived table or table function stands among the references.
    pub derived: bool,
}

impl Scope {
    pub fn merges(&self, column: &str) -> bool {
        self.natural || self.merged.iter().any(|merged| merged.to_lowercase() == column.to_lowercase())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    Inner,
    Left,
    Right,
}

/// Unquoted words behind a table name that are no alias.
const NO_ALIAS: &[&str] = &[
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "CROSS",
    "NATURAL",
    "STRAIGHT_JOIN",
    "ON",
    "USING",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "FOR",
    "LOCK",
    "INTO",
    "SET",
    "USE",
    "FORCE",
    "IGNORE",
    "PARTITION",
    "WINDOW",
    "PROCEDURE",
    "RETURNING",
    "VALUES",
    "SELECT",
    "FROM",
    "AND",
    "OR",
    "AS",
    "READ",
    "WRITE",
];

/// Words that end an ON condition.
const ON_ENDS: &[&str] = &[
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "CROSS",
    "NATURAL",
    "STRAIGHT_JOIN",
    "ON",
    "USING",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "FOR",
    "LOCK",
    "INTO",
    "SET",
    "WINDOW",
    "PROCEDURE",
    "RETURNING",
];

impl Reader {
    pub fn table_references(&mut self) -> Scope {
        let mut scope = Scope::default();
        self.reference_list(&mut scope);
        scope
    }

    /// An occurrence, unless a common table expression has that name.
    pub fn table(&mut self, table: QualifiedName, role: Role) -> Option<OccurrenceId> {
        if table.0.is_none() && self.expressions.contains(&table.1) {
            self.mention(&table.1.clone());
            return None;
        }
        Some(self.occurrence(table, role))
    }

    fn reference_list(&mut self, scope: &mut Scope) {
        loop {
            self.join_chain(scope);
            if !self.accept_op(",") {
                return;
            }
        }
    }

    fn join_chain(&mut self, scope: &mut Scope) {
        self.nested(|reader| {
            let start = scope.tables.len();
            reader.factor(scope);
            // Joins whose ON has not come yet: a later ON belongs to the nearest of them.
            let mut pending = 0usize;
            while let Some((join, natural)) = reader.join_words() {
                let right = scope.tables.len();
                reader.factor(scope);
                scope.natural |= natural;
                if reader.at_on() {
                    let restricted = match join {
                        Join::Inner if pending == 0 => start..scope.tables.len(),
                        Join::Inner | Join::Left => right..scope.tables.len(),
                        Join::Right if pending == 0 => start..right,
                        Join::Right => right..right,
                    };
                    let restricts = scope.tables[restricted].to_vec();
                    let (from, to) = reader.on_condition();
                    let seen = Scope {
                        tables: scope.tables[start..].to_vec(),
                        merged: scope.merged.clone(),
                        natural: scope.natural,
                        derived: scope.derived,
                    };
                    reader.conditions(from, to, &restricts, &seen);
                } else if !reader.using(scope) && !natural {
                    pending += 1;
                }
                while pending > 0 && (reader.at_on() || reader.is_word(reader.at, "USING")) {
                    pending -= 1;
                    if !reader.using(scope) {
                        reader.on_condition();
                    }
                }
            }
        })
    }

    fn at_on(&self) -> bool {
        self.is_word(self.at, "ON") && !self.at_insert_tail()
    }

    fn on_condition(&mut self) -> (usize, usize) {
        self.accept("ON");
        let from = self.at;
        self.scan(ON_ENDS, true);
        (from, self.at)
    }

    /// `USING (columns)` of a join; DELETE's USING has no parenthesis.
    fn using(&mut self, scope: &mut Scope) -> bool {
        if !self.is_word(self.at, "USING") || !self.is_op(self.at + 1, "(") {
            return false;
        }
        self.at += 1;
        let open = self.at;
        self.skip_group();
        for at in open..self.at {
            if let Some(name) = self.name(at) {
                scope.merged.push(name.into());
            }
        }
        true
    }

    /// The words of a join, stepped over, and whether it is NATURAL.
    fn join_words(&mut self) -> Option<(Join, bool)> {
        let start = self.at;
        if self.accept("STRAIGHT_JOIN") {
            return Some((Join::Inner, false));
        }
        let natural = self.accept("NATURAL");
        let join = if self.accept("LEFT") {
            self.accept("OUTER");
            Join::Left
        } else if self.accept("RIGHT") {
            self.accept("OUTER");
            Join::Right
        } else {
            self.accept_any(&["INNER", "CROSS"]);
            Join::Inner
        };
        if self.accept("JOIN") {
            return Some((join, natural));
        }
        if self.at != start {
            self.unsure();
        }
        None
    }

    fn factor(&mut self, scope: &mut Scope) {
        if self.is_op(self.at, "(") {
            return self.parenthesized_factor(scope);
        }
        if self.is_op(self.at, "{") && self.is_word(self.at + 1, "OJ") {
            self.at += 2;
            self.join_chain(scope);
            if !self.accept_op("}") {
                self.unsure();
            }
            return;
        }
        if self.is_word(self.at, "LATERAL") && self.is_op(self.at + 1, "(") {
            self.at += 1;
            scope.derived = true;
            self.group();
            return self.derived_alias();
        }
        if self.is_word(self.at, "JSON_TABLE") && self.is_op(self.at + 1, "(") {
            self.at += 1;
            scope.derived = true;
            self.group();
            return self.derived_alias();
        }
        // A word that begins a clause is no table: the text is not what it seems.
        if self.is_any(self.at, NO_ALIAS) {
            return self.unsure();
        }
        let Some(table) = self.take_table_name() else {
            return self.unsure();
        };
        let occurrence = self.table(table, Role::Rows);
        self.table_suffix(occurrence);
        match occurrence {
            Some(id) => scope.tables.push(id),
            None => scope.derived = true,
        }
    }

    /// PARTITION, alias and index hints behind a table name.
    pub fn table_suffix(&mut self, occurrence: Option<OccurrenceId>) {
        if self.is_op(self.at, "(") || self.is_op(self.at, ".") {
            return self.unsure();
        }
        if self.is_word(self.at, "PARTITION") && self.is_op(self.at + 1, "(") {
            self.at += 1;
            self.skip_group();
        }
        if self.is_word(self.at, "FOR") && self.is_any(self.at + 1, &["SYSTEM_TIME", "PORTION", "VERSION"]) {
            return self.unsure();
        }
        let alias = self.alias();
        if let (Some(OccurrenceId(id)), Some(alias)) = (occurrence, alias) {
            self.shape.occurrences[id].alias = Some(alias);
        }
        while self.is_any(self.at, &["USE", "FORCE", "IGNORE"]) && self.is_any(self.at + 1, &["INDEX", "KEY"]) {
            self.at += 2;
            if self.accept("FOR") && !self.accept("JOIN") {
                self.accept_any(&["ORDER", "GROUP"]);
                self.accept("BY");
            }
            self.skip_group();
        }
    }

    /// `[AS] alias`.
    pub fn alias(&mut self) -> Option<Box<str>> {
        let explicit = self.accept("AS");
        let named = match self.tok(self.at) {
            Tok::Name(name) => Some(name.clone()),
            Tok::Word { text, .. } if explicit || !self.is_any(self.at, NO_ALIAS) => Some(text.clone()),
            _ => None,
        };
        match &named {
            Some(_) => self.at += 1,
            None if explicit => self.unsure(),
            None => {}
        }
        named
    }

    fn derived_alias(&mut self) {
        let alias = self.alias();
        if alias.is_some() && self.is_op(self.at, "(") {
            self.skip_group();
        }
    }

    /// A derived table, or table references in parentheses.
    fn parenthesized_factor(&mut self, scope: &mut Scope) {
        if self.at_query(self.at + 1) || self.is_word(self.at + 1, "VALUES") {
            scope.derived = true;
            self.group();
            return self.derived_alias();
        }
        if self.is_op(self.at + 1, "(") && self.nested_query() {
            scope.derived = true;
            return self.derived_alias();
        }
        self.at += 1;
        self.nested(|reader| reader.reference_list(scope));
        if !self.accept_op(")") {
            self.unsure();
        }
    }

    /// Tries `((query) ...)` as a query; on failure nothing has happened.
    fn nested_query(&mut self) -> bool {
        if self.shape.unsure.is_some() || !self.may_retry() {
            return false;
        }
        let (at, occurrences, conditions) = (self.at, self.shape.occurrences.len(), self.shape.conditions.len());
        let expressions = self.expressions.clone();
        self.at += 1;
        self.query();
        if self.shape.unsure.is_none() && self.accept_op(")") {
            return true;
        }
        self.at = at;
        self.expressions = expressions;
        self.shape.unsure = None;
        self.shape.occurrences.truncate(occurrences);
        self.shape.conditions.truncate(conditions);
        false
    }
}
