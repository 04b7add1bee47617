//! Bytes of what transactions are made of, written out by hand, where the oracle crate lacks the message or the version.

use super::golden::check;
use super::hex;
use crate::ErrorCode;
use crate::api::{end_txn, write_txn_markers};
use crate::record::{self, transactions};

#[test]
fn an_end_tells_the_next_epoch_since_version_5() {
    let response = end_txn::Response {
        producer_id: 7,
        producer_epoch: 3,
        ..Default::default()
    };
    let of = |n| end_txn::API.encoding(n);
    let expected = hex("00000000 0000 0000000000000007 0003 00");
    check(of(5), &response, &expected);
    assert_eq!(super::encode(&response, of(4)), hex("00000000 0000 00")[..]);
}

#[test]
fn markers_tell_the_protocol_since_version_2() {
    let marker = write_txn_markers::Marker {
        producer_id: 7,
        producer_epoch: 3,
        transaction_result: true,
        topics: vec![write_txn_markers::Topic {
            name: "t",
            partition_indexes: vec![1],
        }],
        coordinator_epoch: 9,
        transaction_version: 2,
    };
    let request = write_txn_markers::Request {
        markers: vec![marker],
    };
    let rows = "02 0000000000000007 0003 01 02 02 74 02 00000001 00 00000009";
    let expected = hex(&format!("{rows} 02 00 00"));
    check(write_txn_markers::API.encoding(2), &request, &expected);

    let response = write_txn_markers::Response {
        markers: vec![write_txn_markers::MarkerResult {
            producer_id: 7,
            topics: vec![write_txn_markers::TopicResult {
                name: "t".into(),
                partitions: vec![write_txn_markers::PartitionResult {
                    partition_index: 1,
                    error_code: ErrorCode::INVALID_PRODUCER_EPOCH,
                }],
            }],
        }],
    };
    let expected = hex("02 0000000000000007 02 02 74 02 00000001 002f 00 00 00 00");
    check(write_txn_markers::API.encoding(1), &response, &expected);
}

#[test]
fn states_of_transactional_ids() {
    let value = transactions::TransactionLogValue {
        producer_id: 7,
        producer_epoch: 3,
        transaction_timeout_ms: 60_000,
        transaction_status: 1,
        transaction_partitions: Some(vec![transactions::PartitionsSchema {
            topic: "t".into(),
            partition_ids: vec![1],
        }]),
        transaction_last_update_timestamp_ms: 2,
        transaction_start_timestamp_ms: 1,
        ..Default::default()
    };
    let head = "0000000000000007 0003 0000ea60 01";
    let times = "0000000000000002 0000000000000001";
    let v0 = hex(&format!(
        "0000 {head} 00000001 0001 74 00000001 00000001 {times}"
    ));
    assert_eq!(record::to_bytes(&value, 0).unwrap(), v0[..]);
    assert_eq!(record::from_bytes(&v0), Ok(value.clone()));

    let tagged = transactions::TransactionLogValue {
        previous_producer_id: 6,
        client_transaction_version: 2,
        ..value
    };
    let tags = "02 00 08 0000000000000006 02 02 0002";
    let v1 = hex(&format!(
        "0001 {head} 02 02 74 02 00000001 00 {times} {tags}"
    ));
    assert_eq!(record::to_bytes(&tagged, 1).unwrap(), v1[..]);
    assert_eq!(record::from_bytes(&v1), Ok(tagged));
}
