//! BEGIN, COMMIT, ROLLBACK and savepoints over the groups of a session's transaction.
//!
//! A transaction may read many groups and writes one. COMMIT goes to the writer first: only there can it fail in a
//! way that matters; the others hold snapshots.

use super::held::run_quietly;
use super::relay::{INTERRUPTED, Shape};
use super::single::{Job, Ran, Work, state_bytes};
use super::text::query_packet;
use super::{Ended, Gone, Outcome, Served, Session};
use crate::backend::Failure;
use crate::session::{READ_ONLY, Savepoint, Transaction};
use crate::shard_map::Reads;
use crate::sql::{Facts, Flavor, TransactionAccess};
use crate::telemetry::RefusalKind;
use crate::wire::command::code;
use crate::wire::reply::ServerError;
use crate::wire::walker::Expect;

impl Session {
    /// BEGIN, START TRANSACTION: answered at once, opened on each group by the first statement there.
    pub(super) async fn begin(
        &mut self,
        text: &[u8],
        access: Option<TransactionAccess>,
        snapshot: bool,
        more: bool,
    ) -> Served<Outcome> {
        if snapshot && self.snapshot.map.shards.len() > 1 {
            let text = "Meridian: START TRANSACTION WITH CONSISTENT SNAPSHOT is not served yet over several shards: each would \
                        have a snapshot of its own time; use START TRANSACTION, and read one shard at a time";
            return self.answer_refusal(RefusalKind::Construct, text).await;
        }
        let access = access.map(|access| match access {
            TransactionAccess::ReadOnly => READ_ONLY,
            TransactionAccess::ReadWrite => "SET TRANSACTION READ WRITE",
        });
        // Tried on both: MySQL forgets what a transaction was begun with only at COMMIT and ROLLBACK.
        let before = self.transaction.clone().filter(|_| self.dialect.family == Flavor::MySql);
        if self.in_transaction()
            && let Err(ran) = self.commit_all().await?
        {
            return Ok(ran.into());
        }
        self.transaction = Some(match before {
            Some(before) if before.began.is_some() => before.followed_by(text.to_vec(), access),
            _ => {
                let characteristics = std::mem::take(&mut self.next_transaction);
                Transaction::begun(text.to_vec(), access, characteristics, &self.state)
            }
        });
        self.answer_ok(more).await
    }

    /// COMMIT and ROLLBACK.
    pub(super) async fn end(&mut self, commit: bool, chain: bool, release: bool, more: bool) -> Served<Outcome> {
        let ended_one = self.transaction.clone().unwrap_or_default();
        // Of a transaction that has not begun: AND CHAIN begins it.
        let next = std::mem::take(&mut self.next_transaction);
        let ended = if commit { self.commit_all().await? } else { self.roll_back_all().await };
        if let Err(ran) = ended {
            return Ok(ran.into());
        }
        if chain {
            let (opening, access) = match &ended_one.opening {
                Some(opening) => (opening.clone(), ended_one.access),
                None => (b"BEGIN".to_vec(), None),
            };
            self.transaction = Some(match ended_one.began {
                Some(_) => ended_one.followed_by(opening, access),
                None => Transaction::begun(opening, access, next, &self.state),
            });
        }
        let outcome = self.answer_ok(more && !release).await?;
        if release {
            return Err(Ended::Closed(None));
        }
        Ok(outcome)
    }

    /// Before a statement that commits by itself: what is open on other groups would otherwise stay open.
    pub(super) async fn commit_before(&mut self, job: Job<'_>) -> Served<Result<(), Ran>> {
        let group = self.snapshot.group(job.shard);
        let elsewhere = self.held.iter().any(|held| held.in_transaction && held.group != group);
        if elsewhere {
            return self.commit_all().await;
        }
        // The server does it, on the one connection there is, unless it refuses the statement before: `settle` sees
        // in its answer whether the transaction is over.
        Ok(Ok(()))
    }

    /// Commits on every group, the writer first.
    pub(super) async fn commit_all(&mut self) -> Served<Result<(), Ran>> {
        let writer = self.transaction.as_ref().and_then(|transaction| transaction.writer);
        if let Some(at) = self.held.iter().position(|held| held.in_transaction && Some(held.group) == writer)
            && let Err(failure) = self.may_stay(at, true).await
        {
            // Nothing was committed, and it may still be.
            if let Failure::NoPrimary { .. } = failure {
                let (code, sqlstate, text) = failure.client_error();
                let text = format!(
                    "{text}; nothing was committed and the transaction is open: repeat the COMMIT, or ROLLBACK"
                );
                self.answer_error(code, &state_bytes(sqlstate), &text).await?;
                return Ok(Err(Ran::Failed));
            }
            return self.answer_failure(&failure).await.map(Err);
        }
        self.transaction = None;
        self.next_transaction.clear();
        let mut open: Vec<_> = std::mem::take(&mut self.held);
        open.sort_by_key(|held| Some(held.group) != writer);
        let mut open = open.into_iter();
        while let Some(mut held) = open.next() {
            if !held.in_transaction {
                self.held.push(held);
                continue;
            }
            let mut payload = vec![code::QUERY];
            payload.extend_from_slice(b"COMMIT");
            let handle = self.registered.handle.clone();
            handle.begin(held.lease.pool(), held.lease.thread_id);
            let answer = self.client.watched(&handle, held.lease.call(&payload)).await;
            let hit = handle.end();
            held.in_transaction = false;
            let answer = match answer {
                Ok(answer) => answer,
                // It may have been done; the process or a person does not wait for it.
                Err(Gone::Stopped(_)) => Err(Failure::Cancelled),
                Err(Gone::Overdue(_)) => Err(Failure::Silent { member: held.lease.member.at.clone() }),
                Err(gone) => return Err(gone.into()),
            };
            match answer {
                Ok(reply) => match reply.error() {
                    None => {
                        if hit && !self.absorb_cancel(&mut held).await {
                            continue;
                        }
                        self.keep_or_give_back(held).await;
                    }
                    Some(error) => {
                        drop(held);
                        self.held.extend(open);
                        self.roll_back_others().await;
                        return self.commit_refused(error).await;
                    }
                },
                Err(failure) => {
                    drop(held);
                    self.held.extend(open);
                    self.roll_back_others().await;
                    return Err(self.commit_unknown(&failure).await?);
                }
            }
        }
        Ok(Ok(()))
    }

    async fn commit_refused(&mut self, error: ServerError) -> Served<Result<(), Ran>> {
        if error.code == INTERRUPTED && self.registered.handle.is_overdue() {
            return self.answer_failure(&Failure::Overdue).await.map(Err);
        }
        self.tell(error).await?;
        Ok(Err(Ran::Failed))
    }

    /// The answer to a COMMIT was lost. It is never sent again: it may have been done.
    async fn commit_unknown(&mut self, failure: &Failure) -> Served<Ended> {
        let text =
            format!("Meridian: the outcome of this COMMIT is unknown ({failure}); check the data before you repeat it");
        self.answer_error(1180, b"HY000", &text).await?;
        Ok(Ended::Closed(Some(Gone::Protocol("commit lost with its server"))))
    }

    async fn roll_back_all(&mut self) -> Result<(), Ran> {
        self.transaction = None;
        self.next_transaction.clear();
        self.roll_back_others().await;
        Ok(())
    }

    /// Rolls back whatever is still open. A connection on which that fails is closed, which rolls back as well.
    pub(super) async fn roll_back_others(&mut self) {
        for mut held in std::mem::take(&mut self.held) {
            if held.in_transaction {
                let handle = self.registered.handle.clone();
                let done = self.client.watched(&handle, run_quietly(&mut held.lease, b"ROLLBACK")).await;
                if !done.unwrap_or(false) {
                    continue;
                }
                held.in_transaction = false;
            }
            self.keep_or_give_back(held).await;
        }
    }

    pub(super) async fn savepoint(&mut self, name: Vec<u8>, text: &[u8], more: bool) -> Served<Outcome> {
        if self.transaction.is_none() && self.state.autocommit() {
            // Outside a transaction a savepoint is gone with its own statement.
            return self.answer_ok(more).await;
        }
        if let Err(outcome) = self.on_all_groups(text).await? {
            return Ok(outcome);
        }
        self.transaction.get_or_insert_default().savepoint(Savepoint { text: text.to_vec(), name });
        self.answer_ok(more).await
    }

    pub(super) async fn roll_back_to(&mut self, name: &[u8], text: &[u8], more: bool) -> Served<Outcome> {
        if !self.transaction.as_mut().is_some_and(|transaction| transaction.roll_back_to(name)) {
            return self.no_savepoint(name).await;
        }
        match self.on_all_groups(text).await? {
            Err(outcome) => Ok(outcome),
            Ok(()) => self.answer_ok(more).await,
        }
    }

    pub(super) async fn release_savepoint(&mut self, name: &[u8], text: &[u8], more: bool) -> Served<Outcome> {
        if !self.transaction.as_mut().is_some_and(|transaction| transaction.release(name)) {
            return self.no_savepoint(name).await;
        }
        match self.on_all_groups(text).await? {
            Err(outcome) => Ok(outcome),
            Ok(()) => self.answer_ok(more).await,
        }
    }

    async fn no_savepoint(&mut self, name: &[u8]) -> Served<Outcome> {
        let text = format!("SAVEPOINT {} does not exist", String::from_utf8_lossy(name));
        self.answer_error(1305, b"42000", &text).await
    }

    /// Runs a savepoint statement wherever the transaction is open.
    async fn on_all_groups(&mut self, text: &[u8]) -> Served<Result<(), Outcome>> {
        for at in 0..self.held.len() {
            let held = &mut self.held[at];
            if !held.in_transaction {
                continue;
            }
            let mut payload = vec![code::QUERY];
            payload.extend_from_slice(text);
            match self.client.watched(&self.registered.handle, held.lease.call(&payload)).await? {
                Ok(reply) => {
                    if let Some(error) = reply.error() {
                        self.tell(error).await?;
                        return Ok(Err(Outcome::Failed));
                    }
                }
                Err(failure) => {
                    self.answer_failure(&failure).await?;
                    return Err(Ended::Closed(Some(Gone::Protocol("transaction lost with its server"))));
                }
            }
        }
        Ok(Ok(()))
    }

    /// Runs one of the session's own statements on a shard, relaying its reply.
    pub(super) async fn relay_own(&mut self, text: &[u8], facts: Facts, more: bool) -> Served<Ran> {
        let shard = match self.held.first() {
            Some(held) => held.shard,
            None => self.snapshot.home(self.database_index()),
        };
        let mut bytes = Vec::new();
        query_packet(text, &mut bytes);
        let shape = Shape { shift: self.shift(text.len() + 1), more, ..Shape::plain(Expect::Command) };
        let (reads, work) = (Reads::Primary, Work::Bytes(&bytes));
        self.run_single(Job { shard, facts: &facts, tables: false, reads, shape, work }).await
    }
}
