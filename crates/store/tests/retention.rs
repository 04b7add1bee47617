//! What removes data removes exactly that, and it stays removed.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use millstream_store::disk::Disk as _;
use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{Error, LogConfig, Partition, Store};
use support::{ID, append, bases, batch_at, no_tail, open, read_all, segments_of};

/// Six segments of one batch with two records each; the i-th is of time 1000 × i.
async fn six_segments(disk: &FaultyDisk, config: LogConfig) -> (Store, Arc<Partition>) {
    let store = open(disk, no_tail()).unwrap();
    let partition = store
        .create_partition(
            ID,
            LogConfig {
                segment_bytes: 400,
                ..config
            },
        )
        .unwrap();
    for i in 0..6 {
        append(&partition, batch_at(&[i * 1_000 - 5, i * 1_000], 100))
            .await
            .unwrap();
    }
    (store, partition)
}

#[tokio::test]
async fn retention_keeps_what_is_young_and_what_fits() {
    let size = batch_at(&[0, 0], 100).size() as u64;
    let check = async |retention_ms, retention_bytes, now_ms, first: i64| {
        let disk = FaultyDisk::default();
        let config = LogConfig {
            retention_ms,
            retention_bytes,
            ..segments_of(400)
        };
        let (_store, partition) = six_segments(&disk, config).await;
        partition.retain(now_ms).await.unwrap();
        let context = format!("{retention_ms:?} ms, {retention_bytes:?} bytes at {now_ms}");
        assert_eq!(partition.offsets().log_start, first, "{context}");
        let expected: Vec<i64> = (first / 2..6).map(|i| i * 2).collect();
        assert_eq!(bases(&read_all(&partition).await), expected, "{context}");
    };
    check(None, None, i64::MAX, 0).await;
    check(Some(1_000), None, 1_000, 0).await;
    check(Some(1_000), None, 1_001, 2).await;
    check(Some(1_000), None, 4_500, 8).await;
    check(Some(1_000), None, 9_999, 12).await;
    check(None, Some(6 * size), 0, 0).await;
    check(None, Some(5 * size + 1), 0, 0).await;
    check(None, Some(5 * size), 0, 2).await;
    check(None, Some(3 * size), 0, 6).await;
    check(None, Some(0), 0, 10).await;
    check(Some(1_000), Some(3 * size), 1_500, 6).await;
}

#[tokio::test]
async fn an_emptied_partition_goes_on_where_it_was() {
    let disk = FaultyDisk::default();
    let config = LogConfig {
        retention_ms: Some(0),
        ..segments_of(400)
    };
    let (_store, partition) = six_segments(&disk, config).await;
    partition.retain(1_000_000).await.unwrap();
    assert!(
        !disk
            .files()
            .iter()
            .any(|path| path.extension().is_some_and(|x| x == "log"))
    );
    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(
        (partition.offsets().log_start, partition.offsets().log_end),
        (12, 12)
    );
    assert_eq!(append(&partition, batch_at(&[1], 1)).await.unwrap(), 12);
}

#[tokio::test]
async fn what_is_left_of_a_segment_that_was_removed_goes_with_the_next_start() {
    let disk = FaultyDisk::default();
    let (store, partition) = six_segments(&disk, segments_of(400)).await;
    drop(partition);
    store.close().unwrap();
    drop(store);
    let of_first = |path: &PathBuf| path.to_string_lossy().contains("/00000000000000000000.");
    let is_log = |path: &PathBuf| path.extension().is_some_and(|x| x == "log");
    let files = disk.files().into_iter().filter(of_first);
    let (logs, others): (Vec<_>, Vec<_>) = files.partition(is_log);
    assert_eq!((logs.len(), others.len()), (1, 1));
    disk.remove_file(&logs[0]).unwrap();
    open(&disk, no_tail()).unwrap();
    assert!(!disk.files().iter().any(of_first));
}

#[tokio::test]
async fn what_follows_a_removal_that_failed_half_way_is_kept() {
    for removals in 0..3 {
        let disk = FaultyDisk::default();
        let store = open(&disk, no_tail()).unwrap();
        let partition = store.create_partition(ID, segments_of(1 << 20)).unwrap();
        append(&partition, batch_at(&[0, 0], 100)).await.unwrap();
        disk.inject(Fault::once(Op::Remove, removals));
        // Whether the segment went, nobody is told here: its log, its index or its list was to fail.
        let _ = partition.delete_records(2).await;
        assert_eq!(append(&partition, batch_at(&[0, 0], 100)).await.unwrap(), 2);

        let store = open(&disk.crash(Survives::Written), no_tail()).unwrap();
        let partition = store.partition(&ID).unwrap();
        assert_eq!(partition.offsets().log_end, 4, "after {removals} removals");
        assert_eq!(bases(&read_all(&partition).await), [2]);
    }
}

#[tokio::test]
async fn deleted_records_stay_deleted() {
    let disk = FaultyDisk::default();
    let (_store, partition) = six_segments(&disk, segments_of(400)).await;
    assert_eq!(partition.delete_records(5).await.unwrap(), 5);
    assert_eq!(
        partition.delete_records(3).await.unwrap(),
        5,
        "the log start never goes back"
    );
    for wrong in [-1, 13] {
        let error = partition.delete_records(wrong).await.unwrap_err();
        assert!(matches!(error, Error::OffsetOutOfRange { offset, .. } if offset == wrong));
    }
    let below = partition.read(4, 1 << 20, 12, true).await.unwrap_err();
    assert!(matches!(
        below,
        Error::OffsetOutOfRange { log_start: 5, .. }
    ));
    // The batch that holds the log start is read whole.
    assert_eq!(bases(&read_all(&partition).await), [4, 6, 8, 10]);

    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(partition.offsets().log_start, 5);
    assert_eq!(bases(&read_all(&partition).await), [4, 6, 8, 10]);
    assert_eq!(partition.delete_records(12).await.unwrap(), 12);
    assert_eq!(partition.size(), 0);
    assert_eq!(append(&partition, batch_at(&[1], 1)).await.unwrap(), 12);
}

#[tokio::test]
async fn maintenance_closes_files_and_reads_open_them_again() {
    let disk = FaultyDisk::default();
    let (store, partition) = six_segments(&disk, segments_of(400)).await;
    for _ in 0..3 {
        store.maintain(0).await;
    }
    assert_eq!(bases(&read_all(&partition).await), [0, 2, 4, 6, 8, 10]);
    assert_eq!(append(&partition, batch_at(&[9_000], 1)).await.unwrap(), 12);
    assert_eq!(bases(&read_all(&partition).await).len(), 7);
}

#[tokio::test]
async fn segments_roll_by_size_and_by_time() {
    let logs = |disk: &FaultyDisk| {
        let is_log = |path: &PathBuf| path.extension().is_some_and(|x| x == "log");
        disk.files().into_iter().filter(is_log).count()
    };
    let check = async |config: LogConfig, times: &[i64], expected| {
        let disk = FaultyDisk::default();
        let store = open(&disk, no_tail()).unwrap();
        let partition = store.create_partition(ID, config.clone()).unwrap();
        for &time in times {
            append(&partition, batch_at(&[time], 10)).await.unwrap();
        }
        assert_eq!(logs(&disk), expected, "{config:?} {times:?}");
    };
    let size = batch_at(&[0], 10).size() as u32;
    check(segments_of(size * 2), &[0; 4], 2).await;
    check(segments_of(size * 2 - 1), &[0; 4], 4).await;
    let daily = LogConfig {
        segment_ms: 100,
        ..segments_of(10_000)
    };
    check(daily.clone(), &[0, 50, 100], 1).await;
    check(daily.clone(), &[0, 101, 202], 3).await;
    check(daily, &[500, 0, 600, 601], 2).await;
    let indexed = LogConfig {
        segment_index_bytes: 32,
        index_interval_bytes: 1,
        ..segments_of(10_000)
    };
    check(indexed, &[0; 4], 2).await;
    let too_small = segments_of(size - 1);
    let store = open(&FaultyDisk::default(), no_tail()).unwrap();
    let partition = store.create_partition(ID, too_small).unwrap();
    let error = append(&partition, batch_at(&[0], 10)).await.unwrap_err();
    assert!(matches!(error, Error::BatchTooLarge { limit, .. } if limit == size - 1));
}

#[tokio::test]
async fn a_partition_that_takes_no_writes_gives_its_room_back() {
    let disk = FaultyDisk::default();
    let config = LogConfig {
        retention_ms: Some(2_000),
        ..segments_of(400)
    };
    let (store, partition) = six_segments(&disk, config).await;
    store.maintain(0).await;
    disk.inject(Fault::from(Op::Sync, 0));
    append(&partition, batch_at(&[6_000], 100))
        .await
        .unwrap_err();
    disk.heal(Op::Sync);
    assert!(matches!(
        partition.write_error(),
        Some(Error::Poisoned { .. })
    ));
    store.maintain(5_000).await;
    assert_eq!(partition.offsets().log_start, 6);
    assert_eq!(bases(&read_all(&partition).await), [6, 8, 10]);
    let found = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let partition = found.partition(&ID).unwrap();
    assert_eq!(bases(&read_all(&partition).await), [6, 8, 10]);
}
