//! Which records belong to transactions that were aborted, and which transactions have left a trace.
//!
//! How each ended is known before a pass begins. Pure state.

use std::collections::{BTreeMap, HashSet};

use millstream_batch::Header;

use crate::aborted::Aborted;

/// The aborted transactions in a range of offsets.
#[derive(Debug)]
pub(crate) struct AbortedIn {
    /// For each, by its producer and the offset of its marker, where its records begin.
    began: BTreeMap<(i64, i64), i64>,
}

impl AbortedIn {
    /// Those that are listed.
    pub(crate) fn new(list: Vec<Aborted>) -> Self {
        let entry = |it: Aborted| ((it.producer_id, it.last_offset), it.first_offset);
        AbortedIn {
            began: list.into_iter().map(entry).collect(),
        }
    }

    /// Whether a batch of the range belongs to one of them.
    pub(crate) fn has(&self, header: &Header) -> bool {
        let (producer, offset) = (header.producer_id, header.base_offset);
        let next_marker = self.began.range((producer, offset)..).next();
        header.is_transactional()
            && next_marker.is_some_and(|(&(of, _), &began)| of == producer && began <= offset)
    }
}

/// Producers whose transaction has left batches in what is kept of the log since their last marker.
#[derive(Debug, Default)]
pub(crate) struct Traces(HashSet<i64>);

impl Traces {
    /// Takes note of a batch of a transaction, even if it is about to go: its marker goes in a later pass only.
    pub(crate) fn data(&mut self, header: &Header) {
        self.0.insert(header.producer_id);
    }

    /// Takes note of a marker; whether it is all that is left of its transaction.
    pub(crate) fn marker(&mut self, header: &Header) -> bool {
        !self.0.remove(&header.producer_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_batch::Builder;

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

    #[test]
    fn what_was_aborted_is_told_from_what_was_committed_before_and_after() {
        let listed = |(producer_id, first_offset, last_offset)| Aborted {
            producer_id,
            first_offset,
            last_offset,
        };
        let list = [(2, 5, 35), (1, 30, 40)].map(listed);
        let aborted = AbortedIn::new(list.into());
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

    #[test]
    fn a_marker_is_the_last_trace_once_nothing_stands_between_it_and_the_one_before() {
        let mut traces = Traces::default();
        traces.data(&header(1, 0));
        assert!(!traces.marker(&header(1, 5)));
        assert!(traces.marker(&header(1, 6)));
        traces.data(&header(2, 7));
        assert!(traces.marker(&header(1, 8)));
        assert!(!traces.marker(&header(2, 9)));
    }
}
