//! The key sources of one occurrence of a split table.

use super::Place;
use crate::plan::read::{Column, Condition, Occurrence, Role, Shape, Test};
use crate::plan::{Comparison, KeySource, Refusal};
use crate::shard_map::SplitTable;

impl Place<'_> {
    /// What restricts the key of an occurrence, if anything does.
    pub fn sources(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<Vec<KeySource>, Refusal> {
        let occurrence = &shape.occurrences[index];
        if occurrence.role == Role::Inserted {
            return self.inserted(shape, index, split);
        }
        let restricting =
            shape.conditions.iter().filter(|condition| condition.restricts.iter().any(|id| id.0 == index));
        let mut sources = Vec::new();
        for condition in restricting {
            match self.source(shape, condition, &condition.test, index, split) {
                Some(KeySource::All(all)) => sources.extend(all),
                source => sources.extend(source),
            }
        }
        Ok(sources)
    }

    /// What a condition says of the key of the occurrence; `None` if nothing for certain.
    fn source(
        &self,
        shape: &Shape,
        condition: &Condition,
        test: &Test,
        index: usize,
        split: &SplitTable,
    ) -> Option<KeySource> {
        let is_key = |column: &Column| self.is_key(shape, condition, column, index, split);
        let of = |test: &Test| self.source(shape, condition, test, index, split);
        match test {
            Test::Unknown => None,
            Test::All(tests) => {
                let mut sources: Vec<KeySource> = tests.iter().filter_map(of).collect();
                match sources.len() {
                    0 | 1 => sources.pop(),
                    _ => Some(KeySource::All(sources)),
                }
            }
            Test::Any(tests) => tests.iter().map(of).collect::<Option<Vec<_>>>().map(KeySource::Any),
            Test::Compare(column, comparison, operand) => is_key(column).then_some(match comparison {
                Comparison::Equal => KeySource::Equal(*operand),
                comparison => KeySource::Compare(*comparison, *operand),
            }),
            Test::In(column, operands) => is_key(column).then(|| KeySource::In(operands.clone())),
            Test::Between { column, low, high, outside } => {
                is_key(column).then_some(KeySource::Between { low: *low, high: *high, outside: *outside })
            }
        }
    }

    /// Whether the column is the key of the occurrence, and of no other table's column.
    ///
    /// An unqualified name that the split table has is its column, or ambiguous: then the server answers
    /// 1052. Only another split table with such a key, or a join that merges columns, leaves a doubt.
    fn is_key(&self, shape: &Shape, condition: &Condition, column: &Column, index: usize, split: &SplitTable) -> bool {
        let visible = &condition.visible;
        if !column.is_named(&split.key.name) || !visible.iter().any(|id| id.0 == index) {
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
