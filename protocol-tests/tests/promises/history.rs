//! The past is read from disk as it was written, whatever the segments, until retention takes it.

use std::time::{Duration, Instant};

use millstream_protocol_tests::clients::{
    Admin, Consumer, PATIENCE, Producer, Record, read_all, watermarks,
};
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::server::Server;
use rdkafka::Offset;

/// About 12 MB in records of random sizes and bytes, each beginning with its number.
fn records(dice: &mut Dice) -> Vec<Record> {
    let mut record = |n: u64| {
        let mut value = format!("{n} ").into_bytes();
        let length = dice.between(0, 8_000);
        value.extend(dice.bytes(usize::try_from(length).unwrap()));
        Record::new("k", value).to_partition(0)
    };
    (0..3_000).map(&mut record).collect()
}

#[test]
fn any_offset_of_many_segments_is_read_after_a_crash() {
    let mut server = Server::start();
    let mut dice = Dice::from_environment();
    let bootstrap = server.bootstrap();
    Admin::new(&bootstrap).create("t", 1, &[("segment.bytes", "1048576")]);
    let sent = records(&mut dice);
    Producer::new(&bootstrap, "t", &[]).send_all(&sent);
    server.kill();
    server.restart();
    let read = read_all(&bootstrap, "t", 1).remove(0);
    assert!(
        sent.iter()
            .map(|record| &record.value)
            .eq(read.iter().map(|record| &record.value))
    );
    for _ in 0..20 {
        let n = dice.between(0, 3_000);
        let from = [(0, Offset::Offset(i64::try_from(n).unwrap()))];
        let next = Consumer::reader(&bootstrap, "t", &from).take(1).remove(0);
        assert_eq!(
            next.value,
            sent[usize::try_from(n).unwrap()].value,
            "at {n}"
        );
    }
}

#[test]
fn retention_by_size_removes_whole_old_segments() {
    let server = Server::with(&[("log.retention.check.interval.ms", "100")]);
    let bootstrap = server.bootstrap();
    let configs = [("segment.bytes", "1048576"), ("retention.bytes", "3000000")];
    Admin::new(&bootstrap).create("t", 1, &configs);
    let sent = records(&mut Dice::from_environment());
    Producer::new(&bootstrap, "t", &[]).send_all(&sent);
    let deadline = Instant::now() + PATIENCE;
    let enough_gone = || {
        let size: usize = read_all(&bootstrap, "t", 1)[0]
            .iter()
            .map(|record| record.value.as_ref().unwrap().len())
            .sum();
        size < 5_000_000
    };
    while !enough_gone() {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            watermarks(&bootstrap, "t", 0)
        );
    }
    let (first, end) = watermarks(&bootstrap, "t", 0);
    assert!(first > 0 && end == 3_000, "{first} {end}");
    let kept = read_all(&bootstrap, "t", 1).remove(0);
    assert!(kept.len() >= 500, "retention.bytes is kept: {}", kept.len());
    let last = kept.last().unwrap();
    assert_eq!(
        (last.offset, &last.value),
        (Some(2_999), &sent[2_999].value)
    );
}

#[test]
fn a_waiting_reader_gets_what_is_written_next() {
    let server = Server::start();
    let bootstrap = server.bootstrap();
    Admin::new(&bootstrap).create("t", 1, &[]);
    let reader = Consumer::reader(&bootstrap, "t", &[(0, Offset::Beginning)]);
    assert!(reader.poll(Duration::from_millis(200)).is_none());
    let mut producer = Producer::new(&bootstrap, "t", &[]);
    for n in 0..20 {
        producer.send_all(&[Record::new("k", format!("{n}"))]);
        assert_eq!(reader.take(1)[0].number(), n);
    }
}
