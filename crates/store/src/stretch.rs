//! A part of a segment's file between two places that its index knows: what one look into the past
//! reads at once.
//!
//! Where it begins and ends comes from the index and not from the batches, so a damaged length
//! neither makes anybody read further nor hides what lies behind it.

use std::ops::Range;
use std::sync::Arc;

use millstream_batch::{BatchRef, Error as BatchError, HEADER_LEN, Header};

use crate::disk::File;
use crate::epochs::Epochs;
use crate::error::{IoContext, Result};
use crate::segment::Segment;
use crate::sound::Sound;

/// A part of a segment that begins and ends between batches.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// The log file.
    pub(crate) file: Arc<dyn File>,
    /// Where it lies in the file.
    pub(crate) bytes: Range<u64>,
    /// The offsets that batches in it can have.
    pub(crate) offsets: Range<i64>,
}

impl Stretch {
    /// Bytes in it.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.bytes.end.saturating_sub(self.bytes.start)).unwrap_or(usize::MAX)
    }

    /// Reads all of it; blocks.
    pub(crate) fn read(&self, segment: &Segment) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.len());
        let at = self.bytes.start;
        self.file
            .read_into(&mut bytes, self.len(), at)
            .on("read", segment.log_path())?;
        Ok(bytes)
    }

    /// The batch that holds `offset`, or the next there is, alone, and its header; `None` if there is
    /// none. For a stretch that is too long to be read for one batch; blocks.
    pub(crate) fn narrow(
        mut self,
        offset: i64,
        segment: &Segment,
        epochs: &Epochs,
    ) -> Result<Option<(Self, Header)>> {
        let mut sound = Sound::new(self.offsets.clone(), epochs);
        while let Some(header) = self.header_at(self.bytes.start, segment)? {
            let bytes = self.bytes.start..self.bytes.start + header.size() as u64;
            // If that one is damaged, whoever wants it is told.
            let following = self.header_at(bytes.end, segment).ok().flatten();
            let following = following.map(|header| header.base_offset);
            let offsets = sound.next_offset()..sound.end_of(&header, following);
            let corrupt = |reason| segment.corrupt(bytes.start, reason);
            let is_passable = sound.pass(&header, following).map_err(corrupt)?;
            if header.next_offset() > offset {
                (self.bytes, self.offsets) = (bytes, offsets);
                return Ok(Some((self, header)));
            }
            if !is_passable {
                self.check_crc(&header, segment)?.map_err(corrupt)?;
            }
            self.bytes.start = bytes.end;
        }
        Ok(None)
    }

    /// Whether the checksum of the first batch is right; blocks.
    fn check_crc(&self, header: &Header, segment: &Segment) -> Result<Result<(), String>> {
        let first = Stretch {
            file: Arc::clone(&self.file),
            bytes: self.bytes.start..self.bytes.start + header.size() as u64,
            offsets: self.offsets.clone(),
        };
        let checked = header.check_crc(&first.read(segment)?);
        Ok(checked.map_err(|error| error.to_string()))
    }

    /// The header at `position` of a batch that ends within the stretch; `None` at the end.
    fn header_at(&self, position: u64, segment: &Segment) -> Result<Option<Header>> {
        let left = self.bytes.end.saturating_sub(position);
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_LEN];
        let read = self.file.read_at(&mut bytes, position);
        let read = read.on("read", segment.log_path())?;
        let header =
            Header::parse(&bytes[..read]).and_then(|header| match header.size() as u64 <= left {
                true => Ok(header),
                false => Err(cut_short(header.size(), left as usize)),
            });
        let header = header.map_err(|error| segment.corrupt(position, error.to_string()))?;
        Ok(Some(header))
    }
}

fn cut_short(needed: usize, available: usize) -> BatchError {
    BatchError::Truncated { needed, available }
}

/// Walks the bytes of a stretch, and believes no batch that is not sound.
#[derive(Debug)]
pub(crate) struct SoundBatches<'a> {
    segment: &'a Segment,
    bytes: &'a [u8],
    /// Where the next batch begins in `bytes`.
    at: usize,
    /// Where `bytes` begin in the file.
    position: u64,
    /// How long they should be.
    len: usize,
    sound: Sound<'a>,
}

impl<'a> SoundBatches<'a> {
    /// Walks `bytes`, which were read from `stretch` of `segment`.
    pub(crate) fn new(
        segment: &'a Segment,
        stretch: &Stretch,
        bytes: &'a [u8],
        epochs: &'a Epochs,
    ) -> Self {
        SoundBatches {
            segment,
            bytes,
            at: 0,
            position: stretch.bytes.start,
            len: stretch.len(),
            sound: Sound::new(stretch.offsets.clone(), epochs),
        }
    }

    /// Where the next batch begins in the bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next batch that reaches past `offset`; `None` at the end.
    pub(crate) fn next(&mut self, offset: i64) -> Result<Option<BatchRef<'a>>> {
        while self.at < self.len {
            let passed = self.take(offset);
            match passed
                .map_err(|reason| self.segment.corrupt(self.position + self.at as u64, reason))?
            {
                Taken::Passed(len) => self.at += len,
                Taken::Wanted(batch) => {
                    self.at += batch.bytes.len();
                    return Ok(Some(batch));
                }
            }
        }
        Ok(None)
    }

    fn take(&mut self, offset: i64) -> Result<Taken<'a>, String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let batch = BatchRef::first(rest).map_err(|error| error.to_string())?;
        let following = Header::parse(&rest[batch.bytes.len()..]);
        let following = following.ok().map(|header| header.base_offset);
        if batch.header.next_offset() <= offset {
            if !self.sound.pass(&batch.header, following)? {
                batch
                    .header
                    .check_crc(batch.bytes)
                    .map_err(|error| error.to_string())?;
            }
            return Ok(Taken::Passed(batch.bytes.len()));
        }
        self.sound.check(&batch, following)?;
        Ok(Taken::Wanted(batch))
    }
}

enum Taken<'a> {
    /// The length of a batch that nobody wants.
    Passed(usize),
    Wanted(BatchRef<'a>),
}
