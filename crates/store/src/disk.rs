//! The seam between the store and the file system.
//!
//! Everything durable goes through [`Disk`] and [`File`], so that tests can run the store over a
//! disk that crashes. It knows nothing of logs: paths, bytes and syncs only.

#[cfg(any(test, feature = "testing"))]
pub mod faulty;
mod latch;
mod os;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use latch::Latch;
pub use os::OsDisk;

/// Directories and the files in them.
pub trait Disk: Debug + Send + Sync {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file for reading only.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Makes an empty file, or empties the one that is there, and opens it.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Makes a directory and its missing parents.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Names of what a directory holds, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Moves a file or directory over whatever had the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and everything below it.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory unless something is in it; whether it is gone.
    fn remove_empty_dir(&self, path: &Path) -> io::Result<bool>;
    /// Makes creations, renames and removals in a directory survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the file as a lock until the guard is dropped; `None` if another holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn File>>>;
    /// Keeps others from taking an existing file as a lock until the guard is dropped; `None` if one
    /// has it. Any number may do so at once, and the file stays as it is.
    fn keep_unlocked(&self, path: &Path) -> io::Result<Option<Arc<dyn File>>>;
}

/// An open file; it stays readable after its name is removed.
pub trait File: Debug + Send + Sync {
    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads into `buffer` until it is full or the file ends; returns the bytes read.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Reads `len` bytes, or as many as the file has, and adds them to `buffer`.
    fn read_into(&self, buffer: &mut Vec<u8>, len: usize, position: u64) -> io::Result<()> {
        let filled = buffer.len();
        buffer.resize(filled + len, 0);
        let read = self.read_at(&mut buffer[filled..], position)?;
        buffer.truncate(filled + read);
        Ok(())
    }
    /// Reads what is there without waiting for the device; `None` if that is nothing.
    fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>>;
    /// Writes all parts one after the other.
    fn write_at(&self, parts: &mut [IoSlice<'_>], position: u64) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Sets room aside, so that writing `len` bytes from `position` will not lack any. Bytes and length
    /// stay as they are. Where the file system cannot do that, nothing happens.
    fn reserve(&self, position: u64, len: u64) -> io::Result<()>;
    /// Makes what was written survive a power cut.
    fn sync(&self) -> io::Result<()>;
    /// Says that nothing below `end` will be needed soon, so that it need not stay in memory. Only a
    /// hint: a disk may ignore it.
    fn forget(&self, _end: u64) {}
}

/// The whole file, or `None` if there is none.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open_to_read(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let len = usize::try_from(file.size()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Replaces a file so that a crash leaves either the old or the new bytes, never a mixture.
pub(crate) fn replace_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    stage_file(disk, path, bytes)?;
    install_file(disk, path)
}

/// Writes beside a file what is to replace it; the file itself stays as it is.
pub(crate) fn stage_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.create(&fresh(path))?;
    file.write_at(&mut [IoSlice::new(bytes)], 0)?;
    file.sync()
}

/// Puts in place what was staged. After a failure nobody knows which of the two a crash leaves.
pub(crate) fn install_file(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    disk.rename(&fresh(path), path)?;
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}

/// Removes a file that need not be there.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn fresh(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}
