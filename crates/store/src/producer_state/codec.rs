//! Producer states as bytes.
//!
//! The body of a `<next offset>.snapshot` file, after the common header, is for each producer:
//!
//! ```text
//! 0             8       10          18      19
//! +-------------+-------+-----------+-------+--- ---
//! | producer id | epoch | last seen | parts | ... the parts, in this order
//! +-------------+-------+-----------+-------+--- ---
//!
//! bits 0-2: so many batches, at most 5
//! 0                4               8             16              24
//! +----------------+---------------+-------------+---------------+
//! | first sequence | last sequence | base offset | log append ms |
//! +----------------+---------------+-------------+---------------+
//!
//! bit 5: the epoch of the coordinator that last ended a transaction, i32
//! bit 6: the sequence that must come next without any batch before it, i32
//! bit 7: an open transaction
//! 0              8            16
//! +--------------+------------+
//! | first offset | started ms |
//! +--------------+------------+
//! ```

use std::collections::HashMap;

use super::transactions::Transaction;
use super::{Accepted, NO_COORDINATOR, Producer, Producers};
use crate::format::take;

const BATCHES: u8 = 0b111;
const COORDINATOR: u8 = 1 << 5;
const EXPECTED: u8 = 1 << 6;
const TRANSACTION: u8 = 1 << 7;

impl Producers {
    /// The body of a snapshot file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.all.len() * 64);
        for (id, producer) in &self.all {
            body.extend_from_slice(&id.to_be_bytes());
            body.extend_from_slice(&producer.epoch.to_be_bytes());
            body.extend_from_slice(&producer.last_seen_ms.to_be_bytes());
            producer.encode_parts(&mut body);
        }
        body
    }

    /// Reads the body of a snapshot file; `None` if it is cut short or has parts that nobody knows.
    pub(crate) fn decode(mut body: &[u8]) -> Option<Self> {
        let mut all = HashMap::new();
        while !body.is_empty() {
            let id = i64::from_be_bytes(take(&mut body)?);
            all.insert(id, Producer::decode(&mut body)?);
        }
        let open = all.values().filter_map(|producer| producer.transaction);
        let undecided = open.map(|open| (open.first_offset, None)).collect();
        Some(Producers {
            all,
            undecided,
            ..Producers::default()
        })
    }
}

impl Producer {
    fn encode_parts(&self, body: &mut Vec<u8>) {
        let coordinator =
            (self.coordinator_epoch != NO_COORDINATOR).then_some(self.coordinator_epoch);
        let expected = self.expected.filter(|_| self.window.is_empty());
        let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        body.push(
            self.recent().len() as u8
                | bit(coordinator.is_some(), COORDINATOR)
                | bit(expected.is_some(), EXPECTED)
                | bit(self.transaction.is_some(), TRANSACTION),
        );
        for batch in self.recent().rev() {
            body.extend_from_slice(&batch.first.to_be_bytes());
            body.extend_from_slice(&batch.last.to_be_bytes());
            body.extend_from_slice(&batch.base_offset.to_be_bytes());
            body.extend_from_slice(&batch.log_append_time.to_be_bytes());
        }
        for field in [coordinator, expected].into_iter().flatten() {
            body.extend_from_slice(&field.to_be_bytes());
        }
        if let Some(open) = self.transaction {
            body.extend_from_slice(&open.first_offset.to_be_bytes());
            body.extend_from_slice(&open.started_ms.to_be_bytes());
        }
    }

    fn decode(body: &mut &[u8]) -> Option<Self> {
        let epoch = i16::from_be_bytes(take(body)?);
        let last_seen_ms = i64::from_be_bytes(take(body)?);
        let [parts] = take(body)?;
        if parts & !(BATCHES | COORDINATOR | EXPECTED | TRANSACTION) != 0 {
            return None;
        }
        let mut producer = Producer::new(epoch, last_seen_ms);
        for _ in 0..parts & BATCHES {
            producer.window.push_back(decode_batch(body)?);
        }
        if parts & COORDINATOR != 0 {
            producer.coordinator_epoch = i32::from_be_bytes(take(body)?);
        }
        if parts & EXPECTED != 0 {
            producer.expected = Some(i32::from_be_bytes(take(body)?));
        }
        if parts & TRANSACTION != 0 {
            producer.transaction = Some(Transaction {
                first_offset: i64::from_be_bytes(take(body)?),
                started_ms: i64::from_be_bytes(take(body)?),
            });
        }
        Some(producer)
    }
}

fn decode_batch(body: &mut &[u8]) -> Option<Accepted> {
    Some(Accepted {
        first: i32::from_be_bytes(take(body)?),
        last: i32::from_be_bytes(take(body)?),
        base_offset: i64::from_be_bytes(take(body)?),
        log_append_time: i64::from_be_bytes(take(body)?),
    })
}

#[cfg(test)]
mod tests {
    use millstream_batch::{Marker, Outcome};

    use super::super::tests::{Verdict, after, at, batch, verdict};
    use super::super::{Sent, Step};
    use super::*;

    #[test]
    fn what_belongs_to_transactions_comes_back_with_them() {
        let mut producers = Producers::default();
        let opens = Step::Records(Sent {
            producer_id: 1,
            epoch: 2,
            sequences: Some((0, 0)),
            is_transactional: true,
        });
        producers.accept(&opens, at(5, 60));
        let marker = Marker {
            producer_id: 2,
            producer_epoch: 3,
            coordinator_epoch: 8,
            outcome: Outcome::Abort,
        };
        producers.accept(&Step::End(marker), at(6, 70));
        producers.settle(7);
        let body = producers.encode();
        let decoded = Producers::decode(&body).unwrap();
        assert_eq!(decoded, producers);
        assert_eq!(decoded.undecided_from(), 5);
        for parts in [1 << 3, 1 << 4] {
            let mut unknown = body.clone();
            unknown[18] |= parts;
            assert_eq!(Producers::decode(&unknown), None);
        }
    }

    #[test]
    fn a_snapshot_comes_back_and_no_truncation_does() {
        let producers = after(0..7);
        let body = producers.encode();
        let decoded = Producers::decode(&body).unwrap();
        assert_eq!(decoded.encode(), body);
        assert_eq!(verdict(&decoded, batch(3, 20, 29)), Verdict::Duplicate(120));
        assert_eq!(decoded.describe(), producers.describe());
        for len in 1..body.len() {
            assert_eq!(Producers::decode(&body[..len]), None, "{len} bytes");
        }
    }
}
