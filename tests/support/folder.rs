//! Folders that end with their value, and free ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static SERIAL: AtomicU32 = AtomicU32::new(0);

/// A number that no other value of this process got.
pub fn serial() -> u32 {
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

/// A folder below the machine's temporary folder, deleted on Drop. Short, for the sake of socket paths; open to be passed
/// through, since servers run as another user.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("meridian-{}-{}-{name}", std::process::id(), serial()));
        // Of a process of the same id that was killed.
        let _ = fs::remove_dir_all(&path);
        Folder::at(path)
    }

    pub fn at(path: PathBuf) -> Folder {
        fs::create_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("MERIDIAN_KEEP_FOLDERS").is_none() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A port on 127.0.0.1 that nobody listens on, below the range from which Linux takes ports for outgoing connections, so that
/// a server can come back to it. Another process may still be faster: who binds it tries again with another.
pub fn free_port() -> u16 {
    let begin = std::process::id().wrapping_mul(7919).wrapping_add(serial() * 31);
    (0..10_000)
        .map(|step| 20_000 + u16::try_from(begin.wrapping_add(step * 7) % 11_000).expect("below 11,000"))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("ten thousand ports, all taken")
}
