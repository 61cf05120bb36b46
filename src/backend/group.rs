//! The members of one group as all sessions share them: where statements go now, and who waits for a member to be writable.
//!
//! What probes found is judged by `topology`; here the verdict is kept where statements find it without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::member::MemberState;
use crate::shard_map::Reads;
use crate::topology::{self, Member, Primary, Readers, Seen};

/// One group of the map; it outlives maps that keep its name.
#[derive(Debug)]
pub struct GroupState {
    pub name: String,
    watched: Mutex<topology::Group>,
    standing: ArcSwap<Standing>,
    /// Told of every probe that ended.
    reported: Notify,
    /// As in `topology::Shown`.
    latest: AtomicU64,
    shown_by_all: AtomicU64,
}

/// Where statements of a group go.
#[derive(Debug)]
pub struct Standing {
    /// In the order of the map.
    pub members: Vec<Arc<MemberState>>,
    pub primary: Primary,
    /// The member that shows every acknowledged write.
    reads: Option<usize>,
    /// One that answered its last probe.
    answering: Option<usize>,
    readers: Readers,
}

/// What may be done with a connection that a session holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    Yes,
    /// Nothing is written there, at least for now.
    NotNow,
    /// Another member is written.
    No,
}

impl Standing {
    /// The member that a statement goes to.
    pub fn serving(&self, writes: bool) -> Option<&Arc<MemberState>> {
        match self.primary {
            Primary::One(index) => self.members.get(index),
            _ if writes => None,
            _ => self.reads.and_then(|index| self.members.get(index)),
        }
    }

    /// The members, equally near, that a read goes to which may be a little late; none: it goes where all others do.
    pub fn readers(&self, reads: Reads) -> impl ExactSizeIterator<Item = &Arc<MemberState>> {
        let readers: &[usize] = match reads {
            Reads::Primary => &[],
            Reads::Replica => &self.readers.replicas,
            Reads::Nearest => &self.readers.nearest,
        };
        readers.iter().map(|index| &self.members[*index])
    }

    /// The members that statements go to: the one for all, and with `readers` those for reads.
    pub fn in_use(&self, readers: bool) -> impl Iterator<Item = &Arc<MemberState>> {
        let primary = match self.primary {
            Primary::One(index) => Some(index),
            _ => self.reads,
        };
        let others = if readers { self.readers.all.as_slice() } else { &[] };
        let others = others.iter().copied().filter(move |index| Some(*index) != primary);
        primary.into_iter().chain(others).map(|index| &self.members[index])
    }

    /// Whether this member is the one that is written.
    pub fn is_primary(&self, member: &Arc<MemberState>) -> bool {
        matches!(self.primary, Primary::One(index) if Arc::ptr_eq(&self.members[index], member))
    }

    /// A member for what any server of the group can answer.
    pub fn any(&self) -> &Arc<MemberState> {
        let index = match self.primary {
            Primary::One(index) => index,
            _ => self.reads.or(self.answering).unwrap_or(0),
        };
        &self.members[index]
    }

    /// Whether a member answered its last probe.
    pub fn answers(&self) -> bool {
        self.answering.is_some()
    }

    /// Whether all statements go to one member.
    pub fn is_settled(&self) -> bool {
        matches!(self.primary, Primary::One(_))
    }

    pub fn has_several(&self) -> bool {
        self.members.len() > 1
    }

    /// Whether a session may go on with what it holds on a member. One that the map does not have any more is nobody's
    /// concern: what was begun there ends there.
    pub fn stays(&self, member: &Arc<MemberState>, writes: bool) -> Stays {
        let Some(index) = self.members.iter().position(|other| Arc::ptr_eq(other, member)) else {
            return Stays::Yes;
        };
        match self.primary {
            Primary::One(primary) if primary == index => Stays::Yes,
            Primary::One(_) => Stays::No,
            _ if !writes && self.reads == Some(index) => Stays::Yes,
            _ => Stays::NotNow,
        }
    }
}

impl GroupState {
    pub fn new(name: String, members: Vec<(Arc<MemberState>, Member)>) -> Self {
        let watched = topology::Group::new(as_watched(&members));
        let standing = ArcSwap::from_pointee(standing(&watched, states(members)));
        let (latest, shown_by_all) = Default::default();
        GroupState { name, watched: Mutex::new(watched), standing, reported: Notify::new(), latest, shown_by_all }
    }

    fn watched(&self) -> MutexGuard<'_, topology::Group> {
        self.watched.lock().expect("no panic under this lock")
    }

    pub fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// A number that members have passed, at the earliest, that show what is acknowledged by now.
    pub fn mark(&self) -> u64 {
        self.latest.load(Ordering::Acquire) + 2
    }

    /// Whether all members that serve reads, now and later, show what was acknowledged at this mark.
    pub fn is_shown(&self, mark: u64) -> bool {
        self.shown_by_all.load(Ordering::Acquire) >= mark
    }

    /// As `Standing::answers`.
    pub fn answers(&self) -> bool {
        self.standing.load().answers()
    }

    /// What is known of the members.
    pub fn seen(&self) -> topology::Group {
        self.watched().clone()
    }

    /// The map has other members. Whether statements go elsewhere than before.
    pub fn replace(&self, members: Vec<(Arc<MemberState>, Member)>) -> bool {
        let mut watched = self.watched();
        let moved = watched.replace(as_watched(&members));
        self.standing.store(Arc::new(standing(&watched, states(members))));
        drop(watched);
        self.reported.notify_waiters();
        moved
    }

    /// Takes what a probe found; the time to the member's next one. `None`: the group has no such member any more.
    ///
    /// `moved` is called, before anybody who waits is told, if statements of the group go elsewhere than before.
    pub fn report(
        &self,
        member: &MemberState,
        seen: Seen,
        options: &topology::Options,
        moved: impl FnOnce(),
    ) -> Option<Duration> {
        let mut watched = self.watched();
        let step = watched.see(&member.at, seen, options)?;
        let members = self.standing.load().members.clone();
        let cut: Vec<_> = step.cut.iter().filter_map(|index| members.get(*index)).cloned().collect();
        self.standing.store(Arc::new(standing(&watched, members)));
        let group = self.name.as_str();
        if let Some(change) = step.change {
            let (from, to) = (change.from.word(), change.to.word());
            let now = watched.members().iter().find(|other| *other.at == member.at).map(ToString::to_string);
            tracing::info!(group, from, to, "{}", now.unwrap_or_default());
        }
        if step.moved || step.reads_moved {
            moved();
        }
        // Behind that: whoever finds it knows by the epoch whether these are the members that it is true of.
        self.latest.store(watched.shown().latest(), Ordering::Release);
        self.shown_by_all.store(watched.shown().by_all(), Ordering::Release);
        if step.moved {
            match watched.primary() {
                Primary::One(index) => {
                    tracing::info!(group, member = %watched.members()[index].at, "the group is written here now");
                }
                _ => tracing::warn!(group, "the group is not written now: {}", *watched),
            }
        }
        if step.readers_changed && watched.members().len() > 1 {
            let at = |index: &usize| watched.members()[*index].at.as_ref();
            let members: Vec<&str> = watched.readers().all.iter().map(at).collect();
            tracing::info!(group, members = members.join(", "), "members that serve reads now");
        }
        drop(watched);
        member.count_probe();
        self.reported.notify_waiters();
        for member in cut {
            let connections = member.cut();
            if connections > 0 {
                tracing::warn!(group, member = %member.at, connections, "connections to a lost member were closed");
            }
        }
        Some(step.next)
    }

    /// Waits until the standing is as looked for; it is looked at after each probe. The caller sets the bound.
    pub async fn until<T>(&self, look: impl Fn(&Standing) -> Option<T>) -> T {
        loop {
            let mut reported = std::pin::pin!(self.reported.notified());
            reported.as_mut().enable();
            if let Some(found) = look(&self.standing.load()) {
                return found;
            }
            reported.await;
        }
    }

    /// Has the member probed at once, with all others, and waits for what is found of it. The caller sets the bound.
    pub async fn look_at(&self, member: &Arc<MemberState>) {
        // One that is under way may have asked already.
        let begun = member.probes_begun();
        for other in &self.standing.load().members {
            other.suspected.notify_one();
        }
        self.until(|_| (member.probes() > begun).then_some(())).await;
    }
}

fn as_watched(members: &[(Arc<MemberState>, Member)]) -> Vec<Member> {
    // What one member's loss does to others is known only where there are others.
    if let [_, _, ..] = members {
        members.iter().for_each(|(member, _)| member.have_peers());
    }
    members.iter().map(|(_, member)| member.clone()).collect()
}

fn states(members: Vec<(Arc<MemberState>, Member)>) -> Vec<Arc<MemberState>> {
    members.into_iter().map(|(member, _)| member).collect()
}

fn standing(watched: &topology::Group, members: Vec<Arc<MemberState>>) -> Standing {
    let answering = watched.members().iter().position(|member| member.answers().is_some());
    let readers = watched.readers().clone();
    Standing { members, primary: watched.primary(), reads: watched.reads(), answering, readers }
}
