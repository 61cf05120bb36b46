//! A playground's course: servers, replication, a proxy for each region, sample data, and then whatever people type.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use super::folder::Folder;
use super::members::{self, Member};
use super::place::{Front, place};
use super::processes::Processes;
use super::software::Software;
use super::{Failure, Source, layout, report, sample, say};
use crate::commands::serve;
use crate::config::Config;
use crate::server::{self, StartFailure};
use crate::shard_map::ShardMap;

/// The password of app is app-password; a verifier is SHA256(SHA256(password)).
const ACCOUNTS: &str = r#"# Who may log in to the proxy, and as whom it logs in to the servers. Well-known passwords: for trying out only.
users:
  - name: app
    verifiers: ["sha256:6681bbfe12153c1b4a0268cf4733a0a3021ff47751fafc3c0a4bdae5a0a89db6"]
    databases: "*"
    backend: app
    admin: true
backends:
  - name: app
    user: app
    password: app-password
"#;

/// Everything that is known before the first server is started.
pub(super) struct Stage {
    pub folder: Folder,
    pub members: Vec<Member>,
    /// The first one is that of the map's first region.
    pub fronts: Vec<Front>,
    pub map: ShardMap,
    pub has_sample: bool,
    configs: Vec<PathBuf>,
    software: Software,
    sql: Option<String>,
}

impl Stage {
    /// Writes the files, and starts the relays. The first region's are in the folder itself.
    pub async fn set(
        folder: Folder,
        software: Software,
        source: Source,
        delays: &[Duration],
        port: u16,
    ) -> Result<Stage, Failure> {
        let (members, fronts) = place(&source.map, delays, port).await.map_err(Failure::System)?;
        folder.write("accounts.yaml", ACCOUNTS)?;
        let mut configs = Vec::new();
        for (number, front) in fronts.iter().enumerate() {
            let (map, config) = match number {
                0 => ("map.yaml".to_owned(), "config.yaml".to_owned()),
                _ => (format!("map-{number}.yaml"), format!("config-{number}.yaml")),
            };
            folder.write(&map, &layout::rewritten(&source.yaml, &front.addresses, software.family)?)?;
            folder.write(
                &config,
                &format!(
                    "listen: [\"127.0.0.1:{}\"]\nregion: {:?}\nmap: {map}\naccounts: accounts.yaml\nadmin: {{listen: \
                     \"127.0.0.1:{}\"}}\n",
                    front.port, front.region, front.admin_port
                ),
            )?;
            configs.push(folder.path.join(config));
        }
        let has_sample = source.sql.is_some() || folder.made.is_some();
        Ok(Stage { folder, members, fronts, map: source.map, has_sample, configs, software, sql: source.sql })
    }

    /// Until a signal, or until something fails.
    pub async fn play(&mut self, processes: &mut Processes, signals: &mut Signals) -> Result<(), Failure> {
        tokio::select! {
            prepared = self.prepare(processes) => prepared?,
            () = signals.any() => return Ok(()),
        }
        let mut proxies = self.serve()?;
        tokio::select! {
            served = all(&mut proxies) => return served,
            loaded = self.load() => loaded?,
            () = signals.any() => return Ok(()),
        }
        say(&report::of(self, processes));
        // SIGTERM and SIGINT are the proxies'.
        tokio::select! {
            served = all(&mut proxies) => served,
            () = signals.hangup() => Ok(()),
        }
    }

    async fn prepare(&mut self, processes: &mut Processes) -> Result<(), Failure> {
        let is_new = self.folder.made.is_none();
        say(&format!("Starting {} servers in {} ...\n", self.members.len(), self.folder.path.display()));
        members::start(&self.members, &self.folder.path, is_new, &self.software, processes).await?;
        members::replicate(&mut self.members, &self.map, is_new, self.software.family).await?;
        members::catch_up(&self.members, self.software.family).await
    }

    /// Starts the proxies, which write one log.
    fn serve(&self) -> Result<JoinSet<Result<(), StartFailure>>, Failure> {
        let path = self.folder.path.join("proxy.log");
        let log = File::options().create(true).append(true).open(&path).map_err(Failure::at(&path))?;
        let mut proxies = JoinSet::new();
        let mut set_level = Some(serve::log(&crate::config::Log::default(), Mutex::new(log)));
        for path in &self.configs {
            let config: Config = server::read_config(path).map_err(Failure::Start)?;
            let set_level = set_level.take().unwrap_or_else(|| Box::new(|_| {}));
            proxies.spawn(server::serve(config, path.clone(), set_level));
        }
        Ok(proxies)
    }

    /// Sample data into a new folder; waits until every proxy serves.
    async fn load(&self) -> Result<(), Failure> {
        for front in self.fronts.iter().rev() {
            sample::client(front.port).await?;
        }
        let mut client = sample::client(self.fronts[0].port).await?;
        if self.folder.made.is_none() {
            if let Some(sql) = &self.sql {
                sample::load(&mut client, &self.map, sql).await?;
                members::catch_up(&self.members, self.software.family).await?;
            }
            self.folder.is_whole(layout::word(self.software.family))?;
        }
        Ok(())
    }
}

/// Until all have ended, or one failed.
async fn all(proxies: &mut JoinSet<Result<(), StartFailure>>) -> Result<(), Failure> {
    while let Some(ended) = proxies.join_next().await {
        ended.map_err(io::Error::other).map_err(Failure::System)?.map_err(Failure::Start)?;
    }
    Ok(())
}

/// What ends a playground.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// The terminal is gone.
    async fn hangup(&mut self) {
        self.hangup.recv().await;
    }
}
