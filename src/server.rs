//! Composition: from a configuration to a serving process, and its end.

mod load;
mod ownership;
mod reload;
mod watch;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::admin::Admin;
use crate::backend;
use crate::config::{self, Config};
use crate::execute::{self, Probes, Proxy, Stop, TimeLimits};
use crate::frontend::{self, Accounts, Frontend, LoginKey, User};
use crate::net::timer;
use crate::shard_map::{Family, ShardMap};
use crate::telemetry::{Metrics, Prometheus};
use crate::topology;
use load::Backends;
use ownership::{Keeper, Unsettled};
use reload::{Files, Reloader};

pub use load::{backend_account, read_accounts, read_map};
pub use reload::SetLevel;

/// Why the process does not start, or does not take up a changed file.
#[derive(Debug)]
pub enum StartFailure {
    /// A file that cannot be read.
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    /// Everything that is wrong with a file.
    Faults {
        path: PathBuf,
        faults: Vec<String>,
    },
    /// A sound file that may not follow the one in force.
    Change {
        path: PathBuf,
        why: String,
    },
    /// A map that is not what the groups have on record.
    Unsettled {
        path: PathBuf,
        why: Unsettled,
    },
    /// The groups turned out to have another map on record.
    Contradicted,
    /// TLS files or settings.
    Tls(String),
    Listen {
        address: SocketAddr,
        error: std::io::Error,
    },
    System(std::io::Error),
    Randomness,
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartFailure::Read { path, error } => write!(f, "{}: {error}", path.display()),
            StartFailure::Faults { path, faults } => {
                for (at, fault) in faults.iter().enumerate() {
                    let end = if at == 0 { "" } else { "\n" };
                    write!(f, "{end}{}:{fault}", path.display())?;
                }
                Ok(())
            }
            StartFailure::Change { path, why } => write!(f, "{}: {why}", path.display()),
            StartFailure::Unsettled { path, why } => write!(f, "{}: {why}", path.display()),
            StartFailure::Contradicted => f.write_str("the groups have another map on record; see the log"),
            StartFailure::Tls(text) => write!(f, "TLS: {text}"),
            StartFailure::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            StartFailure::System(error) => write!(f, "{error}"),
            StartFailure::Randomness => write!(f, "the system has no random bytes to give"),
        }
    }
}

impl std::error::Error for StartFailure {}

/// Reads the configuration file alone: logging is set up by it before anything else happens.
pub fn read_config(path: &Path) -> Result<Config, StartFailure> {
    Config::load(&load::read(path)?, path).map_err(|faults| load::faulty(path, &faults))
}

/// Serves until a signal, then drains. `path` is the configuration's; `set_level` changes what is logged.
pub async fn serve(config: Config, path: PathBuf, set_level: SetLevel) -> Result<(), StartFailure> {
    let (map, text) = load::read_map(&config)?;
    if let Some(region) = config.region.as_ref().filter(|region| !map.regions.contains(region)) {
        let there = map.regions.join(", ");
        let fault = format!(" region: the map has no region `{region}`; it has {there}");
        return Err(StartFailure::Faults { path, faults: vec![fault] });
    }
    let accounts = load::read_accounts(&config)?;
    let unknown = load::unknown_databases(&map, &accounts);
    if !unknown.is_empty() {
        return Err(StartFailure::Faults { path: config.accounts.clone(), faults: unknown });
    }
    let mut backends = Backends::default();
    let users = backends.users(&config, &accounts)?;
    let probe_account = backends.of_probes(&config, &accounts)?;
    let tls = load::tls(&config)?;
    let mut dummy = Zeroizing::new([0u8; 32]);
    getrandom::fill(dummy.as_mut_slice()).map_err(|_| StartFailure::Randomness)?;

    let recorder = Prometheus::default();
    let metrics = Arc::new(Metrics::register(&recorder));
    let proxy = Arc::new(Proxy::new(map, execute_options(&config), metrics));
    proxy.probe_account.store(probe_account);
    proxy.accounts.store(Arc::new(load::accounts_of(&users)));
    proxy.unready.store(Some(Arc::new("it starts".into())));
    // Before servers are asked, which takes its time when they are dead: without it SIGTERM would be lost in a container.
    let mut terminate = signal(SignalKind::terminate()).map_err(StartFailure::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartFailure::System)?;
    let draining = CancellationToken::new();
    // Members are watched and pages served before clients are, and during the drain as well.
    let last = LastTasks { tasks: TaskTracker::new(), stop: CancellationToken::new() };
    let watch = proxy.clone().watch(last.tasks.clone(), last.stop.clone());
    last.tasks.spawn(watch);
    if let Some(settings) = &config.admin {
        let pages = Admin { proxy: proxy.clone(), recorder, draining: draining.clone() };
        last.serve(pages, settings.listen)?;
    }
    let mut keeper = Keeper::new(&config, proxy.clone(), &text);
    let contradicted = keeper.contradicted.clone();
    tokio::select! {
        () = keeper.begin(&config) => {}
        _ = terminate.recv() => return last.end().await,
        _ = interrupt.recv() => return last.end().await,
    }
    let version = match &config.server_version {
        Some(version) => Some(version.clone()),
        None => server_version(&proxy, &users).await,
    };
    let unanswered = version.is_none().then(|| users.clone());
    let version = version.unwrap_or_else(|| family_version(&proxy.snapshot.load().map));
    let frontend = Arc::new(Frontend {
        proxy: proxy.clone(),
        accounts: ArcSwap::from_pointee(Accounts::new(users, dummy.as_slice())),
        key: LoginKey::default(),
        tls: ArcSwap::from_pointee(tls),
        version: ArcSwap::from_pointee(version),
        options: frontend::Options {
            connections_max: config.limits.connections_max as usize,
            user_connections_max: config.limits.user_connections_max as usize,
            login_timeout: Duration::from_millis(config.limits.login_timeout_ms),
            login_bytes_max: bytes(config.limits.login_bytes_max),
            require_tls: config.tls.as_ref().is_some_and(|tls| tls.require),
        },
    });

    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    for address in &config.listen {
        let listener = listen(*address, config.listen_shared)?;
        let address = listener.local_addr().map_err(StartFailure::System)?;
        tracing::info!(%address, "listening");
        tasks.spawn(frontend.clone().accept(listener, tasks.clone(), stop.clone()));
    }
    tasks.spawn(reap(proxy.clone(), stop.clone()));
    tasks.spawn(keep_warm(proxy.clone(), stop.clone()));
    if let Some(users) = unanswered {
        tracing::warn!(version = %frontend.version.load(), "no server answered at start; greets like this until one does");
        tasks.spawn(learn_version(frontend.clone(), users, stop.clone()));
    }
    // Not a task of the drain: while sessions end it goes on.
    let watcher = tokio::spawn(execute::end_overdue(proxy.registry.clone(), time_limits(&config)));
    let files = Files { path, dummy, backends, set_level };
    let hangup = signal(SignalKind::hangup()).map_err(StartFailure::System)?;
    tasks.spawn(Reloader::new(config.clone(), files, &accounts, frontend.clone(), keeper).run(hangup, stop.clone()));
    proxy.unready.store(None);
    tracing::info!("ready");

    tokio::select! {
        () = contradicted.cancelled() => tracing::error!("ending: rows may have other owners than this map says"),
        _ = terminate.recv() => {
            draining.cancel();
            if let Some(accept_ms) = config.drain.accept_ms {
                tracing::info!(accept_ms, "SIGTERM: not ready; new clients are served for a while");
                tokio::select! {
                    () = timer::sleep(Duration::from_millis(accept_ms)) => {}
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            tracing::info!("SIGTERM: draining");
        }
        _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
    }
    draining.cancel();
    stop.cancel();
    tasks.close();
    drain(&proxy, &tasks, &config.drain).await;
    watcher.abort();
    last.end().await?;
    match contradicted.is_cancelled() {
        true => Err(StartFailure::Contradicted),
        false => Ok(()),
    }
}

/// What begins before the sessions and ends after them: the watch over the members, the admin's listener and its connections.
struct LastTasks {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl LastTasks {
    fn serve(&self, pages: Admin, address: SocketAddr) -> Result<(), StartFailure> {
        let listener = listen(address, false)?;
        let address = listener.local_addr().map_err(StartFailure::System)?;
        tracing::info!(%address, "serving /metrics, /healthz, /readyz and /status");
        self.tasks.spawn(Arc::new(pages).accept(listener, self.tasks.clone(), self.stop.clone()));
        Ok(())
    }

    /// Each request is bounded; who asks at the very end is not waited for longer than others are.
    async fn end(self) -> Result<(), StartFailure> {
        self.stop.cancel();
        self.tasks.close();
        let _ = timer::timeout(Duration::from_secs(1), self.tasks.wait()).await;
        Ok(())
    }
}

fn listen(address: SocketAddr, shared: bool) -> Result<TcpListener, StartFailure> {
    frontend::bind(address, shared).map_err(|error| StartFailure::Listen { address, error })
}

/// Sessions end where they stand between statements and transactions; at the hard limit wherever they are.
async fn drain(proxy: &Proxy, tasks: &TaskTracker, limits: &config::Drain) {
    proxy.registry.stop_all(Stop::Drain);
    let hard = Duration::from_millis(limits.hard_ms);
    if timer::timeout(hard, tasks.wait()).await.is_ok() {
        tracing::info!("drained");
        return;
    }
    tracing::warn!(sessions = proxy.registry.len(), "drain.hard_ms passed: remaining sessions are closed");
    proxy.registry.stop_all(Stop::Shutdown);
    if timer::timeout(Duration::from_secs(5), tasks.wait()).await.is_err() {
        tracing::warn!(sessions = proxy.registry.len(), "sessions did not end; leaving anyway");
    }
}

/// Closes idle server connections that are past their age, until the end.
async fn reap(proxy: Arc<Proxy>, stop: CancellationToken) {
    let mut every = timer::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => proxy.reap(),
        }
    }
}

/// Keeps as many connections open as are to be, until the end.
async fn keep_warm(proxy: Arc<Proxy>, stop: CancellationToken) {
    let mut every = timer::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = proxy.warm() => {}
        }
    }
}

fn execute_options(config: &Config) -> execute::Options {
    let limits = &config.limits;
    execute::Options {
        pool: pool_options(config),
        packet_bytes_max: bytes(limits.packet_bytes_max),
        prepared_statements_max: limits.prepared_statements_max as usize,
        long_data_bytes_max: bytes(limits.long_data_bytes_max),
        session_variables_max: limits.session_variables_max as usize,
        session_state_bytes_max: bytes(limits.session_state_bytes_max),
        plan_cache_bytes_max: limits.plan_cache_bytes_max,
        client_stall: Duration::from_millis(limits.client_stall_ms_max),
        result_bytes_max: limits.result_bytes_max.map_or(usize::MAX, bytes),
        probe: Probes {
            timeout: Duration::from_millis(config.probe.timeout_ms),
            delays: topology::Options {
                interval: Duration::from_millis(config.probe.interval_ms),
                backoff_max: Duration::from_millis(config.probe.backoff_ms_max),
                lag_max: Duration::from_millis(config.probe.lag_ms_max),
            },
        },
        primary_wait: Duration::from_millis(limits.primary_wait_ms_max),
        region: config.region.clone(),
    }
}

pub fn pool_options(config: &Config) -> backend::Options {
    let limits = &config.limits;
    backend::Options {
        connections_min: limits.pool_connections_min.map_or(0, |kept| kept as usize),
        connections_max: limits.pool_connections_max as usize,
        waiting_max: limits.pool_waiting_max as usize,
        wait_ms_max: limits.pool_wait_ms_max,
        idle_ms_max: limits.pool_idle_ms_max,
        age_ms_max: limits.pool_age_ms_max,
        connect_ms_max: limits.backend_connect_ms_max,
    }
}

fn time_limits(config: &Config) -> TimeLimits {
    let limits = &config.limits;
    TimeLimits {
        idle: Some(Duration::from_millis(limits.idle_ms_max)),
        transaction_idle: limits.transaction_idle_ms_max.map(Duration::from_millis),
        transaction: limits.transaction_ms_max.map(Duration::from_millis),
        statement: limits.statement_ms_max.map(Duration::from_millis),
        slow: config.log.slow_ms.map(Duration::from_millis),
    }
}

fn bytes(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// What the greeting says until a server has answered.
fn family_version(map: &ShardMap) -> String {
    let version = match map.databases.first().map(|database| database.family) {
        Some(Family::MySql) | None => "8.0.0",
        Some(Family::MariaDb) => "5.5.5-10.6.0-MariaDB",
    };
    format!("{version}-meridian")
}

/// What the greeting says if it is not configured: the version of the first server that answers.
async fn server_version(proxy: &Proxy, users: &[User]) -> Option<String> {
    let snapshot = proxy.snapshot.load_full();
    let user = users.first()?;
    for member in snapshot.groups.iter().flat_map(|group| group.standing().members.clone()) {
        if let Ok(facts) = proxy.pool(&member, &user.account.backend).probe().await {
            return Some(facts.greeting());
        }
    }
    None
}

/// Asks until a server has answered.
async fn learn_version(frontend: Arc<Frontend>, users: Vec<User>, stop: CancellationToken) {
    let mut every = timer::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        if let Some(version) = server_version(&frontend.proxy, &users).await {
            tracing::info!(version, "greets as the first server that answered");
            frontend.version.store(Arc::new(version));
            return;
        }
    }
}
