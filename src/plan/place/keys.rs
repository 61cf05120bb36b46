//! The key sources of one occurrence of a split table.

use super::Place;
use crate::plan::read::{Column, Equality, Occurrence, Role, Shape};
use crate::plan::{KeySource, Refusal};
use crate::shard_map::SplitTable;

impl Place<'_> {
    /// What restricts the key of an occurrence, if anything does.
    pub fn sources(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<Vec<KeySource>, Refusal> {
        let occurrence = &shape.occurrences[index];
        if occurrence.role == Role::Inserted {
            return self.inserted(shape, index, split);
        }
        Ok(shape
            .equalities
            .iter()
            .filter(|equality| self.restricts(shape, equality, index, split))
            .map(|equality| equality.source.clone())
            .collect())
    }

    /// Whether the equality is about the key of the occurrence, and of no other table's column.
    ///
    /// An unqualified name that the split table has is its column, or ambiguous: then the server answers
    /// 1052. Only another split table with such a key, or a join that merges columns, leaves a doubt.
    fn restricts(&self, shape: &Shape, equality: &Equality, index: usize, split: &SplitTable) -> bool {
        let Equality { column, restricts, visible, merged, .. } = equality;
        if *merged || !column.is_named(&split.key.name) || !restricts.iter().any(|id| id.0 == index) {
            return false;
        }
        if column.table.is_some() {
            let named: Vec<usize> = visible
                .iter()
                .map(|id| id.0)
                .filter(|&id| shape.occurrences[id].answers_to(column, self.session_name()))
                .collect();
            return named == [index];
        }
        let with_such_key = visible.iter().filter(|id| self.has_key(&shape.occurrences[id.0], column)).count();
        with_such_key == 1
    }

    pub fn has_key(&self, occurrence: &Occurrence, column: &Column) -> bool {
        let Ok(database) = self.database(occurrence.database.as_deref()) else {
            return false;
        };
        let table = crate::plan::TableName { database, name: occurrence.name.clone() };
        self.split(&table).is_some_and(|split| column.is_named(&split.key.name))
    }
}
