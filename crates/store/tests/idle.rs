//! What partitions take up that nobody uses any more.
#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

mod support;

use std::path::Path;
use std::sync::Arc;

use millstream_store::{AppendMode, LogConfig, Partition, Store, StoreOptions, TopicPartition};
use support::{ID, batch, open_logs, segments_only};

/// Partitions that are measured together, so that what else happens in the process hardly counts.
const PARTITIONS: i32 = 1_000;

/// Those of them that are in use at the same time.
const BUSY: usize = 200;

/// The bytes that one of them may take.
const LIMIT: usize = 4 << 10;

/// Counts live allocations: what is resident would tell of the allocator of the machine, too.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn open(dir: &Path) -> Store {
    let options = StoreOptions {
        journal_bytes: 4 << 20,
        ..segments_only()
    };
    Store::open(dir, options, 0).unwrap()
}

async fn append_to_all(partitions: &[Arc<Partition>]) {
    for partition in partitions {
        partition
            .append(batch(1, 100), AppendMode::Client, 0)
            .unwrap();
    }
    for partition in partitions {
        partition.settle().await.unwrap();
    }
}

/// One round finds what came since the one before and saves it, one that nothing came, and one that
/// nobody read either.
async fn come_to_rest(store: &Store) {
    for _ in 0..3 {
        store.maintain(0).await;
    }
}

fn check_memory(before: usize, when: &str) {
    let each = allocated().saturating_sub(before) / PARTITIONS as usize;
    assert!(each <= LIMIT, "{each} bytes for each partition {when}");
}

/// What this process has allocated, in bytes.
fn allocated() -> usize {
    dhat::HeapStats::get().curr_bytes
}

#[tokio::test]
async fn a_partition_that_nobody_uses_takes_little_memory_and_no_open_file() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = allocated();
    let ids: Vec<_> = (0..PARTITIONS)
        .map(|index| TopicPartition { index, ..ID })
        .collect();
    let config = Arc::new(LogConfig::default());
    store.create_partitions(&ids, &config).unwrap();
    check_memory(before, "that was made");
    for some in store.partitions().chunks(BUSY) {
        append_to_all(some).await;
        assert!(open_logs(dir.path()) > 0);
        come_to_rest(&store).await;
        assert_eq!(open_logs(dir.path()), 0);
    }
    check_memory(before, "that was written to");
    store.close().unwrap();
    drop(store);

    let store = open(dir.path());
    come_to_rest(&store).await;
    assert_eq!(open_logs(dir.path()), 0);
    check_memory(before, "that was opened");
}
