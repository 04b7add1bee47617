//! One entry of the journal: the batches of a group, each run of them with its place in a segment.
//!
//! ```text
//! 0     4        8          16      20
//! +-----+--------+----------+-------+---------------+
//! | crc | length | sequence | count | count × part  |
//! +-----+--------+----------+-------+---------------+
//!
//! part:
//! 0          16          20            28         36       40
//! +----------+-----------+-------------+----------+--------+----------------+
//! | topic id | partition | base offset | position | length | record batches |
//! +----------+-----------+-------------+----------+--------+----------------+
//! ```
//!
//! The checksum covers everything after itself, so that an entry counts as a whole or not at all. The
//! length counts the bytes after the sequence number. Base offset and position say where the batches
//! stand: in which segment, and at which of its bytes. Here are bytes and no files.

use std::io::IoSlice;

use bytes::Bytes;
use uuid::Uuid;

use crate::config::TopicPartition;
use crate::format::take;

/// Bytes before the count: checksum, length, sequence number.
pub(crate) const HEAD_LEN: usize = 16;
const COUNT_LEN: usize = 4;
const PART_LEN: usize = 40;

/// Where a run of batches stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The partition.
    pub(crate) partition: TopicPartition,
    /// Base offset of the segment.
    pub(crate) base_offset: i64,
    /// Byte in the segment's file at which the batches begin.
    pub(crate) position: u64,
}

/// Where in an entry the batches of each part begin, by the lengths of the parts.
pub(crate) fn offsets(lengths: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    lengths.scan(HEAD_LEN + COUNT_LEN, |next, len| {
        let begin = *next + PART_LEN;
        *next = begin + len;
        Some(begin)
    })
}

/// The runs of batches in an entry.
pub(crate) type Parts<'a> = Vec<(Place, &'a [u8])>;

/// An entry that is to be written.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// The head, then those of the parts.
    heads: Vec<u8>,
    parts: Vec<Vec<&'a Bytes>>,
    len: usize,
}

impl<'a> Entry<'a> {
    /// An entry of these parts; `None` if they are more than its fields can count.
    pub(crate) fn new(sequence: u64, parts: Vec<(Place, Vec<&'a Bytes>)>) -> Option<Self> {
        let batches = parts.iter().flat_map(|(_, batches)| batches);
        let bytes: usize = batches.map(|batch| batch.len()).sum();
        let len = HEAD_LEN + COUNT_LEN + parts.len() * PART_LEN + bytes;
        let mut heads = vec![0; 4];
        heads.extend(u32::try_from(len - HEAD_LEN).ok()?.to_be_bytes());
        heads.extend(sequence.to_be_bytes());
        heads.extend((parts.len() as u32).to_be_bytes());
        for (place, batches) in &parts {
            let bytes: usize = batches.iter().map(|batch| batch.len()).sum();
            heads.extend(place.partition.topic_id.as_bytes());
            heads.extend(place.partition.index.to_be_bytes());
            heads.extend(place.base_offset.to_be_bytes());
            heads.extend(place.position.to_be_bytes());
            heads.extend((bytes as u32).to_be_bytes());
        }
        let parts = parts.into_iter().map(|(_, batches)| batches).collect();
        let mut entry = Entry { heads, parts, len };
        let crc = entry.crc();
        entry.heads[..4].copy_from_slice(&crc.to_be_bytes());
        Some(entry)
    }

    /// Bytes that it takes up.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All of it in order, without a copy of the batches.
    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        let (head, parts) = self.heads.split_at(HEAD_LEN + COUNT_LEN);
        let mut slices = vec![IoSlice::new(head)];
        for (head, batches) in parts.chunks(PART_LEN).zip(&self.parts) {
            slices.push(IoSlice::new(head));
            slices.extend(batches.iter().map(|batch| IoSlice::new(batch)));
        }
        slices
    }

    fn crc(&self) -> u32 {
        let slices = self.slices();
        let first = crc32c::crc32c(&self.heads[4..HEAD_LEN + COUNT_LEN]);
        let rest = slices.iter().skip(1);
        rest.fold(first, |crc, slice| crc32c::crc32c_append(crc, slice))
    }
}

/// The head of an entry as found in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    crc: u32,
    length: u32,
    /// The sequence number; entries of one file count up.
    pub(crate) sequence: u64,
}

impl Head {
    /// Reads a head, about which nothing is known yet.
    pub(crate) fn parse(mut bytes: &[u8]) -> Option<Self> {
        Some(Head {
            crc: u32::from_be_bytes(take(&mut bytes)?),
            length: u32::from_be_bytes(take(&mut bytes)?),
            sequence: u64::from_be_bytes(take(&mut bytes)?),
        })
    }

    /// Bytes that should follow it.
    pub(crate) fn length(&self) -> u64 {
        self.length.into()
    }

    /// The parts in the bytes that follow, if this is a whole entry.
    pub(crate) fn parts<'a>(&self, body: &'a [u8]) -> Option<Parts<'a>> {
        let mut crc = crc32c::crc32c(&self.length.to_be_bytes());
        crc = crc32c::crc32c_append(crc, &self.sequence.to_be_bytes());
        if crc32c::crc32c_append(crc, body) != self.crc || self.sequence == 0 {
            return None;
        }
        let mut rest = body;
        let count = u32::from_be_bytes(take(&mut rest)?);
        (0..count).map(|_| part(&mut rest)).collect()
    }
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<(Place, &'a [u8])> {
    let topic_id = Uuid::from_bytes(take(rest)?);
    let index = i32::from_be_bytes(take(rest)?);
    let place = Place {
        partition: TopicPartition { topic_id, index },
        base_offset: i64::from_be_bytes(take(rest)?),
        position: u64::from_be_bytes(take(rest)?),
    };
    let length = u32::from_be_bytes(take(rest)?);
    let (batches, after) = rest.split_at_checked(length as usize)?;
    *rest = after;
    Some((place, batches))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(index: i32) -> Place {
        let topic_id = Uuid::from_u128(7);
        Place {
            partition: TopicPartition { topic_id, index },
            base_offset: 100,
            position: 4_000_000_000,
        }
    }

    fn written(entry: &Entry<'_>) -> Vec<u8> {
        entry.slices().iter().flat_map(|s| s.to_vec()).collect()
    }

    #[test]
    fn an_entry_comes_back_and_no_change_of_it_does() {
        let batches = [b"one", b"two", b"six"].map(|text| Bytes::from_static(text));
        let parts = vec![
            (place(0), vec![&batches[0], &batches[1]]),
            (place(1), vec![&batches[2]]),
        ];
        let entry = Entry::new(9, parts).unwrap();
        let bytes = written(&entry);
        assert_eq!(bytes.len(), entry.len());

        let head = Head::parse(&bytes).unwrap();
        assert_eq!(head.sequence, 9);
        assert_eq!(head.length(), (bytes.len() - HEAD_LEN) as u64);
        let parts = head.parts(&bytes[HEAD_LEN..]).unwrap();
        let begins = offsets(parts.iter().map(|(_, batches)| batches.len()));
        for (begin, (_, batches)) in begins.zip(&parts) {
            assert!(bytes[begin..].starts_with(batches), "{begin}");
        }
        assert_eq!(parts, [(place(0), &b"onetwo"[..]), (place(1), &b"six"[..])]);

        for i in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[i] ^= 1;
            let head = Head::parse(&bad).unwrap();
            assert_eq!(head.parts(&bad[HEAD_LEN..]), None, "byte {i}");
        }
        for len in 0..bytes.len() - HEAD_LEN {
            assert_eq!(head.parts(&bytes[HEAD_LEN..][..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn bytes_that_were_never_written_are_no_entry() {
        let zeros = [0; 64];
        let head = Head::parse(&zeros).unwrap();
        assert_eq!(head.parts(&[]), None);
        assert_eq!(Head::parse(&zeros[..HEAD_LEN - 1]), None);
    }
}
