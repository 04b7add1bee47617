//! Reading records: from memory, from the page cache, or from the disk.
//!
//! Batches are handed out whole and as they were written. A read never waits for a disk on the
//! runtime's threads: what is not at hand is read on a blocking one.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millstream_batch::{Batches, Error as BatchError, HEADER_LEN, Header};

use crate::disk::File;
use crate::error::{Error, IoContext, Result};
use crate::partition::Partition;
use crate::segment::Segment;
use crate::tail::Wanted;

impl Partition {
    /// Whole batches from the one that holds `from`, or the next there is, up to `until`
    /// (exclusive; the high watermark or the last stable offset), in at most `max_bytes`.
    /// With `at_least_one` the first batch comes even if it alone is larger.
    ///
    /// # Errors
    /// [`Error::OffsetOutOfRange`]; [`Error::Corrupt`] if the log holds no batch where one should be.
    pub async fn read(
        &self,
        from: i64,
        max_bytes: usize,
        until: i64,
        at_least_one: bool,
    ) -> Result<Vec<Bytes>> {
        let offsets = self.offsets();
        if from < offsets.log_start || from > offsets.log_end {
            return Err(self.out_of_range(from));
        }
        let wanted = Wanted {
            from,
            until: until.min(offsets.high_watermark),
            max_bytes,
            at_least_one,
        };
        if wanted.from >= wanted.until {
            return Ok(Vec::new());
        }
        if let Some(batches) = self.tail.read(wanted) {
            return Ok(batches);
        }
        match self.read_segments(wanted).await {
            // Retention came between looking and opening.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Err(self.out_of_range(from))
            }
            read => read.map(|bytes| {
                if bytes.is_empty() {
                    Vec::new()
                } else {
                    vec![bytes]
                }
            }),
        }
    }

    /// Reads from the first segment that has anything at or after the offset wanted: the one that
    /// should hold it may end before, where offsets were lost to a full disk.
    async fn read_segments(&self, wanted: Wanted) -> Result<Bytes> {
        let mut next = self.log.holding(wanted.from);
        while let Some(segment) = next {
            let cold = Cold {
                segment: Arc::clone(&segment),
                wanted,
            };
            let read = match cold.read_cached() {
                Some(found) => Some(found),
                None => blocking(move || cold.read()).await?,
            };
            if let Some(found) = read {
                return Ok(found);
            }
            next = self.log.after(&segment);
        }
        Ok(Bytes::new())
    }

    /// The error for an offset that the partition does not hold.
    pub fn out_of_range(&self, offset: i64) -> Error {
        let offsets = self.offsets();
        Error::OffsetOutOfRange {
            partition: self.id,
            offset,
            log_start: offsets.log_start,
            log_end: offsets.log_end,
        }
    }
}

/// Runs what waits for a disk on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // The task is only ever cancelled when the runtime shuts down.
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Error::Closed))
}

/// A read from one segment's file.
struct Cold {
    segment: Arc<Segment>,
    wanted: Wanted,
}

impl Cold {
    /// What the page cache has; `None` if that is not a whole batch of those wanted.
    fn read_cached(&self) -> Option<Bytes> {
        let (file, position) = self.segment.locate_loaded(self.wanted.from)?;
        let mut buffer = self.buffer(position, self.wanted.max_bytes)?;
        let read = file.read_cached_at(&mut buffer, position).ok()??;
        buffer.truncate(read);
        let found = self.carve(&buffer).ok()?;
        (found.end > found.start).then(|| buffer.freeze().slice(found))
    }

    /// The same from the disk; `None` if the segment ends before the offset wanted.
    fn read(&self) -> Result<Option<Bytes>> {
        let (file, mut position) = self.segment.locate(self.wanted.from)?;
        let mut len = self.wanted.max_bytes;
        loop {
            let Some(mut buffer) = self.buffer(position, len) else {
                return Ok(None);
            };
            let read = file
                .read_at(&mut buffer, position)
                .on("read", self.segment.log_path())?;
            buffer.truncate(read);
            let found = self
                .carve(&buffer)
                .map_err(|error| self.corrupt(position, &error))?;
            if found.end > found.start {
                return Ok(Some(buffer.freeze().slice(found)));
            }
            // The walk ended at a batch that is larger than the buffer.
            position += found.start as u64;
            match self.header_at(&*file, position)? {
                Some(header) if header.next_offset() <= self.wanted.from => {
                    position += header.size() as u64;
                }
                Some(header) if self.wants(&header, 0) => len = header.size(),
                Some(_) => return Ok(Some(Bytes::new())),
                None => return Ok(None),
            }
        }
    }

    /// Room for `len` bytes from `position`, as far as the segment goes; `None` if that is nowhere.
    fn buffer(&self, position: u64, len: usize) -> Option<BytesMut> {
        let left = self.segment.size().saturating_sub(position);
        let len = left.min(len.max(HEADER_LEN) as u64);
        (len > 0).then(|| BytesMut::zeroed(len as usize))
    }

    /// The header of the batch at `position`, which is there to its end; `None` at the end.
    fn header_at(&self, file: &dyn File, position: u64) -> Result<Option<Header>> {
        let left = self.segment.size().saturating_sub(position);
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_LEN];
        file.read_at(&mut bytes, position)
            .on("read", self.segment.log_path())?;
        let header = Header::parse(&bytes).map_err(|error| self.corrupt(position, &error))?;
        if header.size() as u64 > left {
            let (needed, available) = (header.size(), left as usize);
            return Err(self.corrupt(position, &BatchError::Truncated { needed, available }));
        }
        Ok(Some(header))
    }

    /// Whether a batch may follow `taken` bytes of wanted ones.
    fn wants(&self, header: &Header, taken: usize) -> bool {
        header.next_offset() <= self.wanted.until && self.wanted.fits(taken, header.size())
    }

    /// Which part of `bytes`, which begin with a batch, is whole batches that are wanted.
    /// An empty part stands where the first of them would begin.
    fn carve(&self, bytes: &[u8]) -> Result<std::ops::Range<usize>, BatchError> {
        let mut found = 0..0;
        for batch in Batches::new(bytes) {
            let (header, len) = match batch {
                Ok(batch) => (batch.header, batch.bytes.len()),
                Err(BatchError::Truncated { .. }) => break,
                Err(error) => return Err(error),
            };
            if header.next_offset() <= self.wanted.from {
                found = found.end + len..found.end + len;
            } else if self.wants(&header, found.len()) {
                found.end += len;
            } else {
                break;
            }
        }
        Ok(found)
    }

    fn corrupt(&self, position: u64, error: &BatchError) -> Error {
        let file = self.segment.log_path().to_owned();
        Error::Corrupt {
            file,
            position,
            reason: error.to_string(),
        }
    }
}
