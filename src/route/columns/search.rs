//! The shards of the keys that conditions leave, once the conditions' values are read.

use std::cell::Cell;
use std::rc::Rc;

use crate::route::conditions::{EVERY_KEY, Span};
use crate::route::key::Normal;
use crate::shard_map::{Key, ShardId, Split, SplitTable};

/// Keys that are looked up of one statement; beyond, lists of values leave every value.
const KEYS_MAX: usize = 1 << 16;

/// Lists are compared value by value up to so many pairs; beyond, the shorter one stands for both.
const PAIRS_MAX: usize = 1 << 12;

/// What is left of one column.
#[derive(Clone)]
pub enum Left {
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
            (Left::Keys(keys), Left::Between(span)) => inside(keys.clone(), span),
            (Left::Between(span), Left::Keys(keys)) => inside(keys, *span),
            (Left::Keys(a), Left::Keys(b)) if a.len().saturating_mul(b.len()) <= PAIRS_MAX => {
                Left::Keys(a.iter().filter(|key| b.contains(key)).cloned().collect())
            }
            (Left::Keys(a), Left::Keys(b)) => Left::Keys(if a.len() <= b.len() { a.clone() } else { b }),
        }
    }
}

fn inside(keys: Rc<[Normal<'static>]>, span: Span) -> Left {
    let is_inside = |key: &Normal<'static>| match key {
        Normal::Number(number) => (span.low..=span.high).contains(number),
        Normal::Text(_) => true,
    };
    Left::Keys(match keys.iter().all(is_inside) {
        true => keys,
        false => keys.iter().filter(|key| is_inside(key)).cloned().collect(),
    })
}

/// A condition whose values are read.
pub enum Test {
    /// Of the column with this index.
    Column(usize, Left),
    All(Vec<Test>),
    Any(Vec<Test>),
    /// May be true of any key.
    Unknown,
}

pub struct Search<'s> {
    split: &'s SplitTable,
    /// How many shards there are to be found.
    count: usize,
    /// Keys that may still be looked up.
    keys_left: Cell<usize>,
    /// A key was left that has no home, or may have been.
    pub homeless: Cell<bool>,
}

impl<'s> Search<'s> {
    pub fn new(split: &'s SplitTable) -> Self {
        let count = split.shards().len();
        Search { split, count, keys_left: Cell::new(KEYS_MAX), homeless: Cell::new(false) }
    }

    /// Every shard that may hold a key for which all of `tests` hold: ascending, each once; none if there is no such key.
    pub fn all(&self, tests: &[Test]) -> Vec<ShardId> {
        self.within(tests, &self.every())
    }

    pub fn every(&self) -> Vec<Left> {
        vec![Left::Between(EVERY_KEY); self.split.key.count()]
    }

    /// Of the keys that are left.
    fn within(&self, tests: &[Test], left: &[Left]) -> Vec<ShardId> {
        let left = narrowed(tests, left);
        let mut shards = self.homes(&left);
        for test in tests {
            if shards.len() < 2 {
                break;
            }
            let found: Vec<ShardId> = match test {
                Test::All(all) => self.within(all, &left),
                Test::Any(any) => any.iter().flat_map(|test| self.within(std::slice::from_ref(test), &left)).collect(),
                Test::Column(..) | Test::Unknown => continue,
            };
            shards.retain(|shard| found.contains(shard));
        }
        shards
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
}

/// What conditions leave of each column by itself.
pub fn narrowed(tests: &[Test], left: &[Left]) -> Vec<Left> {
    let mut left = left.to_vec();
    for test in tests {
        if let Test::Column(place, own) = test {
            left[*place] = left[*place].and(own.clone());
        }
    }
    left
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
