//! Which shards: keys of several columns.
//!
//! Of each column is kept, by itself, what the conditions leave of it: every value, an interval, or a list. Their product
//! holds every key for which all conditions hold, so a shard that has none of its keys has no row to miss. Rows of values,
//! `(a, b) IN ((1, 2), (3, 4))`, are looked at one by one besides.
//! Cold, next to keys of one column: lists and texts are allocated.

mod search;

use std::rc::Rc;

use super::conditions::{EVERY_KEY, Span, each_key, narrowed, settled};
use super::key::{self, Normal, Read};
use super::{Doubt, Reach, Values};
use crate::plan::{Comparison, Form, KeySource, Operand};
use crate::shard_map::{Key, KeyColumn, ShardId, SplitTable};
use search::{Left, Search, Test};

/// Every shard that may hold a key for which all of `sources` hold: ascending, each once; none if there is no such key.
pub(super) fn shards(split: &SplitTable, sources: &[KeySource], values: &impl Values) -> Vec<ShardId> {
    Search::new(split).all(&Conditions { split, values }.all(sources))
}

/// The one shard of those keys; what they are to become is assigned among them, and has to have a home for certain.
pub(super) fn reach(split: &SplitTable, sources: &[KeySource], values: &impl Values) -> Result<Reach, Doubt> {
    let (conditions, search) = (Conditions { split, values }, Search::new(split));
    let shards = search.all(&conditions.all(sources));
    let assigned = conditions.assigned(sources)?;
    match shards.as_slice() {
        _ if assigned && (search.homeless.get() || shards.len() != 1) => Err(Doubt::MayMove),
        [] => Ok(Reach::Nothing),
        [shard] => Ok(Reach::Shard(*shard)),
        [first, second, ..] => Err(conditions.doubt(sources, *first, *second)),
    }
}

/// The one shard of rows that are to be stored.
pub(super) fn stored(split: &SplitTable, rows: &[Vec<Operand>], values: &impl Values) -> Result<Reach, Doubt> {
    let (mut found, mut text) = (None, Vec::new());
    each_row(split, rows, values, &mut |keys| {
        text.clear();
        for (column, key) in split.key.columns().zip(keys) {
            split.append(column, *key, &mut text);
        }
        match (split.home(Key::Text(&text)), found) {
            (None, _) => Err(Doubt::WrittenOf(0, Form::Below)),
            (Some(shard), Some(other)) if shard != other => Err(Doubt::Rows(other, shard)),
            (Some(shard), _) => {
                found = Some(shard);
                Ok(())
            }
        }
    })?;
    found.map(Reach::Shard).ok_or(Doubt::WrittenOf(0, Form::Missing))
}

/// Visits the keys of rows that are to be stored, each with a value for every column.
pub(super) fn each_row(
    split: &SplitTable,
    rows: &[Vec<Operand>],
    values: &impl Values,
    visit: &mut dyn FnMut(&[Key<'_>]) -> Result<(), Doubt>,
) -> Result<(), Doubt> {
    for row in rows {
        let mut columns: Vec<Vec<Normal<'static>>> = Vec::with_capacity(row.len());
        // A function of the time is the same in all of the rows that a folded one stands for.
        let mut count = 1;
        for ((place, column), operand) in (0u8..).zip(split.key.columns()).zip(row) {
            let keys = written(column, *operand, values).map_err(|form| Doubt::WrittenOf(place, form))?;
            if keys.len() != 1 {
                if keys.is_empty() || count != 1 && count != keys.len() {
                    return Err(Doubt::WrittenOf(place, Form::Missing));
                }
                count = keys.len();
            }
            columns.push(keys);
        }
        if columns.len() != split.key.count() {
            return Err(Doubt::WrittenOf(0, Form::Missing));
        }
        for index in 0..count {
            let keys: Vec<Key<'_>> = columns.iter().map(|keys| keys[index.min(keys.len() - 1)].key()).collect();
            visit(&keys)?;
        }
    }
    Ok(())
}

/// Visits the keys for which all of `sources` may hold, if they are no more than `keys_max`.
pub(super) fn each_key_left(
    split: &SplitTable,
    sources: &[KeySource],
    values: &impl Values,
    keys_max: usize,
    visit: &mut dyn FnMut(&[Key<'_>]),
) {
    let tests = Conditions { split, values }.all(sources);
    let left = search::narrowed(&tests, &Search::new(split).every());
    let mut keys: Vec<Vec<Key<'_>>> = vec![Vec::new()];
    for left in &left {
        let next: Vec<Key<'_>> = match left {
            Left::Keys(keys) => keys.iter().map(Normal::key).collect(),
            Left::Between(Span { low, high }) if low == high => vec![Key::Number(*low)],
            Left::Between(_) => return,
        };
        if keys.len().saturating_mul(next.len()) > keys_max {
            return;
        }
        let mut longer = Vec::with_capacity(keys.len() * next.len());
        for key in &keys {
            longer.extend(next.iter().map(|next| [&key[..], &[*next]].concat()));
        }
        keys = longer;
    }
    keys.iter().for_each(|key| visit(key));
}

/// The keys that an operand stores, one for each row that it stands for.
fn written(column: &KeyColumn, operand: Operand, values: &impl Values) -> Result<Vec<Normal<'static>>, Form> {
    let (mut keys, mut fault) = (Vec::new(), None);
    let mut add = |written: key::Written<'_>| match written {
        Ok(key) => keys.push(key.into_owned()),
        Err(form) => fault = fault.or(Some(form)),
    };
    match operand {
        Operand::Slot { slot, negated } => values.each(slot, &mut |value| {
            add(key::written(value, negated, &column.kind, values));
            true
        }),
        Operand::Clock(clock, digits) => key::each_digits(digits, values, &mut |digits| {
            add(key::clock(clock, digits, &column.kind, values));
            true
        }),
        _ => add(Err(Form::Missing)),
    }
    fault.map_or(Ok(keys), Err)
}

/// Reads the values of conditions.
struct Conditions<'s, V> {
    split: &'s SplitTable,
    values: &'s V,
}

impl<V: Values> Conditions<'_, V> {
    fn all(&self, sources: &[KeySource]) -> Vec<Test> {
        sources.iter().map(|source| self.test(source)).collect()
    }

    fn test(&self, source: &KeySource) -> Test {
        match source {
            KeySource::All(all) => Test::All(self.all(all)),
            KeySource::Any(any) => Test::Any(self.all(any)),
            KeySource::Of(place, source) => {
                let place = usize::from(*place);
                self.split.key.column(place).map_or(Test::Unknown, |column| self.column(place, column, source))
            }
            KeySource::Tuples { columns, rows } => Test::Any(rows.iter().map(|row| self.row(columns, row)).collect()),
            _ => Test::Unknown,
        }
    }

    fn column(&self, place: usize, column: &KeyColumn, source: &KeySource) -> Test {
        let keys = match source {
            KeySource::Equal(operand) => self.compared(column, std::slice::from_ref(operand), false).ok(),
            KeySource::In(operands) => self.compared(column, operands, true).ok(),
            KeySource::Compare(Comparison::NullSafe, operand) => {
                settled(&column.kind, *operand, self.values).map(|key| vec![Normal::Number(key)])
            }
            KeySource::Assigned(operands) => self.written(column, operands).ok(),
            KeySource::Between { low, high, outside: true } => {
                let (low, high) = (settled(&column.kind, *low, self.values), settled(&column.kind, *high, self.values));
                let (Some(low), Some(high)) = (low, high) else { return Test::Unknown };
                let spans = [Span { high: low - 1, ..EVERY_KEY }, Span { low: high + 1, ..EVERY_KEY }];
                return Test::Any(spans.map(|span| Test::Column(place, Left::Between(span))).into());
            }
            source => {
                let span = narrowed(&column.kind, source, EVERY_KEY, self.values);
                return Test::Column(place, Left::Between(span));
            }
        };
        keys.map_or(Test::Unknown, |keys| Test::Column(place, Left::Keys(keys.into())))
    }

    /// A row of values that the columns equal. Nothing in such a row is folded.
    fn row(&self, columns: &[u8], row: &[Operand]) -> Test {
        let equal = |(place, operand): (&u8, &Operand)| {
            let place = usize::from(*place);
            let column = self.split.key.column(place)?;
            let keys = self.compared(column, std::slice::from_ref(operand), true).ok()?;
            Some(Test::Column(place, Left::Keys(Rc::from(keys))))
        };
        Test::All(columns.iter().zip(row).map(|one| equal(one).unwrap_or(Test::Unknown)).collect())
    }

    /// The keys that equal one of the operands; why one of them is not settled.
    fn compared(&self, column: &KeyColumn, operands: &[Operand], list: bool) -> Result<Vec<Normal<'static>>, Form> {
        let (mut keys, mut doubt) = (Vec::new(), None);
        each_key(&column.kind, operands, list, self.values, &mut |read| match read {
            Read::Key(key) => keys.push(key.into_owned()),
            Read::Nothing => {}
            Read::Unsettled(form) => doubt = doubt.or(Some(form)),
        });
        doubt.map_or(Ok(keys), Err)
    }

    fn written(&self, column: &KeyColumn, operands: &[Operand]) -> Result<Vec<Normal<'static>>, Form> {
        let mut keys = Vec::new();
        for operand in operands {
            keys.extend(written(column, *operand, self.values)?);
        }
        if keys.is_empty() { Err(Form::Missing) } else { Ok(keys) }
    }

    /// Whether columns are to get values, all of them exact.
    fn assigned(&self, sources: &[KeySource]) -> Result<bool, Doubt> {
        let mut assigned = false;
        for source in sources {
            if let KeySource::Of(place, source) = source
                && let (KeySource::Assigned(operands), Some(column)) =
                    (&**source, self.split.key.column(usize::from(*place)))
            {
                assigned = true;
                self.written(column, operands).map_err(|form| Doubt::WrittenOf(*place, form))?;
            }
        }
        Ok(assigned)
    }

    /// Why the keys are on several shards, of which these are two.
    fn doubt(&self, sources: &[KeySource], first: ShardId, second: ShardId) -> Doubt {
        let mut doubt = None;
        let mut given = vec![false; self.split.key.count()];
        equalities(sources, &mut |place, operands, list| {
            let Some(column) = self.split.key.column(usize::from(place)) else { return };
            given[usize::from(place)] = true;
            if let Err(form) = self.compared(column, operands, list) {
                doubt = doubt.or(Some(Doubt::ReadOf(place, form)));
            }
        });
        match doubt {
            Some(doubt) => doubt,
            None if given.iter().all(|given| *given) => Doubt::Keys(first, second),
            None => Doubt::NoKey,
        }
    }
}

/// Visits the operands of all equalities and lists.
fn equalities(sources: &[KeySource], visit: &mut dyn FnMut(u8, &[Operand], bool)) {
    for source in sources {
        match source {
            KeySource::Of(place, source) => match &**source {
                KeySource::Equal(operand) => visit(*place, std::slice::from_ref(operand), false),
                KeySource::In(operands) => visit(*place, operands, true),
                _ => {}
            },
            KeySource::All(sources) | KeySource::Any(sources) => equalities(sources, visit),
            _ => {}
        }
    }
}
