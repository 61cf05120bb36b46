//! The keys of rows to be stored, and the keys that stored rows are to get.
//!
//! Invariant: whatever a source here lets through lives on the shard that the source names.

use super::Place;
use crate::plan::read::{Column, Given, Insert, InsertSource, Occurrence, OccurrenceId, Role, Selected, Shape};
use crate::plan::{Clock, Construct, Form, KeySource, Operand, Refusal, SelectDoubt, TableName};
use crate::shard_map::{KeyType, SplitTable};

impl Place<'_> {
    /// Of the rows that an INSERT or REPLACE is to store.
    pub fn inserted(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<Vec<KeySource>, Refusal> {
        let table = shape.occurrences[index].name.clone();
        let key: Box<str> = split.key.name.as_str().into();
        let Some(insert) = inserts_into(shape, index) else {
            return Err(Refusal::Source { table, source: Construct::InsertSelect });
        };
        let Some(columns) = &insert.columns else {
            return Err(Refusal::Columns { table, key });
        };
        let mut places = columns.iter().enumerate().filter(|(_, column)| named(column, &key)).map(|(place, _)| place);
        let (Some(place), None) = (places.next(), places.next()) else {
            return Err(written_form(&shape.occurrences[index], split, Form::Missing));
        };
        match &insert.source {
            InsertSource::Rows(rows) => {
                let operands: Vec<Operand> =
                    rows.iter().map(|row| row.get(place).copied().unwrap_or(Operand::Missing)).collect();
                stored(&shape.occurrences[index], split, operands).map(|source| vec![source])
            }
            InsertSource::Query(Ok(selected)) => self.selected(shape, index, split, selected, place),
            InsertSource::Query(Err(doubt)) => Err(Refusal::Selected { table, key, doubt: *doubt }),
        }
    }

    /// The column at `place` of a SELECT whose rows are stored: a literal, or the key of a row of a table that is split alike.
    fn selected(
        &self,
        shape: &Shape,
        index: usize,
        split: &SplitTable,
        selected: &Selected,
        place: usize,
    ) -> Result<Vec<KeySource>, Refusal> {
        let target = &shape.occurrences[index];
        let refusal = |doubt| {
            let (table, key) = (target.name.clone(), split.key.name.as_str().into());
            Err(Refusal::Selected { table, key, doubt })
        };
        if selected.items.iter().take(place + 1).any(Option::is_none) {
            return refusal(SelectDoubt::Star);
        }
        let column = match selected.items.get(place).and_then(Option::as_ref) {
            Some(Given::Column(column)) => column,
            Some(Given::Operand(Operand::Expression) | Given::OfRow(_)) => return refusal(SelectDoubt::Expression),
            Some(Given::Operand(operand)) => return stored(target, split, vec![*operand]).map(|source| vec![source]),
            None => return Err(written_form(target, split, Form::Missing)),
        };
        if let Some(doubt) = selected.doubt {
            return refusal(doubt);
        }
        let merged = column.table.is_none() && selected.scope.merges(&column.name);
        match self.key_of(shape, column, &selected.scope.tables) {
            Some((from, of)) if !merged && is_split_alike(split, of) => self.sources(shape, from, of),
            _ => refusal(SelectDoubt::Column),
        }
    }

    /// The occurrence of a split table whose key the column is, and of no other table's column.
    fn key_of(&self, shape: &Shape, column: &Column, visible: &[OccurrenceId]) -> Option<(usize, &SplitTable)> {
        let mut named = visible.iter().map(|id| id.0).filter(|&id| {
            let occurrence = &shape.occurrences[id];
            match column.table {
                Some(_) => occurrence.answers_to(column, self.session_name()),
                None => self.has_key(occurrence, column),
            }
        });
        let (Some(index), None) = (named.next(), named.next()) else {
            return None;
        };
        let occurrence = &shape.occurrences[index];
        let database = self.database(occurrence.database.as_deref()).ok()?;
        let split = self.split(&TableName { database, name: occurrence.name.clone() })?;
        column.is_named(&split.key.name).then_some((index, split))
    }

    /// The keys that UPDATE, or ON DUPLICATE KEY UPDATE, gives to rows of this occurrence.
    pub fn assigned(&self, shape: &Shape, index: usize, split: &SplitTable) -> Result<Option<KeySource>, Refusal> {
        let occurrence = &shape.occurrences[index];
        let mut operands = Vec::new();
        let construct = match occurrence.role {
            Role::Rows => Construct::Update,
            _ => Construct::OnDuplicateKey,
        };
        for (column, value) in self.given_to(shape, index, split) {
            match value {
                // The key that it has.
                Given::Column(same) if same.is_same(column) => {}
                // The row that is found and the one that was to be stored live on the one shard.
                Given::OfRow(name) if named(name, &split.key.name) => {}
                Given::Operand(operand @ (Operand::Slot { .. } | Operand::Clock(..))) => operands.push(*operand),
                Given::Operand(_) | Given::Column(_) | Given::OfRow(_) => {
                    let (table, key) = (occurrence.name.clone(), split.key.name.as_str().into());
                    return Err(Refusal::KeyAssigned { table, key, construct });
                }
            }
        }
        Ok((!operands.is_empty()).then_some(KeySource::Assigned(operands)))
    }

    /// The assignments that may be to the key of this occurrence.
    fn given_to<'s>(&self, shape: &'s Shape, index: usize, split: &SplitTable) -> Vec<(&'s Column, &'s Given)> {
        let updated = inserts_into(shape, index).map(|insert| insert.updated.as_slice()).unwrap_or_default();
        let of_insert = updated.iter().map(|updated| (&updated.column, &updated.value));
        let of_update = shape
            .assignments
            .iter()
            .filter(|assignment| assignment.visible.iter().any(|id| id.0 == index))
            .filter(|assignment| {
                let answers = |id: usize| shape.occurrences[id].answers_to(&assignment.column, self.session_name());
                answers(index) || !assignment.visible.iter().any(|id| answers(id.0))
            })
            .map(|assignment| (&assignment.column, &assignment.value));
        of_insert.chain(of_update).filter(|(column, _)| column.may_be_named(&split.key.name)).collect()
    }
}

/// The INSERT whose target this occurrence is.
fn inserts_into(shape: &Shape, index: usize) -> Option<&Insert> {
    shape.inserts.iter().find(|insert| insert.target.0 == index)
}

fn stored(target: &Occurrence, split: &SplitTable, operands: Vec<Operand>) -> Result<KeySource, Refusal> {
    let form = |operand: &Operand| match operand {
        Operand::Clock(Clock::Called, _) => Some(Form::Called),
        Operand::Slot { .. } | Operand::Clock(..) => None,
        Operand::Null => Some(Form::Null),
        Operand::Bool(_) => Some(Form::Other),
        Operand::Default => Some(Form::Default),
        Operand::Expression => Some(Form::Expression),
        Operand::Missing => Some(Form::Missing),
    };
    let fault = if operands.is_empty() { Some(Form::Missing) } else { operands.iter().find_map(form) };
    match fault {
        Some(form) => Err(written_form(target, split, form)),
        None => Ok(KeySource::Inserted(operands)),
    }
}

fn written_form(target: &Occurrence, split: &SplitTable, form: Form) -> Refusal {
    let (table, key) = (target.name.clone(), split.key.name.as_str().into());
    Refusal::WrittenForm { table, key, kind: split.key.kind, form }
}

/// Whether a key of `from`, stored in `into`, is the same key, and lives on the same shard.
///
/// A local time may be stored as another point in time than it was read from.
fn is_split_alike(into: &SplitTable, from: &SplitTable) -> bool {
    into.key.kind == from.key.kind && into.split == from.split && !matches!(into.key.kind, KeyType::Timestamp { .. })
}

fn named(column: &str, key: &str) -> bool {
    column.eq_ignore_ascii_case(key) || column.to_lowercase() == key.to_lowercase()
}
