//! One segment: a file of record batches and its sparse index.
//!
//! The log file holds batches as clients sent them, or as compaction left them, one after the other,
//! and nothing else. Only what is published here is visible; the writer may be further in the file.
//! Files are opened when first needed and closed again when idle; indexes and lists of aborted transactions are
//! loaded likewise.

mod aborted_file;
mod index_file;
mod name;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use millstream_batch::Header;
use parking_lot::Mutex;
use uuid::Uuid;

pub(crate) use aborted_file::EXTENSION as ABORTED;
use aborted_file::Listed;
pub(crate) use index_file::{EXTENSION as INDEX, Rebuild};
pub(crate) use name::SegmentName;

use crate::disk::{self, Disk, File, Latch};
use crate::error::{Error, IoContext, Result};
use crate::index::{Entry, Index, NewBatch};
use crate::stretch::Stretch;
use crate::walk::{Broken, Walk};

/// Where files live and whose they are.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    /// The file system.
    pub(crate) disk: Arc<dyn Disk>,
    /// Goes into every header.
    pub(crate) cluster_id: Uuid,
}

/// A segment of a partition's log.
#[derive(Debug)]
pub(crate) struct Segment {
    volume: Volume,
    name: SegmentName,
    path: PathBuf,
    size: AtomicU64,
    next_offset: AtomicI64,
    /// As the index has it, so that it need not stay loaded for retention; or [`NOT_LOADED`].
    max_timestamp: AtomicI64,
    /// Whether anybody read since the last look; see [`Segment::close_if_idle`].
    used: AtomicBool,
    /// Whether anything was published since a recovery point was last made.
    unsaved: AtomicBool,
    /// Bytes of which it is known that they are on the disk.
    synced: AtomicU64,
    /// Whether nothing is appended any more.
    sealed: AtomicBool,
    /// Offsets of which it is known that their records were removed.
    holes: AtomicI64,
    file: Mutex<Option<Arc<dyn File>>>,
    index: Mutex<Option<Index>>,
    aborted: Mutex<Listed>,
}

impl Segment {
    /// Makes an empty segment; it is durable when this returns.
    pub(crate) fn create(volume: &Volume, dir: &Path, base_offset: i64) -> Result<Self> {
        let segment = Self::create_unsynced(volume, dir, SegmentName::appended(base_offset))?;
        if let Err(error) = volume.disk.sync_dir(dir) {
            // What comes next may go into the segment before, which an empty one behind it would hide.
            let removed = volume.disk.remove_file(&segment.path);
            removed.on("remove", &segment.path)?;
            return Err(error).on("sync", dir);
        }
        Ok(segment)
    }

    /// Makes an empty segment whose name a power cut may take away.
    pub(crate) fn create_unsynced(volume: &Volume, dir: &Path, name: SegmentName) -> Result<Self> {
        let path = name.path(dir, "log");
        let file = Latch::on(volume.disk.create(&path).on("create", &path)?);
        let segment = Self::with_size(volume, path, name, name.base_offset, 0);
        *segment.file.lock() = Some(file);
        *segment.index.lock() = Some(Index::new());
        Ok(segment)
    }

    /// Takes an existing file as it is; its offsets end at `next_offset`.
    pub(crate) fn open(
        volume: &Volume,
        dir: &Path,
        name: SegmentName,
        next_offset: i64,
    ) -> Result<Self> {
        let path = name.path(dir, "log");
        let size = volume
            .disk
            .open(&path)
            .and_then(|file| file.size())
            .on("open", &path)?;
        Ok(Self::with_size(volume, path, name, next_offset, size))
    }

    fn with_size(volume: &Volume, path: PathBuf, name: SegmentName, next: i64, size: u64) -> Self {
        Segment {
            volume: volume.clone(),
            name,
            path,
            size: AtomicU64::new(size),
            next_offset: AtomicI64::new(next),
            max_timestamp: AtomicI64::new(NOT_LOADED),
            used: AtomicBool::new(true),
            unsaved: AtomicBool::new(false),
            synced: AtomicU64::new(0),
            sealed: AtomicBool::new(name.generation > 0),
            holes: AtomicI64::new(0),
            file: Mutex::new(None),
            index: Mutex::new(None),
            aborted: Mutex::new(Listed::none()),
        }
    }

    fn index_path(&self) -> PathBuf {
        self.path.with_extension(INDEX)
    }

    /// What its files are called.
    pub(crate) fn name(&self) -> SegmentName {
        self.name
    }

    /// Offset at which the segment begins.
    pub(crate) fn base_offset(&self) -> i64 {
        self.name.base_offset
    }

    /// Whether appends go elsewhere: it was sealed, or made by compaction.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// Has the next append begin a new segment. To be called under the lock on the partition's appender.
    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    /// Offset after the last visible record.
    pub(crate) fn next_offset(&self) -> i64 {
        self.next_offset.load(Ordering::Acquire)
    }

    /// From where it begins to after the last visible record.
    pub(crate) fn offsets(&self) -> Range<i64> {
        self.base_offset()..self.next_offset()
    }

    /// How many of these are known to have no record any more.
    pub(crate) fn holes(&self) -> i64 {
        self.holes.load(Ordering::Relaxed)
    }

    /// Says of how many it is known.
    pub(crate) fn set_holes(&self, count: i64) {
        self.holes.store(count, Ordering::Relaxed);
    }

    /// Visible bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// The log file's name, for messages.
    pub(crate) fn log_path(&self) -> &Path {
        &self.path
    }

    /// The log file, opened if it is not.
    pub(crate) fn file(&self) -> Result<Arc<dyn File>> {
        self.used.store(true, Ordering::Relaxed);
        let mut file = self.file.lock();
        if let Some(open) = &*file {
            return Ok(Arc::clone(open));
        }
        let opened = self.volume.disk.open(&self.path).on("open", &self.path)?;
        let opened = Latch::on(opened);
        Ok(Arc::clone(file.insert(opened)))
    }

    /// From before the batch that holds `offset`, or the next there is, as far as `len` bytes reach but
    /// at least to the end of that batch; if file and index are at hand without reading from the disk or
    /// waiting for who does.
    pub(crate) fn stretch_at_hand(&self, offset: i64, len: usize) -> Option<Stretch> {
        self.used.store(true, Ordering::Relaxed);
        let file = self.file.try_lock()?.as_ref().map(Arc::clone)?;
        let index = self.index.try_lock()?;
        let places = index.as_ref()?.around_offset(self.relative(offset), len);
        Some(self.between(file, places))
    }

    /// The same, loading what is needed; blocks.
    pub(crate) fn stretch(&self, offset: i64, len: usize) -> Result<Stretch> {
        let relative = self.relative(offset);
        let places = match self.with_index(|index| index.around_offset(relative, len)) {
            Err(Error::Corrupt { .. }) => self.around_damage(relative, len)?,
            places => places?,
        };
        Ok(self.between(self.file()?, places))
    }

    /// As [`Segment::stretch`], from before the first record at or after `timestamp`; blocks.
    pub(crate) fn stretch_from_timestamp(&self, timestamp: i64, len: usize) -> Result<Stretch> {
        let places = self.with_index(|index| index.around_timestamp(timestamp, len))?;
        Ok(self.between(self.file()?, places))
    }

    /// A byte at or before the batch that holds `offset`; blocks.
    pub(crate) fn position_before(&self, offset: i64) -> Result<u64> {
        Ok(self.stretch(offset, 0)?.bytes.start)
    }

    /// Walks visible batches from at or before the one that holds `offset`; blocks.
    pub(crate) fn walk_from_offset(&self, offset: i64) -> Result<Walk> {
        let stretch = self.stretch(offset, 0)?;
        Ok(Walk::new(stretch.file, stretch.bytes.start, self.size()))
    }

    fn between(&self, file: Arc<dyn File>, (start, end): (Entry, Entry)) -> Stretch {
        let offset = |entry: Entry| self.base_offset() + i64::from(entry.relative_offset);
        Stretch {
            file,
            bytes: start.position.into()..end.position.into(),
            offsets: offset(start)..offset(end),
        }
    }

    /// Greatest timestamp of a visible record, or −1; blocks the first time.
    pub(crate) fn max_timestamp(&self) -> Result<i64> {
        match self.max_timestamp.load(Ordering::Acquire) {
            NOT_LOADED => {
                let found = self.with_index(|index| index.end().max_timestamp);
                // Retention asks that once of every segment: nobody is about to read it.
                self.used.store(false, Ordering::Relaxed);
                found
            }
            known => Ok(known),
        }
    }

    /// Loads the index, so that publishing needs no file; blocks.
    pub(crate) fn load_index(&self) -> Result<()> {
        self.with_index(|_| ())
    }

    /// Entries of the index, if it is loaded.
    pub(crate) fn index_len(&self) -> usize {
        self.index.lock().as_ref().map_or(0, Index::len)
    }

    fn relative(&self, offset: i64) -> u32 {
        u32::try_from(offset.saturating_sub(self.base_offset()).max(0)).unwrap_or(u32::MAX)
    }

    /// Shows what lies below a byte and an offset, whatever the file has behind it.
    pub(crate) fn show(&self, end: u64, next_offset: i64) {
        self.next_offset.store(next_offset, Ordering::Release);
        self.size.store(end, Ordering::Release);
    }

    /// Makes batches visible that now follow the visible ones in the file.
    pub(crate) fn publish<'a>(
        &self,
        headers: impl Iterator<Item = &'a Header>,
        interval: u32,
    ) -> Result<()> {
        self.with_index(|index| {
            let mut next_offset = self.next_offset();
            for header in headers {
                self.note(index, header, interval);
                next_offset = header.next_offset();
            }
            // In this order: who sees the new end sees the new timestamp, too, on which retention relies, and
            // who sees that all that was written is visible sees where it ends.
            self.max_timestamp
                .store(index.end().max_timestamp, Ordering::Release);
            self.next_offset.store(next_offset, Ordering::Release);
            self.size
                .store(u64::from(index.end().position), Ordering::Release);
            self.unsaved.store(true, Ordering::Release);
        })
    }

    /// Whether anything was published since the last call. To be asked before syncing, so that what is
    /// published meanwhile, and perhaps not synced, is left for the next time.
    pub(crate) fn take_unsaved(&self) -> bool {
        self.unsaved.swap(false, Ordering::AcqRel)
    }

    /// Says that what was taken could not be saved.
    pub(crate) fn set_unsaved(&self) {
        self.unsaved.store(true, Ordering::Release);
    }

    /// Whether anything was published since the last [`Segment::take_unsaved`].
    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved.load(Ordering::Acquire)
    }

    /// Makes what was written survive a power cut.
    pub(crate) fn sync(&self) -> Result<()> {
        let visible = self.size();
        self.file()?.sync().on("sync", &self.path)?;
        self.set_synced_to(visible);
        Ok(())
    }

    /// Says that the bytes below `end` were synced.
    pub(crate) fn set_synced_to(&self, end: u64) {
        self.synced.fetch_max(end, Ordering::AcqRel);
    }

    /// Whether a sync has covered the bytes below `end`.
    pub(crate) fn is_synced_to(&self, end: u64) -> bool {
        self.synced.load(Ordering::Acquire) >= end
    }

    /// Greatest timestamp of the first visible batch; `None` in an empty segment; blocks.
    pub(crate) fn first_timestamp(&self) -> Result<Option<i64>> {
        let first = Walk::new(self.file()?, 0, self.size()).next_header();
        first
            .map(|header| header.map(|h| h.max_timestamp))
            .map_err(|e| self.broken(e, 0))
    }

    fn note(&self, index: &mut Index, header: &Header, interval: u32) {
        let batch = NewBatch {
            offsets: header.last_offset_delta as u32 + 1,
            len: header.size() as u32,
            max_timestamp: header.max_timestamp,
        };
        index.note(self.relative(header.base_offset), batch, interval);
    }

    /// Cuts the log at `position` and puts `index`, which ends there, in the place of what was
    /// known; durable when this returns.
    pub(crate) fn cut(&self, position: u64, next_offset: i64, index: Index) -> Result<()> {
        let file = self.file()?;
        if self.size() != position {
            file.set_len(position).on("truncate", &self.path)?;
        }
        self.cut_index(&index)?;
        file.sync().on("sync", &self.path)?;
        self.size.store(position, Ordering::Release);
        self.next_offset.store(next_offset, Ordering::Release);
        self.max_timestamp
            .store(index.end().max_timestamp, Ordering::Release);
        *self.index.lock() = Some(index);
        Ok(())
    }

    /// The error for a walk that stopped at `position`.
    pub(crate) fn broken(&self, broken: Broken, position: u64) -> Error {
        match broken {
            Broken::Io(source) => Error::Io {
                action: "read",
                path: self.path.clone(),
                source,
            },
            Broken::Batch(error) => self.corrupt(position, error.to_string()),
        }
    }

    /// The error for what is no batch.
    pub(crate) fn corrupt(&self, position: u64, reason: String) -> Error {
        Error::Corrupt {
            file: self.path.clone(),
            position,
            reason,
        }
    }

    /// Closes the file and drops the index if nobody used them since the last call.
    pub(crate) fn close_if_idle(&self) {
        if !self.used.swap(false, Ordering::Relaxed) && !self.unsaved.load(Ordering::Acquire) {
            self.close();
        }
    }

    /// Closes the file and drops what else can be read again; who reads from it at the moment goes on.
    pub(crate) fn close(&self) {
        *self.file.lock() = None;
        *self.index.lock() = None;
        self.close_aborted();
    }

    /// Opens the file and loads the index, so that whoever holds the segment goes on when its files are removed;
    /// blocks.
    pub(crate) fn pin(&self) -> Result<()> {
        self.load_index()?;
        self.file().map(drop)
    }

    /// Removes the files; readers that have them open go on.
    pub(crate) fn remove(&self) -> Result<()> {
        self.remove_log()?;
        self.remove_list()
    }

    /// Removes the log, without which there is no segment; if that fails, there still is.
    pub(crate) fn remove_log(&self) -> Result<()> {
        self.remove_if_there(&self.index_path())?;
        let (disk, path) = (&self.volume.disk, &self.path);
        disk.remove_file(path).on("remove", path)
    }

    /// Removes the list of aborted transactions. Only after the log, which without it would have none.
    pub(crate) fn remove_list(&self) -> Result<()> {
        self.remove_if_there(&self.aborted_path())
    }

    fn remove_if_there(&self, path: &Path) -> Result<()> {
        disk::remove_if_there(&*self.volume.disk, path).on("remove", path)
    }
}

/// Bytes for which the active segment is closed early although appends go on, if what is in it may go.
pub(crate) const SEAL_BYTES: u64 = 1 << 20;

/// Stands for a greatest timestamp that is not known yet.
const NOT_LOADED: i64 = i64::MIN;
