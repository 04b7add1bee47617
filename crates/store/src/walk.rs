//! Walking a segment file batch by batch, in bounded memory.

use std::io;
use std::sync::Arc;

use millstream_batch::{BatchRef, HEADER_LEN, Header};

use crate::disk::File;

/// Bytes read at once; a larger batch is read whole.
const CHUNK: u64 = 256 << 10;

/// Why a walk cannot go on.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The file could not be read.
    Io(io::Error),
    /// What is there is no batch.
    Batch(millstream_batch::Error),
}

/// A position in a segment file and the bytes read ahead of it.
pub(crate) struct Walk {
    file: Arc<dyn File>,
    position: u64,
    end: u64,
    chunk: Vec<u8>,
    /// Where in the file `chunk` begins.
    chunk_at: u64,
}

impl Walk {
    /// Walks the batches of `position..end`, which begins with one.
    pub(crate) fn new(file: Arc<dyn File>, position: u64, end: u64) -> Self {
        Walk {
            file,
            position,
            end,
            chunk: Vec::new(),
            chunk_at: position,
        }
    }

    /// Byte at which the next batch begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch, whose checksum has not been looked at; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<BatchRef<'_>>, Broken> {
        let Some(header) = self.next_header()? else {
            return Ok(None);
        };
        self.ahead(header.size())?;
        let from = (self.position - self.chunk_at) as usize;
        self.position += header.size() as u64;
        BatchRef::first(&self.chunk[from..])
            .map(Some)
            .map_err(Broken::Batch)
    }

    /// The header of the next batch, without moving on; `None` at the end.
    pub(crate) fn next_header(&mut self) -> Result<Option<Header>, Broken> {
        if self.position >= self.end {
            return Ok(None);
        }
        Header::parse(self.ahead(HEADER_LEN)?)
            .map(Some)
            .map_err(Broken::Batch)
    }

    /// At least `needed` bytes from the position on, or fewer where the range ends.
    fn ahead(&mut self, needed: usize) -> Result<&[u8], Broken> {
        let left = self.end - self.position;
        let from = (self.position - self.chunk_at) as usize;
        let needed = needed as u64;
        if ((self.chunk.len() - from) as u64) < needed.min(left) {
            // Bounded by the range, whatever the length field of a damaged batch says.
            self.chunk.resize(needed.max(CHUNK).min(left) as usize, 0);
            let read = self
                .file
                .read_at(&mut self.chunk, self.position)
                .map_err(Broken::Io)?;
            self.chunk.truncate(read);
            self.chunk_at = self.position;
            return Ok(&self.chunk);
        }
        Ok(&self.chunk[from..])
    }
}
