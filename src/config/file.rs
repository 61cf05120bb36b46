//! Files as the process reads them, at its start and again when they changed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::shard_map::document::DOCUMENT_BYTES_MAX;

/// The link that a kubelet moves from one version of a mounted ConfigMap or Secret to the next.
const VERSION: &str = "..data";

/// A version may be replaced while it is read; so often it is tried again.
const TRIES: usize = 5;

/// The text of a configuration, accounts or map file, wiped when dropped. Reads no more than such a
/// document may have; one that is longer is cut, and refused as too long when it is loaded.
pub fn text(path: &Path) -> io::Result<Zeroizing<String>> {
    let bytes = bytes(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The same as bytes. In a mounted volume, the file of one version, though the kubelet may be replacing it.
pub fn bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return whole(path);
    };
    let link = folder.join(VERSION);
    for _ in 0..TRIES {
        let Ok(version) = fs::read_link(&link) else {
            return whole(path);
        };
        let read = whole(&folder.join(&version).join(name));
        if fs::read_link(&link).is_ok_and(|now| now == version) {
            return match read {
                // Beside the volume's own files there may be others.
                Err(error) if error.kind() == io::ErrorKind::NotFound => whole(path),
                read => read,
            };
        }
    }
    Err(io::Error::other("the mounted volume is replaced over and over"))
}

/// Whether the volume of this file, mounted by itself, has been replaced since: it never changes any more.
pub fn is_orphan(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.nlink() == 0)
}

/// Whether this is a single file of a volume, mounted by `subPath`: the container keeps the file that it began with, also when
/// the volume gets another.
pub fn is_mounted_alone(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|path| {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        path.to_str().is_some_and(|path| has_mount_point(&mounts, path))
    })
}

/// Whether something is mounted at that very path. `mounts` is a text as `/proc/self/mountinfo` (proc(5)), where the mount point
/// is the fifth word and spaces and the like stand as `\040`.
fn has_mount_point(mounts: &str, path: &str) -> bool {
    let escaped: String = path
        .chars()
        .map(|c| match c {
            ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", u32::from(c)),
            c => c.into(),
        })
        .collect();
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(escaped.as_str()))
}

fn whole(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let bytes_max = u64::try_from(DOCUMENT_BYTES_MAX).expect("a few mebibytes");
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_of_the_file_itself_is_found() {
        let mounts = "22 27 0:21 / /proc rw - proc proc rw\n\
                      90 80 8:1 /volumes/map/..2026/map.yaml /etc/meridian/map.yaml ro,relatime - ext4 /dev/sda1 rw\n\
                      91 80 8:1 /volumes/a /etc/with\\040space rw - ext4 /dev/sda1 rw\n";
        for (path, expected) in [
            ("/etc/meridian/map.yaml", true),
            ("/etc/meridian", false),
            ("/etc/with space", true),
            ("/volumes/a", false),
        ] {
            assert_eq!(has_mount_point(mounts, path), expected, "{path}");
        }
    }
}
