//! A disk in memory that stops at the n-th sync and shows what a crash would leave.
//!
//! Every file keeps two images: *live*, which is what reads see, and *durable*, which is what was
//! there at the last sync. Names are kept the same way: a creation, rename or removal is durable
//! once its directory is synced, except that top-level directories always are.
//! [`FaultyDisk::crash`] is the power cut: it leaves what is durable,
//! or, where the test wants that, as much more as the kernel happened to write back.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{Disk, File};

/// The disk. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    names: Mutex<Names>,
    /// Syncs that still succeed, plus one; 0 means all do.
    syncs_left: AtomicU64,
    /// Syncs that were asked for.
    syncs: AtomicU64,
    /// Bytes that may still be written, plus one; 0 means any number.
    room: AtomicU64,
    /// The system's number of the error that opening a file gives; 0 means none.
    open_error: AtomicI32,
    /// Bytes that were read.
    read: AtomicU64,
}

/// What stands under which path; a directory is a path without a file.
#[derive(Debug, Default)]
struct Names {
    live: Tree,
    durable: Tree,
}

type Tree = BTreeMap<PathBuf, Option<Arc<FaultyFile>>>;

/// A file of a [`FaultyDisk`].
#[derive(Debug)]
pub struct FaultyFile {
    disk: Arc<Inner>,
    bytes: Mutex<Images>,
}

#[derive(Debug, Default)]
struct Images {
    live: Vec<u8>,
    durable: Vec<u8>,
}

/// What of the unsynced bytes survives a crash, file by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing but what was synced.
    Synced,
    /// Everything that was written, as after a crash of the process alone.
    Written,
    /// This many bytes of each file past the end of what was synced.
    Torn(usize),
}

impl FaultyDisk {
    /// Lets `n` more syncs succeed and fails all after them.
    pub fn fail_after_syncs(&self, n: u64) {
        self.0.syncs_left.store(n + 1, Ordering::SeqCst);
    }

    /// How many syncs were asked for so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::SeqCst)
    }

    /// How many bytes were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.0.read.load(Ordering::SeqCst)
    }

    /// Lets `bytes` more be written before the disk is full; `None` makes room for any number.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.0
            .room
            .store(bytes.map_or(0, |bytes| bytes + 1), Ordering::SeqCst);
    }

    /// Has every file that is to be opened or made give this error, by the system's number; `None`
    /// opens files again.
    pub fn set_open_error(&self, errno: Option<i32>) {
        self.0
            .open_error
            .store(errno.unwrap_or(0), Ordering::SeqCst);
    }

    /// The disk as the next process finds it. What holds this one open goes on with it and cannot
    /// be seen from there.
    #[must_use]
    pub fn crash(&self, survives: Survives) -> FaultyDisk {
        let names = self.0.names.lock();
        let fresh = FaultyDisk::default();
        let survivors = match survives {
            Survives::Synced => &names.durable,
            Survives::Written | Survives::Torn(_) => &names.live,
        };
        // A durable name in a directory that is not durable is not there.
        let reachable = |path: &Path| {
            path.ancestors()
                .all(|dir| dir.components().count() <= 2 || survivors.contains_key(dir))
        };
        let tree: Tree = survivors
            .iter()
            .filter(|(path, _)| reachable(path))
            .map(|(path, file)| {
                let file = file
                    .as_ref()
                    .map(|file| file.after_crash(&fresh.0, survives));
                (path.clone(), file)
            })
            .collect();
        *fresh.0.names.lock() = Names {
            live: tree.clone(),
            durable: tree,
        };
        fresh
    }

    /// Changes the live and durable bytes of a file, as a failing device would.
    pub fn damage(&self, path: &Path, change: impl Fn(&mut Vec<u8>)) {
        if let Some(Some(file)) = self.0.names.lock().live.get(path) {
            let mut bytes = file.bytes.lock();
            change(&mut bytes.live);
            change(&mut bytes.durable);
        }
    }

    /// Paths of all files.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let names = self.0.names.lock();
        names
            .live
            .iter()
            .filter(|(_, file)| file.is_some())
            .map(|(path, _)| path.clone())
            .collect()
    }
}

impl Inner {
    fn check_open(&self) -> io::Result<()> {
        match self.open_error.load(Ordering::SeqCst) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        spend(&self.syncs_left, 1).map_err(|_| io::Error::other("the disk has crashed"))
    }
}

/// Takes from a counter that is one more than what is left, 0 being unlimited; or tells what is left.
fn spend(counter: &AtomicU64, amount: u64) -> Result<(), u64> {
    let take = |left: u64| match left {
        0 => Some(0),
        left => left.checked_sub(amount).filter(|&left| left > 0),
    };
    match counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
        Ok(_) => Ok(()),
        Err(left) => Err(left - 1),
    }
}

impl Names {
    fn find(&self, path: &Path) -> io::Result<Arc<FaultyFile>> {
        match self.live.get(path) {
            Some(Some(file)) => Ok(Arc::clone(file)),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }
}

/// Everything at or below a path.
fn below(tree: &Tree, path: &Path) -> Vec<PathBuf> {
    tree.keys()
        .filter(|name| name.starts_with(path))
        .cloned()
        .collect()
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.check_open()?;
        Ok(self.0.names.lock().find(path)?)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.check_open()?;
        let mut names = self.0.names.lock();
        if let Ok(there) = names.find(path) {
            there.bytes.lock().live.clear();
            return Ok(there);
        }
        let file = Arc::new(FaultyFile {
            disk: Arc::clone(&self.0),
            bytes: Mutex::default(),
        });
        names.live.insert(path.to_owned(), Some(Arc::clone(&file)));
        Ok(file)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut names = self.0.names.lock();
        for dir in path.ancestors() {
            names.live.entry(dir.to_owned()).or_insert(None);
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let names = self.0.names.lock();
        let inside = names.live.keys().filter(|name| name.parent() == Some(path));
        let name = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
        Ok(inside.filter_map(name).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.0.names.lock();
        for old in below(&names.live, from) {
            let rest = old.strip_prefix(from).map_err(io::Error::other)?;
            let new = if rest.as_os_str().is_empty() {
                to.to_owned()
            } else {
                to.join(rest)
            };
            if let Some(file) = names.live.remove(&old) {
                names.live.insert(new, file);
            }
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut names = self.0.names.lock();
        names.find(path)?;
        names.live.remove(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut names = self.0.names.lock();
        for name in below(&names.live, path) {
            names.live.remove(&name);
        }
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.check_open()?;
        self.0.sync()?;
        let mut names = self.0.names.lock();
        let Names { live, durable } = &mut *names;
        let inside = |name: &Path| name.parent() == Some(path);
        let gone = |name: &Path| name.ancestors().any(|n| inside(n) && !live.contains_key(n));
        durable.retain(|name, _| !gone(name));
        let entries = live.iter().filter(|(name, _)| inside(name));
        durable.extend(entries.map(|(name, file)| (name.clone(), file.clone())));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Arc<dyn File>>> {
        self.create(path).map(Some)
    }
}

impl FaultyFile {
    fn after_crash(&self, disk: &Arc<Inner>, survives: Survives) -> Arc<FaultyFile> {
        let bytes = self.bytes.lock();
        let left = match survives {
            Survives::Synced => bytes.durable.clone(),
            Survives::Written => bytes.live.clone(),
            Survives::Torn(more) => {
                let end = bytes.live.len().min(bytes.durable.len() + more);
                bytes.live[..end].to_vec()
            }
        };
        let bytes = Mutex::new(Images {
            live: left.clone(),
            durable: left,
        });
        Arc::new(FaultyFile {
            disk: Arc::clone(disk),
            bytes,
        })
    }

    fn write_part(&self, part: &[u8], position: usize) {
        let mut bytes = self.bytes.lock();
        let end = position + part.len();
        if bytes.live.len() < end {
            bytes.live.resize(end, 0);
        }
        bytes.live[position..end].copy_from_slice(part);
    }
}

impl File for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().live.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let bytes = self.bytes.lock();
        let from = bytes.live.len().min(position as usize);
        let len = buffer.len().min(bytes.live.len() - from);
        buffer[..len].copy_from_slice(&bytes.live[from..from + len]);
        self.disk.read.fetch_add(len as u64, Ordering::SeqCst);
        Ok(len)
    }

    fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        self.read_at(buffer, position).map(Some)
    }

    fn write_at(&self, parts: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        let mut position = position as usize;
        for part in parts {
            if let Err(room) = spend(&self.disk.room, part.len() as u64) {
                self.write_part(&part[..room as usize], position);
                return Err(ErrorKind::StorageFull.into());
            }
            self.write_part(part, position);
            position += part.len();
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.lock().live.resize(len as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()?;
        let mut bytes = self.bytes.lock();
        bytes.durable = bytes.live.clone();
        Ok(())
    }
}
