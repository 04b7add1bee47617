//! A point in time leads to exactly the first record at or after it.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::BytesMut;
use millstream_batch::{Batch, Builder, Codec};
use millstream_store::disk::faulty::FaultyDisk;
use millstream_store::{LogConfig, Partition, Store};
use proptest::prelude::*;
use support::{ID, append, no_tail, open, segments_of};

fn batch(times: &[i64], codec: Codec) -> Batch {
    let mut builder = Builder::new().compression(codec);
    for &time in times {
        builder.push(time, None, Some(b"some value"), &[]);
    }
    builder.build().unwrap()
}

/// Batches of three records whose times are out of order, over several segments.
fn times(batch: i64) -> [i64; 3] {
    [batch * 10 + 7, batch * 10, (batch * 37) % 100]
}

async fn fill(disk: &FaultyDisk) -> (Store, Arc<Partition>) {
    let store = open(disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(700)).unwrap();
    let codecs = [
        Codec::None,
        Codec::Gzip,
        Codec::Snappy,
        Codec::Lz4,
        Codec::Zstd,
    ];
    for (i, codec) in (0..30).zip(codecs.into_iter().cycle()) {
        append(&partition, batch(&times(i), codec)).await.unwrap();
    }
    (store, partition)
}

async fn check_all(partition: &Arc<Partition>) {
    let all: Vec<(i64, i64)> = (0..30).flat_map(times).zip(0..).collect();
    let log_start = partition.offsets().log_start;
    for time in -1..310 {
        let expected = all
            .iter()
            .find(|&&(t, offset)| t >= time && offset >= log_start);
        let found = partition.offset_for_timestamp(time).await.unwrap();
        assert_eq!(
            found.map(|f| (f.timestamp, f.offset)),
            expected.copied(),
            "time {time}"
        );
    }
    let latest = partition.max_timestamp().await.unwrap().unwrap();
    assert_eq!((latest.timestamp, latest.offset), (297, 87));
}

#[tokio::test]
async fn every_point_in_time_leads_to_the_first_record_due() {
    let disk = FaultyDisk::default();
    let (store, partition) = fill(&disk).await;
    check_all(&partition).await;
    store.close().unwrap();
    drop((store, partition));

    let store = open(&disk, no_tail()).unwrap();
    let partition = store.partition(&ID).unwrap();
    check_all(&partition).await;
    partition.delete_records(31).await.unwrap();
    check_all(&partition).await;
    store.close().unwrap();
    drop((store, partition));

    for path in disk
        .files()
        .iter()
        .filter(|path| path.extension().is_some_and(|x| x == "index"))
    {
        disk.damage(path, |bytes| {
            bytes.iter_mut().skip(40).for_each(|byte| *byte ^= 0xff);
        });
    }
    let store = open(&disk, no_tail()).unwrap();
    check_all(&store.partition(&ID).unwrap()).await;
}

#[tokio::test]
async fn an_empty_partition_has_no_times() {
    let store = open(&FaultyDisk::default(), no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(700)).unwrap();
    assert_eq!(partition.offset_for_timestamp(0).await.unwrap(), None);
    assert_eq!(partition.max_timestamp().await.unwrap(), None);
}

#[tokio::test]
async fn a_record_below_the_log_start_is_not_the_latest() {
    let store = open(&FaultyDisk::default(), no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(700)).unwrap();
    append(&partition, batch(&[10, 0, 5], Codec::None))
        .await
        .unwrap();
    partition.delete_records(1).await.unwrap();
    let latest = partition.max_timestamp().await.unwrap().unwrap();
    assert_eq!((latest.timestamp, latest.offset), (5, 2));
}

#[tokio::test]
async fn a_batch_that_cannot_be_opened_counts_as_a_whole() {
    let store = open(&FaultyDisk::default(), no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(700)).unwrap();
    append(&partition, batch(&[5], Codec::None)).await.unwrap();
    append(&partition, nonsense()).await.unwrap();
    let found = partition.offset_for_timestamp(6).await.unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (1, 20));
}

/// A batch that says zstd and holds something else, with the right checksum.
fn nonsense() -> Batch {
    let mut bytes = BytesMut::from(batch(&[10, 20], Codec::None).bytes());
    bytes[22] = Codec::Zstd as u8;
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    Batch::parse(bytes).unwrap()
}

/// A batch of the property test.
#[derive(Debug, Clone)]
struct Written {
    times: Vec<i64>,
    codec: Codec,
    /// The time that the broker sets for all records, if it does.
    log_append_time: Option<i64>,
}

fn written() -> impl Strategy<Value = Written> {
    let codecs = prop::sample::select(Codec::ALL.to_vec());
    let times = prop::collection::vec(0..60_i64, 1..5);
    (times, codecs, prop::option::weighted(0.2, 0..60_i64)).prop_map(
        |(times, codec, log_append_time)| Written {
            times,
            codec,
            log_append_time,
        },
    )
}

/// Holds every lookup against a list of all records.
async fn check_against(partition: &Arc<Partition>, all: &[i64]) {
    let log_start = partition.offsets().log_start;
    let records = || {
        all.iter()
            .copied()
            .zip(0..)
            .filter(|&(_, offset)| offset >= log_start)
    };
    for time in -1..=61 {
        let expected = records().find(|&(own, _)| own >= time);
        let found = partition.offset_for_timestamp(time).await.unwrap();
        let found = found.map(|found| (found.timestamp, found.offset));
        assert_eq!(found, expected, "time {time} from {log_start} in {all:?}");
    }
    let greatest = records().map(|(time, _)| time).max();
    let expected = records().find(|&(time, _)| Some(time) == greatest);
    let found = partition.max_timestamp().await.unwrap();
    assert_eq!(found.map(|found| (found.timestamp, found.offset)), expected);
}

async fn check_history(log: Vec<Written>, interval: u32, segment_bytes: u32, delete: Option<u8>) {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let config = LogConfig {
        index_interval_bytes: interval,
        ..segments_of(segment_bytes)
    };
    let partition = store.create_partition(ID, config).unwrap();
    let mut all = Vec::new();
    for Written {
        times,
        codec,
        log_append_time,
    } in log
    {
        let mut batch = batch(&times, codec);
        if let Some(now_ms) = log_append_time {
            batch.set_log_append_time(now_ms);
        }
        append(&partition, batch).await.unwrap();
        all.extend(times.iter().map(|&time| log_append_time.unwrap_or(time)));
    }
    if let Some(percent) = delete {
        let before = all.len() as i64 * i64::from(percent) / 100;
        partition.delete_records(before).await.unwrap();
    }
    check_against(&partition, &all).await;
    store.close().unwrap();
    drop((store, partition));
    for damage_index in [false, true] {
        let is_index = |path: &PathBuf| path.extension().is_some_and(|x| x == "index");
        if damage_index {
            for path in disk.files().into_iter().filter(is_index) {
                disk.damage(&path, |bytes| {
                    bytes.iter_mut().skip(40).for_each(|byte| *byte ^= 1);
                });
            }
        }
        let store = open(&disk, no_tail()).unwrap();
        check_against(&store.partition(&ID).unwrap(), &all).await;
        store.close().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_point_in_time_of_any_log_leads_to_what_a_list_says(
        log in prop::collection::vec(written(), 0..25),
        interval in prop::sample::select(vec![1_u32, 150, 400, 4096]),
        segment_bytes in 200..2_000_u32,
        delete in prop::option::of(0..=100_u8),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(check_history(log, interval, segment_bytes, delete));
    }
}
