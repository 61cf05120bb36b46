//! Password authentication, both sides, sans-IO.

use super::Malformed;
use super::handshake::NONCE_LEN;
use super::reply::ServerError;

/// The plugin that our greeting names.
pub const CACHING_SHA2: &str = "caching_sha2_password";
pub const NATIVE: &str = "mysql_native_password";

/// What is stored of a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Verifier {
    Native([u8; 20]),
    Fast([u8; 32]),
    Salted {
        rounds: u32,
        salt: [u8; 20],
        digest: [u8; 43],
    },
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Verifier {
    pub fn parse(_text: &str) -> Result<Self, Malformed> {
        Err(Malformed::new("verifier"))
    }
    pub fn from_password_fast(_password: &[u8]) -> Self {
        Self::Fast([0; 32])
    }
    pub fn from_password_native(_password: &[u8]) -> Self {
        Self::Native([0; 20])
    }
    /// The text that [`Verifier::parse`] reads.
    pub fn reveal(&self) -> String {
        String::new()
    }
}

/// A login to be judged.
pub struct Attempt<'a> {
    /// Of the account, or a dummy's if the user is unknown.
    pub verifiers: &'a [Verifier],
    pub known: bool,
    pub nonce: &'a [u8; NONCE_LEN],
    /// The client's plugin.
    pub plugin: Option<&'a str>,
    pub response: &'a [u8],
    /// Whether the transport can't be read by others (TLS, Unix socket).
    pub secure: bool,
    pub cached_fast: Option<[u8; 32]>,
    /// Whether we have an RSA key to offer.
    pub rsa: bool,
}

/// What the front end does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this payload, then give the client's next one to [`Exchange::next`].
    Send(Vec<u8>),
    /// Send 0x01 and the public key as PEM, then give the client's next payload to [`Exchange::next`].
    SendRsaKey,
    /// Send this payload and OK behind it.
    SendThenAccept(Vec<u8>, Accepted),
    Accept(Accepted),
    Deny,
}

/// A login that succeeded.
#[derive(PartialEq, Eq)]
pub struct Accepted {
    /// For the fast-path cache after a full authentication.
    pub fast: Option<[u8; 32]>,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accepted(..)")
    }
}

/// The server's side of one login.
pub struct Exchange {}

impl Exchange {
    pub fn start(_attempt: Attempt<'_>) -> (Self, Step) {
        (Self {}, Step::Deny)
    }
    pub fn next(
        &mut self,
        _payload: &[u8],
        _rsa_decrypt: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Step {
        Step::Deny
    }
}

/// The client's side of one login: towards backends.
pub struct ClientAuth {}

/// What the connector does next.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientStep {
    Send(Vec<u8>),
    /// Send the payload 0x02, which asks for the server's RSA key. Without TLS nobody vouches for it.
    RequestRsaKey,
    /// Send [`ClientAuth::encrypt`] of this PEM.
    SendEncrypted(Vec<u8>),
    /// The payload was the final OK.
    Done,
    /// Nothing to send; read the next payload.
    Wait,
    Refuse(Refuse),
}

/// Why a login towards a backend ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refuse {
    Server(ServerError),
    /// The backend wants a plugin that we don't have.
    Plugin(Vec<u8>),
    Malformed(Malformed),
}

impl ClientAuth {
    /// The state, and the response for the login request; the plugin for it is [`ClientAuth::plugin`].
    pub fn start(_plugin: &[u8], _nonce: &[u8; NONCE_LEN], _password: &[u8]) -> (Self, Vec<u8>) {
        (Self {}, Vec::new())
    }
    pub fn plugin(&self) -> &'static str {
        NATIVE
    }
    pub fn next(&mut self, _payload: &[u8], _secure: bool) -> ClientStep {
        ClientStep::Done
    }
    pub fn encrypt(&self, _pem: &[u8]) -> Result<Vec<u8>, Malformed> {
        Err(Malformed::new("RSA key"))
    }
}
