//! Bytes of the messages that matter most, written out by hand in both encodings.
//!
//! Those of versions that the oracle crate lacks were read and written again by Apache Kafka 4.3.1.

use bytes::Bytes;

use super::{encode, hex};
use crate::api::{
    self, api_versions, describe_log_dirs, describe_topic_partitions, fetch, join_group,
    list_offsets, offset_commit, produce,
};
use crate::record::{self, consumer, metadata, offsets};
use crate::{ApiKey, Decode, Encode, ErrorCode, Records, Uuid, Version, decode_message};

pub(super) const ID: Uuid = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
pub(super) const ID_HEX: &str = "0102030405060708 090a0b0c0d0e0f10";

/// The value is written as these bytes and these bytes are read as the value.
pub(super) fn check<'a, T>(version: Version, value: &T, expected: &'a [u8])
where
    T: Decode<'a> + Encode + PartialEq + std::fmt::Debug,
{
    assert_eq!(encode(value, version), expected, "{value:?}");
    assert_eq!(decode_message::<T>(expected, version).as_ref(), Ok(value));
}

fn version(api: ApiKey, n: i16) -> Version {
    api.version(n).unwrap()
}

#[test]
fn api_versions() {
    let of = |n| version(ApiKey::ApiVersions, n);
    check(of(0), &api_versions::Request::default(), &[]);
    let request = api_versions::Request {
        client_software_name: "kcat",
        client_software_version: "1.7",
    };
    check(of(3), &request, &hex("05 6b636174 04 312e37 00"));

    let row = api_versions::ApiVersion {
        api_key: 18,
        min_version: 0,
        max_version: 4,
    };
    let response = api_versions::Response {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![row],
        ..Default::default()
    };
    check(of(0), &response, &hex("0023 00000001 0012 0000 0004"));
    check(
        of(1),
        &response,
        &hex("0023 00000001 0012 0000 0004 00000000"),
    );
    let featured = api_versions::Response {
        error_code: ErrorCode::NONE,
        supported_features: vec![api_versions::SupportedFeature {
            name: "f".into(),
            min_version: 0,
            max_version: 2,
        }],
        finalized_features_epoch: 7,
        ..response
    };
    // No error; one row and its tags; no throttling; two tagged fields of 8 bytes each.
    let tags = "02 00 08 02 02 66 0000 0002 00 01 08 0000000000000007";
    check(
        of(4),
        &featured,
        &hex(&format!("0000 02 0012 0000 0004 00 00000000 {tags}")),
    );
}

#[test]
fn metadata_by_name_and_by_id() {
    let of = |n| version(ApiKey::Metadata, n);
    let named = metadata_request(Some("ab"), Uuid::nil());
    check(of(0), &named, &hex("00000001 0002 6162"));
    check(of(4), &named, &hex("00000001 0002 6162 01"));
    let by_id = metadata_request(None, ID);
    check(of(12), &by_id, &hex(&format!("02 {ID_HEX} 00 00 01 00 00")));
    let all = api::metadata::Request {
        topics: None,
        ..Default::default()
    };
    check(of(1), &all, &hex("ffffffff"));
    check(of(13), &all, &hex("00 01 00 00"));
}

fn metadata_request(name: Option<&str>, topic_id: Uuid) -> api::metadata::Request<'_> {
    api::metadata::Request {
        topics: Some(vec![api::metadata::Topic { topic_id, name }]),
        ..Default::default()
    }
}

#[test]
fn a_null_that_an_old_version_cannot_say_is_written_empty_and_refused() {
    let nameless = metadata_request(None, Uuid::nil());
    let old = version(ApiKey::Metadata, 9);
    assert_eq!(encode(&nameless, old), hex("02 01 00 01 00 00 00")[..]);
    let read = decode_message::<api::metadata::Request>(&[2, 0, 0, 1, 0, 0, 0], old);
    assert_eq!(read, Err(crate::Error::UnexpectedNull));

    let response = join_group::Response {
        generation_id: 1,
        leader: "l".into(),
        ..Default::default()
    };
    let body = "00000000 0000 00000001 0000 0001 6c 0000 00000000";
    assert_eq!(
        encode(&response, version(ApiKey::JoinGroup, 2)),
        hex(body)[..]
    );
}

#[test]
fn produce() {
    let of = |n| version(ApiKey::Produce, n);
    let partition = produce::Partition {
        index: 3,
        records: Some(b"rec"),
    };
    let mut topic = produce::Topic {
        name: "t",
        topic_id: Uuid::nil(),
        partition_data: vec![partition],
    };
    let mut request = produce::Request {
        transactional_id: None,
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![topic.clone()],
    };
    let classic = "ffff ffff 00007530 00000001 0001 74 00000001 00000003 00000003 726563";
    check(of(3), &request, &hex(classic));
    check(
        of(9),
        &request,
        &hex("00 ffff 00007530 02 02 74 02 00000003 04 726563 00 00 00"),
    );
    (topic.name, topic.topic_id) = ("", ID);
    request.topic_data = vec![topic];
    check(
        of(13),
        &request,
        &hex(&format!(
            "00 ffff 00007530 02 {ID_HEX} 02 00000003 04 726563 00 00 00"
        )),
    );

    let result = produce::PartitionResult {
        index: 3,
        base_offset: 9,
        log_start_offset: 1,
        ..Default::default()
    };
    let topic = produce::TopicResult {
        name: "t".into(),
        partition_responses: vec![result],
        ..Default::default()
    };
    let response = produce::Response {
        responses: vec![topic],
        ..Default::default()
    };
    let head = "00000003 0000 0000000000000009 ffffffffffffffff 0000000000000001";
    check(
        of(7),
        &response,
        &hex(&format!("00000001 0001 74 00000001 {head} 00000000")),
    );
    check(
        of(9),
        &response,
        &hex(&format!("02 02 74 02 {head} 01 00 00 00 00000000 00")),
    );
}

#[test]
fn fetch() {
    let of = |n| version(ApiKey::Fetch, n);
    let partition = fetch::PartitionResult {
        high_watermark: 2,
        last_stable_offset: 2,
        log_start_offset: 0,
        records: Records(vec![Bytes::from_static(b"rec")]),
        ..Default::default()
    };
    let topic = fetch::TopicResult {
        topic: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let mut response = fetch::Response {
        responses: vec![topic],
        ..Default::default()
    };
    let head = "00000000 0000 0000000000000002 0000000000000002";
    let body = format!("00000000 00000001 0001 74 00000001 {head} ffffffff 00000003 726563");
    let mut old = response.clone();
    old.responses[0].partitions[0].log_start_offset = -1;
    check(of(4), &old, &hex(&body));
    // A flexible partition ends with the epochs that are set: here the current leader, tag 1, 9
    // bytes.
    response.responses[0].partitions[0].current_leader = fetch::CurrentLeader {
        leader_id: 1,
        leader_epoch: 5,
    };
    let tail = "0000000000000000 00 ffffffff 04 726563 01 01 09 00000001 00000005 00";
    let body = format!("00000000 0000 00000000 02 02 74 02 {head} {tail} 00 00");
    check(of(12), &response, &hex(&body));
}

#[test]
fn versions_that_only_the_newest_kafka_has() {
    let partition = list_offsets::Partition {
        partition_index: 1,
        current_leader_epoch: -1,
        timestamp: -6,
    };
    let topics = vec![list_offsets::Topic {
        name: "t",
        partitions: vec![partition],
    }];
    let request = list_offsets::Request {
        replica_id: -1,
        isolation_level: 1,
        topics,
        timeout_ms: 5,
    };
    let partition = "00000001 ffffffff fffffffffffffffa 00";
    let body = format!("ffffffff 01 02 02 74 02 {partition} 00 00000005 00");
    check(version(ApiKey::ListOffsets, 11), &request, &hex(&body));

    let partition = offset_commit::Partition {
        committed_offset: 8,
        committed_leader_epoch: 2,
        ..Default::default()
    };
    let topics = vec![offset_commit::Topic {
        name: "",
        topic_id: ID,
        partitions: vec![partition],
    }];
    let request = offset_commit::Request {
        group_id: "g",
        topics,
        ..Default::default()
    };
    let partition = "00000000 0000000000000008 00000002 00 00";
    let body = format!("02 67 ffffffff 01 00 02 {ID_HEX} 02 {partition} 00 00");
    check(version(ApiKey::OffsetCommit, 10), &request, &hex(&body));

    let disk = describe_log_dirs::LogDir {
        log_dir: "d".into(),
        is_cordoned: true,
        ..Default::default()
    };
    let response = describe_log_dirs::Response {
        results: vec![disk],
        ..Default::default()
    };
    let disk = "0000 02 64 01 ffffffffffffffff ffffffffffffffff 01 00";
    check(
        version(ApiKey::DescribeLogDirs, 5),
        &response,
        &hex(&format!("00000000 0000 02 {disk} 00")),
    );
}

#[test]
fn a_structure_that_may_be_null_has_a_byte_in_front() {
    let of = version(ApiKey::DescribeTopicPartitions, 0);
    let mut request = describe_topic_partitions::Request {
        response_partition_limit: 9,
        ..Default::default()
    };
    check(of, &request, &hex("01 00000009 ff 00"));
    request.cursor = Some(describe_topic_partitions::Cursor {
        topic_name: "t",
        partition_index: 4,
    });
    check(of, &request, &hex("01 00000009 01 02 74 00000004 00 00"));
}

#[test]
fn a_position_in_consumer_offsets() {
    let key = offsets::OffsetCommitKey {
        group: "g".into(),
        topic: "t".into(),
        partition: 2,
    };
    let bytes = record::to_bytes(&key, 1).unwrap();
    assert_eq!(bytes, hex("0001 0001 67 0001 74 00000002")[..]);
    assert_eq!(record::peek_version(&bytes), Ok(1));
    assert_eq!(record::from_bytes(&bytes), Ok(key));

    let mut value = offsets::OffsetCommitValue {
        offset: 5,
        commit_timestamp: 6,
        ..Default::default()
    };
    let classic = record::to_bytes(&value, 3).unwrap();
    assert_eq!(
        classic,
        hex("0003 0000000000000005 ffffffff 0000 0000000000000006")[..]
    );
    value.topic_id = ID;
    let flexible = record::to_bytes(&value, 4).unwrap();
    let body = format!("0004 0000000000000005 ffffffff 01 0000000000000006 01 00 10 {ID_HEX}");
    assert_eq!(flexible, hex(&body)[..]);
    assert_eq!(record::from_bytes(&flexible), Ok(value));
}

#[test]
fn a_group_in_consumer_offsets() {
    let key = offsets::GroupMetadataKey { group: "g".into() };
    assert_eq!(record::to_bytes(&key, 2).unwrap(), hex("0002 0001 67")[..]);
    let member = offsets::Member {
        member_id: "m".into(),
        rebalance_timeout: 1,
        session_timeout: 2,
        assignment: b"a"[..].into(),
        ..Default::default()
    };
    let value = offsets::GroupMetadataValue {
        protocol_type: "consumer".into(),
        generation: 3,
        current_state_timestamp: 4,
        members: vec![member],
        ..Default::default()
    };
    let member = "0001 6d ffff 0000 0000 00000001 00000002 00000000 00000001 61";
    let body =
        format!("0003 0008 636f6e73756d6572 00000003 ffff ffff 0000000000000004 00000001 {member}");
    let bytes = record::to_bytes(&value, 3).unwrap();
    assert_eq!(bytes, hex(&body)[..]);
    assert_eq!(record::from_bytes(&bytes), Ok(value));
}

#[test]
fn a_subscription() {
    let owned = consumer::OwnedPartitions {
        topic: "t".into(),
        partitions: vec![0],
    };
    let subscription = consumer::ConsumerProtocolSubscription {
        topics: vec!["t".into()],
        owned_partitions: vec![owned],
        ..Default::default()
    };
    let bytes = record::to_bytes(&subscription, 1).unwrap();
    assert_eq!(
        bytes,
        hex("0001 00000001 0001 74 ffffffff 00000001 0001 74 00000001 00000000")[..]
    );
    assert_eq!(record::from_bytes(&bytes), Ok(subscription));
}

#[test]
fn cluster_metadata_stands_in_a_frame() {
    let topic = metadata::TopicRecord {
        name: "t".into(),
        topic_id: ID,
    };
    let bytes = metadata::to_bytes(&topic, 0).unwrap();
    assert_eq!(bytes, hex(&format!("01 02 00 02 74 {ID_HEX} 00"))[..]);
    assert_eq!(
        metadata::MetadataRecord::from_bytes(&bytes),
        Ok(metadata::MetadataRecord::Topic(topic))
    );

    let refused = |bytes: &[u8], expected| {
        assert_eq!(metadata::MetadataRecord::from_bytes(bytes), Err(expected));
    };
    refused(&[2, 2, 0], crate::Error::UnknownFrameVersion(2));
    refused(&[1, 99, 0], crate::Error::UnknownRecordKey(99));
    refused(
        &[1, 2, 9],
        crate::Error::UnsupportedRecordVersion {
            record: "TopicRecord",
            version: 9,
        },
    );
    refused(&[1, 0x80, 0x80, 4, 0], crate::Error::InvalidVarint);
}
