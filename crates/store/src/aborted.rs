//! Transactions that were aborted, as the segment lists them in which their markers stand.
//!
//! The `<base offset>.aborted` file of a segment, which it has only if there are any, is the common header and then for
//! each, in the order of the markers:
//!
//! ```text
//! 0             8              16            24           32
//! +-------------+--------------+-------------+------------+
//! | producer id | first offset | last offset | decided to |
//! +-------------+--------------+-------------+------------+
//! ```
//!
//! *Last offset* is that of the marker. Every transaction that begins below *decided to* has its marker at or before this
//! one, so whoever looks for those that touch a range need not look on once the range ends there.

use std::collections::BTreeMap;
use std::ops::Range;

use millstream_batch::Header;

use crate::format::take;

/// A transaction that was aborted: the records of its producer between the two offsets are to be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    /// The producer.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
    /// Offset of the marker that ends it.
    pub last_offset: i64,
}

/// The aborted transactions in a range of offsets, to tell their records by.
#[derive(Debug, Default)]
pub struct AbortedSet {
    /// For each, by its producer and the offset of its marker, where its records begin.
    began: BTreeMap<(i64, i64), i64>,
}

impl AbortedSet {
    /// Those that are listed.
    pub fn new(list: Vec<Aborted>) -> Self {
        let entry = |it: Aborted| ((it.producer_id, it.last_offset), it.first_offset);
        AbortedSet {
            began: list.into_iter().map(entry).collect(),
        }
    }

    /// Whether a batch of the range belongs to one of them.
    pub fn has(&self, header: &Header) -> bool {
        let (producer, offset) = (header.producer_id, header.base_offset);
        let next_marker = self.began.range((producer, offset)..).next();
        header.is_transactional()
            && next_marker.is_some_and(|(&(of, _), &began)| of == producer && began <= offset)
    }
}

/// The same with what bounds a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The transaction.
    pub(crate) aborted: Aborted,
    /// Every transaction that begins below is decided at or before this one's marker.
    pub(crate) decided_to: i64,
}

/// Adds those of a list that touch a range of offsets; whether none that comes later can.
pub(crate) fn find(list: &[Entry], range: &Range<i64>, found: &mut Vec<Aborted>) -> bool {
    let from = list.partition_point(|entry| entry.aborted.last_offset < range.start);
    for entry in &list[from..] {
        if entry.aborted.first_offset < range.end {
            found.push(entry.aborted);
        }
        if entry.decided_to >= range.end {
            return true;
        }
    }
    false
}

/// The body of a file.
pub(crate) fn encode(list: &[Entry]) -> Vec<u8> {
    let fields = |entry: &Entry| {
        let Aborted {
            producer_id,
            first_offset,
            last_offset,
        } = entry.aborted;
        [producer_id, first_offset, last_offset, entry.decided_to]
    };
    let bytes = list.iter().flat_map(fields).flat_map(i64::to_be_bytes);
    bytes.collect()
}

/// Reads the body of a file; `None` if it ends within an entry.
pub(crate) fn decode(mut body: &[u8]) -> Option<Vec<Entry>> {
    let mut list = Vec::with_capacity(body.len() / 32);
    while !body.is_empty() {
        let mut field = || Some(i64::from_be_bytes(take(&mut body)?));
        let aborted = Aborted {
            producer_id: field()?,
            first_offset: field()?,
            last_offset: field()?,
        };
        let decided_to = field()?;
        list.push(Entry {
            aborted,
            decided_to,
        });
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use millstream_batch::Builder;

    use super::*;

    fn header(producer: i64, offset: i64) -> Header {
        let batch = Builder::new()
            .producer(producer, 0, 0)
            .transactional()
            .record(0, Some(b"k"), Some(b"v"));
        Header {
            base_offset: offset,
            ..*batch.build().unwrap().header()
        }
    }

    /// A transaction between two offsets after which all below `decided_to` are decided.
    fn entry(first_offset: i64, last_offset: i64, decided_to: i64) -> Entry {
        Entry {
            aborted: Aborted {
                producer_id: first_offset + 100,
                first_offset,
                last_offset,
            },
            decided_to,
        }
    }

    /// First offsets of those that touch a range, and whether the search is over.
    fn found(list: &[Entry], range: Range<i64>) -> (Vec<i64>, bool) {
        let mut found = Vec::new();
        let is_over = find(list, &range, &mut found);
        (found.iter().map(|it| it.first_offset).collect(), is_over)
    }

    #[test]
    fn what_touches_a_range_is_found_and_nothing_else() {
        // One from 0 to 20, in which another one stands, and a last one behind both.
        let list = [entry(5, 10, 0), entry(0, 20, 21), entry(30, 40, 41)];
        assert_eq!(found(&list, 0..1), (vec![0], true));
        assert_eq!(found(&list, 5..6), (vec![5, 0], true));
        assert_eq!(found(&list, 10..11), (vec![5, 0], true));
        assert_eq!(found(&list, 11..30), (vec![0], true));
        assert_eq!(found(&list, 20..31), (vec![0, 30], true));
        assert_eq!(found(&list, 21..30), (vec![], true));
        assert_eq!(found(&list, 40..50), (vec![30], false));
        assert_eq!(found(&list, 41..50), (vec![], false));
        assert_eq!(found(&[], 0..50), (vec![], false));
    }

    #[test]
    fn a_list_comes_back_and_no_truncation_within_an_entry_does() {
        let list = [entry(5, 10, 0), entry(0, 20, 21)];
        let body = encode(&list);
        for len in 0..=body.len() {
            let decoded = decode(&body[..len]);
            let expected = (len % 32 == 0).then(|| list[..len / 32].to_vec());
            assert_eq!(decoded, expected, "{len} bytes");
        }
    }

    #[test]
    fn what_was_aborted_is_told_from_what_was_committed_before_and_after() {
        let listed = |(producer_id, first_offset, last_offset)| Aborted {
            producer_id,
            first_offset,
            last_offset,
        };
        let list = [(2, 5, 35), (1, 30, 40)].map(listed);
        let aborted = AbortedSet::new(list.into());
        for (producer, offset, expected) in [
            (1, 0, false),
            (1, 29, false),
            (2, 5, true),
            (2, 34, true),
            (2, 36, false),
            (1, 30, true),
            (1, 50, false),
            (3, 5, false),
        ] {
            let found = aborted.has(&header(producer, offset));
            assert_eq!(found, expected, "producer {producer} at {offset}");
        }
        let plain = Builder::new().producer(2, 0, 0).record(0, None, None);
        let plain = Header {
            base_offset: 6,
            ..*plain.build().unwrap().header()
        };
        assert!(!aborted.has(&plain), "outside of any transaction");
    }
}
