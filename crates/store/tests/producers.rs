//! An idempotent producer's batches are there once, whatever happens to the store in between.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::sync::Arc;

use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{AppendMode, Error, LogConfig, Partition, Store, StoreOptions};
use support::{ID, append, batch, no_tail, numbered, open, segments_of};

fn partition(store: &Store) -> Arc<Partition> {
    store.partition(&ID).unwrap()
}

/// Sends batches of two records, from the `first` on.
async fn send(partition: &Arc<Partition>, batches: std::ops::Range<i32>) {
    for i in batches {
        let offset = append(partition, numbered(5, 0, i * 2, 2)).await.unwrap();
        assert_eq!(offset, i64::from(i) * 2);
    }
}

/// The last five are known, and nothing but the next one is taken.
async fn check_window(partition: &Arc<Partition>, sent: i32) {
    for i in sent - 5..sent {
        let repeated = partition
            .append(numbered(5, 0, i * 2, 2), AppendMode::Client, 0)
            .unwrap();
        assert!(repeated.duplicate);
        assert_eq!(
            (repeated.base_offset, repeated.last_offset),
            (i64::from(i) * 2, i64::from(i) * 2 + 1)
        );
    }
    for wrong in [0, sent * 2 + 2] {
        let error = append(partition, numbered(5, 0, wrong, 2))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::OutOfOrderSequence { expected, .. } if expected == sent * 2)
        );
    }
    let error = append(partition, numbered(5, -1, 0, 1)).await.unwrap_err();
    assert!(matches!(
        error,
        Error::InvalidProducerEpoch {
            current: 0,
            found: -1,
            ..
        }
    ));
}

#[tokio::test]
async fn the_window_survives_crashes_restarts_and_retention() {
    let mut disk = FaultyDisk::default();
    let options = StoreOptions {
        recovery_point_bytes: 600,
        ..no_tail()
    };
    let store = open(&disk, options.clone()).unwrap();
    let config = LogConfig {
        retention_ms: Some(10),
        ..segments_of(300)
    };
    store.create_partition(ID, config.clone()).unwrap();
    send(&partition(&store), 0..20).await;
    check_window(&partition(&store), 20).await;

    disk = disk.crash(Survives::Synced);
    let store = open(&disk, options.clone()).unwrap();
    check_window(&partition(&store), 20).await;
    send(&partition(&store), 20..21).await;
    store.close().unwrap();

    let store = open(&disk, options.clone()).unwrap();
    check_window(&partition(&store), 21).await;
    partition(&store).set_config(config);
    partition(&store).retain(1_000_000).await.unwrap();
    assert_eq!(partition(&store).offsets().log_start, 42);
    assert_eq!(partition(&store).size(), 0);
    check_window(&partition(&store), 21).await;
    store.close().unwrap();

    let store = open(&disk, options).unwrap();
    assert_eq!(partition(&store).offsets().log_end, 42);
    check_window(&partition(&store), 21).await;
    send(&partition(&store), 21..22).await;
}

#[tokio::test]
async fn a_duplicate_is_acknowledged_only_once_the_original_is_durable() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(1, 1)).await.unwrap();
    disk.fail_after_syncs(0);
    let original = partition
        .append(numbered(5, 0, 0, 2), AppendMode::Client, 0)
        .unwrap();
    let repeated = partition.append(numbered(5, 0, 0, 2), AppendMode::Client, 0);
    let failed = partition
        .wait(original.next_offset(), millstream_store::Ack::Durable)
        .await;
    assert!(matches!(failed, Err(Error::Poisoned { .. })));
    // Either the repetition was taken before the failure, and waits for the same, or it was refused.
    if let Ok(repeated) = repeated {
        assert!(repeated.duplicate);
        assert_eq!(repeated.next_offset(), original.next_offset());
    }
}

#[tokio::test]
async fn a_silent_producer_is_forgotten() {
    let disk = FaultyDisk::default();
    let options = StoreOptions {
        producer_expiration_ms: 100,
        ..no_tail()
    };
    let store = open(&disk, options).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, numbered(5, 0, 0, 2)).await.unwrap();
    store.maintain(99).await;
    assert_eq!(partition.producers().len(), 1);
    store.maintain(100).await;
    assert_eq!(partition.producers(), []);
    append(&partition, numbered(5, 0, 77, 2)).await.unwrap();
}
