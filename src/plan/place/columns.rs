//! Which column of a key a column is: one of a table that its query names, or one that a derived table passes on unchanged.
//!
//! Invariant: the values of a column that is found are values of that key in rows of that occurrence, or NULL. Where a
//! name may be two things, it is none.

use std::cell::Cell;

use super::Place;
use crate::plan::TableName;
use crate::plan::read::{Column, Derived, Merged, Occurrence, Output, Part, Reader, Reference, Seen, Shape, is_named};
use crate::shard_map::{KeyColumn, SplitTable};

/// The columns of one statement.
pub struct Columns<'a> {
    pub place: &'a Place<'a>,
    pub shape: &'a Shape,
    pub reader: &'a Reader,
    /// Of each occurrence; `None` if it has no key.
    pub splits: Vec<Option<&'a SplitTable>>,
    /// Tokens that may still be looked at, since derived tables may be long and deep.
    steps: Cell<usize>,
}

/// What a column is.
#[derive(Debug)]
pub struct Found {
    /// Index of its reference in the level that the column stands in; `None` if it is one of a query around.
    pub own: Option<usize>,
    /// Several if it is one of a derived table of several SELECTs, all of one type.
    pub keys: Vec<Key>,
}

/// A column of the key of an occurrence.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub occurrence: usize,
    /// Its index among the columns of the key.
    pub place: u8,
    /// Rows for which a condition on the column does not hold could as well not be in the table.
    pub restricted: bool,
}

enum Among {
    One(usize),
    Nothing,
    Doubt,
}

const STEPS_MAX: usize = 1 << 18;

impl<'a> Columns<'a> {
    pub fn new(place: &'a Place<'a>, shape: &'a Shape, reader: &'a Reader) -> Columns<'a> {
        let split = |occurrence: &Occurrence| {
            let database = place.database(occurrence.database.as_deref()).ok()?;
            place.split(&TableName { database, name: occurrence.name.clone() })
        };
        let splits = shape.occurrences.iter().map(split).collect();
        Columns { place, shape, reader, splits, steps: Cell::new(STEPS_MAX) }
    }

    /// The key that a column is which stands in a query that sees `seen`.
    pub fn find(&self, seen: Seen, column: &Column) -> Option<Found> {
        let (mut here, mut is_own) = (Some(seen), true);
        while let Some(seen) = here {
            let level = &self.shape.levels[seen.level.0];
            let references = level.of(seen);
            self.step(references.len())?;
            match self.among(seen, references, column) {
                Among::One(index) => {
                    let keys = self.passed(references[index], &column.name)?;
                    return Some(Found { own: is_own.then_some(seen.from + index), keys });
                }
                Among::Nothing => (here, is_own) = (level.outer, false),
                Among::Doubt => return None,
            }
        }
        None
    }

    /// The two keys that USING, or NATURAL, says are equal.
    pub fn merged(&self, seen: Seen, merged: &Merged) -> Vec<(Found, Found)> {
        let level = &self.shape.levels[seen.level.0];
        let names: Vec<&str> = match &merged.name {
            Some(name) => vec![name],
            None => {
                let right = level.references.get(merged.right.clone()).unwrap_or_default();
                let splits = right.iter().filter_map(|reference| self.split_of(*reference));
                splits.flat_map(|split| split.key.columns()).map(|key| key.name.as_str()).collect()
            }
        };
        let side = |name: &str, side: &std::ops::Range<usize>| {
            let references = level.references.get(side.clone())?;
            self.step(references.len())?;
            let index = match references {
                [_] => 0,
                // What was merged before is the first one's, without RIGHT JOIN.
                _ if merged.again => (!level.right).then_some(0)?,
                _ => self.only(references, name)?,
            };
            let keys = self.passed(references[index], name)?;
            Some(Found { own: Some(side.start + index), keys })
        };
        names.into_iter().filter_map(|name| side(name, &merged.left).zip(side(name, &merged.right))).collect()
    }

    fn among(&self, seen: Seen, references: &[Reference], column: &Column) -> Among {
        let Some(table) = &column.table else {
            let level = &self.shape.levels[seen.level.0];
            if level.merges(&column.name) {
                // What is merged is the column of the first reference, without RIGHT JOIN.
                let is_first = references.first().is_some_and(|first| self.passed(*first, &column.name).is_some());
                return if is_first && !level.right { Among::One(0) } else { Among::Doubt };
            }
            return self.only(references, &column.name).map_or(Among::Doubt, Among::One);
        };
        let mut named = (0..references.len()).filter(|index| self.answers(references[*index], column));
        match (named.next(), named.next()) {
            (Some(index), None) => Among::One(index),
            (Some(_), Some(_)) => Among::Doubt,
            // On a server that folds the case of names it would be one of these.
            (None, _) if references.iter().any(|reference| self.may_be_called(*reference, table)) => Among::Doubt,
            (None, _) => Among::Nothing,
        }
    }

    /// The only reference that has a key of this name. If another has a column of it, the server calls the name ambiguous.
    fn only(&self, references: &[Reference], name: &str) -> Option<usize> {
        let mut having = (0..references.len()).filter(|index| self.passed(references[*index], name).is_some());
        having.next().filter(|_| having.next().is_none())
    }

    fn answers(&self, reference: Reference, column: &Column) -> bool {
        match reference {
            Reference::Table(id) => self.shape.occurrences[id.0].answers_to(column, self.place.session_name()),
            Reference::Derived(id) => column.database.is_none() && self.shape.derived[id.0].alias == column.table,
        }
    }

    fn may_be_called(&self, reference: Reference, table: &str) -> bool {
        let name = match reference {
            Reference::Table(id) => {
                let occurrence = &self.shape.occurrences[id.0];
                Some(occurrence.alias.as_ref().unwrap_or(&occurrence.name))
            }
            Reference::Derived(id) => self.shape.derived[id.0].alias.as_ref(),
        };
        name.is_none_or(|name| name.to_lowercase() == table.to_lowercase())
    }

    fn split_of(&self, reference: Reference) -> Option<&'a SplitTable> {
        match reference {
            Reference::Table(id) => self.splits[id.0],
            Reference::Derived(_) => None,
        }
    }

    /// The keys that a column of this reference has the values of.
    fn passed(&self, reference: Reference, name: &str) -> Option<Vec<Key>> {
        match reference {
            Reference::Table(id) => {
                let place = self.splits[id.0]?.key.columns().position(|key| is_named(&key.name, name))?;
                Some(vec![Key { occurrence: id.0, place: u8::try_from(place).ok()?, restricted: true }])
            }
            Reference::Derived(id) => self.passed_on(&self.shape.derived[id.0], name),
        }
    }

    fn passed_on(&self, derived: &Derived, name: &str) -> Option<Vec<Key>> {
        let body = &self.shape.bodies[derived.body?.0];
        let first = *body.parts.first()?;
        let place = match &derived.names {
            Some(names) => Some(sole(names.iter().map(|own| is_named(own, name)))?),
            None => self.place_of(first, name)?,
        };
        // The rows of one that is named twice are those that either place needs.
        if body.references != 1 && body.parts.len() > 1 {
            return None;
        }
        let closed = body.closed || body.references != 1;
        let mut keys = Vec::new();
        for part in &body.parts {
            let (column, of_part) = match place {
                Some(place) => {
                    let Output::Column { column, .. } = self.output(*part, place)? else { return None };
                    let found = self.find(Seen::whole(part.level), &column)?;
                    found.own?;
                    (Some(column), found.keys)
                }
                // `*`, in the only part.
                None if body.parts.len() == 1 => (None, self.starred(*part, name)?),
                None => return None,
            };
            self.step(part.end - part.list.0)?;
            let independent = !closed && self.reader.rows_are_independent(part, column.as_ref());
            keys.extend(of_part.iter().map(|key| Key { restricted: key.restricted && independent, ..*key }));
        }
        self.are_of_one_type(&keys).then_some(keys)
    }

    pub fn column(&self, key: Key) -> Option<&'a KeyColumn> {
        self.splits[key.occurrence]?.key.column(usize::from(key.place))
    }

    /// Whether what equals one of the keys can be looked for as if it were another.
    pub fn are_of_one_type(&self, keys: &[Key]) -> bool {
        let kind = |key: &Key| self.column(*key).map(|column| column.kind);
        keys.windows(2).all(|pair| kind(&pair[0]) == kind(&pair[1]))
    }

    /// The place of the column in the select list, or `None` in it if it is one of a `*`.
    fn place_of(&self, part: Part, name: &str) -> Option<Option<usize>> {
        self.step(part.list.1 - part.list.0)?;
        let outputs = self.reader.outputs(part.list);
        let named = |output: &Output| matches!(output, Output::Column { name: own, .. } if is_named(own, name));
        match sole(outputs.iter().map(named)) {
            Some(place) => Some(Some(place)),
            None if outputs.iter().any(named) => None,
            None => outputs.iter().any(|output| matches!(output, Output::Star(_))).then_some(None),
        }
    }

    fn output(&self, part: Part, place: usize) -> Option<Output> {
        self.step(part.list.1 - part.list.0)?;
        let outputs = self.reader.outputs(part.list);
        let is_behind_star = outputs.iter().take(place + 1).any(|output| matches!(output, Output::Star(_)));
        outputs.into_iter().nth(place).filter(|_| !is_behind_star)
    }

    /// The keys of a column that the one `*` stands for, if that is of one reference: else it may be another's column.
    fn starred(&self, part: Part, name: &str) -> Option<Vec<Key>> {
        let references = &self.shape.levels[part.level.0].references;
        let mut stars = self.reader.outputs(part.list).into_iter().filter_map(|output| match output {
            Output::Star(table) => Some(table),
            Output::Column { .. } | Output::Other => None,
        });
        let (Some(star), None) = (stars.next(), stars.next()) else {
            return None;
        };
        let reference = match (star, references.as_slice()) {
            (None, [reference]) => *reference,
            (None, _) => return None,
            (Some(table), references) => {
                let column = Column { database: None, table: Some(table), name: name.into() };
                references[sole(references.iter().map(|reference| self.answers(*reference, &column)))?]
            }
        };
        self.passed(reference, name)
    }

    fn step(&self, steps: usize) -> Option<()> {
        self.steps.set(self.steps.get().checked_sub(steps + 1)?);
        Some(())
    }
}

/// The index of the only one that is true.
fn sole(mut are: impl Iterator<Item = bool>) -> Option<usize> {
    let index = are.position(|is| is)?;
    are.all(|is| !is).then_some(index)
}
