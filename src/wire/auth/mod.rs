//! Password authentication on both sides, sans-IO: `mysql_native_password` and
//! `caching_sha2_password`.
//!
//! Towards clients [`Exchange`] judges a response against stored [`Verifier`]s; towards backends
//! [`ClientAuth`] answers with a password. Passwords and digests never appear in Debug; compares
//! take the same time whatever the values; what holds a clear password is wiped.

mod client;
mod exchange;
mod rsa;
mod sha256_crypt;
#[cfg(test)]
mod tests;
mod verifier;

pub use client::{ClientAuth, ClientStep, Refuse};
pub use exchange::{Accepted, Attempt, Exchange, Step};
pub use verifier::{Verifier, VerifierError};

use aws_lc_rs::digest;

/// The plugin that our greeting names.
pub const CACHING_SHA2: &str = "caching_sha2_password";
/// The older plugin, which MySQL 9 has no more.
pub const NATIVE: &str = "mysql_native_password";

/// AuthMoreData of caching_sha2: the header, and what may follow it (MySQL source documentation,
/// "caching_sha2_password").
mod more {
    pub const HEADER: u8 = 0x01;
    pub const REQUEST_RSA_KEY: u8 = 0x02;
    pub const FAST_OK: u8 = 0x03;
    pub const FULL: u8 = 0x04;
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    digest_of(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts)
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    digest_of(&digest::SHA256, parts)
}

fn digest_of<const N: usize>(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> [u8; N] {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; N];
    out.copy_from_slice(context.finish().as_ref());
    out
}

fn xor<const N: usize>(mut left: [u8; N], right: [u8; N]) -> [u8; N] {
    for (to, from) in left.iter_mut().zip(right) {
        *to ^= from;
    }
    left
}
