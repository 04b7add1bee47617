//! An administrator makes, changes, describes and removes topics, and a restart forgets none of it.

use millstream_protocol_tests::clients::{Admin, Producer, Record, config, read_all, watermarks};
use millstream_protocol_tests::server::Server;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;

/// Each topic with its number of partitions, as any client sees them.
fn topics(server: &Server) -> Vec<(String, usize)> {
    let client: BaseConsumer = config(&server.bootstrap()).create().unwrap();
    let metadata = client
        .fetch_metadata(None, std::time::Duration::from_secs(20))
        .unwrap();
    let mut topics: Vec<(String, usize)> = metadata
        .topics()
        .iter()
        .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
        .collect();
    topics.sort();
    topics
}

#[test]
fn a_topics_life_is_remembered_over_a_restart() {
    let mut server = Server::start();
    let admin = Admin::new(&server.bootstrap());
    admin.create(
        "kept",
        2,
        &[("retention.ms", "12345678"), ("segment.bytes", "2097152")],
    );
    admin.create("gone", 1, &[]);
    assert_eq!(admin.add_partitions("kept", 5), Ok(()));
    admin.alter("kept", &[("max.message.bytes", "54321")]);
    assert_eq!(admin.delete("gone"), Ok(()));
    for crash in [false, true] {
        if crash {
            server.kill();
        } else {
            assert!(server.terminate().success());
        }
        server.restart();
        assert_eq!(topics(&server), [("kept".to_owned(), 5)]);
        let described = admin.describe("kept");
        assert_eq!(described["max.message.bytes"], "54321");
        assert_ne!(
            described["retention.ms"], "12345678",
            "AlterConfigs replaces the whole configuration"
        );
    }
}

#[test]
fn wrong_wishes_are_refused_by_name() {
    let server = Server::start();
    let admin = Admin::new(&server.bootstrap());
    admin.create("there", 2, &[]);
    let refused = |topic: &str, partitions, configs: &[(&str, &str)]| {
        admin.try_create(topic, partitions, configs)
    };
    assert_eq!(
        refused("there", 1, &[]),
        Err(RDKafkaErrorCode::TopicAlreadyExists)
    );
    assert_eq!(
        refused("no/slash", 1, &[]),
        Err(RDKafkaErrorCode::InvalidTopic)
    );
    assert_eq!(
        refused("odd", 1, &[("retention.ms", "soon")]),
        Err(RDKafkaErrorCode::InvalidConfig)
    );
    assert_eq!(
        refused("odd", 1, &[("no.such.config", "1")]),
        Err(RDKafkaErrorCode::InvalidConfig)
    );
    assert_eq!(
        admin.delete("absent"),
        Err(RDKafkaErrorCode::UnknownTopicOrPartition)
    );
    assert_eq!(
        admin.add_partitions("there", 1),
        Err(RDKafkaErrorCode::InvalidPartitions)
    );
    let before = admin.describe("there");
    admin.alter("there", &[("max.message.bytes", "-7")]);
    assert_eq!(admin.describe("there"), before);
    assert_eq!(topics(&server), [("there".to_owned(), 2)]);
}

#[test]
fn new_partitions_take_records_and_a_deleted_topic_returns_empty() {
    let server = Server::start();
    let bootstrap = server.bootstrap();
    let admin = Admin::new(&bootstrap);
    admin.create("t", 1, &[]);
    Producer::new(&bootstrap, "t", &[]).send_all(&[Record::new("k", "0").to_partition(0)]);
    assert_eq!(admin.add_partitions("t", 3), Ok(()));
    Producer::new(&bootstrap, "t", &[]).send_all(&[Record::new("k", "2").to_partition(2)]);
    let lengths: Vec<usize> = read_all(&bootstrap, "t", 3).iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 0, 1]);
    assert_eq!(admin.delete("t"), Ok(()));
    admin.create("t", 1, &[]);
    assert_eq!(watermarks(&bootstrap, "t", 0), (0, 0));
}

#[test]
fn a_topic_is_made_when_a_producer_names_it() {
    let server = Server::start();
    Producer::new(&server.bootstrap(), "fresh", &[]).send_all(&[Record::new("k", "v")]);
    assert_eq!(topics(&server), [("fresh".to_owned(), 1)]);
}

#[test]
fn deleted_records_stay_deleted() {
    let mut server = Server::start();
    let bootstrap = server.bootstrap();
    let admin = Admin::new(&bootstrap);
    admin.create("t", 1, &[]);
    let records: Vec<Record> = (0..100).map(|n| Record::new("k", format!("{n}"))).collect();
    Producer::new(&bootstrap, "t", &[("batch.num.messages", "7")]).send_all(&records);
    assert_eq!(
        admin.delete_records("t", 0, rdkafka::Offset::Offset(61)),
        Ok(rdkafka::Offset::Offset(61))
    );
    for _ in 0..2 {
        assert_eq!(watermarks(&bootstrap, "t", 0), (61, 100));
        let read = read_all(&bootstrap, "t", 1).remove(0);
        assert!(read.iter().map(Record::number).eq(61..100));
        server.kill();
        server.restart();
    }
    let too_far = admin
        .delete_records("t", 0, rdkafka::Offset::Offset(101))
        .unwrap_err();
    assert_eq!(
        too_far.rdkafka_error_code(),
        Some(RDKafkaErrorCode::OffsetOutOfRange)
    );
    assert_eq!(
        admin.delete_records("t", 0, rdkafka::Offset::End),
        Ok(rdkafka::Offset::Offset(100))
    );
    assert_eq!(watermarks(&bootstrap, "t", 0), (100, 100));
}
