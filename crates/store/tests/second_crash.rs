//! What a process left unsynced is not taken for safe by the next one.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{AppendMode, Flush, LogConfig, Store};
use support::{ID, append, bases, batch, no_tail, numbered, open, read_all, segments_of};

async fn found(store: &Store) -> Vec<i64> {
    bases(&read_all(&store.partition(&ID).unwrap()).await)
}

#[tokio::test]
async fn a_partition_whose_making_was_interrupted_keeps_what_it_is_given_later() {
    let disk = FaultyDisk::default();
    drop(open(&disk, no_tail()).unwrap());
    let syncs = disk.syncs();
    for until in syncs.. {
        let disk = FaultyDisk::default();
        disk.inject(Fault::from(Op::Any, until));
        let made = open(&disk, no_tail())
            .and_then(|store| store.create_partition(ID, LogConfig::default()).map(drop));
        let next = disk.crash(Survives::Written);
        let store = open(&next, no_tail()).unwrap();
        if let Some(partition) = store.partition(&ID) {
            append(&partition, batch(1, 1)).await.unwrap();
            let after = open(&next.crash(Survives::Synced), no_tail()).unwrap();
            assert_eq!(found(&after).await, [0], "{until} operations");
        }
        if made.is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn what_a_failed_sync_left_behind_is_not_believed_by_the_next_process() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(1, 1_000)).await.unwrap();
    disk.inject(Fault::from(Op::Sync, 0));
    append(&partition, batch(1, 1_000)).await.unwrap_err();
    drop((store, partition));

    let next = disk.crash(Survives::Written);
    let store = open(&next, no_tail()).unwrap();
    append(&store.partition(&ID).unwrap(), batch(1, 1))
        .await
        .unwrap();
    let visible = found(&store).await;
    store.close().unwrap();
    let after = open(&next.crash(Survives::Synced), no_tail()).unwrap();
    assert_eq!(found(&after).await, visible);
}

#[tokio::test]
async fn a_power_cut_leaves_no_second_half_of_a_group_without_the_first() {
    for seed in 0..30 {
        let disk = FaultyDisk::default();
        let store = open(&disk, no_tail()).unwrap();
        let partition = store.create_partition(ID, segments_of(1_000)).unwrap();
        append(&partition, numbered(5, 0, 0, 1)).await.unwrap();
        let first = batch(1, 600);
        disk.inject(Fault::from(Op::Sync, 3));
        for batch in [first, batch(1, 600), batch(1, 600)] {
            let _ = partition.append(batch, AppendMode::Client, 0);
        }
        let _ = partition.settle().await;
        let after = open(&disk.crash(Survives::Mixed(seed)), no_tail()).unwrap();
        let left = found(&after).await;
        let dense: Vec<i64> = (0..left.len() as i64).collect();
        assert_eq!(left, dense, "seed {seed}");
    }
}

#[tokio::test]
async fn a_deletion_that_failed_leaves_no_partition_that_is_taken_at_its_word() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(1, 1)).await.unwrap();
    store.maintain(0).await;
    append(&partition, batch(1, 1)).await.unwrap();
    disk.inject(Fault::once(Op::Rename, 0));
    store.delete_partition(&ID).unwrap_err();
    store.close().unwrap();
    drop(store);
    let store = open(&disk, no_tail()).unwrap();
    assert_eq!(found(&store).await, [0, 1]);
    let partition = store.partition(&ID).unwrap();
    assert_eq!(append(&partition, batch(1, 1)).await.unwrap(), 2);
}

#[tokio::test]
async fn segments_that_cannot_be_removed_leave_no_hole_in_the_log() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let config = LogConfig {
        flush: Flush::PageCache,
        retention_bytes: Some(1_000),
        ..segments_of(300)
    };
    let partition = store.create_partition(ID, config).unwrap();
    for _ in 0..10 {
        append(&partition, batch(1, 100)).await.unwrap();
    }
    store.maintain(0).await;
    // The first removal fails, those after it would not.
    append(&partition, batch(1, 100)).await.unwrap();
    disk.inject(Fault::once(Op::Remove, 1));
    store.maintain(0).await;
    let start = partition.offsets().log_start;
    for _ in 0..3 {
        append(&partition, batch(1, 100)).await.unwrap();
        store.maintain(0).await;
    }
    let end = partition.offsets().log_end;
    let after = open(&disk.crash(Survives::Written), no_tail()).unwrap();
    let dense: Vec<i64> = (partition.offsets().log_start..end).collect();
    assert!(partition.offsets().log_start > start);
    assert_eq!(found(&after).await, dense);
}

#[tokio::test]
async fn what_retention_took_does_not_come_back_after_a_power_cut() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let config = LogConfig {
        retention_bytes: Some(1_000),
        ..segments_of(300)
    };
    let partition = store.create_partition(ID, config).unwrap();
    for _ in 0..10 {
        append(&partition, batch(1, 100)).await.unwrap();
    }
    store.maintain(0).await;
    let start = partition.offsets().log_start;
    assert!(start > 0);
    let after = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let offsets = after.partition(&ID).unwrap().offsets();
    assert_eq!(offsets.log_start, start);
}

#[tokio::test]
async fn records_deleted_on_request_stay_so_although_retention_came_first() {
    for renames in 0..3 {
        let disk = FaultyDisk::default();
        let store = open(&disk, no_tail()).unwrap();
        let config = LogConfig {
            retention_bytes: Some(1_000),
            ..segments_of(300)
        };
        let partition = store.create_partition(ID, config).unwrap();
        for _ in 0..10 {
            append(&partition, batch(1, 100)).await.unwrap();
        }
        // Without a recovery point nothing is removed yet.
        disk.inject(Fault::once(Op::Rename, 0));
        partition.retain(0).await.unwrap();
        let start = partition.offsets().log_start;
        assert!(start > 0);
        disk.inject(Fault::once(Op::Rename, renames));
        let deleted = partition.delete_records(start).await;
        let after = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
        let found = after.partition(&ID).unwrap().offsets().log_start;
        assert!(
            deleted.is_err() || found == start,
            "{deleted:?}, and the log begins at {found}"
        );
    }
}
