//! The `meta` file: whose data directory this is and in which format.
//!
//! Lines of `name=value`, so that a person can read it:
//!
//! ```text
//! format_version=1
//! cluster_id=6f3c1a52-…
//! ```

use std::io::ErrorKind;
use std::path::Path;

use uuid::Uuid;

use crate::disk::{self, Disk};
use crate::error::{Error, IoContext, Result};
use crate::format::FORMAT_VERSION;

/// Reads the cluster id of the data directory, or makes the directory that of `new_cluster`.
pub(crate) fn load_or_create(disk: &dyn Disk, dir: &Path, new_cluster: Uuid) -> Result<Uuid> {
    if let Some(cluster_id) = load(disk, dir)? {
        return Ok(cluster_id);
    }
    let path = dir.join("meta");
    let text = format!("format_version={FORMAT_VERSION}\ncluster_id={new_cluster}\n");
    disk::replace_file(disk, &path, text.as_bytes()).on("write", &path)?;
    sync_name(disk, dir)?;
    Ok(new_cluster)
}

/// Reads the cluster id of the data directory; `None` if it is that of no cluster yet.
pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Result<Option<Uuid>> {
    let path = dir.join("meta");
    let Some(bytes) = disk::read_file(disk, &path).on("read", &path)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let value = |name: &'static str| {
        let line = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(n, _)| *n == name);
        line.map(|(_, value)| value.trim())
    };
    let corrupt = |name: &str| Error::Corrupt {
        file: path.clone(),
        position: 0,
        reason: format!("it has no valid {name}"),
    };
    let found: u32 = value("format_version")
        .and_then(|v| v.parse().ok())
        .ok_or_else(|| corrupt("format_version"))?;
    let supported = u32::from(FORMAT_VERSION);
    if found > supported {
        return Err(Error::NewerFormat {
            dir: dir.to_owned(),
            found,
            supported,
        });
    }
    value("cluster_id")
        .and_then(|v| v.parse().ok())
        .map(Some)
        .ok_or_else(|| corrupt("cluster_id"))
}

/// Makes the name of the data directory itself survive a power cut.
fn sync_name(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let parent = match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    match disk.sync_dir(parent) {
        // Whoever made a directory that we may not list has made it before.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        synced => synced.on("sync", parent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    #[test]
    fn a_directory_keeps_its_first_cluster_id() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create(&OsDisk, dir.path(), Uuid::from_u128(1)).unwrap();
        let again = load_or_create(&OsDisk, dir.path(), Uuid::from_u128(2)).unwrap();
        assert_eq!((first, again), (Uuid::from_u128(1), Uuid::from_u128(1)));
    }

    #[test]
    fn a_newer_format_is_refused_by_number() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("meta"), "format_version=9\ncluster_id=x\n").unwrap();
        let error = load_or_create(&OsDisk, dir.path(), Uuid::nil()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("has format version 9, this build reads up to 1")
        );
    }

    #[test]
    fn nonsense_is_corrupt() {
        for text in [
            "",
            "format_version=x",
            "format_version=1",
            "format_version=1\ncluster_id=q",
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("meta"), text).unwrap();
            let error = load_or_create(&OsDisk, dir.path(), Uuid::nil()).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{text:?}: {error}");
        }
    }
}
