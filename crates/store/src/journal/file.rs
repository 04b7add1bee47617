//! One file of the journal: room set aside once, filled entry by entry, and overwritten in the next
//! round.
//!
//! Overwriting blocks that a file has already is what makes its sync quick: the file system has no
//! new block and no new length to remember. So a file is written once from end to end when it is made.

use std::collections::HashMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use super::entry::Entry;
use crate::config::TopicPartition;
use crate::disk::File;
use crate::error::{IoContext, Result};
use crate::format::{self, HEADER_LEN, Kind};
use crate::partition::Partition;
use crate::segment::{Segment, Volume};

/// Bytes that are written at once to a file that is made.
const STEP: usize = 1 << 20;

/// A segment that has to reach the disk before a file of the journal may be overwritten.
#[derive(Debug)]
pub(crate) struct Covered {
    /// Whose it is; once the partition is deleted, nothing keeps it in memory.
    pub(crate) partition: Weak<Partition>,
    /// The segment.
    pub(crate) segment: Arc<Segment>,
    /// Byte up to which the file tells about it.
    pub(crate) end: u64,
}

/// An open file of the journal.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    file: Arc<dyn File>,
    size: u64,
    position: u64,
    covered: HashMap<(TopicPartition, i64), Covered>,
}

impl JournalFile {
    /// The name of a file.
    pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
        dir.join(format!("{number:020}.journal"))
    }

    /// Makes a file with room for `size` bytes; it is durable when this returns. Nothing of it is left
    /// if that fails.
    pub(crate) fn create(volume: &Volume, path: PathBuf, size: u64) -> Result<Self> {
        let made = Self::make(volume, &path, size);
        if made.is_err() {
            let _ = volume.disk.remove_file(&path);
        }
        Ok(JournalFile {
            file: made?,
            path,
            size,
            position: HEADER_LEN as u64,
            covered: HashMap::new(),
        })
    }

    fn make(volume: &Volume, path: &Path, size: u64) -> Result<Arc<dyn File>> {
        let file = volume.disk.create(path).on("create", path)?;
        file.reserve(0, size).on("reserve", path)?;
        let header = format::header(Kind::Journal, volume.cluster_id, 0);
        let zeros = vec![0; STEP];
        file.write_at(&mut [IoSlice::new(&header)], 0)
            .on("write", path)?;
        let mut position = HEADER_LEN as u64;
        while position < size {
            let len = (size - position).min(STEP as u64);
            file.write_at(&mut [IoSlice::new(&zeros[..len as usize])], position)
                .on("write", path)?;
            position += len;
        }
        file.sync().on("sync", path)?;
        if let Some(dir) = path.parent() {
            volume.disk.sync_dir(dir).on("sync", dir)?;
        }
        Ok(file)
    }

    /// Bytes of the file.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether `len` more bytes fit.
    pub(crate) fn fits(&self, len: u64) -> bool {
        self.position.saturating_add(len) <= self.size
    }

    /// Writes an entry, durably. After a failure nobody knows what the file holds.
    pub(crate) fn append(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.file
            .write_at(&mut entry.slices(), self.position)
            .on("write", &self.path)?;
        self.file.sync().on("sync", &self.path)?;
        self.position += entry.len() as u64;
        Ok(())
    }

    /// Remembers a segment that the file tells about up to the byte at `end`.
    pub(crate) fn cover(&mut self, partition: &Arc<Partition>, segment: &Arc<Segment>, end: u64) {
        let covered = Covered {
            partition: Arc::downgrade(partition),
            segment: Arc::clone(segment),
            end,
        };
        let key = (partition.id(), segment.base_offset());
        self.covered.insert(key, covered);
    }

    /// The segments that have to reach the disk first.
    pub(crate) fn covered(&self) -> impl Iterator<Item = &Covered> {
        self.covered.values()
    }

    /// Begins the next round: what it tells about has reached the disk.
    pub(crate) fn begin_again(&mut self) {
        self.covered.clear();
        self.position = HEADER_LEN as u64;
    }

    /// Removes the file.
    pub(crate) fn remove(self, volume: &Volume) -> Result<()> {
        volume.disk.remove_file(&self.path).on("remove", &self.path)
    }
}
