//! The account by which Meridian logs in to servers.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// How an account proves itself. Never printed.
pub enum Credentials {
    Password(Zeroizing<Vec<u8>>),
    /// A client certificate chain and key, both in DER; the password, if the account has one as well.
    Certificate {
        chain: Vec<rustls_pki_types::CertificateDer<'static>>,
        key: rustls_pki_types::PrivateKeyDer<'static>,
        password: Zeroizing<Vec<u8>>,
    },
}

impl Credentials {
    pub fn password(&self) -> &[u8] {
        match self {
            Credentials::Password(password) | Credentials::Certificate { password, .. } => password,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::Password(_) => "Password(..)",
            Credentials::Certificate { .. } => "Certificate(..)",
        })
    }
}

/// An account on the servers, shared by all the pools that use it.
#[derive(Debug)]
pub struct BackendAccount {
    pub name: String,
    pub user: String,
    pub credentials: Credentials,
    /// Made once from the TLS options and the account's certificate; `None` where TLS is disabled.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}
