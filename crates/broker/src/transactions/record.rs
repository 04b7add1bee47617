//! Entries of transactional ids as bytes: Kafka's own records of `__transaction_state`, in the versions that Kafka 4.3 writes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use millstream_transactions::{Change, Entry, Outcome, Producer, State, TopicPartition, Version};
use millstream_wire::record::transactions::{
    PartitionsSchema, TransactionLogKey, TransactionLogValue,
};
use millstream_wire::record::{from_bytes, to_bytes};

use crate::Error;
use crate::coordinator::Record;

const KEY: i16 = 0;
const VALUE: i16 = 1;

const EMPTY: i8 = 0;
/// Kafka writes two more states on the way to an end, 2 and 3; to us nothing has ended by then.
const ONGOING: i8 = 1;
const COMMITTED: i8 = 4;
const ABORTED: i8 = 5;
const DEAD: i8 = 6;

/// Kafka's number of the protocol by which each end raises the epoch.
const RAISING: i16 = 2;

/// Key and value of a record.
pub(super) fn encode(change: &Change) -> Result<Record, Error> {
    let key = TransactionLogKey {
        transactional_id: Cow::Borrowed(&change.id),
    };
    let value = change.entry.as_ref().map(encode_entry).transpose()?;
    Ok((to_bytes(&key, KEY)?, value))
}

fn encode_entry(entry: &Entry) -> Result<Bytes, Error> {
    let topic = |(topic, partition_ids)| PartitionsSchema {
        topic: Cow::Borrowed(topic),
        partition_ids,
    };
    let partitions = || {
        let topics = entry.partitions_by_topic();
        topics.into_iter().map(topic).collect()
    };
    let value = TransactionLogValue {
        producer_id: entry.producer.id,
        producer_epoch: entry.producer.epoch,
        transaction_timeout_ms: entry.timeout_ms,
        transaction_status: match entry.state {
            State::Empty => EMPTY,
            State::Ongoing => ONGOING,
            State::Complete(Outcome::Commit) => COMMITTED,
            State::Complete(Outcome::Abort) => ABORTED,
        },
        transaction_partitions: (entry.state == State::Ongoing).then(partitions),
        transaction_last_update_timestamp_ms: entry.updated_ms,
        transaction_start_timestamp_ms: entry.started_ms,
        previous_producer_id: entry.previous_id,
        client_transaction_version: match entry.version {
            Version::V1 => 0,
            Version::V2 => RAISING,
        },
        ..TransactionLogValue::default()
    };
    Ok(to_bytes(&value, VALUE)?)
}

/// The change behind key and value.
pub(super) fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Change, Error> {
    let key: TransactionLogKey<'_> = from_bytes(key)?;
    let value: Option<TransactionLogValue<'_>> = value.map(from_bytes).transpose()?;
    Ok(Change {
        id: Arc::from(key.transactional_id),
        entry: value.and_then(|value| decode_entry(&value)),
    })
}

fn decode_entry(value: &TransactionLogValue<'_>) -> Option<Entry> {
    let partitions = value.transaction_partitions.iter().flatten();
    let partitions = partitions.flat_map(|of| {
        let topic: Arc<str> = Arc::from(&*of.topic);
        let at = move |partition: &i32| TopicPartition {
            topic: Arc::clone(&topic),
            partition: *partition,
        };
        of.partition_ids.iter().map(at)
    });
    Some(Entry {
        producer: Producer {
            id: value.producer_id,
            epoch: value.producer_epoch,
        },
        previous_id: value.previous_producer_id,
        timeout_ms: value.transaction_timeout_ms,
        state: match value.transaction_status {
            EMPTY => State::Empty,
            COMMITTED => State::Complete(Outcome::Commit),
            ABORTED => State::Complete(Outcome::Abort),
            DEAD => return None,
            _ => State::Ongoing,
        },
        version: match value.client_transaction_version {
            RAISING.. => Version::V2,
            _ => Version::V1,
        },
        partitions: partitions.collect(),
        started_ms: value.transaction_start_timestamp_ms,
        updated_ms: value.transaction_last_update_timestamp_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_the_same_when_it_is_read_again() {
        let at = |partition| TopicPartition {
            topic: "t".into(),
            partition,
        };
        for (state, partitions) in [
            (State::Empty, vec![]),
            (State::Ongoing, vec![at(0), at(7)]),
            (State::Complete(Outcome::Commit), vec![]),
            (State::Complete(Outcome::Abort), vec![]),
        ] {
            let entry = Entry {
                producer: Producer { id: 5, epoch: 3 },
                previous_id: 4,
                timeout_ms: 60_000,
                state,
                version: Version::V2,
                partitions: partitions.into_iter().collect(),
                started_ms: 1,
                updated_ms: 2,
            };
            let change = Change {
                id: "tx".into(),
                entry: Some(entry),
            };
            let (key, value) = encode(&change).unwrap();
            assert_eq!(decode(&key, value.as_deref()).unwrap(), change);
        }
        let gone = Change {
            id: "tx".into(),
            entry: None,
        };
        let (key, value) = encode(&gone).unwrap();
        assert_eq!(decode(&key, value.as_deref()).unwrap(), gone);
    }
}
