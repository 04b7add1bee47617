//! Which transactions have left a trace of themselves in what is kept of a log. Pure state.

use std::collections::HashSet;

use millstream_batch::Header;

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
