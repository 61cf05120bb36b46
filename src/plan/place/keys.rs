//! The key sources of one occurrence of a split table.

use super::Place;
use crate::plan::read::{Column, Equality, InsertSource, Occurrence, Role, Shape};
use crate::plan::{Construct, Form, KeySource, Operand, Refusal};
use crate::shard_map::SplitTable;

impl Place<'_> {
    /// Never empty: an occurrence without a key is refused.
    pub fn sources(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<Vec<KeySource>, Refusal> {
        let occurrence = &shape.occurrences[index];
        if occurrence.role == Role::Inserted {
            return Ok(vec![self.inserted(shape, index, split)?]);
        }
        self.refuse_assignment(shape, index, split)?;
        let sources: Vec<KeySource> = shape
            .equalities
            .iter()
            .filter(|equality| self.restricts(shape, equality, index, split))
            .map(|equality| equality.source.clone())
            .collect();
        if sources.is_empty() {
            return Err(Refusal::NoKey {
                table: occurrence.name.clone(),
                key: split.key.name.as_str().into(),
                shards: self.shard_names(split),
            });
        }
        Ok(sources)
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

    fn has_key(&self, occurrence: &Occurrence, column: &Column) -> bool {
        let Ok(database) = self.database(occurrence.database.as_deref()) else {
            return false;
        };
        let table = crate::plan::TableName { database, name: occurrence.name.clone() };
        self.split(&table).is_some_and(|split| column.is_named(&split.key.name))
    }

    pub fn refuse_assignment(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<(), Refusal> {
        for assignment in &shape.assignments {
            let column = &assignment.column;
            if !assignment.visible.iter().any(|id| id.0 == index) || !column.may_be_named(&split.key.name) {
                continue;
            }
            let of_another = column.table.is_some()
                && assignment
                    .visible
                    .iter()
                    .any(|id| id.0 != index && shape.occurrences[id.0].answers_to(column, self.session_name()));
            if !of_another {
                return Err(self.key_assigned(&shape.occurrences[index], split, Construct::Update));
            }
        }
        Ok(())
    }

    fn inserted(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<KeySource, Refusal> {
        let table = shape.occurrences[index].name.clone();
        let key: Box<str> = split.key.name.as_str().into();
        let Some(insert) = shape.inserts.iter().find(|insert| insert.target.0 == index) else {
            return Err(Refusal::Source { table, source: Construct::InsertSelect });
        };
        if insert.updated.iter().any(|column| column.may_be_named(&key)) {
            return Err(self.key_assigned(&shape.occurrences[index], split, Construct::OnDuplicateKey));
        }
        let InsertSource::Rows { columns, rows } = &insert.source else {
            return Err(Refusal::Source { table, source: Construct::InsertSelect });
        };
        let Some(columns) = columns else {
            return Err(Refusal::Columns { table, key });
        };
        let mut places = columns.iter().enumerate().filter(|(_, column)| named(column, &key)).map(|(place, _)| place);
        let (Some(place), None) = (places.next(), places.next()) else {
            return Err(Refusal::WrittenForm { table, key, kind: split.key.kind, form: Form::Missing });
        };
        let operands: Vec<Operand> =
            rows.iter().map(|row| row.get(place).copied().unwrap_or(Operand::Missing)).collect();
        for operand in &operands {
            let form = match operand {
                Operand::Slot { .. } => continue,
                Operand::Null => Form::Null,
                Operand::Bool(_) => Form::Other,
                Operand::Default => Form::Default,
                Operand::Expression => Form::Expression,
                Operand::Missing => Form::Missing,
            };
            return Err(Refusal::WrittenForm { table, key, kind: split.key.kind, form });
        }
        if operands.is_empty() {
            return Err(Refusal::WrittenForm { table, key, kind: split.key.kind, form: Form::Missing });
        }
        Ok(KeySource::Inserted(operands))
    }

    fn key_assigned(&self, occurrence: &Occurrence, split: &SplitTable, construct: Construct) -> Refusal {
        Refusal::KeyAssigned { table: occurrence.name.clone(), key: split.key.name.as_str().into(), construct }
    }
}

fn named(column: &str, key: &str) -> bool {
    column.eq_ignore_ascii_case(key) || column.to_lowercase() == key.to_lowercase()
}
