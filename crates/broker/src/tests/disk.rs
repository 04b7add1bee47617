//! What clients see when the disk is full, and when it fails.

use millstream_store::disk::faulty::{Fault, FaultyDisk, Op};
use millstream_wire::api::delete_records::{Partition, Request, Response, Topic};
use millstream_wire::api::offset_fetch;
use millstream_wire::{ApiKey, ErrorCode};

use super::topics::delete;
use super::traffic::{append, batches, from, sent, values};
use crate::testing::{NOW_MS, TestBroker};

async fn produced(broker: &TestBroker, topic: &str) -> ErrorCode {
    let batch = sent(values(&["0123456789"; 50]));
    broker
        .produce(&append(topic, 0, -1, &batch))
        .await
        .error_code
}

async fn deleted_records(broker: &TestBroker, name: &str) -> ErrorCode {
    let all = Partition {
        partition_index: 0,
        offset: -1,
    };
    let partitions = vec![all];
    let request = Request {
        topics: vec![Topic { name, partitions }],
        ..Request::default()
    };
    let response: Response<'_> = broker.call(ApiKey::DeleteRecords, 2, &request).await;
    response.topics[0].partitions[0].error_code
}

async fn offsets_of_a_group(broker: &TestBroker) -> ErrorCode {
    let request = offset_fetch::Request {
        group_id: "g",
        ..offset_fetch::Request::default()
    };
    let response: offset_fetch::Response<'_> = broker.call(ApiKey::OffsetFetch, 7, &request).await;
    response.error_code
}

/// A broker with two topics on a disk that has not a byte left.
async fn full(disk: &FaultyDisk) -> TestBroker {
    let broker = TestBroker::start_over(disk).await;
    for name in ["a", "b"] {
        broker.topic(name, 1, &[]).await;
        assert_eq!(produced(&broker, name).await, ErrorCode::NONE);
    }
    // The group's log is made when somebody asks for a group first.
    assert_eq!(offsets_of_a_group(&broker).await, ErrorCode::NONE);
    disk.set_room(Some(10_000));
    while produced(&broker, "a").await == ErrorCode::NONE {}
    disk.set_room(Some(0));
    broker
}

#[tokio::test]
async fn a_full_disk_refuses_produce_while_reading_goes_on() {
    let disk = FaultyDisk::default();
    let broker = full(&disk).await;
    for topic in ["a", "b"] {
        let refused = ErrorCode::KAFKA_STORAGE_ERROR;
        assert_eq!(produced(&broker, topic).await, refused);
        let topic = broker.broker.catalog().topic(topic).unwrap();
        let read = broker.fetch_one(12, &from(&topic, 0, 0)).await;
        assert_eq!(read.error_code, ErrorCode::NONE);
        assert!(!batches(&read).is_empty());
    }
    assert_eq!(offsets_of_a_group(&broker).await, ErrorCode::NONE);
}

#[tokio::test]
async fn a_full_disk_is_freed_by_deleting_records_and_takes_appends_again_by_itself() {
    let disk = FaultyDisk::default();
    let broker = full(&disk).await;
    assert_eq!(deleted_records(&broker, "a").await, ErrorCode::NONE);
    disk.set_room(Some(1 << 20));
    broker.broker.store().maintain(NOW_MS).await;
    assert_eq!(produced(&broker, "a").await, ErrorCode::NONE);
}

#[tokio::test]
async fn a_full_disk_is_freed_by_deleting_a_topic_and_takes_appends_again_by_itself() {
    let disk = FaultyDisk::default();
    let broker = full(&disk).await;
    delete(&broker, "a").await;
    disk.set_room(Some(1 << 20));
    broker.broker.store().maintain(NOW_MS).await;
    assert_eq!(produced(&broker, "b").await, ErrorCode::NONE);
}

#[tokio::test]
async fn a_failed_sync_is_told_as_a_storage_error_and_reading_goes_on() {
    let disk = FaultyDisk::default();
    let broker = TestBroker::start_over(&disk).await;
    let topic = broker.topic("a", 1, &[]).await;
    broker.topic("b", 1, &[]).await;
    broker.append("a", values(&["kept"])).await;
    disk.inject(Fault::from(Op::Sync, 0));
    let refused = ErrorCode::KAFKA_STORAGE_ERROR;
    assert_eq!(produced(&broker, "a").await, refused);
    disk.heal(Op::Sync);
    assert_eq!(
        produced(&broker, "a").await,
        refused,
        "it is not tried again"
    );
    let read = broker.fetch_one(12, &from(&topic, 0, 0)).await;
    assert_eq!(batches(&read).len(), 1);
    assert_eq!(
        produced(&broker, "b").await,
        ErrorCode::NONE,
        "only one partition failed"
    );
}
