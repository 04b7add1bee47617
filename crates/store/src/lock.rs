//! One process at a time: the `lock` file of a data directory.
//!
//! The kernel drops the lock when its holder dies, so there is never a stale one. The file holds
//! the process id for the message that the next one prints.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use crate::disk::{self, Disk, File};
use crate::error::{Error, IoContext, Result};

/// Takes the data directory until the returned guard is dropped.
pub(crate) fn acquire(disk: &dyn Disk, dir: &Path) -> Result<Arc<dyn File>> {
    let path = dir.join("lock");
    let Some(guard) = disk.lock(&path).on("lock", &path)? else {
        return Err(locked(disk, dir));
    };
    let pid = format!("{}\n", std::process::id());
    // Written over the last one and cut afterwards, so that it takes no room on a full disk.
    let written = guard
        .write_at(&mut [IoSlice::new(pid.as_bytes())], 0)
        .and_then(|()| guard.set_len(pid.len() as u64));
    match written {
        Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error).on("write", &path),
        _ => Ok(guard),
    }
}

/// Keeps everybody from taking the data directory until the returned guard is dropped, and changes
/// nothing. A directory that was never opened has no lock to hold.
pub(crate) fn keep_free(disk: &dyn Disk, dir: &Path) -> Result<Option<Arc<dyn File>>> {
    let path = dir.join("lock");
    match disk.keep_unlocked(&path) {
        Ok(Some(guard)) => Ok(Some(guard)),
        Ok(None) => Err(locked(disk, dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).on("lock", &path),
    }
}

/// The error that names who has the directory.
fn locked(disk: &dyn Disk, dir: &Path) -> Error {
    let holder = disk::read_file(disk, &dir.join("lock"))
        .ok()
        .flatten()
        .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
        .filter(|holder| !holder.is_empty());
    Error::Locked {
        dir: dir.to_owned(),
        holder: holder.unwrap_or_else(|| "unknown".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    #[test]
    fn a_second_opener_learns_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let guard = acquire(&OsDisk, dir.path()).unwrap();
        let error = acquire(&OsDisk, dir.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("in use by process {}", std::process::id())),
            "{error}"
        );
        drop(guard);
        acquire(&OsDisk, dir.path()).unwrap();
    }

    #[test]
    fn who_keeps_a_directory_free_excludes_openers_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        assert!(keep_free(&OsDisk, dir.path()).unwrap().is_none());
        let taken = acquire(&OsDisk, dir.path()).unwrap();
        assert!(matches!(
            keep_free(&OsDisk, dir.path()),
            Err(Error::Locked { .. })
        ));
        drop(taken);
        let before = std::fs::read(dir.path().join("lock")).unwrap();
        let guards = [(); 2].map(|()| keep_free(&OsDisk, dir.path()).unwrap());
        assert!(acquire(&OsDisk, dir.path()).is_err());
        assert_eq!(std::fs::read(dir.path().join("lock")).unwrap(), before);
        drop(guards);
        acquire(&OsDisk, dir.path()).unwrap();
    }
}
