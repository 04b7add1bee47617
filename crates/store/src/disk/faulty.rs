//! A disk in memory that fails on demand and shows what a crash would leave.
//!
//! Every file keeps two images: *live*, which is what reads see, and *durable*, which is what was
//! there at the last sync. Names are kept the same way: a creation, rename or removal is durable
//! once its directory is synced, except that top-level directories always are.
//! [`FaultyDisk::inject`] says which operation fails, [`FaultyDisk::set_room`] when the disk is full.
//! [`FaultyDisk::crash`] is the power cut: it leaves what is durable,
//! or, where the test wants that, as much more as the kernel happened to write back.

mod file;
mod plan;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use file::FaultyFile;
use file::{Images, mix};
use plan::Plan;
pub use plan::{Fault, Op};

use super::{Disk, File};

/// The disk. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    names: Mutex<Names>,
    device: Arc<Device>,
}

/// What files have in common. It knows none of them, so that a disk that nobody uses any more is gone with its files.
#[derive(Debug, Default)]
struct Device {
    plan: Plan,
    /// Bytes by which files may still grow; `None` means any number.
    room: Mutex<Option<usize>>,
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

/// What of the unsynced bytes survives a crash, file by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing but what was synced.
    Synced,
    /// Everything that was written, as after a crash of the process alone. A power cut that comes
    /// later finds what this process synced.
    Written,
    /// This many bytes of each file past the first that differs from what was synced.
    Torn(usize),
    /// Any sectors, drawn by this number, and either no name that was not synced or all.
    Mixed(u64),
}

impl FaultyDisk {
    /// Has something go wrong, in the place of what was to go wrong with the same kind of operation.
    pub fn inject(&self, fault: Fault) {
        self.0.device.plan.set(fault);
    }

    /// Drops the faults that hit a kind of operation; with [`Op::Any`] all of them.
    pub fn heal(&self, op: Op) {
        self.0.device.plan.clear(op);
    }

    /// How many operations of a kind were asked for so far.
    #[must_use]
    pub fn count(&self, op: Op) -> u64 {
        self.0.device.plan.count(op)
    }

    /// Lets `n` more syncs succeed and fails all after them.
    pub fn fail_after_syncs(&self, n: u64) {
        self.inject(Fault::from(Op::Sync, n));
    }

    /// How many syncs were asked for so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.count(Op::Sync)
    }

    /// How many bytes were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.0.device.read.load(Ordering::SeqCst)
    }

    /// Lets files grow by `bytes`, and by what is freed meanwhile, before the disk is full; `None`
    /// makes room for any number.
    pub fn set_room(&self, bytes: Option<u64>) {
        *self.0.device.room.lock() = bytes.map(|bytes| bytes as usize);
    }

    /// Has every file that is to be opened or made give this error, by the system's number; `None`
    /// opens files again.
    pub fn set_open_error(&self, errno: Option<i32>) {
        match errno {
            Some(errno) => self.inject(Fault::from(Op::Open, 0).errno(errno)),
            None => self.heal(Op::Open),
        }
    }

    /// The disk as the next process finds it. What holds this one open goes on with it and cannot
    /// be seen from there.
    #[must_use]
    pub fn crash(&self, survives: Survives) -> FaultyDisk {
        let names = self.0.names.lock();
        let fresh = FaultyDisk::default();
        let mut copies = HashMap::new();
        let mut copy = |file: &Arc<FaultyFile>| {
            let number = copies.len() as u64;
            let copied = || FaultyFile::new(&fresh.0.device, file.after_crash(survives, number));
            Arc::clone(copies.entry(Arc::as_ptr(file)).or_insert_with(copied))
        };
        let mut copied = |tree: &Tree| -> Tree {
            let entries = tree.iter().filter(|(path, _)| is_reachable(tree, path));
            entries
                .map(|(path, file)| (path.clone(), file.as_ref().map(&mut copy)))
                .collect()
        };
        let (live, durable) = match survives {
            Survives::Written => (copied(&names.live), copied(&names.durable)),
            Survives::Synced => (copied(&names.durable), copied(&names.durable)),
            Survives::Torn(_) => (copied(&names.live), copied(&names.live)),
            Survives::Mixed(seed) if mix(seed) & 1 == 0 => {
                (copied(&names.live), copied(&names.live))
            }
            Survives::Mixed(_) => (copied(&names.durable), copied(&names.durable)),
        };
        *fresh.0.names.lock() = Names { live, durable };
        fresh
    }

    /// Changes the live and durable bytes of a file, as a failing device would.
    pub fn damage(&self, path: &Path, change: impl Fn(&mut Vec<u8>)) {
        if let Some(Some(file)) = self.0.names.lock().live.get(path) {
            file.damage(change);
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

/// A durable name in a directory that is not durable is not there.
fn is_reachable(tree: &Tree, path: &Path) -> bool {
    let is_there = |dir: &Path| dir.components().count() <= 2 || tree.contains_key(dir);
    path.ancestors().all(is_there)
}

impl Device {
    /// Takes room for `bytes`, or what there is of it; how much that was.
    fn take_room(&self, bytes: usize) -> usize {
        match &mut *self.room.lock() {
            None => bytes,
            Some(left) => {
                let taken = bytes.min(*left);
                *left -= taken;
                taken
            }
        }
    }

    fn give_back(&self, bytes: usize) {
        if let Some(left) = &mut *self.room.lock() {
            *left += bytes;
        }
    }

    /// Makes room of what no longer has a name.
    fn free(&self, entry: Option<Option<Arc<FaultyFile>>>) {
        if let Some(Some(file)) = entry {
            self.give_back(file.len());
        }
    }

    fn note_read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::SeqCst);
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
        self.0.device.plan.admit(Op::Open)?;
        Ok(self.0.names.lock().find(path)?)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.device.plan.admit(Op::Open)?;
        let mut names = self.0.names.lock();
        if let Ok(there) = names.find(path) {
            there.resize(0);
            return Ok(there);
        }
        let file = FaultyFile::new(&self.0.device, Images::default());
        names.live.insert(path.to_owned(), Some(Arc::clone(&file)));
        Ok(file)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.device.plan.admit(Op::Open)?;
        let mut names = self.0.names.lock();
        for dir in path.ancestors() {
            names.live.entry(dir.to_owned()).or_insert(None);
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.device.plan.admit(Op::Open)?;
        let names = self.0.names.lock();
        let inside = names.live.keys().filter(|name| name.parent() == Some(path));
        let name = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
        Ok(inside.filter_map(name).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.device.plan.admit(Op::Rename)?;
        let mut names = self.0.names.lock();
        for old in below(&names.live, from) {
            let rest = old.strip_prefix(from).map_err(io::Error::other)?;
            let new = if rest.as_os_str().is_empty() {
                to.to_owned()
            } else {
                to.join(rest)
            };
            if let Some(file) = names.live.remove(&old) {
                self.0.device.free(names.live.insert(new, file));
            }
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.device.plan.admit(Op::Remove)?;
        let mut names = self.0.names.lock();
        names.find(path)?;
        self.0.device.free(names.live.remove(path));
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.device.plan.admit(Op::Remove)?;
        let mut names = self.0.names.lock();
        for name in below(&names.live, path) {
            self.0.device.free(names.live.remove(&name));
        }
        Ok(())
    }

    fn remove_empty_dir(&self, path: &Path) -> io::Result<bool> {
        self.0.device.plan.admit(Op::Remove)?;
        let mut names = self.0.names.lock();
        let is_empty = below(&names.live, path).len() <= 1;
        if is_empty {
            names.live.remove(path).ok_or(ErrorKind::NotFound)?;
        }
        Ok(is_empty)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.device.plan.admit(Op::Open)?;
        self.0.device.plan.admit(Op::Sync)?;
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
        let held = match self.open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.create(path),
            opened => opened,
        };
        held.map(Some)
    }

    fn keep_unlocked(&self, path: &Path) -> io::Result<Option<Arc<dyn File>>> {
        self.open(path).map(Some)
    }
}
