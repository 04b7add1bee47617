//! The files of the journal while nobody writes to them: made ready before they are needed, and settled
//! once they are full.
//!
//! To settle a file is to sync the segments that it tells about; then it may be overwritten. That is put
//! off as long as there is room, for one sync of a segment then does for many entries. A file whose
//! segments cannot be synced keeps what it holds until the next open, when recovery needs it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::file::{Covered, JournalFile};
use crate::error::{Error, IoContext, Result};
use crate::format::HEADER_LEN;
use crate::progress::Stop;
use crate::segment::Volume;
use crate::syncers::Syncers;

/// Files among which the bytes that the journal may take are divided.
const FILES: u64 = 16;

/// The files that nobody writes to.
#[derive(Debug)]
pub(crate) struct Shelf {
    volume: Volume,
    dir: PathBuf,
    /// Bytes that all files may take, those in use included.
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Those that may be overwritten.
    free: Vec<JournalFile>,
    /// Those that are to be settled, the oldest first.
    full: VecDeque<JournalFile>,
    /// Whether there should be one more to overwrite.
    wanted: bool,
    /// Bytes of all files, wherever they are.
    bytes: u64,
    next_number: u64,
    ended: bool,
}

/// What the thread has to do.
enum Work {
    Make(PathBuf),
    Settle(JournalFile),
}

impl Shelf {
    /// A shelf for files in `dir` of `limit` bytes together, of which there are none yet.
    pub(crate) fn new(volume: Volume, dir: PathBuf, limit: u64) -> Self {
        Shelf {
            volume,
            dir,
            limit,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Bytes of a file that is made ahead.
    fn file_size(&self) -> u64 {
        self.limit / FILES
    }

    /// A file that may be overwritten, if there is one with room for `len` bytes. One more is made
    /// ready for the next time.
    pub(crate) fn take(&self, len: u64) -> Option<JournalFile> {
        if HEADER_LEN as u64 + len > self.file_size() {
            return None;
        }
        let mut state = self.state.lock();
        let taken = state.free.pop();
        if state.free.is_empty() {
            state.wanted = true;
            self.changed.notify_one();
        }
        taken
    }

    /// Makes a file with room for `len` bytes, whatever the limit.
    ///
    /// # Errors
    /// [`Error::Io`]; then there is nothing of it.
    pub(crate) fn make(&self, len: u64) -> Result<JournalFile> {
        let size = self.file_size().max(HEADER_LEN as u64 + len);
        let path = self.state.lock().count(&self.dir, size);
        self.create(path, size)
    }

    /// Takes a file that is full.
    pub(crate) fn put(&self, full: JournalFile) {
        self.state.lock().full.push_back(full);
        self.changed.notify_one();
    }

    /// Lets the thread go.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_one();
    }

    /// Makes and settles files until the end.
    pub(crate) fn run(&self, syncers: &Syncers) {
        while let Some(work) = self.next() {
            match work {
                Work::Make(path) => match self.create(path, self.file_size()) {
                    Ok(file) => self.state.lock().free.push(file),
                    Err(error) => tracing::warn!(%error, "segments are synced one by one"),
                },
                Work::Settle(file) if settle(&file, syncers) => self.free(file),
                Work::Settle(_) => {}
            }
        }
    }

    fn next(&self) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            if state.wanted && state.bytes + self.file_size() <= self.limit {
                state.wanted = false;
                let path = state.count(&self.dir, self.file_size());
                return Some(Work::Make(path));
            }
            let full: u64 = state.full.iter().map(JournalFile::size).sum();
            if (state.wanted || full > self.limit / 2)
                && let Some(file) = state.full.pop_front()
            {
                return Some(Work::Settle(file));
            }
            self.changed.wait(&mut state);
        }
    }

    fn create(&self, path: PathBuf, size: u64) -> Result<JournalFile> {
        JournalFile::create(&self.volume, path, size)
            .inspect_err(|_| self.state.lock().bytes -= size)
    }

    /// Has a file overwritten some time, or removed if it is one of those that were made for once.
    fn free(&self, mut file: JournalFile) {
        let size = file.size();
        file.begin_again();
        let mut state = self.state.lock();
        if size == self.file_size() && state.bytes <= self.limit {
            state.wanted = false;
            return state.free.push(file);
        }
        state.bytes -= size;
        drop(state);
        if let Err(error) = file.remove(&self.volume) {
            tracing::warn!(%error, "a file of the journal is left until the next start");
        }
    }
}

impl State {
    /// Counts a file that is to be made; its name.
    fn count(&mut self, dir: &Path, size: u64) -> PathBuf {
        self.bytes += size;
        self.next_number += 1;
        JournalFile::path(dir, self.next_number)
    }
}

/// Syncs the segments that a file tells about; whether they are all on the disk.
fn settle(file: &JournalFile, syncers: &Syncers) -> bool {
    let unsynced = file
        .covered()
        .filter(|covered| !covered.segment.is_synced_to(covered.end));
    // The end is looked at before the sync, which covers more than this file tells about.
    let (opened, closed): (Vec<_>, Vec<_>) = unsynced
        .map(|covered| {
            let end = covered.segment.size().max(covered.end);
            (covered, end, covered.segment.file())
        })
        .partition(|(.., file)| file.is_ok());
    let files = opened.iter().filter_map(|(.., file)| file.as_ref().ok());
    let synced = syncers.sync(files.map(Arc::clone).collect());
    let synced = opened
        .iter()
        .zip(synced)
        .map(|((covered, end, _), synced)| {
            let synced = synced.on("sync", covered.segment.log_path());
            note(covered, *end, synced)
        });
    let closed = closed
        .into_iter()
        .map(|(covered, end, file)| note(covered, end, file.map(|_| ())));
    let all: Vec<bool> = synced.chain(closed).collect();
    all.iter().all(|on_disk| *on_disk)
}

/// Takes note of how the sync of a segment went; whether the journal may forget it.
fn note(covered: &Covered, end: u64, synced: Result<()>) -> bool {
    let Some(partition) = covered.partition.upgrade() else {
        return true;
    };
    match synced {
        // A sync after one that failed says nothing of what that one was to write.
        Ok(()) if partition.progress.stopped() == Some(Stop::Poisoned) => {}
        Ok(()) => covered.segment.set_synced_to(end),
        // It was removed meanwhile: nothing of it has to be kept.
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return true;
        }
        Err(error) => partition.poison(&error),
    }
    partition.progress.stopped() != Some(Stop::Poisoned)
}
