//! Transactions whose producers do not come back, and partitions that take no more writes.

use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_wire::api::{describe_transactions, end_txn, init_producer_id, produce};
use millstream_wire::{ApiKey, ErrorCode};

use super::super::traffic::{append, sent, values};
use super::{ID, Producer, V1, V2, part};
use crate::testing::{TestBroker, pass};

const TIMEOUT_MS: i64 = 60_000;
const EXPIRATION_MS: i64 = 604_800_000;

impl TestBroker {
    async fn look_after_transactions(&self) {
        let transactions = self.broker.transactions();
        transactions.abort_timed_out().await.unwrap();
        transactions.forget_unused(EXPIRATION_MS).await.unwrap();
    }

    /// Has the coordinator end a transaction of another id.
    async fn commits_another(&self) {
        const OTHER: Option<&str> = Some("other");
        self.topic("other", 1, &[]).await;
        let request = init_producer_id::Request {
            transactional_id: OTHER,
            ..super::asked(60_000)
        };
        let init = self.init(4, request).await;
        let batch = sent(part((init.producer_id, init.producer_epoch), 0));
        let request = produce::Request {
            transactional_id: OTHER,
            ..append("other", 0, -1, &batch)
        };
        let answer: produce::Response<'_> = self.call(ApiKey::Produce, V2, &request).await;
        let written = &answer.responses[0].partition_responses[0];
        assert_eq!(written.error_code, ErrorCode::NONE);
        let request = end_txn::Request {
            transactional_id: "other",
            producer_id: init.producer_id,
            producer_epoch: init.producer_epoch,
            committed: true,
        };
        let ended: end_txn::Response = self.call(ApiKey::EndTxn, 5, &request).await;
        assert_eq!(ended.error_code, ErrorCode::NONE);
        assert_eq!(self.last_stable("other").await, 2);
    }

    /// What is known of the transactional id.
    async fn state(&self) -> (String, ErrorCode) {
        let transactional_ids = vec![ID];
        let request = describe_transactions::Request { transactional_ids };
        let answer: describe_transactions::Response<'_> =
            self.call(ApiKey::DescribeTransactions, 0, &request).await;
        let state = &answer.transaction_states[0];
        (state.transaction_state.to_string(), state.error_code)
    }
}

// AK `TransactionCoordinator.scala` aborts it and raises the epoch; asking for the abort again is asking again.
#[tokio::test]
async fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    for (produce, end, expected) in [
        (
            V1,
            4,
            [ErrorCode::PRODUCER_FENCED, ErrorCode::PRODUCER_FENCED],
        ),
        (V2, 5, [ErrorCode::INVALID_TXN_STATE, ErrorCode::NONE]),
    ] {
        let broker = TestBroker::start().await;
        broker.topic("t", 1, &[]).await;
        let producer = broker.producer().await;
        if produce == V1 {
            assert_eq!(broker.add(3, producer, "t").await, ErrorCode::NONE);
        }
        let written = broker.write(produce, "t", part(producer, 0)).await;
        assert_eq!(written, ErrorCode::NONE);

        pass(TIMEOUT_MS - 1);
        broker.look_after_transactions().await;
        assert_eq!(broker.last_stable("t").await, 0, "it has a moment left");
        pass(1);
        broker.look_after_transactions().await;
        assert_eq!(broker.last_stable("t").await, 2);
        assert_eq!(broker.state().await.0, "CompleteAbort");

        let written = broker.write(produce, "t", part(producer, 1)).await;
        assert_eq!(written, ErrorCode::INVALID_PRODUCER_EPOCH);
        for (committed, expected) in [true, false].into_iter().zip(expected) {
            let ended = broker.end(end, producer, committed).await;
            assert_eq!(ended.error_code, expected, "EndTxn {end}, {committed}");
        }
        // KIP-588: it goes on with the epoch that it asks for, and may ask again.
        for _ in 0..2 {
            let request = init_producer_id::Request {
                producer_id: producer.0,
                producer_epoch: producer.1,
                ..super::asked(60_000)
            };
            let next = broker.init(4, request).await;
            assert_eq!(next.error_code, ErrorCode::NONE);
            let next = (next.producer_id, next.producer_epoch);
            assert_eq!(next, (producer.0, producer.1 + 1));
        }
        let broker = broker.crash().await;
        assert_eq!(broker.last_stable("t").await, 2);
    }
}

// AK `TransactionStateManager.scala`.
#[tokio::test]
async fn an_id_is_forgotten_when_nobody_has_used_it_for_long_and_nothing_of_it_is_open() {
    let broker = TestBroker::start().await;
    broker.topic("t", 1, &[]).await;
    let producer = broker.producer().await;
    pass(EXPIRATION_MS - 1);
    broker.look_after_transactions().await;
    assert_eq!(broker.state().await.0, "Empty");
    assert_eq!(
        broker.write(V2, "t", part(producer, 0)).await,
        ErrorCode::NONE
    );
    let ended = broker.end(5, producer, true).await;
    assert_eq!(ended.error_code, ErrorCode::NONE);

    pass(EXPIRATION_MS - 1);
    broker.look_after_transactions().await;
    assert_eq!(broker.state().await.0, "CompleteCommit");
    pass(1);
    broker.look_after_transactions().await;
    let gone = ErrorCode::TRANSACTIONAL_ID_NOT_FOUND;
    assert_eq!(broker.state().await.1, gone);
    let broker = broker.crash().await;
    assert_eq!(broker.state().await.1, gone);
    let ended = broker.end(5, producer, true).await;
    assert_eq!(ended.error_code, ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    assert_ne!(broker.producer().await.0, producer.0);
}

/// A broker with an open transaction in two topics, the first of which takes no more writes since an operation failed.
async fn half_broken(disk: &FaultyDisk, failing: Op) -> (TestBroker, Producer) {
    let broker = TestBroker::start_over(disk).await;
    for topic in ["broken", "t"] {
        broker.topic(topic, 1, &[]).await;
    }
    let producer = broker.producer().await;
    for topic in ["broken", "t"] {
        let written = broker.write(V2, topic, part(producer, 0)).await;
        assert_eq!(written, ErrorCode::NONE);
    }
    disk.inject(Fault::from(failing, 0));
    let written = broker.write(V2, "broken", values(&["b"])).await;
    disk.heal(failing);
    assert_eq!(written, ErrorCode::KAFKA_STORAGE_ERROR);
    (broker, producer)
}

#[tokio::test]
async fn a_broken_partition_keeps_its_transaction_open_and_no_other() {
    for failing in [Op::Write, Op::Sync] {
        let disk = FaultyDisk::default();
        let (broker, producer) = half_broken(&disk, failing).await;
        let ended = broker.end(5, producer, true).await;
        assert_eq!(ended.error_code, ErrorCode::KAFKA_STORAGE_ERROR);
        let written = broker.write(V2, "broken", part(producer, 1)).await;
        assert_eq!(written, ErrorCode::KAFKA_STORAGE_ERROR);
        pass(TIMEOUT_MS);
        broker.look_after_transactions().await;
        assert_eq!(broker.state().await.0, "Ongoing");
        // Neither of the two is decided before both can be.
        assert_eq!(broker.last_stable("t").await, 0);
        broker.commits_another().await;

        // The next start finds a partition that takes writes again, and a transaction that goes on.
        let broker = TestBroker::start_over(&disk.crash(Survives::Synced)).await;
        let ended = broker.end(5, producer, true).await;
        assert_eq!(ended.error_code, ErrorCode::NONE);
        for topic in ["broken", "t"] {
            assert_eq!(broker.last_stable(topic).await, 2, "{topic}");
        }
    }
}
