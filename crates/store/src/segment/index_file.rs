//! The index of a segment between its file and memory.
//!
//! What the file lacks is found by walking the log, so nothing here is ever a reason to fail but a
//! log that cannot be read.

use std::io::{ErrorKind, IoSlice};
use std::sync::atomic::Ordering;

use millstream_batch::Header;

use super::Segment;
use crate::disk;
use crate::epochs::Epochs;
use crate::error::{IoContext, Result};
use crate::format::{self, HEADER_LEN, Kind};
use crate::index::{Entry, Index};
use crate::sound::Sound;
use crate::walk::Walk;

/// Ends the names of the files.
pub(crate) const EXTENSION: &str = "index";

/// Bytes between entries where an index is rebuilt; the topic's own setting is not at hand there.
const REBUILD_INTERVAL: u32 = 4096;

impl Segment {
    /// Lets `use_it` look at the index, loading it from its file and, for what that lacks, from the
    /// log; blocks.
    pub(crate) fn with_index<T>(&self, use_it: impl FnOnce(&mut Index) -> T) -> Result<T> {
        self.used.store(true, Ordering::Relaxed);
        let mut index = self.index.lock();
        if let Some(loaded) = index.as_mut() {
            return Ok(use_it(loaded));
        }
        let mut loaded = self.read_index()?;
        if self.complete(&mut loaded)? {
            // So that the next one need not; if it fails, the next one has to.
            let _ = self.save(&mut loaded);
        }
        self.max_timestamp
            .store(loaded.end().max_timestamp, Ordering::Release);
        Ok(use_it(index.insert(loaded)))
    }

    /// What the index file has, which may be nothing.
    fn read_index(&self) -> Result<Index> {
        let path = self.index_path();
        let bytes = disk::read_file(&*self.volume.disk, &path).on("read", &path)?;
        let bytes = bytes.unwrap_or_default();
        let blocks = format::split(Kind::Index, self.volume.cluster_id, &bytes);
        Ok(blocks.map_or_else(
            |_| Index::new(),
            |(blocks, _)| Index::decode(blocks, self.size()),
        ))
    }

    /// What the index file alone says of the places around an offset: of a log that is damaged where the
    /// file has nothing to say. The end is then that of the segment.
    pub(super) fn around_damage(&self, relative_offset: u32, len: usize) -> Result<(Entry, Entry)> {
        let index = self.read_index()?;
        let end = Entry {
            relative_offset: self.relative(self.next_offset()),
            position: u32::try_from(self.size()).unwrap_or(u32::MAX),
            ..index.end()
        };
        Ok(match index.around_offset(relative_offset, len) {
            (start, last) if start == last => (start, end),
            places => places,
        })
    }

    /// Walks the visible batches that an index does not know; whether there were any.
    fn complete(&self, index: &mut Index) -> Result<bool> {
        let known = index.end();
        if u64::from(known.position) == self.size() {
            return Ok(false);
        }
        let mut walk = Walk::new(self.file()?, known.position.into(), self.size());
        let epochs = Epochs::default();
        let offsets = self.base_offset() + i64::from(known.relative_offset)..i64::MAX;
        let mut sound = Sound::new(offsets, &epochs);
        loop {
            let position = walk.position();
            match walk.next() {
                Ok(Some(batch)) => {
                    let checked = sound.check(&batch, None);
                    checked.map_err(|reason| self.corrupt(position, reason))?;
                    self.note(index, &batch.header, REBUILD_INTERVAL);
                }
                Ok(None) => return Ok(position > known.position.into()),
                Err(broken) => return Err(self.broken(broken, position)),
            }
        }
    }

    /// Writes what the index file lacks. It is not synced: the index is derived.
    pub(crate) fn save_index(&self) -> Result<()> {
        self.with_index(|index| self.save(index))?
    }

    fn save(&self, index: &mut Index) -> Result<()> {
        let Some((at, block)) = index.unsaved_block() else {
            return Ok(());
        };
        self.write_block(at, &block)
            .inspect_err(|_| index.forget_saved())
    }

    /// Puts a block into the index file, `at` bytes after the header.
    fn write_block(&self, at: u64, block: &[u8]) -> Result<()> {
        let path = self.index_path();
        let disk = &self.volume.disk;
        let file = match at {
            0 => disk.create(&path),
            _ => disk.open(&path),
        };
        let file = file.on("open", &path)?;
        if at == 0 {
            let header = format::header(Kind::Index, self.volume.cluster_id, 0);
            file.write_at(&mut [IoSlice::new(&header)], 0)
                .on("write", &path)?;
        }
        file.write_at(&mut [IoSlice::new(block)], HEADER_LEN as u64 + at)
            .on("write", &path)
    }

    /// Cuts off of the index file what `index` did not take from it, so that no block that speaks
    /// of a lost tail ever stands behind a new one; durable when this returns.
    pub(super) fn cut_index(&self, index: &Index) -> Result<()> {
        let path = self.index_path();
        let file = match self.volume.disk.open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened.on("open", &path)?,
        };
        let len = HEADER_LEN as u64 + index.saved_len();
        if file.size().on("measure", &path)? > len {
            file.set_len(len).on("truncate", &path)?;
            file.sync().on("sync", &path)?;
        }
        Ok(())
    }
}

/// What recovery needs to rebuild an index while it checks every byte.
pub(crate) struct Rebuild<'a> {
    segment: &'a Segment,
    index: Index,
}

impl<'a> Rebuild<'a> {
    /// Begins after the last entry of the index file that is not past `offset`.
    pub(crate) fn begin(segment: &'a Segment, offset: i64) -> Result<(Self, Entry)> {
        let mut index = segment.read_index()?;
        let entry = index.rewind(segment.relative(offset));
        Ok((Rebuild { segment, index }, entry))
    }

    /// Takes the next batch.
    pub(crate) fn note(&mut self, header: &Header) {
        self.segment.note(&mut self.index, header, REBUILD_INTERVAL);
    }

    /// The index up to the last batch taken.
    pub(crate) fn finish(self) -> Index {
        self.index
    }
}
