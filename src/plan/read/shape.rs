//! What a statement's text says about tables, before any map is asked.
//!
//! Invariant: when `unsure` is `None`, `occurrences` holds every place where the text names a stored table.

use std::ops::Range;

use super::level::{Body, Derived, Level, LevelId, Seen};
use crate::plan::{Comparison, Operand, SelectDoubt};

/// The tables of a statement and the conditions on their columns.
#[derive(Debug, Default)]
pub struct Shape {
    pub occurrences: Vec<Occurrence>,
    pub conditions: Vec<Condition>,
    pub assignments: Vec<Assignment>,
    pub inserts: Vec<Insert>,
    /// Occurrences whose rows a DELETE removes.
    pub deleted: Vec<OccurrenceId>,
    pub levels: Vec<Level>,
    pub derived: Vec<Derived>,
    pub bodies: Vec<Body>,
    /// Every name that stands where a table may stand: tables, common table expressions, targets.
    pub mentioned: Vec<Box<str>>,
    /// The text near the first place that was not understood.
    pub unsure: Option<Box<str>>,
}

/// Index into [`Shape::occurrences`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OccurrenceId(pub usize);

/// `d.t` or `t`.
pub type QualifiedName = (Option<Box<str>>, Box<str>);

/// One place where a table is named.
#[derive(Debug)]
pub struct Occurrence {
    pub database: Option<Box<str>>,
    pub name: Box<str>,
    pub alias: Option<Box<str>>,
    pub role: Role,
    /// The number of the token behind its name.
    pub end: usize,
    /// FOR PORTION OF: what is left of its rows is stored anew.
    pub portion: bool,
}

/// What happens to the table at that place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Its rows are read, updated or deleted.
    Rows,
    /// Target of INSERT or REPLACE.
    Inserted,
    /// Only its definition is read: DESCRIBE, SHOW CREATE TABLE.
    Described,
    /// Its definition, or the table as a whole, changes; any other statement that a split table needs on all shards.
    Whole(crate::plan::Construct),
}

/// A column as written: `c`, `t.c` or `d.t.c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub database: Option<Box<str>>,
    pub table: Option<Box<str>>,
    pub name: Box<str>,
}

/// A condition that holds for every row of `restricts` that can change the answer. It is false or NULL wherever all of
/// its comparisons are, so that a row of NULLs that an outer join adds does not pass it either.
#[derive(Debug)]
pub struct Condition {
    pub test: Test,
    /// The references whose columns it can see, before those of the queries around its own.
    pub seen: Seen,
    /// Indices of references of that level.
    pub restricts: Range<usize>,
}

/// A condition as far as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// May be true of any row.
    Unknown,
    All(Vec<Test>),
    Any(Vec<Test>),
    /// `column comparison operand`
    Compare(Column, Comparison, Operand),
    In(Column, Vec<Operand>),
    /// The columns equal one of the rows, value by value. Beside it stands what that says of each column.
    Rows(Vec<Column>, Vec<Vec<Operand>>),
    /// `column BETWEEN low AND high`, or `column NOT BETWEEN low AND high` if `outside`.
    Between {
        column: Column,
        low: Operand,
        high: Operand,
        outside: bool,
    },
    /// `column = column`
    Same(Column, Column),
    /// What USING and NATURAL say: columns of one name, of references on both sides of a join, are equal.
    Merged(Merged),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Every name that both sides have, if none.
    pub name: Option<Box<str>>,
    /// Indices of the references on the left; one at least.
    pub left: Range<usize>,
    pub right: Range<usize>,
    /// Another join may have merged columns of that name before.
    pub again: bool,
}

/// `column = value` of UPDATE ... SET.
#[derive(Debug)]
pub struct Assignment {
    pub column: Column,
    pub value: Given,
    pub visible: Vec<OccurrenceId>,
}

/// What a column gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Operand(Operand),
    /// What a column has.
    Column(Column),
    /// Of ON DUPLICATE KEY UPDATE: what the row that was to be stored has in the column of this name.
    OfRow(Box<str>),
}

/// An INSERT or REPLACE.
#[derive(Debug)]
pub struct Insert {
    pub target: OccurrenceId,
    /// `None` when the text names none.
    pub columns: Option<Vec<Box<str>>>,
    pub source: InsertSource,
    pub updated: Vec<Updated>,
}

/// `column = value` of ON DUPLICATE KEY UPDATE.
#[derive(Debug)]
pub struct Updated {
    pub column: Column,
    /// A column here is one of the row that was found.
    pub value: Given,
}

#[derive(Debug)]
pub enum InsertSource {
    /// VALUES or SET.
    Rows(Vec<Vec<Operand>>),
    Query(Result<Selected, SelectDoubt>),
}

/// One SELECT whose rows are stored.
#[derive(Debug)]
pub struct Selected {
    /// Its columns; `None` for `*`, which stands for any number of them.
    pub items: Vec<Option<Given>>,
    /// Why a column may be NULL where no row of its table has a NULL.
    pub doubt: Option<SelectDoubt>,
    /// The references whose columns `items` see.
    pub level: LevelId,
}

impl Occurrence {
    /// Whether `column`'s qualifier names this occurrence. Exact: case that differs names nothing.
    pub fn answers_to(&self, column: &Column, session_database: Option<&str>) -> bool {
        let Some(table) = &column.table else {
            return true;
        };
        match (&column.database, &self.alias) {
            (None, Some(alias)) => alias == table,
            (None, None) => self.name == *table,
            // An alias hides the database-qualified name.
            (Some(_), Some(_)) => false,
            (Some(database), None) => {
                self.name == *table && self.database.as_deref().or(session_database) == Some(&**database)
            }
        }
    }
}

/// Whether two names of columns are one: they have no case.
pub fn is_named(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

/// Like [`is_named`], and true wherever a server's collation of identifiers might find the two equal.
pub fn may_be_named(one: &str, other: &str) -> bool {
    is_named(one, other) || ((!one.is_ascii() || !other.is_ascii()) && one.chars().count() == other.chars().count())
}

impl Column {
    /// Whether this names a column called `key`; column names have no case.
    pub fn is_named(&self, key: &str) -> bool {
        is_named(&self.name, key)
    }

    /// Whether both are written as the same column of the same table.
    pub fn is_same(&self, other: &Column) -> bool {
        self.database == other.database && self.table == other.table && self.is_named(&other.name)
    }

    /// Like [`Column::is_named`], and true wherever a server's collation of identifiers might find the two equal:
    /// for assignments, which must not miss the key.
    pub fn may_be_named(&self, key: &str) -> bool {
        may_be_named(&self.name, key)
    }
}
