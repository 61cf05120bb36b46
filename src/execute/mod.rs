//! The life of a command: read, planned, routed, run on a leased connection, relayed.
//!
//! `Session::run` is one client's whole conversation after its login. A command keeps the snapshot (map and plans) it
//! began with. Text statements are in `text.rs`, prepared ones in `prepared.rs`; both end in `single.rs`, which runs
//! one statement on one shard. What the session itself answers is in `control.rs`, `set.rs`, `transaction.rs`,
//! `kill.rs`, `hint.rs`, `explain.rs` and `show.rs`.
//!
//! Invariant: a client's error ends its statement, never another session's; a connection whose state is in doubt is
//! closed, never pooled.

mod attempt;
mod before;
mod client;
mod clock;
mod control;
mod dialect;
mod digest;
mod explain;
mod held;
mod hint;
mod kill;
mod other_names;
mod overdue;
mod pinned;
mod place;
mod plan_cache;
mod prelude;
mod prepared;
mod progress;
mod proxy;
mod registry;
mod relay;
mod remembered;
mod scatter;
mod set;
mod settle;
mod show;
mod single;
mod text;
mod together;
mod transaction;
mod values;
mod views;
mod watch;
mod written;

use std::sync::Arc;

pub use client::{Client, Gone, Incoming};
pub use digest::Planned;
pub use overdue::end_overdue;
pub use plan_cache::{PlanCache, Scope};
pub use progress::TimeLimits;
pub use proxy::{Account, Options, Probes, Proxy, Snapshot};
pub use registry::{Registered, Registry, SessionHandle, Stop};
pub use views::{Cell, Listing};

use crate::session::{State, Transaction};
use crate::shard_map::ShardId;
use crate::sql::{Dialect, Flavor, Scratch};
use crate::telemetry::{Class, RefusalKind};
use crate::wire::command::{self, Command};
use crate::wire::{capability, reply, status};
use before::Before;
use held::Held;
use pinned::Pinned;
use place::Pools;
use prepared::Statements;
use progress::Phase;
use written::Written;

/// Why a session ended, when it is not to be closed at once.
#[derive(Debug)]
pub enum Ended {
    /// COM_QUIT, or the connection broke, or it was stopped.
    Closed(Option<Gone>),
    /// COM_CHANGE_USER: everything of the session is gone; whoever does logins goes on with this payload.
    ChangeUser(Box<[u8]>),
}

/// One logged-in client.
pub struct Session {
    proxy: Arc<Proxy>,
    snapshot: Arc<Snapshot>,
    /// The proxy's epoch when `snapshot` was taken.
    epoch: u64,
    client: Client,
    registered: Registered,
    account: Arc<Account>,
    /// As the login asked; what RESET_CONNECTION goes back to on MariaDB.
    collation: u16,
    state: Arc<State>,
    dialect: Dialect,
    /// `dialect` is that of `state`.
    dialect_known: bool,
    /// What the plan cache knows the current database by; computed when asked for.
    scope: Option<u32>,
    scratch: Box<Scratch>,
    /// Connections kept between statements: transactions and pins.
    held: Vec<Held>,
    pinned: Pinned,
    transaction: Option<Transaction>,
    /// `SET TRANSACTION ...`, which is for the next transaction only.
    next_transaction: Vec<Vec<u8>>,
    before: Before,
    /// Where the previous statement ran: statements about it go there.
    last_shard: Option<ShardId>,
    statements: Statements,
    /// The account's pools, filled as they are used; those of `epoch`.
    pools: Pools,
    /// Groups that were written.
    written: Written,
    multi_statements: bool,
    /// The shard of `SET meridian_shard`.
    hinted: Option<Box<str>>,
    /// What a query attribute of the command that is served says of it.
    attributed: hint::Attributed,
}

/// How a command went.
pub(crate) type Served<T = ()> = Result<T, Ended>;

impl From<Gone> for Ended {
    fn from(gone: Gone) -> Self {
        Ended::Closed(Some(gone))
    }
}

/// One statement's outcome, as far as its packet is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The client was told an error: statements behind it are not run.
    Failed,
}

impl Session {
    pub fn new(
        proxy: Arc<Proxy>,
        client: Client,
        registered: Registered,
        account: Arc<Account>,
        collation: u16,
        database: Option<String>,
    ) -> Self {
        registered.handle.set_user(&account.user);
        registered.handle.progress.enter(Phase::Idle);
        let multi_statements = client.has(capability::MULTI_STATEMENTS);
        let (epoch, snapshot) = proxy.current();
        registered.handle.set_map(snapshot.number);
        Session {
            epoch,
            snapshot,
            pinned: Pinned::new(proxy.metrics.clone()),
            proxy,
            client,
            registered,
            account,
            collation,
            state: Arc::new(State::new(collation, database)),
            dialect: Dialect::new(Flavor::MySql, 0),
            dialect_known: false,
            scope: None,
            scratch: Box::default(),
            held: Vec::new(),
            transaction: None,
            next_transaction: Vec::new(),
            before: Before::default(),
            last_shard: None,
            statements: Statements::default(),
            pools: Pools::default(),
            written: Written::default(),
            multi_statements,
            hinted: None,
            attributed: Ok(None),
        }
    }

    /// Gives the socket back: for a login by COM_CHANGE_USER, or to be closed.
    pub fn into_parts(self) -> (Client, Registered) {
        (self.client, self.registered)
    }

    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Serves commands until the client leaves. The session's connections are given back before this returns.
    pub async fn run(&mut self) -> Ended {
        let ended = loop {
            if let Err(ended) = self.command().await {
                break ended;
            }
        };
        self.leave().await;
        ended
    }

    async fn command(&mut self) -> Served {
        let mut incoming = if self.held.is_empty() {
            self.client.next(&self.registered.handle, self.transaction.is_none()).await?
        } else {
            single::wait_holding(self).await?
        };
        self.registered.handle.progress.enter(Phase::Running);
        self.snapshot_for_command();
        let is_query = incoming.payload().first() == Some(&command::code::QUERY);
        let mut taken = Ok(());
        if self.client.has(capability::QUERY_ATTRIBUTES) {
            self.attributed = Ok(None);
            if is_query {
                taken = self.take_attributes(&mut incoming);
            }
        }
        // A COM_QUERY goes its own way: it is what most commands are, and its packet is relayed as it is.
        let served = match taken {
            Err(malformed) => self.refuse_malformed(malformed.what).await,
            Ok(()) if is_query => self.query(&mut incoming).await,
            Ok(()) => self.dispatch(&mut incoming).await,
        };
        self.note_pins();
        self.client.finish(incoming);
        let phase = if self.in_transaction() { Phase::InTransaction } else { Phase::Idle };
        self.registered.handle.progress.enter(phase);
        served
    }

    fn snapshot_for_command(&mut self) {
        if self.epoch != self.proxy.epoch() {
            self.pools.clear();
            if self.held.is_empty() {
                (self.epoch, self.snapshot) = self.proxy.current();
                self.registered.handle.set_map(self.snapshot.number);
                self.forget_dialect();
            }
        }
    }

    async fn dispatch(&mut self, incoming: &mut Incoming) -> Served {
        let parsed = match command::parse(incoming.payload(), self.client.capabilities) {
            Ok(parsed) => parsed,
            Err(malformed) => {
                tracing::warn!(session = self.registered.handle.id, what = malformed.what, "malformed command");
                return self.refuse_malformed(malformed.what).await;
            }
        };
        match parsed {
            Command::Quit => Err(Ended::Closed(None)),
            Command::Query(_) => self.query(incoming).await,
            Command::InitDb(name) => {
                let name = name.to_vec();
                self.use_database(&name, false).await.map(drop)
            }
            Command::Ping => self.answer_ok(false).await.map(drop),
            Command::Statistics => self.statistics().await,
            Command::SetOption(option) => self.set_option(option).await,
            Command::FieldList { .. } => self.field_list(incoming).await,
            Command::ProcessKill(id) => self.kill(u64::from(id), false, false).await.map(drop),
            Command::ResetConnection => self.reset_connection().await,
            Command::ChangeUser(_) => {
                self.leave().await;
                Err(Ended::ChangeUser(incoming.payload().into()))
            }
            Command::Prepare(_) => self.prepare(incoming).await,
            Command::Execute(_) => self.execute(incoming).await,
            Command::SendLongData { statement, param, data } => self.long_data(statement, param, data).await,
            Command::StmtReset(id) => self.statement_reset(id).await,
            Command::StmtClose(id) => self.statement_close(id).await,
            Command::StmtFetch { statement, rows } => self.fetch(statement, rows).await,
            Command::Other(code) => {
                let text = format!("Meridian: command {code} of the protocol is not served");
                self.answer_error(1047, b"08S01", &text).await.map(drop)
            }
        }
    }

    /// The database of the session in the map, if it is one of the map's.
    fn database_index(&self) -> Option<usize> {
        self.index_of(self.state.database.as_deref())
    }

    fn index_of(&self, database: Option<&str>) -> Option<usize> {
        let name = database?;
        self.snapshot.map.databases.iter().position(|database| database.name == name)
    }

    /// The status flags of a reply of our own.
    fn status(&self, more: bool) -> u16 {
        let mut flags = 0;
        if self.state.autocommit() {
            flags |= status::AUTOCOMMIT;
        }
        if self.transaction.as_ref().is_some_and(|held| held.opening.is_some())
            || self.held.iter().any(|h| h.in_transaction)
        {
            flags |= status::IN_TRANS;
            if self.transaction.as_ref().is_some_and(Transaction::is_read_only) {
                flags |= status::IN_TRANS_READONLY;
            }
        }
        if self.dialect.no_backslash_escapes {
            flags |= status::NO_BACKSLASH_ESCAPES;
        }
        if self.dialect.ansi_quotes && self.dialect.family == Flavor::MariaDb {
            flags |= status::ANSI_QUOTES;
        }
        if more {
            flags |= status::MORE_RESULTS;
        }
        flags
    }

    pub(crate) async fn answer_ok(&mut self, more: bool) -> Served<Outcome> {
        self.before.answered_ok();
        let flags = self.status(more);
        self.client.ok(flags).await?;
        Ok(Outcome::Done)
    }

    pub(crate) async fn answer_error(&mut self, code: u16, sqlstate: &[u8; 5], text: &str) -> Served<Outcome> {
        let error = reply::ServerError { code, sqlstate: *sqlstate, message: text.as_bytes().to_vec() };
        self.before.answered_error(error);
        self.client.error(code, sqlstate, text).await?;
        Ok(Outcome::Failed)
    }

    /// Tells the client what the session will not do for it.
    pub(crate) async fn answer_refusal(&mut self, kind: RefusalKind, text: &str) -> Served<Outcome> {
        self.proxy.metrics.refusals.of(kind).increment(1);
        self.answer_error(1235, b"42000", text).await
    }

    /// Counts a statement; once, where it is decided who answers it.
    fn count(&self, class: Class) {
        self.proxy.metrics.statements.of(class).increment(1);
    }

    async fn refuse_malformed(&mut self, what: &str) -> Served {
        let text = format!("Malformed communication packet ({what})");
        self.answer_error(1835, b"HY000", &text).await.map(drop)
    }

    async fn statistics(&mut self) -> Served {
        let text = format!(
            "Uptime: {}  Threads: {}  Plans: {}",
            self.proxy.started.elapsed().as_secs(),
            self.proxy.registry.len(),
            self.snapshot.plans.len()
        );
        self.client.reply(text.as_bytes()).await?;
        Ok(())
    }

    async fn set_option(&mut self, option: u16) -> Served {
        match option {
            command::OPTION_MULTI_STATEMENTS_ON => self.multi_statements = true,
            command::OPTION_MULTI_STATEMENTS_OFF => self.multi_statements = false,
            _ => return self.answer_error(1047, b"08S01", "Unknown command").await.map(drop),
        }
        let flags = self.status(false);
        if self.client.has(capability::DEPRECATE_EOF) {
            // An OK under the header of an EOF, as servers answer here.
            let mut payload = reply::ok(0, 0, flags, 0, b"");
            payload[0] = 0xFE;
            self.client.reply(&payload).await?;
        } else {
            self.client.reply(&reply::eof(flags, 0)).await?;
        }
        Ok(())
    }

    /// COM_RESET_CONNECTION: as after a new login, but for the database, and on MySQL for the charset, which is the
    /// server's own then. (On MariaDB it is the login's. Tried on both.)
    async fn reset_connection(&mut self) -> Served {
        self.leave().await;
        let database = self.state.database.clone();
        self.state = Arc::new(State::new(self.collation, database));
        self.statements = Statements::default();
        self.hinted = None;
        self.before = Before::default();
        self.multi_statements = self.client.has(capability::MULTI_STATEMENTS);
        self.forget_dialect();
        if !self.refresh_dialect().await? {
            return Ok(());
        }
        if self.dialect.family == Flavor::MySql {
            let home = self.snapshot.group(self.snapshot.home(self.database_index()));
            let names = self.pool(home).member.facts().map_or("NAMES DEFAULT".to_owned(), |facts| facts.names.clone());
            Arc::make_mut(&mut self.state).set_charset(names.into_bytes());
            self.forget_dialect();
            if !self.refresh_dialect().await? {
                return Ok(());
            }
        }
        self.answer_ok(false).await.map(drop)
    }
}
