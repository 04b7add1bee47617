//! Readers whose records are removed under them get what they asked for, or are told why not.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of a test fail like the test"
)]

mod support;

use std::sync::Arc;

use millstream_batch::Batches;
use millstream_store::{Error, Partition, Store};
use support::{ID, append, batch, no_tail, segments_of};

/// Batches of the log, two in each segment.
const BATCHES: i64 = 120;

/// Reads from the log start to the end, over and over, until the partition is deleted. Whatever comes
/// must begin where it was asked for, and nobody is told that an offset is gone which is not.
async fn read_until_deleted(partition: Arc<Partition>) {
    loop {
        let mut from = partition.offsets().log_start;
        while from < BATCHES {
            match partition.read(from, 1_000, BATCHES, true).await {
                Ok(read) => {
                    let batches = read.iter().flat_map(|bytes| Batches::new(bytes));
                    for batch in batches {
                        assert_eq!(batch.unwrap().header.base_offset, from);
                        from += 1;
                    }
                }
                Err(Error::OffsetOutOfRange {
                    offset, log_start, ..
                }) => {
                    assert!(offset < log_start, "{offset} was there from {log_start} on");
                    from = log_start;
                }
                Err(Error::Deleted { .. }) => return,
                Err(error) => panic!("offset {from}: {error}"),
            }
        }
        match partition.offset_for_timestamp(0).await {
            Ok(found) => assert!(found.is_none_or(|found| found.offset < BATCHES)),
            Err(Error::Deleted { .. }) => return,
            Err(error) => panic!("by time: {error}"),
        }
        if matches!(partition.write_error(), Some(Error::Deleted { .. })) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_finish_with_what_they_hold_or_learn_what_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), no_tail(), 0).unwrap();
    let size = batch(1, 300).size() as u32;
    let partition = store.create_partition(ID, segments_of(2 * size)).unwrap();
    for _ in 0..BATCHES {
        append(&partition, batch(1, 300)).await.unwrap();
    }
    let readers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(read_until_deleted(Arc::clone(&partition))))
        .collect();
    for before in (0..BATCHES).step_by(3) {
        partition.delete_records(before).await.unwrap();
        // Closes what nobody has read lately, so that readers have to open it again.
        store.maintain(0).await;
    }
    store.delete_partition(&ID).unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}
