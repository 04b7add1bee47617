//! Promises of the small APIs about a partition's log: where epochs end, what is deleted, who produces, what it weighs,
//! and which id a producer gets.

use std::collections::HashSet;

use millstream_wire::api::{
    delete_records, describe_log_dirs, describe_producers, init_producer_id,
    offset_for_leader_epoch,
};
use millstream_wire::{ApiKey, ErrorCode};

use super::traffic::{append, from, sent, values};
use crate::testing::TestBroker;

async fn new_producer(
    broker: &TestBroker,
    request: &init_producer_id::Request<'_>,
) -> init_producer_id::Response {
    broker.call(ApiKey::InitProducerId, 5, request).await
}

#[tokio::test]
async fn no_producer_id_is_given_twice_not_even_after_a_restart() {
    let mut broker = TestBroker::start().await;
    let mut given = HashSet::new();
    for _ in 0..3 {
        for version in ApiKey::InitProducerId.versions() {
            let request = init_producer_id::Request::default();
            let answer: init_producer_id::Response =
                broker.call(ApiKey::InitProducerId, version, &request).await;
            assert_eq!(answer.error_code, ErrorCode::NONE);
            assert_eq!(answer.producer_epoch, 0);
            assert!(given.insert(answer.producer_id));
        }
        broker = broker.restart().await;
    }
}

// tansu-io/tansu compat/librdkafka/FINDINGS.md
#[tokio::test]
async fn transactional_producers_are_told_what_is_wrong() {
    let broker = TestBroker::start().await;
    let request = |transactional_id, transaction_timeout_ms| init_producer_id::Request {
        transactional_id,
        transaction_timeout_ms,
        ..init_producer_id::Request::default()
    };
    for (request, expected) in [
        (request(Some(""), 1), ErrorCode::INVALID_REQUEST),
        (
            request(Some("tx"), 900_001),
            ErrorCode::INVALID_TRANSACTION_TIMEOUT,
        ),
        (request(Some("tx"), 900_000), ErrorCode::NONE),
        (request(None, 900_001), ErrorCode::NONE),
    ] {
        assert_eq!(new_producer(&broker, &request).await.error_code, expected);
    }
}

#[tokio::test]
async fn an_id_without_an_epoch_is_an_invalid_request() {
    let broker = TestBroker::start().await;
    for (producer_id, producer_epoch, expected) in [
        (5, -1, ErrorCode::INVALID_REQUEST),
        (-1, 5, ErrorCode::INVALID_REQUEST),
        (5, 5, ErrorCode::NONE),
    ] {
        let request = init_producer_id::Request {
            producer_id,
            producer_epoch,
            ..init_producer_id::Request::default()
        };
        assert_eq!(new_producer(&broker, &request).await.error_code, expected);
    }
}

#[tokio::test]
async fn an_unknown_epoch_has_no_end_and_that_is_no_error() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    broker.append("t", values(&["a", "b"])).await;
    let current = topic.partition(0).unwrap().leader_epoch();
    for (leader_epoch, expected) in [(current, (current, 2)), (current + 1, (-1, -1))] {
        let request = offset_for_leader_epoch::Request {
            topics: vec![offset_for_leader_epoch::Topic {
                topic: "t",
                partitions: vec![offset_for_leader_epoch::Partition {
                    leader_epoch,
                    ..offset_for_leader_epoch::Partition::default()
                }],
            }],
            ..offset_for_leader_epoch::Request::default()
        };
        let answer: offset_for_leader_epoch::Response<'_> =
            broker.call(ApiKey::OffsetForLeaderEpoch, 4, &request).await;
        let end = &answer.topics[0].partitions[0];
        assert_eq!(end.error_code, ErrorCode::NONE);
        assert_eq!((end.leader_epoch, end.end_offset), expected);
    }
}

async fn delete(broker: &TestBroker, name: &str, offset: i64) -> (ErrorCode, i64) {
    let request = delete_records::Request {
        topics: vec![delete_records::Topic {
            name,
            partitions: vec![delete_records::Partition {
                partition_index: 0,
                offset,
            }],
        }],
        timeout_ms: 1_000,
    };
    let answer: delete_records::Response<'_> =
        broker.call(ApiKey::DeleteRecords, 2, &request).await;
    let result = &answer.topics[0].partitions[0];
    (result.error_code, result.low_watermark)
}

#[tokio::test]
async fn deleted_records_are_gone_and_the_log_begins_behind_them() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    for _ in 0..3 {
        broker.append("t", values(&["a"])).await;
    }
    assert_eq!(delete(&broker, "t", 2).await, (ErrorCode::NONE, 2));
    assert_eq!(delete(&broker, "t", 1).await, (ErrorCode::NONE, 2));
    let gone = broker.fetch_one(12, &from(&topic, 0, 1)).await;
    assert_eq!(gone.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    let kept = broker.fetch_one(12, &from(&topic, 0, 2)).await;
    assert_eq!(
        (kept.error_code, kept.log_start_offset),
        (ErrorCode::NONE, 2)
    );
    assert_eq!(delete(&broker, "t", -1).await, (ErrorCode::NONE, 3));
}

#[tokio::test]
async fn records_that_may_not_be_deleted_stay() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    broker.topic("c", 1, &[("cleanup.policy", "compact")]).await;
    for (topic, offset, expected) in [
        ("t", 1, ErrorCode::OFFSET_OUT_OF_RANGE),
        ("t", -2, ErrorCode::OFFSET_OUT_OF_RANGE),
        ("c", 0, ErrorCode::POLICY_VIOLATION),
        ("nowhere", 0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    ] {
        assert_eq!(
            delete(&broker, topic, offset).await,
            (expected, -1),
            "{topic}"
        );
    }
}

#[tokio::test]
async fn producers_are_described_by_what_they_sent_last() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    broker
        .append("t", values(&["a", "b"]).producer(5, 3, 0))
        .await;
    let request = describe_producers::Request {
        topics: vec![describe_producers::Topic {
            name: "t",
            partition_indexes: vec![0, 1],
        }],
    };
    let answer: describe_producers::Response<'_> =
        broker.call(ApiKey::DescribeProducers, 0, &request).await;
    let partitions = &answer.topics[0].partitions;
    let [producer] = &partitions[0].active_producers[..] else {
        panic!("one producer expected");
    };
    assert_eq!((producer.producer_id, producer.producer_epoch), (5, 3));
    assert_eq!(producer.last_sequence, 1);
    assert_eq!(
        partitions[1].error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
}

#[tokio::test]
async fn the_data_directory_tells_sizes_and_what_the_disk_has_left() {
    let broker = TestBroker::start().await;
    broker.topic("t", 2, &[]).await;
    broker.append("t", values(&["a"])).await;
    let whole = describe_log_dirs::Request { topics: None };
    let part = describe_log_dirs::Request {
        topics: Some(vec![describe_log_dirs::Topic {
            topic: "t",
            partitions: vec![0, 9],
        }]),
    };
    for (request, expected) in [(whole, 2), (part, 1)] {
        let answer: describe_log_dirs::Response<'_> =
            broker.call(ApiKey::DescribeLogDirs, 4, &request).await;
        let [dir] = &answer.results[..] else {
            panic!("one data directory expected");
        };
        assert!(dir.usable_bytes > 0 && dir.usable_bytes <= dir.total_bytes);
        let [topic] = &dir.topics[..] else {
            panic!("one topic expected");
        };
        assert_eq!(topic.partitions.len(), expected);
        assert!(topic.partitions[0].partition_size > 0);
    }
}

#[tokio::test]
async fn clients_neither_write_nor_delete_the_brokers_own_records() {
    let broker = TestBroker::start().await;
    let catalog = broker.broker.catalog();
    let topic = catalog.ensure_topic("__consumer_offsets").await.unwrap();
    let batch = sent(values(&["a"]));
    let written = broker.produce(&append(&topic.name, 0, -1, &batch)).await;
    assert_eq!(written.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
    let deleted = delete(&broker, &topic.name, 0).await;
    assert_eq!(deleted, (ErrorCode::INVALID_TOPIC_EXCEPTION, -1));
}
