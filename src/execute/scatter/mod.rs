//! A read of several shards whose answer is the concatenation of theirs: each gets the client's own statement, all at
//! once, and the rows of all are one result set.
//!
//! Connections are taken in the order of their groups, and everything that has to go before the statement is
//! acknowledged on all of them before it is sent to any. An error of one ends the rest (`stop.rs`). A connection that is
//! lost before the client has seen anything is tried again once, like a read of one shard, with all others; never in
//! a transaction.
//!
//! Invariant: a connection goes back to its pool only after its reply was read to the end. One group takes part once.

mod leg;
mod merge;
mod stop;

use super::attempt::{Interrupted, lost};
use super::before::{Diagnostics, WarningRow};
use super::held::Held;
use super::relay::{INTERRUPTED, Shape};
use super::single::{Job, Ran, Work};
use super::{Ended, Gone, Served, Session};
use crate::backend::{Failure, Lease};
use crate::shard_map::{Reads, ShardId};
use crate::sql::Facts;
use crate::telemetry::RefusalKind;
use crate::wire::columns::Difference;
use crate::wire::command::code;
use crate::wire::result_set::Decoded;
use crate::wire::walker::{End, EndKind};
use crate::wire::{reply, status};
use leg::Leg;
use merge::{Seen, Stopped, merge};

/// Flags of a server's end of rows that are about its own reply.
const OF_ONE_REPLY: u16 =
    status::MORE_RESULTS | status::CURSOR_EXISTS | status::LAST_ROW_SENT | status::SESSION_STATE_CHANGED;

/// A statement to be run on several shards.
#[derive(Debug, Clone, Copy)]
pub struct Scatter<'a> {
    pub shards: &'a [ShardId],
    pub facts: &'a Facts,
    pub reads: Reads,
    pub shape: Shape,
    pub work: Work<'a>,
}

impl<'a> Scatter<'a> {
    fn job(&self, shard: ShardId) -> Job<'a> {
        Job { shard, facts: self.facts, tables: true, reads: self.reads, shape: self.shape, work: self.work }
    }
}

/// What to do after an attempt.
enum Next {
    Done(Ran),
    /// Once more, on new connections.
    Again,
}

impl Session {
    /// Runs a statement on several shards and relays their rows as one result set.
    pub(super) async fn run_scatter(&mut self, scatter: Scatter<'_>) -> Served<Ran> {
        self.last_shard = scatter.shards.first().copied();
        for shard in scatter.shards {
            if let Some(error) = self.pinned_elsewhere(self.snapshot.group(*shard), scatter.facts) {
                self.answer_refusal(RefusalKind::Session, &error).await?;
                return Ok(Ran::Failed);
            }
        }
        if self.limits_rows() {
            let text = "Meridian: sql_select_limit would limit the rows of each shard, and this statement needs rows of \
                        several; SET sql_select_limit = DEFAULT, or give keys of one shard";
            self.answer_refusal(RefusalKind::Session, text).await?;
            return Ok(Ran::Failed);
        }
        let mut groups: Vec<_> = scatter.shards.iter().map(|shard| self.snapshot.group(*shard)).collect();
        groups.sort_unstable();
        if groups.windows(2).any(|two| two[0] == two[1]) {
            // A transaction has one connection a group, and one runs one statement at a time.
            let text = "Meridian: this statement needs rows of several shards of one group, which are not read together yet; \
                        give keys of one shard";
            self.answer_refusal(RefusalKind::Shards, text).await?;
            return Ok(Ran::Failed);
        }
        self.proxy.metrics.scatters.increment(1);
        match self.attempt_scatter(&scatter, false).await? {
            Next::Done(ran) => Ok(ran),
            Next::Again => {
                self.proxy.metrics.retries.increment(1);
                match self.attempt_scatter(&scatter, true).await? {
                    Next::Done(ran) => Ok(ran),
                    Next::Again => unreachable!("a second attempt is the last"),
                }
            }
        }
    }

    /// Whether the session has set how many rows a SELECT may have: a LIMIT that no text shows.
    fn limits_rows(&self) -> bool {
        let limit = self.state.system.get("sql_select_limit");
        limit.is_some_and(|limit| limit.0 != u64::MAX.to_string().into_bytes())
    }

    async fn attempt_scatter(&mut self, scatter: &Scatter<'_>, retried: bool) -> Served<Next> {
        let mut legs = match self.legs(scatter, retried).await {
            Ok(legs) => legs,
            Err(failure) => return self.answer_failure(&failure).await.map(Next::Done),
        };
        let handle = self.registered.handle.clone();
        for (at, leg) in legs.iter().enumerate() {
            let (pool, thread_id) = (leg.held.lease.pool(), leg.held.lease.thread_id);
            if at == 0 { handle.begin(pool, thread_id) } else { handle.begin_beside(pool, thread_id) }
        }
        let mut seen = Seen::default();
        let outcome = match self.send_all(&mut legs, scatter).await {
            Ok(()) => merge(&mut self.client, &mut legs, &handle, &mut seen).await,
            Err((leg, Interrupted::Rejected(rejected))) => {
                legs[leg].held.lease.tainted |= rejected.sent;
                let error = &rejected.error;
                Err(Stopped::Error { leg, payload: reply::err(error.code, &error.sqlstate, &error.message) })
            }
            Err((leg, Interrupted::Server { failure, torn, .. })) => Err(Stopped::Server { leg, failure, torn }),
            Err((_, Interrupted::Client(gone))) => Err(Stopped::Client(gone)),
            Err((_, Interrupted::ReadOnly { .. })) => unreachable!("only a relay says so"),
        };
        let stopped = match outcome {
            Ok(()) => None,
            Err(Stopped::Client(gone)) => {
                stop::cancel(&legs).await;
                let _ = handle.end();
                return Err(gone.into());
            }
            Err(stopped) => {
                if let Stopped::Server { leg, .. } = &stopped {
                    legs[*leg].lose();
                }
                stop::stop(&mut legs).await;
                Some(stopped)
            }
        };
        if handle.end() {
            let arrived = handle.settled().await;
            for leg in legs.iter_mut().filter(|leg| leg.is_at_rest()) {
                if !arrived || leg.held.lease.call_soon(&[code::PING]).await.is_err() {
                    leg.lose();
                }
            }
        }
        match stopped {
            None => self.finish_scatter(legs, scatter).await.map(Next::Done),
            Some(stopped) => self.conclude_stopped(legs, scatter, stopped, seen.anything(), retried).await,
        }
    }

    /// A connection for each shard, in the order of their groups.
    async fn legs(&mut self, scatter: &Scatter<'_>, new: bool) -> Result<Vec<Leg>, Failure> {
        let mut shards = scatter.shards.to_vec();
        shards.sort_by_key(|shard| self.snapshot.group(*shard));
        let mut legs: Vec<Leg> = Vec::with_capacity(shards.len());
        for shard in shards {
            let group = self.snapshot.group(shard);
            match self.take(scatter.job(shard), group, new).await {
                Ok((held, was_held)) => legs.push(Leg::new(shard, held, was_held)),
                Err(failure) => {
                    for leg in legs {
                        self.keep_or_give_back(leg.held).await;
                    }
                    return Err(failure);
                }
            }
        }
        Ok(legs)
    }

    /// Prepares all connections, then sends the statement to each; on failure, at which leg.
    async fn send_all(&mut self, legs: &mut [Leg], scatter: &Scatter<'_>) -> Result<(), (usize, Interrupted)> {
        for (at, leg) in legs.iter_mut().enumerate() {
            let job = scatter.job(leg.shard);
            self.make_ready(&mut leg.held, job).await.map_err(|interrupted| (at, interrupted))?;
        }
        for (at, leg) in legs.iter_mut().enumerate() {
            let executed;
            let bytes = match scatter.work {
                Work::Bytes(bytes) | Work::Prepare { bytes, .. } => bytes,
                Work::Execute(bound) => {
                    executed = bound.bytes_for(&mut leg.held.lease);
                    &executed
                }
            };
            leg.sent = true;
            leg.held.lease.send(bytes).await.map_err(|failure| (at, lost(failure, true)))?;
        }
        Ok(())
    }

    /// Runs what goes before the statement on this connection.
    async fn make_ready(&mut self, held: &mut Held, job: Job<'_>) -> Result<(), Interrupted> {
        let mut prelude = super::prelude::Prelude::default();
        self.prelude_for(held, job, &mut prelude).await?;
        if let Work::Execute(bound) = job.work {
            if !bound.is_prepared(&mut held.lease) {
                self.run_prelude(&mut held.lease, std::mem::take(&mut prelude)).await?;
                self.prepare_on(bound, &mut held.lease).await?;
            }
            bound.push_long_data(&mut held.lease, &mut prelude);
        }
        self.run_prelude(&mut held.lease, prelude).await?;
        self.go_on()
    }

    /// All legs have ended their rows: so does the result.
    async fn finish_scatter(&mut self, legs: Vec<Leg>, scatter: &Scatter<'_>) -> Served<Ran> {
        let mut whole = End {
            kind: EndKind::Rows,
            has_status: true,
            status: 0,
            warnings: 0,
            affected_rows: 0,
            last_insert_id: 0,
            rows: 0,
            packet: 0,
            more: false,
            prepared: None,
        };
        for end in legs.iter().filter_map(|leg| leg.end) {
            whole.status |= end.status & !OF_ONE_REPLY;
            whole.warnings = whole.warnings.saturating_add(end.warnings);
            whole.rows += end.rows;
        }
        let more = if scatter.shape.more { status::MORE_RESULTS } else { 0 };
        let deprecate_eof = self.client.has(crate::wire::capability::DEPRECATE_EOF);
        let last = reply::end_of_rows(whole.status | more, whole.warnings, deprecate_eof);
        self.client.reply(&last).await?;
        let mut warnings = Vec::new();
        for mut leg in legs {
            let Some(end) = leg.end else { continue };
            leg.held.in_transaction |= end.status & status::IN_TRANS != 0;
            if !leg.is_at_rest() || end.warnings > 0 && !gather(&mut leg.held.lease, &mut warnings).await {
                self.lost_after_reply(leg.held, Ran::Failed)?;
                continue;
            }
            self.settle(leg.held, &End { warnings: 0, ..end }, scatter.job(leg.shard)).await?;
        }
        self.before.last_used = None;
        if !warnings.is_empty() {
            self.before.diagnostics = Diagnostics::Gathered(warnings.into());
        }
        Ok(Ran::Answered(whole))
    }

    /// What a leg's error, or its loss, means for the session and for all connections.
    async fn conclude_stopped(
        &mut self,
        legs: Vec<Leg>,
        scatter: &Scatter<'_>,
        stopped: Stopped,
        seen: bool,
        retried: bool,
    ) -> Served<Next> {
        let joins = self.transaction.is_some() || !self.state.autocommit() || !self.next_transaction.is_empty();
        let held_before = legs.iter().any(|leg| leg.was_held);
        let lost_needed = |leg: &Leg| !leg.is_at_rest() && (leg.was_held || self.in_transaction());
        let needed = legs.iter().any(lost_needed);
        let again = matches!(stopped, Stopped::Server { .. }) && !seen && !retried && !held_before;
        let again = again && self.transaction_is_only_asked_for();
        let failing = match &stopped {
            Stopped::Error { leg, .. } => Some(*leg),
            _ => None,
        };
        // Statements about this one go to where its error is.
        self.last_shard = failing.map(|leg| legs[leg].shard).or(self.last_shard);
        let can_be_asked = failing.is_some_and(|leg| legs[leg].is_at_rest() && legs[leg].end.is_some());
        // The one whose error the client is told comes last: statements about the previous one are about it.
        let mut legs: Vec<(usize, Leg)> = legs.into_iter().enumerate().collect();
        legs.sort_by_key(|(at, _)| Some(*at) == failing);
        for (_, mut leg) in legs {
            if !leg.is_at_rest() {
                continue;
            }
            match leg.end {
                Some(end) if !again => self.settle(leg.held, &end, scatter.job(leg.shard)).await?,
                _ => {
                    // A BEGIN may have run there, and nothing behind it that anybody saw.
                    leg.held.lease.tainted |= joins && !leg.held.in_transaction;
                    leg.held.lease.uses += 1;
                    self.keep_or_give_back(leg.held).await;
                }
            }
        }
        let session = self.registered.handle.id;
        match stopped {
            Stopped::Error { payload, .. } if is_interrupted(&payload) && self.registered.handle.is_overdue() => {
                self.answer_failure(&Failure::Overdue).await?;
            }
            Stopped::Error { payload, .. } => {
                if let Ok(error) = reply::parse_err(&payload)
                    && !can_be_asked
                {
                    self.before.answered_error(error);
                }
                self.client.reply(&payload).await?;
            }
            Stopped::Drift { leg, of, difference } => {
                let (text, shard) = self.drift(scatter, leg, of, &difference);
                tracing::warn!(session, shard, "columns differ between shards");
                self.answer_error(1222, b"21000", &text).await?;
            }
            Stopped::Server { failure, .. } if again => {
                tracing::info!(session, %failure, "a statement is sent again on new connections");
                return Ok(Next::Again);
            }
            Stopped::Server { failure, torn, .. } => {
                tracing::warn!(session, %failure, seen, "a statement was lost with a connection");
                if torn {
                    return Err(Ended::Closed(Some(Gone::Protocol("reply torn by the loss of its server"))));
                }
                self.answer_failure(&failure).await?;
            }
            Stopped::Client(gone) => return Err(gone.into()),
        }
        if needed {
            // What the client believes to have is gone; as with one server, so is its connection.
            return Err(Ended::Closed(Some(Gone::Protocol("transaction lost with its server"))));
        }
        Ok(Next::Done(Ran::Failed))
    }

    /// What the client is told of columns that differ, and on which shard they do.
    fn drift(&self, scatter: &Scatter<'_>, leg: usize, of: ShardId, difference: &Difference) -> (String, String) {
        let mut shards = scatter.shards.to_vec();
        shards.sort_by_key(|shard| self.snapshot.group(*shard));
        let (one, other) = (self.snapshot.shard_name(of), self.snapshot.shard_name(shards[leg]));
        let what = match difference {
            Difference::Count(here, there) => format!("has {here} columns on shard {one} and {there} on shard {other}"),
            Difference::Column { number, name, what } => format!(
                "differs between shards {one} and {other} in column {number} (`{}`): its {what} is not the same",
                String::from_utf8_lossy(name).chars().take(64).collect::<String>()
            ),
        };
        let text = format!("Meridian: the result {what}; give the table the same definition on all of its shards");
        (text, other.to_owned())
    }
}

/// Whether it is the error of a statement that was cancelled.
fn is_interrupted(payload: &[u8]) -> bool {
    reply::parse_err(payload).is_ok_and(|error| error.code == INTERRUPTED)
}

/// Takes the warnings of a statement from its connection; false if that is lost.
async fn gather(lease: &mut Lease, warnings: &mut Vec<WarningRow>) -> bool {
    lease.warnings_left = true;
    match lease.query(b"SHOW WARNINGS").await {
        Ok(Decoded::Rows(rows)) => {
            warnings.extend(rows.rows);
            true
        }
        Ok(_) => true,
        Err(_) => false,
    }
}
