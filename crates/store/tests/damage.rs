//! Damage in old records costs who reads them an error that says where, and nobody else anything.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{Error, LogConfig, Partition, Store, TopicPartition};
use support::{DATA, ID, append, bases, batch, batch_at, no_tail, open};

/// Records in each batch.
const RECORDS: i64 = 3;
/// Batches in each segment, and segments in the log.
const BATCHES: i64 = 5;
const SEGMENTS: i64 = 3;
/// The batch in the middle of the second segment, which is the one that is damaged.
const VICTIM: i64 = BATCHES + 2;

/// A log under two leader epochs; the second begins in the middle of the damaged segment.
async fn fill(disk: &FaultyDisk, index_interval_bytes: u32) -> (Store, Arc<Partition>, FaultyDisk) {
    let config = LogConfig {
        segment_bytes: batch(RECORDS as usize, 20).size() as u32 * BATCHES as u32,
        index_interval_bytes,
        ..LogConfig::default()
    };
    let store = open(disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, config.clone()).unwrap();
    for number in 0..VICTIM {
        append_one(&partition, number).await;
    }
    let disk = disk.crash(Survives::Written);
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    partition.set_config(config);
    for number in VICTIM..BATCHES * SEGMENTS {
        append_one(&partition, number).await;
    }
    (store, partition, disk)
}

async fn append_one(partition: &Arc<Partition>, number: i64) {
    let first = number * RECORDS;
    let times: Vec<i64> = (first..first + RECORDS).collect();
    append(partition, batch_at(&times, 20)).await.unwrap();
}

fn segment(number: i64) -> PathBuf {
    let first = number * BATCHES * RECORDS;
    let name = format!("topics/{}/{}/{first:020}.log", ID.topic_id, ID.index);
    Path::new(DATA).join(name)
}

/// Where the victim lies in its segment's file.
fn victim() -> std::ops::Range<usize> {
    let size = batch(RECORDS as usize, 20).size();
    let at = (VICTIM % BATCHES) as usize;
    at * size..(at + 1) * size
}

/// Flips bits of one byte of a file; a second time, it is as it was.
fn flip(disk: &FaultyDisk, path: &Path, at: usize, mask: u8) {
    disk.damage(path, |bytes| bytes[at] ^= mask);
}

async fn read(partition: &Partition, from: i64) -> Result<Vec<i64>, Error> {
    let until = partition.offsets().high_watermark;
    let read = partition.read(from, 1 << 20, until, true).await;
    read.map(|read| bases(&read))
}

fn assert_names_the_victim(error: &Error, context: &str) {
    let at = victim().start as u64;
    assert!(
        matches!(error, Error::Corrupt { file, position, .. } if *file == segment(1) && *position == at),
        "{context}: {error}"
    );
}

#[tokio::test]
async fn a_flipped_bit_costs_its_own_batch_and_nothing_else() {
    let (_store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
    let (first, behind) = (VICTIM * RECORDS, (VICTIM + 1) * RECORDS);
    let all = read(&partition, 0).await.unwrap();
    assert_eq!(all.len() as i64, BATCHES * SEGMENTS);
    for at in victim() {
        for mask in [0x01, 0x10, 0x80, 0xff] {
            let context = format!("byte {} by {mask:#04x}", at - victim().start);
            flip(&disk, &segment(1), at, mask);
            let before = read(&partition, 0).await.unwrap();
            assert_eq!(before, all[..VICTIM as usize], "{context}");
            for offset in first..behind {
                let error = read(&partition, offset).await.unwrap_err();
                assert_names_the_victim(&error, &context);
            }
            let after = read(&partition, behind).await.unwrap();
            assert_eq!(after, all[VICTIM as usize + 1..], "{context}");
            flip(&disk, &segment(1), at, mask);
        }
    }
    assert_eq!(read(&partition, 0).await.unwrap(), all);
}

#[tokio::test]
async fn where_the_index_is_coarse_damage_never_gives_wrong_records() {
    let (_store, partition, disk) = fill(&FaultyDisk::default(), 1 << 20).await;
    let (first, behind) = (VICTIM * RECORDS, (VICTIM + 1) * RECORDS);
    let all = read(&partition, 0).await.unwrap();
    for at in victim() {
        for mask in [0x01, 0x80, 0xff] {
            let context = format!("byte {} by {mask:#04x}", at - victim().start);
            flip(&disk, &segment(1), at, mask);
            let before = read(&partition, 0).await.unwrap();
            assert_eq!(before, all[..VICTIM as usize], "{context}");
            let error = read(&partition, first).await.unwrap_err();
            assert_names_the_victim(&error, &context);
            match read(&partition, behind).await {
                Ok(after) => assert_eq!(after, all[VICTIM as usize + 1..], "{context}"),
                Err(error) => assert_names_the_victim(&error, &context),
            }
            let next_segment = 2 * BATCHES * RECORDS;
            let after = read(&partition, next_segment).await.unwrap();
            assert_eq!(after, all[2 * BATCHES as usize..], "{context}");
            flip(&disk, &segment(1), at, mask);
        }
    }
}

#[tokio::test]
async fn damage_keeps_nobody_from_writing_or_from_reading_other_partitions() {
    let (store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
    let id = TopicPartition { index: 1, ..ID };
    let other = store.create_partition(id, LogConfig::default()).unwrap();
    append(&other, batch(1, 1)).await.unwrap();
    flip(&disk, &segment(1), victim().end - 1, 1);
    read(&partition, VICTIM * RECORDS).await.unwrap_err();
    let end = BATCHES * SEGMENTS * RECORDS;
    assert_eq!(append(&partition, batch(1, 1)).await.unwrap(), end);
    assert_eq!(read(&partition, end).await.unwrap(), [end]);
    assert_eq!(read(&other, 0).await.unwrap(), [0]);
    assert!(partition.write_error().is_none());
    store.close().unwrap();
}

#[tokio::test]
async fn a_damaged_length_makes_nobody_read_further_than_the_index() {
    let (_store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
    // The highest bytes of the length: the batch would be of many mebibytes.
    flip(&disk, &segment(1), victim().start + 8, 0x01);
    let before = disk.bytes_read();
    let until = partition.offsets().high_watermark;
    let one = partition.read(VICTIM * RECORDS, 1, until, true).await;
    assert_names_the_victim(&one.unwrap_err(), "length");
    let looked_twice = 2 * victim().len() as u64;
    assert!(disk.bytes_read() - before <= looked_twice);
}

#[tokio::test]
async fn a_batch_larger_than_a_turn_is_checked_like_any_other() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    for _ in 0..3 {
        append(&partition, batch(1, 3 << 20)).await.unwrap();
    }
    let size = batch(1, 3 << 20).size();
    let read = async |from, max_bytes| {
        let read = partition.read(from, max_bytes, 3, true).await;
        read.map(|read| bases(&read))
    };
    assert_eq!(read(0, 1).await.unwrap(), [0]);
    assert_eq!(read(1, 2 * size).await.unwrap(), [1, 2]);
    assert_eq!(
        partition.read(0, size - 1, 3, false).await.unwrap().len(),
        0
    );
    // Base offset, length, leader epoch, checksum, the last byte.
    for at in [0, 7, 8, 11, 15, 17, size - 1] {
        flip(&disk, &segment(0), size + at, 0x40);
        assert_eq!(read(0, 9 * size).await.unwrap(), [0], "byte {at}");
        let error = read(1, 9 * size).await.unwrap_err();
        let is_there = matches!(error, Error::Corrupt { position, .. } if position == size as u64);
        assert!(is_there, "byte {at}: {error}");
        assert_eq!(read(2, 9 * size).await.unwrap(), [2], "byte {at}");
        flip(&disk, &segment(0), size + at, 0x40);
    }
}

#[tokio::test]
async fn without_an_index_what_lies_before_the_damage_is_still_read() {
    let (store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
    let all = read(&partition, 0).await.unwrap();
    store.close().unwrap();
    drop((store, partition));
    disk.damage(&segment(1).with_extension("index"), Vec::clear);
    // A length that leads nowhere, so that nothing behind it can be found.
    flip(&disk, &segment(1), victim().start + 9, 0xff);
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(read(&partition, 0).await.unwrap(), all[..VICTIM as usize]);
    let error = read(&partition, VICTIM * RECORDS).await.unwrap_err();
    assert_names_the_victim(&error, "no index");
    let next_segment = 2 * BATCHES * RECORDS;
    let after = read(&partition, next_segment).await.unwrap();
    assert_eq!(after, all[2 * BATCHES as usize..]);
}

#[tokio::test]
async fn a_lookup_by_time_fails_at_damage_and_nowhere_else() {
    let (_store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
    // Every record's time is its offset.
    let (first, behind) = (VICTIM * RECORDS, (VICTIM + 1) * RECORDS);
    for at in victim() {
        flip(&disk, &segment(1), at, 0x04);
        for time in [0, first - 1, behind, behind + 5] {
            let found = partition.offset_for_timestamp(time).await.unwrap();
            assert_eq!(found.unwrap().offset, time, "byte {}", at - victim().start);
        }
        let error = partition.offset_for_timestamp(first + 1).await.unwrap_err();
        assert_names_the_victim(&error, "a time");
        flip(&disk, &segment(1), at, 0x04);
    }
}

#[tokio::test]
async fn retention_goes_by_what_follows_where_damage_hides_an_age() {
    let (store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
    store.close().unwrap();
    drop((store, partition));
    for number in 0..SEGMENTS {
        disk.damage(&segment(number).with_extension("index"), Vec::clear);
    }
    flip(&disk, &segment(1), victim().start + 9, 0xff);
    let retained = async |now_ms| {
        let store = open(&disk.crash(Survives::Written), no_tail()).unwrap();
        let partition = store.partition(&ID).unwrap();
        let config = LogConfig {
            retention_ms: Some(0),
            ..LogConfig::clone(&partition.config())
        };
        partition.set_config(config);
        partition.retain(now_ms).await.unwrap();
        partition.offsets().log_start
    };
    let of_one = BATCHES * RECORDS;
    // Records have their offsets for times.
    assert_eq!(retained(of_one).await, of_one, "the first is old enough");
    let all = SEGMENTS * of_one;
    assert_eq!(retained(all - 1).await, of_one, "what follows is not");
    assert_eq!(retained(all).await, all, "what follows is");
}

#[tokio::test]
async fn what_a_recovery_point_covered_is_never_cut_even_if_that_cannot_be_read() {
    for crashes in [false, true] {
        let (store, partition, disk) = fill(&FaultyDisk::default(), 1).await;
        let all = read(&partition, 0).await.unwrap();
        drop(partition);
        store.close().unwrap();
        drop(store);
        let is_snapshot = |path: &&PathBuf| path.extension().is_some_and(|it| it == "snapshot");
        let snapshot = disk.files().iter().find(is_snapshot).unwrap().clone();
        flip(&disk, &snapshot, 8, 0xff);
        flip(&disk, &segment(1), victim().start + 30, 0x10);
        let disk = match crashes {
            true => disk.crash(Survives::Synced),
            false => disk,
        };

        let store = open(&disk, no_tail()).unwrap();
        let partition = store.partition(&ID).unwrap();
        let (first, behind) = (VICTIM * RECORDS, (VICTIM + 1) * RECORDS);
        assert_eq!(
            partition.offsets().high_watermark,
            BATCHES * SEGMENTS * RECORDS
        );
        let before = read(&partition, 0).await.unwrap();
        assert_eq!(before, all[..VICTIM as usize]);
        let error = read(&partition, first).await.unwrap_err();
        assert_names_the_victim(&error, "the victim");
        let after = read(&partition, behind).await.unwrap();
        assert_eq!(after, all[VICTIM as usize + 1..]);
        let refused = append(&partition, batch(1, 20)).await;
        assert!(matches!(refused, Err(Error::Poisoned { .. })));
    }
}
