//! What readers of committed records are shown, each over raw frames against a real store. Transactions are written into
//! the log directly: how they are begun and ended is for others to try.

use std::sync::Arc;

use millstream_batch::{Batch, Builder, Marker, Outcome};
use millstream_store::{Ack, AppendMode, Partition};
use millstream_wire::api::fetch::{PartitionResult, Request};
use millstream_wire::api::{describe_producers, list_offsets};
use millstream_wire::{ApiKey, ErrorCode};

use super::shares::{Consumer, FROM_START, configure};
use super::traffic::{batches, from, values};
use crate::Topic;
use crate::testing::TestBroker;

/// Newest version of Fetch that names topics.
const V: i16 = 12;
const COMMITTED: i8 = 1;

fn partition(broker: &TestBroker) -> Arc<Partition> {
    let topic = broker.broker.catalog().topic("t").unwrap();
    Arc::clone(topic.partition(0).unwrap())
}

async fn write(broker: &TestBroker, batch: Batch, mode: AppendMode) -> i64 {
    let partition = partition(broker);
    let appended = partition.append(batch, mode, 0).unwrap();
    let durable = partition.wait(appended.next_offset(), Ack::Durable);
    durable.await.unwrap();
    appended.base_offset
}

/// A transactional batch of one record, the `sequence`th of its producer.
async fn send(broker: &TestBroker, producer: i64, sequence: i32) -> i64 {
    let batch = values(&["x"]).producer(producer, 0, sequence);
    let batch = Builder::transactional(batch).build().unwrap();
    write(broker, batch, AppendMode::Client).await
}

async fn end(broker: &TestBroker, producer_id: i64, outcome: Outcome) -> i64 {
    let marker = Marker {
        producer_id,
        producer_epoch: 0,
        coordinator_epoch: 4,
        outcome,
    };
    write(broker, marker.batch(0).unwrap(), AppendMode::Internal).await
}

async fn broker_with_topic() -> (TestBroker, Arc<Topic>) {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    (broker, topic)
}

fn asking(topic: &Topic, offset: i64, isolation_level: i8) -> Request<'_> {
    Request {
        isolation_level,
        ..from(topic, 0, offset)
    }
}

async fn fetch(broker: &TestBroker, topic: &Topic, offset: i64, level: i8) -> PartitionResult {
    broker.fetch_one(V, &asking(topic, offset, level)).await
}

fn offsets(result: &PartitionResult) -> Vec<i64> {
    let batches = batches(result);
    let offsets = batches.iter().map(|batch| batch.header().base_offset);
    offsets.collect()
}

/// Producer and first offset of each transaction that is listed.
fn listed(result: &PartitionResult) -> Option<Vec<(i64, i64)>> {
    let listed = result.aborted_transactions.as_ref()?;
    let pair = listed.iter().map(|one| (one.producer_id, one.first_offset));
    Some(pair.collect())
}

/// The latest offset there is for a reader of this level.
async fn latest(broker: &TestBroker, isolation_level: i8, timestamp: i64) -> i64 {
    let request = list_offsets::Request {
        isolation_level,
        topics: vec![list_offsets::Topic {
            name: "t",
            partitions: vec![list_offsets::Partition {
                timestamp,
                ..list_offsets::Partition::default()
            }],
        }],
        ..list_offsets::Request::default()
    };
    let answer: list_offsets::Response<'_> = broker.call(ApiKey::ListOffsets, 7, &request).await;
    answer.topics[0].partitions[0].offset
}

// AK storage/…/log/ProducerStateManager.java
#[tokio::test]
async fn an_open_transaction_is_known_again_after_a_restart_and_a_crash() {
    let (broker, _) = broker_with_topic().await;
    broker.append("t", values(&["a"])).await;
    send(&broker, 7, 0).await;
    end(&broker, 7, Outcome::Commit).await;
    send(&broker, 7, 1).await;
    let broker = broker.restart().await;
    let check = async |broker: &TestBroker| {
        let request = describe_producers::Request {
            topics: vec![describe_producers::Topic {
                name: "t",
                partition_indexes: vec![0],
            }],
        };
        let answer: describe_producers::Response<'_> =
            broker.call(ApiKey::DescribeProducers, 0, &request).await;
        let [producer] = &answer.topics[0].partitions[0].active_producers[..] else {
            panic!("one producer expected");
        };
        assert_eq!((producer.producer_id, producer.last_sequence), (7, 1));
        assert_eq!(producer.coordinator_epoch, 4);
        assert_eq!(producer.current_txn_start_offset, 3);
        assert_eq!(latest(broker, COMMITTED, -1).await, 3);
    };
    check(&broker).await;
    let broker = broker.crash().await;
    check(&broker).await;
    end(&broker, 7, Outcome::Abort).await;
    assert_eq!(latest(&broker, COMMITTED, -1).await, 5);
}

// AK `KafkaApis.scala`.
#[tokio::test]
async fn producers_of_partitions_that_are_not_there_are_refused_each_by_itself() {
    let (broker, _) = broker_with_topic().await;
    let cases = [
        ("t", 0, ErrorCode::NONE),
        ("t", 9, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ("absent", 0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ("not a name", 0, ErrorCode::INVALID_TOPIC_EXCEPTION),
    ];
    let topics = cases.map(|(name, index, _)| describe_producers::Topic {
        name,
        partition_indexes: vec![index],
    });
    let request = describe_producers::Request {
        topics: topics.into(),
    };
    let answer: describe_producers::Response<'_> =
        broker.call(ApiKey::DescribeProducers, 0, &request).await;
    for ((name, _, expected), topic) in cases.iter().zip(&answer.topics) {
        assert_eq!(topic.partitions[0].error_code, *expected, "{name}");
    }
}

// AK core/…/UnifiedLog.scala
#[tokio::test]
async fn committed_reading_stops_where_the_first_transaction_is_not_decided() {
    let (broker, topic) = broker_with_topic().await;
    send(&broker, 1, 0).await; // 0
    end(&broker, 1, Outcome::Commit).await; // 1
    send(&broker, 2, 0).await; // 2
    broker.append("t", values(&["a"])).await; // 3
    let committed = fetch(&broker, &topic, 0, COMMITTED).await;
    assert_eq!(offsets(&committed), [0, 1]);
    assert_eq!(
        (committed.last_stable_offset, committed.high_watermark),
        (2, 4)
    );
    let all = fetch(&broker, &topic, 0, 0).await;
    assert_eq!(offsets(&all), [0, 1, 2, 3]);
    assert_eq!(all.last_stable_offset, 2);
    end(&broker, 2, Outcome::Commit).await; // 4
    let committed = fetch(&broker, &topic, 2, COMMITTED).await;
    assert_eq!(offsets(&committed), [2, 3, 4]);
    assert_eq!(listed(&committed), Some(vec![]));
}

// AK core/…/UnifiedLog.scala, FG pkg/kgo/source.go
#[tokio::test]
async fn aborted_transactions_are_listed_by_first_offset_and_for_committed_readers_alone() {
    let (broker, topic) = broker_with_topic().await;
    send(&broker, 1, 0).await; // 0
    send(&broker, 2, 0).await; // 1
    send(&broker, 3, 0).await; // 2
    end(&broker, 3, Outcome::Commit).await; // 3
    end(&broker, 2, Outcome::Abort).await; // 4
    end(&broker, 1, Outcome::Abort).await; // 5
    let committed = fetch(&broker, &topic, 0, COMMITTED).await;
    assert_eq!(offsets(&committed), [0, 1, 2, 3, 4, 5]);
    assert_eq!(listed(&committed), Some(vec![(1, 0), (2, 1)]));
    assert_eq!(listed(&fetch(&broker, &topic, 0, 0).await), None);
}

// AK storage/…/log/TransactionIndex.java
#[tokio::test]
async fn an_aborted_transaction_is_listed_with_every_fetch_that_it_overlaps() {
    let (broker, topic) = broker_with_topic().await;
    broker.append("t", values(&["a"])).await; // 0
    for sequence in 0..3 {
        send(&broker, 1, sequence).await; // 1, 2, 3
    }
    end(&broker, 1, Outcome::Abort).await; // 4
    broker.append("t", values(&["b"])).await; // 5
    let one_batch = async |broker: &TestBroker, offset| {
        let mut request = asking(&topic, offset, COMMITTED);
        request.max_bytes = 1;
        let result = broker.fetch_one(V, &request).await;
        assert_eq!(offsets(&result), [offset]);
        listed(&result).unwrap()
    };
    for (offset, expected) in [
        (0, vec![]),
        (1, vec![(1, 1)]),
        (2, vec![(1, 1)]),
        (3, vec![(1, 1)]),
        (4, vec![(1, 1)]),
        (5, vec![]),
    ] {
        assert_eq!(one_batch(&broker, offset).await, expected, "{offset}");
    }
    // The past is read from the disk.
    let broker = broker.restart().await;
    assert_eq!(one_batch(&broker, 2).await, [(1, 1)]);
}

// AK core/…/KafkaApis.scala
#[tokio::test]
async fn the_latest_offset_of_committed_readers_is_the_last_stable_one() {
    let (broker, _) = broker_with_topic().await;
    broker.append("t", values(&["a"])).await;
    send(&broker, 1, 0).await;
    broker.append("t", values(&["b"])).await;
    assert_eq!(latest(&broker, 0, -1).await, 3);
    assert_eq!(latest(&broker, COMMITTED, -1).await, 1);
    // What is not visible yet is found by no time either.
    assert_eq!(latest(&broker, 0, -3).await, 0);
    assert_eq!(latest(&broker, COMMITTED, i64::MAX).await, -1);
    end(&broker, 1, Outcome::Abort).await;
    assert_eq!(latest(&broker, COMMITTED, -1).await, 4);
}

#[tokio::test]
async fn a_committed_long_poll_sleeps_through_open_transactions_and_wakes_with_the_marker() {
    let (broker, topic) = broker_with_topic().await;
    send(&broker, 1, 0).await;
    let request = Request {
        max_wait_ms: i32::MAX,
        min_bytes: 1,
        ..asking(&topic, 0, COMMITTED)
    };
    let decide = async {
        send(&broker, 1, 1).await;
        end(&broker, 1, Outcome::Abort).await
    };
    let (result, marker) = tokio::join!(broker.fetch_one(V, &request), decide);
    assert_eq!((offsets(&result), marker), (vec![0, 1, 2], 2));
    assert_eq!(listed(&result), Some(vec![(1, 0)]));
}

#[tokio::test]
async fn a_share_group_of_committed_readers_is_given_nothing_that_was_aborted() {
    let (broker, topic) = broker_with_topic().await;
    let committed = ("share.isolation.level", "read_committed");
    configure(&broker, "g", &[FROM_START, committed]).await;
    configure(&broker, "all", &[FROM_START]).await;
    send(&broker, 1, 0).await; // 0
    broker.append("t", values(&["a"])).await; // 1
    send(&broker, 2, 0).await; // 2
    end(&broker, 1, Outcome::Abort).await; // 3
    let mut consumer = Consumer::new(&broker, &topic, "m");
    assert_eq!(consumer.fetch(10).await, [(1, 1, 1)]);
    end(&broker, 2, Outcome::Commit).await; // 4
    assert_eq!(consumer.fetch(10).await, [(2, 2, 1)]);
    assert_eq!(
        consumer.acknowledge(&[(1, 2, &[1, 1])]).await,
        ErrorCode::NONE
    );
    broker.append("t", values(&["b"])).await; // 5
    assert_eq!(consumer.fetch(10).await, [(5, 5, 1)]);
    let mut other = Consumer::of("all", &broker, &topic, "m");
    let given: Vec<i64> = other.fetch(10).await.iter().map(|one| one.0).collect();
    assert_eq!(given.first(), Some(&0), "{given:?}");
}
