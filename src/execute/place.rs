//! Which member of a group a statement goes to, and whether a session may go on with what it holds on one.
//!
//! Invariant: `Session::pools` has the pools of members that serve all of their group's statements, as of the session's
//! epoch; while the proxy's is another, they are looked up each time.

use std::sync::Arc;

use super::Session;
use crate::backend::{Failure, MemberState, Pool, Stays};
use crate::net::timer;
use crate::shard_map::GroupId;
use crate::sql::facts::{Access, Facts};

impl Session {
    /// Forgets the pools if statements go elsewhere by now.
    pub(super) fn forget_moved_pools(&mut self) {
        if self.epoch != self.proxy.epoch() {
            self.pools.clear();
        }
    }

    /// A pool of the group for what any of its servers can answer.
    pub(super) fn pool(&mut self, group: GroupId) -> Arc<Pool> {
        if let Some(pool) = self.settled_pool(group) {
            return pool;
        }
        let epoch = self.proxy.epoch();
        let standing = self.snapshot.standing(group);
        self.pool_of(group, standing.any(), standing.is_settled(), epoch)
    }

    /// The pool for a statement; waits for a member that serves it.
    pub(super) async fn serving_pool(&mut self, group: GroupId, writes: bool) -> Result<Arc<Pool>, Failure> {
        if let Some(pool) = self.settled_pool(group) {
            return Ok(pool);
        }
        let epoch = self.proxy.epoch();
        let state = self.snapshot.groups[usize::from(group.0)].clone();
        let found = self
            .proxy
            .serving(&state, |standing| standing.serving(writes).map(|member| (member.clone(), standing.is_settled())));
        let found = self.registered.handle.or_interrupted(found).await;
        let (member, is_settled) = found.unwrap_or(Err(Failure::Cancelled))?;
        Ok(self.pool_of(group, &member, is_settled, epoch))
    }

    fn settled_pool(&self, group: GroupId) -> Option<Arc<Pool>> {
        known_pool(&self.pools, group).filter(|_| self.epoch == self.proxy.epoch()).cloned()
    }

    /// The account's pool to a member, kept if it serves all of the group's statements since before `epoch` was read.
    fn pool_of(&mut self, group: GroupId, member: &Arc<MemberState>, is_settled: bool, epoch: u64) -> Arc<Pool> {
        let pool = self.proxy.pool(member, &self.account.backend);
        if is_settled && epoch == self.epoch {
            let index = usize::from(group.0);
            if self.pools.len() <= index {
                self.pools.resize(index + 1, None);
            }
            self.pools[index] = Some(pool.clone());
        }
        pool
    }

    /// Whether the session may run a statement on the connection that it holds; waits while that is in doubt.
    pub(super) async fn may_stay(&self, held: usize, writes: bool) -> Result<(), Failure> {
        if self.epoch == self.proxy.epoch() {
            return Ok(());
        }
        let held = &self.held[held];
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

/// The pool of a group, if the session has used it.
pub(super) fn known_pool(pools: &[Option<Arc<Pool>>], group: GroupId) -> Option<&Arc<Pool>> {
    pools.get(usize::from(group.0))?.as_ref()
}

/// Whether the statement may write, as a function may that is not known.
pub(super) fn writes(facts: &Facts) -> bool {
    facts.access == Access::Write
}
