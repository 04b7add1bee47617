//! Promises of Produce, each over raw frames against a real store.

use bytes::BytesMut;
use millstream_batch::{Batch, Builder, Codec, Header, TimestampType};
use millstream_wire::api::produce::{Partition, PartitionResult, Response};
use millstream_wire::{ApiKey, ErrorCode, Uuid};

use super::traffic::{BY_NAME, append, batches, from, sent, values};
use crate::CloseReason;
use crate::testing::{NOW_MS, TestBroker, frame};

async fn outcome(broker: &TestBroker, batch: &[u8]) -> PartitionResult<'static> {
    broker.produce(&append("t", 0, -1, batch)).await
}

async fn code(broker: &TestBroker, batch: Builder) -> ErrorCode {
    outcome(broker, &sent(batch)).await.error_code
}

#[tokio::test]
async fn batches_get_consecutive_offsets_and_come_back_unchanged() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    assert_eq!(broker.append("t", values(&["a", "b"])).await, 0);
    assert_eq!(broker.append("t", values(&["c"])).await, 2);
    let found = batches(&broker.fetch_one(12, &from(&topic, 0, 0)).await);
    assert_eq!(found.len(), 2);
    let payload = |batch: &Batch| batch.payload().to_vec();
    assert_eq!(
        payload(&found[0]),
        payload(&values(&["a", "b"]).build().unwrap())
    );
    assert_eq!(found[1].header().base_offset, 2);
}

#[tokio::test]
async fn consecutive_produces_are_appended_before_any_is_answered() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let pending: Vec<_> = (0..10)
        .map(|n| {
            let batch = sent(values(&[&n.to_string()]));
            let frame = frame(ApiKey::Produce.key(), BY_NAME, &append("t", 0, -1, &batch));
            broker.broker.dispatch(&broker.connection, frame)
        })
        .collect();
    assert_eq!(topic.partition(0).unwrap().offsets().log_end, 10);
    for (n, pending) in (0..).zip(pending) {
        assert!(pending.pipeline);
        let answer = pending.response.await.unwrap().unwrap();
        let answer: Response<'_> = crate::testing::body(ApiKey::Produce, BY_NAME, &answer);
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, n);
    }
}

#[tokio::test]
async fn topics_are_named_by_id_from_version_13_on() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let batch = sent(values(&["a"]));
    let mut request = append("", 0, -1, &batch);
    for (id, expected) in [
        (topic.id, ErrorCode::NONE),
        (Uuid::from_u128(99), ErrorCode::UNKNOWN_TOPIC_ID),
    ] {
        request.topic_data[0].topic_id = id;
        let answer: Response<'_> = broker.call(ApiKey::Produce, 13, &request).await;
        assert_eq!(answer.responses[0].topic_id, id);
        assert_eq!(
            answer.responses[0].partition_responses[0].error_code,
            expected
        );
    }
}

#[tokio::test]
async fn every_version_is_answered() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let batch = sent(values(&["a"]));
    let mut request = append("t", 0, 1, &batch);
    request.topic_data[0].topic_id = topic.id;
    for (offset, version) in (0..).zip(ApiKey::Produce.versions()) {
        let answer: Response<'_> = broker.call(ApiKey::Produce, version, &request).await;
        assert_eq!(
            answer.responses[0].partition_responses[0].base_offset,
            offset
        );
    }
}

#[tokio::test]
async fn what_does_not_exist_is_named_as_such() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let batch = sent(values(&["a"]));
    for (topic, index) in [("nowhere", 0), ("t", 1), ("t", -1)] {
        let result = broker.produce(&append(topic, index, -1, &batch)).await;
        assert_eq!(result.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        assert_eq!((result.index, result.base_offset), (index, -1));
    }
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn without_acknowledgement_nothing_is_answered_and_an_error_closes_the_connection() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let batch = sent(values(&["a"]));
    let send = |topic: &str| broker.send(frame(0, BY_NAME, &append(topic, 0, 0, &batch)));
    assert!(matches!(send("t").await, Ok(None)));
    assert_eq!(topic.partition(0).unwrap().offsets().log_end, 1);
    assert!(matches!(
        send("nowhere").await,
        Err(CloseReason::Unacknowledged(_))
    ));
}

#[tokio::test]
async fn acks_other_than_the_three_are_refused() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let batch = sent(values(&["a"]));
    for acks in [2, -2, i16::MAX] {
        let result = broker.produce(&append("t", 0, acks, &batch)).await;
        assert_eq!(result.error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    }
}

#[tokio::test]
async fn one_node_cannot_be_two_replicas() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[("min.insync.replicas", "2")]).await;
    let batch = sent(values(&["a"]));
    let all = broker.produce(&append("t", 0, -1, &batch)).await;
    assert_eq!(all.error_code, ErrorCode::NOT_ENOUGH_REPLICAS);
    let one = broker.produce(&append("t", 0, 1, &batch)).await;
    assert_eq!(one.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn a_damaged_batch_is_corrupt_and_anything_but_one_batch_is_invalid() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let good = sent(values(&["a"]));
    let mut damaged = good.clone();
    damaged[65] ^= 1;
    let cases = [
        (damaged, ErrorCode::CORRUPT_MESSAGE),
        (good[..30].to_vec(), ErrorCode::INVALID_RECORD),
        (good[..good.len() - 1].to_vec(), ErrorCode::INVALID_RECORD),
        ([&good[..], &good[..]].concat(), ErrorCode::INVALID_RECORD),
        (Vec::new(), ErrorCode::INVALID_RECORD),
    ];
    for (batch, expected) in cases {
        assert_eq!(outcome(&broker, &batch).await.error_code, expected);
    }
    assert_eq!(topic.partition(0).unwrap().offsets().log_end, 0);
}

// AK core/…/UnifiedLog.scala
#[tokio::test]
async fn a_batch_one_byte_over_the_limit_is_too_large() {
    let broker = TestBroker::start().await;
    let size = sent(values(&["some text"])).len();
    broker
        .topic("t", 1, &[("max.message.bytes", &size.to_string())])
        .await;
    assert_eq!(code(&broker, values(&["some text"])).await, ErrorCode::NONE);
    assert_eq!(
        code(&broker, values(&["some text!"])).await,
        ErrorCode::MESSAGE_TOO_LARGE
    );
}

// AK storage/…/log/ProducerStateEntry.java
#[tokio::test]
async fn a_duplicate_gets_its_original_offset_and_a_gap_is_refused() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let batch = |sequence| values(&["a", "b"]).producer(5, 0, sequence);
    for n in 0..6 {
        assert_eq!(broker.append("t", batch(2 * n)).await, i64::from(2 * n));
    }
    for n in 1..6 {
        assert_eq!(
            broker.append("t", batch(2 * n)).await,
            i64::from(2 * n),
            "batch {n}"
        );
    }
    assert_eq!(
        code(&broker, batch(13)).await,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(topic.partition(0).unwrap().offsets().log_end, 12);
}

// AK clients/…/common/record/DefaultRecordBatch.java
#[tokio::test]
async fn after_the_largest_sequence_comes_zero() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let batch = |sequence| values(&["a", "b"]).producer(5, 0, sequence);
    assert_eq!(broker.append("t", batch(i32::MAX - 1)).await, 0);
    assert_eq!(broker.append("t", batch(0)).await, 2);
    let across = values(&["a", "b", "c"]).producer(6, 0, i32::MAX - 1);
    assert_eq!(broker.append("t", across).await, 4);
    assert_eq!(
        broker.append("t", values(&["d"]).producer(6, 0, 1)).await,
        7
    );
}

// AK storage/…/log/ProducerAppendInfo.java
#[tokio::test]
async fn an_older_epoch_is_fenced_and_a_newer_one_begins_at_zero() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let batch = |epoch, sequence| values(&["a"]).producer(5, epoch, sequence);
    assert_eq!(broker.append("t", batch(3, 0)).await, 0);
    assert_eq!(
        code(&broker, batch(2, 1)).await,
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    assert_eq!(
        code(&broker, batch(4, 1)).await,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(broker.append("t", batch(4, 0)).await, 1);
}

// AK storage/…/log/ProducerStateManager.java
#[tokio::test]
async fn producers_are_remembered_across_a_restart() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let batch = |sequence| values(&["a"]).producer(5, 0, sequence);
    for n in 0..5 {
        broker.append("t", batch(n)).await;
    }
    let broker = broker.restart().await;
    assert_eq!(broker.append("t", batch(3)).await, 3);
    assert_eq!(
        code(&broker, batch(6)).await,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(broker.append("t", batch(5)).await, 5);
}

// AK storage/…/log/LogValidator.java
#[tokio::test]
async fn a_compacted_topic_names_the_records_without_a_key() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[("cleanup.policy", "compact")]).await;
    let batch = Builder::new()
        .record(NOW_MS, Some(b"k"), Some(b"v"))
        .record(NOW_MS, None, Some(b"v"));
    let result = outcome(&broker, &sent(batch)).await;
    assert_eq!(result.error_code, ErrorCode::INVALID_RECORD);
    let indexes: Vec<i32> = result.record_errors.iter().map(|e| e.batch_index).collect();
    assert_eq!(indexes, [1]);
    assert!(result.error_message.is_some());
    assert_eq!(topic.partition(0).unwrap().offsets().log_end, 0);
}

#[tokio::test]
async fn timestamps_too_far_off_are_refused_by_record() {
    let broker = TestBroker::start().await;
    broker
        .topic("t", 1, &[("message.timestamp.after.max.ms", "100")])
        .await;
    let batch = Builder::new()
        .record(NOW_MS + 100, None, None)
        .record(NOW_MS + 101, None, None);
    let result = outcome(&broker, &sent(batch)).await;
    assert_eq!(result.error_code, ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(result.record_errors[0].batch_index, 1);
}

#[tokio::test]
async fn timestamps_too_old_are_refused_by_record() {
    let broker = TestBroker::start().await;
    let bound = ("message.timestamp.before.max.ms", "100");
    let topic = broker.topic("t", 1, &[bound]).await;
    let batch = Builder::new()
        .record(NOW_MS - 101, None, None)
        .record(NOW_MS - 100, None, None);
    let result = outcome(&broker, &sent(batch)).await;
    assert_eq!(result.error_code, ErrorCode::INVALID_TIMESTAMP);
    let indexes: Vec<i32> = result.record_errors.iter().map(|e| e.batch_index).collect();
    assert_eq!(indexes, [0]);
    assert_eq!(topic.partition(0).unwrap().offsets().log_end, 0);
}

#[tokio::test]
async fn log_append_time_from_a_producer_is_refused_where_its_own_time_counts() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let mut batch = values(&["a"]).build().unwrap();
    batch.set_log_append_time(NOW_MS);
    let result = outcome(&broker, batch.bytes()).await;
    assert_eq!(result.error_code, ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(result.log_append_time_ms, -1);
}

#[tokio::test]
async fn with_log_append_time_no_producers_time_is_too_far_off() {
    let broker = TestBroker::start().await;
    let settings = [
        ("message.timestamp.type", "LogAppendTime"),
        ("message.timestamp.before.max.ms", "0"),
        ("message.timestamp.after.max.ms", "0"),
    ];
    broker.topic("t", 1, &settings).await;
    let times = Builder::new()
        .record(0, None, None)
        .record(i64::MAX, None, None);
    assert_eq!(code(&broker, times).await, ErrorCode::NONE);
}

#[tokio::test]
async fn a_batch_larger_than_a_segment_is_refused_as_such() {
    let broker = TestBroker::start().await;
    let settings = [
        ("segment.bytes", "1048576"),
        ("max.message.bytes", "4194304"),
    ];
    broker.topic("t", 1, &settings).await;
    let large = Builder::new().record(NOW_MS, None, Some(&vec![0; 1 << 20]));
    assert_eq!(code(&broker, large).await, ErrorCode::RECORD_LIST_TOO_LARGE);
}

#[tokio::test]
async fn a_batch_that_the_topics_codec_makes_too_large_is_refused() {
    let broker = TestBroker::start().await;
    let settings = [
        ("compression.type", "uncompressed"),
        ("max.message.bytes", "5000"),
    ];
    broker.topic("t", 1, &settings).await;
    let zeros = vec![0; 10_000];
    let packed = Builder::new()
        .compression(Codec::Zstd)
        .record(NOW_MS, None, Some(&zeros));
    assert_eq!(code(&broker, packed).await, ErrorCode::MESSAGE_TOO_LARGE);
}

#[tokio::test]
async fn zstd_is_refused_from_senders_of_a_version_that_does_not_know_it() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let batch = sent(values(&["a"]).compression(Codec::Zstd));
    for (version, expected) in [
        (6, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE),
        (7, ErrorCode::NONE),
    ] {
        let request = append("t", 0, -1, &batch);
        let answer: Response<'_> = broker.call(ApiKey::Produce, version, &request).await;
        let result = &answer.responses[0].partition_responses[0];
        assert_eq!(result.error_code, expected, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_take_long_to_rewrite_keep_the_order_of_their_frames() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[("compression.type", "gzip")]).await;
    let text = "some text that repeats itself ".repeat(2_000);
    let batch = |n: i32| match n % 2 {
        0 => values(&[&text]).compression(Codec::Zstd),
        _ => values(&["a"]).compression(Codec::Gzip),
    };
    let frames: Vec<_> = (0..10)
        .map(|n| {
            frame(
                ApiKey::Produce.key(),
                BY_NAME,
                &append("t", 0, -1, &sent(batch(n))),
            )
        })
        .collect();
    let (server, connection) = (broker.broker.clone(), broker.connection.clone());
    // A task of its own, so that it runs where connections do: on a thread of the runtime.
    let dispatched = tokio::spawn(async move {
        let dispatch = |frame| server.dispatch(&connection, frame);
        frames.into_iter().map(dispatch).collect::<Vec<_>>()
    });
    for pending in dispatched.await.unwrap() {
        assert!(pending.pipeline);
        pending.response.await.unwrap();
    }
    let found = batches(&broker.fetch_one(12, &from(&topic, 0, 0)).await);
    let sizes: Vec<usize> = found
        .iter()
        .map(|batch| batch.records(1 << 20).unwrap().payload().len())
        .collect();
    let long = |size: &usize| *size > 1_000;
    assert_eq!(sizes.len(), 10);
    assert!(sizes.iter().step_by(2).all(long), "{sizes:?}");
    assert!(!sizes.iter().skip(1).step_by(2).any(long), "{sizes:?}");
}

// AK clients/…/common/record/DefaultRecordBatch.java
#[tokio::test]
async fn the_leader_epoch_is_stamped_outside_the_checksum() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let original = *values(&["a"]).build().unwrap().header();
    broker.append("t", values(&["a"])).await;
    let found = &batches(&broker.fetch_one(12, &from(&topic, 0, 0)).await)[0];
    assert_eq!(
        found.header().leader_epoch,
        topic.partition(0).unwrap().leader_epoch()
    );
    assert_eq!(found.header().crc, original.crc);
}

// AK clients/…/common/record/DefaultRecordBatch.java
#[tokio::test]
async fn log_append_time_is_the_brokers_with_a_new_checksum() {
    let broker = TestBroker::start().await;
    let topic = broker
        .topic("t", 1, &[("message.timestamp.type", "LogAppendTime")])
        .await;
    let batch = sent(Builder::new().record(5, None, Some(b"v")));
    assert_eq!(outcome(&broker, &batch).await.log_append_time_ms, NOW_MS);
    // Parsing proves the checksum.
    let found = &batches(&broker.fetch_one(12, &from(&topic, 0, 0)).await)[0];
    assert_eq!(
        found.header().timestamp_type(),
        TimestampType::LogAppendTime
    );
    assert_eq!(found.header().max_timestamp, NOW_MS);
}

// kafka-protocol-rs CHANGELOG.md
#[tokio::test]
async fn both_dialects_of_snappy_are_read_when_a_topic_has_its_own_codec() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[("compression.type", "gzip")]).await;
    broker
        .append("t", values(&["xerial"]).compression(Codec::Snappy))
        .await;
    assert_eq!(
        outcome(&broker, &raw_snappy()).await.error_code,
        ErrorCode::NONE
    );
    let found = batches(&broker.fetch_one(12, &from(&topic, 0, 0)).await);
    for (batch, expected) in found.iter().zip(["xerial", "raw"]) {
        assert_eq!(batch.header().codec(), Codec::Gzip);
        let records = batch.records(1_000).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        assert_eq!(record.value, Some(expected.as_bytes()));
    }
}

/// A batch of the value "raw", compressed as librdkafka does it: one block of literals and no framing.
fn raw_snappy() -> Vec<u8> {
    let plain = values(&["raw"]).build().unwrap();
    let payload = plain.payload();
    let literal = [payload.len() as u8, (payload.len() as u8 - 1) << 2];
    let bytes = [
        &plain.bytes()[..millstream_batch::HEADER_LEN],
        &literal,
        payload,
    ]
    .concat();
    resealed(bytes, |header| header[22] |= Codec::Snappy as u8)
}

/// A batch with changed bytes whose length and checksum are right all the same.
fn resealed(mut bytes: Vec<u8>, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    change(&mut bytes);
    let length = (bytes.len() - millstream_batch::SIZE_PREFIX_LEN) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    assert!(Batch::parse(BytesMut::from(&bytes[..])).is_ok());
    bytes
}

#[tokio::test]
async fn clients_may_not_send_what_only_the_broker_sets() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let good = || sent(values(&["a"]));
    let cases = [
        (sent(values(&["a"]).producer(5, 0, 0).control()), "a marker"),
        (sent(values(&["a"]).producer(5, 0, -1)), "no sequence"),
        (resealed(good(), |bytes| bytes[7] = 1), "a base offset"),
        (resealed(good(), |bytes| bytes[60] = 2), "a wrong count"),
    ];
    for (batch, what) in cases {
        let result = outcome(&broker, &batch).await;
        assert_eq!(result.error_code, ErrorCode::INVALID_RECORD, "{what}");
        assert!(Header::parse(&batch).is_ok(), "{what}");
    }
}

#[tokio::test]
async fn a_request_of_absurdly_many_partitions_costs_its_connection() {
    let broker = TestBroker::start().await;
    let partition = |index| Partition {
        index,
        records: None,
    };
    let mut request = append("t", 0, -1, &[]);
    request.topic_data[0].partition_data = (0..=50_000).map(partition).collect();
    request.topic_data.push(request.topic_data[0].clone());
    let closed = broker.send(frame(0, BY_NAME, &request)).await;
    assert!(matches!(
        closed,
        Err(CloseReason::TooManyPartitions { count: 100_002, .. })
    ));
}
