//! What columns can mean: the table references that each query sees, and the queries that derived tables are made of.

use super::shape::OccurrenceId;

/// One table reference of a FROM clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    Table(OccurrenceId),
    Derived(DerivedId),
}

/// Index into `Shape::levels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelId(pub usize);

/// Index into `Shape::derived`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedId(pub usize);

/// Index into `Shape::bodies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyId(pub usize);

/// The table references of one SELECT, UPDATE or DELETE.
#[derive(Debug, Default)]
pub struct Level {
    /// In the order of the text: both sides of a join are neighbours.
    pub references: Vec<Reference>,
    /// Columns named by USING.
    pub merged: Vec<Box<str>>,
    /// NATURAL merges columns that only the servers know.
    pub natural: bool,
    /// A RIGHT JOIN is among the joins: what it merges is its right side's.
    pub right: bool,
    /// What its columns can mean that are none of its own references'.
    pub outer: Option<Seen>,
}

/// Neighbouring references of a level, by their indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub level: LevelId,
    pub from: usize,
    /// Behind the last; what is beyond the level's references counts as their end.
    pub to: usize,
}

/// A derived table, a reference to a common table expression, or a table function.
#[derive(Debug)]
pub struct Derived {
    pub alias: Option<Box<str>>,
    /// Names that its columns get in its place, or in that of the common table expression.
    pub names: Option<Vec<Box<str>>>,
    /// The query whose rows it has; `None` if they are another's.
    pub body: Option<BodyId>,
}

/// A query whose rows a derived table has.
#[derive(Debug, Default)]
pub struct Body {
    /// Its SELECTs, one or those of set operations; one that is no SELECT has an empty list.
    pub parts: Vec<Part>,
    /// Something follows its parentheses.
    pub closed: bool,
    /// How many references there are to it.
    pub references: usize,
}

/// One SELECT of a query.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub level: LevelId,
    /// The tokens of its select list.
    pub list: (usize, usize),
    /// Behind its last token.
    pub end: usize,
}

impl Level {
    pub fn of(&self, seen: Seen) -> &[Reference] {
        self.references.get(seen.from..seen.to.min(self.references.len())).unwrap_or_default()
    }

    pub fn tables(&self) -> Vec<OccurrenceId> {
        let table = |reference: &Reference| match reference {
            Reference::Table(id) => Some(*id),
            Reference::Derived(_) => None,
        };
        self.references.iter().filter_map(table).collect()
    }

    /// Whether a column of this name may be one that a join made of those of its sides.
    pub fn merges(&self, column: &str) -> bool {
        self.natural || self.merged.iter().any(|merged| merged.to_lowercase() == column.to_lowercase())
    }
}

impl Seen {
    pub fn whole(level: LevelId) -> Seen {
        Seen { level, from: 0, to: usize::MAX }
    }
}
