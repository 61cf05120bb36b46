//! What a reply means for its session: is a transaction open, is the connection pinned, who may have it next.
//!
//! Invariant: whether a transaction is open is what the server says, not what was asked for; where an error hides it, the
//! server is asked.

use std::time::Duration;

use super::held::{Held, Pins, close_statements, give_back, run_quietly};
use super::single::{Job, Ran, Work, may_generate_id, selects};
use super::{Ended, Gone, Served, Session};
use crate::net::timer;
use crate::shard_map::GroupId;
use crate::sql::facts::{Facts, Flags, Verb};
use crate::wire::command::code;
use crate::wire::status;
use crate::wire::walker::{End, EndKind};

impl Session {
    /// What the reply means: is a transaction open, is the connection pinned, who may have it next.
    pub(super) async fn settle(&mut self, mut held: Held, end: &End, job: Job<'_>) -> Served {
        let failed = matches!(end.kind, EndKind::Err { .. });
        let was_open = held.in_transaction;
        let opened = self.transaction.as_ref().is_some_and(|transaction| transaction.opening.is_some());
        if end.has_status {
            held.in_transaction = end.status & status::IN_TRANS != 0;
        } else if opened {
            held.in_transaction = true;
        }
        if failed {
            self.learn_whether_in_transaction(&mut held, end, job).await;
        }
        if held.in_transaction {
            let began = &mut self.transaction.get_or_insert_default().began;
            began.get_or_insert_with(|| self.state.clone());
        }
        if !self.next_transaction.is_empty() && (held.in_transaction || was_transaction(job, end)) {
            let characteristics = std::mem::take(&mut self.next_transaction);
            if held.in_transaction {
                // Groups that join later need them as well.
                self.transaction.get_or_insert_default().characteristics = characteristics;
            }
        }
        self.before.ended(&mut held.lease, end, job.facts.flags, may_generate_id(&job), selects(&job));
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
        // Under autocommit=0 savepoints may stand before what opens the transaction on a server.
        let is_ahead = !was_open
            && !matches!(job.facts.verb, Verb::Call | Verb::Block | Verb::Execute | Verb::Unknown)
            && self.transaction.as_ref().is_some_and(|transaction| !transaction.savepoints.is_empty());
        if !still_open
            && !is_ahead
            && !self.held.iter().any(|held| held.in_transaction)
            && !self.transaction_is_only_asked_for()
        {
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
    pub(super) fn transaction_is_only_asked_for(&self) -> bool {
        !self.held.iter().any(|held| held.in_transaction)
            && self.transaction.as_ref().is_none_or(|transaction| transaction.opening.is_some())
    }

    /// A statement that reads what lives on a pinned connection, and belongs to another group.
    pub(super) fn pinned_elsewhere(&self, group: GroupId, facts: &Facts) -> Option<String> {
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
        let opaque = job.facts.implicit_commit
            || matches!(job.facts.verb, Verb::Call | Verb::Block | Verb::Execute | Verb::Unknown);
        let may_have_begun = !was_open && (opaque || !self.state.autocommit());
        if !may_have_ended && !may_have_begun && !opaque {
            return;
        }
        self.before.pinged = true;
        let Ok(reply) = held.lease.call_soon(&[code::PING]).await else {
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
        self.before.pinged = true;
        self.registered.handle.settled().await && held.lease.call_soon(&[code::PING]).await.is_ok()
    }

    /// The reply is told, and its connection cannot be used any more.
    pub(super) fn lost_after_reply(&mut self, held: Held, ran: Ran) -> Served<Ran> {
        let was_needed = held.in_transaction || !held.pins.is_empty();
        drop(held);
        if was_needed {
            return Err(Ended::Closed(Some(Gone::Protocol("transaction lost with its server"))));
        }
        Ok(ran)
    }

    /// Gives everything back that the session holds: transactions are rolled back, pinned connections reset.
    pub(super) async fn leave(&mut self) {
        self.transaction = None;
        self.next_transaction.clear();
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

/// Whether a statement outside of transactions was one of its own, which SET TRANSACTION was for. Tried on both families:
/// one without a table is none, nor is one that failed before it began.
fn was_transaction(job: Job<'_>, end: &End) -> bool {
    const BEFORE_IT_BEGAN: [u16; 10] = [1044, 1049, 1054, 1064, 1142, 1143, 1146, 1305, 1370, 1792];
    let verb = job.facts.verb;
    let began = match end.kind {
        EndKind::Err { code } => !BEFORE_IT_BEGAN.contains(&code),
        EndKind::Ok | EndKind::Rows => true,
    };
    let reads_tables = job.tables && !matches!(verb, Verb::Show(_) | Verb::Describe);
    job.facts.implicit_commit || began && (reads_tables || matches!(verb, Verb::Call | Verb::Block | Verb::Execute))
}
