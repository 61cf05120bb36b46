//! One member: what its last probe found, and how far it is trusted.

use std::fmt;

use crate::shard_map::Family;

/// Answers in a row after which a member that was lost is trusted again.
const ANSWERS_TO_RISE: u32 = 2;

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
    pub replication: Replication,
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
    pub health: Health,
    /// Of the last probe that was answered.
    pub answer: Option<Answer>,
    /// Why the last probe was not.
    pub why: Box<str>,
}

impl Member {
    pub fn new(at: &str, region: &str) -> Member {
        Member { at: at.into(), region: region.into(), health: Health::Unseen, answer: None, why: "".into() }
    }

    pub(super) fn see(&mut self, seen: Seen) {
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
