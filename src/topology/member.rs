//! One member: what its last probe found, and how far it is trusted.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::position::Position;
use super::shown::Shown;
use crate::shard_map::Family;

/// Answers in a row after which a member that was lost is trusted again, and a replica that was late.
const ANSWERS_TO_RISE: u32 = 2;

/// The least of so many latencies is a member's: what is more is not the way there, but somebody who was busy.
const LATENCIES: usize = 16;

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Answer(Answer),
    /// No answer, or none in time, and why.
    Nothing(Box<str>),
    /// No use, and why; but it says nothing of how long the member has been away: the server answered with an error, or was
    /// asked out of turn.
    Unclear(Box<str>),
}

/// What a server said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `@@version`.
    pub version: Box<str>,
    pub family: Family,
    /// `read_only`, which `super_read_only` implies.
    pub read_only: bool,
    /// `server_id`.
    pub server_id: u32,
    pub replication: Replication,
    /// What it has written or, of a replica, applied; `None` where it does not say.
    pub position: Option<Position>,
    /// From the question to the answer, on a connection that was open.
    pub latency_us: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replication {
    /// It applies no other server's changes.
    None,
    /// The account of the probes may not know.
    Hidden,
    From(Source),
}

/// Where a replica takes its rows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `host:port`, as the replica knows it.
    pub at: Box<str>,
    /// It receives and applies changes.
    pub running: bool,
    /// Seconds, by the server's figure; `None` where it does not say.
    pub lag_s: Option<u64>,
    /// The `server_id` of each server that it receives from.
    pub server_ids: Vec<u32>,
}

/// How far a member is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Not probed yet.
    Unseen,
    Up,
    /// Probes in a row that failed.
    Down {
        failures: u32,
    },
    /// Probes in a row that were answered since it was down.
    Rising {
        answers: u32,
    },
}

/// What a member is in its group, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Unknown,
    Unreachable,
    Writable,
    Replica,
    /// Read-only, and no replica as far as the account of the probes may know.
    ReadOnly,
}

/// One server of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `host:port`, as in the map.
    pub at: Box<str>,
    pub region: Box<str>,
    /// Its region is the proxy's own.
    pub is_near: bool,
    pub health: Health,
    /// Of the last probe that was answered.
    pub answer: Option<Answer>,
    /// Why the last probe was not.
    pub why: Box<str>,
    /// Probes in a row that found a replica little late; more than enough of them are not counted.
    timely: u32,
    /// The number that it has to pass to serve reads, since it is little late again.
    has_to_pass: u64,
    /// The last number that it has passed (`Shown`), since it was lost.
    passed: u64,
    /// The last ones, the youngest last.
    latencies_us: VecDeque<u32>,
    distance: u32,
}

impl Member {
    pub fn new(at: &str, region: &str, is_near: bool) -> Member {
        Member {
            at: at.into(),
            region: region.into(),
            is_near,
            health: Health::Unseen,
            answer: None,
            why: "".into(),
            timely: 0,
            has_to_pass: 0,
            passed: 0,
            latencies_us: VecDeque::new(),
            distance: 0,
        }
    }

    /// Takes what is known of the same server from before.
    pub(super) fn take_over(&mut self, known: &Member) {
        let new = std::mem::replace(self, known.clone());
        (self.region, self.is_near) = (new.region, new.is_near);
    }

    pub(super) fn see(&mut self, seen: Seen) {
        if let Seen::Answer(answer) = &seen {
            self.measure(answer.latency_us);
        } else {
            (self.timely, self.passed) = (0, 0);
        }
        match seen {
            Seen::Answer(answer) => {
                self.answer = Some(answer);
                self.why = "".into();
                self.health = match self.health {
                    Health::Unseen | Health::Up => Health::Up,
                    Health::Down { .. } => Health::Rising { answers: 1 },
                    Health::Rising { answers } if answers + 1 >= ANSWERS_TO_RISE => Health::Up,
                    Health::Rising { answers } => Health::Rising { answers: answers + 1 },
                };
            }
            Seen::Unclear(why) => {
                self.why = why;
                if !matches!(self.health, Health::Down { .. }) {
                    self.health = Health::Down { failures: 1 };
                }
            }
            Seen::Nothing(why) => {
                self.why = why;
                self.health = match self.health {
                    Health::Down { failures } => Health::Down { failures: failures.saturating_add(1) },
                    Health::Unseen | Health::Up | Health::Rising { .. } => Health::Down { failures: 1 },
                };
            }
        }
    }

    /// Judges how late it is, by the answer to its last probe. One late answer is enough to be late; to be in time again takes
    /// several that are well within the bound, and what was written up to the first of them: a replica that has just
    /// connected is not late by its own figure, whatever it lacks.
    pub(super) fn judge(&mut self, lag_max: Duration, shown: &Shown) {
        let Some(answer) = self.answers() else {
            return;
        };
        let passed = answer.position.as_ref().map_or(0, |position| shown.passed(position));
        let lag = match &answer.replication {
            Replication::From(source) if source.running => source.lag_s.map(Duration::from_secs),
            _ => None,
        };
        self.passed = self.passed.max(passed);
        self.timely = match lag {
            Some(lag) if lag <= lag_max && self.is_timely() => self.timely,
            Some(lag) if lag <= lag_max / 2 => {
                if self.timely == 0 {
                    self.has_to_pass = shown.latest();
                }
                let has_passed = self.passed >= self.has_to_pass.max(shown.by_all());
                if has_passed { self.timely + 1 } else { 1 }
            }
            _ => 0,
        };
    }

    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    fn is_timely(&self) -> bool {
        self.timely >= ANSWERS_TO_RISE
    }

    fn measure(&mut self, latency_us: u32) {
        if self.latencies_us.len() == LATENCIES {
            self.latencies_us.pop_front();
        }
        self.latencies_us.push_back(latency_us);
        let latency_us = self.latency_us().unwrap_or(latency_us);
        // One at the border of two distances stays where it is.
        if !(distance(latency_us / 4 * 3)..=distance(latency_us / 4 * 5)).contains(&self.distance) {
            self.distance = distance(latency_us);
        }
    }

    /// The least of its last probes that were answered.
    pub fn latency_us(&self) -> Option<u32> {
        self.latencies_us.iter().min().copied()
    }

    /// How far it is from the proxy: members of one distance are alike.
    pub(super) fn distance(&self) -> (bool, u32) {
        (!self.is_near, self.distance)
    }

    /// Whether it is a replica that shows what its source had a moment ago.
    pub(super) fn is_fresh(&self, shown: &Shown, by_position: bool) -> bool {
        let is_fresh = self.health == Health::Up && self.role() == Role::Replica && self.is_timely();
        is_fresh && self.passed >= shown.by_all() && (self.passed > 0 || !by_position)
    }

    /// Whether it receives changes from one of these servers.
    pub(super) fn follows(&self, server_ids: &[u32]) -> bool {
        match self.answers().map(|answer| &answer.replication) {
            Some(Replication::From(source)) => source.server_ids.iter().any(|id| server_ids.contains(id)),
            _ => false,
        }
    }

    /// What it said, if it answered its last probe.
    pub fn answers(&self) -> Option<&Answer> {
        match self.health {
            Health::Up | Health::Rising { .. } => self.answer.as_ref(),
            Health::Unseen | Health::Down { .. } => None,
        }
    }

    pub fn is_writable(&self) -> bool {
        self.answers().is_some_and(|answer| !answer.read_only)
    }

    pub fn role(&self) -> Role {
        match self.answers() {
            None if self.health == Health::Unseen => Role::Unknown,
            None => Role::Unreachable,
            Some(Answer { read_only: false, .. }) => Role::Writable,
            Some(Answer { replication: Replication::From(_), .. }) => Role::Replica,
            Some(_) => Role::ReadOnly,
        }
    }

    /// Seconds behind its source, where it says so.
    pub fn lag_s(&self) -> Option<u64> {
        match &self.answers()?.replication {
            Replication::From(source) => source.lag_s,
            Replication::None | Replication::Hidden => None,
        }
    }
}

/// Below one millisecond 0; then one more each time that the latency doubles.
fn distance(latency_us: u32) -> u32 {
    (latency_us / 1000).checked_ilog2().map_or(0, |doublings| doublings + 1)
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Role::Unknown => "unknown",
            Role::Unreachable => "unreachable",
            Role::Writable => "writable",
            Role::Replica => "replica",
            Role::ReadOnly => "read_only",
        }
    }
}

/// `127.0.0.1:3307 in eu is unreachable (connection refused)`.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ", self.at, self.region)?;
        match self.role() {
            Role::Unknown => f.write_str("was not probed yet"),
            Role::Unreachable => write!(f, "is unreachable ({})", self.why),
            Role::Writable => f.write_str("is writable"),
            Role::Replica => f.write_str("is a read-only replica"),
            Role::ReadOnly => f.write_str("is read-only"),
        }?;
        if matches!(self.health, Health::Rising { .. }) {
            f.write_str(" and only just back")?;
        }
        Ok(())
    }
}
