//! SET: run once on a server, which says whether it is right, then remembered and replayed wherever it differs.
//!
//! Invariant: what is remembered means the same on every server and under every charset and sql_mode. A value that is
//! not plain (an expression, an escaped or non-ASCII string) is read back from the server that computed it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::prelude::{Prelude, Step};
use super::single::{Held, Pins};
use super::{Gone, Outcome, Served, Session, Stop};
use crate::backend::{Failure, Lease};
use crate::session::State;
use crate::sql::{Assignment, Flags, Scope, Value};
use crate::telemetry::RefusalKind;
use crate::wire::command::code;
use crate::wire::result_set::{ColumnType, Decoded};
use crate::wire::{capability, reply};

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

/// Goes on with what a server answered, or ends with its failure.
macro_rules! try_server {
    ($answer:expr) => {
        match $answer {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        }
    };
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
        if turns_autocommit_on
            && self.in_transaction()
            && let Err(ran) = self.commit_all().await?
        {
            return Ok(ran.into());
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
            let group = self.snapshot.group(self.snapshot.home(self.database_index()));
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
            match self.set_watched(&mut held, text, &mut next, &to_read_back, last_insert_id).await? {
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
                    if warnings == 0 && to_read_back.is_empty() {
                        held.lease.member.accept(text);
                    }
                    self.keep_or_give_back(held).await;
                    let flags = self.status(more);
                    let track = self.client.has(capability::SESSION_TRACK);
                    self.client.reply(&reply::ok(0, 0, flags, warnings, b"", track)).await?;
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
    async fn set_next_transaction(&mut self, text: &[u8], more: bool) -> Served<Outcome> {
        if self.in_transaction() {
            let text = "Transaction characteristics can't be changed while a transaction is in progress";
            return self.answer_error(1568, b"25001", text).await;
        }
        self.next_transaction = Some(text.to_vec());
        self.answer_ok(more).await
    }

    /// `SET SESSION TRANSACTION ISOLATION LEVEL ...`: run, then read back as the variables that it sets.
    pub(super) async fn set_session_transaction(&mut self, text: &[u8], more: bool) -> Served<Outcome> {
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
                && matches!(name.as_str(), "last_insert_id" | "identity")
                && let Some(value) = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok())
            {
                self.before.last_insert_id = super::before::LastInsertId::Known(value);
            }
        }
        self.state = Arc::new(next);
        self.before.answered_ok();
        self.dialect_known = false;
    }

    async fn lease_for_set(&mut self, new: bool) -> Result<Held, Failure> {
        if !self.held.is_empty() {
            let at = self.held.iter().position(Held::has_user_variables).unwrap_or(0);
            return Ok(self.held.swap_remove(at));
        }
        let shard = self.snapshot.home(self.database_index());
        let group = self.snapshot.group(shard);
        let pool = self.pool(group);
        let lease = self.acquire(&pool, new).await?;
        Ok(Held { group, shard, lease, in_transaction: false, pins: Pins::default() })
    }

    /// Runs the SET where it can be cancelled, and watches the client meanwhile.
    async fn set_watched(
        &mut self,
        held: &mut Held,
        text: &[u8],
        next: &mut State,
        back: &[ReadBack],
        last_insert_id: Option<u64>,
    ) -> Served<Result<Result<u16, reply::ServerError>, Failure>> {
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
    ) -> Result<Result<Result<u16, reply::ServerError>, Failure>, Gone> {
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
            try_server!(lease.send(&out).await);
            if let Err(rejected) = try_server!(prelude.read(lease, &self.state).await) {
                return Ok(Ok(Err(rejected.error)));
            }
        }
        let mut payload = vec![code::QUERY];
        payload.extend_from_slice(text);
        let handle = self.registered.handle.clone();
        let client = &mut self.client;
        let reply = {
            let mut call = std::pin::pin!(lease.call(&payload));
            let watched = poll_fn(|cx| {
                if let Poll::Ready(reply) = call.as_mut().poll(cx) {
                    return Poll::Ready(Ok(reply));
                }
                if handle.poll_stopped(cx) == Stop::Kill {
                    return Poll::Ready(Err(Gone::Stopped(Stop::Kill)));
                }
                client.poll_gone(cx).map(Err)
            });
            try_server!(watched.await?)
        };
        if let Some(error) = reply.error() {
            self.before.ended(lease, &reply.end, Flags::NONE);
            return Ok(Ok(Err(error)));
        }
        for one in back {
            try_server!(one.read(lease, next).await);
        }
        self.before.ended(lease, &reply.end, Flags::NONE);
        Ok(Ok(Ok(reply.end.warnings)))
    }
}

/// A variable whose value only the server knows now.
enum ReadBack {
    System(String),
    User(String),
}

/// Puts what is plain into the state; what is not must be read back.
fn remember(state: &mut State, assignments: &[Assignment<'_>]) -> Vec<ReadBack> {
    let mut back = Vec::new();
    for assignment in assignments {
        match assignment {
            // Written anew: a comment in the client's own text could pass for the name.
            Assignment::Names { charset, collation, .. } => {
                let mut text = format!("NAMES {}", charset.as_deref().unwrap_or("DEFAULT"));
                if let Some(collation) = collation {
                    text.push_str(" COLLATE ");
                    text.push_str(collation);
                }
                state.set_charset(text.into_bytes());
            }
            Assignment::CharacterSet { charset, .. } => {
                state.set_charset(format!("CHARACTER SET {}", charset.as_deref().unwrap_or("DEFAULT")).into_bytes());
            }
            Assignment::System { name, .. } if matches!(name.as_str(), "last_insert_id" | "identity") => {}
            // Another default than that which SET NAMES left.
            Assignment::System { name, value: Value::Literal(value), .. }
                if value.eq_ignore_ascii_case(b"default")
                    && (name.starts_with("character_set_") || name.starts_with("collation_")) =>
            {
                let of = name.strip_prefix("character_set_");
                let of = of.filter(|of| matches!(*of, "connection" | "database" | "server"));
                // A collation says its charset too.
                back.push(ReadBack::System(of.map_or(name.clone(), |of| format!("collation_{of}"))));
            }
            Assignment::System { name, value: Value::Literal(value), .. }
                if !decides_parsing(name) && is_plain(value) && (name != "autocommit" || is_switch(value)) =>
            {
                state.set_system(name, value.to_vec());
            }
            Assignment::System { name, .. } => back.push(ReadBack::System(name.clone())),
            Assignment::User { name, value: Value::Literal(value), .. } if is_number(value) => {
                state.set_user(name.as_bytes(), value.to_vec());
            }
            Assignment::User { name, .. } => back.push(ReadBack::User(name.clone())),
            Assignment::Other { .. } => {}
        }
    }
    back
}

/// `SET @@transaction_isolation = ..` as the SET TRANSACTION that it is, in words that every server knows.
fn next_transaction(assignments: &[Assignment<'_>]) -> Option<String> {
    let mut parts = Vec::new();
    for assignment in assignments {
        let Assignment::System { scope: Scope::Next, name, value: Value::Literal(value), .. } = assignment else {
            return None;
        };
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        let value = value.trim_matches(|quote| matches!(quote, '\'' | '"'));
        parts.push(match (name.ends_with("isolation"), value) {
            (true, "read-uncommitted" | "0") => "ISOLATION LEVEL READ UNCOMMITTED",
            (true, "read-committed" | "1") => "ISOLATION LEVEL READ COMMITTED",
            (true, "repeatable-read" | "2") => "ISOLATION LEVEL REPEATABLE READ",
            (true, "serializable" | "3") => "ISOLATION LEVEL SERIALIZABLE",
            (false, "1" | "on" | "true") => "READ ONLY",
            (false, "0" | "off" | "false") => "READ WRITE",
            _ => return None,
        });
    }
    Some(format!("SET TRANSACTION {}", parts.join(", ")))
}

/// Variables that may only be off, and why.
fn not_off(name: &str, value: &Value<'_>) -> Option<&'static str> {
    let why = match name {
        "completion_type" => "a COMMIT that opens the next transaction or disconnects is not followed",
        "sql_auto_is_null" => "`IS NULL` would read the LAST_INSERT_ID() of whoever used the server connection before",
        "last_insert_id" | "identity" if matches!(value, Value::Expression(_)) => "its value must be a number",
        _ => return None,
    };
    let off: &[&[u8]] = &[b"0", b"off", b"'off'", b"false", b"no_chain", b"'no_chain'", b"default"];
    let is_off = matches!(value, Value::Literal(text) if off.iter().any(|off| text.eq_ignore_ascii_case(off)));
    let numbers = matches!(name, "last_insert_id" | "identity") && matches!(value, Value::Literal(_));
    (!is_off && !numbers).then_some(why)
}

/// Variables that the lexer must know by name, whatever form the client gave: numbers, combined modes, DEFAULT.
fn decides_parsing(name: &str) -> bool {
    matches!(name, "sql_mode" | "character_set_client")
}

/// The values of autocommit that `State` knows; of others, the server says what they mean.
fn is_switch(value: &[u8]) -> bool {
    let known: [&[u8]; 10] = [b"0", b"1", b"on", b"off", b"true", b"false", b"'on'", b"'off'", b"'0'", b"'1'"];
    known.iter().any(|known| value.eq_ignore_ascii_case(known))
}

fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) || value.eq_ignore_ascii_case(b"null")
}

/// A number, a word, or a string in single quotes that reads the same in every mode and charset.
fn is_plain(value: &[u8]) -> bool {
    let word = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+'));
    match value {
        [b'\'', inner @ .., b'\''] => inner.iter().all(|b| (0x20..0x7F).contains(b) && !matches!(b, b'\'' | b'\\')),
        value => !value.is_empty() && word(value),
    }
}

impl ReadBack {
    async fn read(&self, lease: &mut Lease, next: &mut State) -> Result<(), Failure> {
        let sql = match self {
            ReadBack::System(name) => format!("SELECT @@session.{name}"),
            ReadBack::User(name) => {
                let name = name.replace('`', "``");
                format!("SELECT @`{name}`, CHARSET(@`{name}`), COLLATION(@`{name}`), HEX(@`{name}`)")
            }
        };
        let Decoded::Rows(rows) = lease.query(sql.as_bytes()).await? else {
            return Err(lease.garbage("no row for a variable that was just set"));
        };
        let kind = rows.types.first().copied();
        let unsigned = rows.unsigned.first().is_some_and(|unsigned| *unsigned);
        let Some(row) = rows.rows.into_iter().next() else {
            return Err(lease.garbage("no row for a variable that was just set"));
        };
        match self {
            ReadBack::System(name) => next.set_system(name, system_literal(row.into_iter().next().flatten())),
            ReadBack::User(name) => next.set_user(name.as_bytes(), user_literal(&row, kind, unsigned)),
        }
        Ok(())
    }
}

fn system_literal(value: Option<Vec<u8>>) -> Vec<u8> {
    let Some(value) = value else {
        return b"NULL".to_vec();
    };
    let number = is_number(&value);
    let mut quoted = b"'".to_vec();
    quoted.extend_from_slice(&value);
    quoted.push(b'\'');
    if number {
        value
    } else if is_plain(&quoted) {
        quoted
    } else {
        let mut literal = b"_utf8mb4 X'".to_vec();
        literal.extend_from_slice(hex(&value).as_bytes());
        literal.push(b'\'');
        literal
    }
}

/// A literal with the value, type, charset and collation of a user variable: value, CHARSET, COLLATION, HEX.
fn user_literal(row: &[Option<Vec<u8>>], kind: Option<ColumnType>, unsigned: bool) -> Vec<u8> {
    let text = |at: usize| row.get(at).and_then(|value| value.as_deref()).map(String::from_utf8_lossy);
    let Some(value) = text(0) else {
        return b"NULL".to_vec();
    };
    match kind {
        Some(ColumnType::LONGLONG | ColumnType::LONG) if unsigned => format!("CAST({value} AS UNSIGNED)").into_bytes(),
        Some(ColumnType::LONGLONG | ColumnType::LONG) => value.into_owned().into_bytes(),
        Some(ColumnType::NEWDECIMAL) if value.contains('.') => value.into_owned().into_bytes(),
        Some(ColumnType::NEWDECIMAL) => format!("{value}.").into_bytes(),
        Some(ColumnType::DOUBLE | ColumnType::FLOAT) if value.contains('e') => value.into_owned().into_bytes(),
        Some(ColumnType::DOUBLE | ColumnType::FLOAT) => format!("{value}e0").into_bytes(),
        _ => {
            let bytes = text(3).unwrap_or_default();
            match (text(1).as_deref(), text(2).as_deref()) {
                (None | Some("binary"), _) | (_, None) => format!("X'{bytes}'").into_bytes(),
                (Some(charset), Some(collation)) => format!("_{charset} X'{bytes}' COLLATE {collation}").into_bytes(),
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_variables_of_a_transaction_are_set_transaction() {
        let check = |text: &str, expected: Option<&str>| {
            let dialect = crate::sql::Dialect::new(crate::sql::Flavor::MySql, 0);
            let Ok(crate::sql::Control::Set(assignments)) = crate::sql::control(text.as_bytes(), &dialect) else {
                panic!("{text}");
            };
            assert_eq!(next_transaction(&assignments).as_deref(), expected, "{text}");
        };
        let level = Some("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        check("SET @@tx_isolation = 'SERIALIZABLE'", level);
        check("SET @@transaction_isolation = 3", level);
        check("SET @@transaction_read_only = ON", Some("SET TRANSACTION READ ONLY"));
        for other in ["SET tx_isolation = 3", "SET @@session.tx_isolation = 3", "SET @@tx_isolation = @x"] {
            check(other, None);
        }
    }

    #[test]
    fn plain_values_read_alike_everywhere() {
        for plain in ["1", "ON", "'+00:00'", "''", "utf8mb4", "DEFAULT", "1.5", "-1"] {
            assert!(is_plain(plain.as_bytes()), "{plain}");
        }
        for other in ["\"x\"", "'a\\'b'", "'a''b'", "'\u{e4}'", "@@sql_mode", "", "_latin1'x'"] {
            assert!(!is_plain(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn autocommit_is_remembered_in_plain_forms_only() {
        let check = |value: &'static [u8], autocommit: Option<bool>| {
            let mut state = State::new(45, None);
            let value = Value::Literal(value);
            let set = Assignment::System { scope: Scope::Session, name: "autocommit".into(), value, text: b"" };
            let back = remember(&mut state, &[set]);
            assert_eq!(back.is_empty().then(|| state.autocommit()), autocommit, "{value:?}");
        };
        for off in [&b"0"[..], b"OFF", b"false", b"'off'", b"'0'"] {
            check(off, Some(false));
        }
        for on in [&b"1"[..], b"on", b"TRUE", b"'ON'", b"'1'"] {
            check(on, Some(true));
        }
        for other in [&b"00"[..], b"-0", b"0x0", b"DEFAULT", b"01"] {
            check(other, None);
        }
    }

    #[test]
    fn user_variables_keep_type_and_collation() {
        let some = |text: &str| Some(text.as_bytes().to_vec());
        let check = |row: [Option<Vec<u8>>; 4], kind, literal: &str| {
            assert_eq!(String::from_utf8(user_literal(&row, Some(kind), false)).expect("ascii"), literal);
        };
        check([some("5"), some("binary"), some("binary"), some("5")], ColumnType::LONGLONG, "5");
        check([some("1.50"), some("binary"), some("binary"), some("1")], ColumnType::NEWDECIMAL, "1.50");
        check([some("0.1"), some("binary"), some("binary"), some("0")], ColumnType::DOUBLE, "0.1e0");
        check(
            [some("a\u{e4}"), some("latin1"), some("latin1_swedish_ci"), some("61E4")],
            ColumnType::VAR_STRING,
            "_latin1 X'61E4' COLLATE latin1_swedish_ci",
        );
        check([None, some("binary"), some("binary"), None], ColumnType::NULL, "NULL");
        let row = [some("5"), some("binary"), some("binary"), some("5")];
        assert_eq!(user_literal(&row, Some(ColumnType::LONGLONG), true), b"CAST(5 AS UNSIGNED)");
    }
}
