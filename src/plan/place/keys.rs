//! The key sources of one occurrence of a split table.

use super::Place;
use crate::plan::read::{Column, Condition, Occurrence, Role, Shape, Test};
use crate::plan::{Comparison, KeySource, Refusal};
use crate::shard_map::SplitTable;

impl Place<'_> {
    /// What restricts the key of an occurrence, if anything does.
    pub fn sources(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<Vec<KeySource>, Refusal> {
        if shape.occurrences[index].role == Role::Inserted {
            return self.inserted(shape, index, split);
        }
        let sources = self.restricting(shape, index, split);
        Ok(match split.key.is_composite() && !sources.is_empty() {
            true => vec![KeySource::Columns(sources)],
            false => sources,
        })
    }

    /// What the conditions of the statement say of the key of an occurrence: each of them holds.
    pub fn restricting(&self, shape: &Shape, index: usize, split: &SplitTable) -> Vec<KeySource> {
        let restricting =
            shape.conditions.iter().filter(|condition| condition.restricts.iter().any(|id| id.0 == index));
        let mut sources = Vec::new();
        for condition in restricting {
            match self.source(shape, condition, &condition.test, index, split) {
                Some(KeySource::All(all)) => sources.extend(all),
                source => sources.extend(source),
            }
        }
        sources
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
        let place = |column: &Column| self.key_column(shape, condition, column, index, split);
        let of = |test: &Test| self.source(shape, condition, test, index, split);
        let source_of = |column: &Column, source: KeySource| {
            let place = place(column)?;
            Some(match split.key.is_composite() {
                true => KeySource::Of(place, Box::new(source)),
                false => source,
            })
        };
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
            Test::Compare(column, Comparison::Equal, operand) => source_of(column, KeySource::Equal(*operand)),
            Test::Compare(column, comparison, operand) => source_of(column, KeySource::Compare(*comparison, *operand)),
            Test::In(column, operands) => source_of(column, KeySource::In(operands.clone())),
            Test::Rows(columns, rows) => {
                let known = columns.iter().enumerate().filter_map(|(at, column)| Some((at, place(column)?)));
                let (places, columns): (Vec<usize>, Vec<u8>) = known.unzip();
                let row = |row: &Vec<_>| places.iter().map(|place| row[*place]).collect();
                // What is said of one column alone stands beside.
                (split.key.is_composite() && columns.len() > 1)
                    .then(|| KeySource::Tuples { columns, rows: rows.iter().map(row).collect() })
            }
            Test::Between { column, low, high, outside } => {
                source_of(column, KeySource::Between { low: *low, high: *high, outside: *outside })
            }
        }
    }

    /// The index of the key's column that this is, if it is one of the occurrence, and no other table's column.
    ///
    /// An unqualified name that the split table has is its column, or ambiguous: then the server answers
    /// 1052. Only another split table with such a key, or a join that merges columns, leaves a doubt.
    fn key_column(
        &self,
        shape: &Shape,
        condition: &Condition,
        column: &Column,
        index: usize,
        split: &SplitTable,
    ) -> Option<u8> {
        let visible = &condition.visible;
        let place = split.key.columns().position(|key| column.is_named(&key.name))?;
        if !visible.iter().any(|id| id.0 == index) {
            return None;
        }
        let is_its = if column.table.is_some() {
            let named: Vec<usize> = visible
                .iter()
                .map(|id| id.0)
                .filter(|&id| shape.occurrences[id].answers_to(column, self.session_name()))
                .collect();
            named == [index]
        } else {
            let with_such_key = visible.iter().filter(|id| self.has_key(&shape.occurrences[id.0], column)).count();
            with_such_key == 1
        };
        u8::try_from(place).ok().filter(|_| is_its)
    }

    /// Whether the key of the occurrence has a column of that name.
    pub fn has_key(&self, occurrence: &Occurrence, column: &Column) -> bool {
        let Ok(database) = self.database(occurrence.database.as_deref()) else {
            return false;
        };
        let table = crate::plan::TableName { database, name: occurrence.name.clone() };
        self.split(&table).is_some_and(|split| split.key.columns().any(|key| column.is_named(&key.name)))
    }
}
