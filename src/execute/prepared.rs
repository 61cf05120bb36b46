//! Prepared statements: the client's id stands for a text; each server connection gets its own id for that text when
//! it first runs it, and a pooled connection keeps it for whoever sends the same text next.
//!
//! Invariant: what an EXECUTE depends on is here, not on a connection: the text, the state it was prepared under, the
//! parameter types sent last, the long data sent since. So any connection can run it.

mod cursor;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::digest::{self, Planned};
use super::other_names::{sent_text, two_names, unreadable};
use super::prelude::{Prelude, Step};
use super::relay::Shape;
use super::scatter::Scatter;
use super::single::{Job, Ran, Work};
use super::text::{class_of, class_of_control, is_of_session, scratch_of};
use super::values::BoundValues;
use super::{Incoming, Served, Session, Snapshot, clock, hint};
use crate::backend::{Failure, Lease, StatementKey};
use crate::plan::Target;
use crate::route::{self, ClientText, Shards};
use crate::session::State;
use crate::shard_map::{GroupId, Reads, ShardId};
use crate::sql::{self, Dialect, Flags, Scratch, SlotKind};
use crate::telemetry::{Class, RefusalKind};
use crate::wire::attributes::Known;
use crate::wire::command::code;
use crate::wire::execute::{Execute, classes};
use crate::wire::reply::ServerError;
use crate::wire::walker::Expect;
use crate::wire::{Malformed, attributes, capability, packet, status};

/// COM_STMT_EXECUTE's flags byte: any cursor type.
const CURSOR_TYPES: u8 = 0x07;

#[derive(Debug, Default)]
pub struct Statements {
    /// Ids are ours, so no client can make them collide. Boxed, because an EXECUTE takes its statement out and puts it back.
    by_id: HashMap<u32, Box<Prepared>, foldhash::fast::RandomState>,
    last_id: u32,
    long_data_bytes: usize,
    /// Statements whose cursor is open on a server.
    cursors: HashSet<u32>,
}

#[derive(Debug)]
struct Prepared {
    text: Arc<[u8]>,
    /// As servers get it: the same, but for tables that have another name there.
    sent: Arc<[u8]>,
    key: StatementKey,
    /// The session's state at PREPARE, which decides what the text means; and how it is cut by that.
    state: Arc<State>,
    dialect: Dialect,
    snapshot: Arc<Snapshot>,
    statement: Arc<Planned>,
    scratch: Box<Scratch>,
    params: u16,
    types: Vec<u8>,
    long_data: Vec<(u16, Vec<u8>)>,
    /// Of its long data some is missing, for there was too much.
    is_cut: bool,
    /// Query attributes, as their types were sent last.
    attributes: Known,
    /// Where its cursor is open.
    cursor: Option<GroupId>,
}

/// The statement for parameters of these types.
///
/// MySQL takes a parameter for what it was at first: `k = 'abc'` is a comparison of numbers once a number was sent, by
/// another client even. So each list of classes has a statement of its own on a connection; integers, the common one, have
/// the one that was prepared.
fn of_types(key: StatementKey, types: &[u8]) -> StatementKey {
    match classes(types) {
        0 => key,
        classes => StatementKey { context: hash(&(key.context, classes)), ..key },
    }
}

/// One EXECUTE, ready for whatever connection it gets.
#[derive(Debug)]
pub struct Bound<'a> {
    prepared: &'a Prepared,
    key: StatementKey,
    payload: &'a [u8],
    execute: Execute<'a>,
    types: &'a [u8],
    current: &'a Arc<State>,
}

impl Bound<'_> {
    pub fn is_prepared(&self, lease: &mut Lease) -> bool {
        lease.statement(self.key, &self.prepared.sent).is_some()
    }

    /// Prepares the text on this connection, under the state it was first prepared in.
    pub async fn prepare_on(&self, lease: &mut Lease) -> Result<(), Result<ServerError, Failure>> {
        let then = &self.prepared.state;
        let elsewhere = context_of(then) != context_of(self.current);
        if elsewhere {
            // Not all of the state of then: to set autocommit back to 1 would commit.
            replay(lease, &Arc::new(self.current.parsing_as(then))).await?;
        }
        let mut payload = vec![code::STMT_PREPARE];
        payload.extend_from_slice(&self.prepared.sent);
        let sent = lease.send_command(&payload).await;
        sent.map_err(Err)?;
        let reply = lease.read_reply(Expect::Prepare).await.map_err(Err)?;
        if let Some(error) = reply.error() {
            return Err(Ok(error));
        }
        let Some(made) = reply.end.prepared else {
            return Err(Err(lease.garbage("reply to PREPARE without a statement id")));
        };
        let old = lease.keep_statement(self.key, made.id, self.prepared.sent.clone(), made.params);
        super::held::close_statements(lease, &old).await;
        if made.params != self.prepared.params {
            return Err(Err(lease.garbage("other number of parameters than the first PREPARE of the same text")));
        }
        if elsewhere {
            replay(lease, self.current).await?;
        }
        Ok(())
    }

    /// Whether it needs nothing but its own packet, on a connection that has the statement.
    pub fn is_alone(&self) -> bool {
        self.prepared.long_data.is_empty()
    }

    pub fn push_long_data(&self, lease: &mut Lease, prelude: &mut Prelude) {
        let Some(held) = lease.statement(self.key, &self.prepared.sent) else {
            return;
        };
        let id = held.id;
        for (param, data) in &self.prepared.long_data {
            let mut payload = vec![code::STMT_SEND_LONG_DATA];
            payload.extend_from_slice(&id.to_le_bytes());
            payload.extend_from_slice(&param.to_le_bytes());
            payload.extend_from_slice(data);
            prelude.push(Step::Unanswered(payload));
        }
    }

    /// The EXECUTE with this connection's id, and with the types if it has not seen them.
    pub fn bytes_for(&self, lease: &mut Lease) -> Vec<u8> {
        let held = lease.statement(self.key, &self.prepared.sent).expect("prepared on this connection a moment ago");
        // One allocation an EXECUTE: the id differs by connection, and the client's packet must stay as it is for a retry.
        let mut bytes = Vec::with_capacity(packet::HEADER_LEN + self.payload.len() + self.types.len() + 1);
        bytes.extend_from_slice(&[0; packet::HEADER_LEN]);
        if !self.execute.bound && self.prepared.params > 0 && held.types != self.types {
            let at = self.execute.types_at;
            bytes.extend_from_slice(&self.payload[..at - 1]);
            bytes.push(1);
            bytes.extend_from_slice(self.types);
            bytes.extend_from_slice(&self.payload[at..]);
        } else {
            bytes.extend_from_slice(self.payload);
        }
        let payload = &mut bytes[packet::HEADER_LEN..];
        payload[1..5].copy_from_slice(&held.id.to_le_bytes());
        if payload.len() >= packet::PAYLOAD_MAX {
            let mut several = Vec::new();
            packet::append(&mut several, &mut 0, payload);
            return several;
        }
        let length = (payload.len() as u32).to_le_bytes();
        bytes[..3].copy_from_slice(&length[..3]);
        bytes
    }

    /// Notes which types the connection has now; none for certain after an error.
    pub fn executed_on(&self, lease: &mut Lease, failed: bool) {
        if let Some(held) = lease.statement(self.key, &self.prepared.sent) {
            if failed {
                held.types.clear();
            } else if held.types != self.types {
                held.types = self.types.to_vec();
            }
        }
    }
}

async fn replay(lease: &mut Lease, state: &Arc<State>) -> Result<(), Result<ServerError, Failure>> {
    let mut prelude = Prelude::default();
    prelude.replay(lease, state);
    if prelude.is_empty() {
        return Ok(());
    }
    let mut out = Vec::new();
    prelude.encode(&mut out);
    lease.send(&out).await.map_err(Err)?;
    match prelude.read(lease, state).await.map_err(Err)? {
        Ok(()) => Ok(()),
        Err(rejected) => Err(Ok(rejected.error)),
    }
}

fn has_parameters(scratch: &Scratch) -> bool {
    scratch.all_slots().iter().any(|slot| matches!(slot.kind, SlotKind::Param(_)))
}

/// What of a state decides how a text is parsed.
fn context_of(state: &State) -> u64 {
    hash(&(&state.database, state.parsing()))
}

fn hash(value: &(impl std::hash::Hash + ?Sized)) -> u64 {
    use std::hash::BuildHasher;
    foldhash::quality::FixedState::with_seed(7).hash_one(value)
}

impl Session {
    pub(super) async fn prepare(&mut self, incoming: &mut Incoming) -> Served {
        if !self.refresh_dialect().await? {
            return Ok(());
        }
        if self.statements.by_id.len() >= self.proxy.options.prepared_statements_max {
            let text = "Can't create more than max_prepared_stmt_count statements (limits.prepared_statements_max)";
            return self.answer_error(1461, b"42000", text).await.map(drop);
        }
        let text: Arc<[u8]> = incoming.payload()[1..].into();
        let mut scratch = match scratch_of(&text, &self.dialect) {
            Ok(scratch) => Box::new(scratch),
            Err(error) => return self.answer_syntax(&error).await.map(drop),
        };
        if sql::explain_route(scratch.normalized(), &text, &self.dialect).is_some() {
            return self.refuse_prepared_explanation().await.map(drop);
        }
        let hint = self.hint(&text, &scratch);
        std::mem::swap(&mut self.scratch, &mut scratch);
        let statement = self.plan(hint.as_ref().ok().copied().flatten());
        std::mem::swap(&mut self.scratch, &mut scratch);
        if let Err(refusal) = hint
            && !(self.hints_by_session(&scratch) && is_of_session(&statement))
        {
            return self.refuse(&refusal).await.map(drop);
        }
        if statement.facts.flags.contains(Flags::CONNECTION_ID) {
            return self.refuse_connection_id().await.map(drop);
        }
        let Some(sent) = sent_text(&statement, &text, &self.dialect) else {
            return self.refuse(&unreadable()).await.map(drop);
        };
        let id = self.statements.next_id();
        let key = StatementKey { text: hash(&*text), context: context_of(&self.state) };
        let mut prepared = Box::new(Prepared {
            text: text.clone(),
            sent: sent.clone(),
            key,
            state: self.state.clone(),
            dialect: self.dialect,
            snapshot: self.snapshot.clone(),
            statement: statement.clone(),
            scratch,
            params: 0,
            types: Vec::new(),
            long_data: Vec::new(),
            is_cut: false,
            attributes: Known::default(),
            cursor: None,
        });
        let shard = match &statement.target {
            Target::Tables(tables) => {
                if let Some(refused) = self.forbidden_of(tables) {
                    self.count(Class::Refused);
                    return self.deny_database(&refused).await.map(drop);
                }
                let shard = route::definition(tables, &self.snapshot.map);
                shard.unwrap_or_else(|| self.snapshot.home(self.database_index()))
            }
            Target::NoTable => self.home_shard(&statement, self.database_index()),
            Target::Refused(refusal) => return self.refuse(refusal).await.map(drop),
            // Its parameters would have to be written into the text.
            Target::Control if has_parameters(&prepared.scratch) => return self.refuse_unprepared().await,
            Target::Control => {
                self.statements.by_id.insert(id, prepared);
                return self.answer_prepared(id).await;
            }
            Target::ShowTables { .. }
            | Target::ShowDatabases
            | Target::ShowMeridian(_)
            | Target::ShardVariable { .. } => {
                return self.refuse_unprepared().await;
            }
        };
        let mut built = Vec::new();
        let bytes = match incoming.packet() {
            Some(packet) if Arc::ptr_eq(&text, &sent) => packet,
            _ => {
                packet::append(&mut built, &mut 0, &[&[code::STMT_PREPARE], &*sent].concat());
                &built
            }
        };
        let shape = Shape { statement_id: Some(id), ..Shape::plain(Expect::Prepare) };
        let work = Work::Prepare { bytes, key, text: &sent };
        // To prepare changes nothing, whatever the statement does when it is executed.
        let facts = crate::sql::Facts {
            access: crate::sql::Access::Read,
            implicit_commit: false,
            flags: Flags::NONE,
            verb: crate::sql::Verb::Select,
        };
        // Where it will be executed.
        let reads = statement.reads;
        let job = Job { shard, facts: &facts, tables: false, reads, shape, work };
        self.client.names = two_names(&statement);
        let ran = self.run_single(job).await?;
        self.client.names = None;
        if let Ran::Answered(end) = ran
            && let Some(made) = end.prepared
        {
            prepared.params = made.params;
            self.statements.by_id.insert(id, prepared);
        }
        Ok(())
    }

    async fn refuse_unprepared(&mut self) -> Served {
        self.count(Class::Refused);
        self.proxy.metrics.refusals.of(RefusalKind::Construct).increment(1);
        let text = "This command is not supported in the prepared statement protocol yet; send it as text";
        self.answer_error(1295, b"HY000", text).await.map(drop)
    }

    async fn answer_prepared(&mut self, id: u32) -> Served {
        let mut payload = vec![0];
        payload.extend_from_slice(&id.to_le_bytes());
        // No columns, no parameters, a filler, no warnings.
        payload.extend_from_slice(&[0; 7]);
        self.before.answered_ok();
        self.client.reply(&payload).await?;
        Ok(())
    }

    pub(super) async fn execute(&mut self, incoming: &mut Incoming) -> Served {
        if !self.refresh_dialect().await? {
            return Ok(());
        }
        let payload = incoming.payload();
        let Some(id) = payload.get(1..5).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes"))) else {
            return self.refuse_malformed("EXECUTE without a statement id").await;
        };
        // Out of the table while it runs: the session is busy with it.
        let Some(mut prepared) = self.statements.by_id.remove(&id) else {
            return self.unknown_statement(id, "mysqld_stmt_execute").await;
        };
        let served = match self.without_attributes(&mut prepared, payload) {
            Ok(_) if prepared.is_cut => self.refuse_cut().await,
            Ok(payload) => self.execute_prepared(id, &mut prepared, &payload).await,
            Err(malformed) => self.refuse_malformed(malformed.what).await,
        };
        self.client.names = None;
        self.statements.forget_long_data(&mut prepared);
        self.statements.by_id.insert(id, prepared);
        served
    }

    /// The EXECUTE as servers get it: what a client hints to by a query attribute is for Meridian alone.
    fn without_attributes<'p>(
        &mut self,
        prepared: &mut Prepared,
        payload: &'p [u8],
    ) -> Result<Cow<'p, [u8]>, Malformed> {
        if !self.client.has(capability::QUERY_ATTRIBUTES) {
            return Ok(Cow::Borrowed(payload));
        }
        let long = |index: usize| prepared.long_data.iter().any(|(param, _)| usize::from(*param) == index);
        let bare = attributes::of_execute(
            payload,
            prepared.params,
            &prepared.types,
            long,
            &prepared.attributes,
            hint::ATTRIBUTE,
        )?;
        self.attributed = hint::attributed(bare.value);
        if let Some(known) = bare.known {
            prepared.attributes = known;
        }
        Ok(Cow::Owned(bare.payload))
    }

    async fn execute_prepared(&mut self, id: u32, prepared: &mut Prepared, payload: &[u8]) -> Served {
        let execute = match Execute::parse(payload, prepared.params) {
            Ok(execute) => execute,
            Err(malformed) => return self.refuse_malformed(malformed.what).await,
        };
        if let Some(types) = execute.types {
            if prepared.types != types {
                prepared.types = types.to_vec();
            }
        } else if prepared.params > 0 && prepared.types.len() != 2 * usize::from(prepared.params) {
            return self.refuse_malformed("EXECUTE without parameter types, which were never sent").await;
        }
        // The session may hint to another shard by now.
        let hint = match self.hint(&prepared.text, &prepared.scratch) {
            Ok(hint) => hint,
            Err(_) if self.hints_by_session(&prepared.scratch) && is_of_session(&prepared.statement) => None,
            Err(refusal) => return self.refuse(&refusal).await.map(drop),
        };
        if !Arc::ptr_eq(&prepared.snapshot, &self.snapshot) || prepared.statement.hint != hint {
            let statement = Arc::new(Planned::new(crate::plan::plan_hinted(
                &self.snapshot.map,
                prepared.state.database.as_deref(),
                prepared.scratch.normalized(),
                crate::sql::facts(prepared.scratch.normalized()),
                &prepared.dialect,
                hint,
            )));
            let Some(sent) = sent_text(&statement, &prepared.text, &prepared.dialect) else {
                return self.refuse(&unreadable()).await.map(drop);
            };
            (prepared.statement, prepared.snapshot, prepared.sent) = (statement, self.snapshot.clone(), sent);
        }
        let statement = prepared.statement.clone();
        let started = self.started();
        self.client.names = two_names(&statement);
        let mut at = None;
        let shard = match &statement.target {
            Target::Tables(tables) => {
                if let Some(refused) = self.forbidden_of(tables) {
                    self.count(Class::Refused);
                    return self.deny_database(&refused).await.map(drop);
                }
                let long = |index: usize| prepared.long_data.iter().any(|(param, _)| usize::from(*param) == index);
                let instant = clock::instant(&self.state, &statement.facts);
                let values = BoundValues {
                    text: &prepared.text,
                    scratch: &prepared.scratch,
                    execute: &execute,
                    types: &prepared.types,
                    is_long: &long,
                    prepared: &prepared.state,
                    state: &self.state,
                    facts: OnceLock::new(),
                    instant,
                };
                let client = ClientText { text: &prepared.text, dialect: &prepared.dialect };
                let routed = route::served(&statement, tables, &self.snapshot.map, &values, client);
                at = clock::state_at(&self.state, tables, instant);
                match routed {
                    Ok(Shards::One(shard)) => shard,
                    Ok(Shards::Several(shards)) => {
                        return self.scatter_prepared(id, prepared, (payload, execute), &shards).await;
                    }
                    Err(refusal) => return self.refuse(&refusal).await.map(drop),
                }
            }
            Target::NoTable => self.home_shard(&statement, self.index_of(prepared.state.database.as_deref())),
            Target::Control => {
                self.count(class_of_control(statement.facts.verb));
                let text = prepared.text.clone();
                return self.control(&text, &statement, false).await.map(drop);
            }
            Target::Refused(refusal) => return self.refuse(refusal).await.map(drop),
            Target::ShowTables { .. }
            | Target::ShowDatabases
            | Target::ShowMeridian(_)
            | Target::ShardVariable { .. } => {
                return self.answer_error(1295, b"HY000", "Meridian: send this statement as text").await.map(drop);
            }
        };
        if let Some(refusal) = route::locks_elsewhere(&statement, &self.snapshot.map, shard) {
            return self.refuse(&refusal).await.map(drop);
        }
        self.count(class_of(&statement.facts));
        let with_cursor = execute.flags & CURSOR_TYPES != 0;
        let mut key = of_types(prepared.key, &prepared.types);
        if with_cursor {
            // A cursor belongs to one statement of one session: it gets a statement of its own on the connection.
            key.context = hash(&(key.context, self.registered.handle.id, id));
        }
        self.close_cursor(id, prepared).await;
        let current = at.clone().unwrap_or_else(|| self.state.clone());
        let bound = Bound { prepared, key, payload, execute, types: &prepared.types, current: &current };
        let shape = Shape::plain(Expect::Command);
        let tables = matches!(statement.target, Target::Tables(_));
        // A cursor keeps its connection, and its session then reads nowhere else.
        let reads = if with_cursor { Reads::Primary } else { statement.reads };
        let job = Job { shard, facts: &statement.facts, tables, reads, shape, work: Work::Execute(&bound) };
        let ran = match at {
            None => self.run_single(job).await?,
            Some(state) => Box::pin(self.run_in(state, job)).await?,
        };
        let rows = digest::rows_of(&ran);
        self.ended(&statement, (&ran).into(), rows, started, prepared.scratch.normalized());
        if let Ran::Answered(end) = ran
            && end.has_status
            && end.status & status::CURSOR_EXISTS != 0
        {
            prepared.cursor = Some(self.snapshot.group(shard));
            self.statements.cursors.insert(id);
        }
        Ok(())
    }

    /// An EXECUTE that needs rows of several shards.
    async fn scatter_prepared(
        &mut self,
        id: u32,
        prepared: &mut Prepared,
        (payload, execute): (&[u8], Execute<'_>),
        shards: &[ShardId],
    ) -> Served {
        if execute.flags & CURSOR_TYPES != 0 {
            let text = "Meridian: a cursor over several shards is not served yet; execute the statement without one, its rows \
                        are streamed";
            self.count(Class::Refused);
            return self.answer_refusal(RefusalKind::Shards, text).await.map(drop);
        }
        let statement = prepared.statement.clone();
        self.count(class_of(&statement.facts));
        self.close_cursor(id, prepared).await;
        let (key, current) = (of_types(prepared.key, &prepared.types), self.state.clone());
        let bound = Bound { prepared, key, payload, execute, types: &prepared.types, current: &current };
        let (shape, work) = (Shape::plain(Expect::Command), Work::Execute(&bound));
        self.run_scatter(Scatter { shards, facts: &statement.facts, reads: statement.reads, shape, work })
            .await
            .map(drop)
    }

    pub(super) async fn long_data(&mut self, id: u32, param: u16, data: &[u8]) -> Served {
        // There is no answer to this command, so what is wrong with it is said by the EXECUTE.
        let limit = self.proxy.options.long_data_bytes_max;
        let over = self.statements.long_data_bytes + data.len() > limit;
        if over {
            if let Some(mut prepared) = self.statements.by_id.remove(&id) {
                self.statements.forget_long_data(&mut prepared);
                prepared.is_cut = true;
                self.statements.by_id.insert(id, prepared);
            }
            tracing::warn!(session = self.registered.handle.id, "long data over limits.long_data_bytes_max");
            return Ok(());
        }
        let Some(prepared) = self.statements.by_id.get_mut(&id).filter(|prepared| !prepared.is_cut) else {
            return Ok(());
        };
        self.statements.long_data_bytes += data.len();
        match prepared.long_data.iter_mut().find(|(held, _)| *held == param) {
            Some((_, bytes)) => bytes.extend_from_slice(data),
            None => prepared.long_data.push((param, data.to_vec())),
        }
        Ok(())
    }

    pub(super) async fn statement_reset(&mut self, id: u32) -> Served {
        let Some(mut prepared) = self.statements.by_id.remove(&id) else {
            return self.unknown_statement(id, "mysqld_stmt_reset").await;
        };
        self.statements.forget_long_data(&mut prepared);
        self.close_cursor(id, &mut prepared).await;
        self.statements.by_id.insert(id, prepared);
        self.answer_ok(false).await.map(drop)
    }

    pub(super) async fn statement_close(&mut self, id: u32) -> Served {
        if let Some(mut prepared) = self.statements.by_id.remove(&id) {
            self.statements.forget_long_data(&mut prepared);
            self.close_cursor(id, &mut prepared).await;
        }
        Ok(())
    }

    async fn refuse_cut(&mut self) -> Served {
        let text = format!(
            "Meridian: the parameters of this session's prepared statements that were sent by mysql_stmt_send_long_data() are \
             longer than {} bytes (limits.long_data_bytes_max); send less at a time, or execute one statement before the next",
            self.proxy.options.long_data_bytes_max
        );
        self.answer_error(1105, b"HY000", &text).await.map(drop)
    }

    async fn unknown_statement(&mut self, id: u32, function: &str) -> Served {
        let text = format!("Unknown prepared statement handler ({id}) given to {function}");
        self.answer_error(1243, b"HY000", &text).await.map(drop)
    }
}

impl Statements {
    fn next_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            // 0xFFFFFFFF means "the last prepared" to a MariaDB server.
            if self.last_id != 0 && self.last_id != u32::MAX && !self.by_id.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    fn forget_long_data(&mut self, prepared: &mut Prepared) {
        for (_, data) in prepared.long_data.drain(..) {
            self.long_data_bytes -= data.len();
        }
        prepared.is_cut = false;
    }
}
