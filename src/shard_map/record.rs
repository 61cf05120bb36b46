//! What a group has on record of the map that its proxies follow, and whether another map may follow that one.
//!
//! The whole map is on record, not only its hash: a proxy that has just started has no other way to know what was.

use std::fmt;

use super::diff::{Unfit, diff};
use super::problem::Fault;
use super::{Ownership, ShardMap};

/// One group's record, as its servers hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Of the ownership, as it is shown.
    pub hash: String,
    pub generation: Option<u64>,
    /// The map's text.
    pub map: String,
}

/// What a map is to the one on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Its rows have the owners on record.
    Same,
    /// It may follow; `moves`: rows get another owner, which it accepts.
    Follows { moves: bool },
}

/// Why a map may not follow the one on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contrary {
    /// This version cannot read that one; its first fault.
    Unreadable {
        hash: String,
        fault: Fault,
    },
    Unfit {
        hash: String,
        generation: Option<u64>,
        unfit: Unfit,
    },
}

impl Record {
    /// What is put on record of a map. `text` is what it was loaded from.
    pub fn of(map: &ShardMap, text: &str) -> Record {
        Record { hash: map.ownership().to_string(), generation: map.generation, map: text.to_owned() }
    }

    pub fn next(&self, map: &ShardMap, ownership: Ownership) -> Result<Next, Contrary> {
        let hash = self.hash.clone();
        if hash == ownership.to_string() {
            // Another map of the same owners; a record of it would not go back to a lower number.
            let grows = map.generation > self.generation;
            return Ok(if grows { Next::Follows { moves: false } } else { Next::Same });
        }
        let before = ShardMap::load(&self.map).map_err(|faults| {
            let fault = faults.into_iter().next().expect("a map is refused for a fault");
            Contrary::Unreadable { hash: hash.clone(), fault }
        })?;
        let change = diff(&before, map);
        match change.follows() {
            Ok(()) => Ok(Next::Follows { moves: !change.moves.is_empty() }),
            Err(unfit) => Err(Contrary::Unfit { hash, generation: self.generation, unfit }),
        }
    }
}

impl fmt::Display for Contrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contrary::Unreadable { hash, fault } => {
                write!(f, "the map on record (ownership {hash}) cannot be read by this version: {fault}")
            }
            Contrary::Unfit { hash, generation, unfit } => {
                f.write_str("the map on record (")?;
                if let Some(generation) = generation {
                    write!(f, "generation {generation}, ")?;
                }
                write!(f, "ownership {hash}) is not followed by this one: {unfit}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = include_str!("../../tests/goldens/map.yaml");

    #[track_caller]
    fn check(recorded: &str, new: &str, expected: Result<Next, &str>) {
        let load = |yaml: &str| ShardMap::load(yaml).unwrap_or_else(|faults| panic!("{faults:?}"));
        let record = Record::of(&load(recorded), recorded);
        let map = load(new);
        match (record.next(&map, map.ownership()), expected) {
            (Ok(next), Ok(expected)) => assert_eq!(next, expected),
            (Err(contrary), Err(expected)) => assert!(contrary.to_string().contains(expected), "{contrary}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_map_follows_the_one_on_record_as_it_would_a_running_proxys() {
        let numbered = |generation: u32, yaml: &str| format!("generation: {generation}\n{yaml}");
        let (more, moved) = (
            SHOP.replace("      users: users\n", "      users: users\n      more: s0\n"),
            SHOP.replacen("from: 1000000, on: s1", "from: 500000, on: s1", 1),
        );
        check(SHOP, SHOP, Ok(Next::Same));
        check(SHOP, &SHOP.replace("127.0.0.1:3314", "127.0.0.1:3399"), Ok(Next::Same));
        check(SHOP, &more, Ok(Next::Follows { moves: false }));
        check(SHOP, &moved, Err("is not followed by this one: shop.customers with keys [500000, 1000000)"));
        let base = ShardMap::load(SHOP).expect("sound").ownership();
        let accept = format!(
            "accept: [{{table: shop.customers, keys: '[500000, 1000000)', from: s0, to: s1, base: {base}}}]\n{moved}"
        );
        check(SHOP, &accept, Ok(Next::Follows { moves: true }));
        check(&more, &accept, Err("accept"));
        check(&numbered(7, SHOP), &numbered(8, &more), Ok(Next::Follows { moves: false }));
        for generation in [6, 7] {
            check(&numbered(7, SHOP), &numbered(generation, &more), Err("(generation 7, ownership "));
        }
        // One that has the same owners may be older; the record stays what it is.
        check(&numbered(7, SHOP), &numbered(6, SHOP), Ok(Next::Same));
        check(&numbered(7, SHOP), &numbered(8, SHOP), Ok(Next::Follows { moves: false }));
        check(SHOP, &numbered(1, SHOP), Ok(Next::Follows { moves: false }));
    }

    #[test]
    fn a_map_of_another_grammar_is_not_guessed_at() {
        let map = ShardMap::load(SHOP).expect("sound");
        let record = Record { hash: "f".repeat(64), generation: None, map: "version: 2\n".into() };
        let contrary = record.next(&map, map.ownership()).expect_err("it cannot be read");
        assert!(contrary.to_string().contains("cannot be read by this version: 1:1: "), "{contrary}");
    }
}
