//! From a key to its shard.
//!
//! Invariant: a split has a range at least; bounds ascend strictly and lie inside the key's type.

use std::ops::Bound;

use super::{Key, KeyColumn, ShardId};

/// A table whose rows live on the shards of their keys.
#[derive(Debug, Clone)]
pub struct SplitTable {
    pub key: KeyColumn,
    pub split: Split,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// By the key itself.
    Range(Ranges),
}

/// Lower bounds, ascending. A key below the first has no home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges {
    /// MIN is below every key of any type. Apart from the shards: a lookup reads many bounds and one shard.
    from: Vec<i128>,
    on: Vec<ShardId>,
}

/// The keys from `from` (MIN, if none) below `to` (no end, if none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<'a> {
    pub from: Option<Key<'a>>,
    pub to: Option<Key<'a>>,
    pub on: ShardId,
}

/// Stands for MIN.
const MIN: i128 = i128::MIN;

impl SplitTable {
    /// The shard of the rows with this key; `None` if no row may have it. Hot.
    #[inline]
    pub fn home(&self, key: Key<'_>) -> Option<ShardId> {
        match &self.split {
            Split::Range(ranges) => ranges.index(key).map(|index| ranges.on[index]),
        }
    }

    /// Every shard that holds rows of this table, each once, ascending.
    pub fn shards(&self) -> Vec<ShardId> {
        match &self.split {
            Split::Range(ranges) => ascending(ranges.on.to_vec()),
        }
    }

    /// Every shard that may hold a key of the interval, each once, ascending; none if there is no such key.
    pub fn between(&self, low: Bound<Key<'_>>, high: Bound<Key<'_>>) -> Vec<ShardId> {
        match &self.split {
            Split::Range(ranges) => ascending(ranges.between(low, high)),
        }
    }

    /// Whether any key lives on the shard.
    pub fn is_on(&self, shard: ShardId) -> bool {
        match &self.split {
            Split::Range(ranges) => ranges.on.contains(&shard),
        }
    }

    /// The shard that answers for the table's definition, which is the same on all.
    pub fn first(&self) -> ShardId {
        match &self.split {
            Split::Range(ranges) => ranges.on[0],
        }
    }

    /// The shard of every key of the type, where it is one: then the table is not split.
    pub fn sole(&self) -> Option<ShardId> {
        match &self.split {
            Split::Range(ranges) => {
                let first = self.first();
                (ranges.from[0] == MIN && ranges.on.iter().all(|on| *on == first)).then_some(first)
            }
        }
    }
}

impl Ranges {
    /// Lower bounds, `None` for MIN; not empty, and ascending.
    pub(super) fn new(bounds: impl IntoIterator<Item = (Option<i128>, ShardId)>) -> Ranges {
        let (from, on) = bounds.into_iter().map(|(from, on)| (from.unwrap_or(MIN), on)).unzip();
        Ranges { from, on }
    }

    pub fn count(&self) -> usize {
        self.on.len()
    }

    /// All ranges, ascending.
    pub fn intervals(&self) -> impl Iterator<Item = Interval<'_>> {
        (0..self.count()).map(|index| self.interval(index))
    }

    /// The range that a key is in.
    pub fn around(&self, key: Key<'_>) -> Option<Interval<'_>> {
        self.index(key).map(|index| self.interval(index))
    }

    fn interval(&self, index: usize) -> Interval<'_> {
        let bound = |from: &i128| (*from != MIN).then_some(Key::Number(*from));
        Interval { from: bound(&self.from[index]), to: self.from.get(index + 1).and_then(bound), on: self.on[index] }
    }

    #[inline]
    fn index(&self, key: Key<'_>) -> Option<usize> {
        match key {
            Key::Number(value) => self.from.partition_point(|from| *from <= value).checked_sub(1),
            Key::Text(_) => None,
        }
    }

    fn between(&self, low: Bound<Key<'_>>, high: Bound<Key<'_>>) -> Vec<ShardId> {
        let number = |key| match key {
            Key::Number(value) => Some(value),
            Key::Text(_) => None,
        };
        let low = match low {
            Bound::Unbounded => Some(MIN),
            Bound::Included(key) => number(key),
            Bound::Excluded(key) => number(key).and_then(|value| value.checked_add(1)),
        };
        let high = match high {
            Bound::Unbounded => Some(i128::MAX),
            Bound::Included(key) => number(key),
            Bound::Excluded(key) => number(key).and_then(|value| value.checked_sub(1)),
        };
        let (Some(low), Some(high)) = (low, high) else {
            return self.on.to_vec();
        };
        if low > high {
            return Vec::new();
        }
        let Some(last) = self.index(Key::Number(high)) else {
            return Vec::new();
        };
        let first = self.index(Key::Number(low)).unwrap_or(0);
        self.on[first..=last].to_vec()
    }
}

fn ascending(mut shards: Vec<ShardId>) -> Vec<ShardId> {
    shards.sort_unstable();
    shards.dedup();
    shards
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard_map::{IntegerType, KeyType};

    fn table(bounds: &[(Option<i128>, u16)]) -> SplitTable {
        let kind = KeyType::Integer(IntegerType { bytes: 8, unsigned: false });
        let bounds = bounds.iter().map(|(from, on)| (*from, ShardId(*on)));
        SplitTable { key: KeyColumn { name: "id".into(), kind }, split: Split::Range(Ranges::new(bounds)) }
    }

    #[test]
    fn an_interval_is_on_every_shard_that_may_hold_its_keys() {
        use Bound::{Excluded, Included, Unbounded};
        let table = table(&[(Some(0), 2), (Some(10), 1), (Some(20), 2), (Some(30), 0)]);
        let check = |low: Bound<i128>, high: Bound<i128>, expected: &[u16]| {
            let found: Vec<u16> =
                table.between(low.map(Key::Number), high.map(Key::Number)).iter().map(|shard| shard.0).collect();
            assert_eq!(found, expected, "{low:?} {high:?}");
        };
        check(Unbounded, Unbounded, &[0, 1, 2]);
        check(Included(5), Included(9), &[2]);
        check(Included(5), Included(10), &[1, 2]);
        check(Included(5), Excluded(10), &[2]);
        check(Excluded(9), Excluded(20), &[1]);
        check(Included(19), Included(20), &[1, 2]);
        check(Excluded(29), Unbounded, &[0]);
        check(Unbounded, Excluded(0), &[]);
        check(Unbounded, Included(0), &[2]);
        check(Included(7), Included(6), &[]);
        check(Excluded(7), Excluded(8), &[]);
        check(Excluded(i128::MAX), Unbounded, &[0, 1, 2]);
    }

    #[test]
    fn one_shard_for_every_key_is_no_split() {
        assert_eq!(table(&[(None, 3), (Some(1), 3)]).sole(), Some(ShardId(3)));
        assert_eq!(table(&[(Some(0), 3)]).sole(), None);
        assert_eq!(table(&[(None, 3), (Some(1), 4)]).sole(), None);
    }
}
