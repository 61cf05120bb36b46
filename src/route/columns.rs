//! Which shards: keys of several columns.
//!
//! Of each column is kept, by itself, what the conditions leave of it: every value, an interval, or a list. Their product
//! holds every key for which all conditions hold, so a shard that has none of its keys has no row to miss. Rows of values,
//! `(a, b) IN ((1, 2), (3, 4))`, are looked at one by one besides.
//! Cold, next to keys of one column: lists and texts are allocated.

use std::cell::Cell;
use std::rc::Rc;

use super::conditions::{EVERY_KEY, Span, each_key, narrowed, settled};
use super::key::{self, Normal, Read};
use super::{Doubt, Reach, Values};
use crate::plan::{Comparison, Form, KeySource, Operand};
use crate::shard_map::{Key, KeyColumn, ShardId, Split, SplitTable};

/// Keys that are looked up of one statement; beyond, lists of values leave every value.
const KEYS_MAX: usize = 1 << 16;

/// Lists are compared value by value up to so many pairs; beyond, the shorter one stands for both.
const PAIRS_MAX: usize = 1 << 12;

/// Every shard that may hold a key for which all of `sources` hold: ascending, each once; none if there is no such key.
pub(super) fn shards(split: &SplitTable, sources: &[KeySource], values: &impl Values) -> Vec<ShardId> {
    Search::new(split, values).all(sources)
}

/// The one shard of those keys; what they are to become is assigned among them, and has to have a home for certain.
pub(super) fn reach(split: &SplitTable, sources: &[KeySource], values: &impl Values) -> Result<Reach, Doubt> {
    let search = Search::new(split, values);
    let mut assigned = false;
    for source in sources {
        if let KeySource::Of(place, source) = source
            && let (KeySource::Assigned(operands), Some(column)) = (&**source, split.key.column(usize::from(*place)))
        {
            assigned = true;
            search.assigned(column, operands).map_err(|form| Doubt::WrittenOf(*place, form))?;
        }
    }
    let shards = search.all(sources);
    match shards.as_slice() {
        _ if assigned && (search.homeless.get() || shards.len() != 1) => Err(Doubt::MayMove),
        [] => Ok(Reach::Nothing),
        [shard] => Ok(Reach::Shard(*shard)),
        [first, second, ..] => Err(search.doubt(sources, *first, *second)),
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
    let search = Search::new(split, values);
    let left = search.narrowed(sources, &search.every());
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

/// What is left of one column.
#[derive(Clone)]
enum Left {
    Between(Span),
    Keys(Rc<[Normal<'static>]>),
}

impl Left {
    fn is_nothing(&self) -> bool {
        match self {
            Left::Between(span) => span.low > span.high,
            Left::Keys(keys) => keys.is_empty(),
        }
    }

    /// Whether it is a list of values.
    fn is_known(&self) -> bool {
        match self {
            Left::Between(span) => span.low == span.high,
            Left::Keys(_) => true,
        }
    }

    fn and(&self, other: Left) -> Left {
        match (self, other) {
            (Left::Between(a), Left::Between(b)) => {
                Left::Between(Span { low: a.low.max(b.low), high: a.high.min(b.high) })
            }
            (Left::Keys(keys), Left::Between(span)) => inside(keys, span),
            (Left::Between(span), Left::Keys(keys)) => inside(&keys, *span),
            (Left::Keys(a), Left::Keys(b)) if a.len().saturating_mul(b.len()) <= PAIRS_MAX => {
                Left::Keys(a.iter().filter(|key| b.contains(key)).cloned().collect())
            }
            (Left::Keys(a), Left::Keys(b)) => Left::Keys(if a.len() <= b.len() { a.clone() } else { b }),
        }
    }
}

fn inside(keys: &[Normal<'static>], span: Span) -> Left {
    let is_inside = |key: &&Normal<'static>| match key {
        Normal::Number(number) => (span.low..=span.high).contains(number),
        Normal::Text(_) => true,
    };
    Left::Keys(keys.iter().filter(is_inside).cloned().collect())
}

struct Search<'s, V> {
    split: &'s SplitTable,
    values: &'s V,
    /// How many shards there are to be found.
    count: usize,
    /// Keys that may still be looked up.
    keys_left: Cell<usize>,
    /// A key was left that has no home, or may have been.
    homeless: Cell<bool>,
}

impl<'s, V: Values> Search<'s, V> {
    fn new(split: &'s SplitTable, values: &'s V) -> Self {
        let count = split.shards().len();
        Search { split, values, count, keys_left: Cell::new(KEYS_MAX), homeless: Cell::new(false) }
    }

    fn all(&self, sources: &[KeySource]) -> Vec<ShardId> {
        self.within(sources, &self.every())
    }

    fn every(&self) -> Vec<Left> {
        vec![Left::Between(EVERY_KEY); self.split.key.count()]
    }

    /// What conditions leave of each column by itself.
    fn narrowed(&self, sources: &[KeySource], left: &[Left]) -> Vec<Left> {
        let mut left = left.to_vec();
        for source in sources {
            if let KeySource::Of(place, source) = source {
                self.narrow(usize::from(*place), source, &mut left);
            }
        }
        left
    }

    /// Of the keys that are left.
    fn within(&self, sources: &[KeySource], left: &[Left]) -> Vec<ShardId> {
        let left = self.narrowed(sources, left);
        let mut shards = self.homes(&left);
        for source in sources {
            if shards.len() < 2 {
                break;
            }
            let found = match source {
                KeySource::All(all) => self.within(all, &left),
                KeySource::Any(any) => {
                    let one = |source: &KeySource| self.within(std::slice::from_ref(source), &left);
                    any.iter().flat_map(one).collect()
                }
                KeySource::Tuples { columns, rows } => match self.tuples(columns, rows, &left) {
                    Some(found) => found,
                    None => continue,
                },
                KeySource::Of(place, source) => match self.outside(usize::from(*place), source, &left) {
                    Some(found) => found,
                    None => continue,
                },
                _ => continue,
            };
            shards.retain(|shard| found.contains(shard));
        }
        shards
    }

    fn narrow(&self, place: usize, source: &KeySource, left: &mut [Left]) {
        let Some(column) = self.split.key.column(place) else { return };
        let own = match source {
            KeySource::Equal(operand) => self.compared(column, std::slice::from_ref(operand), false).ok(),
            KeySource::In(operands) => self.compared(column, operands, true).ok(),
            KeySource::Compare(Comparison::NullSafe, operand) => {
                settled(&column.kind, *operand, self.values).map(|key| vec![Normal::Number(key)])
            }
            KeySource::Assigned(operands) => self.assigned(column, operands).ok(),
            source => {
                let span = Left::Between(narrowed(&column.kind, source, EVERY_KEY, self.values));
                left[place] = left[place].and(span);
                None
            }
        };
        if let Some(keys) = own {
            left[place] = left[place].and(Left::Keys(keys.into()));
        }
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

    fn assigned(&self, column: &KeyColumn, operands: &[Operand]) -> Result<Vec<Normal<'static>>, Form> {
        let mut keys = Vec::new();
        for operand in operands {
            keys.extend(written(column, *operand, self.values)?);
        }
        if keys.is_empty() { Err(Form::Missing) } else { Ok(keys) }
    }

    /// `NOT BETWEEN`, of those that are left.
    fn outside(&self, place: usize, source: &KeySource, left: &[Left]) -> Option<Vec<ShardId>> {
        let KeySource::Between { low, high, outside: true } = source else {
            return None;
        };
        let kind = &self.split.key.column(place)?.kind;
        let (low, high) = (settled(kind, *low, self.values)?, settled(kind, *high, self.values)?);
        let mut shards = Vec::new();
        for span in [Span { high: low - 1, ..EVERY_KEY }, Span { low: high + 1, ..EVERY_KEY }] {
            let mut left = left.to_vec();
            left[place] = left[place].and(Left::Between(span));
            shards.extend(self.homes(&left));
        }
        Some(shards)
    }

    /// Row by row; `None` if the values cannot be told row by row.
    fn tuples(&self, columns: &[u8], rows: &[Vec<Operand>], left: &[Left]) -> Option<Vec<ShardId>> {
        let mut shards = Vec::new();
        for row in rows {
            let mut given: Vec<(usize, Vec<Option<Left>>)> = Vec::new();
            for (place, operand) in columns.iter().zip(row) {
                let place = usize::from(*place);
                let mut keys = Vec::new();
                let column = self.split.key.column(place)?;
                each_key(&column.kind, std::slice::from_ref(operand), true, self.values, &mut |read| {
                    keys.push(match read {
                        Read::Key(key) => Some(Left::Keys(Rc::new([key.into_owned()]))),
                        Read::Nothing => Some(Left::Keys(Rc::new([]))),
                        Read::Unsettled(_) => None,
                    });
                });
                given.push((place, keys));
            }
            let count = given.first().map_or(0, |(_, keys)| keys.len());
            if given.iter().any(|(_, keys)| keys.len() != count) {
                return None;
            }
            for index in 0..count {
                let mut left = left.to_vec();
                for (place, keys) in &given {
                    if let Some(key) = &keys[index] {
                        left[*place] = left[*place].and(key.clone());
                    }
                }
                shards.extend(self.homes(&left));
            }
        }
        Some(shards)
    }

    /// The shards of all keys whose columns have what is left of each: ascending, each once.
    fn homes(&self, left: &[Left]) -> Vec<ShardId> {
        let mut shards = Vec::new();
        if left.iter().any(Left::is_nothing) {
            return shards;
        }
        if matches!(self.split.split, Split::Hash(_)) && !left.iter().all(Left::is_known) {
            shards = self.split.shards();
        } else {
            self.descend(&mut Vec::new(), left, &mut shards);
        }
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// `text` has the columns in front of those that are `left`.
    fn descend(&self, text: &mut Vec<u8>, left: &[Left], shards: &mut Vec<ShardId>) {
        if self.keys_left.get() == 0 {
            return self.add_all(text, shards);
        }
        let place = self.split.key.count() - left.len();
        let (Some((first, rest)), Some(column)) = (left.split_first(), self.split.key.column(place)) else {
            self.keys_left.set(self.keys_left.get() - 1);
            match self.split.home(Key::Text(text)) {
                Some(shard) if shards.last() == Some(&shard) => {}
                Some(shard) => shards.push(shard),
                None => self.homeless.set(true),
            }
            return;
        };
        let number = |number: i128, text: &mut Vec<u8>| self.split.append(column, Key::Number(number), text);
        let length = text.len();
        match first {
            Left::Keys(keys) => {
                for key in keys.iter() {
                    self.split.append(column, key.key(), text);
                    self.descend(text, rest, shards);
                    text.truncate(length);
                    if self.count > 1 && is_all(shards, self.count) {
                        return;
                    }
                }
            }
            Left::Between(Span { low, high }) if low == high => {
                number(*low, text);
                self.descend(text, rest, shards);
                text.truncate(length);
            }
            Left::Between(Span { low, high }) => {
                let (mut from, mut to) = (text.clone(), text.clone());
                if *low > EVERY_KEY.low {
                    number(*low, &mut from);
                }
                if *high < EVERY_KEY.high {
                    number(*high, &mut to);
                }
                self.keys_left.set(self.keys_left.get() - 1);
                self.homeless.set(self.homeless.get() || self.split.has_gaps());
                shards.extend(self.split.between_beginnings(&from, to));
            }
        }
    }

    /// Of all keys that begin so.
    fn add_all(&self, text: &[u8], shards: &mut Vec<ShardId>) {
        self.homeless.set(self.homeless.get() || self.split.has_gaps());
        shards.extend(self.split.between_beginnings(text, text.to_vec()));
    }

    /// Why they are on several shards, of which these are two.
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

/// Whether all of so many shards are among these; asked in earnest once there are many.
fn is_all(shards: &mut Vec<ShardId>, count: usize) -> bool {
    if shards.len() <= 4 * count {
        return false;
    }
    shards.sort_unstable();
    shards.dedup();
    shards.len() == count
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
