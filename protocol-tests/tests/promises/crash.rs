//! `kill -9` amid producing and consuming, twenty times at random moments: nothing acknowledged is missing, nothing
//! is there twice, order holds, and groups go on from their commits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use millstream_protocol_tests::clients::{Admin, Producer, Record, read_all};
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::member::{Commits, live};
use millstream_protocol_tests::server::Server;

const CRASHES: u64 = 20;
const PARTITIONS: i32 = 3;

/// Sends numbered records to each partition in turn, as fast as they go, until told to stop; returns how many.
fn produce(producer: &mut Producer, stop: &AtomicBool) -> u64 {
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        let partition = i32::try_from(next % 3).unwrap();
        producer
            .send(&Record::new("k", format!("{next} {}", "x".repeat(200))).to_partition(partition));
        next += 1;
        // A bounded backlog keeps the records of the last second in flight, not those of the whole test.
        while next > 2_000 + u64::try_from(producer.answered()).unwrap()
            && !stop.load(Ordering::Relaxed)
        {
            thread::yield_now();
        }
    }
    producer.flush();
    next
}

#[test]
fn twenty_crashes_lose_nothing_and_double_nothing() {
    let mut server = Server::start();
    let bootstrap = &server.bootstrap();
    Admin::new(bootstrap).create("t", PARTITIONS, &[("segment.bytes", "1048576")]);
    let mut dice = Dice::from_environment();
    let settings = [
        ("enable.idempotence", "true"),
        ("linger.ms", "1"),
        ("message.timeout.ms", "0"),
    ];
    let mut producer = Producer::new(bootstrap, "t", &settings);
    let (stop, mut commits) = (AtomicBool::new(false), Commits::default());
    let sent = thread::scope(|scope| {
        let writer = scope.spawn(|| produce(&mut producer, &stop));
        for _ in 0..CRASHES / 2 {
            let (life_ends, commits) = (AtomicBool::new(false), &mut commits);
            thread::scope(|scope| {
                let life_ends = &life_ends;
                let ends = || life_ends.load(Ordering::Relaxed);
                let reader = scope.spawn(move || live(bootstrap, "g", "t", commits, ends));
                for _ in 0..2 {
                    thread::park_timeout(Duration::from_millis(dice.between(1, 700)));
                    server.kill();
                    server.restart();
                }
                life_ends.store(true, Ordering::Relaxed);
                reader.join().unwrap();
            });
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert_complete(bootstrap, &producer, sent);
    assert!(
        !commits.is_empty(),
        "commits were acknowledged between the crashes"
    );
}

/// Every record is there once, in order, and where its acknowledgement said.
fn assert_complete(bootstrap: &str, producer: &Producer, sent: u64) {
    let partitions = read_all(bootstrap, "t", PARTITIONS);
    for (partition, records) in (0..).zip(&partitions) {
        let expected = (0..sent).filter(|n| n % 3 == partition);
        assert!(
            records.iter().map(Record::number).eq(expected),
            "partition {partition} in order and once"
        );
    }
    let answers = producer.answers();
    assert_eq!(answers.len(), usize::try_from(sent).unwrap());
    for (number, answer) in answers {
        let (partition, offset) =
            answer.unwrap_or_else(|error| panic!("record {number} was refused: {error}"));
        if let Ok(offset) = usize::try_from(offset) {
            let record = &partitions[usize::try_from(partition).unwrap()][offset];
            assert_eq!(
                record.number(),
                u64::try_from(number).unwrap(),
                "at {partition}:{offset}"
            );
        }
    }
}
