//! One statement on one shard: its connection, and what an attempt on it means. The attempt itself is in `attempt.rs`, what the
//! reply means for the session in `settle.rs`.
//!
//! Invariants: a statement is sent a second time only if it is a read of which the client saw nothing, if no byte of it left,
//! or if a server refused to write it for being read-only; never inside a transaction. A connection goes back to its pool only after its reply was read to the
//! end, in a state that is known.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Interrupted, lost};
use super::before;
use super::client::{Gone, Incoming};
use super::held::{Held, Pins};
use super::place::writes;
use super::prelude::Rejected;
use super::prepared::Bound;
use super::relay::{self, Shape};
use super::{Ended, Served, Session, Stop};
use crate::backend::{Failure, Lease, Pool, StatementKey, Wanted};
use crate::net::timer;
use crate::plan::Refusal;
use crate::shard_map::{GroupId, Reads, ShardId};
use crate::sql::facts::{Access, Facts, Flags, Verb};
use crate::telemetry::{Class, RefusalKind};
use crate::wire::reply::ServerError;
use crate::wire::walker::{End, EndKind};
use crate::wire::{capability, status};

/// How long SQL_CALC_FOUND_ROWS keeps its connection for a client that says nothing.
const FOUND_ROWS_HOLD: Duration = Duration::from_secs(1);

/// A statement to be run on a shard.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub shard: ShardId,
    pub facts: &'a Facts,
    /// It is known to name tables.
    pub tables: bool,
    /// Who may answer it, if the session's other statements let it.
    pub reads: Reads,
    pub shape: Shape,
    pub work: Work<'a>,
}

#[derive(Debug, Clone, Copy)]
pub enum Work<'a> {
    /// Packets as they are to be sent.
    Bytes(&'a [u8]),
    /// COM_STMT_PREPARE, and what the statement is to be known by.
    Prepare { bytes: &'a [u8], key: StatementKey, text: &'a Arc<[u8]> },
    /// COM_STMT_EXECUTE of a statement that the connection may not have yet.
    Execute(&'a Bound<'a>),
}

/// How a statement went, once the client knows.
#[derive(Debug)]
pub enum Ran {
    /// The server answered, with rows, OK or its own error.
    Answered(End),
    /// The client was told an error of ours.
    Failed,
}

/// Waits for the next command of a session that holds connections; one that is only kept for a moment is given back when
/// the moment is over.
pub async fn wait_holding(session: &mut Session) -> Result<Incoming, Gone> {
    let handle = session.registered.handle.clone();
    if session.held.iter().any(|held| held.pins.contains(Pins::FOUND_ROWS)) {
        // Only the first bytes are waited for: a command of several packets is not read twice.
        let soon = session.client.first_bytes(&handle, false);
        match timer::timeout(FOUND_ROWS_HOLD, soon).await {
            Ok(arrived) => arrived?,
            Err(_) => {
                session.unpin(Pins::FOUND_ROWS).await;
                session.note_pins();
            }
        }
    }
    session.client.next(&handle, false).await
}

impl Session {
    /// Runs a statement and relays its reply.
    pub(super) async fn run_single(&mut self, job: Job<'_>) -> Served<Ran> {
        let group = self.snapshot.group(job.shard);
        if job.facts.access == Access::Write {
            self.written.note(&self.snapshot.groups[usize::from(group.0)]);
        }
        let ready = self.lease_ready(&job, group);
        #[cfg(debug_assertions)]
        let ready = self.asked_nonce(ready).await?;
        if let Some(mut lease) = ready {
            self.last_shard = Some(job.shard);
            // What most statements come to: an idle connection in the right state, and a reply that leaves nothing behind.
            // Whatever else happens is concluded as for any other statement.
            self.registered.handle.begin(lease.pool(), lease.thread_id);
            let bytes = match job.work {
                Work::Bytes(bytes) | Work::Prepare { bytes, .. } => Cow::Borrowed(bytes),
                Work::Execute(bound) => Cow::Owned(bound.bytes_for(&mut lease)),
            };
            let shape = Shape { may_move: may_move(&job, &lease), ..job.shape };
            let mut taken = 0;
            let sent = match lease.try_send(&bytes, &mut taken) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    let rest = lease.send_rest(&bytes, taken);
                    match self.client.watched(&self.registered.handle, rest).await {
                        Ok(sent) => sent.map_err(|failure| lost(failure, true)),
                        Err(gone) => Err(gone.into()),
                    }
                }
                Err(failure) => Err(lost(failure, true)),
            };
            let attempted = match sent {
                Ok(()) => relay::relay(&mut self.client, &mut lease, &self.registered.handle, shape)
                    .await
                    .map_err(Interrupted::from),
                Err(interrupted) => Err(interrupted),
            };
            let hit = self.registered.handle.end();
            if let Ok(end) = &attempted
                && !hit
                && leaves_connection_free(end, &job)
            {
                self.before.ended(&mut lease, end, job.facts.flags, may_generate_id(&job), selects(&job));
                if let Work::Execute(bound) = job.work {
                    bound.executed_on(&mut lease, false);
                }
                lease.release();
                return Ok(Ran::Answered(*end));
            }
            let mut held = Held::new(group, job.shard, lease);
            held.only_reads =
                job.reads != Reads::Primary && !self.snapshot.standing(group).is_primary(&held.lease.member);
            return match self.conclude(held, false, attempted, hit, false, &job).await? {
                Some(ran) => Ok(ran),
                None => self.run_any(job, group, true).await,
            };
        }
        if let Some(error) = self.pinned_elsewhere(group, job.facts) {
            self.answer_refusal(RefusalKind::Session, &error).await?;
            return Ok(Ran::Failed);
        }
        if job.facts.implicit_commit
            && self.in_transaction()
            && let Err(ran) = self.commit_before(job).await?
        {
            return Ok(ran);
        }
        if job.facts.access == Access::Write
            && (self.transaction.is_some() || !self.state.autocommit())
            && !job.facts.implicit_commit
        {
            let transaction = self.transaction.get_or_insert_default();
            if let Err(writer) = transaction.may_write(group) {
                let text = format!(
                    "Meridian: this transaction has written on group {} and cannot write on group {} as well: atomic commit \
                     over several groups is not served yet; COMMIT first, or write each group in a transaction of its own",
                    self.snapshot.group_name(writer),
                    self.snapshot.group_name(group),
                );
                self.answer_refusal(RefusalKind::Session, &text).await?;
                return Ok(Ran::Failed);
            }
        }
        self.last_shard = Some(job.shard);
        self.run_any(job, group, false).await
    }

    #[cfg(debug_assertions)]
    async fn asked_nonce(&mut self, ready: Option<Lease>) -> Served<Option<Lease>> {
        let Some(lease) = ready else { return Ok(None) };
        Ok(self.client.watched(&self.registered.handle, lease.asked_nonce()).await?.ok())
    }

    /// A connection on which the job's bytes can be sent at once, with nothing before them and, if all goes well, nothing
    /// behind: there is no transaction, nothing is pinned, and the statement is about no other one.
    fn lease_ready(&mut self, job: &Job<'_>, group: GroupId) -> Option<Lease> {
        let alone = match job.work {
            Work::Bytes(_) => true,
            Work::Execute(bound) => bound.is_alone(),
            Work::Prepare { .. } => false,
        };
        let plain = alone
            && job.facts.flags.is_empty()
            && matches!(job.facts.verb, Verb::Select | Verb::Insert | Verb::Replace | Verb::Update | Verb::Delete)
            && self.held.is_empty()
            && self.transaction.is_none()
            && self.next_transaction.is_empty();
        if !plain || job.facts.access == Access::Write && !self.state.autocommit() {
            return None;
        }
        let reads = if job.reads == Reads::Primary { Reads::Primary } else { self.reads_of(job, group) };
        let wanted = Wanted { capabilities: self.client.capabilities & capability::KEYED, state: &self.state };
        let mut lease = self.pools.known(group, reads)?.acquire_ready(wanted)?;
        if reads != Reads::Primary {
            self.proxy.metrics.free_reads.increment(1);
        }
        let must_ask = lease.owed.as_ref().is_some_and(|owed| !self.before.is_owed(owed));
        let must_clear = self.before.must_clear_warnings(&lease)
            || matches!(job.facts.verb, Verb::Insert | Verb::Replace) && self.before.insert_id_before(&lease).is_some();
        let must_prepare = matches!(job.work, Work::Execute(bound) if !bound.is_prepared(&mut lease));
        if must_ask || must_clear || must_prepare {
            // Back it goes, to be found again by those who know how.
            lease.release();
            return None;
        }
        Some(lease)
    }

    /// Runs a job on whatever connection it needs, with whatever has to go before it.
    async fn run_any(&mut self, job: Job<'_>, group: GroupId, mut retried: bool) -> Served<Ran> {
        loop {
            let (mut held, was_held) = match self.take(job, group, retried).await {
                Ok(taken) => taken,
                Err(failure) => return self.answer_failure(&failure).await,
            };
            self.registered.handle.begin(held.lease.pool(), held.lease.thread_id);
            let alone =
                !was_held && self.transaction.is_none() && self.state.autocommit() && self.next_transaction.is_empty();
            let shape = Shape { may_move: alone && may_move(&job, &held.lease), ..job.shape };
            let job = Job { shape, ..job };
            let attempted = self.attempt(&mut held, job).await;
            let hit = self.registered.handle.end();
            match self.conclude(held, was_held, attempted, hit, retried, &job).await? {
                Some(ran) => return Ok(ran),
                None => retried = true,
            }
        }
    }

    /// What an attempt means for the session and for its connection. `None`: it is to be made once more, on a new
    /// connection.
    async fn conclude(
        &mut self,
        mut held: Held,
        was_held: bool,
        attempted: Result<End, Interrupted>,
        hit: bool,
        retried: bool,
        job: &Job<'_>,
    ) -> Served<Option<Ran>> {
        // The connection goes on: what is on its way to it has to arrive first.
        let goes_on = matches!(attempted, Ok(_) | Err(Interrupted::Rejected(_) | Interrupted::ReadOnly { .. }));
        if hit && goes_on && !self.absorb_cancel(&mut held).await {
            let ran = match attempted {
                Ok(end) => Ran::Answered(end),
                Err(Interrupted::Rejected(Rejected { error, .. }) | Interrupted::ReadOnly { error, .. }) => {
                    self.tell(error).await?;
                    Ran::Failed
                }
                Err(_) => Ran::Failed,
            };
            return self.lost_after_reply(held, ran).map(Some);
        }
        match attempted {
            Ok(end) => {
                self.settle(held, &end, *job).await?;
                Ok(Some(Ran::Answered(end)))
            }
            Err(Interrupted::Rejected(rejected)) => {
                // Steps behind the refused one have run: a BEGIN, long data of an EXECUTE. Only a reset undoes them.
                held.lease.tainted |= rejected.sent;
                self.keep_or_give_back(held).await;
                self.tell(rejected.error).await?;
                Ok(Some(Ran::Failed))
            }
            Err(Interrupted::ReadOnly { end, error }) => {
                let (group, member) = (held.group, held.lease.member.clone());
                self.settle(held, &end, *job).await?;
                // Nothing of the statement was done. If another member is written by now, or soon, it is done there; not what was
                // to be cancelled.
                if !hit && !retried && self.look_again(group, &member).await {
                    self.proxy.metrics.retries.increment(1);
                    return Ok(None);
                }
                self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
                Ok(Some(Ran::Answered(end)))
            }
            Err(Interrupted::Client(gone)) => {
                // The server may be at work for nobody: it is told, then the connection is closed.
                let pool = held.lease.pool().clone();
                let thread_id = held.lease.thread_id;
                if let Err(failure) = pool.kill_query(thread_id).await {
                    let session = self.registered.handle.id;
                    tracing::warn!(session, %failure, "the statement of a client that left was not cancelled");
                }
                drop(held);
                Err(gone.into())
            }
            Err(Interrupted::Server { failure, sent, forwarded, torn }) => {
                let session = self.registered.handle.id;
                let may_repeat = !was_held
                    && !forwarded
                    && (!sent || job.facts.access == Access::Read)
                    && !matches!(failure, Failure::Silent { .. });
                drop(held);
                if may_repeat && !retried && self.transaction_is_only_asked_for() {
                    self.proxy.metrics.retries.increment(1);
                    tracing::info!(session, %failure, "a statement is sent again on a new connection");
                    return Ok(None);
                }
                tracing::warn!(session, %failure, forwarded, "a statement was lost with its connection");
                if torn {
                    return Err(Ended::Closed(Some(Gone::Protocol("reply torn by the loss of its server"))));
                }
                let ran = self.answer_failure(&failure).await?;
                if was_held || self.in_transaction() {
                    // What the client believes to have is gone; as with one server, so is its connection.
                    return Err(Ended::Closed(Some(Gone::Protocol("transaction lost with its server"))));
                }
                Ok(Some(ran))
            }
        }
    }

    /// The connection for a job: one held for the group, the one that the statement is about, or one of the pool.
    pub(super) async fn take(&mut self, job: Job<'_>, group: GroupId, new: bool) -> Result<(Held, bool), Failure> {
        let mut reads = self.reads_of(&job, group);
        if let Some(at) = self.held_for(group, reads) {
            self.may_stay(at, writes(job.facts)).await?;
            return Ok((self.held.swap_remove(at), true));
        }
        let mut looked = false;
        loop {
            let epoch = self.proxy.epoch();
            let pool = self.serving_pool(group, writes(job.facts), reads).await?;
            let about_before = Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS | Flags::LAST_INSERT_ID;
            let last = self.before.last_used.as_ref().filter(|_| job.facts.flags.intersects(about_before));
            let same = match last {
                Some(last) if Arc::ptr_eq(&last.pool, &pool) || self.was_read_elsewhere(last, &job) => {
                    last.pool.acquire_same(last.connection)
                }
                _ => None,
            };
            let acquired = match same {
                Some(lease) => Ok(lease),
                None => self.acquire(&pool, new).await,
            };
            match acquired {
                Ok(lease) if epoch == self.proxy.epoch() => {
                    let mut held = Held::new(group, job.shard, lease);
                    if reads != Reads::Primary {
                        self.proxy.metrics.free_reads.increment(1);
                    }
                    let elsewhere = reads != Reads::Primary || !Arc::ptr_eq(held.lease.pool(), &pool);
                    held.only_reads = elsewhere && !self.snapshot.standing(group).is_primary(&held.lease.member);
                    return Ok((held, false));
                }
                // Statements may go elsewhere since.
                Ok(lease) => lease.release(),
                Err(Failure::Connect { .. }) if !looked && self.look_again(group, &pool.member).await => looked = true,
                // What keeps one member from answering need not keep another.
                Err(failure) if reads != Reads::Primary && failure.is_of_member() => {
                    tracing::info!(session = self.registered.handle.id, %failure, "a read goes to the primary");
                    reads = Reads::Primary;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    pub(super) async fn acquire(&mut self, pool: &Arc<Pool>, new: bool) -> Result<Lease, Failure> {
        let wanted = Wanted { capabilities: self.client.capabilities & capability::KEYED, state: &self.state };
        let acquired = async { if new { pool.acquire_new(wanted).await } else { pool.acquire(wanted).await } };
        let acquired = self.registered.handle.or_interrupted(acquired);
        // A client that left is told nothing; its session ends when its end of the stream is read.
        let acquired = self.client.watched(&self.registered.handle, acquired).await.unwrap_or(None);
        acquired.unwrap_or(Err(Failure::Cancelled))
    }

    /// An error, and what is said of it later.
    pub(super) async fn tell(&mut self, error: ServerError) -> Served {
        self.before.answered_error(error.clone());
        self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
        Ok(())
    }

    pub(super) async fn answer_failure(&mut self, failure: &Failure) -> Served<Ran> {
        self.registered.handle.forget_interrupt();
        let failure = match failure {
            Failure::Cancelled if self.registered.handle.is_overdue() => &Failure::Overdue,
            Failure::Cancelled if self.registered.handle.stopped() == Stop::Shutdown => &Failure::Shutdown,
            failure => failure,
        };
        let (code, sqlstate, text) = failure.client_error();
        self.answer_error(code, &state_bytes(sqlstate), &text).await?;
        if let Failure::Demoted { .. } = failure {
            // What the client believes to have is gone.
            return Err(Ended::Closed(Some(Gone::Protocol(
                "what it held was on a server that is not written any more",
            ))));
        }
        Ok(Ran::Failed)
    }

    pub(super) async fn refuse(&mut self, refusal: &Refusal) -> Served<super::Outcome> {
        self.count(Class::Refused);
        self.proxy.metrics.refusals.of(refusal.kind()).increment(1);
        let (code, sqlstate, text) = refusal.error();
        self.answer_error(code, &state_bytes(sqlstate), &text).await
    }
}

/// SQLSTATE as the wire has it.
pub(super) fn state_bytes(sqlstate: &str) -> [u8; 5] {
    sqlstate.as_bytes().try_into().unwrap_or(*b"HY000")
}

/// Whether the statement may be run on another member if this one is read-only: one that writes and does nothing else.
fn may_move(job: &Job<'_>, lease: &Lease) -> bool {
    job.facts.access == Access::Write
        && lease.member.has_peers()
        && job.facts.flags.is_empty()
        && matches!(job.facts.verb, Verb::Insert | Verb::Replace | Verb::Update | Verb::Delete)
}

/// Whether the statement may leave a generated id as LAST_INSERT_ID(). What a function generates it takes away again.
pub(super) fn may_generate_id(job: &Job<'_>) -> bool {
    job.facts.access == Access::Write
        && !matches!(job.facts.verb, Verb::Update | Verb::Delete | Verb::Select | Verb::Do)
        && !matches!(job.work, Work::Prepare { .. })
}

/// Whether the rows of the statement are what FOUND_ROWS() counts.
pub(super) fn selects(job: &Job<'_>) -> bool {
    job.facts.verb == Verb::Select && !matches!(job.work, Work::Prepare { .. })
}

/// A reply after which a connection that was free before it is free again.
fn leaves_connection_free(end: &End, job: &Job<'_>) -> bool {
    let open = status::IN_TRANS | status::CURSOR_EXISTS;
    end.has_status && end.status & open == 0 && before::leaves_nothing(end, may_generate_id(job))
}

/// For callers that only need to know whether to go on.
impl From<&Ran> for super::Outcome {
    fn from(ran: &Ran) -> Self {
        match ran {
            Ran::Answered(End { kind: EndKind::Err { .. }, .. }) | Ran::Failed => super::Outcome::Failed,
            Ran::Answered(_) => super::Outcome::Done,
        }
    }
}

impl From<Ran> for super::Outcome {
    fn from(ran: Ran) -> Self {
        (&ran).into()
    }
}
