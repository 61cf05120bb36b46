//! Who may log in, to which databases, and as whom the proxy logs in to the servers.
//!
//! Invariant: every [`User::backend`] indexes into the same [`Accounts`]. Nothing here prints a secret.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Secret;

/// All accounts of a process; replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: HashMap<String, User>,
    backends: Vec<BackendAccount>,
}

/// Index of an account on the servers in [`Accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BackendAccountId(pub u16);

/// An account of a client.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    /// What proves the password; several while one is being changed.
    pub verifiers: Vec<Secret>,
    pub databases: Databases,
    pub backend: BackendAccountId,
}

/// The databases that a user may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Databases {
    /// Written `"*"`: all of the map.
    All,
    Listed(Vec<String>),
}

/// An account on the servers.
#[derive(Debug, Clone)]
pub struct BackendAccount {
    pub name: String,
    pub user: String,
    pub password: Secret,
    /// What the proxy proves itself with where the servers ask for a client certificate.
    pub identity: Option<Identity>,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Accounts {
    /// The account of a client by its exact name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// The account on the servers that `user` is served with.
    pub fn backend(&self, id: BackendAccountId) -> &BackendAccount {
        &self.backends[usize::from(id.0)]
    }

    /// All accounts on the servers, in the order of the file.
    pub fn backends(&self) -> impl Iterator<Item = (BackendAccountId, &BackendAccount)> {
        (0u16..).map(BackendAccountId).zip(&self.backends)
    }
}

impl Databases {
    pub fn allow(&self, database: &str) -> bool {
        match self {
            Databases::All => true,
            Databases::Listed(names) => names.iter().any(|name| name == database),
        }
    }
}
