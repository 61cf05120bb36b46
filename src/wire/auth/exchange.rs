//! The server's side of one login.
//!
//! Invariants: an unknown user goes through the steps of a user with a [`Verifier::Fast`], over the
//! dummy's verifiers that the caller gives, up to the same `Deny`; every exchange ends after at most
//! four payloads of the client. The front end chooses a dummy of the costliest kind that its accounts
//! have, so that the time of a full authentication tells nothing either.

use super::more;
use super::verifier::{Verifier, fast_response_is_right, native_response_is_right};
use super::{CACHING_SHA2, NATIVE, sha256};
use crate::wire::handshake::{AuthSwitch, NONCE_LEN};
use zeroize::Zeroizing;

/// A login to be judged.
pub struct Attempt<'a> {
    /// Of the account, or a dummy's if the user is unknown.
    pub verifiers: &'a [Verifier],
    /// Whether there is such an account.
    pub known: bool,
    /// That of our greeting.
    pub nonce: &'a [u8; NONCE_LEN],
    /// The plugin that `response` is of; `None` from a client without PLUGIN_AUTH.
    pub plugin: Option<&'a str>,
    /// The response in the login request or in COM_CHANGE_USER.
    pub response: &'a [u8],
    /// Whether nobody else can read the transport (TLS, Unix socket).
    pub secure: bool,
    /// From an earlier [`Accepted`], if the account's verifiers are still the same.
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
    /// Send OK.
    Accept(Accepted),
    /// Send ERR 1045 and close.
    Deny,
}

/// A login that succeeded.
#[derive(PartialEq, Eq)]
pub struct Accepted {
    /// For the fast-path cache, after a full authentication.
    pub fast: Option<[u8; 32]>,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accepted(..)")
    }
}

/// The server's side of one login.
pub struct Exchange {
    verifiers: Vec<Verifier>,
    known: bool,
    nonce: [u8; NONCE_LEN],
    secure: bool,
    cached_fast: Option<[u8; 32]>,
    rsa: bool,
    waiting: Waiting,
}

/// What the client's next payload is.
#[derive(Clone, Copy)]
enum Waiting {
    /// The response to a switch to this plugin.
    Response(Plugin),
    /// The clear password inside TLS, or a wish for the RSA key.
    Password,
    /// The password under our RSA key.
    Encrypted,
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Plugin {
    Native,
    CachingSha2,
}

impl Plugin {
    fn name(self) -> &'static str {
        match self {
            Self::Native => NATIVE,
            Self::CachingSha2 => CACHING_SHA2,
        }
    }
}

impl Exchange {
    /// Judges the login request; unless that ends it, more payloads are needed.
    pub fn start(attempt: Attempt<'_>) -> (Self, Step) {
        let mut exchange = Self {
            verifiers: attempt.verifiers.to_vec(),
            known: attempt.known,
            nonce: *attempt.nonce,
            secure: attempt.secure,
            cached_fast: attempt.cached_fast,
            rsa: attempt.rsa,
            waiting: Waiting::Nothing,
        };
        let serves_native = exchange.verifiers.iter().any(|v| matches!(v, Verifier::Native(_)));
        let serves_sha2 = exchange.verifiers.iter().any(|v| !matches!(v, Verifier::Native(_)));
        let wanted = if serves_sha2 || !serves_native { Plugin::CachingSha2 } else { Plugin::Native };
        let step = match attempt.plugin {
            Some(CACHING_SHA2) if wanted == Plugin::CachingSha2 => exchange.caching_sha2(attempt.response),
            // A client from before plugins has the native one, and can't be asked to switch.
            Some(NATIVE) | None if serves_native => exchange.native(attempt.response),
            None => Step::Deny,
            Some(_) => {
                exchange.waiting = Waiting::Response(wanted);
                let switch = AuthSwitch { plugin: wanted.name().as_bytes(), nonce: &exchange.nonce };
                Step::Send(switch.encode())
            }
        };
        (exchange, step)
    }

    /// Judges the client's next payload. `rsa_decrypt` opens OAEP (SHA-1) with our private key.
    pub fn next(&mut self, payload: &[u8], rsa_decrypt: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Step {
        match std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            Waiting::Nothing => Step::Deny,
            Waiting::Response(Plugin::Native) => self.native(payload),
            Waiting::Response(Plugin::CachingSha2) => self.caching_sha2(payload),
            Waiting::Password if self.secure => self.password(payload),
            Waiting::Password if payload == [more::REQUEST_RSA_KEY] && self.rsa => {
                self.waiting = Waiting::Encrypted;
                Step::SendRsaKey
            }
            // Without the wish: the client has the key from a file.
            Waiting::Password | Waiting::Encrypted => self.encrypted(payload, rsa_decrypt),
        }
    }

    fn native(&mut self, response: &[u8]) -> Step {
        let Some(response) = response.first_chunk::<20>().filter(|chunk| chunk.len() == response.len()) else {
            return self.without_password(response);
        };
        let right = self.verifiers.iter().any(|verifier| match verifier {
            Verifier::Native(stored) => native_response_is_right(response, stored, &self.nonce),
            _ => false,
        });
        self.verdict(right, None)
    }

    /// The fast path if a double digest is at hand; otherwise, and where that doesn't fit, full
    /// authentication, as MySQL does: the cached digest may be of an older password.
    fn caching_sha2(&mut self, response: &[u8]) -> Step {
        let Some(response) = response.first_chunk::<32>().filter(|chunk| chunk.len() == response.len()) else {
            return self.without_password(response);
        };
        let stored = self.verifiers.iter().filter_map(|verifier| match verifier {
            Verifier::Fast(stored) => Some(stored),
            _ => None,
        });
        let right = stored.chain(&self.cached_fast).any(|stored| fast_response_is_right(response, stored, &self.nonce));
        if right && self.known {
            return Step::SendThenAccept(vec![more::HEADER, more::FAST_OK], Accepted { fast: None });
        }
        if !self.secure && !self.rsa {
            return Step::Deny;
        }
        self.waiting = Waiting::Password;
        Step::Send(vec![more::HEADER, more::FULL])
    }

    /// A response of no bytes, or of one NUL, is that of an empty password. Any other of a wrong
    /// length is refused.
    fn without_password(&self, response: &[u8]) -> Step {
        let empty = matches!(response, [] | [0]);
        let allowed = self.verifiers.iter().any(Verifier::is_of_empty_password);
        self.verdict(empty && allowed, None)
    }

    /// The password in the clear, with a NUL behind it.
    fn password(&self, payload: &[u8]) -> Step {
        let Some(password) = payload.strip_suffix(&[0]) else {
            return Step::Deny;
        };
        // Not `any`: each verifier is tried, so that the time doesn't tell which one fits.
        let right = self.verifiers.iter().fold(false, |right, verifier| right | verifier.accepts(password));
        let fast = sha256(&[&sha256(&[password])]);
        self.verdict(right, Some(fast))
    }

    /// The password with its NUL, XORed with the nonce, under our RSA key.
    fn encrypted(&self, payload: &[u8], rsa_decrypt: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Step {
        if !self.rsa || payload.len() > RSA_BLOCK_MAX {
            return Step::Deny;
        }
        let Some(mut password) = rsa_decrypt(payload).map(Zeroizing::new) else {
            return Step::Deny;
        };
        scramble(&mut password, &self.nonce);
        self.password(&password)
    }

    fn verdict(&self, right: bool, fast: Option<[u8; 32]>) -> Step {
        if right && self.known { Step::Accept(Accepted { fast }) } else { Step::Deny }
    }
}

/// XORs a password with the nonce, repeated: both sides do it around RSA.
pub(super) fn scramble(password: &mut [u8], nonce: &[u8; NONCE_LEN]) {
    for (byte, key) in password.iter_mut().zip(nonce.iter().cycle()) {
        *byte ^= key;
    }
}

/// Bytes of what an RSA key of 8192 bits encrypts.
const RSA_BLOCK_MAX: usize = 1024;
