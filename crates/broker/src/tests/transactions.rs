//! Promises of transactions, each over raw frames against a real store.

mod crash;
mod upkeep;

use millstream_batch::Builder;
use millstream_wire::api::{
    add_offsets_to_txn, add_partitions_to_txn, api_versions, describe_transactions, end_txn,
    find_coordinator, init_producer_id, list_transactions, offset_fetch, produce,
    txn_offset_commit, write_txn_markers,
};
use millstream_wire::{ApiKey, ErrorCode};

use super::traffic::{append, batches, from, sent, values};
use crate::testing::TestBroker;

const ID: &str = "tx";
const V1: i16 = 11;
const V2: i16 = 12;

/// A producer id with its epoch.
type Producer = (i64, i16);

/// A batch of one value in the transaction of a producer.
fn part(producer: Producer, sequence: i32) -> Builder {
    values(&["a"])
        .producer(producer.0, producer.1, sequence)
        .transactional()
}

impl TestBroker {
    async fn init(
        &self,
        version: i16,
        request: init_producer_id::Request<'_>,
    ) -> init_producer_id::Response {
        self.call(ApiKey::InitProducerId, version, &request).await
    }

    /// A producer that uses the transactional id from now on.
    async fn producer(&self) -> Producer {
        let answer = self.init(0, asked(60_000)).await;
        assert_eq!(answer.error_code, ErrorCode::NONE);
        (answer.producer_id, answer.producer_epoch)
    }

    async fn add(&self, version: i16, producer: Producer, topic: &str) -> ErrorCode {
        let request = add_partitions_to_txn::Request {
            transactional_id: ID,
            producer_id: producer.0,
            producer_epoch: producer.1,
            topics: vec![add_partitions_to_txn::Topic {
                name: topic,
                partitions: vec![0],
            }],
            ..add_partitions_to_txn::Request::default()
        };
        let answer: add_partitions_to_txn::Response<'_> = self
            .call(ApiKey::AddPartitionsToTxn, version, &request)
            .await;
        answer.results_by_topic[0].results_by_partition[0].partition_error_code
    }

    async fn write(&self, version: i16, topic: &str, batch: Builder) -> ErrorCode {
        let batch = sent(batch);
        let request = produce::Request {
            transactional_id: Some(ID),
            ..append(topic, 0, -1, &batch)
        };
        let answer: produce::Response<'_> = self.call(ApiKey::Produce, version, &request).await;
        answer.responses[0].partition_responses[0].error_code
    }

    async fn end(&self, version: i16, producer: Producer, committed: bool) -> end_txn::Response {
        let request = end_txn::Request {
            transactional_id: ID,
            producer_id: producer.0,
            producer_epoch: producer.1,
            committed,
        };
        self.call(ApiKey::EndTxn, version, &request).await
    }

    /// Ends by hand, as an operator does, what the producer has open in the first partition of `t`.
    async fn mark(
        &self,
        version: i16,
        (producer_id, producer_epoch): Producer,
        transaction_version: i8,
    ) -> ErrorCode {
        let request = write_txn_markers::Request {
            markers: vec![write_txn_markers::Marker {
                producer_id,
                producer_epoch,
                transaction_version,
                topics: vec![write_txn_markers::Topic {
                    name: "t",
                    partition_indexes: vec![0],
                }],
                ..write_txn_markers::Marker::default()
            }],
        };
        let answer: write_txn_markers::Response<'_> =
            self.call(ApiKey::WriteTxnMarkers, version, &request).await;
        answer.markers[0].topics[0].partitions[0].error_code
    }

    async fn commit_offset(&self, version: i16, producer: Producer, offset: i64) -> ErrorCode {
        self.commit_offset_of("g", version, producer, offset).await
    }

    async fn commit_offset_of(
        &self,
        group_id: &str,
        version: i16,
        producer: Producer,
        offset: i64,
    ) -> ErrorCode {
        let request = txn_offset_commit::Request {
            transactional_id: ID,
            group_id,
            producer_id: producer.0,
            producer_epoch: producer.1,
            topics: vec![txn_offset_commit::Topic {
                name: "t",
                partitions: vec![txn_offset_commit::Partition {
                    committed_offset: offset,
                    ..txn_offset_commit::Partition::default()
                }],
            }],
            ..txn_offset_commit::Request::default()
        };
        let answer: txn_offset_commit::Response<'_> =
            self.call(ApiKey::TxnOffsetCommit, version, &request).await;
        answer.topics[0].partitions[0].error_code
    }

    /// The offset of the group, and the error in its place, for who wants it stable.
    async fn stable_offset(&self) -> (i64, ErrorCode) {
        let request = offset_fetch::Request {
            group_id: "g",
            topics: Some(vec![offset_fetch::Topic {
                name: "t",
                partition_indexes: vec![0],
                ..offset_fetch::Topic::default()
            }]),
            require_stable: true,
            ..offset_fetch::Request::default()
        };
        let answer: offset_fetch::Response<'_> = self.call(ApiKey::OffsetFetch, 7, &request).await;
        let partition = &answer.topics[0].partitions[0];
        (partition.committed_offset, partition.error_code)
    }

    /// Up to where the first partition of a topic is decided.
    async fn last_stable(&self, topic: &str) -> i64 {
        let topic = self.broker.catalog().topic(topic).unwrap();
        topic.partition(0).unwrap().offsets().last_stable
    }
}

fn asked(timeout_ms: i32) -> init_producer_id::Request<'static> {
    init_producer_id::Request {
        transactional_id: Some(ID),
        transaction_timeout_ms: timeout_ms,
        ..init_producer_id::Request::default()
    }
}

// AIO `aiokafka/protocol/transaction.py` speaks no other version.
#[tokio::test]
async fn transactions_work_from_end_to_end_at_version_0() {
    let broker = TestBroker::start().await;
    let topic = broker.topic("t", 1, &[]).await;
    let request = find_coordinator::Request {
        key: ID,
        key_type: 1,
        ..find_coordinator::Request::default()
    };
    let found: find_coordinator::Response<'_> =
        broker.call(ApiKey::FindCoordinator, 1, &request).await;
    assert_eq!(found.error_code, ErrorCode::NONE);
    let producer = broker.producer().await;
    assert_eq!(broker.add(0, producer, "t").await, ErrorCode::NONE);
    assert_eq!(
        broker.write(3, "t", part(producer, 0)).await,
        ErrorCode::NONE
    );
    let request = add_offsets_to_txn::Request {
        transactional_id: ID,
        producer_id: producer.0,
        producer_epoch: producer.1,
        group_id: "g",
    };
    let added: add_offsets_to_txn::Response =
        broker.call(ApiKey::AddOffsetsToTxn, 0, &request).await;
    assert_eq!(added.error_code, ErrorCode::NONE);
    assert_eq!(broker.commit_offset(0, producer, 1).await, ErrorCode::NONE);
    assert_eq!(broker.last_stable("t").await, 0);
    let ended = broker.end(0, producer, true).await;
    assert_eq!(ended.error_code, ErrorCode::NONE);
    assert_eq!(broker.last_stable("t").await, 2);
    assert_eq!(broker.stable_offset().await, (1, ErrorCode::NONE));
    let found = batches(&broker.fetch_one(12, &from(&topic, 0, 0)).await);
    assert!(found[0].header().is_transactional() && found[1].header().is_control());
}

// KIP-447.
#[tokio::test]
async fn an_offset_in_an_open_transaction_is_unstable_until_its_end() {
    let mut broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let mut producer = broker.producer().await;
    for (offset, committed, expected) in [(5, true, 5), (7, false, 5), (9, true, 9)] {
        let code = broker.commit_offset(5, producer, offset).await;
        assert_eq!(code, ErrorCode::NONE);
        let unstable = (-1, ErrorCode::UNSTABLE_OFFSET_COMMIT);
        assert_eq!(broker.stable_offset().await, unstable);
        // What is not decided is not decided by a crash.
        broker = broker.crash().await;
        assert_eq!(broker.stable_offset().await, unstable);
        let ended = broker.end(5, producer, committed).await;
        assert_eq!(ended.error_code, ErrorCode::NONE);
        producer = (ended.producer_id, ended.producer_epoch);
        assert_eq!(broker.stable_offset().await, (expected, ErrorCode::NONE));
        broker = broker.crash().await;
        assert_eq!(broker.stable_offset().await, (expected, ErrorCode::NONE));
    }
}

// AK `GroupCoordinatorService.java`.
#[tokio::test]
async fn a_group_without_a_name_has_no_offsets_in_a_transaction() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    for version in [4, 5] {
        let code = broker.commit_offset_of("", version, producer, 5).await;
        assert_eq!(code, ErrorCode::INVALID_GROUP_ID);
    }
}

// N `compat/librdkafka/FINDINGS.md`.
#[tokio::test]
async fn a_timeout_beyond_the_longest_is_refused() {
    let broker = TestBroker::start().await;
    for (timeout_ms, expected) in [
        (900_000, ErrorCode::NONE),
        (900_001, ErrorCode::INVALID_TRANSACTION_TIMEOUT),
        (0, ErrorCode::INVALID_TRANSACTION_TIMEOUT),
    ] {
        let answer = broker.init(4, asked(timeout_ms)).await;
        assert_eq!(answer.error_code, expected, "{timeout_ms}");
    }
}

// AK `TransactionCoordinator.scala`.
#[tokio::test]
async fn an_end_that_is_asked_for_again_gets_the_same_answer() {
    let mut broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    assert_eq!(broker.add(3, producer, "t").await, ErrorCode::NONE);
    assert_eq!(
        broker.write(V1, "t", part(producer, 0)).await,
        ErrorCode::NONE
    );
    for _ in 0..3 {
        let ended = broker.end(4, producer, true).await;
        assert_eq!(ended.error_code, ErrorCode::NONE);
        broker = broker.crash().await;
    }
    let other = broker.end(4, producer, false).await;
    assert_eq!(other.error_code, ErrorCode::INVALID_TXN_STATE);

    assert_eq!(
        broker.write(V2, "t", part(producer, 1)).await,
        ErrorCode::NONE
    );
    for _ in 0..3 {
        let ended = broker.end(5, producer, true).await;
        assert_eq!(ended.error_code, ErrorCode::NONE);
        assert_eq!(
            (ended.producer_id, ended.producer_epoch),
            (producer.0, producer.1 + 1)
        );
        broker = broker.crash().await;
    }
}

// KIP-890.
#[tokio::test]
async fn the_abort_of_nothing_raises_the_epoch_since_version_5() {
    let broker = TestBroker::start().await;
    let producer = broker.producer().await;
    let old = broker.end(4, producer, false).await;
    assert_eq!(old.error_code, ErrorCode::INVALID_TXN_STATE);
    let commit = broker.end(5, producer, true).await;
    assert_eq!(commit.error_code, ErrorCode::INVALID_TXN_STATE);
    let ended = broker.end(5, producer, false).await;
    assert_eq!(ended.error_code, ErrorCode::NONE);
    assert_eq!(
        (ended.producer_id, ended.producer_epoch),
        (producer.0, producer.1 + 1)
    );
}

// AK `ProducerAppendInfo.java`, `TransactionCoordinator.scala`.
#[tokio::test]
async fn who_is_fenced_learns_it_by_the_code_of_the_version() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let old = broker.producer().await;
    assert_eq!(broker.write(V2, "t", part(old, 0)).await, ErrorCode::NONE);
    let new = broker.producer().await;
    assert_eq!((old.0, old.1 + 1), new);
    // What the old one had begun is aborted.
    assert_eq!(broker.last_stable("t").await, 2);
    for version in [V1, V2] {
        let code = broker.write(version, "t", part(old, 1)).await;
        assert_eq!(code, ErrorCode::INVALID_PRODUCER_EPOCH);
    }
    for (version, expected) in [
        (1, ErrorCode::INVALID_PRODUCER_EPOCH),
        (2, ErrorCode::PRODUCER_FENCED),
    ] {
        assert_eq!(broker.add(version, old, "t").await, expected);
        assert_eq!(broker.end(version, old, true).await.error_code, expected);
    }
    for (version, expected) in [
        (3, ErrorCode::INVALID_PRODUCER_EPOCH),
        (4, ErrorCode::PRODUCER_FENCED),
    ] {
        let request = init_producer_id::Request {
            producer_id: old.0,
            producer_epoch: old.1,
            ..asked(1_000)
        };
        assert_eq!(broker.init(version, request).await.error_code, expected);
    }
    let stranger = broker.end(4, (999, 0), true).await;
    assert_eq!(stranger.error_code, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
}

// AK `AddPartitionsToTxnManager.scala`.
#[tokio::test]
async fn records_for_a_partition_that_was_not_added_are_refused_before_version_12() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    for (version, expected) in [
        (10, ErrorCode::INVALID_TXN_STATE),
        (V1, ErrorCode::TRANSACTION_ABORTABLE),
        (V2, ErrorCode::NONE),
    ] {
        assert_eq!(
            broker.write(version, "t", part(producer, 0)).await,
            expected
        );
    }
    // Outside of the transaction that is open, its producer may not write.
    let outside = values(&["b"]).producer(producer.0, producer.1, 1);
    assert_eq!(
        broker.write(V2, "t", outside).await,
        ErrorCode::INVALID_TXN_STATE
    );
}

// AK `KafkaApis.scala`, `RequestUtils.java`.
#[tokio::test]
async fn nothing_of_a_request_is_appended_in_which_a_transaction_has_no_name() {
    let broker = TestBroker::start().await;
    broker.topic("t", 2, &[]).await;
    let producer = broker.producer().await;
    let plain = sent(values(&["a"]));
    for part in [
        part(producer, 0),
        // Without a producer a batch is refused as well, but for the name first.
        values(&["a"]).transactional(),
    ] {
        let part = sent(part);
        for version in 3..=V2 {
            let mut request = append("t", 0, -1, &plain);
            for (topic, index) in [("t", 1), ("absent", 0)] {
                let other = append(topic, index, -1, &part);
                request.topic_data.extend(other.topic_data);
            }
            let answer: produce::Response<'_> =
                broker.call(ApiKey::Produce, version, &request).await;
            for topic in &answer.responses {
                let code = topic.partition_responses[0].error_code;
                assert_eq!(code, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
            }
        }
    }
    let topic = broker.broker.catalog().topic("t").unwrap();
    let ends = topic.partitions().iter().map(|p| p.offsets().log_end);
    assert_eq!(ends.collect::<Vec<_>>(), [0, 0]);
}

// AK `TransactionManager.java` reads it.
#[tokio::test]
async fn the_second_protocol_is_agreed_on() {
    let broker = TestBroker::start().await;
    let request = api_versions::Request {
        client_software_name: "test",
        client_software_version: "1",
    };
    let answer: api_versions::Response<'_> = broker.call(ApiKey::ApiVersions, 4, &request).await;
    assert!(answer.finalized_features_epoch >= 0);
    let is_agreed = |feature: &api_versions::FinalizedFeature<'_>| {
        feature.name == "transaction.version" && feature.max_version_level == 2
    };
    assert!(answer.finalized_features.iter().any(is_agreed));
}

#[tokio::test]
async fn what_is_open_can_be_listed_and_described() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    assert_eq!(
        broker.write(V2, "t", part(producer, 0)).await,
        ErrorCode::NONE
    );
    let request = describe_transactions::Request {
        transactional_ids: vec![ID, "other"],
    };
    let answer: describe_transactions::Response<'_> =
        broker.call(ApiKey::DescribeTransactions, 0, &request).await;
    let [found, missing] = &answer.transaction_states[..] else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (&*found.transaction_state, found.producer_id),
        ("Ongoing", producer.0)
    );
    assert_eq!(
        (&*found.topics[0].topic, &found.topics[0].partitions[..]),
        ("t", &[0][..])
    );
    assert_eq!(missing.error_code, ErrorCode::TRANSACTIONAL_ID_NOT_FOUND);
    for (state, pattern, expected) in [
        ("Ongoing", None, 1),
        ("Empty", None, 0),
        ("Ongoing", Some("t."), 1),
        ("Ongoing", Some("t"), 0),
    ] {
        let request = list_transactions::Request {
            state_filters: vec![state, "Nonsense"],
            transactional_id_pattern: pattern,
            ..list_transactions::Request::default()
        };
        let answer: list_transactions::Response<'_> =
            broker.call(ApiKey::ListTransactions, 2, &request).await;
        assert_eq!(
            answer.transaction_states.len(),
            expected,
            "{state} {pattern:?}"
        );
        assert_eq!(answer.unknown_state_filters, ["Nonsense"]);
    }
    let request = list_transactions::Request {
        transactional_id_pattern: Some("("),
        ..list_transactions::Request::default()
    };
    let answer: list_transactions::Response<'_> =
        broker.call(ApiKey::ListTransactions, 2, &request).await;
    assert_eq!(answer.error_code, ErrorCode::INVALID_REGULAR_EXPRESSION);
}

#[tokio::test]
async fn an_operator_ends_what_hangs_and_nothing_else() {
    let settings = [("transaction.partition.verification.enable", "false")];
    let broker = TestBroker::start_with(&settings).await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    assert_eq!(
        broker.write(V1, "t", part(producer, 0)).await,
        ErrorCode::NONE
    );
    for (producer, expected, stable) in [
        ((producer.0 + 1, 0), ErrorCode::INVALID_TXN_STATE, 0),
        ((producer.0, 7), ErrorCode::INVALID_PRODUCER_EPOCH, 0),
        (producer, ErrorCode::NONE, 2),
        (producer, ErrorCode::INVALID_TXN_STATE, 2),
    ] {
        let code = broker.mark(1, producer, 0).await;
        assert_eq!(code, expected);
        assert_eq!(broker.last_stable("t").await, stable);
    }
}

// KIP-1228: AK `ProducerAppendInfo.java`.
#[tokio::test]
async fn a_marker_of_the_second_protocol_has_a_later_epoch_than_what_it_ends() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    assert_eq!(
        broker.write(V2, "t", part(producer, 0)).await,
        ErrorCode::NONE
    );
    for (epoch, expected, stable) in [
        (producer.1, ErrorCode::INVALID_PRODUCER_EPOCH, 0),
        (producer.1 + 1, ErrorCode::NONE, 2),
    ] {
        let code = broker.mark(2, (producer.0, epoch), 2).await;
        assert_eq!(code, expected);
        assert_eq!(broker.last_stable("t").await, stable);
    }
}

#[tokio::test]
async fn a_start_ends_what_a_replaced_producer_has_left_and_takes_in_what_the_present_one_wrote() {
    let settings = [("transaction.partition.verification.enable", "false")];
    let broker = TestBroker::start_with(&settings).await;
    broker.topic("left", 1, &[]).await;
    broker.topic("t", 1, &[]).await;
    let old = broker.producer().await;
    let written = broker.write(V1, "left", part(old, 0)).await;
    assert_eq!(written, ErrorCode::NONE);
    let new = broker.producer().await;
    let written = broker.write(V1, "t", part(new, 0)).await;
    assert_eq!(written, ErrorCode::NONE);
    let broker = broker.crash().await;
    assert_eq!(broker.last_stable("left").await, 2);
    assert_eq!(broker.last_stable("t").await, 0);
    let ended = broker.end(4, new, true).await;
    assert_eq!(ended.error_code, ErrorCode::NONE);
    assert_eq!(broker.last_stable("t").await, 2);
}

#[tokio::test]
async fn a_topic_that_is_gone_keeps_no_transaction_open() {
    let broker = TestBroker::start().await;
    let gone = broker.topic("gone", 1, &[]).await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    for topic in ["gone", "t"] {
        assert_eq!(
            broker.write(V2, topic, part(producer, 0)).await,
            ErrorCode::NONE
        );
    }
    broker.broker.catalog().delete_topic(gone.id).await.unwrap();
    let ended = broker.end(5, producer, true).await;
    assert_eq!(ended.error_code, ErrorCode::NONE);
    assert_eq!(broker.last_stable("t").await, 2);
}
