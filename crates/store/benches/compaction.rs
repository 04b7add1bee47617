//! How fast a dirty log is compacted, next to what it takes to copy a file of its size durably in the same run.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use millstream_batch::{Builder, Codec};
use millstream_store::{
    Ack, AppendMode, CompactionConfig, Flush, LogConfig, Partition, Store, StoreOptions,
    TopicPartition,
};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Records in a batch.
const BATCH: u64 = 64;
/// Bytes of a record's value.
const VALUE: usize = 200;
/// Records in the log.
const RECORDS: u64 = 256 << 10;

fn config() -> LogConfig {
    LogConfig {
        flush: Flush::PageCache,
        segment_bytes: 16 << 20,
        compaction: Some(CompactionConfig {
            min_dirty_ratio: 0.0,
            ..CompactionConfig::default()
        }),
        ..LogConfig::default()
    }
}

/// A log in which each of so many keys was written over and over.
async fn fill(store: &Store, keys: u64, codec: Codec) -> Arc<Partition> {
    let id = TopicPartition {
        topic_id: Uuid::from_u128(1),
        index: 0,
    };
    let partition = store.create_partition(id, config()).unwrap();
    let value = vec![b'x'; VALUE];
    let mut next = 0;
    for n in 0..RECORDS / BATCH {
        let mut builder = Builder::new().compression(codec);
        for i in n * BATCH..(n + 1) * BATCH {
            // An odd multiplier visits all keys, in no order that a sort would know.
            let key = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % keys;
            builder.push(0, Some(&key.to_be_bytes()), Some(&value), &[]);
        }
        let appended = partition.append(builder.build().unwrap(), AppendMode::Internal, 0);
        next = appended.unwrap().next_offset();
    }
    partition.wait(next, Ack::Durable).await.unwrap();
    partition
}

/// Compacts a fresh log; how long it took and how many bytes there were.
fn compact(runtime: &Runtime, keys: u64, codec: Codec) -> (Duration, u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default(), 0).unwrap();
    runtime.block_on(async {
        let partition = fill(&store, keys, codec).await;
        store.maintain(0).await;
        let before = partition.size();
        let start = Instant::now();
        store.compact(0).await;
        let took = start.elapsed();
        assert!(partition.size() < before, "nothing was compacted");
        (took, before)
    })
}

/// Reads a file and writes it once more, durably.
fn copy(dir: &Path, bytes: usize) -> Duration {
    let (from, to) = (dir.join("from"), dir.join("to"));
    std::fs::write(&from, vec![1; bytes]).unwrap();
    let start = Instant::now();
    let mut buffer = Vec::with_capacity(bytes);
    let mut source = std::fs::File::open(&from).unwrap();
    source.read_to_end(&mut buffer).unwrap();
    let mut target = std::fs::File::create(&to).unwrap();
    target.write_all(&buffer).unwrap();
    target.sync_data().unwrap();
    start.elapsed()
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("compact 256 Ki records of 200 bytes");
    for (codec, keys) in [
        (Codec::None, 1_000),
        (Codec::None, RECORDS / 2),
        (Codec::Lz4, 1_000),
        (Codec::Lz4, RECORDS / 2),
    ] {
        let (_, bytes) = compact(&runtime, keys, codec);
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(BenchmarkId::new(format!("{keys} keys"), codec), |bencher| {
            bencher.iter_custom(|count| (0..count).map(|_| compact(&runtime, keys, codec).0).sum());
        });
        let dir = tempfile::tempdir().unwrap();
        let name = format!("bare copy of {} MiB", bytes >> 20);
        group.bench_function(
            BenchmarkId::new(name, format!("{keys} {codec}")),
            |bencher| {
                bencher.iter_custom(|count| {
                    (0..count).map(|_| copy(dir.path(), bytes as usize)).sum()
                });
            },
        );
    }
    group.finish();
    criterion.final_summary();
}
