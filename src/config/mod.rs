//! The two files that an operator writes beside the shard map: `meridian serve --config FILE`
//! (this process) and the accounts (who may log in, and as whom the proxy logs in to servers).
//!
//! No other room reads a file or knows this one: what is read here becomes the plain options that
//! the composition in `server.rs` hands on. There is no global.
//! Invariant: unknown fields are faults, and no secret is ever printed, by Debug or in a fault.

mod accounts;
mod file;
mod limits;
mod options;
mod problem;
mod reference;
mod secret;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::shard_map::document::Node;

pub use accounts::{Accounts, BackendAccount, BackendAccountId, Databases, Identity, User};
pub use file::{bytes, is_mounted_alone, is_orphan, text};
pub use limits::{Drain, Limits, Ownership, Probe, Reload};
pub use options::Row;
pub use problem::{Fault, Problem};
pub use reference::reference;
pub use secret::Secret;

use options::{Setting, section, words};
use problem::Faults;

section! {
    /// The configuration of one process. Relative paths are relative to the file's directory.
    pub struct Config {
        /// Addresses that clients connect to, as `ADDRESS:PORT`.
        listen: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 3306))],
        /// Whether another process may listen on the same addresses, as during an upgrade: the system then spreads new
        /// clients over both.
        listen_shared: bool = false,
        /// The shard map.
        map: PathBuf [required] = PathBuf::new(),
        /// The accounts.
        accounts: PathBuf [required] = PathBuf::new(),
        /// The region of the map that this process is in: reads that may go to others than the primary prefer its members.
        region: Option<String> = None,
        /// Pages for operators; absent, there are none.
        admin: Option<Admin> = None,
        /// TLS towards clients; absent, TLS is not offered.
        tls: Option<Tls> = None,
        /// TLS towards the servers.
        backend_tls: BackendTls = BackendTls::default(),
        /// The version in the greeting, instead of that of the first server that answers.
        server_version: Option<String> = None,
        /// What is logged and how.
        log: Log = Log::default(),
        /// Bounds on memory, connections and waiting.
        limits: Limits = Limits::default(),
        /// How the servers are watched.
        probe: Probe = Probe::default(),
        /// What the groups keep of the map.
        ownership: Ownership = Ownership::default(),
        /// How changed files are taken up.
        reload: Reload = Reload::default(),
        /// How the process ends.
        drain: Drain = Drain::default(),
    }
}

section! {
    /// Pages for operators.
    pub struct Admin {
        /// Where `/metrics`, `/healthz`, `/readyz` and `/status` are served, by plain HTTP and to anybody who can connect.
        listen: SocketAddr [required] = SocketAddr::from(([127, 0, 0, 1], 9306)),
    }
}

section! {
    /// TLS towards clients.
    pub struct Tls {
        /// PEM file of the certificate chain, the server's own first.
        certificate: PathBuf [required] = PathBuf::new(),
        /// PEM file of the private key.
        key: PathBuf [required] = PathBuf::new(),
        /// PEM file of the authorities that sign clients' certificates; absent, clients need none.
        client_ca: Option<PathBuf> = None,
        /// Whether a client without TLS is refused.
        require: bool = false,
    }
}

section! {
    /// TLS towards the servers.
    pub struct BackendTls {
        /// How much is asked of a server.
        mode: BackendTlsMode = BackendTlsMode::Preferred,
        /// PEM file of the authorities; needed by `verify_ca` and `verify_identity`.
        ca: Option<PathBuf> = None,
    }
}

section! {
    /// What is logged and how.
    pub struct Log {
        /// The form of a line.
        format: LogFormat = LogFormat::Text,
        /// The least severe line that is written.
        level: LogLevel = LogLevel::Info,
        /// Milliseconds; a statement that takes longer is logged when it ends, by its shape, without its literals. Absent, none is.
        slow_ms: Option<u64> = None,
    }
}

/// As `--ssl-mode` of the `mysql` client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendTlsMode {
    Disabled,
    /// TLS where the server offers it; its certificate is not checked.
    Preferred,
    /// TLS or no connection; the certificate is not checked.
    Required,
    /// The certificate is signed by `ca`.
    VerifyCa,
    /// The certificate is signed by `ca` and names the host of the map.
    VerifyIdentity,
}

/// Which groups keep the map on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordMode {
    /// Those whose account has the right to.
    Granted,
    Required,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

words!(BackendTlsMode {
    Disabled = "disabled",
    Preferred = "preferred",
    Required = "required",
    VerifyCa = "verify_ca",
    VerifyIdentity = "verify_identity",
});

words!(RecordMode {
    Granted = "granted",
    Required = "required",
    Off = "off",
});

words!(LogFormat { Text = "text", Json = "json", });

words!(LogLevel {
    Error = "error",
    Warn = "warn",
    Info = "info",
    Debug = "debug",
    Trace = "trace",
});

impl Config {
    /// Reads a configuration; `path` is the file's own, from whose directory relative paths begin.
    pub fn load(yaml: &str, path: &Path) -> Result<Config, Vec<Fault>> {
        let mut faults = Faults::default();
        let base = path.parent().unwrap_or(Path::new(""));
        let root = Node::parse(yaml, &mut faults);
        let config = root.and_then(|root| {
            let config = Config::read(&root, base, &mut faults)?;
            config.check(&root, &mut faults);
            Some(config)
        });
        faults.finish(config)
    }

    /// What one field cannot say about itself.
    fn check(&self, root: &Node, faults: &mut Faults) {
        let BackendTls { mode, ca } = &self.backend_tls;
        let mode = *mode;
        let at = |section: &str| root.field(section).map_or(root.at, |node| node.at);
        match (mode.verifies(), ca) {
            (true, None) => faults.add(at("backend_tls"), Problem::CaMissing { mode }),
            (false, Some(_)) => faults.add(at("backend_tls"), Problem::CaWithoutUse { mode }),
            _ => {}
        }
    }
}

impl BackendTlsMode {
    /// Whether a server's certificate is checked.
    pub fn verifies(self) -> bool {
        matches!(self, BackendTlsMode::VerifyCa | BackendTlsMode::VerifyIdentity)
    }

    fn word(self) -> String {
        self.show()
    }
}
