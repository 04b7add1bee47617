//! Readers of all topics of the bank: some follow them while they grow, some read everything in the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::{LEDGER, PARTITIONS, TOPICS, full_name, topic};
use crate::clients::{PATIENCE, config, is_outage};
use crate::clock;
use crate::history::{Isolation, Partition, Read, Reader};

/// Reads everything as it comes until told to stop; counts the ledger's records in `entries`.
///
/// # Panics
/// When the consumer fails for good.
pub(super) fn follow(
    bootstrap: &str,
    bank: &str,
    isolation: Isolation,
    stop: &AtomicBool,
    entries: &AtomicU64,
) -> Reader {
    let consumer = consumer(bootstrap, isolation, partitions(bank));
    let mut reader = Reader::new(isolation, false);
    while !stop.load(Ordering::Relaxed) {
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                let read = read(&message);
                if topic(&read.partition.topic) == LEDGER {
                    entries.fetch_add(1, Ordering::Relaxed);
                }
                reader.reads.push(read);
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) => assert!(is_outage(&error), "a reader failed: {error}"),
        }
    }
    reader
}

/// Reads everything that there is, and says where each partition ended for this reader.
///
/// # Panics
/// When a partition cannot be read to its end.
pub(super) fn read_all(
    bootstrap: &str,
    bank: &str,
    isolation: Isolation,
) -> (Reader, BTreeMap<Partition, i64>) {
    let mut reader = Reader::new(isolation, true);
    let mut ends = BTreeMap::new();
    for partition in partitions(bank) {
        let consumer = consumer(bootstrap, isolation, [partition.clone()]);
        loop {
            let polled = consumer.poll(PATIENCE);
            match polled.unwrap_or_else(|| panic!("{partition} does not end")) {
                Ok(message) => reader.reads.push(read(&message)),
                Err(KafkaError::PartitionEOF(_)) => break,
                Err(error) => assert!(is_outage(&error), "{partition}: {error}"),
            }
        }
        let positions = consumer.position().expect("a position can be asked for");
        let position = positions.find_partition(&partition.topic, partition.index);
        let end = position.and_then(|element| element.offset().to_raw());
        ends.insert(partition, end.unwrap_or_default());
    }
    (reader, ends)
}

fn partitions(bank: &str) -> impl Iterator<Item = Partition> {
    let of = move |topic: &str| {
        let topic = full_name(bank, topic);
        (0..PARTITIONS).map(move |index| Partition::new(topic.clone(), index))
    };
    TOPICS.into_iter().flat_map(of)
}

fn consumer(
    bootstrap: &str,
    isolation: Isolation,
    partitions: impl IntoIterator<Item = Partition>,
) -> BaseConsumer {
    let mut config = config(bootstrap);
    let level = match isolation {
        Isolation::ReadCommitted => "read_committed",
        Isolation::ReadUncommitted => "read_uncommitted",
    };
    config.set("isolation.level", level);
    config.set("group.id", "auditors");
    config.set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true");
    config.set("fetch.wait.max.ms", "100");
    config.set("fetch.error.backoff.ms", "20");
    let mut list = TopicPartitionList::new();
    for Partition { topic, index } in partitions {
        list.add_partition_offset(&topic, index, Offset::Beginning)
            .expect("an offset is valid");
    }
    let consumer: BaseConsumer = config.create().expect("a consumer can be made");
    consumer.assign(&list).expect("partitions can be assigned");
    consumer
}

fn read(message: &BorrowedMessage<'_>) -> Read {
    let value = String::from_utf8_lossy(message.payload().unwrap_or_default());
    Read {
        partition: Partition::new(message.topic(), message.partition()),
        offset: message.offset(),
        value: value.into_owned(),
        at: clock::now(),
    }
}
