//! The proxy as a process of its own: the built binary with files in a folder of its own, on a free port.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::folder::free_port;
use super::process::{dying_with_us, memory_kib};
use super::{Folder, PATIENCE, Process, await_that, until};

/// What the files of a proxy say.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The whole shard map.
    pub map: String,
    /// The whole accounts file; empty: app/app-password and admin/admin-password, all databases, served by accounts of the
    /// same name on the servers.
    pub accounts: String,
    /// Lines of the configuration beyond listen, map, accounts and log, as `limits:\n  pool_connections_max: 1\n`.
    pub config: String,
    /// Where it listens; 0 is a free port.
    pub port: u16,
    /// `log.slow_ms`.
    pub slow_ms: Option<u64>,
    /// What comes in front of the binary, as `["prlimit", "--nofile=64"]`.
    pub wrapper: Vec<String>,
    /// Every lease of a connection begins with a nonce, which only its own answer fits.
    pub nonces: bool,
}

/// The log when all is open.
const READY: &str = "server: ready";

/// The log of one that serves nobody for now.
const WAITS: &str = "not ready";

#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    /// Where its figures are.
    pub admin: u16,
    process: Process,
    folder: Folder,
}

impl Proxy {
    /// Starts a proxy and waits until it says that it listens.
    pub fn start(settings: &Settings) -> Proxy {
        // Another process may take the port between our look and the proxy's bind.
        for _ in 0..5 {
            let (mut proxy, listens) = Proxy::try_start(settings);
            if listens {
                return proxy;
            }
            let log = proxy.log();
            assert!(proxy.process.ended().is_some(), "the proxy never said that it listens:\n{log}");
            assert!(log.contains("ddress already in use"), "the proxy ended at once:\n{log}");
        }
        panic!("five ports in a row were taken by others");
    }

    /// Starts a proxy that is expected to end by itself, as on a faulty map; gives its status and its log.
    pub fn fails(settings: &Settings) -> (ExitStatus, String) {
        let (mut proxy, listens) = Proxy::try_start(settings);
        assert!(!listens, "it listens");
        (proxy.process.ended().expect("it ended"), proxy.log())
    }

    /// Starts a proxy that is expected to wait before it serves anybody, until it says so.
    pub fn waits(settings: &Settings) -> Proxy {
        let (proxy, waits) = Proxy::try_start_until(settings, &[WAITS]);
        assert!(waits, "it does not wait:\n{}", proxy.log());
        proxy
    }

    /// Starts a proxy that serves or waits, whichever it is.
    pub fn begins(settings: &Settings) -> Proxy {
        let (proxy, begun) = Proxy::try_start_until(settings, &[READY, WAITS]);
        assert!(begun, "it neither serves nor waits:\n{}", proxy.log());
        proxy
    }

    /// Until it serves.
    pub fn await_ready(&self) {
        await_that("it is ready", || self.log().contains(READY).then_some(()));
    }

    fn try_start(settings: &Settings) -> (Proxy, bool) {
        Proxy::try_start_until(settings, &[READY])
    }

    fn try_start_until(settings: &Settings, said: &[&str]) -> (Proxy, bool) {
        let folder = Folder::new("proxy");
        let (free, admin) = (free_port(), free_port());
        let port = if settings.port == 0 { free } else { settings.port };
        folder.write("map.yaml", &settings.map);
        folder.write("accounts.yaml", if settings.accounts.is_empty() { ACCOUNTS } else { &settings.accounts });
        let slow = settings.slow_ms.map(|ms| format!("  slow_ms: {ms}\n")).unwrap_or_default();
        let config = folder.write(
            "config.yaml",
            &format!(
                "listen: [\"127.0.0.1:{port}\"]\nmap: map.yaml\naccounts: accounts.yaml\nlog:\n  level: debug\n{slow}\
                 admin:\n  listen: 127.0.0.1:{admin}\n{}",
                settings.config
            ),
        );
        let log = std::fs::File::create(folder.path().join("log")).expect("the folder is ours");
        let mut command = command(&settings.wrapper);
        if settings.nonces {
            command.env("MERIDIAN_TEST_NONCE", "1");
        }
        let process = Process::spawn(
            command
                .args(["serve", "--config"])
                .arg(&config)
                .env("RUST_BACKTRACE", "1")
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second handle of a file"))
                .stderr(log),
        );
        let mut proxy = Proxy { port, admin, process, folder };
        let listens = until(PATIENCE, || {
            let log = proxy.log();
            if said.iter().any(|said| log.contains(said)) {
                return Some(true);
            }
            proxy.process.ended().map(|_| false)
        });
        (proxy, listens == Some(true))
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything that it wrote to stdout and stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A figure of /metrics, by its name and its label, as `meridian_logins_total` or `x_total{reason="tls"}`.
    pub fn figure(&self, series: &str) -> u64 {
        let (status, page) = get(self.admin, "/metrics").expect("the page is served");
        assert_eq!(status, 200, "{page}");
        let found = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let number = found.unwrap_or_else(|| panic!("no {series} in\n{page}"));
        number.parse().unwrap_or_else(|_| panic!("{series} is {number}"))
    }

    /// Asserts that it runs and has not panicked.
    pub fn check_runs(&mut self) {
        assert_eq!(self.process.ended(), None, "the proxy ended:\n{}", self.log());
        let log = self.log();
        assert!(!log.contains("panicked at"), "a panic:\n{log}");
    }

    /// The most memory that was resident, in KiB.
    pub fn memory_kib_max(&self) -> u64 {
        self.memory_kib("VmHWM")
    }

    /// A figure of /proc/ID/status in KiB.
    pub fn memory_kib(&self, figure: &str) -> u64 {
        memory_kib(self.id(), figure)
    }

    pub fn signal(&mut self, name: &str) {
        self.process.signal(name);
    }

    /// SIGTERM and its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.terminate()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        self.process.wait(PATIENCE)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- log of the proxy on {}:\n{}", self.port, lines[lines.len().saturating_sub(60)..].join("\n"));
        }
        // A session that a failed test left open must not hold the end up.
        self.process.kill();
        assert!(std::thread::panicking() || !self.log().contains("panicked at"), "a panic:\n{}", self.log());
    }
}

/// Asks for a page; its status and its body.
pub fn get(port: u16, path: &str) -> io::Result<(u16, String)> {
    http(port, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// Sends a request as it is, and reads the answer to its end.
pub fn http(port: u16, request: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other(format!("{answer:?}")))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| io::Error::other(head.to_owned()))?, body.to_owned()))
}

fn command(wrapper: &[String]) -> Command {
    let binary = env!("CARGO_BIN_EXE_meridian");
    match wrapper.split_first() {
        None => dying_with_us(binary),
        Some((first, rest)) => {
            let mut command = dying_with_us(first);
            command.args(rest).arg(binary);
            command
        }
    }
}

/// The verifiers are SHA256(SHA256(password)).
pub const ACCOUNTS: &str = r#"
users:
  - name: app
    verifiers: ["sha256:6681bbfe12153c1b4a0268cf4733a0a3021ff47751fafc3c0a4bdae5a0a89db6"]
    databases: "*"
    backend: app
  - name: admin
    verifiers: ["sha256:53cd13cf50eb371e0bfc651f6f9dd7db9509498cda8d89d7c7e62380177d1532"]
    databases: "*"
    backend: admin
    admin: true
backends:
  - name: app
    user: app
    password: app-password
  - name: admin
    user: admin
    password: admin-password
"#;
