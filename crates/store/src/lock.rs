//! One process at a time: the `lock` file of a data directory.
//!
//! The kernel drops the lock when its holder dies, so there is never a stale one. The file holds
//! the process id for the message that the next one prints.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{self, Disk, File};
use crate::error::{Error, IoContext, Result};

/// Takes the data directory until the returned guard is dropped.
pub(crate) fn acquire(disk: &dyn Disk, dir: &Path) -> Result<Arc<dyn File>> {
    let path = dir.join("lock");
    let Some(guard) = disk.lock(&path).on("lock", &path)? else {
        let holder = disk::read_file(disk, &path)
            .on("read", &path)?
            .unwrap_or_default();
        let holder = String::from_utf8_lossy(&holder).trim().to_owned();
        let holder = if holder.is_empty() {
            "unknown".into()
        } else {
            holder
        };
        return Err(Error::Locked {
            dir: dir.to_owned(),
            holder,
        });
    };
    let pid = format!("{}\n", std::process::id());
    guard.set_len(0).on("write", &path)?;
    guard
        .write_at(&mut [IoSlice::new(pid.as_bytes())], 0)
        .on("write", &path)?;
    Ok(guard)
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
}
