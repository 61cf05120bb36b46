//! The watcher of sessions' time: ends statements, transactions and sessions that have passed their bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::progress::{Overdue, TimeLimits};
use super::registry::Registry;
use crate::net::timer;

/// Looks at least so often in the shortest bound.
const LOOKS: u32 = 8;

const PERIOD_MIN: Duration = Duration::from_millis(10);
const PERIOD_MAX: Duration = Duration::from_secs(1);

/// Watches until it is dropped; returns at once if nothing is bounded.
pub async fn end_overdue(registry: Arc<Registry>, limits: TimeLimits) {
    let Some(shortest) = limits.shortest() else {
        return;
    };
    let mut every = timer::interval((shortest / LOOKS).clamp(PERIOD_MIN, PERIOD_MAX));
    loop {
        every.tick().await;
        let now = Instant::now();
        for handle in registry.handles() {
            match handle.progress.look(now, &limits) {
                None => {}
                Some((Overdue::Statement, step)) => {
                    tracing::info!(session = handle.id, "a statement is cancelled: limits.statement_ms_max passed");
                    handle.wake();
                    // A server that does not answer may not keep the others waiting.
                    tokio::spawn(async move {
                        if !handle.cancel_step(step).await {
                            handle.progress.abandon(step);
                            handle.wake();
                        }
                    });
                }
                Some(_) => handle.wake(),
            }
        }
    }
}
