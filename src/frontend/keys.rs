//! Keys of the front end: the RSA key by which passwords travel without TLS, and the TLS of the listener.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::OnceCell;

/// An RSA key, made when the first client asks for it and not kept beyond the process: nothing is encrypted by it for
/// longer than a login takes. Clients with TLS, or whose fast path is known, never need it.
#[derive(Default)]
pub struct LoginKey {
    made: OnceCell<Option<Key>>,
}

struct Key {
    private: OaepPrivateDecryptingKey,
    /// PEM, as clients want it.
    public: Vec<u8>,
}

impl fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginKey(..)")
    }
}

impl LoginKey {
    /// The public key; `None` if the system has no randomness to give. Making the key takes a core some 100 ms, so it
    /// is done beside the tasks that serve others.
    pub async fn public(&self) -> Option<&[u8]> {
        let made = self.made.get_or_init(|| async { tokio::task::spawn_blocking(generate).await.ok().flatten() }).await;
        made.as_ref().map(|key| key.public.as_slice())
    }

    /// Decrypts what a client encrypted with the public key (RSA-OAEP with SHA-1, as the plugin has it).
    pub fn decrypt(&self, encrypted: &[u8]) -> Option<Vec<u8>> {
        let key = self.made.get()?.as_ref()?;
        let mut out = vec![0; key.private.min_output_size()];
        let clear = key.private.decrypt(&OAEP_SHA1_MGF1SHA1, encrypted, &mut out, None).ok()?;
        Some(clear.to_vec())
    }
}

fn generate() -> Option<Key> {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).ok()?;
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let mut public = b"-----BEGIN PUBLIC KEY-----\n".to_vec();
    for line in base64.as_bytes().chunks(64) {
        public.extend_from_slice(line);
        public.push(b'\n');
    }
    public.extend_from_slice(b"-----END PUBLIC KEY-----\n");
    Some(Key { private: OaepPrivateDecryptingKey::new(key).ok()?, public })
}

/// TLS towards clients from PEM files.
///
/// # Errors
/// The file that could not be used, and why.
pub fn server_tls(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<Arc<rustls::ServerConfig>, String> {
    let chain = certificates(certificate)?;
    let private = private_key(key)?;
    let builder = match client_ca {
        None => rustls::ServerConfig::builder().with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(roots(path)?);
            let verifier = WebPkiClientVerifier::builder(roots)
                .allow_unauthenticated()
                .build()
                .map_err(|error| format!("{}: {error}", path.display()))?;
            rustls::ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let config =
        builder.with_single_cert(chain, private).map_err(|error| format!("{}: {error}", certificate.display()))?;
    Ok(Arc::new(config))
}

/// The certificates of a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let chain: Result<Vec<_>, _> = read.collect();
    let chain = chain.map_err(|error| format!("{}: {error}", path.display()))?;
    if chain.is_empty() { Err(format!("{}: no certificate in it", path.display())) } else { Ok(chain) }
}

/// The private key of a PEM file.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The authorities of a PEM file.
pub fn roots(path: &Path) -> Result<rustls::RootCertStore, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(roots)
}
