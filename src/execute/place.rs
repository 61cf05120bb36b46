//! Which member of a group a statement goes to, and whether a session may go on with what it holds on one.
//!
//! Reads go to other members than the primary (`Reads`) only while nothing that the session did or holds could show there: it
//! has not written the group, nothing is pinned, and no transaction is open but one that only reads.
//!
//! Invariant: `Session::pools` has the pools of members that serve their group's statements, as of the session's epoch;
//! while the proxy's is another, they are looked up each time.

use std::sync::Arc;

use super::Session;
use super::before::LastUsed;
use super::single::Job;
use crate::backend::{Failure, MemberState, Pool, Stays};
use crate::net::timer;
use crate::shard_map::{GroupId, Reads};
use crate::sql::facts::{Access, Facts};

/// The pools of a session, by group and by who may answer.
#[derive(Debug, Default)]
pub struct Pools(Vec<Option<Arc<Pool>>>);

impl Pools {
    pub fn known(&self, group: GroupId, reads: Reads) -> Option<&Arc<Pool>> {
        self.0.get(Pools::index(group, reads))?.as_ref()
    }

    fn keep(&mut self, group: GroupId, reads: Reads, pool: &Arc<Pool>) {
        let index = Pools::index(group, reads);
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = Some(pool.clone());
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn index(group: GroupId, reads: Reads) -> usize {
        usize::from(group.0) * Reads::ALL.len() + reads as usize
    }
}

impl Session {
    /// Forgets the pools if statements go elsewhere by now.
    pub(super) fn forget_moved_pools(&mut self) {
        if self.epoch != self.proxy.epoch() {
            self.pools.clear();
        }
    }

    /// A pool of the group for what any of its servers can answer.
    pub(super) fn pool(&mut self, group: GroupId) -> Arc<Pool> {
        if let Some(pool) = self.settled_pool(group, Reads::Primary) {
            return pool;
        }
        let epoch = self.proxy.epoch();
        let standing = self.snapshot.standing(group);
        self.pool_of(group, Reads::Primary, standing.any(), standing.is_settled(), epoch)
    }

    /// The pool for a statement; waits for a member that serves it.
    pub(super) async fn serving_pool(
        &mut self,
        group: GroupId,
        writes: bool,
        reads: Reads,
    ) -> Result<Arc<Pool>, Failure> {
        if let Some(pool) = self.settled_pool(group, reads) {
            return Ok(pool);
        }
        let epoch = self.proxy.epoch();
        if let Some(member) = self.reader(group, reads) {
            return Ok(self.pool_of(group, reads, &member, true, epoch));
        }
        let state = self.snapshot.groups[usize::from(group.0)].clone();
        let found = self
            .proxy
            .serving(&state, |standing| standing.serving(writes).map(|member| (member.clone(), standing.is_settled())));
        let found = self.registered.handle.or_interrupted(found).await;
        let (member, is_settled) = found.unwrap_or(Err(Failure::Cancelled))?;
        Ok(self.pool_of(group, reads, &member, is_settled, epoch))
    }

    fn settled_pool(&self, group: GroupId, reads: Reads) -> Option<Arc<Pool>> {
        self.pools.known(group, reads).filter(|_| self.epoch == self.proxy.epoch()).cloned()
    }

    /// The account's pool to a member, kept if it serves all such statements since before `epoch` was read.
    fn pool_of(
        &mut self,
        group: GroupId,
        reads: Reads,
        member: &Arc<MemberState>,
        is_settled: bool,
        epoch: u64,
    ) -> Arc<Pool> {
        let pool = self.proxy.pool(member, &self.account.backend);
        if is_settled && epoch == self.epoch {
            self.pools.keep(group, reads, &pool);
        }
        pool
    }

    /// The member for the session's reads of a group, if others than the primary may answer them. Of those that are equally
    /// near, sessions begin with different ones, and take the next where less is under way.
    fn reader(&self, group: GroupId, reads: Reads) -> Option<Arc<MemberState>> {
        let standing = self.snapshot.standing(group);
        let alike = standing.readers(reads).len();
        let turn = usize::try_from(self.registered.handle.id).unwrap_or_default();
        let nth = |n: usize| standing.readers(reads).nth(n % alike);
        match alike {
            0 => None,
            1 => nth(0).cloned(),
            _ => {
                let busy = |member: &&Arc<MemberState>| {
                    let (open, idle, waiting) = self.proxy.pool(member, &self.account.backend).counts();
                    open - idle + waiting
                };
                [nth(turn), nth(turn + 1)].into_iter().flatten().min_by_key(busy).cloned()
            }
        }
    }

    /// Who may answer the job: as its tables say, if what the session did and holds lets it.
    pub(super) fn reads_of(&mut self, job: &Job<'_>, group: GroupId) -> Reads {
        let state = &self.snapshot.groups[usize::from(group.0)];
        let only_reads = match &self.transaction {
            Some(transaction) => transaction.only_reads(&self.state),
            None => self.state.autocommit() || self.state.transactions_only_read() && !self.state.reads_lock(),
        };
        let is_free = self.next_transaction.is_empty() && self.held.iter().all(|held| held.pins.is_empty());
        let is_current = || self.epoch == self.proxy.epoch();
        let may_be_late =
            job.reads != Reads::Primary && only_reads && is_free && self.written.is_shown(state, is_current);
        if may_be_late { job.reads } else { Reads::Primary }
    }

    /// The connection that the session holds for such statements of a group. In a transaction that only reads there may be
    /// two: one for what may be a little late, and one for what may not.
    pub(super) fn held_for(&self, group: GroupId, reads: Reads) -> Option<usize> {
        let of = |only_reads| self.held.iter().position(|held| held.group == group && held.only_reads == only_reads);
        if reads == Reads::Primary { of(false) } else { of(true).or_else(|| of(false)) }
    }

    /// Whether the statement asks about the previous one, and that was read from another member of its group.
    pub(super) fn was_read_elsewhere(&self, last: &LastUsed, job: &Job<'_>) -> bool {
        let standing = self.snapshot.standing(self.snapshot.group(job.shard));
        let is_member = standing.members.iter().any(|member| Arc::ptr_eq(member, &last.pool.member));
        is_member && !job.tables && job.facts.access == Access::Read
    }

    /// Whether the session may run a statement on the connection that it holds; waits while that is in doubt.
    pub(super) async fn may_stay(&self, held: usize, writes: bool) -> Result<(), Failure> {
        if self.epoch == self.proxy.epoch() {
            return Ok(());
        }
        let held = &self.held[held];
        if held.only_reads {
            // What was begun there reads what was there when it began.
            return Ok(());
        }
        let (state, member) = (&self.snapshot.groups[usize::from(held.group.0)], &held.lease.member);
        let decided = self.proxy.serving(state, |standing| match standing.stays(member, writes) {
            Stays::NotNow => None,
            Stays::Yes => Some(Ok(())),
            Stays::No => Some(Err(Failure::Demoted { group: state.name.clone(), member: member.at.clone() })),
        });
        self.registered.handle.or_interrupted(decided).await.unwrap_or(Err(Failure::Cancelled))?
    }

    /// A member could not be reached: if others may take its place, it is probed at once. Whether it makes sense to look for
    /// the statement's member again.
    pub(super) async fn look_again(&self, group: GroupId, member: &Arc<MemberState>) -> bool {
        let state = &self.snapshot.groups[usize::from(group.0)];
        if !state.standing().has_several() {
            return false;
        }
        // One probe may be under way already.
        let looked = timer::timeout(self.proxy.options.probe.timeout * 2, state.look_at(member));
        self.registered.handle.or_interrupted(looked).await.is_some()
    }
}

/// Whether the statement may write, as a function may that is not known.
pub(super) fn writes(facts: &Facts) -> bool {
    facts.access == Access::Write
}
