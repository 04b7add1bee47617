//! A file that is synced by one at a time, and never again once that failed.
//!
//! Several threads sync the file of a segment, each for reasons of its own, and the kernel tells of a failure once: whoever
//! asks next would be told that all is well. Here everybody is told.

use std::io::{self, IoSlice};
use std::sync::Arc;

use parking_lot::Mutex;

use super::File;

/// The file.
#[derive(Debug)]
pub(crate) struct Latch {
    file: Arc<dyn File>,
    /// Whether a sync failed; held while one is under way.
    failed: Mutex<bool>,
}

impl Latch {
    /// Takes a file of which no sync has failed.
    pub(crate) fn on(file: Arc<dyn File>) -> Arc<dyn File> {
        let failed = Mutex::new(false);
        Arc::new(Latch { file, failed })
    }
}

impl File for Latch {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(buffer, position)
    }

    fn read_into(&self, buffer: &mut Vec<u8>, len: usize, position: u64) -> io::Result<()> {
        self.file.read_into(buffer, len, position)
    }

    fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        self.file.read_cached_at(buffer, position)
    }

    fn write_at(&self, parts: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        self.file.write_at(parts, position)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn reserve(&self, position: u64, len: u64) -> io::Result<()> {
        self.file.reserve(position, len)
    }

    fn sync(&self) -> io::Result<()> {
        let mut failed = self.failed.lock();
        if *failed {
            return Err(io::Error::other("an earlier sync of the file failed"));
        }
        self.file.sync().inspect_err(|_| *failed = true)
    }

    fn forget(&self, end: u64) {
        // What a failed sync left behind is in memory and perhaps nowhere else, and readers may know of it.
        if self.failed.try_lock().is_some_and(|failed| !*failed) {
            self.file.forget(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::Disk;
    use crate::disk::faulty::{Fault, FaultyDisk, Op};

    #[test]
    fn a_sync_that_failed_once_fails_for_everybody_after() {
        let disk = FaultyDisk::default();
        let file = Latch::on(disk.create(Path::new("/data/x")).unwrap());
        file.sync().unwrap();
        disk.inject(Fault::once(Op::Sync, 0));
        file.sync().unwrap_err();
        let syncs = disk.syncs();
        file.sync().unwrap_err();
        assert_eq!(disk.syncs(), syncs, "it is not asked for again");
    }

    #[test]
    fn what_a_failed_sync_left_in_memory_is_not_given_away() {
        let disk = FaultyDisk::default();
        let file = Latch::on(disk.create(Path::new("/data/x")).unwrap());
        file.write_at(&mut [IoSlice::new(b"only here")], 0).unwrap();
        disk.inject(Fault::once(Op::Sync, 0));
        file.sync().unwrap_err();
        file.forget(9);
        let mut read = [0; 9];
        file.read_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"only here");
    }
}
