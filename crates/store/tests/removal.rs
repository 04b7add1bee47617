//! Readers whose records are removed under them get what they asked for, or are told why not.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of a test fail like the test"
)]

mod support;

use std::sync::Arc;

use millstream_batch::Batches;
use millstream_store::disk::faulty::{Fault, FaultyDisk, Op, Survives};
use millstream_store::{Ack, Error, Partition, Store, StoreOptions, TopicPartition};
use support::{ID, append, batch, no_tail, open, open_logs, segments_of};

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

/// Appends one batch after the other until the partition is deleted.
async fn append_until_deleted(partition: Arc<Partition>) {
    loop {
        match append(&partition, batch(1, 300)).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(Error::Deleted { .. }) => return,
            Err(error) => panic!("append: {error}"),
        }
    }
}

/// Reads the last batch over and over until the partition is deleted.
async fn tail_until_deleted(partition: Arc<Partition>) {
    loop {
        let end = partition.offsets().high_watermark;
        match partition.read(end - 1, 1_000, end, true).await {
            Ok(read) => assert_eq!(read.len(), 1),
            Err(Error::Deleted { .. }) => return,
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// Appends to all at once, which goes through the journal.
async fn append_to_all(store: &Store, partitions: &[Arc<Partition>], size: usize) {
    let batches = partitions.iter().map(|p| (Arc::clone(p), batch(1, size)));
    let appended = store.append_all(batches.collect(), 0).unwrap();
    for (partition, appended) in partitions.iter().zip(appended) {
        partition
            .wait(appended.next_offset(), Ack::Durable)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_partition_deleted_under_load_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        journal_bytes: 1 << 20,
        ..no_tail()
    };
    let store = Store::open(dir.path(), options, 0).unwrap();
    let ids = [0, 1, 2].map(|index| TopicPartition { index, ..ID });
    let create = |id| store.create_partition(id, segments_of(1 << 20)).unwrap();
    let [kept, doomed @ ..] = ids.map(create);
    let all = [&kept, &doomed[0], &doomed[1]].map(Arc::clone);
    append_to_all(&store, &all, 300).await;
    drop(all);
    let tasks: Vec<_> = doomed
        .iter()
        .flat_map(|partition| {
            let (a, b) = (Arc::clone(partition), Arc::clone(partition));
            [
                tokio::spawn(append_until_deleted(a)),
                tokio::spawn(tail_until_deleted(b)),
            ]
        })
        .collect();
    for _ in 0..20 {
        append(&kept, batch(1, 300)).await.unwrap();
    }
    store.delete_partitions(&ids[1..]).unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    let refused = doomed[0].delete_records(1).await;
    assert!(matches!(refused, Err(Error::Deleted { .. })));
    let doomed = doomed.map(|partition| Arc::downgrade(&partition));
    // Once a later group is durable the writer has done with the earlier ones.
    append(&kept, batch(1, 300)).await.unwrap();
    assert!(doomed.iter().all(|partition| partition.upgrade().is_none()));
    assert_eq!(open_logs(dir.path()), 1, "that of the partition that stays");

    // More than the journal has room for, so that it is settled without them.
    for _ in 0..40 {
        append_to_all(&store, std::slice::from_ref(&kept), 30_000).await;
    }
    store.close().unwrap();
    let topic = dir.path().join("topics").join(ID.topic_id.to_string());
    let left: Vec<_> = std::fs::read_dir(topic)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["0"]);
}

#[tokio::test]
async fn a_deletion_that_fails_for_one_partition_goes_on_with_the_others() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let ids = [0, 1, 2].map(|index| TopicPartition { index, ..ID });
    store.create_partitions(&ids, &Arc::default()).unwrap();
    let partitions = ids.map(|id| store.partition(&id).unwrap());
    disk.inject(Fault::once(Op::Rename, 1));
    let failed = store.delete_partitions(&ids);
    assert!(matches!(failed, Err(Error::Io { .. })));
    for partition in &partitions {
        let refused = append(partition, batch(1, 20)).await;
        assert!(matches!(refused, Err(Error::Deleted { .. })));
    }
    let store = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let left = ids.map(|id| store.partition(&id).is_some());
    assert_eq!(left, [false, true, false]);
}

#[tokio::test]
async fn a_partition_whose_disk_failed_can_be_deleted_and_says_so() {
    let disk = FaultyDisk::default();
    let store = open(&disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(1 << 20)).unwrap();
    disk.inject(Fault::once(Op::Write, 0));
    let failed = append(&partition, batch(1, 20)).await;
    assert!(matches!(failed, Err(Error::Poisoned { .. })));
    store.delete_partition(&ID).unwrap();
    let refused = append(&partition, batch(1, 20)).await;
    assert!(matches!(refused, Err(Error::Deleted { .. })));
    let refused = partition.delete_records(0).await;
    assert!(matches!(refused, Err(Error::Deleted { .. })));
}

#[tokio::test]
async fn a_closed_store_makes_deletes_and_removes_nothing() {
    let store = open(&FaultyDisk::default(), no_tail()).unwrap();
    let partition = store.create_partition(ID, segments_of(1 << 20)).unwrap();
    append(&partition, batch(1, 20)).await.unwrap();
    store.close().unwrap();
    let other = TopicPartition { index: 1, ..ID };
    let made = store.create_partition(other, segments_of(1 << 20));
    assert!(matches!(made, Err(Error::Closed)));
    assert!(matches!(store.delete_partition(&ID), Err(Error::Closed)));
    // Somebody else may have the files by now, and have appended to them.
    let removed = partition.delete_records(1).await;
    assert!(matches!(removed, Err(Error::Closed)));
}
