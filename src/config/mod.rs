//! The two files that an operator writes beside the shard map: `meridian serve --config FILE`
//! (this process) and the accounts (who may log in, and as whom the proxy logs in to servers).
//!
//! No other room reads a file or knows this one: what is read here becomes the plain options that
//! the composition in `server.rs` hands on. There is no global.
//! Invariant: unknown fields are faults, and no secret is ever printed, by Debug or in a fault.

mod accounts;
mod limits;
mod options;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use accounts::{Accounts, BackendAccount, BackendAccountId, Databases, Identity, User};
pub use limits::{Drain, Limits};
pub use options::Row;
pub use secret::Secret;

use options::section;

section! {
    /// The configuration of one process. Relative paths are relative to the file's directory.
    pub struct Config {
        /// Addresses that clients connect to, as `ADDRESS:PORT`.
        listen: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 3306))],
        /// The shard map.
        map: PathBuf = PathBuf::new(),
        /// The accounts.
        accounts: PathBuf = PathBuf::new(),
        /// The region that this process runs in, one of the map's.
        region: Option<String> = None,
        /// TLS towards clients; absent, TLS is not offered.
        tls: Option<Tls> = None,
        /// TLS towards the servers.
        backend_tls: BackendTls = BackendTls::default(),
        /// The version in the greeting instead of one made from the family of the databases.
        server_version: Option<String> = None,
        /// What is logged and how.
        log: Log = Log::default(),
        /// Bounds on memory, connections and waiting.
        limits: Limits = Limits::default(),
        /// How the process ends.
        drain: Drain = Drain::default(),
    }
}

section! {
    /// TLS towards clients.
    pub struct Tls {
        /// PEM file of the certificate chain, the server's own first.
        certificate: PathBuf = PathBuf::new(),
        /// PEM file of the private key.
        key: PathBuf = PathBuf::new(),
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
