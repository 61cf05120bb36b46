//! Watches the members of the map: a task for each, which probes it and tells its group what was found. When statements go
//! elsewhere from then on, the proxy's epoch grows, and sessions look for their pools anew.
//!
//! Invariant: a member that is in the map is probed by one task; the task ends when the map has it no more.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Proxy;
use crate::backend::{GroupState, MemberState, Prober};
use crate::net::timer;
use crate::topology::Seen;

impl Proxy {
    /// Watches until `stop`; every member is a task of `tasks`.
    pub async fn watch(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        // A group is another one when it was away from the map in between.
        let mut watched: HashMap<(usize, String), CancellationToken> = HashMap::new();
        loop {
            let mut remapped = std::pin::pin!(self.remapped.notified());
            remapped.as_mut().enable();
            let mut gone = std::mem::take(&mut watched);
            for group in &self.snapshot.load().groups {
                for member in &group.standing().members {
                    let key = (Arc::as_ptr(group).addr(), member.at.clone());
                    let until = gone.remove(&key).unwrap_or_else(|| {
                        let until = stop.child_token();
                        let one = self.clone().watch_member(group.clone(), member.clone(), until.clone());
                        tasks.spawn(one);
                        until
                    });
                    watched.insert(key, until);
                }
            }
            gone.values().for_each(CancellationToken::cancel);
            tokio::select! {
                () = stop.cancelled() => return,
                () = remapped => {}
            }
        }
    }

    async fn watch_member(self: Arc<Self>, group: Arc<GroupState>, member: Arc<MemberState>, until: CancellationToken) {
        let options = &self.options.probe;
        let mut prober = Prober::new(member.clone());
        let mut in_turn = true;
        loop {
            member.begin_probe();
            let probe = async {
                match self.probe_account.load_full() {
                    Some(account) => prober.probe(&account, options.timeout).await,
                    None => Seen::Unclear("there is no backend account to ask it with".into()),
                }
            };
            let seen = tokio::select! {
                () = until.cancelled() => return,
                seen = probe => seen,
            };
            let seen = match seen {
                Seen::Nothing(why) if !in_turn => Seen::Unclear(why),
                seen => seen,
            };
            let next = group.report(&member, seen, &options.delays, || self.moved());
            // A member that is not in the map any more may be back before the task is told to end.
            let next = next.unwrap_or(options.delays.interval);
            in_turn = tokio::select! {
                () = until.cancelled() => return,
                () = timer::sleep(next) => true,
                () = member.suspected.notified() => false,
            };
        }
    }
}
