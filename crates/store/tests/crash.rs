//! What was acknowledged is there after a crash, whenever it comes.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::path::Path;

use millstream_store::disk::Disk;
use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{Error, Flush, LogConfig, Store, StoreOptions, TopicPartition};
use support::{
    DATA, ID, append, bases, batch, no_tail, numbered, open, read_all, segments_of, segments_only,
};

/// Frequent recovery points, so that crashes meet them, too.
fn eager() -> StoreOptions {
    StoreOptions {
        recovery_point_bytes: 700,
        ..no_tail()
    }
}

/// Appends numbered batches until the disk fails; how many were acknowledged.
async fn produce(store: &Store, count: i32) -> i32 {
    let Some(partition) = store.partition(&ID) else {
        return 0;
    };
    for i in 0..count {
        if append(&partition, numbered(5, 0, i * 2, 2)).await.is_err() {
            return i;
        }
    }
    count
}

/// Opens what a crash left and checks that `acknowledged` batches are there, in order, once.
async fn check_survivors(disk: &FaultyDisk, acknowledged: i32, context: &str) {
    let store = open(disk, eager()).unwrap();
    let Some(partition) = store.partition(&ID) else {
        assert_eq!(acknowledged, 0, "{context}: the partition is gone");
        return;
    };
    let found = bases(&read_all(&partition).await);
    let expected: Vec<i64> = (0..found.len() as i64).map(|i| i * 2).collect();
    assert_eq!(found, expected, "{context}");
    assert!(
        found.len() >= acknowledged as usize,
        "{context}: {} left",
        found.len()
    );

    // The producer goes on where the log ends, and what it repeats is known.
    let next = found.len() as i32;
    let again = numbered(5, 0, (next - 1).max(0) * 2, 2);
    assert_eq!(
        append(&partition, again).await.unwrap(),
        i64::from((next - 1).max(0)) * 2,
        "{context}"
    );
    append(&partition, numbered(5, 0, next.max(1) * 2, 2))
        .await
        .unwrap();
    store.close().unwrap();
}

async fn run_until(syncs: u64) -> (FaultyDisk, i32) {
    let disk = FaultyDisk::default();
    disk.fail_after_syncs(syncs);
    let Ok(store) = open(&disk, eager()) else {
        return (disk, 0);
    };
    let acknowledged = match store.create_partition(ID, segments_of(400)) {
        Ok(_) => produce(&store, 30).await,
        Err(_) => 0,
    };
    let _ = store.close();
    drop(store);
    (disk, acknowledged)
}

#[tokio::test]
async fn a_crash_at_any_sync_loses_nothing_acknowledged() {
    let (disk, all) = run_until(u64::MAX - 1).await;
    assert_eq!(all, 30);
    for syncs in 0..disk.syncs() {
        let (disk, acknowledged) = run_until(syncs).await;
        let kinds = [
            Survives::Synced,
            Survives::Written,
            Survives::Torn(1),
            Survives::Torn(70),
        ];
        for survives in kinds {
            let context = format!("sync {syncs}, {survives:?}");
            check_survivors(&disk.crash(survives), acknowledged, &context).await;
        }
    }
}

#[tokio::test]
async fn a_clean_close_keeps_everything_however_late_a_recovery_point_comes() {
    for round in 0..100 {
        let (disk, all) = run_until(u64::MAX - 1).await;
        let context = format!("round {round}");
        check_survivors(&disk.crash(Survives::Synced), all, &context).await;
    }
}

#[tokio::test]
async fn a_crash_at_any_sync_of_recovery_loses_nothing_either() {
    let (disk, acknowledged) = run_until(60).await;
    assert!(acknowledged > 0);
    let torn = disk.crash(Survives::Torn(50));
    let whole = torn.crash(Survives::Written);
    open(&whole, eager()).unwrap();
    for syncs in 0..whole.syncs() {
        let again = torn.crash(Survives::Written);
        again.fail_after_syncs(syncs);
        let _ = open(&again, eager());
        let context = format!("sync {syncs} of recovery");
        check_survivors(&again.crash(Survives::Synced), acknowledged, &context).await;
    }
}

#[tokio::test]
async fn the_log_is_cut_exactly_where_the_last_segment_was_torn() {
    let disk = FaultyDisk::default();
    let store = open(&disk, segments_only()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    let mut ends = vec![0];
    for records in [1, 3, 2, 4] {
        let batch = batch(records, 20);
        ends.push(ends.last().unwrap() + batch.size());
        append(&partition, batch).await.unwrap();
    }
    drop(store);
    let log = disk
        .files()
        .into_iter()
        .find(|path| path.extension().is_some_and(|x| x == "log"))
        .unwrap();
    let offsets = [0, 1, 4, 6, 10];
    for len in 0..=*ends.last().unwrap() {
        let torn = disk.crash(Survives::Written);
        torn.damage(&log, |bytes| bytes.truncate(len));
        check_cut(&torn, &ends, &offsets, len).await;

        let changed = disk.crash(Survives::Written);
        changed.damage(&log, |bytes| {
            if let Some(byte) = bytes.get_mut(len) {
                *byte ^= 0x10;
            }
        });
        // Base offset and leader epoch are outside of the checksum; any other byte is noticed.
        let in_batch = len - ends.iter().rfind(|&&end| end <= len).unwrap();
        if !(0..8).contains(&in_batch) && !(12..16).contains(&in_batch) {
            check_cut(&changed, &ends, &offsets, len).await;
        }
    }
}

async fn check_cut(disk: &FaultyDisk, ends: &[usize], offsets: &[i64], len: usize) {
    let whole = ends.partition_point(|&end| end <= len) - 1;
    let store = open(disk, segments_only()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(
        partition.offsets().log_end,
        offsets[whole],
        "{len} bytes left"
    );
    assert_eq!(partition.size(), ends[whole] as u64, "{len} bytes left");
    assert_eq!(bases(&read_all(&partition).await), offsets[..whole]);
    assert_eq!(
        append(&partition, batch(1, 1)).await.unwrap(),
        offsets[whole]
    );
}

#[tokio::test]
async fn nothing_behind_a_cut_comes_back_under_its_old_offset() {
    let disk = FaultyDisk::default();
    let store = open(&disk, segments_only()).unwrap();
    let partition = store.create_partition(ID, segments_of(300)).unwrap();
    for _ in 0..10 {
        append(&partition, batch(1, 100)).await.unwrap();
    }
    drop((store, partition));
    let disk = disk.crash(Survives::Written);
    let is_log = |path: &std::path::PathBuf| path.extension().is_some_and(|x| x == "log");
    let logs = || disk.files().into_iter().filter(is_log).collect::<Vec<_>>();
    assert_eq!(logs().len(), 10);
    disk.damage(&logs()[4], |bytes| bytes[100] ^= 1);

    let store = open(&disk, segments_only()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(partition.offsets().log_end, 4);
    assert_eq!(logs().len(), 4);
    assert_eq!(append(&partition, batch(1, 100)).await.unwrap(), 4);
    assert_eq!(bases(&read_all(&partition).await), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn damage_below_the_recovery_point_leaves_a_partition_to_be_read_and_the_others_alone() {
    let other = TopicPartition { index: 1, ..ID };
    let disk = FaultyDisk::default();
    let store = open(&disk, segments_only()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    let beside = store.create_partition(other, LogConfig::default()).unwrap();
    append(&beside, batch(1, 100)).await.unwrap();
    for _ in 0..10 {
        append(&partition, batch(1, 100)).await.unwrap();
    }
    store.maintain(0).await;
    // Behind the recovery point.
    append(&partition, batch(1, 100)).await.unwrap();
    let size = partition.size() as usize;
    let dir = Path::new(DATA).join(format!("topics/{}/{}", ID.topic_id, ID.index));
    let file = |extension: &str| dir.join(format!("{:020}.{extension}", 0));
    let (log, whole) = (file("log"), size / 11 * 4);
    drop((store, partition, beside));
    for (len, end) in [(whole, 10), (whole + 50, 10), (size, 11)] {
        let damaged = disk.crash(Survives::Written);
        damaged.remove_file(&file("index")).unwrap();
        damaged.damage(&log, |bytes| {
            bytes.truncate(len);
            if let Some(byte) = bytes.get_mut(whole + 100) {
                *byte ^= 1;
            }
        });
        for again in [false, true] {
            let context = format!("{len} of {size} bytes, again {again}");
            let store = open(&damaged, segments_only()).unwrap();
            let partition = store.partition(&ID).unwrap();
            assert_eq!(partition.offsets().high_watermark, end, "{context}");
            let read = partition.read(0, 10_000, end, true).await.unwrap();
            assert_eq!(bases(&read), [0, 1, 2, 3], "{context}");
            let error = partition.read(4, 10_000, end, true).await.unwrap_err();
            let told = error.to_string();
            let place = format!("{} is corrupt at byte {whole}", log.display());
            assert!(told.starts_with(&place), "{context}: {told}");
            let error = append(&partition, batch(1, 1)).await.unwrap_err();
            assert!(
                matches!(error, Error::Poisoned { .. }),
                "{context}: {error}"
            );
            assert!(error.to_string().contains(&place), "{context}: {error}");
            store.maintain(0).await;
            let beside = store.partition(&other).unwrap();
            append(&beside, batch(1, 100)).await.unwrap();
            store.close().unwrap_err();
        }
        damaged.damage(&log, |bytes| assert_eq!(bytes.len(), len, "nothing is cut"));
    }
}

#[tokio::test]
async fn each_unclean_open_begins_a_leader_epoch_where_the_log_ended() {
    let mut disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(5, 1)).await.unwrap();
    drop((store, partition));
    for epoch in 1..4 {
        disk = disk.crash(Survives::Synced);
        let store = open(&disk, no_tail()).unwrap();
        let partition = store.partition(&ID).unwrap();
        assert_eq!(partition.leader_epoch(), epoch);
        append(&partition, batch(5, 1)).await.unwrap();
        let end = partition.epoch_end_offset(epoch - 1);
        assert_eq!(
            (end.epoch, end.end_offset),
            (epoch - 1, i64::from(epoch) * 5)
        );
    }
    let store = open(&disk, no_tail()).unwrap();
    store.close().unwrap();
    let epoch = store.partition(&ID).unwrap().leader_epoch();
    drop(store);
    let store = open(&disk, no_tail()).unwrap();
    assert_eq!(
        store.partition(&ID).unwrap().leader_epoch(),
        epoch,
        "after a clean shutdown"
    );
}

#[tokio::test]
async fn a_leader_epoch_that_clients_saw_never_goes_back() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(5, 1)).await.unwrap();
    store.maintain(0).await;
    drop((store, partition));
    let disk = disk.crash(Survives::Synced);
    let store = open(&disk, no_tail()).unwrap();
    let seen = store.partition(&ID).unwrap().leader_epoch();
    store.close().unwrap();
    drop(store);
    let store = open(&disk, no_tail()).unwrap();
    assert_eq!(store.partition(&ID).unwrap().leader_epoch(), seen);
}

#[tokio::test]
async fn a_failed_sync_poisons_the_partition_and_reads_go_on() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(5, 1)).await.unwrap();
    disk.fail_after_syncs(0);
    let error = append(&partition, batch(5, 1)).await.unwrap_err();
    assert!(matches!(error, Error::Poisoned { partition, .. } if partition == ID));
    disk.fail_after_syncs(u64::MAX - 1);
    let error = append(&partition, batch(5, 1)).await.unwrap_err();
    assert!(matches!(error, Error::Poisoned { .. }));
    assert_eq!(bases(&read_all(&partition).await), [0]);
    assert!(matches!(store.close(), Err(Error::Poisoned { .. })));
    assert!(!disk.files().contains(&Path::new(DATA).join("clean")));
}

#[tokio::test]
async fn a_full_disk_refuses_appends_until_there_is_room() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(1_000)).unwrap();
    append(&partition, numbered(5, 0, 0, 2)).await.unwrap();
    let log_size = partition.size();
    disk.set_room(Some(30));
    for _ in 0..3 {
        let error = append(&partition, numbered(5, 0, 2, 2)).await.unwrap_err();
        assert!(matches!(error, Error::StorageFull { .. }), "{error}");
    }
    assert_eq!(partition.size(), log_size);
    assert_eq!(bases(&read_all(&partition).await), [0]);
    disk.set_room(None);
    let resumed = append(&partition, numbered(5, 0, 2, 2)).await.unwrap();
    let duplicate = append(&partition, numbered(5, 0, 2, 2)).await.unwrap();
    assert_eq!(resumed, duplicate);
    assert_eq!(bases(&read_all(&partition).await), [0, resumed]);
    store.close().unwrap();
    drop((store, partition));

    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(bases(&read_all(&partition).await), [0, resumed]);
    append(&partition, numbered(5, 0, 4, 2)).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_at_a_roll_leaves_the_partition_usable() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(300)).unwrap();
    for _ in 0..5 {
        disk.set_room(Some(100));
        append(&partition, batch(1, 100)).await.unwrap_err();
        disk.set_room(None);
        append(&partition, batch(1, 100)).await.unwrap();
    }
    let found = bases(&read_all(&partition).await);
    assert_eq!(found.len(), 5);
    drop((store, partition));
    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    assert_eq!(
        bases(&read_all(&store.partition(&ID).unwrap()).await),
        found
    );
}

#[tokio::test]
async fn a_segment_that_was_removed_for_holding_nothing_stays_away() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(1_000)).unwrap();
    append(&partition, batch(1, 500)).await.unwrap();
    disk.set_room(Some(100));
    // Too large for the segment, so that another is made, and for the disk.
    let refused = append(&partition, batch(1, 700)).await;
    assert!(matches!(refused, Err(Error::StorageFull { .. })));
    disk.set_room(None);
    store.close().unwrap();

    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    append(&partition, batch(1, 100)).await.unwrap();
    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(bases(&read_all(&partition).await), [0, 1]);
}

#[tokio::test]
async fn a_partition_that_lacked_files_takes_appends_once_they_can_be_opened() {
    // Too many files of the process, of the system; no memory to open one.
    for errno in [24, 23, 12] {
        let disk = FaultyDisk::default();
        let store = open(&disk, segments_only()).unwrap();
        let partition = store.create_partition(ID, segments_of(300)).unwrap();
        let mut sequence = 0;
        for idle in [true, false, true] {
            append(&partition, numbered(5, 0, sequence, 2))
                .await
                .unwrap();
            if idle {
                // Saved, released, and closed when nobody had asked for it in between.
                for now_ms in 0..4 {
                    store.maintain(now_ms).await;
                }
            } else {
                partition.set_config(segments_of(partition.size() as u32 + 1));
            }
            disk.set_open_error(Some(errno));
            let error = append(&partition, numbered(5, 0, sequence + 2, 2)).await;
            assert!(
                matches!(error, Err(Error::CannotOpen { .. })),
                "errno {errno}, idle {idle}: {error:?}"
            );
            disk.set_open_error(None);
            append(&partition, numbered(5, 0, sequence + 2, 2))
                .await
                .unwrap();
            sequence += 4;
        }
        assert_eq!(bases(&read_all(&partition).await).len(), 6);
        store.close().unwrap();
    }
}

#[tokio::test]
async fn the_page_cache_policy_survives_a_crash_of_the_process() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let config = LogConfig {
        flush: Flush::PageCache,
        ..segments_of(500)
    };
    let partition = store.create_partition(ID, config).unwrap();
    for _ in 0..20 {
        append(&partition, batch(2, 50)).await.unwrap();
    }
    drop((store, partition));
    let written = open(&disk.crash(Survives::Written), no_tail()).unwrap();
    assert_eq!(written.partition(&ID).unwrap().offsets().high_watermark, 40);
    for more in [0, 1, 100, 1_000] {
        let store = open(&disk.crash(Survives::Torn(more)), no_tail()).unwrap();
        let found = bases(&read_all(&store.partition(&ID).unwrap()).await);
        let expected: Vec<i64> = (0..found.len() as i64).map(|i| i * 2).collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn once_a_partition_turns_to_syncs_what_it_had_before_is_durable_too() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let config = LogConfig {
        flush: Flush::PageCache,
        ..segments_of(500)
    };
    let partition = store.create_partition(ID, config).unwrap();
    for _ in 0..20 {
        append(&partition, batch(2, 50)).await.unwrap();
    }
    partition.set_config(segments_of(500));
    append(&partition, batch(2, 50)).await.unwrap();
    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let found = bases(&read_all(&store.partition(&ID).unwrap()).await);
    assert_eq!(found, (0..=20).map(|i| i * 2).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_deleted_partition_stays_deleted() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    append(&partition, batch(5, 1)).await.unwrap();
    store.delete_partition(&ID).unwrap();
    assert!(matches!(
        append(&partition, batch(1, 1)).await,
        Err(Error::Deleted { .. })
    ));
    assert!(matches!(
        store.delete_partition(&ID),
        Err(Error::NotFound { .. })
    ));
    let after = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    assert!(after.partition(&ID).is_none());
    let fresh = after.create_partition(ID, LogConfig::default()).unwrap();
    assert_eq!(append(&fresh, batch(1, 1)).await.unwrap(), 0);
}

#[tokio::test]
async fn opening_reads_nothing_that_is_known_to_be_good() {
    let disk = FaultyDisk::default();
    let options = StoreOptions {
        recovery_point_bytes: 100_000,
        ..no_tail()
    };
    let store = open(&disk, options.clone()).unwrap();
    let partition = store.create_partition(ID, segments_of(50_000)).unwrap();
    for _ in 0..400 {
        append(&partition, batch(1, 1_000)).await.unwrap();
    }
    let size = partition.size();
    drop((store, partition));

    let crashed = disk.crash(Survives::Synced);
    let store = open(&crashed, options.clone()).unwrap();
    assert!(
        crashed.bytes_read() < size / 2,
        "{} of {size} read after a crash",
        crashed.bytes_read()
    );
    store.close().unwrap();
    drop(store);
    let before = crashed.bytes_read();
    let store = open(&crashed, options).unwrap();
    let read = crashed.bytes_read() - before;
    assert!(read < 1_000, "{read} bytes read after a clean shutdown");
    assert_eq!(store.partition(&ID).unwrap().offsets().log_end, 400);
}

#[tokio::test]
async fn what_a_recovery_has_read_is_not_read_again_to_find_a_record() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(1 << 20)).unwrap();
    for _ in 0..400 {
        append(&partition, batch(1, 1_000)).await.unwrap();
    }
    let size = partition.size();
    drop((store, partition));

    let crashed = disk.crash(Survives::Synced);
    let store = open(&crashed, no_tail()).unwrap();
    let before = crashed.bytes_read();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(
        bases(&partition.read(200, 1, 400, true).await.unwrap()),
        [200]
    );
    let read = crashed.bytes_read() - before;
    assert!(read < size / 4, "{read} of {size}");
}

#[tokio::test]
async fn an_index_that_outlived_the_log_it_speaks_of_misleads_nobody() {
    for more in 0..40 {
        let disk = FaultyDisk::default();
        let store = open(&disk, eager()).unwrap();
        let config = LogConfig {
            flush: Flush::PageCache,
            ..segments_of(1_000_000)
        };
        let partition = store.create_partition(ID, config).unwrap();
        for _ in 0..30 {
            append(&partition, batch(2, 50)).await.unwrap();
        }
        drop((store, partition));

        // The index reached the device whole, of the log little more than was synced.
        let (synced, torn) = (disk.crash(Survives::Synced), disk.crash(Survives::Written));
        for path in synced
            .files()
            .iter()
            .filter(|path| path.extension().is_some_and(|x| x == "log"))
        {
            let len = synced.open(path).unwrap().size().unwrap() as usize;
            torn.damage(path, |bytes| {
                bytes.truncate(len + (bytes.len() - len) * more / 40);
            });
        }
        let store = open(&torn, eager()).unwrap();
        let partition = store.partition(&ID).unwrap();
        for i in 0..30 {
            append(&partition, batch(2, 10 + i * 7 % 90)).await.unwrap();
        }
        store.close().unwrap();
        drop((store, partition));

        let store = open(&torn, eager()).unwrap();
        let partition = store.partition(&ID).unwrap();
        let found = bases(&read_all(&partition).await);
        let expected: Vec<i64> = (0..found.len() as i64).map(|i| i * 2).collect();
        assert_eq!(found, expected, "{more}/40 of what was not synced survived");
        assert!(found.len() >= 30);
    }
}
