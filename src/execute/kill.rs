//! KILL by Meridian's own ids. A client's id is never sent to a server, where it would be somebody else's.

use super::registry::Stop;
use super::{Outcome, Served, Session};

impl Session {
    pub(super) async fn kill(&mut self, id: u64, query_only: bool, more: bool) -> Served<Outcome> {
        let found = u32::try_from(id).ok().and_then(|id| self.proxy.registry.find(id));
        let Some(target) = found else {
            return self.answer_error(1094, b"HY000", &format!("Unknown thread id: {id}")).await;
        };
        if target.user() != self.account.user {
            return self.answer_error(1095, b"HY000", &format!("You are not owner of thread {id}")).await;
        }
        let own = target.id == self.registered.handle.id;
        if own && query_only {
            // It has nothing running but this.
            return self.answer_error(1317, b"70100", "Query execution was interrupted").await;
        }
        tracing::info!(session = self.registered.handle.id, target = target.id, query_only, "kill");
        if !query_only {
            target.stop(Stop::Kill);
            if own {
                return self.answer_error(1317, b"70100", "Query execution was interrupted").await;
            }
        }
        target.cancel().await;
        self.answer_ok(more).await
    }
}
