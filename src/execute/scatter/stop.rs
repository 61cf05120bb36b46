//! The end of a scatter before its time: what the other legs run is ended, and their replies are read to the end, so
//! that their connections, and the transactions on them, can go on.

use std::time::Duration;

use super::leg::Leg;
use crate::execute::together::together;
use crate::net::timer;
use crate::wire::command::code;

/// How long the others may take to end by themselves: an error in the text is every server's error.
const GRACE: Duration = Duration::from_millis(100);

/// Ends what these legs run. One that is not at rest afterwards has to be dropped.
pub async fn stop(legs: &mut [Leg]) {
    together(legs.iter_mut().filter(|leg| leg.is_running()).map(stop_one)).await;
}

async fn stop_one(leg: &mut Leg) {
    if let Ok(ended) = timer::timeout(GRACE, leg.discard()).await {
        if let Err(failure) = ended {
            tracing::warn!(%failure, "a leg of a scatter was lost while it was stopped");
        }
        return;
    }
    if !cancel_one(leg).await {
        // It may hit whoever has the connection next.
        leg.lose();
        return;
    }
    let bound = Duration::from_millis(leg.held.lease.pool().options.connect_ms_max);
    let rest = async {
        leg.discard().await?;
        // The cancel may have arrived behind the end of the reply: its effect is taken here.
        leg.held.lease.call(&[code::PING]).await
    };
    match timer::timeout(bound, rest).await {
        Ok(Ok(_)) => {}
        Ok(Err(failure)) => {
            leg.lose();
            tracing::warn!(%failure, "a leg of a scatter was lost while it was cancelled");
        }
        Err(_) => {
            leg.lose();
            tracing::warn!(server = leg.held.lease.member.at, "a cancelled leg of a scatter did not end");
        }
    }
}

/// Tells the servers that nobody waits for their answers. The connections are to be dropped.
pub async fn cancel(legs: &[Leg]) {
    together(legs.iter().filter(|leg| leg.is_running()).map(|leg| async {
        cancel_one(leg).await;
    }))
    .await;
}

/// False if the cancel may still arrive.
async fn cancel_one(leg: &Leg) -> bool {
    let cancelled = leg.held.lease.pool().kill_query(leg.held.lease.thread_id).await;
    if let Err(failure) = &cancelled {
        tracing::warn!(%failure, "a leg of a scatter was not cancelled");
    }
    cancelled.is_ok()
}
