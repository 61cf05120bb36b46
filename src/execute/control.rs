//! Statements about the session itself: transactions, SET, USE, KILL, LOCK TABLES.

use super::dialect::SYSTEM_SCHEMAS;
use super::{Outcome, Served, Session};
use crate::plan::{DatabaseId, Statement, Tables};
use crate::sql::{self, Access, Control, Facts, Flags, Scope, Verb};
use crate::telemetry::RefusalKind;
use std::sync::Arc;

impl Session {
    pub(super) async fn control(&mut self, text: &[u8], statement: &Statement, more: bool) -> Served<Outcome> {
        match statement.facts.verb {
            Verb::Prepare | Verb::Execute | Verb::Deallocate => return self.text_prepared(text, statement, more).await,
            Verb::Xa => {
                let text = "Meridian: XA transactions of clients are not served; use BEGIN and COMMIT";
                return self.answer_refusal(RefusalKind::Construct, text).await;
            }
            // A function that it calls may write.
            _ if statement.facts.access == Access::Write => {
                let home = self.snapshot.group(self.snapshot.home(self.database_index()));
                self.written.note(&self.snapshot.groups[usize::from(home.0)]);
            }
            _ => {}
        }
        let control = match sql::control(text, &self.dialect) {
            Ok(control) => control,
            Err(error) => {
                let message = format!("You have an error in your SQL syntax: {error}");
                return self.answer_error(1064, b"42000", &message).await;
            }
        };
        match control {
            Control::Begin { text, access, snapshot } => self.begin(text, access, snapshot, more).await,
            Control::Commit { chain, release } => {
                self.end(true, chain == Some(true), release == Some(true), more).await
            }
            Control::Rollback { chain, release } => {
                self.end(false, chain == Some(true), release == Some(true), more).await
            }
            Control::Savepoint(name) => self.savepoint(name, text, more).await,
            Control::RollbackTo(name) => self.roll_back_to(&name, text, more).await,
            Control::Release(name) => self.release_savepoint(&name, text, more).await,
            Control::Use(name) => self.use_database(&name, more).await,
            Control::Kill { query_only, id } => self.kill(id, query_only, more).await,
            Control::Set(assignments) => self.set(text, &assignments, statement.facts.flags, more).await,
            Control::SetTransaction { scope, text, characteristics } => match scope {
                None => self.set_next_transaction(text, more).await,
                Some(Scope::Session) => self.set_session_transaction(text, characteristics, more).await,
                Some(_) => self.refuse_global("SET GLOBAL TRANSACTION").await,
            },
            Control::LockTables { .. } | Control::UnlockTables => {
                self.lock_tables(text, statement.facts.verb, more).await
            }
        }
    }

    /// PREPARE, EXECUTE and DEALLOCATE as text. What they run is hidden in a string or a variable, so they are served
    /// only where there is one shard in all, for accounts that may use all of its databases.
    async fn text_prepared(&mut self, text: &[u8], statement: &Statement, more: bool) -> Served<Outcome> {
        if self.snapshot.map.shards.len() != 1 || self.account.databases.is_some() {
            let text = "Meridian: PREPARE and EXECUTE as text are served only where the map has one shard, to accounts of \
                        all databases; use prepared statements of the protocol (COM_STMT_PREPARE), as drivers do";
            return self.answer_refusal(RefusalKind::Construct, text).await;
        }
        if statement.facts.verb == Verb::Prepare && self.prepares_an_explanation(text) {
            return self.refuse_prepared_explanation().await;
        }
        let facts = Facts { access: Access::Write, ..statement.facts };
        Ok(self.relay_own(text, facts, more).await?.into())
    }

    /// USE and COM_INIT_DB: a name of the map, or a schema of the server itself.
    pub(super) async fn use_database(&mut self, name: &[u8], more: bool) -> Served<Outcome> {
        let name = String::from_utf8_lossy(name).into_owned();
        let known = self.snapshot.map.databases.iter().any(|database| database.name == name);
        let is_system = SYSTEM_SCHEMAS.iter().any(|schema| schema.eq_ignore_ascii_case(&name));
        if !known && is_system && self.snapshot.map.shards.len() > 1 && self.account.may_use(&name) {
            let text = format!(
                "Meridian: USE {name} is not served: each server has its own; write {name}.TABLE in a statement that a hint sends \
                 to one shard, /* meridian: shard=NAME */"
            );
            return self.answer_refusal(RefusalKind::Name, &text).await;
        }
        if !known && !is_system {
            let text = format!("Unknown database '{name}'");
            return self.answer_error(1049, b"42000", &text).await;
        }
        if !self.account.may_use(&name) {
            return self.deny_database(&name).await;
        }
        Arc::make_mut(&mut self.state).database = Some(name);
        self.forget_dialect();
        self.answer_ok(more).await
    }

    /// What of the statement the account may not use.
    pub(super) fn forbidden_of(&self, tables: &Tables) -> Option<String> {
        let beyond = tables.beyond.as_deref().filter(|_| self.account.databases.is_some());
        self.forbidden(&tables.databases).or_else(|| beyond.map(str::to_owned))
    }

    /// A database that the account may not use.
    pub(super) fn forbidden(&self, databases: &[DatabaseId]) -> Option<String> {
        self.account.databases.as_ref()?;
        databases
            .iter()
            .map(|id| &self.snapshot.map.databases[usize::from(id.0)].name)
            .find(|name| !self.account.may_use(name))
            .cloned()
    }

    pub(super) async fn deny_database(&mut self, name: &str) -> Served<Outcome> {
        self.proxy.metrics.refusals.of(RefusalKind::Name).increment(1);
        let text = format!("Access denied for user '{}' to database '{name}'", self.account.user);
        self.answer_error(1044, b"42000", &text).await
    }

    pub(super) async fn refuse_global(&mut self, what: &str) -> Served<Outcome> {
        self.proxy.metrics.refusals.of(RefusalKind::Server).increment(1);
        let text = format!(
            "Meridian: {what} changes one server for everybody and is not passed on; run it on each server, or set it for \
             this session with SET SESSION"
        );
        self.answer_error(1227, b"42000", &text).await
    }

    /// LOCK TABLES and UNLOCK TABLES outside a map's tables: `plan` gave these no shard of their own.
    async fn lock_tables(&mut self, text: &[u8], verb: Verb, more: bool) -> Served<Outcome> {
        if verb == Verb::Unlock && !self.held.iter().any(|held| held.pins.contains(super::held::Pins::TABLE_LOCK)) {
            return self.answer_ok(more).await;
        }
        if let Some(at) = self.held.iter().position(|held| held.pins.contains(super::held::Pins::TABLE_LOCK)) {
            let held = self.held.swap_remove(at);
            self.held.insert(0, held);
        }
        let facts = Facts { verb, access: Access::Read, implicit_commit: false, flags: Flags::NONE };
        Ok(self.relay_own(text, facts, more).await?.into())
    }
}
