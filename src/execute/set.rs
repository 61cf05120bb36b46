//! SET: run once on a server, which says whether it is right, then remembered and replayed wherever it differs.
//! What is remembered, and in which form, is decided in `remembered.rs`.

use std::sync::Arc;

use super::before::{Diagnostics, WarningRow};
use super::held::Held;
use super::prelude::{Prelude, Rejected, Step};
use super::remembered::{ReadBack, characteristics, is_insert_id, is_switch, next_transaction, not_off, remember};
use super::{Gone, Outcome, Served, Session};
use crate::backend::{Failure, InsertId, Lease};
use crate::session::{State, Transaction};
use crate::sql::{Assignment, Flags, Scope, Value};
use crate::telemetry::RefusalKind;
use crate::wire::command::code;
use crate::wire::reply;
use crate::wire::result_set::Decoded;
use crate::wire::walker::End;

/// Session variables that are not a state but an event, or another session's identity.
const REFUSED: [&str; 8] = [
    "insert_id",
    "rand_seed1",
    "rand_seed2",
    "pseudo_thread_id",
    "gtid_next",
    "gtid_seq_no",
    "sql_log_bin",
    "pseudo_slave_mode",
];

/// SET TRANSACTION statements for one transaction; two say all that there is to say.
const CHARACTERISTICS_MAX: usize = 8;

/// Goes on with what a server answered, or ends with its failure.
macro_rules! try_server {
    ($answer:expr) => {
        match $answer {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        }
    };
}

/// What a SET left: how many as its OK says, and the rows of SHOW WARNINGS.
struct Warnings {
    count: u16,
    rows: Vec<WarningRow>,
}

impl Session {
    pub(super) async fn set(
        &mut self,
        text: &[u8],
        assignments: &[Assignment<'_>],
        flags: Flags,
        more: bool,
    ) -> Served<Outcome> {
        let unknown = Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS | Flags::CONNECTION_ID;
        if flags.intersects(unknown) {
            let text = "Meridian: SET with ROW_COUNT(), FOUND_ROWS(), @@warning_count or CONNECTION_ID() is not served yet; \
                        read it with SELECT, and give its value by SET @name = value";
            return self.answer_refusal(RefusalKind::Construct, text).await;
        }
        if let Some(outcome) = self.set_shard(assignments, more).await? {
            return Ok(outcome);
        }
        if assignments.iter().any(|one| matches!(one, Assignment::System { scope: Scope::Next, .. })) {
            let Some(text) = next_transaction(assignments) else {
                let text = "Meridian: SET @@transaction_isolation and SET @@transaction_read_only are for the next transaction, \
                            and are served only with a plain value and without other variables; use SET TRANSACTION";
                return self.answer_error(1235, b"42000", text).await;
            };
            return self.set_next_transaction(text.as_bytes(), more).await;
        }
        let mut last_insert_id = None;
        if flags.contains(Flags::LAST_INSERT_ID) {
            last_insert_id = self.last_insert_id(None).await;
            if last_insert_id.is_none() {
                let text = "Meridian: LAST_INSERT_ID() of this session was lost with its server connection";
                return self.answer_refusal(RefusalKind::Construct, text).await;
            }
        }
        for assignment in assignments {
            match assignment {
                Assignment::System { scope: Scope::Session, name, value, .. } => {
                    if let Some(why) = not_off(name, value) {
                        let text = format!("Meridian: SET {name} is served only for turning it off: {why}");
                        return self.answer_refusal(RefusalKind::Construct, &text).await;
                    }
                    if name.starts_with("meridian") {
                        let text = format!("Meridian: SET {name} is not served yet");
                        return self.answer_refusal(RefusalKind::Construct, &text).await;
                    }
                    if REFUSED.contains(&name.as_str()) {
                        let text = format!(
                            "Meridian: SET {name} concerns one server connection, and statements of a session may run on \
                             several; it is not passed on"
                        );
                        return self.answer_refusal(RefusalKind::Construct, &text).await;
                    }
                }
                Assignment::System { name, .. } => {
                    let what = format!("SET GLOBAL {name}");
                    return self.refuse_global(&what).await;
                }
                Assignment::Other { kind, .. } => {
                    let text =
                        format!("Meridian: SET {kind} is not served; accounts are those of Meridian's accounts file");
                    return self.answer_refusal(RefusalKind::Construct, &text).await;
                }
                Assignment::Names { .. } | Assignment::CharacterSet { .. } | Assignment::User { .. } => {}
            }
        }
        let unclear = |assignment: &Assignment<'_>| match assignment {
            Assignment::System { name, value: Value::Literal(value), .. } => name == "autocommit" && !is_switch(value),
            Assignment::System { name, .. } => name == "autocommit",
            _ => false,
        };
        if !self.state.autocommit() && self.in_transaction() && assignments.iter().any(unclear) {
            let text = "Meridian: in a transaction, SET autocommit is served with 0, 1, ON and OFF only";
            return self.answer_error(1235, b"42000", text).await;
        }
        let turns_autocommit_on = !self.state.autocommit() && {
            let mut wanted = (*self.state).clone();
            remember(&mut wanted, assignments);
            wanted.autocommit()
        };
        if turns_autocommit_on && self.in_transaction() {
            let carried = self.transaction.as_ref().map(Transaction::carried).unwrap_or_default();
            if let Err(ran) = self.commit_all().await? {
                return Ok(ran.into());
            }
            // Tried on both: what the transaction was begun with holds for the next one as well.
            self.next_transaction = carried;
        }
        let mut next = (*self.state).clone();
        let to_read_back = remember(&mut next, assignments);
        let named_beyond_ascii = next.user.keys().any(|name| !name.is_ascii())
            || to_read_back.iter().any(|one| matches!(one, ReadBack::User(name) if !name.is_ascii()));
        let charset_unknown =
            to_read_back.iter().any(|one| matches!(one, ReadBack::System(name) if name == "character_set_client"));
        if named_beyond_ascii && (charset_unknown || !next.is_utf8()) {
            let text =
                "Meridian: user variables with names beyond ASCII are served only while the session's charset is UTF-8";
            return self.answer_error(1235, b"42000", text).await;
        }
        if let Err(text) = self.within_limits(&next) {
            return self.answer_refusal(RefusalKind::Session, &text).await;
        }
        if to_read_back.is_empty() && self.held.is_empty() {
            let group = self.snapshot.group(self.snapshot.answering_home(self.database_index()));
            if self.pool(group).member.has_accepted(text) {
                self.adopt(next, assignments);
                return self.answer_ok(more).await;
            }
        }
        let mut retried = false;
        loop {
            let mut held = match self.lease_for_set(retried).await {
                Ok(held) => held,
                Err(failure) => return Ok(self.answer_failure(&failure).await?.into()),
            };
            let was_held = held.in_transaction || !held.pins.is_empty();
            let answered = self.set_watched(&mut held, text, &mut next, &to_read_back, last_insert_id).await?;
            if assignments.iter().any(|one| matches!(one, Assignment::System { name, .. } if is_insert_id(name))) {
                held.lease.insert_id = InsertId::Unknown;
            }
            match answered {
                Ok(Ok(warnings)) => {
                    // What was read back may be larger than what was written.
                    if let Err(text) = self.within_limits(&next) {
                        // The connection has it and the session has not: the next statement there sets it back.
                        held.lease.state = Arc::new(next);
                        held.lease.tainted = true;
                        self.keep_or_give_back(held).await;
                        return self.answer_error(1235, b"42000", &text).await;
                    }
                    self.adopt(next, assignments);
                    held.lease.state = self.state.clone();
                    if warnings.count == 0 && to_read_back.is_empty() {
                        held.lease.member.accept(text);
                    }
                    self.keep_or_give_back(held).await;
                    // A client escapes its strings as the status tells it.
                    if !self.refresh_dialect().await? {
                        return Ok(Outcome::Failed);
                    }
                    if warnings.count > 0 {
                        self.before.diagnostics = Diagnostics::Gathered(warnings.rows.into());
                    }
                    let flags = self.status(more);
                    self.client.reply(&reply::ok(0, 0, flags, warnings.count, b"")).await?;
                    return Ok(Outcome::Done);
                }
                Ok(Err(error)) => {
                    // Of several assignments some may have been made.
                    held.lease.tainted |= assignments.len() > 1;
                    self.keep_or_give_back(held).await;
                    self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
                    self.before.answered_error(error);
                    return Ok(Outcome::Failed);
                }
                Err(failure) => {
                    drop(held);
                    if !was_held && !retried {
                        self.proxy.metrics.retries.increment(1);
                        retried = true;
                        continue;
                    }
                    let ran = self.answer_failure(&failure).await?;
                    if was_held {
                        return Err(super::Ended::Closed(None));
                    }
                    return Ok(ran.into());
                }
            }
        }
    }

    /// Characteristics of the next transaction, opened when it is.
    pub(super) async fn set_next_transaction(&mut self, text: &[u8], more: bool) -> Served<Outcome> {
        if self.in_transaction() {
            let text = "Transaction characteristics can't be changed while a transaction is in progress";
            return self.answer_error(1568, b"25001", text).await;
        }
        // Each may be of another characteristic; they are run in this order.
        self.next_transaction.retain(|held| held != text);
        if self.next_transaction.len() == CHARACTERISTICS_MAX {
            let text = "Meridian: too many SET TRANSACTION before one transaction; write them in one statement";
            return self.answer_refusal(RefusalKind::Session, text).await;
        }
        self.next_transaction.push(text.to_vec());
        self.answer_ok(more).await
    }

    /// What is set for the session holds for its next transaction as well, whatever was set for that one before.
    fn override_next_transaction(&mut self, set: Vec<u8>) {
        if !self.next_transaction.is_empty() && !self.in_transaction() {
            self.next_transaction.retain(|held| *held != set);
            self.next_transaction.push(set);
        }
    }

    /// `SET SESSION TRANSACTION ISOLATION LEVEL ...`: run, then read back as the variables that it sets. `set` are the
    /// characteristics.
    pub(super) async fn set_session_transaction(&mut self, text: &[u8], set: &[u8], more: bool) -> Served<Outcome> {
        let mut held = match self.lease_for_set(false).await {
            Ok(held) => held,
            Err(failure) => return Ok(self.answer_failure(&failure).await?.into()),
        };
        let mut next = (*self.state).clone();
        let mariadb = held.lease.member.facts().is_some_and(|facts| facts.family == crate::shard_map::Family::MariaDb);
        let names =
            if mariadb { ["tx_isolation", "tx_read_only"] } else { ["transaction_isolation", "transaction_read_only"] };
        let back: Vec<ReadBack> = names.iter().map(|name| ReadBack::System(name.to_string())).collect();
        match self.set_watched(&mut held, text, &mut next, &back, None).await? {
            Ok(Ok(_)) => {
                self.adopt(next, &[]);
                self.override_next_transaction([b"SET TRANSACTION ", set].concat());
                held.lease.state = self.state.clone();
                self.keep_or_give_back(held).await;
                self.answer_ok(more).await
            }
            Ok(Err(error)) => {
                self.keep_or_give_back(held).await;
                self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
                self.before.answered_error(error);
                Ok(Outcome::Failed)
            }
            Err(failure) => {
                let was_held = held.in_transaction || !held.pins.is_empty();
                drop(held);
                let ran = self.answer_failure(&failure).await?;
                if was_held {
                    return Err(super::Ended::Closed(None));
                }
                Ok(ran.into())
            }
        }
    }

    fn within_limits(&self, next: &State) -> Result<(), String> {
        let options = &self.proxy.options;
        if next.variables() > options.session_variables_max {
            return Err(format!(
                "Meridian: more than {} variables set in one session (limits.session_variables_max)",
                options.session_variables_max
            ));
        }
        if next.bytes() > options.session_state_bytes_max {
            return Err(format!(
                "Meridian: variables of this session hold more than {} bytes (limits.session_state_bytes_max)",
                options.session_state_bytes_max
            ));
        }
        Ok(())
    }

    /// The new state is the session's.
    fn adopt(&mut self, next: State, assignments: &[Assignment<'_>]) {
        for assignment in assignments {
            if let Assignment::System { name, value: Value::Literal(value), .. } = assignment
                && is_insert_id(name)
                && let Some(value) = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok())
            {
                self.before.last_insert_id = super::before::LastInsertId::Known(value);
            }
        }
        self.state = Arc::new(next);
        if let Some(set) = characteristics(assignments, Scope::Session) {
            self.override_next_transaction(set.into_bytes());
        }
        self.before.answered_ok();
        self.dialect_known = false;
    }

    async fn lease_for_set(&mut self, new: bool) -> Result<Held, Failure> {
        let pinned = self.held.iter().position(Held::has_user_variables);
        if let Some(at) = pinned.or_else(|| {
            self.held.iter().position(|held| !held.only_reads && self.has_database(self.database_index(), held.group))
        }) {
            return Ok(self.held.swap_remove(at));
        }
        let shard = self.snapshot.answering_home(self.database_index());
        let group = self.snapshot.group(shard);
        let pool = self.pool(group);
        let lease = self.acquire(&pool, new).await?;
        Ok(Held::new(group, shard, lease))
    }

    /// Runs the SET where it can be cancelled, and watches the client meanwhile.
    async fn set_watched(
        &mut self,
        held: &mut Held,
        text: &[u8],
        next: &mut State,
        back: &[ReadBack],
        last_insert_id: Option<u64>,
    ) -> Served<Result<Result<Warnings, reply::ServerError>, Failure>> {
        let handle = self.registered.handle.clone();
        let pool = held.lease.pool().clone();
        let thread_id = held.lease.thread_id;
        handle.begin(&pool, thread_id);
        let answered = self.set_on(&mut held.lease, text, next, back, last_insert_id).await;
        let hit = handle.end();
        let answered = match answered {
            Ok(answered) => answered,
            Err(gone) => {
                // The server may be at work for nobody.
                if let Err(failure) = pool.kill_query(thread_id).await {
                    tracing::warn!(session = handle.id, %failure, "the SET of a client that left was not cancelled");
                }
                return Err(gone.into());
            }
        };
        if hit && answered.is_ok() && !self.absorb_cancel(held).await {
            let cause = std::io::ErrorKind::UnexpectedEof.into();
            return Ok(Err(held.lease.lost(cause, false)));
        }
        Ok(answered)
    }

    /// Runs the SET; its number of warnings, or the server's error.
    async fn set_on(
        &mut self,
        lease: &mut Lease,
        text: &[u8],
        next: &mut State,
        back: &[ReadBack],
        last_insert_id: Option<u64>,
    ) -> Result<Result<Result<Warnings, reply::ServerError>, Failure>, Gone> {
        let handle = self.registered.handle.clone();
        let mut prelude = Prelude::default();
        if lease.owed.as_ref().is_some_and(|owed| !self.before.is_owed(owed)) {
            prelude.settle(lease);
        }
        prelude.replay(lease, &self.state);
        if let Some(value) = last_insert_id {
            prelude.push(Step::LastInsertId(value));
        }
        if !prelude.is_empty() {
            let mut out = Vec::new();
            prelude.encode(&mut out);
            let run = async {
                lease.send(&out).await?;
                prelude.read(lease, &self.state).await
            };
            if let Err(rejected) = try_server!(self.client.watched(&handle, run).await?) {
                return Ok(Ok(Err(rejected.error)));
            }
        }
        if handle.interrupted() {
            return Ok(Ok(Err(Rejected::cancelled(&handle).error)));
        }
        let mut payload = vec![code::QUERY];
        payload.extend_from_slice(text);
        // From here on the connection has the session's own, which LAST_INSERT_ID(expr) may change.
        let flags = last_insert_id.map_or(Flags::NONE, |_| Flags::LAST_INSERT_ID_SET);
        let reply = try_server!(self.client.watched(&handle, lease.call(&payload)).await?);
        if let Some(error) = reply.error() {
            self.before.ended(lease, &reply.end, flags, false, false);
            return Ok(Ok(Err(error)));
        }
        // At once: what is read back takes their place.
        let mut warnings = Warnings { count: reply.end.warnings, rows: Vec::new() };
        if warnings.count > 0 {
            (lease.warnings_left, lease.uses, self.before.pinged) = (true, lease.uses + 1, true);
            if let Decoded::Rows(rows) = try_server!(lease.query(b"SHOW WARNINGS").await) {
                warnings.rows = rows.rows;
            }
        }
        for one in back {
            try_server!(one.read(lease, next).await);
        }
        self.before.ended(lease, &End { warnings: 0, ..reply.end }, flags, false, false);
        Ok(Ok(Ok(warnings)))
    }
}
