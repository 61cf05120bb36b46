//! Composition: from a configuration to a serving process, and its end.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use crate::admin::Admin;
use crate::backend::{self, BackendAccount, BackendTls, Credentials, TlsMode, Trust};
use crate::config::{self, BackendTlsMode, Config, Databases};
use crate::execute::{self, Account, Proxy, Stop};
use crate::frontend::{self, Accounts, Frontend, LoginKey, User};
use crate::net::timer;
use crate::shard_map::{GroupId, ShardMap};
use crate::telemetry::{Metrics, Prometheus};

/// Why the process does not start.
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
    Config::load(&read(path)?, path).map_err(|faults| StartFailure::Faults {
        path: path.to_path_buf(),
        faults: faults.iter().map(ToString::to_string).collect(),
    })
}

fn read(path: &Path) -> Result<Zeroizing<String>, StartFailure> {
    config::text(path).map_err(|error| StartFailure::Read { path: path.to_path_buf(), error })
}

/// Reads the map that the configuration names.
pub fn read_map(config: &Config) -> Result<ShardMap, StartFailure> {
    ShardMap::load(&read(&config.map)?).map_err(|faults| StartFailure::Faults {
        path: config.map.clone(),
        faults: faults.iter().map(ToString::to_string).collect(),
    })
}

/// Reads the accounts file that the configuration names.
pub fn read_accounts(config: &Config) -> Result<config::Accounts, StartFailure> {
    config::Accounts::load(&read(&config.accounts)?, &config.accounts).map_err(|faults| StartFailure::Faults {
        path: config.accounts.clone(),
        faults: faults.iter().map(ToString::to_string).collect(),
    })
}

/// Serves until a signal, then drains.
pub async fn serve(config: Config) -> Result<(), StartFailure> {
    let map = read_map(&config)?;
    let accounts = read_accounts(&config)?;
    unknown_databases(&config, &map, &accounts)?;
    let users = users(&config, &accounts)?;
    let tls = match &config.tls {
        None => None,
        Some(tls) => {
            let made = frontend::server_tls(&tls.certificate, &tls.key, tls.client_ca.as_deref());
            Some(TlsAcceptor::from(made.map_err(StartFailure::Tls)?))
        }
    };
    let mut dummy = Zeroizing::new([0u8; 32]);
    getrandom::fill(dummy.as_mut_slice()).map_err(|_| StartFailure::Randomness)?;

    let recorder = Prometheus::default();
    let metrics = Arc::new(Metrics::register(&recorder));
    let proxy = Arc::new(Proxy::new(map, execute_options(&config), metrics));
    let version = server_version(&config, &proxy, &users).await;
    let frontend = Arc::new(Frontend {
        proxy: proxy.clone(),
        accounts: ArcSwap::from_pointee(Accounts::new(users, dummy.as_slice())),
        key: LoginKey::default(),
        tls: ArcSwap::from_pointee(tls),
        version: ArcSwap::from_pointee(version),
        options: frontend::Options {
            connections_max: config.limits.connections_max as usize,
            login_timeout: Duration::from_millis(config.limits.login_timeout_ms),
            login_bytes_max: bytes(config.limits.login_bytes_max),
            require_tls: config.tls.as_ref().is_some_and(|tls| tls.require),
        },
    });

    let mut terminate = signal(SignalKind::terminate()).map_err(StartFailure::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartFailure::System)?;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    for address in &config.listen {
        let listener = listen(*address)?;
        let address = listener.local_addr().map_err(StartFailure::System)?;
        tracing::info!(%address, "listening");
        tasks.spawn(frontend.clone().accept(listener, tasks.clone(), stop.clone()));
    }
    tasks.spawn(reap(proxy.clone(), stop.clone()));
    // Its pages are served during the drain as well, so it ends after all others.
    let admin = AdminTasks { tasks: TaskTracker::new(), stop: CancellationToken::new() };
    if let Some(settings) = &config.admin {
        let pages = Admin { proxy: proxy.clone(), recorder, draining: stop.clone() };
        admin.serve(pages, settings.listen)?;
    }

    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
        _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
    }
    stop.cancel();
    tasks.close();
    drain(&proxy, &tasks, &config.drain).await;
    admin.end().await;
    Ok(())
}

/// The admin's listener and its connections.
struct AdminTasks {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl AdminTasks {
    fn serve(&self, pages: Admin, address: SocketAddr) -> Result<(), StartFailure> {
        let listener = listen(address)?;
        let address = listener.local_addr().map_err(StartFailure::System)?;
        tracing::info!(%address, "serving /metrics, /healthz and /readyz");
        self.tasks.spawn(Arc::new(pages).accept(listener, self.tasks.clone(), self.stop.clone()));
        Ok(())
    }

    /// Each request is bounded; who asks at the very end is not waited for longer than others are.
    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = timer::timeout(Duration::from_secs(1), self.tasks.wait()).await;
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartFailure> {
    frontend::bind(address).map_err(|error| StartFailure::Listen { address, error })
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
    proxy.registry.stop_all(Stop::Kill);
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
    }
}

pub fn pool_options(config: &Config) -> backend::Options {
    let limits = &config.limits;
    backend::Options {
        connections_max: limits.pool_connections_max as usize,
        wait_ms_max: limits.pool_wait_ms_max,
        idle_ms_max: limits.pool_idle_ms_max,
        connect_ms_max: limits.backend_connect_ms_max,
    }
}

fn bytes(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A database that an account names and the map does not have is a mistake in one of the two files.
fn unknown_databases(config: &Config, map: &ShardMap, accounts: &config::Accounts) -> Result<(), StartFailure> {
    let mut faults = Vec::new();
    for user in accounts.users() {
        if let Databases::Listed(names) = &user.databases {
            for name in names.iter().filter(|name| map.database(name).is_none()) {
                faults.push(format!(" user `{}`: the map has no database `{name}`; list one that it has", user.name));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(StartFailure::Faults { path: config.accounts.clone(), faults }) }
}

fn users(config: &Config, accounts: &config::Accounts) -> Result<Vec<User>, StartFailure> {
    let backends = backend_accounts(config, accounts)?;
    let users = accounts.users().map(|user| User {
        account: Arc::new(Account {
            user: user.name.clone(),
            databases: match &user.databases {
                Databases::All => None,
                Databases::Listed(names) => Some(names.clone()),
            },
            backend: backends[usize::from(user.backend.0)].clone(),
        }),
        verifiers: user.verifiers.clone(),
    });
    Ok(users.collect())
}

/// The account on the servers of that name; the first of the file, if none is given.
pub fn backend_account(config: &Config, name: Option<&str>) -> Result<Arc<BackendAccount>, StartFailure> {
    let accounts = backend_accounts(config, &read_accounts(config)?)?;
    let found = accounts.into_iter().find(|account| name.is_none_or(|name| account.name == name));
    found.ok_or_else(|| {
        let fault = format!(" no backend account `{}`; `backends` lists them", name.unwrap_or_default());
        StartFailure::Faults { path: config.accounts.clone(), faults: vec![fault] }
    })
}

/// The accounts on the servers, in the order of the file.
pub fn backend_accounts(
    config: &Config,
    accounts: &config::Accounts,
) -> Result<Vec<Arc<BackendAccount>>, StartFailure> {
    let mut backends = Vec::new();
    for (_, account) in accounts.backends() {
        backends.push(Arc::new(BackendAccount {
            name: account.name.clone(),
            user: account.user.clone(),
            credentials: Credentials(Zeroizing::new(account.password.expose().as_bytes().to_vec())),
            tls: backend_tls(config, account)?,
        }));
    }
    Ok(backends)
}

fn backend_tls(config: &Config, account: &config::BackendAccount) -> Result<Option<BackendTls>, StartFailure> {
    let settings = &config.backend_tls;
    let roots = || match &settings.ca {
        Some(path) => frontend::roots(path).map(Arc::new).map_err(StartFailure::Tls),
        None => Err(StartFailure::Tls("backend_tls.ca is needed to verify servers".into())),
    };
    let (mode, trust) = match settings.mode {
        BackendTlsMode::Disabled => return Ok(None),
        BackendTlsMode::Preferred => (TlsMode::Preferred, Trust::Anybody),
        BackendTlsMode::Required => (TlsMode::Required, Trust::Anybody),
        BackendTlsMode::VerifyCa => (TlsMode::Required, Trust::Signed(roots()?)),
        BackendTlsMode::VerifyIdentity => (TlsMode::Required, Trust::Named(roots()?)),
    };
    let identity = match &account.identity {
        None => None,
        Some(identity) => {
            let chain = frontend::certificates(&identity.certificate).map_err(StartFailure::Tls)?;
            let key = frontend::private_key(&identity.key).map_err(StartFailure::Tls)?;
            Some((chain, key))
        }
    };
    let made = backend::client_config(&trust, identity).map_err(StartFailure::Tls)?;
    Ok(Some(BackendTls { mode, config: made }))
}

/// What the greeting says: the configured version, else that of the first server that answers.
async fn server_version(config: &Config, proxy: &Proxy, users: &[User]) -> String {
    if let Some(version) = &config.server_version {
        return version.clone();
    }
    let snapshot = proxy.snapshot.load_full();
    if let Some(user) = users.first() {
        for group in 0..snapshot.map.groups.len() as u16 {
            let pool = proxy.pool(&snapshot, GroupId(group), &user.account.backend);
            match pool.probe().await {
                Ok(facts) => return format!("{}-meridian", facts.version),
                Err(failure) => tracing::warn!(%failure, "a server did not answer at start"),
            }
        }
    }
    "8.0.0-meridian".to_string()
}
