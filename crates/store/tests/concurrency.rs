//! Readers see every record once and in order while everything else goes on.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_store::disk::faulty::FaultyDisk;
use millstream_store::{
    Ack, Error, Flush, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use support::{ID, append, bases, batch, headers, no_tail, open, read_all, segments_of};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use uuid::Uuid;

const WRITERS: usize = 4;
const BATCHES: usize = 150;

/// Enough for two threads to meet at every step of each other.
const ROUNDS: usize = 3_000;

async fn write(partition: Arc<Partition>) {
    for i in 0..BATCHES {
        append(&partition, batch(1 + i % 3, 200)).await.unwrap();
    }
}

/// Follows the log to `end`; every batch must begin where the one before ended, except after
/// retention took what was next.
async fn follow(partition: Arc<Partition>, end: i64, may_skip: bool) {
    let notify = Arc::new(Notify::new());
    let _subscription = partition.subscribe(&notify);
    let mut next = 0;
    while next < end {
        let until = partition.offsets().high_watermark;
        match partition.read(next, 3_000, until, true).await {
            Ok(read) if read.is_empty() => notify.notified().await,
            Ok(read) => {
                for header in headers(&read) {
                    assert_eq!(header.base_offset, next);
                    next = header.next_offset();
                }
            }
            Err(Error::OffsetOutOfRange { log_start, .. }) if may_skip => {
                assert!(log_start > next);
                next = log_start;
            }
            Err(error) => assert_eq!(error.to_string(), "", "at offset {next}"),
        }
    }
}

/// Maintains a store until it is told that all is done.
fn maintain(store: &Arc<Store>) -> (JoinHandle<()>, Arc<AtomicBool>) {
    let done = Arc::new(AtomicBool::new(false));
    let maintenance = tokio::spawn({
        let (store, done) = (Arc::clone(store), Arc::clone(&done));
        async move {
            while !done.load(Ordering::Relaxed) {
                store.maintain(0).await;
                tokio::task::yield_now().await;
            }
        }
    });
    (maintenance, done)
}

async fn run(flush: Flush, tail_bytes: usize, retention_bytes: Option<u64>) {
    let disk = FaultyDisk::default();
    let options = StoreOptions {
        tail_bytes,
        recovery_point_bytes: 20_000,
        ..StoreOptions::default()
    };
    let store = Arc::new(open(&disk, options).unwrap());
    let config = LogConfig {
        flush,
        retention_bytes,
        ..segments_of(8_000)
    };
    let end = (0..WRITERS)
        .map(|_| (0..BATCHES).map(|i| 1 + i as i64 % 3).sum::<i64>())
        .sum();
    let mut tasks = Vec::new();
    for index in 0..3 {
        let id = TopicPartition {
            topic_id: Uuid::from_u128(7),
            index,
        };
        let partition = store.create_partition(id, config.clone()).unwrap();
        for _ in 0..WRITERS {
            tasks.push(tokio::spawn(write(Arc::clone(&partition))));
            tasks.push(tokio::spawn(follow(
                Arc::clone(&partition),
                end,
                retention_bytes.is_some(),
            )));
        }
    }
    let (maintenance, done) = maintain(&store);
    for task in tasks {
        task.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    maintenance.await.unwrap();
    for partition in store.partitions() {
        assert_eq!(partition.offsets().high_watermark, end);
    }
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_from_memory_and_disk_miss_nothing() {
    run(Flush::PageCache, 0, None).await;
    run(Flush::PageCache, 10_000, None).await;
    run(Flush::Sync, 1 << 20, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn retention_takes_only_what_is_behind_the_log_start() {
    run(Flush::PageCache, 0, Some(20_000)).await;
    run(Flush::Sync, 10_000, Some(20_000)).await;
}

/// Each time the log is empty, so that the segment which is being written lies below the log start until it is visible.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_segment_that_is_becoming_visible_is_not_taken_for_one_that_was_deleted() {
    let disk = FaultyDisk::default();
    let store = Arc::new(open(&disk, no_tail()).unwrap());
    let partitions = [0, 1].map(|index| {
        let id = TopicPartition { index, ..ID };
        store.create_partition(id, segments_of(8_000)).unwrap()
    });
    let (maintenance, done) = maintain(&store);
    for _ in 0..ROUNDS {
        let batches = partitions
            .each_ref()
            .map(|it| (Arc::clone(it), batch(1, 1)));
        let appended = store.append_all(batches.into(), 0).unwrap();
        for (partition, appended) in partitions.iter().zip(appended) {
            let next = appended.next_offset();
            partition.wait(next, Ack::Durable).await.unwrap();
            assert_eq!(bases(&read_all(partition).await), [appended.base_offset]);
            partition.delete_records(next).await.unwrap();
        }
    }
    done.store(true, Ordering::Relaxed);
    maintenance.await.unwrap();
}
