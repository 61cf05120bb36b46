//! A playground's course: servers, replication, the proxy, sample data, and then whatever people type.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::folder::Folder;
use super::members::{self, Member};
use super::processes::Processes;
use super::relay::relay;
use super::software::Software;
use super::{Failure, Source, layout, report, sample};
use crate::commands::serve;
use crate::server;
use crate::shard_map::ShardMap;

const ADMIN_PORT: u16 = 9306;

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
    /// What round trips to the members of each region are longer by.
    pub delays: Vec<Duration>,
    pub map: ShardMap,
    pub port: u16,
    pub admin_port: u16,
    pub has_sample: bool,
    software: Software,
    sql: Option<String>,
}

impl Stage {
    /// Writes the files, and starts the relays.
    pub async fn set(
        folder: Folder,
        software: Software,
        source: Source,
        delays: &[Duration],
        port: u16,
    ) -> Result<Stage, Failure> {
        let mut held = Vec::new();
        let (port, admin_port) = match port {
            0 => (unused(&mut held), unused(&mut held)),
            port => (Ok(port), free(ADMIN_PORT).or_else(|_| unused(&mut held))),
        };
        let (port, admin_port) = (port.map_err(Failure::System)?, admin_port.map_err(Failure::System)?);
        let members = place(&source.map, delays, &mut held).await.map_err(Failure::System)?;
        let addresses: Vec<String> = members.iter().map(|member| format!("127.0.0.1:{}", member.seen_port)).collect();
        folder.write("map.yaml", &layout::rewritten(&source.yaml, &addresses, software.family)?)?;
        folder.write("accounts.yaml", ACCOUNTS)?;
        folder.write(
            "config.yaml",
            &format!(
                "listen: [\"127.0.0.1:{port}\"]\nmap: map.yaml\naccounts: accounts.yaml\nadmin: {{listen: \
                 \"127.0.0.1:{admin_port}\"}}\n"
            ),
        )?;
        let (delays, has_sample) = (delays.to_vec(), source.sql.is_some() || folder.made.is_some());
        Ok(Stage { folder, members, delays, map: source.map, port, admin_port, has_sample, software, sql: source.sql })
    }

    /// Until a signal, or until something fails.
    pub async fn play(&mut self, processes: &mut Processes, signals: &mut Signals) -> Result<(), Failure> {
        tokio::select! {
            prepared = self.prepare(processes) => prepared?,
            () = signals.any() => return Ok(()),
        }
        let path = self.folder.path.join("config.yaml");
        let config = server::read_config(&path).map_err(Failure::Start)?;
        let log = self.folder.path.join("proxy.log");
        let log = std::fs::File::options().create(true).append(true).open(&log).map_err(Failure::at(&log))?;
        let set_level = serve::log(&config.log, Mutex::new(log));
        let mut serving = pin!(server::serve(config, path, set_level));
        tokio::select! {
            served = &mut serving => return served.map_err(Failure::Start),
            loaded = self.load() => loaded?,
            () = signals.any() => return Ok(()),
        }
        print!("{}", report::of(self, processes));
        // SIGTERM and SIGINT are the proxy's.
        tokio::select! {
            served = serving => served.map_err(Failure::Start),
            () = signals.hangup() => Ok(()),
        }
    }

    async fn prepare(&mut self, processes: &mut Processes) -> Result<(), Failure> {
        let is_new = self.folder.made.is_none();
        println!("Starting {} servers in {} ...", self.members.len(), self.folder.path.display());
        members::start(&self.members, &self.folder.path, is_new, &self.software, processes).await?;
        members::replicate(&mut self.members, &self.map, is_new, self.software.family).await?;
        members::catch_up(&self.members, self.software.family).await
    }

    /// Sample data into a new folder.
    async fn load(&self) -> Result<(), Failure> {
        let mut client = sample::client(self.port).await?;
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

/// The members of a map on ports of this machine, those of a late region behind a relay.
async fn place(map: &ShardMap, delays: &[Duration], held: &mut Vec<TcpListener>) -> io::Result<Vec<Member>> {
    let mut members = Vec::new();
    for (group, id) in map.groups.iter().zip(map.group_ids()) {
        for (number, member) in group.members.iter().enumerate() {
            let port = unused(held)?;
            let delay = delays[usize::from(member.region.0)];
            let seen_port = if delay.is_zero() {
                port
            } else {
                let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let seen_port = listener.local_addr()?.port();
                tokio::spawn(relay(listener, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), delay / 2));
                seen_port
            };
            let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            let name = format!("{}-{number}", group.name.chars().map(safe).collect::<String>());
            members.push(Member { group: id, name, region: member.region, port, seen_port, is_primary: false });
        }
    }
    Ok(members)
}

/// A port below those that the kernel takes for outgoing connections: a server may be stopped and come back to it.
/// It is `held` until all are found, so that each is another.
fn unused(held: &mut Vec<TcpListener>) -> io::Result<u16> {
    let begin = std::process::id().wrapping_mul(7919);
    let ports = (0..10_000u32).map(|step| 20_000 + (begin.wrapping_add(step * 7) % 11_000) as u16);
    let mut found = ports.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let listener = found.next().ok_or_else(|| io::Error::other("no port is free"))?;
    let port = listener.local_addr()?.port();
    held.push(listener);
    Ok(port)
}

fn free(port: u16) -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr().map(|address| address.port())
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
