//! Tells at once that something changed in the folders of the files that are reloaded.
//!
//! Folders are watched and not files: a watch of a file ends when a kubelet or an editor puts another in its place. Events are
//! a hint and no more: they do not exist in every container, and what changed is found by looking.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
}

impl Watch {
    /// Watches nothing yet; and never anything where the system has no such events.
    pub fn new() -> Watch {
        let changed = Arc::new(Notify::new());
        let told = changed.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // What is lost (an overflow) comes as an error or without a kind, and is a reason to look as well. That files are
            // read is not: we do that.
            let is_read = event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_)));
            if !is_read {
                told.notify_one();
            }
        });
        let watcher =
            watcher.inspect_err(|error| tracing::info!(%error, "folders are looked at only now and then")).ok();
        Watch { watcher, folders: BTreeSet::new(), changed }
    }

    /// Watches the folders of these files, and no others.
    pub fn folders_of<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let folder = |file: &Path| match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let wanted: BTreeSet<PathBuf> = files.map(folder).collect();
        self.folders.retain(|folder| {
            let stays = wanted.contains(folder);
            if !stays {
                // It may be gone with its watch.
                let _ = watcher.unwatch(folder);
            }
            stays
        });
        for folder in wanted {
            if !self.folders.contains(&folder) && watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                self.folders.insert(folder);
            }
        }
    }

    /// Waits until something changed since the last look.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_of_a_mounted_volume_is_told() {
        let folder = std::env::temp_dir().join(format!("meridian-watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let mut watch = Watch::new();
        watch.folders_of([folder.join("map.yaml")].iter().map(PathBuf::as_path));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        // A watch of a file would see the first only.
        for version in 0..3 {
            let data = folder.join(format!("..version_{version}"));
            std::fs::create_dir(&data).expect("the folder is ours");
            std::os::unix::fs::symlink(&data, folder.join("..data_tmp")).expect("the folder is ours");
            std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("the folder is ours");
            runtime.block_on(watch.changed());
        }
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
