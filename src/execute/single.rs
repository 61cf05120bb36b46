//! One statement on one shard: lease, prelude, send, relay, and what the reply means for the session.
//!
//! Invariants: a statement is sent a second time only if it is a read of which the client saw nothing, or if no byte
//! of it left; never inside a transaction. A connection goes back to its pool only after its reply was read to the
//! end, in a state that is known.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Gone, Incoming};
use super::prelude::{Prelude, Rejected, Step};
use super::prepared::Bound;
use super::relay::{self, Broken, Shape};
use super::{Ended, Served, Session};
use crate::backend::{Failure, Lease, Pool, StatementKey, Wanted};
use crate::plan::Refusal;
use crate::session::State;
use crate::shard_map::{GroupId, ShardId};
use crate::sql::facts::{Access, Facts, Flags, Verb};
use crate::telemetry::{Class, RefusalKind};
use crate::wire::command::code;
use crate::wire::walker::{End, EndKind};
use crate::wire::{capability, packet, status};

/// A connection that the session keeps between statements.
#[derive(Debug)]
pub struct Held {
    pub group: GroupId,
    /// The shard that it was leased for first.
    pub shard: ShardId,
    pub lease: Lease,
    pub in_transaction: bool,
    pub pins: Pins,
}

/// Why a connection is kept beyond its transaction: what lives on it and cannot be carried to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pins(u16);

impl Pins {
    pub const TEMPORARY_TABLE: Pins = Pins(1);
    pub const NAMED_LOCK: Pins = Pins(2);
    pub const TABLE_LOCK: Pins = Pins(4);
    /// Assigned inside a query, so its value is not known here.
    pub const USER_VARIABLE: Pins = Pins(8);
    pub const CURSOR: Pins = Pins(16);
    /// PREPARE in text.
    pub const TEXT_STATEMENT: Pins = Pins(32);
    /// A procedure may have done any of these.
    pub const ROUTINE: Pins = Pins(64);
    pub const HANDLER: Pins = Pins(128);
    /// SQL_CALC_FOUND_ROWS: until the next statement, which usually asks.
    pub const FOUND_ROWS: Pins = Pins(256);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn contains(self, other: Pins) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn add(&mut self, other: Pins) {
        self.0 |= other.0;
    }

    pub fn remove(&mut self, other: Pins) {
        self.0 &= !other.0;
    }
}

/// How long SQL_CALC_FOUND_ROWS keeps its connection for a client that says nothing.
const FOUND_ROWS_HOLD: Duration = Duration::from_secs(1);

/// A statement to be run on a shard.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub shard: ShardId,
    pub facts: &'a Facts,
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

/// Why an attempt did not end with a reply.
#[derive(Debug)]
enum Interrupted {
    /// The server refused what the statement builds on. Nothing of it ran that could do harm.
    Rejected(Rejected),
    Server {
        failure: Failure,
        sent: bool,
        forwarded: bool,
        torn: bool,
    },
    Client(Gone),
}

/// Waits for the next command; a connection that is only kept for a moment is given back when the moment is over.
pub async fn wait_holding(session: &mut Session, boundary: bool) -> Result<Incoming, Gone> {
    let handle = session.registered.handle.clone();
    if session.held.iter().any(|held| held.pins.contains(Pins::FOUND_ROWS)) {
        let soon = session.client.next(&handle, boundary);
        if let Ok(incoming) = tokio::time::timeout(FOUND_ROWS_HOLD, soon).await {
            return incoming;
        }
        session.unpin(Pins::FOUND_ROWS).await;
        session.note_pins();
    }
    session.client.next(&handle, boundary).await
}

impl Session {
    /// Runs a statement and relays its reply.
    pub(super) async fn run_single(&mut self, job: Job<'_>) -> Served<Ran> {
        let group = self.snapshot.group(job.shard);
        self.last_shard = Some(job.shard);
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
        let mut retried = false;
        loop {
            let (mut held, was_held) = match self.take(job, group, retried).await {
                Ok(taken) => taken,
                Err(failure) => return self.answer_failure(&failure).await,
            };
            let handle = self.registered.handle.clone();
            handle.begin(held.lease.pool(), held.lease.thread_id);
            let attempted = self.attempt(&mut held, job).await;
            let hit = handle.end(held.lease.thread_id);
            if hit && attempted.is_ok() && !self.absorb_cancel(&mut held).await {
                return self.lost_after_reply(held).await;
            }
            match attempted {
                Ok(end) => {
                    self.settle(held, &end, job).await?;
                    return Ok(Ran::Answered(end));
                }
                Err(Interrupted::Rejected(rejected)) => {
                    self.keep_or_give_back(held).await;
                    let error = rejected.error;
                    self.before.answered_error(error.clone());
                    self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
                    return Ok(Ran::Failed);
                }
                Err(Interrupted::Client(gone)) => {
                    // The server may be at work for nobody: it is told, then the connection is closed.
                    let pool = held.lease.pool().clone();
                    let thread_id = held.lease.thread_id;
                    if let Err(failure) = pool.kill_query(thread_id).await {
                        tracing::warn!(session = handle.id, %failure, "the statement of a client that left was not cancelled");
                    }
                    drop(held);
                    return Err(gone.into());
                }
                Err(Interrupted::Server { failure, sent, forwarded, torn }) => {
                    let may_repeat = !was_held && !forwarded && (!sent || job.facts.access == Access::Read);
                    drop(held);
                    if may_repeat && !retried && self.transaction_is_only_asked_for() {
                        self.proxy.metrics.retries.increment(1);
                        tracing::info!(session = handle.id, %failure, "a statement is sent again on a new connection");
                        retried = true;
                        continue;
                    }
                    tracing::warn!(session = handle.id, %failure, forwarded, "a statement was lost with its connection");
                    if torn {
                        return Err(Ended::Closed(Some(Gone::Protocol("reply torn by the loss of its server"))));
                    }
                    let ran = self.answer_failure(&failure).await?;
                    if was_held || self.in_transaction() {
                        // What the client believes to have is gone; as with one server, so is its connection.
                        return Err(Ended::Closed(Some(Gone::Protocol("transaction lost with its server"))));
                    }
                    return Ok(ran);
                }
            }
        }
    }

    /// The connection for a job: one held for the group, the one that the statement is about, or one of the pool.
    async fn take(&mut self, job: Job<'_>, group: GroupId, new: bool) -> Result<(Held, bool), Failure> {
        if let Some(at) = self.held.iter().position(|held| held.group == group) {
            return Ok((self.held.swap_remove(at), true));
        }
        let pool = self.pool(group);
        let about_before = Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS | Flags::LAST_INSERT_ID;
        let same = match &self.before.last_used {
            Some(last) if job.facts.flags.intersects(about_before) && Arc::ptr_eq(&last.pool, &pool) => {
                pool.acquire_same(last.connection)
            }
            _ => None,
        };
        let lease = match same {
            Some(lease) => lease,
            None => self.acquire(&pool, new).await?,
        };
        Ok((Held { group, shard: job.shard, lease, in_transaction: false, pins: Pins::default() }, false))
    }

    pub(super) async fn acquire(&mut self, pool: &Arc<Pool>, new: bool) -> Result<Lease, Failure> {
        let wanted = Wanted { capabilities: self.client.capabilities & capability::KEYED, state: &self.state };
        if new { pool.acquire_new(wanted).await } else { pool.acquire(wanted).await }
    }

    async fn attempt(&mut self, held: &mut Held, job: Job<'_>) -> Result<End, Interrupted> {
        let write = job.facts.access == Access::Write;
        let mut prelude = Prelude::default();
        let mut sent = false;
        self.prelude_for(held, job, &mut prelude).await?;
        let executed;
        let bytes = match job.work {
            Work::Bytes(bytes) | Work::Prepare { bytes, .. } => bytes,
            Work::Execute(bound) => {
                if !bound.is_prepared(&mut held.lease) {
                    self.run_prelude(&mut held.lease, std::mem::take(&mut prelude)).await?;
                    bound.prepare_on(&mut held.lease).await.map_err(|failure| match failure {
                        Ok(error) => Interrupted::Rejected(Rejected { error }),
                        Err(failure) => lost(failure, false),
                    })?;
                }
                bound.push_long_data(&mut held.lease, &mut prelude);
                executed = bound.bytes_for(&mut held.lease);
                &executed
            }
        };
        if prelude.is_empty() {
            held.lease.send(bytes).await.map_err(|failure| lost(failure, true))?;
        } else if prelude.must_wait(write, &held.lease.member) {
            self.run_prelude(&mut held.lease, prelude).await?;
            held.lease.send(bytes).await.map_err(|failure| lost(failure, true))?;
        } else {
            let mut out = Vec::with_capacity(bytes.len() + 256);
            prelude.encode(&mut out);
            out.extend_from_slice(bytes);
            sent = true;
            held.lease.send(&out).await.map_err(|failure| lost(failure, sent))?;
            if let Err(rejected) =
                prelude.read(&mut held.lease, &self.state).await.map_err(|failure| lost(failure, sent))?
            {
                // The statement behind it ran in the wrong state. It is a read; nobody sees its answer.
                let shape = job.shape.expect;
                held.lease.read_reply(shape).await.map_err(|failure| lost(failure, sent))?;
                return Err(Interrupted::Rejected(rejected));
            }
        }
        let _ = sent;
        let handle = self.registered.handle.clone();
        relay::relay(&mut self.client, &mut held.lease, &handle, job.shape).await.map_err(|broken| match broken {
            Broken::Server { failure, forwarded, torn } => Interrupted::Server { failure, sent: true, forwarded, torn },
            Broken::Client(gone) => Interrupted::Client(gone),
        })
    }

    /// Runs the steps and waits for their answers.
    async fn run_prelude(&mut self, lease: &mut Lease, prelude: Prelude) -> Result<(), Interrupted> {
        if prelude.is_empty() {
            return Ok(());
        }
        let mut out = Vec::new();
        prelude.encode(&mut out);
        lease.send(&out).await.map_err(|failure| lost(failure, false))?;
        let read = prelude.read(lease, &self.state).await.map_err(|failure| lost(failure, false))?;
        read.map_err(Interrupted::Rejected)
    }

    async fn prelude_for(&mut self, held: &mut Held, job: Job<'_>, prelude: &mut Prelude) -> Result<(), Interrupted> {
        if held.lease.owed.as_ref().is_some_and(|owed| !self.before.is_owed(owed)) {
            prelude.settle(&mut held.lease);
        }
        prelude.replay(&mut held.lease, &self.state);
        if !held.in_transaction
            && let Some(transaction) = &self.transaction
            && let Some(opening) = &transaction.opening
        {
            if let Some(next) = &self.next_transaction {
                prelude.push(Step::Transaction(next.clone()));
            }
            prelude.push(Step::Transaction(opening.clone()));
            for savepoint in &transaction.savepoints {
                prelude.push(Step::Transaction(savepoint.text.clone()));
            }
        } else if !held.in_transaction
            && let Some(next) = &self.next_transaction
        {
            prelude.push(Step::Transaction(next.clone()));
        }
        if job.facts.flags.contains(Flags::LAST_INSERT_ID) && !self.before.has_last_insert_id(&held.lease) {
            match self.last_insert_id().await {
                Some(value) => prelude.push(Step::LastInsertId(value)),
                None => return Err(Interrupted::Rejected(Rejected::about_before("LAST_INSERT_ID()"))),
            }
        }
        let about = Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS;
        if job.facts.flags.intersects(about) && !(self.before.was_here(&held.lease) && prelude.is_empty()) {
            if job.facts.flags.intersects(Flags::ROW_COUNT | Flags::FOUND_ROWS) || !self.before.has_no_diagnostics() {
                return Err(Interrupted::Rejected(Rejected::about_before(
                    "ROW_COUNT(), FOUND_ROWS() or SHOW WARNINGS",
                )));
            }
            prelude.push(Step::ClearWarnings);
        }
        Ok(())
    }

    /// What the reply means: is a transaction open, is the connection pinned, who may have it next.
    async fn settle(&mut self, mut held: Held, end: &End, job: Job<'_>) -> Served {
        let failed = matches!(end.kind, EndKind::Err { .. });
        let opened = self.transaction.as_ref().is_some_and(|transaction| transaction.opening.is_some());
        if end.has_status {
            held.in_transaction = end.status & status::IN_TRANS != 0;
        } else if opened {
            held.in_transaction = true;
        }
        if opened || job.facts.verb != Verb::Set {
            self.next_transaction = None;
        }
        if failed && held.in_transaction {
            self.learn_whether_rolled_back(&mut held, end).await;
        }
        self.before.ended(&mut held.lease, end, job.facts.flags);
        if !failed {
            self.pin(&mut held, end, job);
        }
        if job.facts.flags.contains(Flags::UNKNOWN_FUNCTION) {
            held.lease.tainted = true;
        }
        if let (Work::Prepare { key, text, .. }, Some(prepared)) = (job.work, end.prepared) {
            let old = held.lease.keep_statement(key, prepared.id, text.clone(), prepared.params);
            close_statement(&mut held.lease, old).await;
        }
        if let Work::Execute(bound) = job.work {
            bound.executed_on(&mut held.lease, failed);
        }
        let still_open = held.in_transaction;
        self.keep_or_give_back(held).await;
        if !still_open && !self.held.iter().any(|held| held.in_transaction) && !self.transaction_is_only_asked_for() {
            self.transaction = None;
        }
        if opened && !still_open && end.has_status {
            // The server ended the transaction by itself.
            self.transaction = None;
            self.roll_back_others().await;
        }
        Ok(())
    }

    fn pin(&mut self, held: &mut Held, end: &End, job: Job<'_>) {
        let flags = job.facts.flags;
        let before = held.pins;
        held.pins.remove(Pins::FOUND_ROWS);
        for (flag, pin) in [
            (Flags::TEMPORARY, Pins::TEMPORARY_TABLE),
            (Flags::NAMED_LOCK, Pins::NAMED_LOCK),
            (Flags::USER_VAR_ASSIGN, Pins::USER_VARIABLE),
            (Flags::INTO_VAR, Pins::USER_VARIABLE),
        ] {
            if flags.contains(flag) {
                held.pins.add(pin);
            }
        }
        match job.facts.verb {
            Verb::Lock => held.pins.add(Pins::TABLE_LOCK),
            Verb::Unlock => held.pins.remove(Pins::TABLE_LOCK),
            Verb::Call => held.pins.add(Pins::ROUTINE),
            Verb::Prepare => held.pins.add(Pins::TEXT_STATEMENT),
            Verb::Handler => held.pins.add(Pins::HANDLER),
            _ => {}
        }
        if end.has_status && end.status & status::CURSOR_EXISTS != 0 {
            held.pins.add(Pins::CURSOR);
        }
        if held.pins != before && !held.pins.is_empty() {
            held.lease.tainted = true;
        }
        if flags.contains(Flags::CALC_FOUND_ROWS) {
            held.pins.add(Pins::FOUND_ROWS);
        }
    }

    /// Keeps a connection that is still needed; gives any other back to its pool.
    pub(super) async fn keep_or_give_back(&mut self, held: Held) {
        if held.in_transaction || !held.pins.is_empty() {
            self.held.push(held);
        } else {
            give_back(held.lease).await;
        }
    }

    /// Ends a kind of pin everywhere.
    pub(super) async fn unpin(&mut self, pin: Pins) {
        for mut held in std::mem::take(&mut self.held) {
            held.pins.remove(pin);
            self.keep_or_give_back(held).await;
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.transaction.is_some() || self.held.iter().any(|held| held.in_transaction)
    }

    /// BEGIN was answered, and no server knows of it yet.
    fn transaction_is_only_asked_for(&self) -> bool {
        !self.held.iter().any(|held| held.in_transaction)
            && self.transaction.as_ref().is_none_or(|transaction| transaction.opening.is_some())
    }

    /// A statement that reads what lives on a pinned connection, and belongs to another group.
    fn pinned_elsewhere(&self, group: GroupId, facts: &Facts) -> Option<String> {
        if !facts.flags.contains(Flags::USER_VAR_READ) {
            return None;
        }
        let held = self.held.iter().find(|held| {
            held.group != group && (held.pins.contains(Pins::USER_VARIABLE) || held.pins.contains(Pins::ROUTINE))
        })?;
        Some(format!(
            "Meridian: this statement belongs to group {} and reads a user variable that a query assigned on group {}; \
             read it there with SELECT, and give its value by SET @name = value",
            self.snapshot.group_name(group),
            self.snapshot.group_name(held.group)
        ))
    }

    /// After an error inside a transaction: a deadlock ends it on the server, most other errors do not, and only an OK
    /// says which.
    async fn learn_whether_rolled_back(&mut self, held: &mut Held, end: &End) {
        const DEADLOCK: u16 = 1213;
        const LOCK_WAIT_TIMEOUT: u16 = 1205;
        let others = self.held.iter().any(|held| held.in_transaction);
        let EndKind::Err { code } = end.kind else {
            return;
        };
        if !others && code != DEADLOCK && code != LOCK_WAIT_TIMEOUT {
            return;
        }
        if let Ok(reply) = held.lease.call(&[code::PING]).await
            && reply.end.has_status
            && reply.end.status & status::IN_TRANS == 0
        {
            held.in_transaction = false;
            self.transaction = None;
            self.roll_back_others().await;
        }
    }

    /// A cancel may have been on its way when the statement ended: it is waited for, and its effect taken by a PING.
    async fn absorb_cancel(&mut self, held: &mut Held) -> bool {
        self.registered.handle.settled().await;
        held.lease.call(&[code::PING]).await.is_ok()
    }

    async fn lost_after_reply(&mut self, held: Held) -> Served<Ran> {
        let was_needed = held.in_transaction || !held.pins.is_empty();
        drop(held);
        if was_needed {
            return Err(Ended::Closed(Some(Gone::Protocol("transaction lost with its server"))));
        }
        Ok(Ran::Failed)
    }

    pub(super) async fn answer_failure(&mut self, failure: &Failure) -> Served<Ran> {
        let (code, sqlstate, text) = failure.client_error();
        self.answer_error(code, &state_bytes(sqlstate), &text).await?;
        Ok(Ran::Failed)
    }

    pub(super) async fn refuse(&mut self, refusal: &Refusal) -> Served<super::Outcome> {
        self.count(Class::Refused);
        self.proxy.metrics.refusals.of(refusal.kind()).increment(1);
        let (code, sqlstate, text) = refusal.error();
        self.answer_error(code, &state_bytes(sqlstate), &text).await
    }

    /// Gives everything back that the session holds: transactions are rolled back, pinned connections reset.
    pub(super) async fn leave(&mut self) {
        self.transaction = None;
        self.next_transaction = None;
        for held in std::mem::take(&mut self.held) {
            let bound = Duration::from_millis(held.lease.pool().options.connect_ms_max);
            let _ = tokio::time::timeout(bound, async move {
                let mut lease = held.lease;
                if held.in_transaction && !run_quietly(&mut lease, b"ROLLBACK").await {
                    return;
                }
                give_back(lease).await;
            })
            .await;
        }
        self.note_pins();
    }
}

/// SQLSTATE as the wire has it.
pub(super) fn state_bytes(sqlstate: &str) -> [u8; 5] {
    sqlstate.as_bytes().try_into().unwrap_or(*b"HY000")
}

fn lost(failure: Failure, sent: bool) -> Interrupted {
    Interrupted::Server { failure, sent, forwarded: false, torn: false }
}

/// Runs a small statement; false if the connection is not to be used any more.
pub(super) async fn run_quietly(lease: &mut Lease, sql: &[u8]) -> bool {
    let mut payload = vec![code::QUERY];
    payload.extend_from_slice(sql);
    matches!(lease.call(&payload).await, Ok(reply) if reply.error().is_none())
}

/// Gives a connection back to its pool, after a reset if its state is in doubt.
pub(super) async fn give_back(mut lease: Lease) {
    if lease.tainted {
        let mut prelude = Prelude::default();
        prelude.settle(&mut lease);
        let mut out = Vec::new();
        prelude.encode(&mut out);
        let state: Arc<State> = lease.state.clone();
        if !prelude.is_empty() && (lease.send(&out).await.is_err() || prelude.read(&mut lease, &state).await.is_err()) {
            return;
        }
        if lease.reset().await.is_err() {
            return;
        }
    }
    lease.release();
}

/// COM_STMT_CLOSE, which has no answer.
pub(super) async fn close_statement(lease: &mut Lease, id: Option<u32>) {
    if let Some(id) = id {
        let mut bytes = Vec::new();
        packet::append(&mut bytes, &mut 0, &close_payload(id));
        // A connection that fails here fails its next user as well, before anything of theirs has left.
        let _ = lease.send(&bytes).await;
    }
}

pub(super) fn close_payload(id: u32) -> Vec<u8> {
    let mut payload = vec![code::STMT_CLOSE];
    payload.extend_from_slice(&id.to_le_bytes());
    payload
}

impl Rejected {
    fn about_before(what: &str) -> Rejected {
        let text = format!(
            "Meridian: {what} speaks of this session's previous statement, whose connection has served another session since; \
             run both statements in one transaction"
        );
        Rejected {
            error: crate::wire::reply::ServerError { code: 1235, sqlstate: *b"42000", message: text.into_bytes() },
        }
    }
}

/// For callers that only need to know whether to go on.
impl From<Ran> for super::Outcome {
    fn from(ran: Ran) -> Self {
        match ran {
            Ran::Answered(End { kind: EndKind::Err { .. }, .. }) | Ran::Failed => super::Outcome::Failed,
            Ran::Answered(_) => super::Outcome::Done,
        }
    }
}
