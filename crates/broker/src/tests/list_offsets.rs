//! Promises of ListOffsets, each over raw frames against a real store.

use millstream_batch::{Builder, Codec};
use millstream_wire::api::list_offsets::{Partition, PartitionResult, Request, Response, Topic};
use millstream_wire::{ApiKey, ErrorCode};

use crate::testing::TestBroker;

async fn ask(broker: &TestBroker, version: i16, sought: &[i64]) -> Vec<PartitionResult> {
    let partition = |&timestamp| Partition {
        timestamp,
        ..Partition::default()
    };
    let topic = |partitions| Topic {
        name: "t",
        partitions,
    };
    let mut results = Vec::new();
    for timestamp in sought {
        let request = Request {
            topics: vec![topic(vec![partition(timestamp)])],
            ..Request::default()
        };
        let mut answer: Response<'_> = broker.call(ApiKey::ListOffsets, version, &request).await;
        results.append(&mut answer.topics[0].partitions);
    }
    results
}

async fn offset_and_time(broker: &TestBroker, sought: i64) -> (i64, i64) {
    let result = &ask(broker, 11, &[sought]).await[0];
    assert_eq!(result.error_code, ErrorCode::NONE, "{sought}");
    (result.offset, result.timestamp)
}

/// One batch per codec, each of three records: `at`, `at + 20`, `at + 10` with at = 0, 100, 200, …
async fn broker_with_every_codec() -> TestBroker {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    for (at, codec) in (0..).step_by(100).zip(Codec::ALL) {
        let batch = Builder::new()
            .compression(codec)
            .record(at, None, Some(b"first"))
            .record(at + 20, None, Some(b"late"))
            .record(at + 10, None, Some(b"between"));
        broker.append("t", batch).await;
    }
    broker
}

// tansu-io/tansu compat/librdkafka/FINDINGS.md
#[tokio::test]
async fn a_time_finds_the_first_record_at_or_after_it_through_every_codec() {
    let broker = broker_with_every_codec().await;
    for batch in 0..5 {
        let (at, offset) = (100 * batch, 3 * batch);
        assert_eq!(offset_and_time(&broker, at).await, (offset, at));
        assert_eq!(
            offset_and_time(&broker, at + 1).await,
            (offset + 1, at + 20)
        );
        assert_eq!(
            offset_and_time(&broker, at + 20).await,
            (offset + 1, at + 20)
        );
    }
}

// tansu-io/tansu compat/librdkafka/FINDINGS.md
#[tokio::test]
async fn a_time_past_the_end_finds_nothing_without_an_error() {
    let broker = broker_with_every_codec().await;
    assert_eq!(offset_and_time(&broker, 421).await, (-1, -1));
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn negative_timestamps_ask_for_roles() {
    let broker = broker_with_every_codec().await;
    for (sought, expected) in [
        (-1, (15, -1)),
        (-2, (0, -1)),
        (-3, (13, 420)),
        (-4, (0, -1)),
        (-5, (-1, -1)),
        (-6, (-1, -1)),
    ] {
        assert_eq!(offset_and_time(&broker, sought).await, expected, "{sought}");
    }
}

#[tokio::test]
async fn an_empty_log_begins_and_ends_at_zero() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    for (sought, expected) in [(-1, (0, -1)), (-2, (0, -1)), (-3, (-1, -1)), (0, (-1, -1))] {
        assert_eq!(offset_and_time(&broker, sought).await, expected, "{sought}");
    }
}

#[tokio::test]
async fn roles_newer_than_the_version_are_not_supported() {
    let broker = broker_with_every_codec().await;
    for (sought, since) in [(-3, 7), (-4, 8), (-5, 9), (-6, 11), (-7, i16::MAX)] {
        for version in ApiKey::ListOffsets.versions() {
            let expected = match version >= since {
                true => ErrorCode::NONE,
                false => ErrorCode::UNSUPPORTED_VERSION,
            };
            let result = &ask(&broker, version, &[sought]).await[0];
            assert_eq!(result.error_code, expected, "{sought} in version {version}");
        }
    }
}

#[tokio::test]
async fn a_partition_asked_for_twice_is_an_invalid_request() {
    let broker = broker_with_every_codec().await;
    let request = Request {
        topics: vec![Topic {
            name: "t",
            partitions: vec![Partition::default(), Partition::default()],
        }],
        ..Request::default()
    };
    let answer: Response<'_> = broker.call(ApiKey::ListOffsets, 7, &request).await;
    let codes: Vec<ErrorCode> = answer.topics[0]
        .partitions
        .iter()
        .map(|p| p.error_code)
        .collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::INVALID_REQUEST]);
}
