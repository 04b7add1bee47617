//! Promises of Fetch, each over raw frames against a real store.

use millstream_batch::{Batches, Builder, Codec};
use millstream_store::Store;
use millstream_wire::api::fetch::{ForgottenTopic, Request, Response};
use millstream_wire::{ApiKey, ErrorCode};

use super::traffic::{append, batches, from, position, sent, values};
use crate::Topic;
use crate::testing::{TestBroker, frame};

/// Newest version that names topics.
const V: i16 = 12;

async fn broker_with(batches: Vec<Builder>) -> (TestBroker, std::sync::Arc<Topic>) {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    for batch in batches {
        broker.append("t", batch).await;
    }
    (broker, topic)
}

fn session<'a>(
    id: i32,
    epoch: i32,
    topics: Vec<millstream_wire::api::fetch::Topic<'a>>,
) -> Request<'a> {
    Request {
        session_id: id,
        session_epoch: epoch,
        topics,
        ..Request::default()
    }
}

fn partitions(response: &Response<'_>) -> Vec<(i32, ErrorCode)> {
    let partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions);
    partitions
        .map(|p| (p.partition_index, p.error_code))
        .collect()
}

// tansu-io/tansu compat/franz-go/FINDINGS.md
#[tokio::test]
async fn an_offset_inside_a_batch_returns_the_whole_batch() {
    let (broker, topic) = broker_with(vec![values(&["a", "b", "c"]), values(&["d"])]).await;
    let found = batches(&broker.fetch_one(V, &from(&topic, 0, 1)).await);
    let offsets: Vec<i64> = found
        .iter()
        .map(|batch| batch.header().base_offset)
        .collect();
    assert_eq!(offsets, [0, 3]);
}

// KIP-74
#[tokio::test]
async fn one_byte_still_returns_one_batch_and_no_more() {
    let (broker, topic) = broker_with(vec![values(&["a"]), values(&["b"])]).await;
    let mut request = from(&topic, 0, 0);
    request.max_bytes = 1;
    request.topics[0].partitions[0].partition_max_bytes = 1;
    assert_eq!(batches(&broker.fetch_one(V, &request).await).len(), 1);
}

#[tokio::test]
async fn an_answer_is_bounded_by_its_limit_and_not_by_the_number_of_partitions() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 20, &[]).await;
    let batch = sent(values(&["x".repeat(10_000).as_str()]));
    for index in 0..20 {
        broker.produce(&append("t", index, -1, &batch)).await;
    }
    let request = Request {
        max_bytes: 25_000,
        topics: (0..20).map(|index| position(&topic, index, 0)).collect(),
        ..Request::default()
    };
    let response = broker.fetch(V, &request).await;
    let sizes = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions);
    let sizes: Vec<usize> = sizes.map(|partition| partition.records.len()).collect();
    assert_eq!(sizes.len(), 20);
    assert_eq!(sizes.iter().filter(|size| **size > 0).count(), 2);
}

#[tokio::test]
async fn answers_that_are_not_taken_bound_the_next_to_one_batch() {
    let broker = TestBroker::start_with(&[("queued.max.response.bytes", "50000")]).await;
    let topic = broker.topic("t", 1, &[]).await;
    for _ in 0..5 {
        let value = "x".repeat(10_000);
        broker.append("t", values(&[&value])).await;
    }
    let request = from(&topic, 0, 0);
    let whole = async || broker.send(frame(ApiKey::Fetch.key(), V, &request)).await;
    let count = async || batches(&broker.fetch_one(V, &request).await).len();
    let not_taken = whole().await.unwrap();
    assert_eq!(count().await, 1);
    drop(not_taken);
    assert_eq!(count().await, 4);
    assert_eq!(count().await, 4, "what was answered has been given back");
}

#[tokio::test]
async fn a_read_outside_of_the_log_is_out_of_range_and_one_at_its_end_is_empty() {
    let (broker, topic) = broker_with(vec![values(&["a"])]).await;
    for (offset, expected) in [
        (-1, ErrorCode::OFFSET_OUT_OF_RANGE),
        (1, ErrorCode::NONE),
        (2, ErrorCode::OFFSET_OUT_OF_RANGE),
    ] {
        let result = broker.fetch_one(V, &from(&topic, 0, offset)).await;
        assert_eq!(result.error_code, expected, "offset {offset}");
        assert!(result.records.is_empty());
    }
}

#[tokio::test]
async fn every_version_is_answered() {
    let (broker, topic) = broker_with(vec![values(&["a"])]).await;
    for version in ApiKey::Fetch.versions() {
        let result = broker.fetch_one(version, &from(&topic, 0, 0)).await;
        assert_eq!(batches(&result).len(), 1, "version {version}");
        assert_eq!((result.high_watermark, result.last_stable_offset), (1, 1));
    }
}

#[tokio::test]
async fn a_long_poll_wakes_when_records_arrive() {
    let (broker, topic) = broker_with(vec![]).await;
    let request = Request {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        ..from(&topic, 0, 0)
    };
    let (result, offset) = tokio::join!(
        broker.fetch_one(V, &request),
        broker.append("t", values(&["a"]))
    );
    assert_eq!(offset, 0);
    assert_eq!(batches(&result).len(), 1);
}

#[tokio::test]
async fn a_long_poll_over_many_partitions_wakes_by_any_of_them() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 50, &[]).await;
    let request = Request {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        topics: (0..50).map(|index| position(&topic, index, 0)).collect(),
        ..Request::default()
    };
    let batch = sent(values(&["a"]));
    let last = append("t", 49, -1, &batch);
    let (response, _) = tokio::join!(broker.fetch(V, &request), broker.produce(&last));
    let found = &response.responses[0].partitions[49];
    assert_eq!(batches(found).len(), 1);
}

#[tokio::test]
async fn a_long_poll_waits_for_enough_bytes() {
    let (broker, topic) = broker_with(vec![]).await;
    let size = sent(values(&["a"])).len() as i32;
    let request = Request {
        max_wait_ms: i32::MAX,
        min_bytes: 3 * size,
        ..from(&topic, 0, 0)
    };
    let produce = async {
        for _ in 0..3 {
            broker.append("t", values(&["a"])).await;
        }
    };
    let (result, ()) = tokio::join!(broker.fetch_one(V, &request), produce);
    assert_eq!(batches(&result).len(), 3);
}

#[tokio::test]
async fn a_long_poll_ends_when_its_time_is_up() {
    let (broker, topic) = broker_with(vec![values(&["a"])]).await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let request = Request {
        max_wait_ms: 500,
        min_bytes: i32::MAX,
        ..from(&topic, 0, 0)
    };
    let result = broker.fetch_one(V, &request).await;
    assert!(begun.elapsed().as_millis() >= 500);
    assert_eq!(batches(&result).len(), 1);
}

#[tokio::test]
async fn an_error_is_not_kept_waiting() {
    let (broker, topic) = broker_with(vec![]).await;
    let request = Request {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        topics: vec![position(&topic, 0, 0), position(&topic, 7, 0)],
        ..Request::default()
    };
    let response = broker.fetch(V, &request).await;
    let expected = [
        (0, ErrorCode::NONE),
        (7, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    ];
    assert_eq!(partitions(&response), expected);
}

#[tokio::test]
async fn leader_epochs_are_checked_and_the_current_leader_is_named() {
    let (broker, topic) = broker_with(vec![values(&["a"])]).await;
    let first = topic.partition(0).unwrap().leader_epoch();
    let broker = broker.crash().await;
    let topic = broker.broker.catalog().topic("t").unwrap();
    let current = topic.partition(0).unwrap().leader_epoch();
    assert!(current > first);
    for (epoch, expected, leader) in [
        (-1, ErrorCode::NONE, -1),
        (current, ErrorCode::NONE, -1),
        (first, ErrorCode::FENCED_LEADER_EPOCH, 1),
        (current + 1, ErrorCode::UNKNOWN_LEADER_EPOCH, -1),
    ] {
        let mut request = from(&topic, 0, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let response = broker.fetch(16, &request).await;
        let result = &response.responses[0].partitions[0];
        assert_eq!(result.error_code, expected);
        assert_eq!(result.current_leader.leader_id, leader);
        let named = response.node_endpoints.iter().any(|node| node.node_id == 1);
        assert_eq!(named, leader == 1);
    }
}

#[tokio::test]
async fn a_long_poll_is_answered_when_the_broker_is_to_stop() {
    let (broker, topic) = broker_with(vec![]).await;
    let request = Request {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        ..from(&topic, 0, 0)
    };
    let drain = async { broker.broker.drain() };
    let (result, ()) = tokio::join!(broker.fetch_one(V, &request), drain);
    assert_eq!(result.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn zstd_is_not_sent_to_clients_too_old_for_it() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    broker.append("t", values(&["plain"])).await;
    broker
        .append("t", values(&["packed"]).compression(Codec::Zstd))
        .await;
    let old = broker.fetch_one(9, &from(&topic, 0, 0)).await;
    assert_eq!((old.error_code, batches(&old).len()), (ErrorCode::NONE, 1));
    let stuck = broker.fetch_one(9, &from(&topic, 0, 1)).await;
    assert_eq!(stuck.error_code, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    assert_eq!(
        batches(&broker.fetch_one(10, &from(&topic, 0, 0)).await).len(),
        2
    );
}

#[tokio::test]
async fn a_client_that_read_another_log_learns_where_they_part() {
    let (broker, topic) = broker_with(vec![values(&["a", "b"])]).await;
    let epoch = topic.partition(0).unwrap().leader_epoch();
    let mut request = from(&topic, 0, 5);
    request.topics[0].partitions[0].last_fetched_epoch = epoch;
    let result = broker.fetch_one(V, &request).await;
    assert_eq!(result.error_code, ErrorCode::NONE);
    assert_eq!(
        (
            result.diverging_epoch.epoch,
            result.diverging_epoch.end_offset
        ),
        (epoch, 2)
    );
}

// AK core/…/UnifiedLog.scala
#[tokio::test]
async fn only_readers_of_committed_records_get_a_list_of_aborted_ones() {
    let (broker, topic) = broker_with(vec![values(&["a"])]).await;
    for (isolation_level, expected) in [(0, None), (1, Some(vec![]))] {
        let request = Request {
            isolation_level,
            ..from(&topic, 0, 0)
        };
        let result = broker.fetch_one(V, &request).await;
        assert_eq!(result.aborted_transactions, expected);
        assert_eq!(batches(&result).len(), 1);
    }
}

// AK core/…/FetchSession.scala
#[tokio::test]
async fn an_incremental_fetch_without_change_returns_no_partitions() {
    let (broker, topic) = broker_with(vec![values(&["a"])]).await;
    let first = broker
        .fetch(V, &session(0, 0, vec![position(&topic, 0, 0)]))
        .await;
    let id = first.session_id;
    assert_ne!(id, 0);
    assert_eq!(partitions(&first), [(0, ErrorCode::NONE)]);
    let second = broker
        .fetch(V, &session(id, 1, vec![position(&topic, 0, 1)]))
        .await;
    assert_eq!((second.session_id, partitions(&second)), (id, vec![]));
    broker.append("t", values(&["b"])).await;
    let third = broker.fetch(V, &session(id, 2, vec![])).await;
    assert_eq!(partitions(&third), [(0, ErrorCode::NONE)]);
}

// AK core/…/FetchSession.scala
#[tokio::test]
async fn wrong_sessions_and_epochs_are_refused() {
    let (broker, topic) = broker_with(vec![]).await;
    let opened = broker
        .fetch(V, &session(0, 0, vec![position(&topic, 0, 0)]))
        .await;
    let id = opened.session_id;
    let cases = [
        (V, id ^ 1, 1, ErrorCode::FETCH_SESSION_ID_NOT_FOUND),
        (V, id, 2, ErrorCode::INVALID_FETCH_SESSION_EPOCH),
        (13, id, 1, ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR),
    ];
    for (version, id, epoch, expected) in cases {
        let response = broker.fetch(version, &session(id, epoch, vec![])).await;
        assert_eq!(
            (response.error_code, response.responses.len()),
            (expected, 0)
        );
    }
}

#[tokio::test]
async fn forgotten_partitions_leave_the_session() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 2, &[]).await;
    let both = vec![position(&topic, 0, 0), position(&topic, 1, 0)];
    let id = broker.fetch(V, &session(0, 0, both)).await.session_id;
    let request = Request {
        forgotten_topics_data: vec![ForgottenTopic {
            topic: "t",
            topic_id: topic.id,
            partitions: vec![0],
        }],
        ..session(id, 1, vec![])
    };
    broker.fetch(V, &request).await;
    let batch = sent(values(&["a"]));
    for index in 0..2 {
        broker.produce(&append("t", index, -1, &batch)).await;
    }
    let next = broker.fetch(V, &session(id, 2, vec![])).await;
    assert_eq!(partitions(&next), [(1, ErrorCode::NONE)]);
}

#[tokio::test]
async fn no_partition_of_a_session_starves() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 3, &[]).await;
    let batch = sent(values(&["a"]));
    for index in 0..3 {
        for _ in 0..2 {
            broker.produce(&append("t", index, -1, &batch)).await;
        }
    }
    let positions = (0..3).map(|index| position(&topic, index, 0)).collect();
    let small = |request: Request<'static>| Request {
        max_bytes: 1,
        ..request
    };
    let opening = Request {
        max_bytes: 1,
        ..session(0, 0, positions)
    };
    let mut response = broker.fetch(V, &opening).await;
    let mut served = Vec::new();
    for epoch in 1..4 {
        let full = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions);
        served.extend(
            full.filter(|p| !p.records.is_empty())
                .map(|p| p.partition_index),
        );
        response = broker
            .fetch(V, &small(session(response.session_id, epoch, vec![])))
            .await;
    }
    assert_eq!(served, [0, 1, 2]);
}

// KIP-516
#[tokio::test]
async fn a_recreated_topic_is_not_mistaken_for_its_predecessor() {
    let broker = TestBroker::start().await;
    let old = broker.topic("t", 1, &[]).await;
    let opened = broker
        .fetch(13, &session(0, 0, vec![position(&old, 0, 0)]))
        .await;
    broker.broker.catalog().delete_topic(old.id).await.unwrap();
    let without = broker.fetch_one(13, &from(&old, 0, 0)).await;
    assert_eq!(without.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    let new = broker.topic("t", 1, &[]).await;
    assert_ne!(new.id, old.id);
    let without = broker.fetch_one(13, &from(&old, 0, 0)).await;
    assert_eq!(without.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    let within = broker
        .fetch(13, &session(opened.session_id, 1, vec![]))
        .await;
    assert_eq!(partitions(&within), [(0, ErrorCode::INCONSISTENT_TOPIC_ID)]);
}

/// Changes the last byte of a topic's second batch, where every batch has the size of the first.
fn damage_second_batch(store: &Store, topic: &Topic) {
    let dir = store.dir().join(format!("topics/{}/0", topic.id));
    let segment = dir.join(format!("{:020}.log", 0));
    let mut bytes = std::fs::read(&segment).unwrap();
    let size = Batches::new(&bytes).next().unwrap().unwrap().bytes.len();
    bytes[2 * size - 1] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
}

#[tokio::test]
async fn damage_in_old_records_fails_the_fetch_of_them_and_nothing_else() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 2, &[]).await;
    for value in ["a", "b", "c"] {
        broker.append("t", values(&[value])).await;
    }
    broker
        .produce(&append("t", 1, -1, &sent(values(&["d"]))))
        .await;
    let meddle = |store: &Store| damage_second_batch(store, &topic);
    let broker = broker.restart_after(meddle).await;

    let request = Request {
        topics: vec![position(&topic, 0, 1), position(&topic, 1, 0)],
        ..Request::default()
    };
    let response = broker.fetch(V, &request).await;
    let expected = [(0, ErrorCode::CORRUPT_MESSAGE), (1, ErrorCode::NONE)];
    assert_eq!(partitions(&response), expected);
    for (offset, values) in [(0, 1), (2, 1)] {
        let found = broker.fetch_one(V, &from(&topic, 0, offset)).await;
        assert_eq!(found.error_code, ErrorCode::NONE, "from {offset}");
        assert_eq!(batches(&found).len(), values, "from {offset}");
    }
    assert_eq!(broker.append("t", values(&["e"])).await, 3);
}
