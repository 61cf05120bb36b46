//! COM_QUERY: one packet of text, of one statement or of several.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::digest::{self, Planned};
use super::plan_cache::Scope;
use super::progress::Phase;
use super::relay::Shape;
use super::scatter::Scatter;
use super::single::{Job, Work};
use super::values::TextValues;
use super::{Incoming, Outcome, Served, Session, clock};
use crate::plan::{self, Hint, HintBy, HintRefusal, Refusal, Statement, Tables, Target};
use crate::route::{self, ClientText, Shards};
use crate::shard_map::{GroupId, ShardId};
use crate::sql::facts::{Access, Facts, Flags, Verb};
use crate::sql::{self, HintFault, Scratch};
use crate::telemetry::Class;
use crate::wire::command::code;
use crate::wire::packet;
use crate::wire::walker::Expect;

/// Bytes of a shape in the log.
const SLOW_BYTES: usize = 2048;

impl Session {
    pub(super) async fn query(&mut self, incoming: &mut Incoming) -> Served {
        if !self.dialect_known && !self.refresh_dialect().await? {
            return Ok(());
        }
        let payload = incoming.payload();
        let text = &payload[1..];
        let mut at = 0;
        loop {
            let mut scanned = match sql::scan(&text[at..], &self.dialect, &mut self.scratch) {
                Ok(scanned) => scanned,
                Err(error) => return self.answer_syntax(&error).await.map(drop),
            };
            let explains = match sql::explain_route(self.scratch.normalized(), &text[at..], &self.dialect) {
                None => false,
                Some(Err(error)) => return self.answer_syntax(&error).await.map(drop),
                Some(Ok(behind)) => {
                    if self.scratch.has_hint_before(behind) {
                        return self.refuse(&Refusal::Hint(HintRefusal::Fault(HintFault::Misplaced))).await.map(drop);
                    }
                    at += behind;
                    // Scanned anew, because what begins a statement decides where it ends.
                    match sql::scan(&text[at..], &self.dialect, &mut self.scratch) {
                        Ok(explained) => scanned = explained,
                        Err(error) => return self.answer_syntax(&error).await.map(drop),
                    }
                    true
                }
            };
            let hint = match self.hint(&text[at..], &self.scratch) {
                Ok(hint) => hint,
                // It is how a session ends its hint, whatever has become of the shard.
                Err(_) if self.hints_by_session(&self.scratch) && is_of_session(&self.plan(None)) => None,
                Err(refusal) => return self.refuse(&refusal).await.map(drop),
            };
            let one = &text[at..at + scanned.end];
            let more = scanned.rest.is_some();
            if more && !self.multi_statements {
                let message = "Meridian: you have an error in your SQL syntax; several statements in one packet need the client's \
                               option for multi-statements";
                return self.answer_error(1064, b"42000", message).await.map(drop);
            }
            let alone = at == 0 && !more;
            // The client's own packet, byte for byte, if there is nothing else in it.
            let packet = if alone { incoming.packet() } else { None };
            let statement = self.plan(hint);
            let started = self.started();
            let (outcome, rows) = if explains {
                (self.explain_route(one, &statement, more).await?, 0)
            } else if let Some(job) = self.plain_job(&statement, one, packet) {
                let ran = self.run_single(job).await?;
                let rows = digest::rows_of(&ran);
                (ran.into(), rows)
            } else if statement.facts.flags.contains(Flags::OTHER_NAME) {
                (Box::pin(self.with_other_names(one, &statement, more)).await?, 0)
            } else {
                (Box::pin(self.statement(one, packet, &statement, more)).await?, 0)
            };
            if !explains {
                self.ended(&statement, outcome, rows, started, self.scratch.normalized());
            }
            match scanned.rest {
                Some(rest) if outcome == Outcome::Done => {
                    at += rest;
                    // Each statement has its own time.
                    self.registered.handle.progress.enter(Phase::Running);
                    self.forget_moved_pools();
                    if !self.refresh_dialect().await? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    pub(super) async fn answer_syntax(&mut self, error: &(dyn std::fmt::Display + Sync)) -> Served<Outcome> {
        let message = format!("Meridian: you have an error in your SQL syntax: {error}");
        self.answer_error(1064, b"42000", &message).await
    }

    /// The plan of the statement that was scanned last, under its hint.
    pub(super) fn plan(&mut self, hint: Option<Hint>) -> Arc<Planned> {
        let scope = Scope { database: self.database_scope(), dialect: self.dialect, hint };
        let (hash, normalized) = (self.scratch.hash(), self.scratch.normalized());
        if let Some(found) = self.snapshot.plans.find(hash, scope, normalized) {
            self.proxy.metrics.plan_cache_hits.increment(1);
            return found;
        }
        self.proxy.metrics.plan_cache_misses.increment(1);
        let facts = sql::facts(normalized);
        let (map, database) = (&self.snapshot.map, self.state.database.as_deref());
        let planned = plan::plan_hinted(map, database, normalized, facts, &self.dialect, hint);
        let planned = Arc::new(Planned::new(planned));
        self.snapshot.plans.keep(hash, scope, normalized, &planned);
        planned
    }

    /// The present, if the execution that begins is one of those that are timed.
    #[inline]
    pub(super) fn started(&self) -> Option<Instant> {
        let handle = &self.registered.handle;
        handle.progress.is_one_in(digest::TIMED_ONE_IN, handle.id.into()).then(Instant::now)
    }

    /// Notes an execution with its shape, and tells the log of one that was slow.
    #[inline]
    pub(super) fn ended(
        &self,
        planned: &Planned,
        outcome: Outcome,
        rows: u64,
        started: Option<Instant>,
        normalized: &[u8],
    ) {
        planned.digest.ended(outcome == Outcome::Failed, rows, digest::took(started));
        if let Some(longer_than) = self.registered.handle.progress.slow() {
            self.log_slow(longer_than, outcome, rows, normalized);
        }
    }

    #[cold]
    fn log_slow(&self, longer_than: Duration, outcome: Outcome, rows: u64, normalized: &[u8]) {
        let (session, user, ms) = (self.registered.handle.id, &self.account.user, longer_than.as_millis());
        let statement = sql::shape(normalized, SLOW_BYTES);
        let failed = outcome == Outcome::Failed;
        tracing::warn!(session, user, longer_than_ms = ms, rows, failed, statement, "a slow statement");
    }

    /// What most statements are: alone in their packet, about tables of one shard and nothing else. It goes there as it is.
    #[inline]
    fn plain_job<'a>(&self, statement: &'a Statement, text: &[u8], packet: Option<&'a [u8]>) -> Option<Job<'a>> {
        let (Some(packet), Target::Tables(tables)) = (packet, &statement.target) else {
            return None;
        };
        if !statement.facts.flags.is_empty() || self.forbidden_of(tables).is_some() {
            return None;
        }
        let Ok(Shards::One(shard)) = self.route(statement, tables, text, None) else {
            return None;
        };
        self.count(class_of(&statement.facts));
        let shape = Shape { shift: self.shift(text.len() + 1), ..Shape::plain(Expect::Command) };
        let (facts, reads) = (&statement.facts, statement.reads);
        Some(Job { shard, facts, tables: true, reads, shape, work: Work::Bytes(packet) })
    }

    #[inline]
    fn route(
        &self,
        statement: &Statement,
        tables: &Tables,
        text: &[u8],
        instant: Option<clock::Instant>,
    ) -> Result<Shards, Refusal> {
        let facts = OnceLock::new();
        let values = TextValues { text, scratch: &self.scratch, state: &self.state, facts, instant };
        route::served(statement, tables, &self.snapshot.map, &values, ClientText { text, dialect: &self.dialect })
    }

    /// One statement of the packet. `packet`: the client's own, if this statement is all of it.
    pub(super) async fn statement(
        &mut self,
        text: &[u8],
        packet: Option<&[u8]>,
        statement: &Statement,
        more: bool,
    ) -> Served<Outcome> {
        let mut at = None;
        let shard = match &statement.target {
            Target::Tables(tables) => {
                if let Some(refused) = self.forbidden_of(tables) {
                    self.count(Class::Refused);
                    return self.deny_database(&refused).await;
                }
                let instant = clock::instant(&self.state, &statement.facts);
                let routed = self.route(statement, tables, text, instant);
                at = clock::state_at(&self.state, tables, instant);
                match routed {
                    Ok(Shards::One(shard)) => shard,
                    Ok(Shards::Several(shards)) => {
                        return self.scatter_text(text, packet, more, statement, &shards).await;
                    }
                    Err(refusal) => return self.refuse(&refusal).await,
                }
            }
            Target::NoTable => self.home_shard(statement, self.database_index()),
            Target::Control => {
                self.count(class_of_control(statement.facts.verb));
                return self.control(text, statement, more).await;
            }
            Target::ShowTables { database } => {
                self.count(Class::Local);
                return self.show_tables(text, *database, more).await;
            }
            Target::ShowDatabases => {
                self.count(Class::Local);
                return self.show_databases(text, more).await;
            }
            Target::ShowMeridian(view) => return self.show_meridian(*view, more).await,
            Target::ShardVariable { column } => return self.show_shard(column, more).await,
            Target::Refused(refusal) => return self.refuse(refusal).await,
        };
        if let Some(refusal) = route::locks_elsewhere(statement, &self.snapshot.map, shard) {
            return self.refuse(&refusal).await;
        }
        self.count(class_of(&statement.facts));
        if statement.facts.flags.contains(Flags::DIAGNOSTICS)
            && let Some(outcome) = self.diagnostics(statement, more).await?
        {
            return Ok(outcome);
        }
        let Some(text) = self.with_connection_id(text, statement) else {
            return self.refuse_connection_id().await;
        };
        let mut built = Vec::new();
        let bytes = match (packet, &text) {
            (Some(packet), Cow::Borrowed(_)) => packet,
            _ => {
                query_packet(&text, &mut built);
                &built
            }
        };
        let shape = Shape { shift: self.shift(text.len() + 1), more, ..Shape::plain(Expect::Command) };
        let tables = matches!(statement.target, Target::Tables(_));
        let (facts, reads) = (&statement.facts, statement.reads);
        let job = Job { shard, facts, tables, reads, shape, work: Work::Bytes(bytes) };
        let ran = match at {
            None => self.run_single(job).await?,
            Some(state) => self.run_in(state, job).await?,
        };
        Ok(ran.into())
    }

    /// A statement of this packet that needs rows of several shards.
    async fn scatter_text(
        &mut self,
        text: &[u8],
        packet: Option<&[u8]>,
        more: bool,
        statement: &Statement,
        shards: &[ShardId],
    ) -> Served<Outcome> {
        let (facts, reads) = (&statement.facts, statement.reads);
        self.count(class_of(facts));
        let mut built = Vec::new();
        let bytes = packet.unwrap_or_else(|| {
            query_packet(text, &mut built);
            &built
        });
        let shape = Shape { more, ..Shape::plain(Expect::Command) };
        let scatter = Scatter { shards, facts, reads, shape, work: Work::Bytes(bytes) };
        Ok(self.run_scatter(scatter).await?.into())
    }

    /// What is added to a server's sequence ids: its reply continues behind the packets of the command it was sent, ours
    /// behind what this client has seen. `payload_len` is that of the command to the server.
    pub(super) fn shift(&self, payload_len: usize) -> u8 {
        let packets = payload_len / packet::PAYLOAD_MAX + 1;
        self.client.sequence.wrapping_sub(packets as u8)
    }

    /// Whether the map has a shard of the database on this group: elsewhere it need not exist.
    pub(super) fn has_database(&self, database: Option<usize>, group: GroupId) -> bool {
        let Some(index) = database else {
            return true;
        };
        self.snapshot.map.databases[index].shards().into_iter().any(|shard| self.snapshot.group(shard) == group)
    }

    /// Where a statement without a table goes: where the session already is, else its database's home, if that answers.
    pub(super) fn home_shard(&self, statement: &Statement, database: Option<usize>) -> ShardId {
        if let Some(hint) = statement.hint
            && !(hint.by == HintBy::Session && statement.facts.flags.intersects(about_before()))
        {
            return hint.shard;
        }
        if statement.facts.flags.contains(Flags::NAMED_LOCK) {
            return route::LOCKS;
        }
        if statement.facts.flags.intersects(about_before())
            && let Some(shard) = self.last_shard
            && self.has_database(database, self.snapshot.group(shard))
        {
            return shard;
        }
        let reads = statement.facts.flags.contains(Flags::USER_VAR_READ);
        let pinned = self.held.iter().find(|held| reads && held.has_user_variables());
        match pinned.or(self.held.iter().find(|held| self.has_database(database, held.group))) {
            Some(held) => held.shard,
            None => self.snapshot.answering_home(database),
        }
    }
}

/// Whether no shard is asked, so that a hint of the session changes nothing.
pub(super) fn is_of_session(statement: &Statement) -> bool {
    matches!(
        statement.target,
        Target::Control | Target::ShowDatabases | Target::ShowMeridian(_) | Target::ShardVariable { .. }
    )
}

/// Of statements that ask about the one before, wherever that ran.
fn about_before() -> Flags {
    Flags::ROW_COUNT | Flags::FOUND_ROWS | Flags::DIAGNOSTICS | Flags::LAST_INSERT_ID
}

/// What a statement that goes to a shard is counted as.
pub(super) fn class_of(facts: &Facts) -> Class {
    match facts.access {
        Access::Read => Class::Read,
        Access::Write => Class::Write,
    }
}

/// The same of one that concerns the session.
pub(super) fn class_of_control(verb: Verb) -> Class {
    match verb {
        Verb::Begin
        | Verb::StartTransaction
        | Verb::Commit
        | Verb::Rollback
        | Verb::Savepoint
        | Verb::RollbackTo
        | Verb::ReleaseSavepoint
        | Verb::Xa => Class::Transaction,
        // What they run is hidden from us.
        Verb::Prepare | Verb::Execute | Verb::Deallocate => Class::Write,
        _ => Class::Session,
    }
}

/// A COM_QUERY of this text, header and all.
pub(super) fn query_packet(text: &[u8], out: &mut Vec<u8>) {
    let mut payload = Vec::with_capacity(text.len() + 1);
    payload.push(code::QUERY);
    payload.extend_from_slice(text);
    packet::append(out, &mut 0, &payload);
}

/// For statements that are read again, such as those kept prepared.
pub(super) fn scratch_of(text: &[u8], dialect: &sql::Dialect) -> Result<Scratch, sql::LexError> {
    let mut scratch = Scratch::default();
    sql::scan(text, dialect, &mut scratch)?;
    Ok(scratch)
}
