//! The members of one group together: which one is written, and which one may be read meanwhile.

use std::fmt;
use std::time::Duration;

use super::Options;
use super::member::{Health, Member, Replication, Role, Seen};
use super::readers::{Readers, readers};
use super::shown::Shown;

/// Failures in a row after which what still runs on a member is given up.
const FAILURES_TO_CUT: u32 = 3;

/// The member that is written, as an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primary {
    /// Not all members were probed yet.
    Unsettled,
    /// No member is writable.
    None,
    One(usize),
    /// Several are, so none is written.
    Several,
}

/// One group as it was last seen.
#[derive(Debug, Clone)]
pub struct Group {
    members: Vec<Member>,
    /// The address of the last primary.
    last: Option<Box<str>>,
    primary: Primary,
    reads: Option<usize>,
    readers: Readers,
    shown: Shown,
}

/// What a probe's result means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// From now to the member's next probe.
    pub next: Duration,
    /// The member's role is another one.
    pub change: Option<Change>,
    /// Statements of the group go elsewhere than before.
    pub moved: bool,
    /// Reads that need not see every write do.
    pub reads_moved: bool,
    /// Other members serve reads than before.
    pub readers_changed: bool,
    /// Members whose connections are to be closed, whoever uses them.
    pub cut: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub from: Role,
    pub to: Role,
}

impl Group {
    pub fn new(members: Vec<Member>) -> Group {
        let readers = Readers::default();
        let (primary, shown) = (Primary::Unsettled, Shown::default());
        let mut group = Group { members, last: None, primary, reads: None, readers, shown };
        group.decide();
        group
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub fn primary(&self) -> Primary {
        self.primary
    }

    /// The member that shows every acknowledged write: the primary, or the last one while there is none and it applies
    /// nobody else's writes.
    pub fn reads(&self) -> Option<usize> {
        self.reads
    }

    /// The members that serve reads which may be a little late.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// What these members show, by numbers of probes.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// The map's members are others now; those that stay are known still. Whether statements go elsewhere.
    pub fn replace(&mut self, members: Vec<Member>) -> bool {
        let before = std::mem::take(&mut self.members);
        self.members = members;
        for member in &mut self.members {
            if let Some(known) = before.iter().find(|known| known.at == member.at) {
                member.take_over(known);
            }
        }
        let was = (self.primary, self.reads, self.readers.clone());
        self.decide();
        was != (self.primary, self.reads, self.readers.clone()) || before.len() != self.members.len()
    }

    /// Takes what a probe of the member at that address found; nothing if there is no such member.
    pub fn see(&mut self, at: &str, seen: Seen, options: &Options) -> Option<Step> {
        let index = self.members.iter().position(|member| *member.at == *at)?;
        let member = &mut self.members[index];
        let from = member.role();
        member.see(seen);
        let to = member.role();
        let next = delay(member.health, options);
        let was = (self.primary, self.reads);
        let read_before = self.readers.clone();
        let shows_all = self.reads.map(|index| self.members[index].at.clone());
        self.decide_primary();
        if shows_all != self.reads.map(|index| self.members[index].at.clone()) {
            self.shown.begin_anew();
        }
        let position = self.members[index].answers().and_then(|answer| answer.position.clone());
        match position {
            Some(position) if self.reads == Some(index) => self.shown.push(position),
            _ => self.members[index].judge(options.lag_max, &self.shown),
        }
        self.decide_readers();
        let change = (from != to).then_some(Change { from, to });
        let readers_changed = read_before.all != self.readers.all;
        let (moved, reads_moved) = (was != (self.primary, self.reads), read_before != self.readers);
        Some(Step { next, change, moved, reads_moved, readers_changed, cut: self.cut() })
    }

    fn decide(&mut self) {
        self.decide_primary();
        self.decide_readers();
    }

    fn decide_readers(&mut self) {
        self.readers = readers(&self.members, self.reads, &self.shown);
        let beside = self.readers.all.iter().filter(|index| Some(**index) != self.reads);
        self.shown.all_have_passed(beside.map(|index| self.members[*index].passed()));
    }

    fn decide_primary(&mut self) {
        if self.members.len() == 1 {
            // There is nobody else to be asked: the server itself says what it can do.
            (self.primary, self.reads) = (Primary::One(0), Some(0));
            return;
        }
        let mut writable = self.members.iter().enumerate().filter(|(_, member)| member.is_writable());
        self.primary = match (writable.next(), writable.next()) {
            (Some(_), Some(_)) => Primary::Several,
            (Some((_, member)), None) if self.is_unsettled(Some(&member.at)) => Primary::Unsettled,
            (Some((index, Member { health: Health::Up, .. })), None) => Primary::One(index),
            (None, _) if self.is_unsettled(None) => Primary::Unsettled,
            _ => Primary::None,
        };
        self.reads = match self.primary {
            Primary::One(index) => Some(index),
            _ => self.last_primary(),
        };
        if let Primary::One(index) = self.primary {
            self.last = Some(self.members[index].at.clone());
        }
    }

    /// Whether a member that was not probed yet may be the writable one, or another one beside this.
    fn is_unsettled(&self, writable: Option<&str>) -> bool {
        let unseen = self.members.iter().any(|member| member.health == Health::Unseen);
        // A member that is new to a group does not stop what goes on.
        unseen && (writable.is_none() || writable != self.last.as_deref())
    }

    /// The last primary, while it answers and applies nobody else's writes.
    fn last_primary(&self) -> Option<usize> {
        let last = self.last.as_deref()?;
        self.members.iter().position(|member| {
            *member.at == *last && member.answers().is_some_and(|answer| answer.replication == Replication::None)
        })
    }

    /// Members that were lost for good: another is written instead, or they failed too often.
    fn cut(&self) -> Vec<usize> {
        if self.members.len() == 1 {
            return Vec::new();
        }
        let replaced = matches!(self.primary, Primary::One(_));
        let is_lost = |member: &Member| match member.health {
            Health::Down { failures } => replaced || failures >= FAILURES_TO_CUT,
            Health::Unseen | Health::Up | Health::Rising { .. } => false,
        };
        self.members.iter().enumerate().filter(|(_, member)| is_lost(member)).map(|(index, _)| index).collect()
    }
}

fn delay(health: Health, options: &Options) -> Duration {
    let doublings = match health {
        Health::Down { failures } => failures.saturating_sub(1).min(16),
        Health::Unseen | Health::Up | Health::Rising { .. } => 0,
    };
    options.interval.saturating_mul(1 << doublings).min(options.backoff_max.max(options.interval))
}

/// What keeps the group from being written, for those who wait for it.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.primary {
            Primary::Unsettled => f.write_str("not all of its members were probed yet")?,
            Primary::None => f.write_str("none of its members is writable")?,
            Primary::One(_) => f.write_str("one of its members is writable")?,
            Primary::Several => f.write_str("several of its members are writable")?,
        }
        for (at, member) in self.members.iter().enumerate() {
            write!(f, "{}{member}", if at == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}
