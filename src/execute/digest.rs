//! What is known of the statements of one shape: how many ran, failed, what they gave, and how long some of them took.
//!
//! Kept with the shape's plan, so that counting costs no look-up and memory is bounded with the plans. One execution in
//! [`TIMED_ONE_IN`] is timed: two looks at the clock are as dear as routing the statement.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::single::Ran;
use crate::plan::Statement;
use crate::wire::walker::{End, EndKind};

/// A session's executions of which one is timed; a power of two.
pub const TIMED_ONE_IN: u64 = 16;

/// The n-th holds times below 2^n microseconds, the last all others.
const BUCKETS: usize = 28;

/// A plan, and what came of it.
#[derive(Debug)]
pub struct Planned {
    pub statement: Statement,
    pub digest: Digest,
}

impl Planned {
    pub fn new(statement: Statement) -> Planned {
        Planned { statement, digest: Digest::default() }
    }

    /// Bytes of memory, with what it points to.
    pub fn bytes(&self) -> usize {
        self.statement.bytes() + size_of::<Digest>()
    }
}

impl Deref for Planned {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.statement
    }
}

#[derive(Default)]
pub struct Digest {
    count: AtomicU64,
    errors: AtomicU64,
    rows: AtomicU64,
    timed: [AtomicU64; BUCKETS],
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} executions)", self.count.load(Ordering::Relaxed))
    }
}

/// The figures of a shape at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub count: u64,
    pub errors: u64,
    /// Sent to clients, or changed.
    pub rows: u64,
    timed: [u64; BUCKETS],
}

impl Digest {
    /// An execution ended. `took`: if it was timed.
    #[inline]
    pub fn ended(&self, failed: bool, rows: u64, took: Option<Duration>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        if rows > 0 {
            self.rows.fetch_add(rows, Ordering::Relaxed);
        }
        if let Some(took) = took {
            self.timed[bucket(took)].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn figures(&self) -> Figures {
        Figures {
            count: self.count.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            timed: std::array::from_fn(|n| self.timed[n].load(Ordering::Relaxed)),
        }
    }
}

impl Figures {
    pub fn timed(&self) -> u64 {
        self.timed.iter().sum()
    }

    /// Microseconds below which this share (of 100) of the timed executions ended, to the next power of two.
    pub fn percentile(&self, share: u64) -> Option<u64> {
        let wanted = (self.timed() * share).div_ceil(100);
        let mut seen = 0;
        let found = self.timed.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.filter(|_| wanted > 0).map(|n| 1 << n)
    }
}

fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    ((u64::BITS - micros.leading_zeros()) as usize).min(BUCKETS - 1)
}

/// Rows that a reply had, or said to have changed.
pub fn rows_of(ran: &Ran) -> u64 {
    match ran {
        Ran::Answered(End { kind: EndKind::Rows, rows, .. }) => *rows,
        Ran::Answered(End { kind: EndKind::Ok, affected_rows, .. }) => *affected_rows,
        Ran::Answered(_) | Ran::Failed => 0,
    }
}

/// How long it is since then, of an execution that is timed.
pub fn took(started: Option<Instant>) -> Option<Duration> {
    started.map(|started| started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_counted_and_some_are_timed() {
        let digest = Digest::default();
        for micros in [0, 1, 3, 900, 1_000_000] {
            digest.ended(false, 2, Some(Duration::from_micros(micros)));
        }
        digest.ended(true, 0, None);
        let figures = digest.figures();
        assert_eq!((figures.count, figures.errors, figures.rows, figures.timed()), (6, 1, 10, 5));
        assert_eq!([20, 40, 60, 80, 100].map(|share| figures.percentile(share)), [1, 2, 4, 1024, 1 << 20].map(Some));
        assert_eq!(Digest::default().figures().percentile(50), None);
    }

    #[test]
    fn the_longest_time_has_a_place() {
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }
}
