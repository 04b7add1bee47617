//! Walking a segment file that may be damaged: every batch is proven by its checksum, and behind
//! damage the walk goes on at the next whole batch.
//!
//! No length is believed before the checksum it leads to was right, so memory is bounded by the
//! largest whole batch and never by what a damaged length says. What should become of damage is not
//! decided here.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use millstream_batch::{CRC_START, Error as BatchError, HEADER_LEN};

use crate::config::TopicPartition;
use crate::disk::{Disk, File, OsDisk};
use crate::segment::SegmentName;
use crate::store;

pub use crate::timestamps::DECOMPRESSED_LIMIT;
pub use millstream_batch::{
    BatchRef, Header, Marker, Outcome, Record, RecordHeader, TimestampType,
};

/// Bytes read at once; a larger batch is read whole once it is proven.
const CHUNK: usize = 1 << 20;

/// The byte of a header that holds the number of the format, and that number.
const MAGIC: (usize, u8) = (16, 2);

/// The bits of the attributes that mean nothing.
const UNUSED_ATTRIBUTES: i16 = !0x7f;

/// A walk through a segment file.
#[derive(Debug)]
pub struct Scan {
    file: Arc<dyn File>,
    /// Byte at which the next piece begins.
    position: u64,
    /// Where the file ended when the walk began.
    end: u64,
    /// Offset after the last whole batch.
    next_offset: i64,
    /// Bytes that were read, and where in the file they begin.
    window: Vec<u8>,
    window_at: u64,
}

/// What a walk comes upon.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A batch whose checksum is right.
    Batch {
        /// Byte at which it begins.
        position: u64,
        /// The batch.
        batch: BatchRef<'a>,
    },
    /// Bytes that are no batch.
    Damage(Damage),
}

/// Bytes that are no batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where they are in the file.
    pub bytes: Range<u64>,
    /// What is wrong at the first of them.
    pub reason: BatchError,
    /// Base offset of the whole batch behind them; `None` if there is none up to the end of the file.
    pub next_offset: Option<i64>,
}

impl Scan {
    /// Walks the file at `path`, which may be any; the name of a segment tells where its offsets begin.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let base = name.and_then(|name| name.split('.').next()?.parse().ok());
        Self::new(OsDisk.open_to_read(path)?, base.unwrap_or(0))
    }

    /// Walks the segments of a partition, one after the other, in a data directory that nobody has
    /// open.
    ///
    /// # Errors
    /// If the directory of the partition cannot be read, or one of its segments.
    pub fn partition(
        data: &Path,
        id: TopicPartition,
    ) -> io::Result<impl Iterator<Item = io::Result<Self>>> {
        let dir = store::partition_dir(data, id);
        let files = OsDisk.list(&dir)?;
        let names = files.iter().map(|file| SegmentName::parse(file, "log"));
        let mut names: Vec<SegmentName> = names.flatten().collect();
        names.sort_unstable();
        let paths = names.into_iter().map(move |name| name.path(&dir, "log"));
        Ok(paths.map(|path| Self::open(&path)))
    }

    /// Walks `file`, whose offsets begin at `base_offset`, from its first byte.
    pub(crate) fn new(file: Arc<dyn File>, base_offset: i64) -> io::Result<Self> {
        let end = file.size()?;
        Ok(Scan {
            file,
            position: 0,
            end,
            next_offset: base_offset,
            window: Vec::new(),
            window_at: 0,
        })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.end
    }

    /// The next piece; `None` at the end. Behind damage a batch counts only if its offsets follow those
    /// of the last whole one, so that one inside the records of another is not mistaken for it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        let position = self.position;
        if position >= self.end {
            return Ok(None);
        }
        let header = match self.prove(position)? {
            Ok(header) => header,
            Err(reason) => return self.damage(reason).map(Some),
        };
        self.position += header.size() as u64;
        self.next_offset = header.next_offset();
        let bytes = self.read(position, header.size())?;
        // It was all there a moment ago.
        let batch = BatchRef::first(bytes).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        Ok(Some(Piece::Batch { position, batch }))
    }

    /// Passes what begins at the position and is no batch.
    fn damage(&mut self, reason: BatchError) -> io::Result<Piece<'_>> {
        let start = self.position;
        let next = self.find(start)?;
        self.position = next.as_ref().map_or(self.end, |(position, _)| *position);
        Ok(Piece::Damage(Damage {
            bytes: start..self.position,
            reason,
            next_offset: next.map(|(_, header)| header.base_offset),
        }))
    }

    /// The first whole batch behind the damage at `start`, which is most likely where the damaged one
    /// says that it ends.
    fn find(&mut self, start: u64) -> io::Result<Option<(u64, Header)>> {
        if let Ok(damaged) = Header::parse(self.read(start, HEADER_LEN)?) {
            let behind = start + damaged.size() as u64;
            if let Ok(header) = self.prove(behind)? {
                return Ok(Some((behind, header)));
            }
        }
        let least = self.next_offset;
        let mut position = start + 1;
        while position < self.end {
            let bytes = self.read(position, HEADER_LEN)?;
            let looked_at = bytes.len();
            let Some(skipped) = candidate(bytes, least) else {
                position += looked_at.saturating_sub(HEADER_LEN - 1).max(1) as u64;
                continue;
            };
            position += skipped as u64;
            if let Ok(header) = self.prove(position)? {
                return Ok(Some((position, header)));
            }
            position += 1;
        }
        Ok(None)
    }

    /// The header of the batch at `position`, if the whole batch is there as its checksum has it.
    fn prove(&mut self, position: u64) -> io::Result<Result<Header, BatchError>> {
        let header = match Header::parse(self.read(position, HEADER_LEN)?) {
            Ok(header) => header,
            Err(error) => return Ok(Err(error)),
        };
        let left = self.end.saturating_sub(position);
        if header.size() as u64 > left {
            return Ok(Err(BatchError::Truncated {
                needed: header.size(),
                available: usize::try_from(left).unwrap_or(usize::MAX),
            }));
        }
        let actual = self.checksum(position + CRC_START as u64, header.size() - CRC_START)?;
        Ok(match actual == header.crc {
            true => Ok(header),
            false => Err(BatchError::Checksum {
                expected: header.crc,
                actual,
            }),
        })
    }

    fn checksum(&mut self, mut position: u64, mut len: usize) -> io::Result<u32> {
        let mut crc = 0;
        while len > 0 {
            let bytes = self.read(position, len.min(CHUNK))?;
            let bytes = &bytes[..bytes.len().min(len)];
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            crc = crc32c::crc32c_append(crc, bytes);
            position += bytes.len() as u64;
            len -= bytes.len();
        }
        Ok(crc)
    }

    /// At least `len` bytes from `position` on, or fewer where the file ends.
    fn read(&mut self, position: u64, len: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        let len = len.min(left);
        let at_hand = position
            .checked_sub(self.window_at)
            .and_then(|skipped| usize::try_from(skipped).ok())
            .filter(|&skipped| skipped + len <= self.window.len());
        let skipped = match at_hand {
            Some(skipped) => skipped,
            None => {
                self.window.resize(len.max(CHUNK).min(left), 0);
                let read = self.file.read_at(&mut self.window, position)?;
                self.window.truncate(read);
                self.window_at = position;
                0
            }
        };
        Ok(&self.window[skipped..])
    }
}

/// How many bytes come before what could be the header of a batch with offsets at or after `least`.
fn candidate(bytes: &[u8], least: i64) -> Option<usize> {
    bytes.windows(HEADER_LEN).position(|head| {
        let (at, magic) = MAGIC;
        head[at] == magic && Header::parse(head).is_ok_and(|header| is_plausible(&header, least))
    })
}

/// Whether a header that was found among other bytes is worth a look at the batch's checksum.
fn is_plausible(header: &Header, least: i64) -> bool {
    let offsets = least..=least.saturating_add(i64::from(i32::MAX));
    offsets.contains(&header.base_offset)
        && header.last_offset_delta >= 0
        && header.attributes & UNUSED_ATTRIBUTES == 0
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use millstream_batch::Builder;

    use super::*;
    use crate::disk::faulty::FaultyDisk;

    fn batch(base: i64, size: usize) -> Vec<u8> {
        let builder = Builder::new().record(0, None, Some(&vec![b'x'; size]));
        builder.build().unwrap().stamp(base, 0).to_vec()
    }

    fn scan(bytes: &[u8]) -> Scan {
        let file = FaultyDisk::default().create(Path::new("/log")).unwrap();
        file.write_at(&mut [IoSlice::new(bytes)], 0).unwrap();
        Scan::new(file, 0).unwrap()
    }

    /// Base offsets of the batches, and the bytes that are damaged.
    fn walk(bytes: &[u8]) -> (Vec<i64>, Vec<Range<u64>>) {
        let (mut scan, mut offsets, mut damaged) = (scan(bytes), Vec::new(), Vec::new());
        while let Some(piece) = scan.next_piece().unwrap() {
            match piece {
                Piece::Batch { batch, .. } => offsets.push(batch.header.base_offset),
                Piece::Damage(damage) => damaged.push(damage.bytes),
            }
        }
        (offsets, damaged)
    }

    #[test]
    fn a_flipped_bit_costs_its_own_batch_and_no_other() {
        let good = [batch(0, 40), batch(1, 40), batch(2, 40)].concat();
        let len = good.len() / 3;
        for at in len..2 * len {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            let outside_of_checksum = at - len < 8 || (12..16).contains(&(at - len));
            match outside_of_checksum {
                true => assert_eq!(walk(&bytes).0.len(), 3, "byte {at}"),
                false => {
                    let middle = len as u64..2 * len as u64;
                    assert_eq!(walk(&bytes), (vec![0, 2], vec![middle]), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn the_walk_goes_on_behind_bytes_of_any_kind_and_number() {
        for junk in [
            vec![0; 3 * CHUNK],
            vec![2; CHUNK + 7],
            batch(0, 9)[5..].to_vec(),
        ] {
            let (first, last) = (batch(0, 10), batch(7, 2 * CHUNK));
            let bytes = [&first[..], &junk, &last].concat();
            let junk = first.len() as u64..(first.len() + junk.len()) as u64;
            assert_eq!(walk(&bytes), (vec![0, 7], vec![junk]));
        }
    }

    #[test]
    fn a_batch_within_the_records_of_a_damaged_one_is_not_taken_for_the_next() {
        let inner = batch(0, 10);
        let mut outer = Builder::new()
            .record(0, None, Some(&inner))
            .build()
            .unwrap()
            .stamp(5, 0)
            .to_vec();
        outer[20] ^= 1;
        let bytes = [batch(4, 10), outer].concat();
        assert_eq!(walk(&bytes).0, [4]);
    }

    #[test]
    fn a_damaged_length_allocates_nothing() {
        let mut bytes = [batch(0, 10), batch(1, 8 * CHUNK)].concat();
        bytes[8..12].copy_from_slice(&(7 * CHUNK as i32).to_be_bytes());
        let mut scan = scan(&bytes);
        assert!(matches!(scan.next_piece().unwrap(), Some(Piece::Damage(_))));
        assert!(scan.window.capacity() <= CHUNK);
    }

    #[test]
    fn what_is_cut_short_is_damage_to_the_end() {
        let good = [batch(0, 10), batch(1, 10)].concat();
        let half = good.len() / 2;
        for len in half + 1..good.len() {
            let end = half as u64..len as u64;
            assert_eq!(walk(&good[..len]), (vec![0], vec![end]));
        }
    }
}
