//! Bytes of what consumer groups say and store; all of them were written by Apache Kafka 4.3.1.

use std::fmt::Debug;

use super::golden::{ID, ID_HEX, check};
use super::hex;
use crate::Decode;
use crate::api::{consumer_group_describe, consumer_group_heartbeat};
use crate::record::consumer_group::*;
use crate::record::{self, Record};

#[test]
fn a_heartbeat_with_everything_that_a_member_can_say() {
    let request = consumer_group_heartbeat::Request {
        group_id: "g",
        member_id: "m",
        member_epoch: 3,
        instance_id: Some("i"),
        rack_id: None,
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t"]),
        subscribed_topic_regex: Some("a.*"),
        server_assignor: Some("uniform"),
        topic_partitions: Some(vec![consumer_group_heartbeat::Owned {
            topic_id: ID,
            partitions: vec![1, 2],
        }]),
    };
    let wants = "0000ea60 02 02 74 04 612e2a 08 756e69666f726d";
    let owns = format!("02 {ID_HEX} 03 00000001 00000002 00");
    let body = format!("02 67 02 6d 00000003 02 69 00 {wants} {owns} 00");
    let of = consumer_group_heartbeat::API.encoding(1);
    check(of, &request, &hex(&body));
}

#[test]
fn a_group_with_one_member_described() {
    let topic = consumer_group_describe::TopicPartitions {
        topic_id: ID,
        topic_name: "t".into(),
        partitions: vec![1],
    };
    let member = consumer_group_describe::Member {
        member_id: "m".into(),
        member_epoch: 3,
        client_id: "c".into(),
        client_host: "/h".into(),
        subscribed_topic_names: vec!["t".into()],
        assignment: consumer_group_describe::Assignment {
            topic_partitions: vec![topic],
        },
        member_type: 1,
        ..Default::default()
    };
    let group = consumer_group_describe::DescribedGroup {
        group_id: "g".into(),
        group_state: "Stable".into(),
        group_epoch: 3,
        assignment_epoch: 3,
        assignor_name: "uniform".into(),
        members: vec![member],
        ..Default::default()
    };
    let response = consumer_group_describe::Response {
        groups: vec![group],
        ..Default::default()
    };
    let group = "0000 00 02 67 07 537461626c65 00000003 00000003 08 756e69666f726d";
    let member = "02 6d 00 00 00000003 02 63 03 2f68 02 02 74 00";
    let assignment = format!("02 {ID_HEX} 02 74 02 00000001 00 00");
    let body = format!("00000000 02 {group} 02 {member} {assignment} 01 00 01 00 80000000 00 00");
    let of = consumer_group_describe::API.encoding(1);
    check(of, &response, &hex(&body));
}

/// The record is written as these bytes, after its number, and these bytes are read as the record.
fn kept<'a, T>(record: &T, version: i16, bytes: &'a mut Vec<u8>, expected: &str)
where
    T: Record + Decode<'a> + PartialEq + Debug,
{
    *bytes = record::to_bytes(record, version).unwrap().to_vec();
    assert_eq!(*bytes, hex(&format!("{version:04x} {expected}")));
    assert_eq!(record::from_bytes::<T>(bytes).as_ref(), Ok(record));
}

#[test]
fn a_consumer_group_in_consumer_offsets() {
    let key = ConsumerGroupMetadataKey { group: "g".into() };
    kept(&key, 3, &mut Vec::new(), "0001 67");
    let mut value = ConsumerGroupMetadataValue {
        epoch: 3,
        metadata_hash: 0,
    };
    kept(&value, 0, &mut Vec::new(), "00000003 00");
    value.metadata_hash = 7;
    kept(
        &value,
        0,
        &mut Vec::new(),
        "00000003 01 00 08 0000000000000007",
    );
    let value = ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch: 3,
        assignment_timestamp: 5,
    };
    kept(
        &value,
        0,
        &mut Vec::new(),
        "00000003 01 00 08 0000000000000005",
    );
    let key = ConsumerGroupRegularExpressionKey {
        group: "g".into(),
        regular_expression: "a.*".into(),
    };
    kept(&key, 16, &mut Vec::new(), "0001 67 0003 612e2a");
    let value = ConsumerGroupRegularExpressionValue {
        topics: vec!["t".into()],
        version: 9,
        timestamp: 5,
    };
    kept(
        &value,
        0,
        &mut Vec::new(),
        "02 02 74 0000000000000009 0000000000000005 00",
    );
}

#[test]
fn a_member_in_consumer_offsets() {
    let mut member = ConsumerGroupMemberMetadataValue {
        instance_id: Some("i".into()),
        rack_id: None,
        client_id: "c".into(),
        client_host: "/h".into(),
        subscribed_topic_names: vec!["t".into()],
        subscribed_topic_regex: Some("a.*".into()),
        rebalance_timeout_ms: 60_000,
        server_assignor: Some("range".into()),
        classic: None,
    };
    let expected = "02 69 00 02 63 03 2f68 02 02 74 04 612e2a 0000ea60 06 72616e6765 00";
    kept(&member, 0, &mut Vec::new(), expected);
    member.instance_id = None;
    member.subscribed_topic_regex = None;
    member.server_assignor = None;
    member.classic = Some(Classic {
        session_timeout_ms: 10_000,
        supported_protocols: vec![Protocol {
            name: "range".into(),
            metadata: (&[1, 2][..]).into(),
        }],
    });
    let classic = "01 00 11 01 00002710 02 06 72616e6765 03 0102 00 00";
    let expected = format!("00 00 02 63 03 2f68 02 02 74 00 0000ea60 00 {classic}");
    kept(&member, 0, &mut Vec::new(), &expected);
}

#[test]
fn what_a_member_has_and_is_to_have_in_consumer_offsets() {
    let key = ConsumerGroupCurrentMemberAssignmentKey {
        group: "g".into(),
        member_id: "m".into(),
    };
    kept(&key, 8, &mut Vec::new(), "0001 67 0001 6d");
    let partitions = |partitions: Vec<i32>, assignment_epochs| Current {
        topic_id: ID,
        partitions,
        assignment_epochs,
    };
    let value = ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: 3,
        previous_member_epoch: 2,
        state: 1,
        assigned_partitions: vec![partitions(vec![1, 2], Some(vec![2, 3]))],
        partitions_pending_revocation: vec![partitions(vec![4], None)],
    };
    let epochs = "01 00 09 03 00000002 00000003";
    let assigned = format!("02 {ID_HEX} 03 00000001 00000002 {epochs}");
    let revoked = format!("02 {ID_HEX} 02 00000004 00");
    let expected = format!("00000003 00000002 01 {assigned} {revoked} 00");
    kept(&value, 0, &mut Vec::new(), &expected);
    let value = ConsumerGroupTargetAssignmentMemberValue {
        topic_partitions: vec![Target {
            topic_id: ID,
            partitions: vec![1, 2],
        }],
    };
    let expected = format!("02 {ID_HEX} 03 00000001 00000002 00 00");
    kept(&value, 0, &mut Vec::new(), &expected);
}
