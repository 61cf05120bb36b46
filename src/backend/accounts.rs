//! The account by which Meridian logs in to servers.

use std::fmt;

use zeroize::Zeroizing;

/// The password of an account. Never printed; empty for one that is known by its certificate alone, which is part of
/// the account's TLS.
pub struct Credentials(pub Zeroizing<Vec<u8>>);

impl Credentials {
    pub fn password(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// An account on the servers, shared by all the pools that use it. One that is changed is another account.
#[derive(Debug)]
pub struct BackendAccount {
    pub name: String,
    pub user: String,
    pub credentials: Credentials,
    /// `None` where TLS is disabled.
    pub tls: Option<super::BackendTls>,
}
