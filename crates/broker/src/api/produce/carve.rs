//! Decodes a Produce request and cuts its batches out of the frame without copying them.

use std::ops::Range;
use std::sync::Arc;

use bytes::BytesMut;
use millstream_batch::Header;
use millstream_wire::api::produce as wire;
use millstream_wire::{decode_message, range_within};

use crate::dispatch::{CloseReason, Incoming};
use crate::topic_key::TopicKey;

/// Partitions of one request: far more than clients batch for, and few enough for their answer.
const MAX_PARTITIONS: usize = 100_000;

/// A request that no longer borrows its frame: batches are ranges of it, in ascending order.
pub(super) struct Request {
    pub(super) correlation_id: i32,
    pub(super) acks: i16,
    pub(super) transactional_id: Option<Arc<str>>,
    pub(super) topics: Vec<Asked>,
}

/// The batches for one topic by partition.
pub(super) struct Asked {
    pub(super) key: TopicKey,
    pub(super) partitions: Vec<(i32, Range<usize>)>,
}

impl Request {
    pub(super) fn decode(incoming: &Incoming) -> Result<Self, CloseReason> {
        let (context, body) = incoming.open()?;
        let request: wire::Request<'_> =
            decode_message(body, incoming.version).map_err(|source| incoming.malformed(source))?;
        check_count(incoming, &request)?;
        let by_id = incoming.version.n >= 13;
        let topics = request.topic_data.iter().map(|topic| Asked {
            key: TopicKey::new(by_id, topic.name, topic.topic_id),
            partitions: topic
                .partition_data
                .iter()
                .map(|partition| (partition.index, range(&incoming.frame, partition.records)))
                .collect(),
        });
        Ok(Self {
            correlation_id: context.header.correlation_id,
            acks: request.acks,
            transactional_id: request.transactional_id.map(Arc::from),
            topics: topics.collect(),
        })
    }

    /// Whether a batch of the request, which lies in `frame`, is part of a transaction, and the request is of none.
    pub(super) fn is_nameless(&self, frame: &[u8]) -> bool {
        let mut batches = self.topics.iter().flat_map(|topic| &topic.partitions);
        let is_part = |(_, range): &(i32, Range<usize>)| {
            let bytes = frame.get(range.clone()).unwrap_or_default();
            Header::parse(bytes).is_ok_and(|header| header.is_transactional())
        };
        self.transactional_id.is_none() && batches.any(is_part)
    }
}

fn check_count(incoming: &Incoming, request: &wire::Request<'_>) -> Result<(), CloseReason> {
    let topics = request.topic_data.iter();
    match topics.map(|topic| topic.partition_data.len()).sum() {
        ..=MAX_PARTITIONS => Ok(()),
        count => Err(CloseReason::TooManyPartitions {
            api: incoming.api,
            count,
            limit: MAX_PARTITIONS,
        }),
    }
}

/// No records at all are an empty batch, which is refused later like any other that is none.
fn range(frame: &[u8], records: Option<&[u8]>) -> Range<usize> {
    records
        .and_then(|records| range_within(frame, records))
        .unwrap_or_default()
}

/// Cuts ascending ranges out of a frame.
pub(super) struct Carver {
    rest: BytesMut,
    /// Where in the frame `rest` begins.
    position: usize,
}

impl Carver {
    pub(super) fn new(frame: BytesMut) -> Self {
        Self {
            rest: frame,
            position: 0,
        }
    }

    /// The bytes of `range`, uniquely owned; empty if the range is, or if it lies before one taken earlier.
    pub(super) fn take(&mut self, range: Range<usize>) -> BytesMut {
        let Some(skipped) = range.start.checked_sub(self.position) else {
            return BytesMut::new();
        };
        if skipped + range.len() > self.rest.len() {
            return BytesMut::new();
        }
        let _skipped = self.rest.split_to(skipped);
        self.position = range.end;
        self.rest.split_to(range.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_in_order_without_copying() {
        let frame = BytesMut::from(&b"..one...two.three"[..]);
        let start = frame.as_ptr() as usize;
        let mut carver = Carver::new(frame);
        for (range, expected) in [(2..5, "one"), (8..11, "two"), (12..17, "three")] {
            let at = start + range.start;
            let piece = carver.take(range);
            assert_eq!(&piece[..], expected.as_bytes());
            assert_eq!(piece.as_ptr() as usize, at);
        }
    }

    #[test]
    fn ranges_out_of_order_or_bounds_are_empty() {
        let mut carver = Carver::new(BytesMut::from(&b"0123456789"[..]));
        assert_eq!(&carver.take(4..6)[..], b"45");
        assert!(carver.take(0..2).is_empty());
        assert!(carver.take(8..11).is_empty());
        assert_eq!(&carver.take(6..10)[..], b"6789");
    }
}
