//! The shards of all keys that conditions leave, where it takes more than one equality or list to know them.
//!
//! Cold. Comparisons by order narrow an interval of keys, and only where their operands are settled: numbers for numbers,
//! dates for dates. Whatever is not settled leaves every shard.

use std::ops::Bound;

use super::key::{self, Read};
use super::{Doubt, Value, Values};
use crate::plan::{Comparison, Form, KeySource, Operand};
use crate::shard_map::{Key, KeyType, ShardId, SplitTable};

/// Keys from `low` to `high`, both included.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub low: i128,
    pub high: i128,
}

pub(super) const EVERY_KEY: Span = Span { low: i128::MIN, high: i128::MAX };

/// Every shard that may hold a key for which all of `sources` hold: ascending, each once; none if there is no such key.
#[cold]
pub(super) fn shards(split: &SplitTable, sources: &[KeySource], values: &impl Values) -> Vec<ShardId> {
    within(split, sources, EVERY_KEY, values)
}

/// Why a source that is no equality or list leaves several shards.
#[cold]
pub(super) fn doubt(split: &SplitTable, source: &KeySource, values: &impl Values) -> Doubt {
    let mut doubts = Vec::new();
    equalities(source, &mut |operands, list| {
        if let Err(form) = points(split, operands, list, EVERY_KEY, values) {
            doubts.push(form);
        }
    });
    match (doubts.first(), shards(split, std::slice::from_ref(source), values).as_slice()) {
        (Some(form), _) => Doubt::Read(*form),
        (None, [first, second, ..]) if is_list(source) => Doubt::Keys(*first, *second),
        _ => Doubt::NoKey,
    }
}

fn within(split: &SplitTable, sources: &[KeySource], span: Span, values: &impl Values) -> Vec<ShardId> {
    debug_assert!(!split.key.is_composite() || sources.is_empty(), "sources of several columns are in `Columns`");
    let kind = &split.key.first.kind;
    let span = sources.iter().fold(span, |span, source| narrowed(kind, source, span, values));
    let bound = |number: i128, none: i128| match number == none {
        true => Bound::Unbounded,
        false => Bound::Included(Key::Number(number)),
    };
    let mut shards = match (span.low, span.high) {
        (i128::MIN, i128::MAX) => split.shards(),
        (low, high) if low > high => Vec::new(),
        (low, high) => split.between(bound(low, i128::MIN), bound(high, i128::MAX)),
    };
    for source in sources {
        let left = match source {
            KeySource::Equal(operand) => points(split, std::slice::from_ref(operand), false, span, values).ok(),
            KeySource::In(operands) => points(split, operands, true, span, values).ok(),
            KeySource::Compare(Comparison::NullSafe, operand) => match settled(&split.key.first.kind, *operand, values)
            {
                Some(key) => points_of(split, key, span),
                None => None,
            },
            KeySource::Between { low, high, outside: true } => outside(split, *low, *high, span, values),
            KeySource::All(all) => Some(within(split, all, span, values)),
            KeySource::Any(any) => {
                let one = |source: &KeySource| within(split, std::slice::from_ref(source), span, values);
                Some(any.iter().flat_map(one).collect())
            }
            KeySource::Compare(..) | KeySource::Between { .. } => None,
            KeySource::Inserted(_) | KeySource::Assigned(_) => None,
            // Of keys of several columns: see `columns`.
            KeySource::Columns(_) | KeySource::Of(..) | KeySource::Tuples { .. } | KeySource::InsertedTuples(_) => None,
        };
        if let Some(left) = left {
            shards.retain(|shard| left.contains(shard));
        }
    }
    shards
}

/// The span without the keys for which a comparison by order does not hold.
pub(super) fn narrowed(kind: &KeyType, source: &KeySource, span: Span, values: &impl Values) -> Span {
    let (low, high) = match source {
        KeySource::Compare(comparison, operand) => {
            let Some(key) = settled(kind, *operand, values) else {
                return span;
            };
            match comparison {
                Comparison::Below => (i128::MIN, key - 1),
                Comparison::AtMost => (i128::MIN, key),
                Comparison::Above => (key + 1, i128::MAX),
                Comparison::AtLeast => (key, i128::MAX),
                Comparison::Equal | Comparison::NullSafe => return span,
            }
        }
        KeySource::Between { low, high, outside: false } => {
            match (settled(kind, *low, values), settled(kind, *high, values)) {
                (Some(low), Some(high)) => (low, high),
                _ => return span,
            }
        }
        _ => return span,
    };
    Span { low: span.low.max(low), high: span.high.min(high) }
}

/// `None` if the bounds are not settled.
fn outside(split: &SplitTable, low: Operand, high: Operand, span: Span, values: &impl Values) -> Option<Vec<ShardId>> {
    let (low, high) = (settled(&split.key.first.kind, low, values)?, settled(&split.key.first.kind, high, values)?);
    let mut shards = within(split, &[], Span { high: span.high.min(low - 1), ..span }, values);
    shards.extend(within(split, &[], Span { low: span.low.max(high + 1), ..span }, values));
    Some(shards)
}

/// The shards of the keys in the span that equal one of the operands; why one of them is not settled.
fn points(
    split: &SplitTable,
    operands: &[Operand],
    list: bool,
    span: Span,
    values: &impl Values,
) -> Result<Vec<ShardId>, Form> {
    let (mut shards, mut doubt) = (Vec::new(), None);
    each_key(&split.key.first.kind, operands, list, values, &mut |read| match read {
        Read::Key(key) => {
            let shard = points_of_key(split, key.key(), span);
            if shard.is_some_and(|shard| shards.last() != Some(&shard)) {
                shards.extend(shard);
            }
        }
        Read::Nothing => {}
        Read::Unsettled(form) => doubt = doubt.or(Some(form)),
    });
    doubt.map_or(Ok(shards), Err)
}

/// Visits what a comparison with each of the operands matches; NULL matches nothing.
pub(super) fn each_key(
    kind: &KeyType,
    operands: &[Operand],
    list: bool,
    values: &impl Values,
    visit: &mut dyn FnMut(Read<'_>),
) {
    for operand in operands {
        match operand {
            Operand::Slot { slot, negated } => {
                let mut given = false;
                values.each(*slot, &mut |value| {
                    given = true;
                    visit(key::read(value, *negated, kind, list, values));
                    true
                });
                if !given {
                    visit(Read::Unsettled(Form::Missing));
                }
            }
            Operand::Bool(truth) => visit(key::read_truth(*truth, kind)),
            Operand::Null => visit(Read::Nothing),
            Operand::Default | Operand::Clock(..) | Operand::Expression | Operand::Missing => {
                visit(Read::Unsettled(Form::Expression));
            }
        }
    }
}

fn points_of(split: &SplitTable, number: i128, span: Span) -> Option<Vec<ShardId>> {
    Some(points_of_key(split, Key::Number(number), span).into_iter().collect())
}

fn points_of_key(split: &SplitTable, key: Key<'_>, span: Span) -> Option<ShardId> {
    let inside = match key {
        Key::Number(number) => (span.low..=span.high).contains(&number),
        Key::Text(_) => true,
    };
    inside.then(|| split.home(key)).flatten()
}

/// The one key that an operand of a comparison by order stands for, where both servers order it among the column's values
/// in the same way: a number of the column's range beside numbers, a date or a point in time beside those.
pub(super) fn settled(kind: &KeyType, operand: Operand, values: &impl Values) -> Option<i128> {
    let Operand::Slot { slot, negated } = operand else {
        return None;
    };
    let (mut found, mut count) = (None, 0);
    values.each(slot, &mut |value| {
        count += 1;
        let fits = match kind {
            KeyType::Integer(_) | KeyType::Decimal(_) => {
                matches!(value, Value::Integer(_) | Value::Decimal(_) | Value::Signed(_) | Value::Unsigned(_))
            }
            KeyType::Date | KeyType::DateTime { .. } => {
                matches!(value, Value::String(_) | Value::Date(_) | Value::Timestamp(_) | Value::Temporal(_))
            }
            _ => false,
        };
        if let Read::Key(key) = key::read(value, negated, kind, true, values)
            && let Key::Number(number) = key.key()
            && fits
        {
            found = Some(number);
        }
        true
    });
    found.filter(|_| count == 1)
}

/// Visits the operands of all equalities and lists of a source.
fn equalities(source: &KeySource, visit: &mut dyn FnMut(&[Operand], bool)) {
    match source {
        KeySource::Equal(operand) => visit(std::slice::from_ref(operand), false),
        KeySource::In(operands) => visit(operands, true),
        KeySource::All(sources) | KeySource::Any(sources) => {
            sources.iter().for_each(|source| equalities(source, visit));
        }
        _ => {}
    }
}

/// Whether nothing but equalities and lists make the source.
fn is_list(source: &KeySource) -> bool {
    match source {
        KeySource::Equal(_) | KeySource::In(_) => true,
        KeySource::All(sources) | KeySource::Any(sources) => sources.iter().all(is_list),
        _ => false,
    }
}
