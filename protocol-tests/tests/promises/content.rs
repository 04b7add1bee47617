//! What a producer sends is what every consumer gets: bytes, nulls, headers, sizes, whatever the codec.

use millstream_protocol_tests::clients::{Admin, Producer, Record, read_all};
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::server::Server;
use rdkafka::types::RDKafkaErrorCode;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Every combination of null, empty and filled in key, value and headers, and text that compresses well.
fn records() -> Vec<Record> {
    let shapes = [None, Some(Vec::new()), Some(b"filled".to_vec())];
    let some_headers = vec![
        ("trace".to_owned(), Some(b"1".to_vec())),
        ("trace".to_owned(), None),
        (String::new(), Some(Vec::new())),
    ];
    let mut records = Vec::new();
    for key in &shapes {
        for value in &shapes {
            for headers in [Vec::new(), some_headers.clone()] {
                records.push(Record {
                    key: key.clone(),
                    value: value.clone(),
                    headers,
                    ..Record::default()
                });
            }
        }
    }
    records.extend(
        (0..500).map(|n| Record::new(format!("key {n}"), "all work and no play ".repeat(n % 40))),
    );
    records
        .into_iter()
        .map(|record| record.to_partition(0).at(1_700_000_000_000))
        .collect()
}

fn assert_same(sent: &[Record], read: &[Record], context: &str) {
    assert_eq!(sent.len(), read.len(), "{context}");
    for (sent, read) in sent.iter().zip(read) {
        assert_eq!(sent.content(), read.content(), "{context}");
        assert_eq!(sent.timestamp, read.timestamp, "{context}");
    }
}

#[test]
fn every_codec_comes_back_as_it_went_in() {
    let server = Server::start();
    let sent = records();
    for codec in CODECS {
        Admin::new(&server.bootstrap()).create(codec, 1, &[]);
        let settings = [("compression.type", codec), ("linger.ms", "20")];
        let places = Producer::new(&server.bootstrap(), codec, &settings).send_all(&sent);
        let expected: Vec<_> = (0..sent.len())
            .map(|n| (0, i64::try_from(n).unwrap()))
            .collect();
        assert_eq!(places, expected, "{codec}");
        assert_same(&sent, &read_all(&server.bootstrap(), codec, 1)[0], codec);
    }
}

#[test]
fn large_records_pass_up_to_the_topics_limit() {
    let server = Server::start();
    let bootstrap = server.bootstrap();
    Admin::new(&bootstrap).create("large", 1, &[("max.message.bytes", "8000000")]);
    let mut dice = Dice::from_environment();
    let mut producer = Producer::new(&bootstrap, "large", &[("message.max.bytes", "20000000")]);
    let sent: Vec<Record> = [1, 1_000_000, 7_900_000]
        .map(|size| Record::new("k", dice.bytes(size)))
        .into();
    producer.send_all(&sent);
    let refused = producer
        .try_one(&Record::new("k", dice.bytes(8_000_001)))
        .unwrap_err();
    assert_eq!(
        refused.rdkafka_error_code(),
        Some(RDKafkaErrorCode::MessageSizeTooLarge)
    );
    let read = read_all(&bootstrap, "large", 1).remove(0);
    assert!(
        sent.iter()
            .map(|record| &record.value)
            .eq(read.iter().map(|record| &record.value))
    );
}

#[test]
fn order_holds_within_a_partition_while_many_produce() {
    let server = Server::start();
    let bootstrap = &server.bootstrap();
    Admin::new(bootstrap).create("busy", 3, &[]);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || {
                let record = |n: usize| Record::new(format!("{writer}"), format!("{n}"));
                let records: Vec<Record> = (0..3000).map(record).collect();
                Producer::new(bootstrap, "busy", &[("linger.ms", "1")]).send_all(&records);
            });
        }
    });
    let partitions = read_all(bootstrap, "busy", 3);
    assert_eq!(partitions.iter().map(Vec::len).sum::<usize>(), 12_000);
    for writer in 0..4 {
        let key = format!("{writer}").into_bytes();
        let of_writer = partitions
            .iter()
            .flatten()
            .filter(|record| record.key.as_ref() == Some(&key));
        assert!(of_writer.map(Record::number).eq(0..3000), "writer {writer}");
    }
}
