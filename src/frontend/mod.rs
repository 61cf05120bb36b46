//! The listener and the login: from an accepted socket to a session that `execute` runs, and back for COM_CHANGE_USER.
//!
//! Invariant: before a login nothing is read beyond `login_bytes_max` and nothing takes longer than `login_timeout`.
//! Unknown users run the same steps as known ones.

mod accounts;
mod keys;
mod listener;
mod login;

use std::time::Duration;

pub use accounts::{Accounts, User};
pub use keys::{LoginKey, certificates, private_key, roots, server_tls};
pub use listener::{Frontend, bind};

/// Bounds on clients that have not logged in, and on their number.
#[derive(Debug, Clone)]
pub struct Options {
    pub connections_max: usize,
    /// Of one user.
    pub user_connections_max: usize,
    pub login_timeout: Duration,
    pub login_bytes_max: usize,
    /// A client without TLS is refused.
    pub require_tls: bool,
}
