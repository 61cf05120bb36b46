//! The folder that a playground lives in: new and gone at the end, or kept and gone on with.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Failure;

/// Written when everything in the folder is there; holds the family of its servers.
const MADE: &str = "made";

pub(super) struct Folder {
    pub path: PathBuf,
    /// The family of the servers whose data it holds; `None` in a new one.
    pub made: Option<String>,
    remove: bool,
    /// Held while this process uses it.
    _lock: File,
}

impl Folder {
    /// A new folder, removed at the end unless `keep`; or one that was kept. Without a path, one in the system's temporary folder.
    pub fn open(path: Option<&Path>, keep: bool) -> Result<Folder, Failure> {
        let path = match path {
            Some(path) => std::path::absolute(path).map_err(Failure::at(path))?,
            None => std::env::temp_dir().join(format!("meridian-playground-{}", std::process::id())),
        };
        let made = fs::read_to_string(path.join(MADE)).ok();
        let is_empty = || fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_none());
        if made.is_none() && !is_empty() {
            return Err(Failure::Asked(format!(
                "{} is not empty and holds no whole playground: name another folder, or delete it",
                path.display()
            )));
        }
        fs::create_dir_all(&path).map_err(|error| {
            Failure::Asked(format!("{}: {error}: name a folder that can be made, with --folder", path.display()))
        })?;
        // Servers may run as another user.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(Failure::at(&path))?;
        let lock = File::create(path.join("lock")).map_err(Failure::at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Asked(format!("another playground runs in {}", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(Failure::at(&path)(error)),
        }
        let remove = made.is_none() && !keep;
        Ok(Folder { path, made, remove, _lock: lock })
    }

    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(Failure::at(&path))
    }

    /// From now on a later start may go on here.
    pub fn is_whole(&self, family: &str) -> Result<(), Failure> {
        self.write(MADE, family)
    }

    pub fn is_kept(&self) -> bool {
        !self.remove
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.remove {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
