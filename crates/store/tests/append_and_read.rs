//! What is appended is read back, from memory and from disk, by this process and the next.
mod support;

use std::sync::Arc;

use millstream_store::{Error, LogConfig, Store, StoreOptions};
use support::{ID, append, bases, batch, no_tail, read_all};

#[tokio::test]
async fn records_come_back_from_memory_disk_and_the_next_process() {
    for options in [StoreOptions::default(), no_tail()] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), options.clone(), 0).unwrap();
        let config = LogConfig {
            segment_bytes: 10_000,
            ..LogConfig::default()
        };
        let partition = store.create_partition(ID, config).unwrap();
        for i in 0..30 {
            assert_eq!(append(&partition, batch(3, 500)).await.unwrap(), i * 3);
        }
        let expected: Vec<i64> = (0..30).map(|i| i * 3).collect();
        assert_eq!(bases(&read_all(&partition).await), expected);
        drop(partition);
        store.close().unwrap();
        drop(store);

        let store = Store::open(dir.path(), options, 0).unwrap();
        let partition = store.partition(&ID).unwrap();
        assert_eq!(bases(&read_all(&partition).await), expected);
        assert_eq!(partition.leader_epoch(), 0);
        assert_eq!(append(&partition, batch(1, 5)).await.unwrap(), 90);
    }
}

#[tokio::test]
async fn a_read_begins_with_the_batch_that_holds_the_offset() {
    for options in [StoreOptions::default(), no_tail()] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), options, 0).unwrap();
        let partition = store.create_partition(ID, LogConfig::default()).unwrap();
        for _ in 0..3 {
            append(&partition, batch(10, 100)).await.unwrap();
        }
        let size = batch(10, 100).size();
        let check = async |from, max_bytes, until, at_least_one, expected: &[i64]| {
            let read = partition
                .read(from, max_bytes, until, at_least_one)
                .await
                .unwrap();
            assert_eq!(
                bases(&read),
                expected,
                "{from} {max_bytes} {until} {at_least_one}"
            );
        };
        check(0, 1 << 20, 30, false, &[0, 10, 20]).await;
        check(19, 1 << 20, 30, false, &[10, 20]).await;
        check(0, 1 << 20, 29, false, &[0, 10]).await;
        check(0, 2 * size, 30, false, &[0, 10]).await;
        check(5, 1, 30, true, &[0]).await;
        check(25, 0, 30, true, &[20]).await;
        check(0, size - 1, 30, false, &[]).await;
        check(30, 1 << 20, 30, true, &[]).await;
        let error = partition.read(31, 1, 99, true).await.unwrap_err();
        assert!(matches!(
            error,
            Error::OffsetOutOfRange {
                offset: 31,
                log_end: 30,
                ..
            }
        ));
    }
}

#[tokio::test]
async fn concurrent_appends_get_dense_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), no_tail(), 0).unwrap();
    let config = LogConfig {
        segment_bytes: 20_000,
        ..LogConfig::default()
    };
    let partition = store.create_partition(ID, config).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let partition = Arc::clone(&partition);
            tokio::spawn(async move {
                for _ in 0..50 {
                    append(&partition, batch(2, 50)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let expected: Vec<i64> = (0..400).map(|i| i * 2).collect();
    assert_eq!(bases(&read_all(&partition).await), expected);
}
