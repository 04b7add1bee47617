//! Walking a segment file batch by batch, in bounded memory.

use std::io;
use std::sync::Arc;

use millstream_batch::{BatchRef, CRC_START, Error, HEADER_LEN, Header};

use crate::disk::File;

/// Bytes read at once; a larger batch is read whole.
const CHUNK: u64 = 256 << 10;

/// Bytes of a batch for which its length is taken at its word. Room for a larger one is made only once its checksum, which
/// is computed chunk by chunk, was right.
const CREDIBLE: u64 = 1 << 20;

/// Why a walk cannot go on.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The file could not be read.
    Io(io::Error),
    /// What is there is no batch.
    Batch(Error),
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
        let left = self.end - self.position;
        if header.size() as u64 > left {
            return Err(Broken::Batch(Error::Truncated {
                needed: header.size(),
                available: usize::try_from(left).unwrap_or(usize::MAX),
            }));
        }
        if header.size() as u64 > CREDIBLE {
            self.prove(&header)?;
        }
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

    /// Holds the next batch against its checksum.
    fn prove(&self, header: &Header) -> Result<(), Broken> {
        let mut at = self.position + CRC_START as u64;
        let end = self.position + header.size() as u64;
        let (mut piece, mut actual) = (vec![0; CHUNK as usize], 0);
        while at < end {
            let len = (end - at).min(CHUNK) as usize;
            let read = self.file.read_at(&mut piece[..len], at);
            let read = read.map_err(Broken::Io)?;
            if read == 0 {
                return Err(Broken::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            actual = crc32c::crc32c_append(actual, &piece[..read]);
            at += read as u64;
        }
        let expected = header.crc;
        match actual == expected {
            true => Ok(()),
            false => Err(Broken::Batch(Error::Checksum { expected, actual })),
        }
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

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::path::Path;

    use millstream_batch::Builder;

    use super::*;
    use crate::disk::Disk;
    use crate::disk::faulty::FaultyDisk;

    fn walk(bytes: &[u8]) -> Walk {
        let file = FaultyDisk::default().create(Path::new("/log")).unwrap();
        file.write_at(&mut [IoSlice::new(bytes)], 0).unwrap();
        Walk::new(file, 0, bytes.len() as u64)
    }

    fn batch(base: i64, size: usize) -> Vec<u8> {
        let builder = Builder::new().record(0, None, Some(&vec![b'x'; size]));
        builder.build().unwrap().stamp(base, 0).to_vec()
    }

    #[test]
    fn batches_of_any_size_come_whole_and_in_order() {
        let sizes = [10, CHUNK as usize, 3 * CREDIBLE as usize, 10];
        let batches: Vec<_> = (0..).zip(sizes).map(|(at, size)| batch(at, size)).collect();
        let mut walk = walk(&batches.concat());
        for expected in &batches {
            assert_eq!(walk.next().unwrap().unwrap().bytes, expected);
        }
        assert!(walk.next().unwrap().is_none());
    }

    #[test]
    fn a_damaged_length_makes_no_room_for_itself() {
        let good = [batch(0, 10), batch(1, 8 * CREDIBLE as usize)].concat();
        for length in [7 * CREDIBLE as i32, 9 * CREDIBLE as i32, i32::MAX] {
            let mut bytes = good.clone();
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
            let mut walk = walk(&bytes);
            assert!(matches!(walk.next(), Err(Broken::Batch(_))), "{length}");
            assert!(walk.chunk.capacity() as u64 <= CHUNK, "{length}");
        }
    }
}
