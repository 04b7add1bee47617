//! Bytes of what share groups say and store, in versions and records that the oracle crate lacks; all
//! of them were written by Apache Kafka 4.3.1.

use bytes::Bytes;

use super::golden::{ID, ID_HEX, check};
use super::hex;
use crate::api::{describe_share_group_offsets, share_acknowledge, share_fetch};
use crate::record::{self, offsets, shares};
use crate::{Api, ErrorCode, Records, Version};

fn newest(api: &Api) -> Version {
    api.encoding(*api.versions.end())
}

#[test]
fn share_fetch() {
    let of = newest(&share_fetch::API);
    let batch = share_fetch::AcknowledgementBatch {
        first_offset: 5,
        last_offset: 6,
        acknowledge_types: vec![1, 4],
    };
    let partition = share_fetch::Partition {
        partition_index: 2,
        acknowledgement_batches: vec![batch],
    };
    let request = share_fetch::Request {
        group_id: Some("g"),
        member_id: Some("m"),
        share_session_epoch: 3,
        max_wait_ms: 500,
        min_bytes: 1,
        max_records: 9,
        batch_size: 4,
        share_acquire_mode: 1,
        is_renew_ack: true,
        topics: vec![share_fetch::Topic {
            topic_id: ID,
            partitions: vec![partition],
        }],
        forgotten_topics_data: vec![share_fetch::ForgottenTopic {
            topic_id: ID,
            partitions: vec![7],
        }],
        ..Default::default()
    };
    let head = "02 67 02 6d 00000003 000001f4 00000001 7fffffff 00000009 00000004 01 01";
    let batch = "0000000000000005 0000000000000006 03 01 04 00";
    let topic = format!("{ID_HEX} 02 00000002 02 {batch} 00 00");
    let forgotten = format!("{ID_HEX} 02 00000007 00");
    let body = format!("{head} 02 {topic} 02 {forgotten} 00");
    check(of, &request, &hex(&body));

    let acquired = share_fetch::AcquiredRecords {
        first_offset: 5,
        last_offset: 6,
        delivery_count: 1,
    };
    let partition = share_fetch::PartitionResult {
        partition_index: 2,
        records: Records(vec![Bytes::from_static(b"rec")]),
        acquired_records: vec![acquired],
        ..Default::default()
    };
    let response = share_fetch::Response {
        acquisition_lock_timeout_ms: 30_000,
        responses: vec![share_fetch::TopicResult {
            topic_id: ID,
            partitions: vec![partition],
        }],
        ..Default::default()
    };
    let acquired = "0000000000000005 0000000000000006 0001 00";
    let partition =
        format!("00000002 0000 00 0000 00 ffffffff ffffffff 00 04 726563 02 {acquired} 00");
    let body = format!("00000000 0000 00 00007530 02 {ID_HEX} 02 {partition} 00 01 00");
    check(of, &response, &hex(&body));
}

#[test]
fn share_acknowledge() {
    let of = newest(&share_acknowledge::API);
    let request = share_acknowledge::Request {
        group_id: Some("g"),
        member_id: Some("m"),
        share_session_epoch: 1,
        is_renew_ack: true,
        topics: Vec::new(),
    };
    check(of, &request, &hex("02 67 02 6d 00000001 01 01 00"));

    let partition = share_acknowledge::PartitionResult {
        partition_index: 2,
        error_code: ErrorCode::INVALID_RECORD_STATE,
        ..Default::default()
    };
    let response = share_acknowledge::Response {
        acquisition_lock_timeout_ms: 30_000,
        responses: vec![share_acknowledge::TopicResult {
            topic_id: ID,
            partitions: vec![partition],
        }],
        ..Default::default()
    };
    let partition = "00000002 0079 00 ffffffff ffffffff 00 00";
    let body = format!("00000000 0000 00 00007530 02 {ID_HEX} 02 {partition} 00 01 00");
    check(of, &response, &hex(&body));
}

#[test]
fn where_a_share_group_stands() {
    let partition = describe_share_group_offsets::PartitionResult {
        partition_index: 2,
        start_offset: 8,
        leader_epoch: 1,
        lag: 3,
        ..Default::default()
    };
    let topic = describe_share_group_offsets::TopicResult {
        topic_name: "t".into(),
        topic_id: ID,
        partitions: vec![partition],
    };
    let group = describe_share_group_offsets::GroupResult {
        group_id: "g".into(),
        topics: vec![topic],
        ..Default::default()
    };
    let response = describe_share_group_offsets::Response {
        groups: vec![group],
        ..Default::default()
    };
    let partition = "00000002 0000000000000008 00000001 0000000000000003 0000 00 00";
    let topic = format!("02 74 {ID_HEX} 02 {partition} 00");
    let body = format!("00000000 02 02 67 02 {topic} 0000 00 00 00");
    let of = newest(&describe_share_group_offsets::API);
    check(of, &response, &hex(&body));
}

#[test]
fn a_snapshot_and_an_update_in_share_group_state() {
    let key = shares::ShareSnapshotKey {
        group_id: "g".into(),
        topic_id: ID,
        partition: 2,
    };
    let bytes = record::to_bytes(&key, 0).unwrap();
    assert_eq!(bytes, hex(&format!("0000 0001 67 {ID_HEX} 00000002"))[..]);
    assert_eq!(record::from_bytes(&bytes), Ok(key.clone()));
    let update = shares::ShareUpdateKey {
        group_id: key.group_id,
        topic_id: key.topic_id,
        partition: key.partition,
    };
    let bytes = record::to_bytes(&update, 1).unwrap();
    assert_eq!(bytes, hex(&format!("0001 0001 67 {ID_HEX} 00000002"))[..]);

    let batch = shares::StateBatch {
        first_offset: 5,
        last_offset: 5,
        delivery_state: 2,
        delivery_count: 1,
    };
    let batch_hex = "0000000000000005 0000000000000005 02 0001 00";
    let snapshot = shares::ShareSnapshotValue {
        snapshot_epoch: 1,
        state_epoch: 2,
        leader_epoch: 3,
        start_offset: 4,
        create_timestamp: 5,
        write_timestamp: 6,
        state_batches: vec![batch.clone()],
        delivery_complete_count: 1,
        dead: 0,
    };
    let head = "00000001 00000002 00000003 0000000000000004 0000000000000005 0000000000000006";
    let body = format!("0000 {head} 02 {batch_hex} 01 00 04 00000001");
    let bytes = record::to_bytes(&snapshot, 0).unwrap();
    assert_eq!(bytes, hex(&body)[..]);
    assert_eq!(record::from_bytes(&bytes), Ok(snapshot));

    let update = shares::ShareUpdateValue {
        snapshot_epoch: 1,
        leader_epoch: 3,
        start_offset: -1,
        state_batches: vec![batch],
        ..Default::default()
    };
    let body = format!("0000 00000001 00000003 ffffffffffffffff 02 {batch_hex} 00");
    let bytes = record::to_bytes(&update, 0).unwrap();
    assert_eq!(bytes, hex(&body)[..]);
    assert_eq!(record::from_bytes(&bytes), Ok(update));
}

#[test]
fn a_share_group_in_consumer_offsets() {
    let key = offsets::ShareGroupMetadataKey { group: "g".into() };
    assert_eq!(record::to_bytes(&key, 11).unwrap(), hex("000b 0001 67")[..]);
    let value = offsets::ShareGroupMetadataValue {
        epoch: 3,
        metadata_hash: 7,
    };
    let bytes = record::to_bytes(&value, 0).unwrap();
    assert_eq!(bytes, hex("0000 00000003 0000000000000007 00")[..]);
    assert_eq!(record::from_bytes(&bytes), Ok(value));
}
