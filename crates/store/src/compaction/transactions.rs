//! Which records belong to transactions that were aborted, and which transactions have left a trace.
//!
//! A transaction is what a producer wrote since its last marker, and its next marker decides about it. That may stand
//! far behind its records, so the log is looked at up to where all transactions are decided. Pure state, fed with
//! batches in the order of the log.

use std::collections::{BTreeMap, HashMap, HashSet};

use millstream_batch::{Header, Record};

/// The key of a marker is its version and its type, each of 16 bits; this type says that the transaction was aborted.
const ABORT: u16 = 0;

/// How transactions ended, as far as one has looked.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// For each aborted transaction, by its producer and the offset of its marker, where its records begin.
    aborted: BTreeMap<(i64, i64), i64>,
    /// For each producer whose transaction is not decided yet, where its records begin.
    open: HashMap<i64, i64>,
}

impl Outcomes {
    /// Takes note of a batch of a transaction.
    pub(crate) fn data(&mut self, header: &Header) {
        self.open
            .entry(header.producer_id)
            .or_insert(header.base_offset);
    }

    /// Takes note of a marker and of the record in it.
    pub(crate) fn marker(&mut self, header: &Header, record: &Record<'_>) {
        let began = self.open.remove(&header.producer_id);
        if let Some(began) = began.filter(|_| is_abort(record)) {
            let marker = (header.producer_id, header.base_offset);
            self.aborted.insert(marker, began);
        }
    }

    /// Whether a batch belongs to an aborted transaction.
    pub(crate) fn is_aborted(&self, header: &Header) -> bool {
        let (producer, offset) = (header.producer_id, header.base_offset);
        let next_marker = self.aborted.range((producer, offset)..).next();
        header.is_transactional()
            && next_marker.is_some_and(|(&(of, _), &began)| of == producer && began <= offset)
    }

    /// Where the earliest transaction begins that is not decided, if there is one.
    pub(crate) fn undecided_from(&self) -> Option<i64> {
        self.open.values().min().copied()
    }
}

fn is_abort(record: &Record<'_>) -> bool {
    let kind = record.key.and_then(|key| key.get(2..4));
    kind == Some(&ABORT.to_be_bytes()[..])
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
    use millstream_batch::{Batch, Builder};

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

    fn marker(kind: u8) -> Batch {
        let builder = Builder::new().record(0, Some(&[0, 0, 0, kind]), Some(b""));
        builder.build().unwrap()
    }

    fn end(outcomes: &mut Outcomes, producer: i64, offset: i64, kind: u8) {
        let marker = marker(kind);
        let records = marker.records(100).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        outcomes.marker(&header(producer, offset), &record);
    }

    #[test]
    fn what_was_aborted_is_told_from_what_was_committed_before_and_after() {
        let mut outcomes = Outcomes::default();
        for (producer, offset) in [(1, 0), (2, 5), (1, 10)] {
            outcomes.data(&header(producer, offset));
        }
        end(&mut outcomes, 1, 20, 1);
        outcomes.data(&header(1, 30));
        end(&mut outcomes, 2, 35, 0);
        end(&mut outcomes, 1, 40, 0);
        outcomes.data(&header(1, 50));
        for (producer, offset, aborted) in [
            (1, 0, false),
            (1, 10, false),
            (2, 5, true),
            (2, 36, false),
            (1, 30, true),
            (1, 50, false),
            (3, 5, false),
        ] {
            let found = outcomes.is_aborted(&header(producer, offset));
            assert_eq!(found, aborted, "producer {producer} at {offset}");
        }
        let plain = Builder::new().producer(2, 0, 0).record(0, None, None);
        let plain = Header {
            base_offset: 6,
            ..*plain.build().unwrap().header()
        };
        assert!(!outcomes.is_aborted(&plain), "outside of any transaction");
    }

    #[test]
    fn a_transaction_without_a_marker_is_undecided_from_its_first_record() {
        let mut outcomes = Outcomes::default();
        assert_eq!(outcomes.undecided_from(), None);
        for (producer, offset) in [(1, 3), (2, 5), (1, 7)] {
            outcomes.data(&header(producer, offset));
        }
        assert_eq!(outcomes.undecided_from(), Some(3));
        end(&mut outcomes, 1, 9, 1);
        assert_eq!(outcomes.undecided_from(), Some(5));
        end(&mut outcomes, 2, 10, 0);
        assert_eq!(outcomes.undecided_from(), None);
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
