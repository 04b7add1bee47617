//! Moving the log start without a sync: readers see it at once, and the disk soon.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_store::disk::faulty::{FaultyDisk, Survives};
use millstream_store::{Ack, AppendMode, Error, LogConfig, Partition, Store};
use support::{ID, append, bases, batch, no_tail, open, read_all, segments_of};

/// Bytes of a batch of which a few make a segment worth closing.
const LARGE: usize = 300 << 10;

/// A segment of some of them.
const SEGMENT: u32 = 3 << 20;

async fn filled(disk: &FaultyDisk, config: LogConfig, sizes: &[usize]) -> (Store, Arc<Partition>) {
    let store = open(disk, no_tail()).unwrap();
    let partition = store.create_partition(ID, config).unwrap();
    for &size in sizes {
        append(&partition, batch(1, size)).await.unwrap();
    }
    (store, partition)
}

/// Waits until the background thread has left no more than so many bytes.
async fn shrunk_to(partition: &Partition, bytes: u64) {
    let waiting = async {
        while partition.size() > bytes {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, waiting).await.unwrap();
}

#[tokio::test]
async fn readers_see_a_log_start_that_was_advanced_at_once_and_without_a_sync() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, segments_of(1 << 20), &[200; 5]).await;
    partition.advance_log_start(1).unwrap();
    let syncs = disk.syncs();
    let moved = [2, 4, 3].map(|before| partition.advance_log_start(before).unwrap());
    assert_eq!(moved, [2, 4, 4]);
    assert_eq!(bases(&read_all(&partition).await), [4]);
    let below = partition.read(3, 1_000, 5, true).await;
    assert!(matches!(
        below,
        Err(Error::OffsetOutOfRange { log_start: 4, .. })
    ));
    for wrong in [-1, 6] {
        let refused = partition.advance_log_start(wrong);
        assert!(matches!(refused, Err(Error::OffsetOutOfRange { .. })));
    }
    assert_eq!(disk.syncs(), syncs);
}

#[tokio::test]
async fn upkeep_and_a_clean_shutdown_make_an_advanced_log_start_durable() {
    for closes in [false, true] {
        let disk = FaultyDisk::default();
        let (store, partition) = filled(&disk, segments_of(1 << 20), &[200; 5]).await;
        partition.advance_log_start(3).unwrap();
        match closes {
            true => store.close().unwrap(),
            false => store.maintain(0).await,
        }
        let after = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
        let found = after.partition(&ID).unwrap();
        assert_eq!(found.offsets().log_start, 3, "closed {closes}");
        assert_eq!(bases(&read_all(&found).await), [3, 4]);
    }
}

#[tokio::test]
async fn segments_below_an_advanced_log_start_go_without_being_asked_for() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, segments_of(600), &[200; 20]).await;
    let segment = partition.size() / 10;
    for before in 1..=18 {
        partition.advance_log_start(before).unwrap();
    }
    shrunk_to(&partition, segment).await;
    assert_eq!(bases(&read_all(&partition).await), [18, 19]);
    let after = open(&disk.crash(Survives::Synced), no_tail()).unwrap();
    let offsets = after.partition(&ID).unwrap().offsets();
    assert_eq!((offsets.log_start, offsets.high_watermark), (18, 20));
}

#[tokio::test]
async fn a_segment_that_is_mostly_below_the_log_start_is_closed_so_that_it_can_go() {
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, LogConfig::default(), &[LARGE; 6]).await;
    partition.advance_log_start(4).unwrap();
    // The next segment begins here, once the last one is closed.
    let mut next = 6;
    while partition.size() as usize > 2 * LARGE {
        append(&partition, batch(1, 10)).await.unwrap();
        next += 1;
        partition.advance_log_start(next).unwrap();
    }
    append(&partition, batch(1, 10)).await.unwrap();
    assert_eq!(bases(&read_all(&partition).await), [next]);
}

#[tokio::test]
async fn a_log_that_is_wholly_free_leaves_nothing_on_the_disk() {
    let disk = FaultyDisk::default();
    let (store, partition) = filled(&disk, LogConfig::default(), &[LARGE; 6]).await;
    partition.advance_log_start(6).unwrap();
    shrunk_to(&partition, 0).await;
    append(&partition, batch(1, 10)).await.unwrap();
    partition.advance_log_start(7).unwrap();
    store.maintain(0).await;
    assert_eq!(partition.size(), 0);
    assert_eq!(append(&partition, batch(1, 10)).await.unwrap(), 7);
}

/// What a queue does whose consumer keeps up: appends never pause, so that recovery points have to come from the writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_log_takes_no_more_room_than_twice_what_is_alive_and_a_segment() {
    const ALIVE: i64 = 5;
    let disk = FaultyDisk::default();
    let (_store, partition) = filled(&disk, segments_of(SEGMENT), &[]).await;
    for offset in 0..200 {
        let appended = partition.append(batch(1, LARGE), AppendMode::Internal, 0);
        assert_eq!(appended.unwrap().base_offset, offset);
        let acknowledged = (offset - ALIVE).max(0);
        partition.wait(acknowledged, Ack::Durable).await.unwrap();
        partition.advance_log_start(acknowledged).unwrap();
    }
    partition.settle().await.unwrap();
    let alive: usize = read_all(&partition).await.iter().map(Bytes::len).sum();
    shrunk_to(&partition, 2 * alive as u64 + u64::from(SEGMENT)).await;
}
