//! Keys of one type in their order, for lookups by halving.

use std::cmp::Ordering;

use super::Key;
use super::numbers::Numbers;

/// Strictly ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sorted {
    Numbers(Numbers),
    Texts {
        keys: Vec<Box<[u8]>>,
        /// Compared as if blanks followed without end, as PAD SPACE collations do.
        padded: bool,
    },
}

impl Sorted {
    pub fn numbers(keys: Vec<i128>) -> Sorted {
        Sorted::Numbers(Numbers::new(keys))
    }

    pub fn len(&self) -> usize {
        match self {
            Sorted::Numbers(keys) => keys.len(),
            Sorted::Texts { keys, .. } => keys.len(),
        }
    }

    pub fn get(&self, index: usize) -> Option<Key<'_>> {
        match self {
            Sorted::Numbers(keys) => keys.get(index).map(Key::Number),
            Sorted::Texts { keys, .. } => keys.get(index).map(|key| Key::Text(key)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Key<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The least key above each, as bytes compare.
    pub fn successors(&self) -> Sorted {
        match self {
            Sorted::Numbers(keys) => Sorted::Numbers(keys.successors()),
            Sorted::Texts { keys, padded } => {
                let keys = keys.iter().map(|key| [key, &b"\0"[..]].concat().into()).collect();
                Sorted::Texts { keys, padded: *padded }
            }
        }
    }

    /// How many keys are not above this one. Of another kind than they, none is.
    #[inline]
    pub fn count_to(&self, key: Key<'_>) -> usize {
        match (self, key) {
            (Sorted::Numbers(keys), Key::Number(number)) => keys.count_to(number),
            (Sorted::Texts { keys, padded }, Key::Text(text)) => {
                keys.partition_point(|key| compare(key, text, *padded).is_le())
            }
            _ => 0,
        }
    }

    /// How many keys are below this one.
    pub fn count_below(&self, key: Key<'_>) -> usize {
        match (self, key) {
            (Sorted::Numbers(keys), Key::Number(number)) => keys.count_below(number),
            (Sorted::Texts { keys, padded }, Key::Text(text)) => {
                keys.partition_point(|key| compare(key, text, *padded).is_lt())
            }
            _ => 0,
        }
    }

    /// The index of exactly this key.
    pub fn find(&self, key: Key<'_>) -> Option<usize> {
        match (self, key) {
            (Sorted::Numbers(keys), Key::Number(number)) => keys.find(number),
            (Sorted::Texts { keys, padded }, Key::Text(text)) => {
                keys.binary_search_by(|key| compare(key, text, *padded)).ok()
            }
            _ => None,
        }
    }

    /// Whether `a` is below `b` in the order of these keys.
    pub fn is_below(&self, a: Key<'_>, b: Key<'_>) -> bool {
        order(a, b, matches!(self, Sorted::Texts { padded: true, .. })).is_lt()
    }
}

/// The order of two keys of one type; numbers before text, where there are both.
pub(super) fn order(a: Key<'_>, b: Key<'_>, padded: bool) -> Ordering {
    match (a, b) {
        (Key::Number(a), Key::Number(b)) => a.cmp(&b),
        (Key::Text(a), Key::Text(b)) => compare(a, b, padded),
        (Key::Number(_), Key::Text(_)) => Ordering::Less,
        (Key::Text(_), Key::Number(_)) => Ordering::Greater,
    }
}

/// The order of bytes, with blanks behind the shorter text if `padded`.
fn compare(a: &[u8], b: &[u8], padded: bool) -> Ordering {
    let common = a.len().min(b.len());
    let beyond = |longer: &[u8]| {
        let other = longer[common..].iter().find(|byte| **byte != b' ');
        other.map_or(Ordering::Equal, |byte| byte.cmp(&b' '))
    };
    match a[..common].cmp(&b[..common]) {
        Ordering::Equal if !padded => a.len().cmp(&b.len()),
        Ordering::Equal if a.len() > b.len() => beyond(a),
        Ordering::Equal => beyond(b).reverse(),
        order => order,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_of_blanks() {
        let check = |a: &str, b: &str, padded: Ordering, plain: Ordering| {
            assert_eq!(compare(a.as_bytes(), b.as_bytes(), true), padded, "{a:?} {b:?}");
            assert_eq!(compare(b.as_bytes(), a.as_bytes(), true), padded.reverse(), "{b:?} {a:?}");
            assert_eq!(compare(a.as_bytes(), b.as_bytes(), false), plain, "{a:?} {b:?}");
        };
        use Ordering::{Equal, Greater, Less};
        check("a", "a", Equal, Equal);
        check("a", "a  ", Equal, Less);
        check("a", "ab", Less, Less);
        check("a", "a\t", Greater, Less);
        check("a", "a \t", Greater, Less);
        check("b", "a~~", Greater, Greater);
        check("", " ", Equal, Less);
    }
}
