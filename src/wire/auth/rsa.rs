//! RSA towards a backend: OAEP with SHA-1, which is what MySQL's servers open.
//!
//! The one place of the room that takes randomness from the operating system: OAEP's padding, inside
//! the library.

use crate::wire::Malformed;
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

/// Encrypts `plain` under the public key in `pem`.
pub(super) fn encrypt(pem: &[u8], plain: &[u8]) -> Result<Vec<u8>, Malformed> {
    const KEY: Malformed = Malformed::new("RSA public key");
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KEY)?;
    let key = PublicEncryptingKey::from_der(&der).map_err(|_| KEY)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| KEY)?;
    let mut out = vec![0; key.ciphertext_size()];
    let written = key
        .encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut out, None)
        .map_err(|_| Malformed::new("password too long for the RSA key"))?
        .len();
    out.truncate(written);
    Ok(out)
}
