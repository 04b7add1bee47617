//! A run of batches, as it stands in a segment or a fetch response.

use crate::{Error, HEADER_LEN, Header, Records};

/// One batch among others: its header, and its bytes including the header. The checksum has not been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRef<'a> {
    /// The parsed header.
    pub header: Header,
    /// The whole batch.
    pub bytes: &'a [u8],
}

impl<'a> BatchRef<'a> {
    /// Reads the batch at the beginning of `bytes`, which may go on after it.
    ///
    /// # Errors
    /// Those of [`Header::parse`]; [`Error::Truncated`] if the batch is not there to its end.
    pub fn first(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::parse(bytes)?;
        let bytes = bytes.get(..header.size()).ok_or(Error::Truncated {
            needed: header.size(),
            available: bytes.len(),
        })?;
        Ok(Self { header, bytes })
    }

    /// Opens the records, which may take up to `limit` bytes when decompressed.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::DecompressedTooLarge`].
    pub fn records(&self, limit: usize) -> Result<Records<'a>, Error> {
        Records::open(self.header, &self.bytes[HEADER_LEN..], limit)
    }
}

/// Walks concatenated batches by their headers; ends after the first error.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    /// Begins at the first byte of `bytes`, which must be that of a batch.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been walked yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<BatchRef<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let first = BatchRef::first(self.rest);
        self.rest = match &first {
            Ok(batch) => &self.rest[batch.bytes.len()..],
            Err(_) => &[],
        };
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;

    fn run() -> Vec<u8> {
        (0..3)
            .flat_map(|n| {
                Builder::new()
                    .record(n, None, Some(b"value"))
                    .build()
                    .unwrap()
                    .stamp(n, 0)
            })
            .collect()
    }

    #[test]
    fn every_batch_of_a_run_is_seen_once() {
        let run = run();
        let offsets: Vec<i64> = Batches::new(&run)
            .map(|batch| batch.unwrap().header.base_offset)
            .collect();
        assert_eq!(offsets, [0, 1, 2]);
    }

    #[test]
    fn the_walk_ends_after_a_cut_batch() {
        let mut run = run();
        run.pop();
        let seen: Vec<_> = Batches::new(&run).collect();
        assert_eq!(seen.len(), 3);
        assert!(matches!(seen[2], Err(Error::Truncated { .. })));
    }
}
