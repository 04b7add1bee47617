//! What is proved of the flights with one codec.

use std::collections::HashSet;

use millstream_protocol_tests::clients::{Admin, Consumer, Producer, Record, watermarks};
use rdkafka::Offset;

use crate::tally::Tally;

const PARTITIONS: i32 = 4;
/// The start of 1 July 2013 in New York.
const MIDSUMMER: i64 = 1_372_651_200_000;

/// Sends the flights with `codec`, reads them by two groups and from a point in time; returns what to print.
pub(crate) fn prove(bootstrap: &str, codec: &str, flights: &[Record]) -> String {
    let topic = format!("flights-{codec}");
    Admin::new(bootstrap).create(&topic, PARTITIONS, &[("retention.ms", "-1")]);
    let settings = [
        ("compression.type", codec),
        ("linger.ms", "20"),
        ("enable.idempotence", "true"),
    ];
    Producer::new(bootstrap, &topic, &settings).send_all(flights);
    let all = Tally::of(flights);
    for group in ["left", "right"] {
        let group = format!("{group}-{codec}");
        let read = Consumer::member(bootstrap, &group, &topic, &[]).take(flights.len());
        assert_eq!(
            Tally::of(&read),
            all,
            "{group} reads every flight, each carrier's in order"
        );
        assert_one_partition_each(&read);
    }
    let later = replay_from(bootstrap, &topic, flights, MIDSUMMER);
    let (count, checksum) = (all.count(), all.checksum());
    format!(
        "2 groups × {count} flights, checksum {checksum:016x}; {later} flights due from July on"
    )
}

/// Every record of a key is in the same partition.
fn assert_one_partition_each(read: &[Record]) {
    let places: HashSet<_> = read
        .iter()
        .map(|record| (&record.key, record.partition))
        .collect();
    let keys: HashSet<_> = read.iter().map(|record| &record.key).collect();
    assert_eq!(places.len(), keys.len(), "each carrier has one partition");
}

/// Reads from the first record at or after `from` of each partition: that is exactly what departs from then on.
fn replay_from(bootstrap: &str, topic: &str, flights: &[Record], from: i64) -> u64 {
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let offsets = Consumer::reader(bootstrap, topic, &[]).offsets_at(topic, &partitions, from);
    let positions: Vec<(i32, Offset)> = partitions.into_iter().zip(offsets).collect();
    let due = Tally::of(
        flights
            .iter()
            .filter(|flight| flight.timestamp >= Some(from)),
    );
    let there: i64 = positions
        .iter()
        .map(|(partition, offset)| distance_to_end(bootstrap, topic, *partition, *offset))
        .sum();
    assert_eq!(
        u64::try_from(there),
        Ok(due.count()),
        "records between the point in time and the end"
    );
    let read = Consumer::reader(bootstrap, topic, &positions).take(there as usize);
    assert_eq!(
        Tally::of(&read),
        due,
        "everything that is due, and nothing else"
    );
    due.count()
}

fn distance_to_end(bootstrap: &str, topic: &str, partition: i32, from: Offset) -> i64 {
    let (_first, end) = watermarks(bootstrap, topic, partition);
    match from {
        Offset::Offset(offset) => end - offset,
        Offset::End => 0,
        other => panic!("partition {partition} begins at {other:?}"),
    }
}
