//! What Meridian answers itself, or gathers: SHOW DATABASES, SHOW TABLES, COM_FIELD_LIST, SHOW WARNINGS after a
//! hand-over, LAST_INSERT_ID(), CONNECTION_ID().

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::before::{Diagnostics, LastInsertId, Place};
use super::held::give_back;
use super::prelude::Prelude;
use super::relay::Shape;
use super::single::{Job, Work};
use super::{Incoming, Outcome, Served, Session};
use crate::backend::{Failure, Kept, Lease};
use crate::net::timer;
use crate::plan::{DatabaseId, Statement};
use crate::shard_map::{Database, Reads, ShardId, Table};
use crate::sql::{self, Access, Edit, Facts, Flags, ShowKind, Verb};
use crate::telemetry::RefusalKind;
use crate::wire::capability;
use crate::wire::command::{self, Command};
use crate::wire::reply::ServerError;
use crate::wire::result_set::{Column, Decoded, TextResult, decode_text};
use crate::wire::walker::Expect;

impl Session {
    pub(super) async fn send_rows(&mut self, rows: &TextResult, more: bool) -> Served<Outcome> {
        let mut out = Vec::new();
        let flags = self.status(more);
        let deprecate_eof = self.client.has(capability::DEPRECATE_EOF);
        rows.encode(&mut out, &mut self.client.sequence, deprecate_eof, flags, 0);
        let handle = self.registered.handle.clone();
        self.client.send(&out, &handle).await?;
        self.before.answered_ok();
        Ok(Outcome::Done)
    }

    /// The map's databases that the account may use.
    pub(super) async fn show_databases(&mut self, text: &[u8], more: bool) -> Served<Outcome> {
        let words = text.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty()).count();
        if words > 2 {
            let text = "Meridian: SHOW DATABASES with LIKE or WHERE is not served yet; use SHOW DATABASES";
            return self.answer_refusal(RefusalKind::Construct, text).await;
        }
        let mut names: Vec<&str> = self.snapshot.map.databases.iter().map(|database| database.name.as_str()).collect();
        names.retain(|name| self.account.may_use(name));
        if self.account.databases.is_none() {
            names.push("information_schema");
        }
        names.sort_unstable();
        let mut rows = TextResult::new(vec![Column::text("Database", 64)]);
        for name in names {
            rows.row(&[Some(name.as_bytes())]);
        }
        self.send_rows(&rows, more).await
    }

    /// SHOW TABLES of a database on several shards: every shard is asked with the client's own text, and a name counts
    /// where the map says that its table lives.
    pub(super) async fn show_tables(&mut self, text: &[u8], database: DatabaseId, more: bool) -> Served<Outcome> {
        if let Some(refused) = self.forbidden(&[database]) {
            return self.deny_database(&refused).await;
        }
        let snapshot = self.snapshot.clone();
        let database = &snapshot.map.databases[usize::from(database.0)];
        let mut columns = Vec::new();
        let mut found: BTreeMap<Vec<u8>, Vec<Option<Vec<u8>>>> = BTreeMap::new();
        let holding = self.held.len();
        for shard in database.shards() {
            match self.ask(shard, text).await {
                Ok(Ok(Decoded::Rows(rows))) => {
                    columns = rows.columns;
                    for row in rows.rows {
                        let Some(Some(name)) = row.first() else { continue };
                        if is_shown_from(database, &String::from_utf8_lossy(name), shard) {
                            found.insert(name.clone(), row);
                        }
                    }
                }
                Ok(Ok(Decoded::Err(error)) | Err(error)) => return self.answer_server_error(error).await,
                Ok(Ok(Decoded::Ok { .. })) => {}
                Err(failure) => {
                    let ran = self.answer_failure(&failure).await?;
                    if self.held.len() < holding {
                        return Err(super::Ended::Closed(None));
                    }
                    return Ok(ran.into());
                }
            }
        }
        let mut rows = TextResult::new(columns.iter().map(|name| Column::text(name, 64)).collect());
        for row in found.values() {
            let values: Vec<Option<&[u8]>> = row.iter().map(|value| value.as_deref()).collect();
            rows.row(&values);
        }
        self.send_rows(&rows, more).await
    }

    async fn answer_server_error(&mut self, error: ServerError) -> Served<Outcome> {
        self.client.error(error.code, &error.sqlstate, &String::from_utf8_lossy(&error.message)).await?;
        self.before.answered_error(error);
        Ok(Outcome::Failed)
    }

    /// Runs a small read on a shard and takes its whole answer.
    async fn ask(&mut self, shard: ShardId, sql: &[u8]) -> Result<Result<Decoded, ServerError>, Failure> {
        let group = self.snapshot.group(shard);
        if let Some(at) = self.held_for(group, Reads::Primary) {
            self.may_stay(at, false).await?;
            let state = self.state.clone();
            let answer = ask_on(&mut self.held[at].lease, &state, sql).await;
            if answer.is_err() {
                // Part of a reply may still be on its way; what the session had there is lost.
                drop(self.held.swap_remove(at));
            }
            return answer;
        }
        let pool = self.serving_pool(group, false, Reads::Primary).await?;
        let mut retried = false;
        loop {
            let mut lease = self.acquire(&pool, retried).await?;
            let state = self.state.clone();
            match ask_on(&mut lease, &state, sql).await {
                Ok(answer) => {
                    give_back(lease).await;
                    return Ok(answer);
                }
                Err(_) if !retried => {
                    self.proxy.metrics.retries.increment(1);
                    retried = true;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// COM_FIELD_LIST: to a shard that has the table.
    pub(super) async fn field_list(&mut self, incoming: &mut Incoming) -> Served {
        if !self.refresh_dialect().await? {
            return Ok(());
        }
        let Ok(Command::FieldList { table, .. }) = command::parse(incoming.payload(), self.client.capabilities) else {
            return self.refuse_malformed("COM_FIELD_LIST").await;
        };
        let name = String::from_utf8_lossy(table).into_owned();
        let Some(index) = self.database_index() else {
            return self.answer_error(1046, b"3D000", "No database selected").await.map(drop);
        };
        let database = &self.snapshot.map.databases[index];
        if database.physical(&name).is_some() {
            let text =
                format!("Meridian: COM_FIELD_LIST of {name}, which has another name on its servers, is not served");
            return self.answer_error(1235, b"42000", &text).await.map(drop);
        }
        let shard = match database.tables.get(&name) {
            Some(Table::Vertical(shard)) => Some(*shard),
            Some(Table::Everywhere(copies)) => Some(copies.from()),
            Some(Table::Split(split)) => Some(split.first()),
            None => database.unlisted,
        };
        let Some(shard) = shard else {
            let text = format!("Table '{}.{name}' doesn't exist", database.name);
            return self.answer_error(1146, b"42S02", &text).await.map(drop);
        };
        let Some(bytes) = incoming.packet() else {
            return self.refuse_malformed("COM_FIELD_LIST").await;
        };
        let facts = Facts {
            verb: Verb::Show(ShowKind::Columns),
            access: Access::Read,
            implicit_commit: false,
            flags: Flags::NONE,
        };
        let job = Job {
            shard,
            facts: &facts,
            tables: false,
            reads: Reads::Primary,
            shape: Shape::plain(Expect::FieldList),
            work: Work::Bytes(bytes),
        };
        self.run_single(job).await.map(drop)
    }

    /// SHOW WARNINGS when the connection of the previous statement cannot be asked. `None`: it can.
    pub(super) async fn diagnostics(&mut self, statement: &Statement, more: bool) -> Served<Option<Outcome>> {
        if !matches!(statement.facts.verb, Verb::Show(ShowKind::Warnings | ShowKind::Errors)) {
            return Ok(None);
        }
        match self.before.diagnostics.clone() {
            Diagnostics::None => Ok(None),
            Diagnostics::Gathered(warnings) if self.scratch.normalized().eq_ignore_ascii_case(b"SHOW WARNINGS") => {
                let mut rows = diagnostics_result();
                for row in warnings.iter() {
                    rows.row(&row.iter().map(Option::as_deref).collect::<Vec<_>>());
                }
                let outcome = self.send_rows(&rows, more).await?;
                self.before.diagnostics = Diagnostics::Gathered(warnings);
                Ok(Some(outcome))
            }
            // Its prelude refuses it.
            Diagnostics::Gathered(_) => Ok(None),
            Diagnostics::Ours(error) if self.scratch.normalized().contains(&b'(') => {
                // SHOW COUNT(*) WARNINGS, SHOW COUNT(*) ERRORS
                let mut rows = TextResult::new(vec![Column::integer("count")]);
                rows.row(&[Some(b"1")]);
                let outcome = self.send_rows(&rows, more).await?;
                self.before.diagnostics = Diagnostics::Ours(error);
                Ok(Some(outcome))
            }
            Diagnostics::Ours(error) => {
                let mut rows = diagnostics_result();
                rows.row(&[Some(b"Error"), Some(error.code.to_string().as_bytes()), Some(&error.message)]);
                let outcome = self.send_rows(&rows, more).await?;
                self.before.diagnostics = Diagnostics::Ours(error);
                Ok(Some(outcome))
            }
            Diagnostics::On(place) => {
                if self.held.iter().any(|held| held.lease.id == place.connection) {
                    return Ok(None);
                }
                if let Some(lease) = place.pool.acquire_same(place.connection) {
                    let untouched = self.before.was_here(&lease);
                    lease.release();
                    if untouched {
                        return Ok(None);
                    }
                }
                let plain = self.scratch.normalized().eq_ignore_ascii_case(b"SHOW WARNINGS");
                match self.kept(&place).await {
                    Kept::Warnings(bytes) if plain && !more && self.client.sequence == 1 => {
                        let handle = self.registered.handle.clone();
                        self.client.send(&bytes, &handle).await?;
                        Ok(Some(Outcome::Done))
                    }
                    _ => Ok(None),
                }
            }
        }
    }

    /// What became of something that a connection owes this session; waits for one that is just being handed over.
    async fn kept(&self, place: &Place) -> Kept {
        let bound = Duration::from_millis(place.pool.options.wait_ms_max);
        timer::timeout(bound, place.kept.settled()).await.unwrap_or_default()
    }

    /// The session's LAST_INSERT_ID(), fetched from where it is; `None` if it is lost. `here`: a connection that is about
    /// to be used; it may be the one.
    pub(super) async fn last_insert_id(&mut self, mut here: Option<&mut Lease>) -> Option<u64> {
        loop {
            let place = match &self.before.last_insert_id {
                LastInsertId::Zero => return Some(0),
                LastInsertId::Known(value) => return Some(*value),
                LastInsertId::On(inserted) => inserted.place.clone(),
            };
            let is_here = here.as_ref().is_some_and(|lease| lease.id == place.connection);
            let value = self.last_insert_id_at(&place, here.as_deref_mut()).await?;
            let LastInsertId::On(inserted) = &mut self.before.last_insert_id else {
                continue;
            };
            if !inserted.is_own(value) {
                self.before.last_insert_id = *std::mem::take(&mut inserted.earlier);
            } else if is_here && place.kept.now() == Kept::There {
                inserted.sure = true;
                return Some(value);
            } else {
                self.before.last_insert_id = LastInsertId::Known(value);
            }
        }
    }

    /// What LAST_INSERT_ID() is on a connection, or was when another session took it over.
    async fn last_insert_id_at(&mut self, place: &Place, here: Option<&mut Lease>) -> Option<u64> {
        match place.kept.now() {
            Kept::LastInsertId(value) => Some(value),
            Kept::There => {
                if let Some(lease) = here.filter(|lease| lease.id == place.connection) {
                    ask_last_insert_id(lease).await
                } else if let Some(held) = self.held.iter_mut().find(|held| held.lease.id == place.connection) {
                    ask_last_insert_id(&mut held.lease).await
                } else if let Some(mut lease) = place.pool.acquire_same(place.connection) {
                    let value = ask_last_insert_id(&mut lease).await;
                    if value.is_some() {
                        lease.release();
                    }
                    value
                } else {
                    match self.kept(place).await {
                        Kept::LastInsertId(value) => Some(value),
                        _ => None,
                    }
                }
            }
            _ => None,
        }
    }

    /// The text with this session's own id in the place of CONNECTION_ID(): a server would answer with its own. `None`:
    /// nothing can stand in its place.
    pub(super) fn with_connection_id<'a>(&self, text: &'a [u8], statement: &Statement) -> Option<Cow<'a, [u8]>> {
        if !statement.facts.flags.contains(Flags::CONNECTION_ID) {
            return Some(Cow::Borrowed(text));
        }
        // A definition would keep the number.
        if matches!(statement.facts.verb, Verb::Create(_) | Verb::Alter(_) | Verb::Block) {
            return None;
        }
        let calls = sql::connection_ids(text, &self.dialect).ok()??;
        let id = self.registered.handle.id;
        let with: Vec<Vec<u8>> =
            calls.iter().map(|call| own_id(id, call.column, &text[call.start..call.end])).collect();
        let edits: Vec<Edit<'_>> =
            calls.iter().zip(&with).map(|(call, with)| Edit { start: call.start, end: call.end, with }).collect();
        let mut out = Vec::with_capacity(text.len() + 32);
        sql::splice(text, &edits, &mut out)?;
        Some(Cow::Owned(out))
    }

    pub(super) async fn refuse_connection_id(&mut self) -> Served<Outcome> {
        let text = "Meridian: CONNECTION_ID() is not served in definitions, blocks and prepared statements, nor are \
                    @@pseudo_thread_id and PS_CURRENT_THREAD_ID(): a server would answer with its own number; use \
                    SELECT CONNECTION_ID()";
        self.answer_error(1235, b"42000", text).await
    }
}

/// What SHOW WARNINGS answers, without rows.
fn diagnostics_result() -> TextResult {
    TextResult::new(vec![Column::text("Level", 7), Column::integer("Code"), Column::text("Message", 512)])
}

/// What stands in the place of `call`.
fn own_id(id: u32, column: bool, call: &[u8]) -> Vec<u8> {
    let mut with = format!("CAST({id} AS UNSIGNED)").into_bytes();
    if column {
        // The column keeps the name that a server gives it.
        with.extend_from_slice(b" AS `");
        with.extend(call.iter().filter(|byte| **byte != b'`'));
        with.push(b'`');
    }
    with
}

/// Whether SHOW TABLES takes this name from this shard.
fn is_shown_from(database: &Database, table: &str, shard: ShardId) -> bool {
    match database.tables.get(table) {
        Some(Table::Vertical(home)) => *home == shard,
        Some(Table::Everywhere(copies)) => copies.from() == shard,
        Some(Table::Split(split)) => split.first() == shard,
        None => database.unlisted == Some(shard),
    }
}

async fn ask_on(
    lease: &mut Lease,
    state: &std::sync::Arc<crate::session::State>,
    sql: &[u8],
) -> Result<Result<Decoded, ServerError>, Failure> {
    let mut prelude = Prelude::default();
    prelude.settle(lease);
    prelude.replay(lease, state);
    if !prelude.is_empty() {
        let mut out = Vec::new();
        prelude.encode(&mut out);
        lease.send(&out).await?;
        if let Err(rejected) = prelude.read(lease, state).await? {
            return Ok(Err(rejected.error));
        }
    }
    let mut payload = vec![command::code::QUERY];
    payload.extend_from_slice(sql);
    let reply = lease.call(&payload).await?;
    let deprecate_eof = lease.deprecate_eof();
    lease.uses += 1;
    decode_text(&reply.bytes, deprecate_eof).map(Ok).map_err(|malformed| lease.garbage(malformed.what))
}

async fn ask_last_insert_id(lease: &mut Lease) -> Option<u64> {
    match lease.query(b"SELECT LAST_INSERT_ID()").await.ok()? {
        Decoded::Rows(rows) => {
            let value = rows.rows.first()?.first()?.as_ref()?;
            std::str::from_utf8(value).ok()?.parse().ok()
        }
        _ => None,
    }
}
