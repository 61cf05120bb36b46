//! How long a session has been where it is, without a clock in its way: it counts its steps, and a watcher that passes by
//! now and then knows for how long a count has stood.
//!
//! Invariants: only the session takes steps, only the watcher looks. Time that has run out is noted for the step it ran out
//! on: a session that has gone on meanwhile is not concerned.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Phase {
    /// It waits for a command, and no transaction is open.
    Idle = 0,
    /// It waits for a command of its transaction.
    InTransaction = 1,
    Running = 2,
}

/// Between two tellings of a statement that goes on.
const AGAIN: Duration = Duration::from_secs(1);

/// The bits of a count that are the phase.
const PHASE: u64 = 3;

/// Bounds on the time of a session; `None` is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeLimits {
    pub idle: Option<Duration>,
    pub transaction_idle: Option<Duration>,
    pub transaction: Option<Duration>,
    pub statement: Option<Duration>,
    /// What runs longer is told to the log when it ends.
    pub slow: Option<Duration>,
}

impl TimeLimits {
    /// The shortest of them.
    pub fn shortest(&self) -> Option<Duration> {
        [self.idle, self.transaction_idle, self.transaction, self.statement, self.slow].into_iter().flatten().min()
    }
}

/// Which bound was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    Idle,
    TransactionIdle,
    Transaction,
    Statement,
}

impl Overdue {
    /// The name of the limit.
    pub fn limit(self) -> &'static str {
        match self {
            Overdue::Idle => "limits.idle_ms_max",
            Overdue::TransactionIdle => "limits.transaction_idle_ms_max",
            Overdue::Transaction => "limits.transaction_ms_max",
            Overdue::Statement => "limits.statement_ms_max",
        }
    }
}

#[derive(Debug)]
pub struct Progress {
    /// The count of steps above the phase.
    step: AtomicU64,
    /// The step that followed when the session was last idle.
    began: AtomicU64,
    /// The step on which its time ran out, and by which bound.
    expired: AtomicU64,
    overdue: Mutex<Option<Overdue>>,
    /// The step whose server does not answer, not even to a cancel.
    abandoned: AtomicU64,
    /// The step that was found to be slow.
    slow: AtomicU64,
    seen: Mutex<Option<Seen>>,
}

/// What the watcher saw when it last found something new.
#[derive(Debug, Clone, Copy)]
struct Seen {
    step: u64,
    since: Instant,
    began: u64,
    open_since: Instant,
    /// When a bound was told last.
    told: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Progress {
            step: AtomicU64::new(0),
            began: AtomicU64::new(0),
            expired: AtomicU64::new(u64::MAX),
            overdue: Mutex::default(),
            abandoned: AtomicU64::new(u64::MAX),
            slow: AtomicU64::new(u64::MAX),
            seen: Mutex::default(),
        }
    }
}

impl Progress {
    /// The session goes on.
    #[inline]
    pub fn enter(&self, phase: Phase) {
        let step = self.step.load(Ordering::Relaxed);
        let next = ((step & !PHASE) + PHASE + 1) | phase as u64;
        if step & PHASE == Phase::Idle as u64 {
            self.began.store(next, Ordering::Relaxed);
        }
        self.step.store(next, Ordering::Release);
    }

    /// What the session does now, as others see it.
    pub fn is_idle(&self) -> bool {
        self.step.load(Ordering::Acquire) & PHASE == Phase::Idle as u64
    }

    /// The bound that was passed on the step that the session is on.
    #[inline]
    pub fn expired(&self) -> Option<Overdue> {
        if self.expired.load(Ordering::Acquire) != self.step.load(Ordering::Relaxed) {
            return None;
        }
        *self.overdue.lock().expect("no panic under this lock")
    }

    /// Nobody answers on this step.
    pub fn abandon(&self, step: u64) {
        self.abandoned.store(step, Ordering::Release);
    }

    /// Whether the step that the session is on is past its time and nobody answers.
    #[inline]
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire) == self.step.load(Ordering::Relaxed)
    }

    /// Whether the step that the session is on is one in `n`, a power of two, of those of its kind. `offset`: of a session, so that those
    /// of few steps are met as well.
    #[inline]
    pub fn is_one_in(&self, n: u64, offset: u64) -> bool {
        // A command takes two steps.
        ((self.step.load(Ordering::Relaxed) >> 3).wrapping_add(offset)) & (n - 1) == 0
    }

    /// For how long, at least, the step has lasted that the session is on, if it is slow.
    #[inline]
    pub fn slow(&self) -> Option<Duration> {
        if self.slow.load(Ordering::Relaxed) != self.step.load(Ordering::Relaxed) {
            return None;
        }
        let seen = self.seen.lock().expect("no panic under this lock");
        seen.map(|seen| seen.since.elapsed())
    }

    /// The step that the session is on, for who acts on it later.
    pub fn step(&self) -> u64 {
        self.step.load(Ordering::Acquire)
    }

    /// Whether a bound was passed just now, and on which step; it is noted, and told once, but of a statement that goes on again
    /// and again: what was to end it may have failed, or hit what ran before.
    pub fn look(&self, now: Instant, limits: &TimeLimits) -> Option<(Overdue, u64)> {
        let (step, began) = (self.step.load(Ordering::Acquire), self.began.load(Ordering::Relaxed));
        let mut seen = self.seen.lock().expect("no panic under this lock");
        let seen = seen.get_or_insert(Seen { step, since: now, began, open_since: now, told: now });
        if seen.step != step {
            (seen.step, seen.since) = (step, now);
        }
        if seen.began != began {
            (seen.began, seen.open_since) = (began, now);
        }
        let passed = |since: Instant, limit: Option<Duration>| limit.is_some_and(|limit| now - since >= limit);
        if step & PHASE == Phase::Running as u64 && passed(seen.since, limits.slow) {
            self.slow.store(step, Ordering::Relaxed);
        }
        if self.expired.load(Ordering::Relaxed) == step {
            let again = step & PHASE == Phase::Running as u64 && now - seen.told >= AGAIN;
            seen.told = if again { now } else { seen.told };
            return again.then_some((Overdue::Statement, step));
        }
        let overdue = match step & PHASE {
            phase if phase == Phase::Running as u64 => {
                passed(seen.since, limits.statement).then_some(Overdue::Statement)
            }
            phase if phase == Phase::InTransaction as u64 => {
                let idle = passed(seen.since, limits.transaction_idle).then_some(Overdue::TransactionIdle);
                idle.or(passed(seen.open_since, limits.transaction).then_some(Overdue::Transaction))
            }
            _ => passed(seen.since, limits.idle).then_some(Overdue::Idle),
        }?;
        *self.overdue.lock().expect("no panic under this lock") = Some(overdue);
        seen.told = now;
        self.expired.store(step, Ordering::Release);
        Some((overdue, step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TimeLimits = TimeLimits {
        idle: Some(Duration::from_secs(10)),
        transaction_idle: Some(Duration::from_secs(5)),
        transaction: Some(Duration::from_secs(8)),
        statement: Some(Duration::from_secs(3)),
        slow: Some(Duration::from_secs(1)),
    };

    /// Steps of a session and looks of the watcher, each at its second, and what the looks find.
    #[track_caller]
    fn check(events: &[(u64, Option<Phase>)], expected: &[(u64, Overdue)]) {
        let progress = Progress::default();
        progress.enter(Phase::Idle);
        let start = Instant::now();
        let mut found = Vec::new();
        for (second, event) in events {
            match event {
                Some(phase) => progress.enter(*phase),
                None => {
                    let now = start + Duration::from_secs(*second);
                    if let Some((overdue, _)) = progress.look(now, &LIMITS) {
                        assert_eq!(progress.expired(), Some(overdue));
                        found.push((*second, overdue));
                    }
                }
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn a_session_is_told_once_that_its_time_ran_out() {
        check(&[(0, None), (9, None), (10, None), (11, None)], &[(10, Overdue::Idle)]);
        let running = Some(Phase::Running);
        // A statement again while it goes on: a cancel may fail.
        let statement = [(3, Overdue::Statement), (4, Overdue::Statement)];
        check(&[(0, running), (0, None), (2, None), (3, None), (3, None), (4, None)], &statement);
        let open = Some(Phase::InTransaction);
        check(&[(0, running), (0, open), (0, None), (5, None), (6, None)], &[(5, Overdue::TransactionIdle)]);
    }

    #[test]
    fn a_step_in_between_starts_anew() {
        let (idle, running) = (Some(Phase::Idle), Some(Phase::Running));
        check(&[(0, None), (9, running), (9, idle), (10, None), (19, None), (20, None)], &[(20, Overdue::Idle)]);
        check(&[(0, running), (0, None), (2, idle), (2, running), (3, None), (5, None)], &[]);
    }

    #[test]
    fn a_transaction_is_timed_over_its_statements_and_ends_between_them() {
        let (running, open) = (Some(Phase::Running), Some(Phase::InTransaction));
        let busy = [(0, running), (0, None), (1, open), (4, running), (4, None), (6, open), (6, None), (7, running)];
        check(&[&busy[..], &[(8, None), (9, open), (9, None)]].concat(), &[(9, Overdue::Transaction)]);
        // Its end, and another begins.
        let ended = [(7, Some(Phase::Idle)), (7, running), (7, None), (8, open), (9, None)];
        check(&[&busy[..7], &ended[..]].concat(), &[]);
    }

    #[test]
    fn a_slow_step_is_known_while_it_lasts() {
        let progress = Progress::default();
        progress.enter(Phase::Running);
        let start = Instant::now();
        assert_eq!(progress.look(start, &LIMITS), None);
        assert!(progress.slow().is_none());
        assert_eq!(progress.look(start + Duration::from_secs(1), &LIMITS), None);
        assert!(progress.slow().is_some());
        progress.enter(Phase::Idle);
        assert!(progress.slow().is_none());
    }

    #[test]
    fn what_ran_out_is_over_with_the_step() {
        let progress = Progress::default();
        progress.enter(Phase::Running);
        let start = Instant::now();
        assert_eq!(progress.look(start, &LIMITS), None);
        let step = progress.step();
        assert_eq!(progress.look(start + Duration::from_secs(3), &LIMITS), Some((Overdue::Statement, step)));
        progress.enter(Phase::Idle);
        assert_eq!(progress.expired(), None);
    }
}
