//! What the tests of the store have in common.
#![allow(dead_code, reason = "every test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use millstream_batch::{Batch, Batches, Builder, Header};
use millstream_store::disk::faulty::FaultyDisk;
use millstream_store::{
    Ack, AppendMode, Error, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use uuid::Uuid;

/// The partition that most tests use.
pub(crate) const ID: TopicPartition = TopicPartition {
    topic_id: Uuid::from_u128(7),
    index: 0,
};

/// Where a faulty disk has its data.
pub(crate) const DATA: &str = "/data";

/// Options without a memory tail, so that reads come from the disk, and with a small journal.
pub(crate) fn no_tail() -> StoreOptions {
    StoreOptions {
        tail_bytes: 0,
        journal_bytes: 64_000,
        ..StoreOptions::default()
    }
}

/// The same without a journal, so that what is found after a crash comes from the segments alone.
pub(crate) fn segments_only() -> StoreOptions {
    StoreOptions {
        journal_bytes: 0,
        ..no_tail()
    }
}

/// Segments of about `bytes`.
pub(crate) fn segments_of(segment_bytes: u32) -> LogConfig {
    LogConfig {
        segment_bytes,
        index_interval_bytes: 200,
        ..LogConfig::default()
    }
}

/// Opens a store on a faulty disk.
pub(crate) fn open(disk: &FaultyDisk, options: StoreOptions) -> Result<Store, Error> {
    Store::open_on(Arc::new(disk.clone()), Path::new(DATA), options, 0)
}

/// A batch with records at these times, each holding `size` bytes.
pub(crate) fn batch_at(times: &[i64], size: usize) -> Batch {
    let mut builder = Builder::new();
    for &time in times {
        builder.push(time, None, Some(&vec![b'x'; size]), &[]);
    }
    builder.build().unwrap()
}

/// A batch of so many records of so many bytes.
pub(crate) fn batch(records: usize, size: usize) -> Batch {
    batch_at(&vec![1_000; records], size)
}

/// A batch of an idempotent producer.
pub(crate) fn numbered(producer: i64, epoch: i16, sequence: i32, records: usize) -> Batch {
    let mut builder = Builder::new().producer(producer, epoch, sequence);
    for _ in 0..records {
        builder.push(1_000, None, Some(b"x"), &[]);
    }
    builder.build().unwrap()
}

/// Appends and waits until it is durable; the base offset.
pub(crate) async fn append(partition: &Arc<Partition>, batch: Batch) -> Result<i64, Error> {
    let appended = partition.append(batch, AppendMode::Client, 0)?;
    partition.wait(appended.next_offset(), Ack::Durable).await?;
    Ok(appended.base_offset)
}

/// Headers of the batches in an answer.
pub(crate) fn headers(read: &[Bytes]) -> Vec<Header> {
    let batches = read.iter().flat_map(|bytes| Batches::new(bytes));
    batches.map(|batch| batch.unwrap().header).collect()
}

/// Base offsets of the batches in an answer.
pub(crate) fn bases(read: &[Bytes]) -> Vec<i64> {
    headers(read)
        .iter()
        .map(|header| header.base_offset)
        .collect()
}

/// All visible batches, checksums checked.
pub(crate) async fn read_all(partition: &Partition) -> Vec<Bytes> {
    let marks = partition.offsets();
    let (mut from, mut found) = (marks.log_start, Vec::new());
    while from < marks.high_watermark {
        let read = partition
            .read(from, 1 << 20, marks.high_watermark, true)
            .await
            .unwrap();
        assert!(!read.is_empty(), "nothing at {from} in {marks:?}");
        for batch in read.iter().flat_map(|bytes| Batches::new(bytes)) {
            let batch = batch.unwrap();
            batch.header.check_crc(batch.bytes).unwrap();
            found.push(Bytes::copy_from_slice(batch.bytes));
            from = batch.header.next_offset();
        }
    }
    found
}

/// How many segments below a real directory this process has open, removed ones included.
pub(crate) fn open_logs(dir: &Path) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let is_log = |target: &Path| {
        let name = target.to_string_lossy();
        target.starts_with(dir) && name.trim_end_matches(" (deleted)").ends_with(".log")
    };
    targets.filter(|target| is_log(target)).count()
}
