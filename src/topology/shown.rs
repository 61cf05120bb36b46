//! Which writes every member that serves reads shows.
//!
//! Each answer of the member that shows every acknowledged write has a number, and a position. A replica has passed that number
//! when its own position covers that one.
//! Invariant: every member that serves reads has passed `by_all`, which never shrinks.

use std::collections::VecDeque;

use super::position::Position;

/// Positions that are kept: a replica that is late has passed an old one.
const KEPT: usize = 16;

#[derive(Debug, Clone, Default)]
pub struct Shown {
    positions: VecDeque<(u64, Position)>,
    latest: u64,
    by_all: u64,
}

impl Shown {
    /// The number of the last answer. What is acknowledged now is shown by whoever has passed this number and two more: the
    /// next answer may have been given already.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    pub fn by_all(&self) -> u64 {
        self.by_all
    }

    /// The member that shows every write answered.
    pub fn push(&mut self, position: Position) {
        self.latest += 1;
        if self.positions.len() == KEPT {
            self.positions.pop_front();
        }
        self.positions.push_back((self.latest, position));
    }

    /// Another member shows every write.
    pub fn begin_anew(&mut self) {
        self.positions.clear();
    }

    /// The last number that one at this position has passed; 0 is none.
    pub fn passed(&self, position: &Position) -> u64 {
        let passed = self.positions.iter().rev().find(|(_, other)| position.covers(other));
        passed.map_or(0, |(number, _)| *number)
    }

    /// What those that serve reads beside the member that shows every write have passed.
    pub fn all_have_passed(&mut self, passed: impl Iterator<Item = u64>) {
        self.by_all = self.by_all.max(passed.min().unwrap_or(self.latest));
    }
}
