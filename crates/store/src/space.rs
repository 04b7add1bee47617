//! How much room the data directory's file system has.

use std::path::Path;

use crate::error::{IoContext, Result};
use crate::store::Store;

/// The room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// All of it.
    pub total_bytes: u64,
    /// What this process may still use.
    pub usable_bytes: u64,
}

impl Store {
    /// The room on the file system that holds the data directory.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the system does not say.
    pub fn disk_space(&self) -> Result<DiskSpace> {
        disk_space(self.dir())
    }
}

fn disk_space(dir: &Path) -> Result<DiskSpace> {
    let stat = rustix::fs::statvfs(dir).map_err(std::io::Error::from);
    let stat = stat.on("measure the file system of", dir)?;
    Ok(DiskSpace {
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        usable_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_has_no_more_left_than_it_has() {
        let space = disk_space(Path::new("/")).unwrap();
        assert!(space.total_bytes > 0 && space.usable_bytes <= space.total_bytes);
    }

    #[test]
    fn a_directory_that_is_not_there_has_no_space() {
        assert!(disk_space(Path::new("/nowhere/at/all")).is_err());
    }
}
