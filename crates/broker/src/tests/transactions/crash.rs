//! A power cut at any sync of a transaction: all of it counts afterwards, or nothing.

use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_wire::ErrorCode;
use millstream_wire::api::fetch;

use super::super::traffic::{batches, from};
use super::{Producer, V2, part};
use crate::testing::TestBroker;

const TOPICS: [&str; 2] = ["t", "u"];
const COMMITTED: i8 = 1;

/// How far a client came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Something was refused before the end was asked for.
    Refused,
    /// The end was asked for, and how that went is unknown.
    Nothing,
    /// The transaction is committed.
    Committed,
}

/// Writes to both topics and to a group's offsets, as far as the disk lets it.
async fn write_all(broker: &TestBroker, producer: Producer) -> bool {
    for topic in TOPICS {
        if broker.write(V2, topic, part(producer, 0)).await != ErrorCode::NONE {
            return false;
        }
    }
    broker.commit_offset(5, producer, 5).await == ErrorCode::NONE
}

async fn commit(broker: &TestBroker, producer: Producer) -> Told {
    match broker.end(5, producer, true).await.error_code {
        ErrorCode::NONE => Told::Committed,
        _ => Told::Nothing,
    }
}

impl TestBroker {
    /// How many batches of a topic are committed.
    async fn committed(&self, topic: &str) -> usize {
        let topic = self.broker.catalog().topic(topic).unwrap();
        let request = fetch::Request {
            isolation_level: COMMITTED,
            ..from(&topic, 0, 0)
        };
        let read = self.fetch_one(12, &request).await;
        assert_eq!(read.error_code, ErrorCode::NONE);
        let aborted = read.aborted_transactions.as_ref();
        let is_aborted = aborted.is_some_and(|list| !list.is_empty());
        let all = batches(&read);
        let data = all.iter().filter(|batch| !batch.header().is_control());
        if is_aborted { 0 } else { data.count() }
    }
}

/// A broker that has served a transactional id and a group before, so that their logs are there.
async fn prepared(disk: &FaultyDisk) -> (TestBroker, Producer) {
    let broker = TestBroker::start_over(disk).await;
    for topic in TOPICS {
        broker.topic(topic, 1, &[]).await;
    }
    let producer = broker.producer().await;
    assert_eq!(broker.stable_offset().await.1, ErrorCode::NONE);
    (broker, producer)
}

/// Looks at what the next start finds.
async fn check(disk: &FaultyDisk, survives: Survives, told: Told) {
    let broker = TestBroker::start_over(&disk.crash(survives)).await;
    // Whoever comes next ends what is still open.
    broker.producer().await;
    let counts = [
        broker.committed(TOPICS[0]).await == 1,
        broker.committed(TOPICS[1]).await == 1,
        broker.stable_offset().await == (5, ErrorCode::NONE),
    ];
    let all = counts.iter().all(|counts| *counts);
    let context = format!("{counts:?} by {survives:?}, {told:?}");
    assert!(all || !counts.contains(&true), "{context}");
    match told {
        Told::Committed => assert!(all, "{context}"),
        Told::Refused => assert!(!all, "{context}"),
        Told::Nothing => {}
    }
}

const SURVIVE: [Survives; 3] = [Survives::Synced, Survives::Written, Survives::Torn(100)];

#[tokio::test]
async fn a_transaction_that_a_power_cut_meets_counts_as_a_whole_or_not_at_all() {
    for survives in SURVIVE {
        for syncs in 0.. {
            let disk = FaultyDisk::default();
            let (broker, producer) = prepared(&disk).await;
            disk.fail_after_syncs(syncs);
            let told = match write_all(&broker, producer).await {
                true => commit(&broker, producer).await,
                false => Told::Refused,
            };
            assert!(syncs > 0 || told == Told::Refused);
            check(&disk, survives, told).await;
            if told == Told::Committed {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_transaction_whose_end_is_not_answered_for_counts_as_a_whole_or_not_at_all() {
    for survives in SURVIVE {
        let disk = FaultyDisk::default();
        let (broker, producer) = prepared(&disk).await;
        assert!(write_all(&broker, producer).await);
        disk.fail_after_syncs(0);
        assert_eq!(commit(&broker, producer).await, Told::Nothing);
        check(&disk, survives, Told::Nothing).await;
    }
}
