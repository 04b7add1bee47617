//! A point in time leads to exactly the first record at or after it.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::sync::Arc;

use bytes::BytesMut;
use millstream_batch::{Batch, Builder, Codec};
use millstream_store::disk::faulty::FaultyDisk;
use millstream_store::{Partition, Store};
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
