//! The client's side of one login: towards backends.
//!
//! Invariants: the password leaves in the clear only when the caller says that the transport is
//! secure; the RSA key of a backend is asked for by a step of its own, so that the caller can refuse
//! a key that nobody vouches for; a login ends after at most [`PAYLOADS_MAX`] payloads.

use super::exchange::scramble;
use super::{CACHING_SHA2, NATIVE, more, rsa};
use crate::wire::Malformed;
use crate::wire::handshake::{AuthSwitch, NONCE_LEN};
use crate::wire::reply::{self, ServerError};
use mysql_common::scramble::{scramble_native, scramble_sha256};
use zeroize::Zeroizing;

/// The client's side of one login.
pub struct ClientAuth {
    password: Zeroizing<Vec<u8>>,
    nonce: [u8; NONCE_LEN],
    native: bool,
    waits_for_key: bool,
    payloads_left: u8,
}

/// What the connector does next.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientStep {
    /// Send this payload and read the next.
    Send(Vec<u8>),
    /// Send the payload 0x02, which asks for the backend's RSA key. Without TLS nobody vouches for
    /// the key: a policy may refuse here.
    RequestRsaKey,
    /// Send [`ClientAuth::encrypt`] of this PEM.
    SendEncrypted(Vec<u8>),
    /// The payload was the final OK.
    Done,
    /// Nothing to send; read the next payload.
    Wait,
    /// Close.
    Refuse(Refuse),
}

/// Why a login towards a backend ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refuse {
    /// The backend's own answer.
    Server(ServerError),
    /// The backend wants a plugin that we don't have.
    Plugin(Vec<u8>),
    /// The backend doesn't follow the protocol.
    Malformed(Malformed),
}

impl ClientAuth {
    /// The state, and the response for the login request. `plugin` and `nonce` are the greeting's; for
    /// a plugin that we don't have the response is that of [`ClientAuth::plugin`], and the backend may ask to switch.
    pub fn start(plugin: &[u8], nonce: &[u8; NONCE_LEN], password: &[u8]) -> (Self, Vec<u8>) {
        let auth = Self {
            password: Zeroizing::new(password.to_vec()),
            nonce: *nonce,
            native: plugin != CACHING_SHA2.as_bytes(),
            waits_for_key: false,
            payloads_left: PAYLOADS_MAX,
        };
        let response = auth.response();
        (auth, response)
    }

    /// The plugin in use: the login request names it.
    pub fn plugin(&self) -> &'static str {
        if self.native { NATIVE } else { CACHING_SHA2 }
    }

    /// Takes the backend's next payload. `secure`: nobody else can read the transport.
    pub fn next(&mut self, payload: &[u8], secure: bool) -> ClientStep {
        let Some(left) = self.payloads_left.checked_sub(1) else {
            return refuse(Malformed::new("login without end"));
        };
        self.payloads_left = left;
        match payload {
            [0x00, ..] => ClientStep::Done,
            [0xFF, ..] => match reply::parse_err(payload) {
                Ok(error) => ClientStep::Refuse(Refuse::Server(error)),
                Err(malformed) => refuse(malformed),
            },
            [0xFE, ..] => self.switch(payload),
            [more::HEADER, rest @ ..] if !self.native => self.more(rest, secure),
            _ => refuse(Malformed::new("packet during a login")),
        }
    }

    /// The password under the RSA key in `pem`, as a payload.
    pub fn encrypt(&self, pem: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut plain = self.clear();
        scramble(&mut plain, &self.nonce);
        rsa::encrypt(pem, &plain)
    }

    fn switch(&mut self, payload: &[u8]) -> ClientStep {
        let switch = match AuthSwitch::parse(payload) {
            Ok(switch) => switch,
            Err(malformed) => return refuse(malformed),
        };
        self.native = match std::str::from_utf8(switch.plugin) {
            Ok(NATIVE) => true,
            Ok(CACHING_SHA2) => false,
            _ => return ClientStep::Refuse(Refuse::Plugin(switch.plugin.to_vec())),
        };
        let Ok(nonce) = switch.nonce.try_into() else {
            return refuse(Malformed::new("nonce of another length"));
        };
        (self.nonce, self.waits_for_key) = (nonce, false);
        ClientStep::Send(self.response())
    }

    fn more(&mut self, rest: &[u8], secure: bool) -> ClientStep {
        match rest {
            key if self.waits_for_key => {
                self.waits_for_key = false;
                ClientStep::SendEncrypted(key.to_vec())
            }
            [more::FAST_OK] => ClientStep::Wait,
            [more::FULL] if secure => ClientStep::Send(self.clear().to_vec()),
            [more::FULL] => {
                self.waits_for_key = true;
                ClientStep::RequestRsaKey
            }
            _ => refuse(Malformed::new("packet during a login")),
        }
    }

    /// No bytes for an empty password, which both plugins take for one.
    fn response(&self) -> Vec<u8> {
        let nonce = &self.nonce[..];
        if self.native {
            scramble_native(nonce, &self.password).map(Vec::from).unwrap_or_default()
        } else {
            scramble_sha256(nonce, &self.password).map(Vec::from).unwrap_or_default()
        }
    }

    /// The password and its NUL.
    fn clear(&self) -> Zeroizing<Vec<u8>> {
        let mut clear = Zeroizing::new(Vec::with_capacity(self.password.len() + 1));
        clear.extend_from_slice(&self.password);
        clear.push(0);
        clear
    }
}

fn refuse(malformed: Malformed) -> ClientStep {
    ClientStep::Refuse(Refuse::Malformed(malformed))
}

/// A switch, a full authentication with its key, and the verdict take four.
const PAYLOADS_MAX: u8 = 8;
