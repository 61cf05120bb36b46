//! One statement on one shard: lease, prelude, send, relay, and what the reply means for the session.
//!
//! Invariants: a statement is sent a second time only if it is a read of which the client saw nothing, or if no byte
//! of it left; never inside a transaction. A connection goes back to its pool only after its reply was read to the
//! end, in a state that is known.

use std::sync::Arc;
use std::time::Duration;

use super::before;
use super::client::{Client, Gone, Incoming};
use super::prelude::{Prelude, Rejected, Step};
use super::prepared::Bound;
use super::registry::SessionHandle;
use super::relay::{self, Broken, Shape};
use super::{Ended, Served, Session, known_pool};
use crate::backend::{Failure, Lease, Pool, StatementKey, Wanted};
use crate::net::timer;
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

impl Held {
    /// Whether user variables live here that a query or a routine assigned.
    pub fn has_user_variables(&self) -> bool {
        self.pins.contains(Pins::USER_VARIABLE) || self.pins.contains(Pins::ROUTINE)
    }
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
        self.last_shard = Some(job.shard);
        if let Some(mut lease) = self.lease_ready(&job, group) {
            // What most statements come to: an idle connection in the right state, and a reply that leaves nothing behind.
            // Whatever else happens is concluded as for any other statement.
            self.registered.handle.begin(lease.pool(), lease.thread_id);
            let attempted = send_and_relay(&mut self.client, &mut lease, &self.registered.handle, &job).await;
            let hit = self.registered.handle.end();
            if let Ok(end) = &attempted
                && !hit
                && leaves_connection_free(end)
            {
                self.before.ended(&mut lease, end, job.facts.flags);
                if let Work::Execute(bound) = job.work {
                    bound.executed_on(&mut lease, false);
                }
                lease.release();
                return Ok(Ran::Answered(*end));
            }
            let held = Held { group, shard: job.shard, lease, in_transaction: false, pins: Pins::default() };
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
        self.run_any(job, group, false).await
    }

    /// A connection on which the job's bytes can be sent at once, with nothing before them and, if all goes well, nothing
    /// behind: there is no transaction, nothing is pinned, and the statement is about no other one.
    fn lease_ready(&self, job: &Job<'_>, group: GroupId) -> Option<Lease> {
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
            && self.next_transaction.is_none()
            && !self.before.must_ask_for_id();
        if !plain || job.facts.access == Access::Write && !self.state.autocommit() {
            return None;
        }
        let wanted = Wanted { capabilities: self.client.capabilities & capability::KEYED, state: &self.state };
        let mut lease = known_pool(&self.pools, group)?.acquire_ready(wanted)?;
        let must_ask = lease.owed.as_ref().is_some_and(|owed| !self.before.is_owed(owed));
        let must_prepare = matches!(job.work, Work::Execute(bound) if !bound.is_prepared(&mut lease));
        if must_ask || must_prepare {
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
        if hit && matches!(attempted, Ok(_) | Err(Interrupted::Rejected(_))) && !self.absorb_cancel(&mut held).await {
            return self.lost_after_reply(held).await.map(Some);
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
                let error = rejected.error;
                self.before.answered_error(error.clone());
                self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
                Ok(Some(Ran::Failed))
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
                let may_repeat = !was_held && !forwarded && (!sent || job.facts.access == Access::Read);
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
        let acquired = async { if new { pool.acquire_new(wanted).await } else { pool.acquire(wanted).await } };
        self.registered.handle.or_interrupted(acquired).await.unwrap_or(Err(Failure::Cancelled))
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
                        Ok(error) => Interrupted::Rejected(Rejected { error, sent: true }),
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
        relay::relay(&mut self.client, &mut held.lease, &self.registered.handle, job.shape)
            .await
            .map_err(Interrupted::from)
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
            && !matches!(job.work, Work::Prepare { .. })
            && let Some(next) = &self.next_transaction
        {
            // It stays with the connection unless this statement is a transaction of its own.
            held.lease.tainted = true;
            prelude.push(Step::Transaction(next.clone()));
        }
        if !held.in_transaction
            && let Some(transaction) = &self.transaction
            && transaction.opening.is_none()
        {
            // Under autocommit=0 there is no BEGIN, but a savepoint was asked for before this group joined.
            for savepoint in &transaction.savepoints {
                prelude.push(Step::Transaction(savepoint.text.clone()));
            }
        }
        let about = Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS;
        // A question in between would change the answer to the other one.
        let asks_both = job.facts.flags.intersects(about)
            && self.before.may_have_last_insert_id(&held.lease)
            && self.before.was_here(&held.lease);
        if job.facts.flags.contains(Flags::LAST_INSERT_ID) && !self.before.has_last_insert_id(&held.lease) && !asks_both
        {
            match self.last_insert_id(Some(&mut held.lease)).await {
                // It may have turned out that this connection has it.
                Some(_) if self.before.has_last_insert_id(&held.lease) => {}
                Some(value) => prelude.push(Step::LastInsertId(value)),
                None => return Err(Interrupted::Rejected(Rejected::about_before("LAST_INSERT_ID()"))),
            }
        }
        if job.facts.flags.intersects(about) && !(self.before.was_here(&held.lease) && prelude.is_empty()) {
            if job.facts.flags.intersects(Flags::ROW_COUNT | Flags::FOUND_ROWS) || !self.before.has_no_diagnostics() {
                return Err(Interrupted::Rejected(Rejected::about_before(
                    "ROW_COUNT(), FOUND_ROWS() or SHOW WARNINGS",
                )));
            }
            prelude.push(Step::ClearWarnings);
        }
        if job.facts.access == Access::Write && self.before.must_ask_for_id() {
            // Of a lost one nothing is remembered either.
            let _ = self.last_insert_id(Some(&mut held.lease)).await;
        }
        // Last, because from here on the connection's debt is the prelude's; it goes first on the wire.
        if held.lease.owed.as_ref().is_some_and(|owed| !self.before.is_owed(owed)) {
            prelude.settle(&mut held.lease);
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
        if opened || job.facts.verb != Verb::Set && !matches!(job.work, Work::Prepare { .. }) {
            self.next_transaction = None;
        }
        if failed {
            self.learn_whether_in_transaction(&mut held, end, job).await;
        }
        self.before.ended(&mut held.lease, end, job.facts.flags);
        self.pin(&mut held, end, job);
        if job.facts.flags.contains(Flags::UNKNOWN_FUNCTION) {
            held.lease.tainted = true;
        }
        if let (Work::Prepare { key, text, .. }, Some(prepared)) = (job.work, end.prepared) {
            let old = held.lease.keep_statement(key, prepared.id, text.clone(), prepared.params);
            close_statements(&mut held.lease, &old).await;
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
        let failed = matches!(end.kind, EndKind::Err { .. });
        // These may have had their effect before they failed.
        for (flag, pin) in [
            (Flags::NAMED_LOCK, Pins::NAMED_LOCK),
            (Flags::USER_VAR_ASSIGN, Pins::USER_VARIABLE),
            (Flags::INTO_VAR, Pins::USER_VARIABLE),
        ] {
            if flags.contains(flag) {
                held.pins.add(pin);
            }
        }
        match job.facts.verb {
            Verb::Call | Verb::Block => held.pins.add(Pins::ROUTINE),
            Verb::Lock => held.pins.add(Pins::TABLE_LOCK),
            Verb::Handler => held.pins.add(Pins::HANDLER),
            Verb::Unlock if !failed => held.pins.remove(Pins::TABLE_LOCK),
            Verb::Prepare if !failed => held.pins.add(Pins::TEXT_STATEMENT),
            Verb::Execute => held.pins.add(Pins::ROUTINE),
            _ => {}
        }
        if flags.contains(Flags::TEMPORARY) && !failed {
            held.pins.add(Pins::TEMPORARY_TABLE);
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
        let held = self.held.iter().find(|held| held.group != group && held.has_user_variables())?;
        Some(format!(
            "Meridian: this statement belongs to group {} and reads a user variable that a query assigned on group {}; \
             read it there with SELECT, and give its value by SET @name = value",
            self.snapshot.group_name(group),
            self.snapshot.group_name(held.group)
        ))
    }

    /// After an error: a deadlock ends a transaction on the server, most other errors do not, under autocommit=0 even a
    /// statement that fails may have opened one, and a routine may have done either. An ERR does not say; an OK does.
    async fn learn_whether_in_transaction(&mut self, held: &mut Held, end: &End, job: Job<'_>) {
        const DEADLOCK: u16 = 1213;
        const LOCK_WAIT_TIMEOUT: u16 = 1205;
        let EndKind::Err { code } = end.kind else {
            return;
        };
        let was_open = held.in_transaction;
        let others = self.held.iter().any(|held| held.in_transaction);
        let may_have_ended = was_open && (others || matches!(code, DEADLOCK | LOCK_WAIT_TIMEOUT));
        let opaque = matches!(job.facts.verb, Verb::Call | Verb::Block | Verb::Execute | Verb::Unknown);
        let may_have_begun = !was_open && (opaque || !self.state.autocommit());
        if !may_have_ended && !may_have_begun && !opaque {
            return;
        }
        let Ok(reply) = held.lease.call(&[code::PING]).await else {
            // A dead connection is found dead by the next statement, inside the transaction that it lost.
            return;
        };
        if !reply.end.has_status {
            return;
        }
        held.in_transaction = reply.end.status & status::IN_TRANS != 0;
        if was_open && !held.in_transaction {
            self.transaction = None;
            self.roll_back_others().await;
        }
    }

    /// A cancel may have been on its way when the statement ended: it is waited for, and its effect taken by a PING.
    pub(super) async fn absorb_cancel(&mut self, held: &mut Held) -> bool {
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
            let _ = timer::timeout(bound, async move {
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

/// A job whose bytes need nothing before them.
async fn send_and_relay(
    client: &mut Client,
    lease: &mut Lease,
    handle: &SessionHandle,
    job: &Job<'_>,
) -> Result<End, Interrupted> {
    let executed;
    let bytes = match job.work {
        Work::Bytes(bytes) | Work::Prepare { bytes, .. } => bytes,
        Work::Execute(bound) => {
            executed = bound.bytes_for(lease);
            &executed
        }
    };
    lease.send(bytes).await.map_err(|failure| lost(failure, true))?;
    relay::relay(client, lease, handle, job.shape).await.map_err(Interrupted::from)
}

/// A reply after which a connection that was free before it is free again.
fn leaves_connection_free(end: &End) -> bool {
    end.has_status && end.status & (status::IN_TRANS | status::CURSOR_EXISTS) == 0 && before::leaves_nothing(end)
}

impl From<Broken> for Interrupted {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Server { failure, forwarded, torn } => Interrupted::Server { failure, sent: true, forwarded, torn },
            Broken::Client(gone) => Interrupted::Client(gone),
        }
    }
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
    let oversized = lease.remove_oversized_statement();
    close_statement(&mut lease, oversized).await;
    lease.release();
}

pub(super) async fn close_statements(lease: &mut Lease, ids: &[u32]) {
    for id in ids {
        close_statement(lease, Some(*id)).await;
    }
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
            sent: false,
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
