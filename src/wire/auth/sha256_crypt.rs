//! SHA-crypt with SHA-256 (Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", 2008), as MySQL
//! uses it for `caching_sha2_password`: a salt of 20 bytes, where libc stops at 16.
//!
//! Invariant: the work is bounded by `ROUNDS_MAX` and [`PASSWORD_MAX`]; the result is 43 characters.

use super::sha256;
use zeroize::Zeroizing;

/// MySQL refuses longer passwords (`CACHING_SHA2_PASSWORD_MAX_PASSWORD_LENGTH`).
pub(super) const PASSWORD_MAX: usize = 256;

/// Characters of a digest.
pub(super) const DIGEST_LEN: usize = 43;

/// The digest of `password`, which has at most [`PASSWORD_MAX`] bytes.
pub(super) fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> [u8; DIGEST_LEN] {
    let second = sha256(&[password, salt, password]);
    let mut first = Zeroizing::new(Vec::with_capacity(4 * password.len() + 64));
    first.extend_from_slice(password);
    first.extend_from_slice(salt);
    first.extend(second.iter().cycle().take(password.len()));
    let mut bits = password.len();
    while bits > 0 {
        first.extend_from_slice(if bits & 1 == 1 { &second } else { password });
        bits >>= 1;
    }
    let mut digest = sha256(&[&first]);

    let repeated = Zeroizing::new(password.repeat(password.len()));
    let spread = |seed: [u8; 32], len: usize| -> Zeroizing<Vec<u8>> {
        Zeroizing::new(seed.iter().copied().cycle().take(len).collect())
    };
    let p = spread(sha256(&[&repeated]), password.len());
    let s = spread(sha256(&[&salt.repeat(16 + usize::from(digest[0]))]), salt.len());
    for round in 0..rounds {
        let odd = round & 1 == 1;
        digest = sha256(&[
            if odd { &p } else { &digest },
            if round % 3 != 0 { &s } else { &[] },
            if round % 7 != 0 { &p } else { &[] },
            if odd { &digest } else { &p },
        ]);
    }
    encode(&digest)
}

/// Crypt's own order of bytes and its own alphabet.
fn encode(digest: &[u8; 32]) -> [u8; DIGEST_LEN] {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = [0; DIGEST_LEN];
    for (index, characters) in out.chunks_mut(4).enumerate() {
        let triple = match index {
            0..10 => {
                let at = |offset: usize| u32::from(digest[(index * 21 + offset) % 30]);
                at(0) << 16 | at(10) << 8 | at(20)
            }
            _ => u32::from(digest[31]) << 8 | u32::from(digest[30]),
        };
        for (place, character) in characters.iter_mut().enumerate() {
            *character = ALPHABET[(triple >> (6 * place)) as usize & 0x3F];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, salt: &[u8], rounds: u32, expected: &str) {
        let found = sha256_crypt(password.as_bytes(), salt, rounds);
        assert_eq!(std::str::from_utf8(&found).expect("the alphabet is ASCII"), expected);
    }

    /// The specification's own examples, as libc's `crypt` answers them.
    #[test]
    fn agrees_with_libc() {
        check("Hello world!", b"saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
        check("Hello world!", b"saltstringsaltst", 10000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
        check(
            "a very much longer text to encrypt.  This one even stretches over morethan one line.",
            b"anotherlongsalts",
            1400,
            "Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
        );
    }

    /// The example that hashcat publishes for its mode 7401 (MySQL $A$).
    #[test]
    fn agrees_with_a_published_hash_of_mysql() {
        let salt = [
            0xF9, 0xCC, 0x98, 0xCE, 0x08, 0x89, 0x29, 0x24, 0xF5, 0x0A, 0x21, 0x3B, 0x6B, 0xC5, 0x71, 0xA2, 0xC1, 0x17,
            0x78, 0xC5,
        ];
        check("hashcat", &salt, 5000, "bTy95Y99eAME1dwEkHOA1ndHGBWz.1bxSSRkuTXFGV/");
    }
}
