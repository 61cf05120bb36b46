//! Certificates for the tests of TLS, made anew by the openssl command; `certificates.sh` says which.

use std::path::PathBuf;
use std::process::Command;

use super::Folder;
use super::server::SUPPORT;

#[derive(Debug)]
pub struct Certificates(Folder);

impl Certificates {
    pub fn new() -> Certificates {
        let folder = Folder::new("certificates");
        let made = Command::new(format!("{SUPPORT}/certificates.sh")).arg(folder.path()).output();
        let made = made.expect("the script is executable");
        let log = std::fs::read_to_string(folder.path().join("openssl.log")).unwrap_or_default();
        assert!(made.status.success(), "certificates.sh failed:\n{}{log}", String::from_utf8_lossy(&made.stderr));
        Certificates(folder)
    }

    /// The file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        assert!(path.exists(), "{}", path.display());
        path
    }

    /// The same, as text.
    pub fn at(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}
