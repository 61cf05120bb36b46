//! Table references: FROM, UPDATE and USING lists, joins, derived tables.
//!
//! Every construct is named here; an unknown one makes the statement unsure. A join's ON restricts its right side, and
//! its left side too when the join is inner; never the side whose rows an outer join keeps.

use super::level::{Body, BodyId, Derived, DerivedId, LevelId, Reference, Seen};
use super::reader::{Expression, Reader, Tok};
use super::shape::{Merged, OccurrenceId, QualifiedName, Role, Test};

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
    "BEFORE",
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
    /// Reads table references into the level.
    pub fn table_references(&mut self, level: LevelId) {
        loop {
            self.join_chain(level);
            if !self.accept_op(",") {
                return;
            }
        }
    }

    /// An occurrence, unless a common table expression has that name.
    pub fn table(&mut self, table: QualifiedName, role: Role) -> Reference {
        let expression = self.expressions.iter().rev().find(|known| table.0.is_none() && known.name == table.1);
        let Some(Expression { names, body, .. }) = expression.cloned() else {
            return Reference::Table(self.occurrence(table, role));
        };
        self.mention(&table.1);
        Reference::Derived(self.derived(Derived { alias: Some(table.1), names, body }))
    }

    fn join_chain(&mut self, level: LevelId) {
        self.nested(|reader| {
            let start = reader.references(level);
            reader.factor(level);
            // Joins whose ON has not come yet: a later ON belongs to the nearest of them.
            let mut pending = 0usize;
            while let Some((join, natural)) = reader.join_words() {
                let right = reader.references(level);
                reader.factor(level);
                let end = reader.references(level);
                reader.level(level).right |= join == Join::Right;
                let restricts = match join {
                    Join::Inner if pending == 0 => start..end,
                    Join::Inner | Join::Left => right..end,
                    Join::Right if pending == 0 => start..right,
                    Join::Right => right..right,
                };
                let seen = Seen { level, from: start, to: end };
                if reader.at_on() {
                    // Of a join inside of another's right side it is not known which references it sees.
                    let (from, to) = reader.on_condition((pending == 0).then_some(seen));
                    let before = reader.shape.conditions.len();
                    reader.conditions(from, to, seen, restricts);
                    if pending > 0 {
                        let known = reader.shape.conditions.split_off(before).into_iter();
                        let known = known.filter(|condition| !matches!(condition.test, Test::Same(..)));
                        reader.shape.conditions.extend(known.collect::<Vec<_>>());
                    }
                } else {
                    let names = reader.using();
                    let names = match names {
                        Some(names) => names.into_iter().map(Some).collect(),
                        None if natural => vec![None],
                        None => {
                            pending += 1;
                            Vec::new()
                        }
                    };
                    for name in names {
                        let again = reader.merge(level, name.as_deref());
                        if pending == 0 && start < right && right < end {
                            let merged = Merged { name, left: start..right, right: right..end, again };
                            reader.condition_of(Test::Merged(merged), seen, restricts.clone());
                        }
                    }
                }
                while pending > 0 && (reader.at_on() || reader.is_word(reader.at, "USING")) {
                    pending -= 1;
                    match reader.using() {
                        Some(names) => {
                            for name in names {
                                reader.merge(level, Some(&name));
                            }
                        }
                        None => {
                            reader.on_condition(None);
                        }
                    }
                }
            }
        })
    }

    fn references(&mut self, level: LevelId) -> usize {
        self.level(level).references.len()
    }

    /// Notes that a join merges columns, all of equal names if there is none. Whether another may have before.
    fn merge(&mut self, level: LevelId, name: Option<&str>) -> bool {
        let level = self.level(level);
        match name {
            Some(name) => {
                let again = level.merges(name);
                level.merged.push(name.into());
                again
            }
            None => std::mem::replace(&mut level.natural, true) || !level.merged.is_empty(),
        }
    }

    fn at_on(&self) -> bool {
        self.is_word(self.at, "ON") && !self.at_insert_tail()
    }

    /// The tokens of a condition whose subqueries see what `seen` does.
    fn on_condition(&mut self, seen: Option<Seen>) -> (usize, usize) {
        self.accept("ON");
        let from = self.at;
        self.seeing(seen, |reader| reader.scan(ON_ENDS, true));
        (from, self.at)
    }

    /// `USING (columns)` of a join; DELETE's USING has no parenthesis.
    fn using(&mut self) -> Option<Vec<Box<str>>> {
        if !self.is_word(self.at, "USING") || !self.is_op(self.at + 1, "(") {
            return None;
        }
        self.at += 1;
        let open = self.at;
        self.skip_group();
        Some((open..self.at).filter_map(|at| self.name(at).map(Box::from)).collect())
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

    fn factor(&mut self, level: LevelId) {
        if self.is_op(self.at, "(") {
            return self.parenthesized_factor(level);
        }
        if self.is_op(self.at, "{") && self.is_word(self.at + 1, "OJ") {
            self.at += 2;
            self.join_chain(level);
            if !self.accept_op("}") {
                self.unsure();
            }
            return;
        }
        let lateral = self.is_word(self.at, "LATERAL");
        if (lateral || self.is_word(self.at, "JSON_TABLE")) && self.is_op(self.at + 1, "(") {
            self.at += 1;
            let to = self.references(level);
            let seen = Seen { level, from: 0, to };
            return match lateral && self.at_query(self.at + 1) {
                true => self.derived_table(level, Some(seen)),
                false => {
                    self.seeing(Some(seen), Reader::group);
                    self.derived_alias(level, None);
                }
            };
        }
        // A word that begins a clause is no table: the text is not what it seems.
        if self.is_any(self.at, NO_ALIAS) {
            return self.unsure();
        }
        let Some(table) = self.take_table_name() else {
            return self.unsure();
        };
        let reference = self.table(table, Role::Rows);
        self.table_suffix(reference);
        self.level(level).references.push(reference);
    }

    /// PARTITION, versions, alias and index hints behind a table name.
    pub fn table_suffix(&mut self, reference: Reference) {
        if self.is_op(self.at, "(") || self.is_op(self.at, ".") {
            return self.unsure();
        }
        if self.is_word(self.at, "PARTITION") && self.is_op(self.at + 1, "(") {
            self.at += 1;
            self.skip_group();
        }
        self.versions(Some(reference));
        if let Some(alias) = self.alias() {
            match reference {
                Reference::Table(OccurrenceId(id)) => self.shape.occurrences[id].alias = Some(alias),
                Reference::Derived(DerivedId(id)) => self.shape.derived[id].alias = Some(alias),
            }
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
            Tok::Word { .. } if !explicit && (self.at_contextual_set_operation() || self.at_contextual_clause()) => {
                None
            }
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

    /// `[FOR SYSTEM_TIME ...] [AS] alias [(columns)]` behind a derived table or a table function.
    fn derived_alias(&mut self, level: LevelId, body: Option<BodyId>) {
        self.versions(None);
        let alias = self.alias();
        let names = match alias.is_some() && self.is_op(self.at, "(") {
            true => self.names(),
            false => None,
        };
        let derived = self.derived(Derived { alias, names, body });
        self.level(level).references.push(Reference::Derived(derived));
    }

    /// `(a, b)`; empty if it is anything else.
    pub fn names(&mut self) -> Option<Vec<Box<str>>> {
        let open = self.at;
        self.skip_group();
        let ranges = self.comma_ranges(open + 1, self.at.saturating_sub(1));
        let name = |(from, to): (usize, usize)| self.name(from).filter(|_| to == from + 1).map(Box::from);
        Some(ranges.into_iter().map(name).collect::<Option<_>>().unwrap_or_default())
    }

    /// `(query) [AS] alias`; its queries see `around`.
    fn derived_table(&mut self, level: LevelId, around: Option<Seen>) {
        self.accept_op("(");
        let body = self.seeing(around, Reader::query);
        if !self.accept_op(")") {
            return self.unsure();
        }
        let body = self.keep(body);
        self.derived_alias(level, Some(body));
    }

    /// A derived table, or table references in parentheses.
    fn parenthesized_factor(&mut self, level: LevelId) {
        let around = self.level(level).outer;
        if self.at_query(self.at + 1) {
            return self.derived_table(level, around);
        }
        if self.is_word(self.at + 1, "VALUES") {
            self.seeing(around, Reader::group);
            return self.derived_alias(level, None);
        }
        if self.is_op(self.at + 1, "(")
            && let Some(body) = self.seeing(around, Reader::nested_query)
        {
            let body = self.keep(body);
            return self.derived_alias(level, Some(body));
        }
        self.at += 1;
        self.nested(|reader| reader.table_references(level));
        if !self.accept_op(")") {
            self.unsure();
        }
    }

    /// Tries `((query) ...)` as a query; on failure nothing has happened.
    fn nested_query(&mut self) -> Option<Body> {
        if self.shape.unsure.is_some() || !self.may_retry() {
            return None;
        }
        let at = self.at;
        let (occurrences, conditions) = (self.shape.occurrences.len(), self.shape.conditions.len());
        let (levels, derived, bodies) = (self.shape.levels.len(), self.shape.derived.len(), self.shape.bodies.len());
        let expressions = self.expressions.clone();
        self.at += 1;
        let body = self.query();
        if self.shape.unsure.is_none() && self.accept_op(")") {
            return Some(body);
        }
        self.at = at;
        self.expressions = expressions;
        self.shape.unsure = None;
        self.shape.occurrences.truncate(occurrences);
        self.shape.conditions.truncate(conditions);
        // References to bodies that were made before are still counted, which is sound.
        self.shape.levels.truncate(levels);
        self.shape.derived.truncate(derived);
        self.shape.bodies.truncate(bodies);
        None
    }
}
