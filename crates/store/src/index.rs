//! The sparse index of one segment: from an offset or a point in time to a byte of the log file.
//!
//! An entry stands between two batches and tells about everything before it, so one list serves both
//! questions: offsets, positions and the running maximum of timestamps all ascend. The file is the
//! common header and then blocks, appended at recovery points and whenever one was found to be lacking:
//!
//! ```text
//! 0       4       8            12         16                24
//! +-------+-------+------------+----------+-----------------+--- ---
//! | count | crc   | rel. offset| position | max timestamp   | ... count entries
//! +-------+-------+------------+----------+-----------------+--- ---
//! ```
//!
//! The checksum covers the block's entries. The index is derived: whatever is missing or damaged is
//! rebuilt by walking the log from the last good entry.

use crate::format::take;

/// Bytes of an entry on disk.
const ENTRY_LEN: usize = 16;

/// What is known about the log before one of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Every batch before has smaller offsets, every batch after none below (less the base offset).
    pub(crate) relative_offset: u32,
    /// Byte in the log file at which a batch begins, or the end.
    pub(crate) position: u32,
    /// Greatest timestamp before, or −1.
    pub(crate) max_timestamp: i64,
}

impl Entry {
    const START: Entry = Entry {
        relative_offset: 0,
        position: 0,
        max_timestamp: -1,
    };
}

/// The entries of a segment and the end up to which they speak.
#[derive(Debug)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    end: Entry,
    /// How many entries are in the file, after its header in `saved_len` bytes.
    saved: usize,
    saved_len: u64,
}

impl Index {
    /// The index of an empty segment.
    pub(crate) fn new() -> Self {
        Index {
            entries: Vec::new(),
            end: Entry::START,
            saved: 0,
            saved_len: 0,
        }
    }

    /// Reads the blocks of a file as far as they are sound and lie within `size` bytes of log.
    pub(crate) fn decode(blocks: &[u8], size: u64) -> Self {
        let mut index = Index::new();
        let mut rest = blocks;
        while let Some(after) = index.decode_block(rest, size) {
            rest = after;
        }
        index.saved = index.entries.len();
        index.saved_len = (blocks.len() - rest.len()) as u64;
        index
    }

    /// Takes one block; `None` where the file ends, is damaged, or goes past the log.
    fn decode_block<'a>(&mut self, mut bytes: &'a [u8], size: u64) -> Option<&'a [u8]> {
        let count = u32::from_be_bytes(take(&mut bytes)?) as usize;
        let crc = u32::from_be_bytes(take(&mut bytes)?);
        let (mut block, rest) = bytes.split_at_checked(count.checked_mul(ENTRY_LEN)?)?;
        if crc32c::crc32c(block) != crc {
            return None;
        }
        let entries: Vec<Entry> = std::iter::from_fn(|| {
            Some(Entry {
                relative_offset: u32::from_be_bytes(take(&mut block)?),
                position: u32::from_be_bytes(take(&mut block)?),
                max_timestamp: i64::from_be_bytes(take(&mut block)?),
            })
        })
        .collect();
        let ascending = entries.is_sorted_by(|a, b| a.position < b.position)
            && entries
                .first()
                .is_none_or(|first| first.position > self.end.position);
        let last = entries.last()?;
        if !ascending || u64::from(last.position) > size {
            return None;
        }
        self.end = *last;
        self.entries.extend(entries);
        Some(rest)
    }

    /// A block of the entries that are not in the file yet, after marking where the log ends, and
    /// where after the file's header it belongs; `None` if there are none.
    pub(crate) fn unsaved_block(&mut self) -> Option<(u64, Vec<u8>)> {
        self.mark_end();
        let fresh = &self.entries[self.saved..];
        if fresh.is_empty() {
            return None;
        }
        let mut block = (fresh.len() as u32).to_be_bytes().to_vec();
        block.extend_from_slice(&[0; 4]);
        for entry in fresh {
            block.extend_from_slice(&entry.relative_offset.to_be_bytes());
            block.extend_from_slice(&entry.position.to_be_bytes());
            block.extend_from_slice(&entry.max_timestamp.to_be_bytes());
        }
        let crc = crc32c::crc32c(&block[8..]);
        block[4..8].copy_from_slice(&crc.to_be_bytes());
        let at = self.saved_len;
        self.saved = self.entries.len();
        self.saved_len += block.len() as u64;
        Some((at, block))
    }

    /// Has all entries saved anew, since nobody knows what the file holds.
    pub(crate) fn forget_saved(&mut self) {
        (self.saved, self.saved_len) = (0, 0);
    }

    /// Bytes of the file, after its header, that hold the saved entries.
    pub(crate) fn saved_len(&self) -> u64 {
        self.saved_len
    }

    /// Goes back to the last entry from which a walk forward meets the batch with this relative
    /// offset. If that loses saved entries, all of them have to be saved anew.
    pub(crate) fn rewind(&mut self, relative_offset: u32) -> Entry {
        let keep = self
            .entries
            .partition_point(|e| e.relative_offset <= relative_offset);
        self.entries.truncate(keep);
        if self.saved > keep {
            self.forget_saved();
        }
        self.end = self.last();
        self.end
    }

    fn mark_end(&mut self) {
        if self.last().position < self.end.position {
            self.entries.push(self.end);
        }
    }

    fn last(&self) -> Entry {
        self.entries.last().copied().unwrap_or(Entry::START)
    }

    /// Takes note of the next batch in the log, with an entry if `interval` bytes passed since one.
    pub(crate) fn note(&mut self, relative_offset: u32, batch: NewBatch, interval: u32) {
        self.end.relative_offset = relative_offset;
        if self.end.position - self.last().position >= interval.max(1) {
            self.entries.push(self.end);
        }
        self.end = Entry {
            relative_offset: relative_offset.saturating_add(batch.offsets),
            position: self.end.position.saturating_add(batch.len),
            max_timestamp: self.end.max_timestamp.max(batch.max_timestamp),
        };
    }

    /// The end of what was noted.
    pub(crate) fn end(&self) -> Entry {
        self.end
    }

    /// All entries.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Entries in memory.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The last entry from which a walk forward meets the batch with this relative offset, or the next
    /// there is, and where to end: as far as `len` bytes reach, but at least at the next entry.
    pub(crate) fn around_offset(&self, relative_offset: u32, len: usize) -> (Entry, Entry) {
        self.around(
            self.entries
                .partition_point(|e| e.relative_offset <= relative_offset),
            len,
        )
    }

    /// The same for the first record at or after `timestamp`.
    pub(crate) fn around_timestamp(&self, timestamp: i64, len: usize) -> (Entry, Entry) {
        self.around(
            self.entries
                .partition_point(|e| e.max_timestamp < timestamp),
            len,
        )
    }

    /// From before the entry with number `after` as far as `len` bytes reach, but at least to it.
    fn around(&self, after: usize, len: usize) -> (Entry, Entry) {
        let before = after.checked_sub(1);
        let start = before.map_or(Entry::START, |i| self.entries[i]);
        let limit = u64::from(start.position).saturating_add(len as u64);
        if u64::from(self.end.position) <= limit {
            return (start, self.end);
        }
        let beyond = self
            .entries
            .partition_point(|e| u64::from(e.position) <= limit);
        let last = self.entries.get(after.max(beyond.saturating_sub(1)));
        (start, last.copied().unwrap_or(self.end))
    }
}

/// What the index wants to know of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewBatch {
    /// Offsets it takes up.
    pub(crate) offsets: u32,
    /// Bytes it takes up.
    pub(crate) len: u32,
    /// Its greatest timestamp.
    pub(crate) max_timestamp: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of 10 records and 100 bytes with the given timestamps, an entry every 200 bytes.
    fn index_of(timestamps: &[i64]) -> Index {
        let mut index = Index::new();
        for (i, &max_timestamp) in timestamps.iter().enumerate() {
            let batch = NewBatch {
                offsets: 10,
                len: 100,
                max_timestamp,
            };
            index.note(i as u32 * 10, batch, 200);
        }
        index
    }

    #[test]
    fn a_lookup_by_offset_never_passes_the_batch() {
        let index = index_of(&[1, 2, 3, 4, 5, 6]);
        let check =
            |offset, position| assert_eq!(index.around_offset(offset, 0).0.position, position);
        check(0, 0);
        check(19, 0);
        check(20, 200);
        check(39, 200);
        check(40, 400);
        check(1000, 400);
    }

    #[test]
    fn a_lookup_by_time_never_passes_the_first_match() {
        let index = index_of(&[5, 3, 9, 2, 7, 9]);
        let check =
            |time, position| assert_eq!(index.around_timestamp(time, 0).0.position, position);
        check(0, 0);
        check(5, 0);
        check(6, 200);
        check(9, 200);
        check(10, 400);
    }

    #[test]
    fn a_stretch_ends_at_an_entry_and_holds_at_least_one_block() {
        let index = index_of(&[1, 2, 3, 4, 5]);
        let check = |offset, len, expected| {
            let (start, end) = index.around_offset(offset, len);
            assert_eq!((start.position, end.position), expected, "{offset} {len}");
        };
        check(0, 0, (0, 200));
        check(19, 399, (0, 200));
        check(0, 400, (0, 400));
        check(0, 499, (0, 400));
        check(0, 500, (0, 500));
        check(20, 1, (200, 400));
        check(40, 1, (400, 500));
        check(99, usize::MAX, (400, 500));
        assert_eq!(
            Index::new().around_offset(0, 9),
            (Entry::START, Entry::START)
        );
    }

    #[test]
    fn saved_blocks_come_back_and_damage_only_shortens() {
        let mut index = index_of(&[1, 2, 3]);
        let (at, mut file) = index.unsaved_block().unwrap();
        assert_eq!(at, 0);
        index.note(
            30,
            NewBatch {
                offsets: 10,
                len: 100,
                max_timestamp: 4,
            },
            200,
        );
        let first = file.len();
        let (at, block) = index.unsaved_block().unwrap();
        assert_eq!(at, first as u64);
        file.extend(block);
        assert_eq!(index.unsaved_block(), None);

        let whole = Index::decode(&file, 400);
        assert_eq!(
            (whole.end(), whole.saved_len()),
            (index.end(), file.len() as u64)
        );
        assert_eq!(
            whole.end(),
            Entry {
                relative_offset: 40,
                position: 400,
                max_timestamp: 4
            }
        );
        for len in first..file.len() {
            let part = Index::decode(&file[..len], 400);
            assert_eq!((part.end().position, part.saved_len()), (300, first as u64));
        }
        for i in first..file.len() {
            let mut bad = file.clone();
            bad[i] ^= 1;
            assert_eq!(Index::decode(&bad, 400).end().position, 300, "byte {i}");
        }
        assert_eq!(
            Index::decode(&file, 399).end().position,
            300,
            "past the log"
        );
    }
}
