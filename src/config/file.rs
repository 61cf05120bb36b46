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

/// Whether this is a single file of a volume, mounted by `subPath`, whose volume has been replaced since: it will never
/// change again.
pub fn is_orphan(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.nlink() == 0)
}

fn whole(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let bytes_max = u64::try_from(DOCUMENT_BYTES_MAX).expect("a few mebibytes");
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
