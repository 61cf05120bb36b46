//! What is out there now: the members of a group as probes saw them, which one of them is to be written, and which may be read.
//!
//! Answers to probes go in; out come the group's standing, the delay to the member's next probe, and members whose
//! connections are to be cut. Nothing here asks a server or a clock.
//! Invariant: a member of several is the primary only if its last probe found it writable and no other member's last
//! probe did; a member alone always is.

mod group;
mod member;
mod position;
mod readers;
mod shown;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use group::{Change, Group, Primary, Step};
pub use member::{Answer, Health, Member, Replication, Role, Seen, Source};
pub use position::Position;
pub use readers::Readers;

/// How members are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// From the end of a probe to the next one of the same member.
    pub interval: Duration,
    /// The same at most, of a member that does not answer: the delay doubles with each failure.
    pub backoff_max: Duration,
    /// How late a replica may be, by its own figure, for reads to go there.
    pub lag_max: Duration,
}
