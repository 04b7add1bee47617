//! One read from one segment's file, of at most one turn's bytes unless a single batch is larger.
//!
//! What is handed out is whole batches that were proven sound. Nothing is kept for the next read.

use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::Header;

use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::segment::Segment;
use crate::stretch::{SoundBatches, Stretch};
use crate::tail::Wanted;
use crate::turns::TURN_BYTES;

/// Bytes that a thread of the runtime may copy out of the page cache by itself.
const SMALL: usize = 64 << 10;

/// A read from one segment's file.
#[derive(Debug, Clone)]
pub(crate) struct Cold {
    /// The segment.
    pub(crate) segment: Arc<Segment>,
    /// The leader epochs of its partition.
    pub(crate) epochs: Arc<Epochs>,
    /// What is to be found.
    pub(crate) wanted: Wanted,
}

/// What one read came to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Batches that are wanted.
    Run(Run),
    /// The next batch is not wanted, or not yet.
    Nothing,
    /// The segment ends before the offset wanted.
    End,
    /// The next batch has so many bytes, for which there was no room.
    Larger(usize),
}

/// Sound batches, one after the other.
#[derive(Debug)]
pub(crate) struct Run {
    /// The batches.
    pub(crate) bytes: Bytes,
    /// The offset after the last of them.
    pub(crate) next_offset: i64,
    /// Whether it was not for want of wanted batches that it ends.
    pub(crate) goes_on: bool,
}

impl Cold {
    /// What a look into the page cache finds, if that is cheap and finds everything.
    pub(crate) fn read_cached(&self) -> Option<Found> {
        let stretch = self.segment.stretch_at_hand(self.wanted.from, self.len())?;
        let len = stretch.len();
        if len == 0 || len > SMALL {
            return None;
        }
        let mut bytes = vec![0; len];
        let read = stretch.file.read_cached_at(&mut bytes, stretch.bytes.start);
        // Less than all would cost the reader another request.
        (read.ok()?? == len).then_some(())?;
        let found = self.carve(&stretch, bytes).ok()?;
        matches!(found, Found::Run(_) | Found::Nothing).then_some(found)
    }

    /// The same from the disk, with room for so many bytes; blocks.
    pub(crate) fn read(&self, room: usize) -> Result<Found> {
        let mut from = self.wanted.from;
        loop {
            let stretch = self.segment.stretch(from, self.len())?;
            let (end, next) = (stretch.bytes.end, stretch.offsets.end);
            match self.read_stretch(stretch, room)? {
                // Offsets are missing between here and the next batch.
                Found::End if end < self.segment.size() && next > from => from = next,
                found => return Ok(found),
            }
        }
    }

    fn read_stretch(&self, mut stretch: Stretch, room: usize) -> Result<Found> {
        if stretch.len() > self.len().max(SMALL) {
            match stretch.narrow(self.wanted.from, &self.segment, &self.epochs)? {
                None => return Ok(Found::End),
                Some((_, header)) if !self.wants(&header, 0) => return Ok(Found::Nothing),
                Some((batch, _)) => stretch = batch,
            }
        }
        if stretch.len() > room {
            return Ok(Found::Larger(stretch.len()));
        }
        let bytes = stretch.read(&self.segment)?;
        self.carve(&stretch, bytes)
    }

    /// Whether a batch may follow `taken` bytes of wanted ones.
    fn wants(&self, header: &Header, taken: usize) -> bool {
        header.next_offset() <= self.wanted.until && self.wanted.fits(taken, header.size())
    }

    /// Bytes to be read at once.
    fn len(&self) -> usize {
        self.wanted.max_bytes.min(TURN_BYTES)
    }

    /// What of the bytes of a stretch is wanted. Behind damage nothing is.
    fn carve(&self, stretch: &Stretch, bytes: Vec<u8>) -> Result<Found> {
        let mut batches = SoundBatches::new(&self.segment, stretch, &bytes, &self.epochs);
        let (mut found, mut next_offset) = (0..0, self.wanted.from);
        let is_all = loop {
            match batches.next(self.wanted.from) {
                Ok(None) if found.is_empty() => return Ok(Found::End),
                Ok(None) => break true,
                Ok(Some(batch)) if self.wants(&batch.header, found.len()) => {
                    if found.is_empty() {
                        found.start = batches.at() - batch.bytes.len();
                    }
                    found.end = batches.at();
                    next_offset = batch.header.next_offset();
                }
                Ok(Some(_)) if found.is_empty() => return Ok(Found::Nothing),
                Err(error) if found.is_empty() => return Err(error),
                // Whoever reads on from there is told.
                Ok(Some(_)) | Err(Error::Corrupt { .. }) => break false,
                Err(error) => return Err(error),
            }
        };
        let is_limited =
            self.wanted.max_bytes <= TURN_BYTES && stretch.bytes.end < self.segment.size();
        // A few batches do not keep a large buffer.
        let bytes = match found.len() < bytes.len() / 2 {
            true => Bytes::copy_from_slice(&bytes[found]),
            false => Bytes::from(bytes).slice(found),
        };
        Ok(Found::Run(Run {
            bytes,
            next_offset,
            goes_on: is_all && !is_limited,
        }))
    }
}
