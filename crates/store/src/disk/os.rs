//! The real file system.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::fs::{Advice, FallocateFlags, FlockOperation};
use rustix::io::{Errno, ReadWriteFlags};

use super::{Disk, File};

/// Linux allows at most this many parts in one write (`IOV_MAX`).
const MAX_PARTS: usize = 1024;

/// The operating system's file system.
#[derive(Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        open_with(fs::OpenOptions::new().read(true).write(true), path)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        open_with(fs::OpenOptions::new().read(true), path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        open_with(&options, path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn remove_empty_dir(&self, path: &Path) -> io::Result<bool> {
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn File>>> {
        let mut options = fs::OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        flock(file, FlockOperation::NonBlockingLockExclusive)
    }

    fn keep_unlocked(&self, path: &Path) -> io::Result<Option<Arc<dyn File>>> {
        flock(fs::File::open(path)?, FlockOperation::NonBlockingLockShared)
    }
}

/// Takes a lock until the file is closed; `None` if another process has one that excludes it.
fn flock(file: fs::File, operation: FlockOperation) -> io::Result<Option<Arc<dyn File>>> {
    match rustix::fs::flock(&file, operation) {
        Ok(()) => Ok(Some(Arc::new(file))),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn open_with(options: &fs::OpenOptions, path: &Path) -> io::Result<Arc<dyn File>> {
    let file = options.open(path)?;
    // Whoever reads a log reads on: the kernel then reads further ahead, and does so better than hints
    // about each next part would. A file system that does not take the hint only reads more slowly.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
    Ok(Arc::new(file))
}

impl File for fs::File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, mut buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut read = 0;
        while !buffer.is_empty() {
            match FileExt::read_at(self, buffer, position + read as u64) {
                Ok(0) => break,
                Ok(n) => {
                    read += n;
                    buffer = &mut buffer[n..];
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(read)
    }

    fn read_into(&self, buffer: &mut Vec<u8>, len: usize, mut position: u64) -> io::Result<()> {
        let end = buffer.len() + len;
        buffer.reserve_exact(len);
        while buffer.len() < end {
            // The room need not be zeroed before it is filled.
            match rustix::io::pread(self, spare_capacity(buffer), position) {
                Ok(0) => break,
                Ok(read) => position += read as u64,
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        buffer.truncate(end);
        Ok(())
    }

    fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        let parts = &mut [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(self, parts, position, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(Some(read)),
            // A file system without the flag answers `OPNOTSUPP`.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn write_at(&self, mut parts: &mut [IoSlice<'_>], mut position: u64) -> io::Result<()> {
        while !parts.is_empty() {
            let batch = &parts[..parts.len().min(MAX_PARTS)];
            match rustix::io::pwritev(self, batch, position) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    position += written as u64;
                    IoSlice::advance_slices(&mut parts, written);
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        fs::File::set_len(self, len)
    }

    fn reserve(&self, position: u64, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self, FallocateFlags::KEEP_SIZE, position, len) {
            Err(Errno::OPNOTSUPP) => Ok(()),
            reserved => Ok(reserved?),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn forget(&self, end: u64) {
        // Clean pages leave memory, and dirty ones begin to be written. It is a hint, so a file
        // system that does not take it costs nothing but memory.
        let _ = rustix::fs::fadvise(self, 0, NonZero::new(end), Advice::DontNeed);
    }
}
