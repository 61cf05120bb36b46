//! What is stored of a password, in the forms that MySQL and MariaDB print.
//!
//! Invariant: a verifier is never shown except by [`Verifier::reveal`].

use super::sha256_crypt::{DIGEST_LEN, PASSWORD_MAX, sha256_crypt};
use super::{sha1, sha256, xor};
use subtle::ConstantTimeEq;

/// Bytes of the salt of a `$A$` verifier.
const SALT_LEN: usize = 20;

/// What is stored of a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Verifier {
    /// SHA1(SHA1(password)): `*` and 40 hex digits, as in MariaDB's mysql.user.
    Native([u8; 20]),
    /// SHA256(SHA256(password)): `sha256:` and 64 hex digits. Serves the fast path at once.
    Fast([u8; 32]),
    /// `$A$005$`, salt and digest, as in MySQL's mysql.user: needs one full authentication first.
    Salted {
        /// A multiple of 1000.
        rounds: u32,
        salt: [u8; SALT_LEN],
        /// In crypt's alphabet.
        digest: [u8; DIGEST_LEN],
    },
}

/// A text that is no verifier. The text itself is a secret and isn't repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierError;

impl std::fmt::Display for VerifierError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "not a password verifier: expected * and 40 hex digits, sha256: and 64 hex digits, or \
             MySQL's $A$005$... as text or as 0x and hex digits",
        )
    }
}

impl std::error::Error for VerifierError {}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native(_) => "Verifier::Native(..)",
            Self::Fast(_) => "Verifier::Fast(..)",
            Self::Salted { .. } => "Verifier::Salted(..)",
        })
    }
}

impl Verifier {
    /// Reads a verifier's text. `SHOW CREATE USER` with `print_identified_with_as_hex` prints the form
    /// with 0x, which is the safe one to paste: a salt may have control characters.
    pub fn parse(text: &str) -> Result<Self, VerifierError> {
        match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => Self::from_bytes(&unhex(digits.as_bytes()).ok_or(VerifierError)?),
            None => Self::from_bytes(text.as_bytes()),
        }
    }

    /// The verifier that lets clients take the fast path at once.
    pub fn from_password_fast(password: &[u8]) -> Self {
        Self::Fast(sha256(&[&sha256(&[password])]))
    }

    /// The verifier for clients that know only `mysql_native_password`.
    pub fn from_password_native(password: &[u8]) -> Self {
        Self::Native(sha1(&[&sha1(&[password])]))
    }

    /// The verifier that MySQL would store; `salt` is random. Its bytes are made into those that
    /// MySQL allows. `None` for a password that MySQL would refuse as too long.
    pub fn from_password_salted(password: &[u8], salt: [u8; SALT_LEN]) -> Option<Self> {
        if password.len() > PASSWORD_MAX {
            return None;
        }
        let salt = salt.map(|byte| match byte & 0x7F {
            0 | b'$' => b'.',
            plain => plain,
        });
        let digest = sha256_crypt(password, &salt, ROUNDS_UNIT * 5);
        Some(Self::Salted { rounds: ROUNDS_UNIT * 5, salt, digest })
    }

    /// The text that [`Verifier::parse`] reads: for `meridian password` only.
    pub fn reveal(&self) -> String {
        match self {
            Self::Native(digest) => format!("*{}", hex(digest)),
            Self::Fast(digest) => format!("sha256:{}", hex(digest)),
            Self::Salted { rounds, salt, digest } => {
                let mut bytes = format!("$A${:03X}$", rounds / ROUNDS_UNIT).into_bytes();
                bytes.extend_from_slice(salt);
                bytes.extend_from_slice(digest);
                format!("0x{}", hex(&bytes))
            }
        }
    }

    /// Whether a clear password is the right one.
    pub(super) fn accepts(&self, password: &[u8]) -> bool {
        if password.len() > PASSWORD_MAX {
            return false;
        }
        match self {
            Self::Native(stored) => sha1(&[&sha1(&[password])]).ct_eq(stored).into(),
            Self::Fast(stored) => sha256(&[&sha256(&[password])]).ct_eq(stored).into(),
            Self::Salted { rounds, salt, digest } => sha256_crypt(password, salt, *rounds).ct_eq(digest).into(),
        }
    }

    /// Whether it is of the empty password. MySQL never stores a salted one of it.
    pub(super) fn is_of_empty_password(&self) -> bool {
        !matches!(self, Self::Salted { .. }) && self.accepts(b"")
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, VerifierError> {
        let parsed = if let Some(digits) = bytes.strip_prefix(b"*") {
            exact(digits).map(Self::Native)
        } else if let Some(digits) = bytes.strip_prefix(b"sha256:") {
            exact(digits).map(Self::Fast)
        } else {
            bytes.strip_prefix(b"$A$").and_then(Self::salted)
        };
        parsed.ok_or(VerifierError)
    }

    /// Behind `$A$`: three hex digits of thousands of rounds, `$`, salt, digest.
    fn salted(bytes: &[u8]) -> Option<Self> {
        let (thousands, rest) = bytes.split_first_chunk::<3>()?;
        let (salt, digest) = rest.strip_prefix(b"$")?.split_first_chunk::<SALT_LEN>()?;
        let thousands = u32::from_str_radix(std::str::from_utf8(thousands).ok()?, 16).ok()?;
        let digest = <[u8; DIGEST_LEN]>::try_from(digest).ok()?;
        (thousands > 0).then_some(Self::Salted { rounds: thousands * ROUNDS_UNIT, salt: *salt, digest })
    }
}

/// Whether `response` = SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))), where `stored` is the
/// double digest (MySQL source documentation, "Native Authentication").
pub(super) fn native_response_is_right(response: &[u8; 20], stored: &[u8; 20], nonce: &[u8]) -> bool {
    let once = xor(*response, sha1(&[nonce, stored]));
    sha1(&[&once]).ct_eq(stored).into()
}

/// Whether `response` = SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce), where `stored`
/// is the double digest (MySQL source documentation, "Caching SHA-2 Authentication").
pub(super) fn fast_response_is_right(response: &[u8; 32], stored: &[u8; 32], nonce: &[u8]) -> bool {
    let once = xor(*response, sha256(&[stored, nonce]));
    sha256(&[&once]).ct_eq(stored).into()
}

fn exact<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    unhex(digits)?.try_into().ok()
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// What the three digits of a `$A$` verifier count (MySQL, `ITERATION_MULTIPLIER`).
const ROUNDS_UNIT: u32 = 1000;
