//! One attempt at a statement on a connection: what has to go before it, the statement itself, its reply.
//!
//! Invariant: what goes before a write is acknowledged before the write leaves.

use super::client::Gone;
use super::held::Held;
use super::prelude::{self, Prelude, Rejected, Step};
use super::prepared::Bound;
use super::relay::{self, Broken};
use super::single::{Job, Work, may_generate_id, state_bytes};
use super::{Session, SessionHandle};
use crate::backend::{Failure, InsertId, Lease};
use crate::sql::facts::{Access, Flags};
use crate::wire::reply::ServerError;
use crate::wire::walker::End;
use std::sync::Arc;

/// Why an attempt did not end with a reply.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The server refused what the statement builds on. Nothing of it ran that could do harm.
    Rejected(Rejected),
    Server {
        failure: Failure,
        sent: bool,
        forwarded: bool,
        torn: bool,
    },
    /// The server is read-only, and another one of its group may not be.
    ReadOnly {
        end: End,
        error: ServerError,
    },
    Client(Gone),
}

impl Session {
    pub(super) async fn attempt(&mut self, held: &mut Held, job: Job<'_>) -> Result<End, Interrupted> {
        let write = job.facts.access == Access::Write;
        let mut prelude = Prelude::default();
        self.prelude_for(held, job, &mut prelude).await?;
        let executed;
        let bytes = match job.work {
            Work::Bytes(bytes) | Work::Prepare { bytes, .. } => bytes,
            Work::Execute(bound) => {
                if !bound.is_prepared(&mut held.lease) {
                    self.run_prelude(&mut held.lease, std::mem::take(&mut prelude)).await?;
                    self.prepare_on(bound, &mut held.lease).await?;
                }
                bound.push_long_data(&mut held.lease, &mut prelude);
                executed = bound.bytes_for(&mut held.lease);
                &executed
            }
        };
        if prelude.is_empty() || prelude.must_wait(write, &held.lease.member) {
            self.run_prelude(&mut held.lease, prelude).await?;
            self.go_on()?;
            let sent = self.client.watched(&self.registered.handle, held.lease.send(bytes)).await?;
            sent.map_err(|failure| lost(failure, true))?;
        } else {
            let mut out = Vec::with_capacity(bytes.len() + 256);
            prelude.encode(&mut out);
            out.extend_from_slice(bytes);
            self.go_on()?;
            let handle = &self.registered.handle;
            let sent = self.client.watched(handle, held.lease.send(&out)).await?;
            sent.map_err(|failure| lost(failure, true))?;
            let read = self.client.watched(handle, prelude.read(&mut held.lease, &self.state)).await?;
            let accepted = read.map_err(|failure| lost(failure, true))?;
            if handle.interrupted() {
                // It hit what went before the statement, or nothing.
                let (pool, thread_id) = (held.lease.pool().clone(), held.lease.thread_id);
                let killed = self.client.watched(handle, pool.kill_query(thread_id)).await?;
                killed.map_err(|failure| lost(failure, true))?;
            }
            if let Err(rejected) = accepted {
                // The statement behind it ran in the wrong state. It is a read; nobody sees its answer.
                let skipped = self.client.watched(handle, held.lease.skip_reply(job.shape.expect)).await?;
                skipped.map_err(|failure| lost(failure, true))?;
                return Err(Interrupted::Rejected(rejected));
            }
        }
        relay::relay(&mut self.client, &mut held.lease, &self.registered.handle, job.shape)
            .await
            .map_err(Interrupted::from)
    }

    /// Runs the steps and waits for their answers.
    pub(super) async fn run_prelude(&mut self, lease: &mut Lease, prelude: Prelude) -> Result<(), Interrupted> {
        if prelude.is_empty() {
            return Ok(());
        }
        let mut out = Vec::new();
        prelude.encode(&mut out);
        let run = async {
            lease.send(&out).await?;
            prelude.read(lease, &self.state).await
        };
        let read = self.client.watched(&self.registered.handle, run).await?;
        read.map_err(|failure| lost(failure, false))?.map_err(Interrupted::Rejected)
    }

    pub(super) async fn prepare_on(&mut self, bound: &Bound<'_>, lease: &mut Lease) -> Result<(), Interrupted> {
        let prepared = self.client.watched(&self.registered.handle, bound.prepare_on(lease)).await?;
        prepared.map_err(unprepared)
    }

    /// Before the statement itself is sent: a cancel that hit what went before it, or nothing, ends it here.
    pub(super) fn go_on(&self) -> Result<(), Interrupted> {
        if self.registered.handle.interrupted() {
            return Err(Interrupted::Rejected(Rejected::cancelled(&self.registered.handle)));
        }
        Ok(())
    }

    pub(super) async fn prelude_for(
        &mut self,
        held: &mut Held,
        job: Job<'_>,
        prelude: &mut Prelude,
    ) -> Result<(), Interrupted> {
        let transaction = self.transaction.as_ref().filter(|_| !held.in_transaction);
        let opening = transaction.and_then(|transaction| transaction.opening.as_deref());
        let begins = opening.is_some() || !matches!(job.work, Work::Prepare { .. });
        let began = transaction.filter(|_| begins).and_then(|transaction| transaction.began.as_ref());
        let began =
            began.filter(|began| !Arc::ptr_eq(began, &self.state)).and_then(|began| self.state.beginning_as(began));
        let began = began.map(Arc::new);
        // By a statement where the server would do it by itself, for behind it comes what the session has set since.
        let opening = opening.or(began.as_ref().map(|_| &b"START TRANSACTION"[..]));
        prelude.replay(&mut held.lease, began.as_ref().unwrap_or(&self.state));
        if !held.in_transaction {
            if begins {
                let characteristics = transaction.map(|transaction| transaction.characteristics.as_slice());
                for text in characteristics.unwrap_or_default().iter().chain(&self.next_transaction) {
                    // They stay with the connection unless this statement begins a transaction.
                    held.lease.tainted |= opening.is_none();
                    prelude.push(Step::Transaction(text.clone()));
                }
            }
            if let Some(opening) = opening {
                prelude.push(Step::Transaction(opening.to_vec()));
            }
            // Without a BEGIN, under autocommit=0, there may be savepoints before this group joined.
            for savepoint in transaction.iter().flat_map(|transaction| &transaction.savepoints) {
                prelude.push(Step::Transaction(savepoint.text.clone()));
            }
        }
        if let Some(began) = began {
            prelude.replay_from(&began, &self.state, prelude::family(&held.lease));
        }
        let about = Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS;
        let counts = Flags::ROW_COUNT | Flags::FOUND_ROWS;
        if job.facts.flags.contains(Flags::LAST_INSERT_ID) && !self.before.has_last_insert_id(&held.lease) {
            // A question in between would change the answer to the other one.
            if job.facts.flags.intersects(counts)
                || job.facts.flags.contains(Flags::DIAGNOSTICS) && !self.before.has_no_diagnostics()
            {
                return Err(Interrupted::Rejected(Rejected::about_before("LAST_INSERT_ID() beside ROW_COUNT()")));
            }
            match self.last_insert_id(Some(&mut held.lease)).await {
                // It may have turned out that this connection has it.
                Some(_) if self.before.has_last_insert_id(&held.lease) => {}
                Some(value) => prelude.push(Step::LastInsertId(value)),
                None => return Err(Interrupted::Rejected(Rejected::about_before("LAST_INSERT_ID()"))),
            }
        }
        // A PREPARE in between is a previous statement too.
        let has_statement = match job.work {
            Work::Execute(bound) => bound.is_prepared(&mut held.lease),
            _ => true,
        };
        let counted = self.before.has_counts(job.facts.flags);
        let untouched = self.before.was_here(&held.lease) && has_statement && prelude.is_empty() && counted;
        if job.facts.flags.intersects(about) && !untouched {
            if job.facts.flags.intersects(counts) || !self.before.has_no_diagnostics() {
                return Err(Interrupted::Rejected(Rejected::about_before(
                    "ROW_COUNT(), FOUND_ROWS() or SHOW WARNINGS",
                )));
            }
            prelude.push(Step::ClearWarnings);
        } else if self.before.must_clear_warnings(&held.lease) {
            prelude.push(Step::ClearWarnings);
        }
        if may_generate_id(&job)
            && !prelude.sets_insert_id()
            && let Some(value) = self.before.insert_id_before(&held.lease)
        {
            match job.facts.flags.intersects(about) {
                // A step in front would change what the statement asks about.
                true => held.lease.insert_id = InsertId::Unsettled,
                false => prelude.push(Step::InsertIdBefore(value)),
            }
        }
        // Last, because from here on the connection's debt is the prelude's; it goes first on the wire.
        if held.lease.owed.as_ref().is_some_and(|owed| !self.before.is_owed(owed)) {
            prelude.settle(&mut held.lease);
        }
        Ok(())
    }
}

impl From<Broken> for Interrupted {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Server { failure, forwarded, torn } => Interrupted::Server { failure, sent: true, forwarded, torn },
            Broken::ReadOnly { end, error } => Interrupted::ReadOnly { end, error },
            Broken::Client(gone) => Interrupted::Client(gone),
        }
    }
}

impl From<Gone> for Interrupted {
    fn from(gone: Gone) -> Self {
        Interrupted::Client(gone)
    }
}

pub(super) fn lost(failure: Failure, sent: bool) -> Interrupted {
    Interrupted::Server { failure, sent, forwarded: false, torn: false }
}

/// Why a statement could not be prepared on a connection.
pub(super) fn unprepared(failure: Result<ServerError, Failure>) -> Interrupted {
    match failure {
        Ok(error) => Interrupted::Rejected(Rejected { error, sent: true }),
        Err(failure) => lost(failure, false),
    }
}

impl Rejected {
    pub(super) fn cancelled(handle: &SessionHandle) -> Rejected {
        let failure = if handle.is_overdue() { Failure::Overdue } else { Failure::Cancelled };
        let (code, sqlstate, text) = failure.client_error();
        let error = ServerError { code, sqlstate: state_bytes(sqlstate), message: text.into_bytes() };
        Rejected { sent: true, error }
    }

    fn about_before(what: &str) -> Rejected {
        let text = format!(
            "Meridian: {what} speaks of this session's previous statement, which ran on several shards or whose connection \
             has served another session since; run both statements in one transaction, on one shard"
        );
        Rejected { sent: false, error: ServerError { code: 1235, sqlstate: *b"42000", message: text.into_bytes() } }
    }
}
