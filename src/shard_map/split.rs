//! From a key to its shard.
//!
//! Invariant: a split has a range or a listed key at least; bounds and listed keys ascend strictly and lie inside the
//! key's type.

use std::ops::Bound;

use super::key::tuple;
use super::sorted::Sorted;
use super::{Key, KeyColumn, ShardId, TableKey};

/// A table whose rows live on the shards of their keys.
#[derive(Debug, Clone)]
pub struct SplitTable {
    pub key: TableKey,
    pub split: Split,
    /// `scatter: refuse`: no statement reads several of its shards.
    pub refuses_scatter: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// By the key itself.
    Range(Ranges),
    /// Key by key.
    List(List),
    /// By a bucket that is computed of the key.
    Hash(Hash),
}

/// Lower bounds, ascending. A key below the first has no home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges {
    /// Without the first one's, if that is MIN. Apart from the shards: a lookup reads many bounds and one shard.
    from: Sorted,
    begins_at_min: bool,
    on: Vec<ShardId>,
}

/// Keys with a home each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    keys: Sorted,
    /// What is next to each of the keys.
    next: Sorted,
    on: Vec<ShardId>,
    /// The home of all other keys; `None` refuses them.
    pub otherwise: Option<ShardId>,
}

/// `crc32/1`: the CRC-32 of the key as text, modulo the number of buckets; ranges of buckets have their shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    pub buckets: u32,
    /// Over the buckets; begins with bucket 0.
    pub ranges: Ranges,
}

/// The name of the one hash function; its meaning never changes.
pub const CRC32_1: &str = "crc32/1";

/// The keys from `from` (MIN, if none) below `to` (no end, if none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<'a> {
    pub from: Option<Key<'a>>,
    pub to: Option<Key<'a>>,
    pub on: ShardId,
}

impl SplitTable {
    /// The shard of the rows with this key; `None` if no row may have it. Hot.
    #[inline]
    pub fn home(&self, key: Key<'_>) -> Option<ShardId> {
        match &self.split {
            Split::Range(ranges) => ranges.index(key).map(|index| ranges.on[index]),
            Split::List(list) => list.home(key),
            Split::Hash(hash) => hash.home(self.bucket(hash, key)),
        }
    }

    /// Every shard that holds rows of this table, each once, ascending.
    pub fn shards(&self) -> Vec<ShardId> {
        ascending(match &self.split {
            Split::Range(ranges) => ranges.on.to_vec(),
            Split::List(list) => list.on.iter().copied().chain(list.otherwise).collect(),
            Split::Hash(hash) => hash.ranges.on.to_vec(),
        })
    }

    /// Every shard that may hold a key of the interval, each once, ascending; none if there is no such key.
    ///
    /// In the order of the key's type, as its column's server compares.
    pub fn between(&self, low: Bound<Key<'_>>, high: Bound<Key<'_>>) -> Vec<ShardId> {
        let next =
            |number: i128, step: i128| number.checked_add(step).map(|number| Bound::Included(Key::Number(number)));
        let low = match low {
            Bound::Excluded(Key::Number(number)) => next(number, 1).unwrap_or(low),
            low => low,
        };
        let high = match high {
            Bound::Excluded(Key::Number(number)) => next(number, -1).unwrap_or(high),
            high => high,
        };
        if let (Bound::Included(low), Bound::Included(high)) = (low, high)
            && low == high
        {
            return self.home(low).into_iter().collect();
        }
        match &self.split {
            Split::Range(ranges) => ascending(ranges.between(low, high)),
            Split::List(_) | Split::Hash(_) => self.shards(),
        }
    }

    /// Appends the value of a column of a key of several to their text, which is [`SplitTable::home`]'s [`Key::Text`] once
    /// it has them all, in order.
    pub fn append(&self, column: &KeyColumn, value: Key<'_>, text: &mut Vec<u8>) {
        match &self.split {
            Split::Hash(_) => tuple::append_hashed(column.kind, value, text),
            Split::Range(_) | Split::List(_) => tuple::append(column.kind, value, text),
        }
    }

    /// Every shard that may hold a key of several columns whose text begins with `from`, or is above it, and is not above
    /// all that begin with `to`: ascending, each once.
    pub fn between_beginnings(&self, from: &[u8], to: Vec<u8>) -> Vec<ShardId> {
        let end = tuple::behind(to);
        let (from, to) = (Bound::Included(Key::Text(from)), end.as_deref());
        let to = to.map_or(Bound::Unbounded, |to| Bound::Excluded(Key::Text(to)));
        match &self.split {
            Split::Range(ranges) => ascending(ranges.between(from, to)),
            Split::List(list) => list.between(from, to),
            Split::Hash(_) => self.shards(),
        }
    }

    /// Whether some keys have no home.
    pub fn has_gaps(&self) -> bool {
        match &self.split {
            Split::Range(ranges) => !ranges.begins_at_min,
            Split::List(list) => list.otherwise.is_none(),
            Split::Hash(_) => false,
        }
    }

    /// Whether any key lives on the shard.
    pub fn is_on(&self, shard: ShardId) -> bool {
        match &self.split {
            Split::Range(ranges) => ranges.on.contains(&shard),
            Split::List(list) => list.on.contains(&shard) || list.otherwise == Some(shard),
            Split::Hash(hash) => hash.ranges.on.contains(&shard),
        }
    }

    /// The shard that answers for the table's definition, which is the same on all.
    pub fn first(&self) -> ShardId {
        match &self.split {
            Split::Range(ranges) => ranges.on[0],
            Split::List(list) => list.on[0],
            Split::Hash(hash) => hash.ranges.on[0],
        }
    }

    /// The shard of every key of the type, where it is one: then the table is not split.
    pub fn sole(&self) -> Option<ShardId> {
        let first = self.first();
        (!self.has_gaps() && self.shards().len() == 1).then_some(first)
    }

    /// Whether rows of both tables with equal keys are on one shard, for every key.
    pub fn is_like(&self, other: &SplitTable) -> bool {
        self.key.is_of_types(&other.key) && self.split == other.split
    }

    /// The bucket of a key.
    pub fn bucket(&self, hash: &Hash, key: Key<'_>) -> u32 {
        let crc = match key {
            Key::Text(bytes) => crc32fast::hash(bytes),
            Key::Number(number) => self.key.first.kind.crc32(number),
        };
        crc % hash.buckets
    }

    /// How the table is split, as the map calls it.
    pub fn method(&self) -> &'static str {
        match &self.split {
            Split::Range(_) => "range",
            Split::List(_) => "list",
            Split::Hash(_) => "hash",
        }
    }
}

impl Ranges {
    /// Bounds without MIN; as many shards, or one more if the first range begins at MIN.
    pub(super) fn new(from: Sorted, begins_at_min: bool, on: Vec<ShardId>) -> Ranges {
        debug_assert_eq!(from.len() + usize::from(begins_at_min), on.len());
        Ranges { from, begins_at_min, on }
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
        let at_min = usize::from(self.begins_at_min);
        let from = index.checked_sub(at_min).and_then(|index| self.from.get(index));
        Interval { from, to: self.from.get(index + 1 - at_min), on: self.on[index] }
    }

    #[inline]
    fn index(&self, key: Key<'_>) -> Option<usize> {
        (self.from.count_to(key) + usize::from(self.begins_at_min)).checked_sub(1)
    }

    fn between(&self, low: Bound<Key<'_>>, high: Bound<Key<'_>>) -> Vec<ShardId> {
        let first = match low {
            Bound::Unbounded => 0,
            Bound::Included(key) | Bound::Excluded(key) => self.index(key).unwrap_or(0),
        };
        let last = match high {
            Bound::Unbounded => Some(self.count() - 1),
            Bound::Included(key) => self.index(key),
            Bound::Excluded(key) => (self.from.count_below(key) + usize::from(self.begins_at_min)).checked_sub(1),
        };
        // An interval whose end is before its beginning.
        let none = match (low, high) {
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high)) => self.from.is_below(high, low),
            (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high)) => !self.from.is_below(low, high),
            _ => false,
        };
        match last {
            Some(last) if !none && first <= last => self.on[first..=last].to_vec(),
            _ => Vec::new(),
        }
    }
}

impl List {
    /// As many shards as keys.
    pub(super) fn new(keys: Sorted, on: Vec<ShardId>, otherwise: Option<ShardId>) -> List {
        debug_assert_eq!(keys.len(), on.len());
        let next = keys.successors();
        List { keys, next, on, otherwise }
    }

    fn home(&self, key: Key<'_>) -> Option<ShardId> {
        self.keys.find(key).map(|index| self.on[index]).or(self.otherwise)
    }

    /// The shards of the listed keys between, and of the others.
    fn between(&self, low: Bound<Key<'_>>, high: Bound<Key<'_>>) -> Vec<ShardId> {
        let first = match low {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.keys.count_below(key),
            Bound::Excluded(key) => self.keys.count_to(key),
        };
        let last = match high {
            Bound::Unbounded => self.keys.len(),
            Bound::Included(key) => self.keys.count_to(key),
            Bound::Excluded(key) => self.keys.count_below(key),
        };
        let listed = self.on.get(first..last).unwrap_or_default();
        ascending(listed.iter().copied().chain(self.otherwise).collect())
    }

    /// Whether the key is one of the list, not of the others.
    pub fn holds(&self, key: Key<'_>) -> bool {
        self.keys.find(key).is_some()
    }

    /// The keys with their shards, ascending; each is an interval of nothing but itself.
    pub fn entries(&self) -> impl Iterator<Item = (Key<'_>, Interval<'_>)> {
        let intervals = self.keys.iter().zip(self.next.iter()).zip(&self.on);
        intervals.map(|((key, next), on)| (key, Interval { from: Some(key), to: Some(next), on: *on }))
    }
}

impl Hash {
    #[inline]
    fn home(&self, bucket: u32) -> Option<ShardId> {
        self.ranges.index(Key::Number(i128::from(bucket))).map(|index| self.ranges.on[index])
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

    fn table(split: Split) -> SplitTable {
        let kind = KeyType::Integer(IntegerType { bytes: 8, unsigned: false });
        let first = KeyColumn { name: "id".into(), kind, defaults_to_now: false };
        SplitTable { key: TableKey { first, more: Vec::new() }, split, refuses_scatter: false }
    }

    fn ranges(bounds: &[i128], begins_at_min: bool, on: &[u16]) -> Ranges {
        Ranges::new(Sorted::numbers(bounds.to_vec()), begins_at_min, on.iter().copied().map(ShardId).collect())
    }

    #[test]
    fn an_interval_is_on_every_shard_that_may_hold_its_keys() {
        use Bound::{Excluded, Included, Unbounded};
        let table = table(Split::Range(ranges(&[0, 10, 20, 30], false, &[2, 1, 2, 0])));
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
        check(Included(7), Included(7), &[2]);
        check(Excluded(7), Excluded(7), &[]);
        check(Excluded(7), Excluded(8), &[]);
        check(Included(-1), Included(-1), &[]);
    }

    #[test]
    fn a_listed_key_has_the_home_that_is_written() {
        let keys = Sorted::numbers(vec![1, 5, 9]);
        let list = |otherwise| List::new(keys.clone(), vec![ShardId(2), ShardId(1), ShardId(2)], otherwise);
        let closed = table(Split::List(list(None)));
        let home = |table: &SplitTable, key| table.home(Key::Number(key)).map(|shard| shard.0);
        assert_eq!([1, 5, 9, 2].map(|key| home(&closed, key)), [Some(2), Some(1), Some(2), None]);
        assert_eq!(closed.shards(), [ShardId(1), ShardId(2)]);
        assert_eq!(closed.sole(), None);
        let open = table(Split::List(list(Some(ShardId(0)))));
        assert_eq!(home(&open, 2), Some(0));
        assert!(open.is_on(ShardId(0)) && !closed.is_on(ShardId(0)));
        assert_eq!(open.between(Bound::Included(Key::Number(5)), Bound::Unbounded).len(), 3);
    }

    #[test]
    fn a_bucket_is_the_crc_of_the_digits() {
        let hash = Hash { buckets: 1024, ranges: ranges(&[512], true, &[3, 4]) };
        let table = table(Split::Hash(hash.clone()));
        for (key, text) in [(42, "42"), (-7, "-7"), (0, "0"), (i64::MIN.into(), "-9223372036854775808")] {
            let bucket = crc32fast::hash(text.as_bytes()) % 1024;
            assert_eq!(table.bucket(&hash, Key::Number(key)), bucket, "{key}");
            assert_eq!(table.home(Key::Number(key)), Some(ShardId(if bucket < 512 { 3 } else { 4 })));
        }
        assert_eq!(table.bucket(&hash, Key::Text(b"abc")), 0x3524_41C2 % 1024);
        assert_eq!(table.sole(), None);
    }

    #[test]
    fn one_shard_for_every_key_is_no_split() {
        assert_eq!(table(Split::Range(ranges(&[1], true, &[3, 3]))).sole(), Some(ShardId(3)));
        assert_eq!(table(Split::Range(ranges(&[0], false, &[3]))).sole(), None);
        assert_eq!(table(Split::Range(ranges(&[1], true, &[3, 4]))).sole(), None);
    }
}
