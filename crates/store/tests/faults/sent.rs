//! What went into a log, what is found there, and how the transactions ended that it belongs to.

use std::collections::BTreeMap;

use bytes::Bytes;
use millstream_batch::{Batches, Header, Outcome, Record};
use millstream_store::Flush;

use crate::clients::{MARKER, Part, Payload};

/// No batch has more bytes.
const LIMIT: usize = 1 << 20;

/// A batch that got an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) base: i64,
    pub(crate) next: i64,
    pub(crate) crc: u32,
    pub(crate) payload: Payload,
    /// Whether the client was told that nothing of it was kept.
    pub(crate) refused: bool,
    /// Whether a reader got it.
    pub(crate) seen: bool,
    /// What was promised of it.
    pub(crate) flush: Flush,
}

impl Sent {
    /// Offset and key of each record.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (i64, u8)> {
        let key = |(at, offset)| (offset, self.payload.key(at));
        (self.base..self.next).enumerate().map(key)
    }

    /// Whether this is what is left of it: all, or, if its log is rewritten, some of its records.
    pub(crate) fn is(&self, found: &Found, is_rewritten: bool) -> bool {
        let value = self.payload.value();
        let is_own = |(offset, key, held): &(i64, u8, Vec<u8>)| {
            self.keys().any(|own| own == (*offset, *key)) && *held == value
        };
        found.header.base_offset == self.base
            && found.header.next_offset() == self.next
            && (found.header.crc == self.crc || is_rewritten)
            && found.records.iter().all(is_own)
    }
}

/// A batch in a log.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) header: Header,
    /// Offset, key and value of its records.
    pub(crate) records: Vec<(i64, u8, Vec<u8>)>,
}

impl Found {
    pub(crate) fn holds(&self, offset: i64) -> bool {
        self.records.iter().any(|(held, ..)| *held == offset)
    }
}

/// How transactions ended: by producer and offset of the marker.
pub(crate) struct Ends(BTreeMap<(i64, i64), Outcome>);

impl Ends {
    /// Those in a log.
    pub(crate) fn of(sent: &[Sent]) -> Self {
        let kept = sent.iter().filter(|sent| !sent.refused);
        let end = |sent: &Sent| match sent.payload.part {
            Some(Part::End(marker)) => Some(((marker.producer_id, sent.base), marker.outcome)),
            _ => None,
        };
        Ends(kept.filter_map(end).collect())
    }

    /// What became of a batch; `None` if nobody has decided that.
    pub(crate) fn fate(&self, sent: &Sent) -> Option<Outcome> {
        let Some(Part::Records(producer, ..)) = sent.payload.part else {
            return Some(Outcome::Commit);
        };
        let mut later = self.0.range((producer, sent.base)..(producer, i64::MAX));
        later.next().map(|(_, outcome)| *outcome)
    }
}

/// The batches of an answer, whose checksums are right.
pub(crate) fn batches(read: &[Bytes]) -> Vec<Found> {
    let batches = read.iter().flat_map(|bytes| Batches::new(bytes));
    batches
        .map(|batch| {
            let batch = batch.unwrap();
            batch.header.check_crc(batch.bytes).unwrap();
            let records = batch.records(LIMIT).unwrap();
            let is_marker = batch.header.is_control();
            let record = |record: Record<'_>| {
                let key = match is_marker {
                    true => MARKER,
                    false => record.key.unwrap()[0],
                };
                (record.offset, key, record.value.unwrap().to_vec())
            };
            Found {
                header: batch.header,
                records: records.iter().map(|it| record(it.unwrap())).collect(),
            }
        })
        .collect()
}
