//! The keys of rows to be stored, and the keys that stored rows are to get.
//!
//! Invariant: whatever a source here lets through lives on the shard that the source names.

use super::Place;
use super::columns::Key;
use super::keys::{Keys, Sources};
use crate::plan::read::{
    Column, Given, Insert, InsertSource, Occurrence, Role, Seen, Selected, Shape, is_named, may_be_named,
};
use crate::plan::{Clock, Construct, Form, KeySource, Operand, Refusal, SelectDoubt};
use crate::shard_map::{KeyColumn, KeyType, SplitTable};

impl Place<'_> {
    /// Of the rows that an INSERT or REPLACE is to store.
    pub fn inserted(
        &self,
        shape: &Shape,
        keys: &Keys<'_>,
        index: usize,
        split: &SplitTable,
    ) -> Result<Sources, Refusal> {
        let table = shape.occurrences[index].name.clone();
        let key = listed(split);
        let Some(insert) = inserts_into(shape, index) else {
            return Err(Refusal::Source { table, source: Construct::InsertSelect });
        };
        let Some(columns) = &insert.columns else {
            return Err(Refusal::Columns { table, key });
        };
        let target = &shape.occurrences[index];
        let mut places = Vec::with_capacity(split.key.count());
        for key in split.key.columns() {
            let mut found = columns.iter().enumerate().filter(|(_, column)| is_named(column, &key.name));
            match (found.next(), found.next()) {
                (Some((place, _)), None) => places.push(Some(place)),
                // No other name that a server may take for the key's.
                (None, _) if key.defaults_to_now && columns.iter().all(|column| !may_be_named(column, &key.name)) => {
                    places.push(None);
                }
                (Some(_), Some(_)) => return Err(Refusal::ColumnTwice { table, key: key.name.as_str().into() }),
                (None, _) => return Err(written_form(target, key, Form::Missing)),
            }
        }
        match &insert.source {
            InsertSource::Rows(rows) => {
                let given = |row: &[Operand], place: &Option<usize>, key: &KeyColumn| {
                    let given = place.map(|place| row.get(place).copied().unwrap_or(Operand::Missing));
                    match given {
                        None => Operand::Clock(Clock::Default, None),
                        Some(Operand::Default) if key.defaults_to_now => Operand::Clock(Clock::Default, None),
                        Some(given) => given,
                    }
                };
                let of_row = |row: &Vec<Operand>| -> Vec<Operand> {
                    places.iter().zip(split.key.columns()).map(|(place, key)| given(row, place, key)).collect()
                };
                stored(target, split, rows.iter().map(of_row).collect()).map(Sources::one)
            }
            InsertSource::Query(Ok(selected)) => {
                let missing = places.iter().zip(split.key.columns()).find(|(place, _)| place.is_none());
                match missing {
                    Some((_, key)) => Err(written_form(target, key, Form::Missing)),
                    None => {
                        let places: Vec<usize> = places.into_iter().flatten().collect();
                        self.selected(shape, keys, index, split, selected, &places)
                    }
                }
            }
            InsertSource::Query(Err(doubt)) => Err(Refusal::Selected { table, key, doubt: *doubt }),
        }
    }

    /// The columns at `places` of a SELECT whose rows are stored: literals, or the key of a row of a table that is split alike.
    fn selected(
        &self,
        shape: &Shape,
        keys: &Keys<'_>,
        index: usize,
        split: &SplitTable,
        selected: &Selected,
        places: &[usize],
    ) -> Result<Sources, Refusal> {
        let target = &shape.occurrences[index];
        let refusal = |doubt| Err(Refusal::Selected { table: target.name.clone(), key: listed(split), doubt });
        let (mut operands, mut from) = (Vec::new(), None);
        for (at, (place, key)) in places.iter().zip(split.key.columns()).enumerate() {
            if selected.items.iter().take(place + 1).any(Option::is_none) {
                return refusal(SelectDoubt::Star);
            }
            let column = match selected.items.get(*place).and_then(Option::as_ref) {
                Some(Given::Column(column)) => column,
                Some(Given::Operand(Operand::Expression) | Given::OfRow(_)) => return refusal(SelectDoubt::Expression),
                Some(Given::Operand(operand)) => {
                    operands.push(*operand);
                    continue;
                }
                None => return Err(written_form(target, key, Form::Missing)),
            };
            if let Some(doubt) = selected.doubt {
                return refusal(doubt);
            }
            let found = keys.columns.find(Seen::whole(selected.level), column).filter(|found| found.own.is_some());
            let [Key { occurrence, place, .. }] = found.as_ref().map_or(&[][..], |found| &found.keys) else {
                return refusal(SelectDoubt::Column);
            };
            let is_alike = keys.columns.splits[*occurrence].is_some_and(|of| is_split_alike(split, of));
            if !is_alike || usize::from(*place) != at {
                return refusal(SelectDoubt::Column);
            }
            if *from.get_or_insert(*occurrence) != *occurrence {
                return refusal(SelectDoubt::Rows);
            }
        }
        match from {
            None => stored(target, split, vec![operands]).map(Sources::one),
            Some(from) if operands.is_empty() => Ok(keys.read(from)),
            Some(_) => refusal(SelectDoubt::Rows),
        }
    }

    /// The keys that UPDATE, or ON DUPLICATE KEY UPDATE, gives to rows of this occurrence.
    pub fn assigned(
        &self,
        shape: &Shape,
        keys: &Keys<'_>,
        index: usize,
        split: &SplitTable,
    ) -> Result<Option<KeySource>, Refusal> {
        let occurrence = &shape.occurrences[index];
        let mut assigned = Vec::new();
        let construct = match occurrence.role {
            Role::Rows => Construct::Update,
            _ => Construct::OnDuplicateKey,
        };
        for (place, key) in (0u8..).zip(split.key.columns()) {
            let refused = || {
                let (table, key) = (occurrence.name.clone(), key.name.as_str().into());
                Refusal::KeyAssigned { table, key, construct }
            };
            let (mut operands, mut of_row) = (Vec::new(), false);
            for (column, value) in self.given_to(shape, index, key) {
                match value {
                    // The key that it has.
                    Given::Column(same) if same.is_same(column) => {}
                    Given::OfRow(name) if is_named(name, &key.name) => of_row = true,
                    Given::Operand(operand @ (Operand::Slot { .. } | Operand::Clock(..))) => operands.push(*operand),
                    Given::Operand(_) | Given::Column(_) | Given::OfRow(_) => return Err(refused()),
                }
            }
            assigned.push(Assigned { place, key, operands, of_row });
        }
        // The row that is found and the one that was to be stored live on the one shard, if it gets all of its key.
        if assigned.iter().all(|one| one.operands.is_empty() && (one.of_row || !split.key.is_composite())) {
            return Ok(None);
        }
        if !split.key.is_composite() {
            return Ok(assigned.pop().map(|one| KeySource::Assigned(one.operands)));
        }
        assigned.retain(|one| one.of_row || !one.operands.is_empty());
        if assigned.is_empty() {
            return Ok(None);
        }
        // What the row keeps is what the conditions say that it has; a row that is found by INSERT may have anything.
        let places: Vec<u8> = assigned.iter().map(|one| one.place).collect();
        let mut sources = match occurrence.role {
            Role::Rows => keys.own(index).to_vec(),
            _ => Vec::new(),
        };
        sources = sources.into_iter().filter_map(|source| without(source, &places)).collect();
        for mut one in assigned {
            if one.of_row {
                let given = inserts_into(shape, index).and_then(|insert| given_rows(insert, &one.key.name));
                one.operands.extend(given.ok_or_else(|| {
                    let (table, key) = (occurrence.name.clone(), one.key.name.as_str().into());
                    Refusal::KeyAssigned { table, key, construct }
                })?);
            }
            sources.push(KeySource::Of(one.place, Box::new(KeySource::Assigned(one.operands))));
        }
        Ok(Some(KeySource::Columns(sources)))
    }

    /// The assignments that may be to this column of the key of this occurrence.
    fn given_to<'s>(&self, shape: &'s Shape, index: usize, key: &KeyColumn) -> Vec<(&'s Column, &'s Given)> {
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
        of_insert.chain(of_update).filter(|(column, _)| column.may_be_named(&key.name)).collect()
    }
}

/// The INSERT whose target this occurrence is.
fn inserts_into(shape: &Shape, index: usize) -> Option<&Insert> {
    shape.inserts.iter().find(|insert| insert.target.0 == index)
}

/// What an UPDATE, or ON DUPLICATE KEY UPDATE, gives to one column of a key.
struct Assigned<'a> {
    place: u8,
    key: &'a KeyColumn,
    operands: Vec<Operand>,
    /// It gets what the row that was to be stored has there.
    of_row: bool,
}

/// What the rows of VALUES or SET have in a column.
fn given_rows(insert: &Insert, key: &str) -> Option<Vec<Operand>> {
    let place = insert.columns.as_ref()?.iter().position(|column| is_named(column, key))?;
    match &insert.source {
        InsertSource::Rows(rows) => rows.iter().map(|row| row.get(place).copied()).collect(),
        InsertSource::Query(_) => None,
    }
}

/// A condition without what it says of these columns; `None` if it says nothing else for certain.
fn without(source: KeySource, places: &[u8]) -> Option<KeySource> {
    match source {
        KeySource::All(all) => {
            let left: Vec<KeySource> = all.into_iter().filter_map(|source| without(source, places)).collect();
            (!left.is_empty()).then_some(KeySource::All(left))
        }
        KeySource::Any(any) => {
            any.into_iter().map(|source| without(source, places)).collect::<Option<_>>().map(KeySource::Any)
        }
        KeySource::Of(place, _) if places.contains(&place) => None,
        KeySource::Tuples { columns, .. } if columns.iter().any(|column| places.contains(column)) => None,
        source => Some(source),
    }
}

/// `rows` have an operand for each column of the key.
fn stored(target: &Occurrence, split: &SplitTable, mut rows: Vec<Vec<Operand>>) -> Result<KeySource, Refusal> {
    let form = |operand: &Operand| match operand {
        Operand::Clock(Clock::Called, _) => Some(Form::Called),
        Operand::Slot { .. } | Operand::Clock(..) => None,
        Operand::Null => Some(Form::Null),
        Operand::Bool(_) => Some(Form::Other),
        Operand::Default => Some(Form::Default),
        Operand::Expression => Some(Form::Expression),
        Operand::Missing => Some(Form::Missing),
    };
    if rows.is_empty() {
        return Err(written_form(target, &split.key.first, Form::Missing));
    }
    for row in &rows {
        for (operand, key) in row.iter().zip(split.key.columns()) {
            if let Some(form) = form(operand) {
                return Err(written_form(target, key, form));
            }
        }
    }
    Ok(match split.key.is_composite() {
        true => KeySource::InsertedTuples(rows),
        false => KeySource::Inserted(rows.iter_mut().filter_map(Vec::pop).collect()),
    })
}

fn written_form(target: &Occurrence, key: &KeyColumn, form: Form) -> Refusal {
    Refusal::WrittenForm { table: target.name.clone(), key: key.name.as_str().into(), kind: key.kind, form }
}

/// `id`, or `tenant, id`.
fn listed(split: &SplitTable) -> Box<str> {
    split.key.columns().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ").into()
}

/// Whether a key of `from`, stored in `into`, is the same key, and lives on the same shard.
///
/// A local time may be stored as another point in time than it was read from.
pub fn is_split_alike(into: &SplitTable, from: &SplitTable) -> bool {
    into.is_like(from) && !into.key.columns().any(|key| matches!(key.kind, KeyType::Timestamp { .. }))
}
