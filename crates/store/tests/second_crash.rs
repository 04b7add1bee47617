//! What a process left unsynced is not taken for safe by the next one.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{Ack, AppendMode, Flush, LogConfig, Store};
use support::{
    ID, append, bases, batch, no_tail, numbered, open, read_all, segments_of, segments_only,
};

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
async fn what_retention_or_a_request_removed_stays_so() {
    for operations in 0.. {
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
        disk.inject(Fault::from(Op::Any, operations));
        let retained = partition.retain(0).await;
        let seen = partition.offsets().log_start;
        let deleted = partition.delete_records(seen + 1).await;
        let seen = seen.max(deleted.as_ref().map_or(0, |start| *start));
        for survives in [Survives::Synced, Survives::Written] {
            let after = open(&disk.crash(survives), no_tail()).unwrap();
            let found = after.partition(&ID).unwrap().offsets().log_start;
            assert!(
                found >= seen,
                "{operations}, {survives:?}: {found}, not {seen}"
            );
        }
        if retained.is_ok() && deleted.is_ok() {
            assert!(seen > 1);
            return;
        }
    }
}

#[tokio::test]
async fn a_crash_amid_recovery_brings_nothing_back_from_behind_a_cut() {
    let disk = FaultyDisk::default();
    let store = open(&disk, segments_only()).unwrap();
    let kept = LogConfig {
        flush: Flush::PageCache,
        ..segments_of(1_000)
    };
    let partition = store.create_partition(ID, kept).unwrap();
    for _ in 0..6 {
        append(&partition, batch(1, 300)).await.unwrap();
    }
    let torn = disk.crash(Survives::Written);
    let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|x| x == "log");
    let first = torn.files().into_iter().filter(is_log).min().unwrap();
    torn.damage(&first, |bytes| {
        bytes.truncate(bytes.len().saturating_sub(10));
    });
    let undisturbed = open(&torn.crash(Survives::Written), segments_only()).unwrap();
    let left = found(&undisturbed).await;
    assert!((1..6).contains(&left.len()), "{left:?}");
    for operations in 0.. {
        let disk = torn.crash(Survives::Written);
        disk.inject(Fault::from(Op::Any, operations));
        let opened = open(&disk, segments_only()).is_ok();
        let after = open(&disk.crash(Survives::Written), segments_only()).unwrap();
        assert_eq!(found(&after).await, left, "{operations} operations");
        if opened {
            return;
        }
    }
}

#[tokio::test]
async fn a_sync_that_failed_for_want_of_room_is_not_asked_for_again() {
    for after in 0..8 {
        let disk = FaultyDisk::default();
        let store = open(&disk, segments_only()).unwrap();
        let partition = store.create_partition(ID, segments_of(1_000)).unwrap();
        append(&partition, batch(1, 1)).await.unwrap();
        let no_space = 28;
        disk.inject(Fault::once(Op::Sync, after).errno(no_space));
        let appends: Vec<_> = (0..3)
            .map_while(|_| partition.append(batch(1, 600), AppendMode::Client, 0).ok())
            .collect();
        let mut acknowledged = vec![0];
        for append in appends {
            let durable = partition.wait(append.next_offset(), Ack::Durable).await;
            acknowledged.extend(durable.ok().map(|()| append.base_offset));
        }
        let next = open(&disk.crash(Survives::Synced), segments_only()).unwrap();
        let found = found(&next).await;
        let lost: Vec<_> = acknowledged.iter().filter(|o| !found.contains(o)).collect();
        assert!(
            lost.is_empty(),
            "after {after}: {lost:?} of {acknowledged:?}"
        );
    }
}
