//! A full disk: appends are refused, and everything that makes room goes on.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{Ack, AppendMode, Error, Flush, LogConfig, Partition, Store, StoreOptions};
use support::{ID, append, bases, batch, no_tail, numbered, open, read_all, segments_of};

fn with_reserve() -> StoreOptions {
    StoreOptions {
        reserve_bytes: 1 << 20,
        ..no_tail()
    }
}

/// A partition on a disk that has no room left, not for a byte.
async fn filled(disk: &FaultyDisk, config: LogConfig) -> (Store, Arc<Partition>) {
    let store = open(disk, with_reserve()).unwrap();
    let partition = store.create_partition(ID, config).unwrap();
    disk.set_room(Some(3_000));
    while append(&partition, batch(1, 200)).await.is_ok() {}
    disk.set_room(Some(0));
    (store, partition)
}

/// Appends as a client that tries again every second of its own clock, until it succeeds.
async fn append_at_last(partition: &Arc<Partition>) -> i64 {
    let trying = async {
        for now_ms in (0..).step_by(1_000) {
            match partition.append(batch(1, 200), AppendMode::Client, now_ms) {
                Ok(appended) => {
                    let next = appended.next_offset();
                    if partition.wait(next, Ack::Durable).await.is_ok() {
                        return appended.base_offset;
                    }
                }
                Err(error) => assert!(matches!(error, Error::StorageFull { .. }), "{error}"),
            }
            tokio::task::yield_now().await;
        }
        0
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, trying).await.unwrap()
}

#[tokio::test]
async fn records_can_be_deleted_on_a_full_disk_and_appends_go_on_in_their_room() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, segments_of(600)).await;
    let end = partition.offsets().high_watermark;
    assert_eq!(bases(&read_all(&partition).await).len() as i64, end);
    assert_eq!(partition.delete_records(end).await.unwrap(), end);
    assert_eq!(partition.size(), 0);

    // The reserve takes back what it gave up before anybody else gets any.
    disk.set_room(Some(1 << 20));
    let resumed = append_at_last(&partition).await;
    assert!(resumed >= end);
    disk.set_room(Some(0));
    let after = open(&disk.crash(Survives::Synced), with_reserve()).unwrap();
    let found = read_all(&after.partition(&ID).unwrap()).await;
    assert_eq!(bases(&found), [resumed]);
    store.close().unwrap();
}

#[tokio::test]
async fn retention_frees_a_full_disk_whatever_it_has_to_write_for_that() {
    for flush in [Flush::Sync, Flush::PageCache] {
        let disk = FaultyDisk::default();
        let config = LogConfig {
            retention_ms: Some(1_000),
            flush,
            ..segments_of(600)
        };
        let (store, partition) = filled(&disk, config).await;
        assert!(partition.size() > 2_000);
        store.maintain(1_000_000).await;
        assert_eq!(partition.size(), 0, "{flush:?}");
        disk.set_room(Some(1 << 20));
        append_at_last(&partition).await;
    }
}

#[tokio::test]
async fn partitions_can_be_deleted_on_a_full_disk() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, segments_of(600)).await;
    store.delete_partition(&ID).unwrap();
    assert!(matches!(
        append(&partition, batch(1, 1)).await,
        Err(Error::Deleted { .. })
    ));
}

#[tokio::test]
async fn a_store_opens_on_a_full_disk_and_shows_what_it_has() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, segments_of(600)).await;
    let held = bases(&read_all(&partition).await);
    drop((store, partition));
    let full = disk.crash(Survives::Synced);
    full.set_room(Some(0));
    let store = open(&full, with_reserve()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(bases(&read_all(&partition).await), held);
    append(&partition, batch(1, 200)).await.unwrap_err();
    let end = partition.offsets().high_watermark;
    partition.delete_records(end).await.unwrap();
    full.set_room(None);
    append_at_last(&partition).await;
}

#[tokio::test]
async fn what_frees_room_is_let_in_when_clients_are_not() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, LogConfig::default()).await;
    let freeing = async || {
        let appended = partition.append(batch(1, 200), AppendMode::Freeing, 0)?;
        partition.wait(appended.next_offset(), Ack::Durable).await
    };
    assert!(matches!(freeing().await, Err(Error::StorageFull { .. })));
    assert!(partition.give_up_reserve());
    for mode in [AppendMode::Client, AppendMode::Internal] {
        let refused = partition.append(batch(1, 1), mode, 0);
        assert!(matches!(refused, Err(Error::StorageFull { .. })));
    }
    freeing().await.unwrap();
}

#[tokio::test]
async fn appends_that_found_no_room_leave_no_gap_at_the_end_of_a_closed_log() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(500)).unwrap();
    append(&partition, batch(1, 200)).await.unwrap();
    disk.set_room(Some(10));
    // The first would go into the same segment, the second into one of its own.
    append(&partition, batch(1, 1)).await.unwrap_err();
    append(&partition, batch(1, 200)).await.unwrap_err();
    disk.set_room(None);
    store.close().unwrap();
    drop((store, partition));
    let store = open(&disk, no_tail()).unwrap();
    let offsets = store.partition(&ID).unwrap().offsets();
    assert_eq!((offsets.high_watermark, offsets.log_end), (1, 1));
}

#[tokio::test]
async fn a_read_that_fails_while_a_closed_store_opens_costs_nothing() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, segments_of(600)).await;
    let deleted = partition.offsets().high_watermark - 1;
    partition.delete_records(deleted).await.unwrap();
    disk.set_room(None);
    append_at_last(&partition).await;
    append_at_last(&partition).await;
    let held = bases(&read_all(&partition).await);
    store.close().unwrap();
    drop((store, partition));
    for n in 0.. {
        let disk = disk.crash(Survives::Written);
        disk.inject(Fault::once(Op::Read, n));
        drop(open(&disk, with_reserve()));
        let reads = disk.count(Op::Read);
        let after = open(&disk.crash(Survives::Written), with_reserve()).unwrap();
        let partition = after.partition(&ID).unwrap();
        assert_eq!(partition.offsets().log_start, deleted, "read {n}");
        assert_eq!(bases(&read_all(&partition).await), held, "read {n}");
        if reads <= n {
            break;
        }
    }
}

#[tokio::test]
async fn a_new_producer_whose_first_batch_finds_no_room_is_not_taken_to_begin_with_its_second() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, LogConfig::default()).await;
    assert!(partition.give_up_reserve());
    let first = append(&partition, numbered(7, 0, 0, 2)).await;
    assert!(matches!(first, Err(Error::StorageFull { .. })));
    disk.set_room(None);
    append_at_last(&partition).await;
    let second = append(&partition, numbered(7, 0, 2, 2)).await;
    assert!(matches!(
        second,
        Err(Error::OutOfOrderSequence { expected: 0, .. })
    ));
    let base = append(&partition, numbered(7, 0, 0, 2)).await.unwrap();
    let next = append(&partition, numbered(7, 0, 2, 2)).await.unwrap();
    assert_eq!(next, base + 2);
    let again = append(&partition, numbered(7, 0, 0, 2)).await.unwrap();
    assert_eq!(again, base);
}
