//! Files that change while the process serves. They are looked at when their folders change, and now and then, for such events
//! get lost in containers; and they are compared by their content. What is faulty is refused whole, and what was stays.
//!
//! Invariant: no map is taken up that gives rows another owner without accepting each change: proxies see a new map at
//! different times, and two of them would write one row in two places.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::load::{self, Backends};
use super::ownership::{Keeper, Unsettled};
use super::watch::Watch;
use super::{StartFailure, read_config};
use crate::config::{self, Config, LogLevel};
use crate::frontend::{Accounts, Frontend};
use crate::net::timer;
use crate::shard_map::{ShardMap, diff};
use crate::telemetry::{Label, Reload, Source};

/// Changes the least severe line that is logged.
pub type SetLevel = Box<dyn Fn(LogLevel) + Send + Sync>;

/// What only loading needs.
pub struct Files {
    /// The configuration file.
    pub path: PathBuf,
    /// Stands for the password of users that do not exist.
    pub dummy: Zeroizing<[u8; 32]>,
    pub backends: Backends,
    pub set_level: SetLevel,
}

/// From the first event of a change to a look at it.
const SETTLES: Duration = Duration::from_millis(50);

const SOURCES: [Source; 4] = [Source::Config, Source::Map, Source::Accounts, Source::Certificate];

/// What is known of one source.
#[derive(Debug, Default)]
struct Known {
    /// Of the content that was seen last, be it sound or not.
    digest: Vec<u8>,
    /// That content was refused.
    refused: bool,
    /// It could not be read when it was looked at last.
    missing: bool,
    /// What was said of it last.
    said: String,
    /// It was looked for among the mounts.
    mounts_seen: bool,
    /// It is mounted in a way that no change arrives, and that was said.
    orphan: bool,
}

pub struct Reloader {
    config: Config,
    files: Files,
    frontend: Arc<Frontend>,
    keeper: Keeper,
    /// Files that the accounts name.
    beside_accounts: Vec<PathBuf>,
    /// In the order of `SOURCES`.
    known: [Known; SOURCES.len()],
}

impl Reloader {
    /// `accounts` and the map of `frontend` were read a moment ago.
    pub fn new(
        config: Config,
        files: Files,
        accounts: &config::Accounts,
        frontend: Arc<Frontend>,
        keeper: Keeper,
    ) -> Self {
        let beside_accounts = beside(accounts);
        let known = SOURCES.map(|_| Known::default());
        let mut reloader = Reloader { config, files, frontend, keeper, beside_accounts, known };
        for (index, source) in SOURCES.into_iter().enumerate() {
            reloader.known[index].digest = reloader.look(source).unwrap_or_default();
        }
        reloader
    }

    /// Looks at the files until the end.
    pub async fn run(mut self, mut hangup: Signal, stop: CancellationToken) {
        let mut watch = Watch::new();
        let mut every = timer::interval(Duration::from_millis(self.config.reload.poll_ms.max(1)));
        loop {
            watch.folders_of(SOURCES.into_iter().flat_map(|source| self.paths(source)));
            tokio::select! {
                () = stop.cancelled() => return,
                _ = every.tick() => {}
                _ = hangup.recv() => {}
                // Files are seldom changed by one step.
                () = watch.changed() => timer::sleep(SETTLES).await,
            }
            // Reading and checking a large map takes longer than the sessions of this thread should wait.
            let Ok(back) = tokio::task::spawn_blocking(move || self.reload()).await else {
                tracing::error!("changed files are not taken up any more: their loader ended");
                return;
            };
            self = back;
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.keeper.tend() => {}
            }
        }
    }

    fn reload(mut self) -> Self {
        for (index, source) in SOURCES.into_iter().enumerate() {
            let digest = match self.look(source) {
                Ok(digest) => digest,
                Err(failure) => {
                    if !std::mem::replace(&mut self.known[index].missing, true) {
                        tracing::error!(what = source.value(), %failure, "cannot be read; what it said stays in force");
                    }
                    continue;
                }
            };
            self.known[index].missing = false;
            self.warn_of_orphans(index, source);
            if digest == self.known[index].digest {
                continue;
            }
            let taken = self.take_up(source);
            let proxy = &self.frontend.proxy;
            let metrics = &proxy.metrics;
            let known = &mut self.known[index];
            let said = taken.as_ref().err().map(ToString::to_string).unwrap_or_default();
            let again = std::mem::replace(&mut known.said, said.clone()) == said;
            known.refused = taken.is_err();
            if source == Source::Map {
                proxy.map_refused.store(taken.is_err().then(|| Arc::new(said)));
            }
            match taken {
                Ok(()) => {
                    metrics.reloads.of(Reload::TakenUp).increment(1);
                    tracing::info!(what = source.value(), "changed, and in force");
                }
                Err(StartFailure::Unsettled { .. }) if again => continue,
                Err(failure) => {
                    metrics.reloads.of(Reload::Refused).increment(1);
                    tracing::error!(what = source.value(), %failure, "changed, and refused; what it said stays in force");
                    if let StartFailure::Unsettled { why: Unsettled::Later(_), .. } = failure {
                        continue;
                    }
                }
            }
            self.known[index].digest = digest;
        }
        let count = |which: fn(&Known) -> bool| self.known.iter().filter(|known| which(known)).count() as f64;
        let metrics = &self.frontend.proxy.metrics;
        metrics.files_refused.set(count(|known| known.refused || known.missing));
        metrics.files_missing.set(count(|known| known.missing));
        metrics.files_orphaned.set(count(|known| known.orphan));
        self
    }

    fn paths(&self, source: Source) -> Vec<&Path> {
        let config = &self.config;
        match source {
            Source::Config => vec![&self.files.path],
            Source::Map => vec![&config.map],
            Source::Accounts => {
                let beside = self.beside_accounts.iter().chain(&config.backend_tls.ca).map(PathBuf::as_path);
                [config.accounts.as_path()].into_iter().chain(beside).collect()
            }
            Source::Certificate => match &config.tls {
                Some(tls) => {
                    [&tls.certificate, &tls.key].into_iter().chain(&tls.client_ca).map(PathBuf::as_path).collect()
                }
                None => Vec::new(),
            },
        }
    }

    /// The digest of a source's files.
    fn look(&self, source: Source) -> Result<Vec<u8>, StartFailure> {
        let mut of = digest::Context::new(&digest::SHA256);
        for path in self.paths(source) {
            let bytes = config::bytes(path).map_err(|error| StartFailure::Read { path: path.into(), error })?;
            of.update(&(bytes.len() as u64).to_le_bytes());
            of.update(&bytes);
        }
        Ok(of.finish().as_ref().to_vec())
    }

    fn take_up(&mut self, source: Source) -> Result<(), StartFailure> {
        match source {
            Source::Config => {
                let config = read_config(&self.files.path)?;
                (self.files.set_level)(config.log.level);
                let mut in_force = self.config.clone();
                in_force.log.level = config.log.level;
                if config != in_force {
                    tracing::warn!(
                        "of the configuration only `log.level` is in force; the other changes take a restart"
                    );
                }
            }
            Source::Map => self.take_up_map()?,
            Source::Accounts => {
                let accounts = load::read_accounts(&self.config)?;
                let users = self.files.backends.users(&self.config, &accounts)?;
                let probe_account = self.files.backends.of_probes(&self.config, &accounts)?;
                self.frontend.proxy.probe_account.store(probe_account);
                self.frontend.proxy.accounts.store(Arc::new(load::accounts_of(&users)));
                warn_of_unknown(&self.frontend.proxy.snapshot.load().map, &accounts);
                self.frontend.accounts.store(Arc::new(Accounts::new(users, self.files.dummy.as_slice())));
                self.beside_accounts = beside(&accounts);
            }
            Source::Certificate => self.frontend.tls.store(Arc::new(load::tls(&self.config)?)),
        }
        Ok(())
    }

    /// Sessions go on with what they hold and see the new map at their next statement.
    fn take_up_map(&mut self) -> Result<(), StartFailure> {
        let (map, text) = load::read_map(&self.config)?;
        let proxy = self.frontend.proxy.clone();
        let before = proxy.snapshot.load_full();
        let refused = |why| StartFailure::Change { path: self.config.map.clone(), why };
        let change = diff(&before.map, &map);
        change.follows().map_err(|unfit| refused(unfit.to_string()))?;
        if !change.moves.is_empty() {
            tracing::warn!(moves = change.moves.len(), base = %change.base, "the map gives rows another owner, as it accepts");
        }
        let recorded = self.keeper.follow(&map, &text, !change.moves.is_empty());
        let recorded = tokio::runtime::Handle::current().block_on(recorded);
        recorded.map_err(|why| StartFailure::Unsettled { path: self.config.map.clone(), why })?;
        if let Ok(accounts) = load::read_accounts(&self.config) {
            warn_of_unknown(&map, &accounts);
        }
        proxy.replace(map);
        Ok(())
    }

    fn warn_of_orphans(&mut self, index: usize, source: Source) {
        // What is mounted where does not change while a container runs.
        let first = !std::mem::replace(&mut self.known[index].mounts_seen, true);
        let is_orphan = |path: &&Path| config::is_orphan(path) || first && config::is_mounted_alone(path);
        let orphan = self.paths(source).into_iter().find(is_orphan).map(Path::to_path_buf);
        if let Some(path) = orphan
            && !std::mem::replace(&mut self.known[index].orphan, true)
        {
            tracing::warn!(
                what = source.value(),
                path = %path.display(),
                "a single file that is mounted by itself, as by subPath: changes of its volume never arrive; mount the directory"
            );
        }
    }
}

/// Neither file is wrong by itself, and they may arrive one after the other.
fn warn_of_unknown(map: &ShardMap, accounts: &config::Accounts) {
    for unknown in load::unknown_databases(map, accounts) {
        tracing::warn!("accounts:{unknown}");
    }
}

fn beside(accounts: &config::Accounts) -> Vec<PathBuf> {
    accounts.files().map(Path::to_path_buf).collect()
}
