//! Records that are dead leave the middle of a log, and no other does, whatever comes in between.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_batch::{Batch, Builder, Codec, Header, Marker, Outcome, records};
use millstream_store::disk::faulty::{FaultyDisk, Op, Survives};
use millstream_store::{Ack, AppendMode, Error, LogConfig, Partition, Store};
use support::{ID, append, batch, headers, no_tail, numbered, open, read_all, segments_of};

/// Nothing goes by age, and a few batches fill a segment.
fn config() -> LogConfig {
    LogConfig {
        retention_ms: None,
        ..segments_of(1_000)
    }
}

/// A partition with so many batches of two records, and one in the active segment.
async fn filled(disk: &FaultyDisk, batches: usize) -> (Store, Arc<Partition>) {
    let store = open(disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, config()).unwrap();
    for _ in 0..batches {
        append(&partition, batch(2, 100)).await.unwrap();
    }
    append(&partition, batch(2, 400)).await.unwrap();
    append(&partition, batch(2, 400)).await.unwrap();
    (store, partition)
}

/// The offsets of all records there are.
async fn offsets(partition: &Partition) -> Vec<i64> {
    let mut found = Vec::new();
    for batch in read_all(partition).await {
        let records = records(&batch, 1 << 20).unwrap();
        found.extend(records.iter().map(|record| record.unwrap().offset));
    }
    found
}

/// Everything from 0 to `end` but every tenth offset.
fn all_but_tenths(end: i64) -> Vec<Range<i64>> {
    (0..end / 10)
        .map(|ten| ten * 10 + 1..ten * 10 + 10)
        .collect()
}

#[tokio::test]
async fn the_dead_leave_and_the_others_stay_at_their_offsets() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 50).await;
    let (before, size) = (partition.offsets(), partition.size());
    partition.remove(all_but_tenths(100)).await.unwrap();
    let mut expected: Vec<i64> = (0..100).step_by(10).collect();
    expected.extend(100..104);
    assert_eq!(offsets(&partition).await, expected);
    assert_eq!(partition.offsets(), before);
    assert!(
        partition.size() < size / 3,
        "{} bytes left",
        partition.size()
    );
    assert_eq!(append(&partition, batch(1, 1)).await.unwrap(), 104);

    store.close().unwrap();
    drop((store, partition));
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    expected.push(104);
    assert_eq!(offsets(&partition).await, expected);
}

#[tokio::test]
async fn nothing_is_touched_where_less_would_go_than_has_to_be_copied() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, 50).await;
    let untouched = async |dead: Vec<Range<i64>>| {
        let before = disk.count(Op::Any);
        partition.remove(dead).await.unwrap();
        disk.count(Op::Any) - before
    };
    let every_other = (0..50).map(|i| 2 * i..2 * i + 1).collect();
    assert_eq!(untouched(every_other).await, 0);
    assert_eq!(untouched(Vec::new()).await, 0);
    assert_ne!(untouched(all_but_tenths(100)).await, 0);
    assert_eq!(
        untouched(all_but_tenths(100)).await,
        0,
        "it is known to be gone"
    );
}

#[tokio::test]
async fn a_log_of_which_most_is_dead_takes_no_more_than_twice_what_is_alive_and_a_segment() {
    const SEGMENT: u32 = 4_000;
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(SEGMENT)).unwrap();
    let (mut dead, mut alive) = (Vec::new(), 0);
    for _ in 0..60 {
        let first = append(&partition, batch(1, 10)).await.unwrap();
        alive += batch(1, 10).size() as u64;
        for _ in 0..30 {
            append(&partition, batch(2, 100)).await.unwrap();
        }
        dead.push(first + 1..first + 61);
        partition.remove(dead.clone()).await.unwrap();
        let (size, allowed) = (partition.size(), 2 * alive + u64::from(SEGMENT));
        assert!(size <= allowed, "{size} bytes of {allowed}");
    }
    let files = disk.files();
    let is_log = |path: &&PathBuf| path.extension().is_some_and(|x| x == "log");
    let logs = files.iter().filter(is_log).count();
    assert!(logs <= 12, "{logs} files for what is left of 120 segments");
}

#[tokio::test]
async fn a_large_segment_that_is_mostly_dead_is_closed_so_that_it_can_shrink() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, LogConfig::default()).unwrap();
    for _ in 0..12 {
        append(&partition, batch(1, 100_000)).await.unwrap();
    }
    partition.remove(vec![1..3, 3..8]).await.unwrap();
    assert_eq!(offsets(&partition).await, [0, 8, 9, 10, 11]);
    assert_eq!(append(&partition, batch(1, 1)).await.unwrap(), 12);
}

#[tokio::test]
async fn offsets_that_do_not_exist_are_refused_and_nothing_goes() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, 50).await;
    for wrong in [-1..100, 0..105] {
        let refused = partition.remove(vec![1..50, wrong]).await;
        assert!(matches!(refused, Err(Error::OffsetOutOfRange { .. })));
    }
    assert_eq!(offsets(&partition).await.len(), 104);
}

#[tokio::test]
async fn compressed_batches_lose_the_dead_and_stay_compressed() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(3_000)).unwrap();
    for codec in Codec::ALL {
        let mut builder = Builder::new().compression(codec);
        for at in 0..10 {
            builder.push(at, Some(b"key"), Some(&[b'v'; 80]), &[]);
        }
        append(&partition, builder.build().unwrap()).await.unwrap();
    }
    append(&partition, batch(1, 2_900)).await.unwrap();
    let count = Codec::ALL.len() as i64;
    let dead = (0..count).map(|i| i * 10..i * 10 + 9).collect();
    partition.remove(dead).await.unwrap();
    let expected: Vec<i64> = (0..count).map(|i| i * 10 + 9).chain([count * 10]).collect();
    assert_eq!(offsets(&partition).await, expected);
    let left = headers(&read_all(&partition).await);
    let codecs: Vec<Codec> = left.iter().map(Header::codec).collect();
    assert_eq!(codecs[..Codec::ALL.len()], Codec::ALL);
}

#[tokio::test]
async fn what_a_producer_sent_last_is_known_after_all_its_records_have_gone() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, 0).await;
    for sequence in 0..8 {
        append(&partition, numbered(7, 0, sequence, 1))
            .await
            .unwrap();
    }
    append(&partition, batch(1, 900)).await.unwrap();
    partition.remove(vec![0..4, 4..12]).await.unwrap();
    assert_eq!(offsets(&partition).await, [12]);
    drop((store, partition));

    // Without its recovery points, too.
    let crashed = disk.crash(Survives::Synced);
    for path in crashed.files() {
        if path.extension().is_some_and(|x| x == "snapshot") {
            crashed.damage(&path, Vec::clear);
        }
    }
    let store = open(&crashed, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    assert_eq!(append(&partition, numbered(7, 0, 7, 1)).await.unwrap(), 11);
    assert_eq!(append(&partition, numbered(7, 0, 8, 1)).await.unwrap(), 13);
}

fn marker() -> Batch {
    let marker = Marker {
        producer_id: 1,
        producer_epoch: 0,
        coordinator_epoch: 0,
        outcome: Outcome::Abort,
    };
    marker.batch(1_000).unwrap()
}

#[tokio::test]
async fn the_end_of_a_transaction_stays_for_those_of_its_records_that_do() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, 10).await;
    let appended = partition.append(marker(), AppendMode::Internal, 0).unwrap();
    let next = appended.next_offset();
    partition.wait(next, Ack::Durable).await.unwrap();
    append(&partition, batch(1, 900)).await.unwrap();
    partition.remove(vec![0..1, 1..next]).await.unwrap();
    assert_eq!(offsets(&partition).await, [next - 1, next]);
}

#[tokio::test]
async fn readers_go_on_while_the_dead_leave() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, 100).await;
    let reader = tokio::spawn({
        let partition = Arc::clone(&partition);
        async move {
            for _ in 0..50 {
                let found = offsets(&partition).await;
                assert!(found.is_sorted());
                assert!((0..200).step_by(10).all(|alive| found.contains(&alive)));
            }
        }
    });
    for end in (10..=200).step_by(10) {
        partition.remove(all_but_tenths(end)).await.unwrap();
        tokio::task::yield_now().await;
    }
    reader.await.unwrap();
}

/// Removes twice with appends in between; the offsets that were acknowledged and never named.
async fn churn(disk: &FaultyDisk) -> Vec<i64> {
    let mut alive = Vec::new();
    let Ok(store) = open(disk, no_tail()) else {
        return alive;
    };
    let Ok(partition) = store.create_partition(ID, config()) else {
        return alive;
    };
    let mut dead = Vec::new();
    for _ in 0..3 {
        for _ in 0..15 {
            let Ok(base) = append(&partition, batch(3, 80)).await else {
                return alive;
            };
            alive.push(base);
            dead.push(base + 1..base + 3);
        }
        let _ = partition.remove(dead.clone()).await;
    }
    alive
}

#[tokio::test]
async fn a_crash_at_any_sync_of_a_removal_takes_nothing_that_is_alive_and_doubles_nothing() {
    let disk = FaultyDisk::default();
    assert_eq!(churn(&disk).await.len(), 45);
    let syncs = disk.syncs();
    for at in 0..syncs {
        let disk = FaultyDisk::default();
        disk.fail_after_syncs(at);
        let alive = churn(&disk).await;
        for survives in [Survives::Synced, Survives::Written, Survives::Torn(50)] {
            let context = format!("sync {at} of {syncs}, {survives:?}");
            let crashed = disk.crash(survives);
            let store = open(&crashed, no_tail()).unwrap();
            let Some(partition) = store.partition(&ID) else {
                assert!(alive.is_empty(), "{context}");
                continue;
            };
            let found = offsets(&partition).await;
            assert!(found.is_sorted_by(|a, b| a < b), "{context}: {found:?}");
            let gone: Vec<_> = alive.iter().filter(|at| !found.contains(at)).collect();
            assert!(gone.is_empty(), "{context}: {gone:?}");
            // And it goes on from there.
            let base = append(&partition, batch(1, 1)).await.unwrap();
            let dead = alive.iter().map(|base| base + 1..base + 3).collect();
            partition.remove(dead).await.unwrap();
            let found = offsets(&partition).await;
            assert!(alive.iter().chain([&base]).all(|at| found.contains(at)));
        }
    }
}
