//! A topic is replayed from any offset or any point in time, any number of times.

use millstream_protocol_tests::clients::{Admin, Consumer, PATIENCE, Producer, Record};
use millstream_protocol_tests::server::Server;
use rdkafka::Offset;
use rdkafka::consumer::Consumer as _;

const SECOND: i64 = 1_000;
const START: i64 = 1_600_000_000_000;

/// A server with a topic of one partition and 1,000 records, one a second from `START` on, in batches of 7.
fn prepared() -> Server {
    let server = Server::start();
    Admin::new(&server.bootstrap()).create("t", 1, &[("retention.ms", "-1")]);
    let record = |n: i64| {
        Record::new("k", format!("{n}"))
            .to_partition(0)
            .at(START + n * SECOND)
    };
    let records: Vec<Record> = (0..1000).map(record).collect();
    let settings = [("batch.num.messages", "7"), ("compression.type", "lz4")];
    Producer::new(&server.bootstrap(), "t", &settings).send_all(&records);
    server
}

#[test]
fn a_point_in_time_is_found_to_the_record() {
    let mut server = prepared();
    for _ in 0..2 {
        let reader = Consumer::reader(&server.bootstrap(), "t", &[]);
        let check = |timestamp, expected| {
            assert_eq!(
                reader.offsets_at("t", &[0], timestamp),
                [expected],
                "at {timestamp}"
            );
        };
        check(0, Offset::Offset(0));
        for n in [0, 1, 6, 7, 8, 499, 998, 999] {
            check(START + n * SECOND, Offset::Offset(n));
            check(START + n * SECOND - 1, Offset::Offset(n));
        }
        check(START + 1000 * SECOND, Offset::End);
        server.kill();
        server.restart();
    }
}

#[test]
fn a_reader_seeks_and_replays_as_often_as_it_likes() {
    let server = prepared();
    let reader = Consumer::reader(&server.bootstrap(), "t", &[(0, Offset::Beginning)]);
    let mut from = 0;
    for next in [0, 993, 500, 1, 0] {
        let count = 1000 - from;
        let read = reader.take(usize::try_from(count).unwrap());
        assert!(
            read.iter().map(Record::number).eq(from..1000),
            "from {from}"
        );
        reader
            .raw()
            .seek(
                "t",
                0,
                Offset::Offset(i64::try_from(next).unwrap()),
                PATIENCE,
            )
            .unwrap();
        from = next;
    }
}

#[test]
fn log_append_time_is_the_servers_own() {
    let server = Server::start();
    let admin = Admin::new(&server.bootstrap());
    admin.create("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let records: Vec<Record> = (0..50)
        .map(|n| Record::new("k", format!("{n}")).at(START))
        .collect();
    Producer::new(
        &server.bootstrap(),
        "stamped",
        &[("compression.type", "zstd")],
    )
    .send_all(&records);
    let read = Consumer::reader(&server.bootstrap(), "stamped", &[(0, Offset::Beginning)]).take(50);
    let year = 365 * 24 * 3600 * SECOND;
    assert!(
        read.iter()
            .all(|record| record.timestamp.unwrap() > START + year),
        "not the producer's time"
    );
}
