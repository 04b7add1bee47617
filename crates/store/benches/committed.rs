//! Reading what is committed beside reading everything, of the same log and in the same run: with one transaction in a
//! hundred aborted and with one in two, of large transactions and of small ones. Then what an open transaction costs who appends.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput};
use millstream_batch::{Batch, Batches, Builder, Marker, NO_SEQUENCE, Outcome};
use millstream_store::{
    AppendMode, Flush, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

const MIB: usize = 1 << 20;
/// Bytes of a log.
const LOG: usize = 64 * MIB;

/// A partition and what it lives in.
struct Written {
    partition: Arc<Partition>,
    store: Store,
    dir: TempDir,
}

fn options() -> StoreOptions {
    StoreOptions {
        tail_bytes: 0,
        ..StoreOptions::default()
    }
}

fn open(dir: TempDir) -> Written {
    let store = Store::open(dir.path(), options(), 0).unwrap();
    let id = TopicPartition {
        topic_id: Uuid::from_u128(1),
        index: 0,
    };
    let config = LogConfig {
        flush: Flush::PageCache,
        ..LogConfig::default()
    };
    let found = store.partition(&id);
    let partition = found.unwrap_or_else(|| store.create_partition(id, config).unwrap());
    Written {
        partition,
        store,
        dir,
    }
}

/// A batch of so many records of so many bytes that the broker writes in the name of a producer.
fn sent(producer: i64, records: usize, size: usize) -> Batch {
    let builder = Builder::new()
        .producer(producer, 0, NO_SEQUENCE)
        .transactional();
    let value = vec![b'x'; size];
    let add = |builder: Builder, at| builder.record(at, None, Some(&value));
    (0..records as i64).fold(builder, add).build().unwrap()
}

fn marker(outcome: Outcome) -> Batch {
    let marker = Marker {
        producer_id: 1,
        producer_epoch: 0,
        coordinator_epoch: 0,
        outcome,
    };
    marker.batch(0).unwrap()
}

fn append(partition: &Arc<Partition>, batch: Batch) {
    partition.append(batch, AppendMode::Internal, 0).unwrap();
}

/// Writes transactions of one batch each, of which one in `every` is aborted, and opens the log anew.
async fn transactions(records: usize, size: usize, every: usize) -> Written {
    let Written {
        partition,
        store,
        dir,
    } = open(tempfile::tempdir().unwrap());
    for n in 0..LOG / (records * size) {
        append(&partition, sent(1, records, size));
        let outcome = match n % every {
            0 => Outcome::Abort,
            _ => Outcome::Commit,
        };
        append(&partition, marker(outcome));
        if n % 1_000 == 0 {
            partition.settle().await.unwrap();
        }
    }
    partition.settle().await.unwrap();
    drop(partition);
    store.close().unwrap();
    drop(store);
    open(dir)
}

/// Reads everything by the mebibyte; with `committed` also asks what was aborted of each piece. Returns the bytes.
async fn read_all(partition: &Arc<Partition>, committed: bool) -> usize {
    let end = partition.offsets().last_stable;
    let (mut from, mut bytes) = (0, 0);
    while from < end {
        let read = partition.read(from, MIB, end, true).await.unwrap();
        let last = Batches::new(read.last().unwrap()).last();
        let until = last.unwrap().unwrap().header.next_offset();
        if committed {
            std::hint::black_box(partition.aborted(from..until).await.unwrap());
        }
        bytes += read.iter().map(Bytes::len).sum::<usize>();
        from = until;
    }
    bytes
}

fn reading(criterion: &mut Criterion, runtime: &Runtime) {
    for (kind, records, size) in [("100x1KiB", 100, 1_000), ("1x100B", 1, 100)] {
        let mut group = criterion.benchmark_group(format!("read/{kind}"));
        group.sample_size(10);
        for every in [100, 2] {
            let written = runtime.block_on(transactions(records, size, every));
            let partition = &written.partition;
            let bytes = runtime.block_on(read_all(partition, false));
            group.throughput(Throughput::Bytes(bytes as u64));
            for (level, committed) in [("uncommitted", false), ("committed", true)] {
                let id = BenchmarkId::new(level, format!("1-in-{every}-aborted"));
                group.bench_function(id, |bencher| {
                    bencher
                        .to_async(runtime)
                        .iter(|| read_all(partition, committed));
                });
            }
        }
    }
}

/// One list of all aborted transactions of a log of small ones, asked for a few in its middle.
fn looking_up(criterion: &mut Criterion, runtime: &Runtime) {
    let written = runtime.block_on(transactions(1, 100, 2));
    let partition = &written.partition;
    let middle = partition.offsets().last_stable / 2;
    let range = || middle..middle + 20;
    criterion.bench_function("aborted/10-of-many", |bencher| {
        bencher
            .to_async(runtime)
            .iter(|| async { partition.aborted(range()).await.unwrap() });
    });
}

/// What giving a batch its place costs, with a transaction of another producer open and without.
fn appending(criterion: &mut Criterion, runtime: &Runtime) {
    let mut group = criterion.benchmark_group("append");
    for open_transactions in [0, 1, 1_000_i64] {
        let written = open(tempfile::tempdir().unwrap());
        let partition = &written.partition;
        for producer in 0..open_transactions {
            append(partition, sent(producer, 1, 100));
        }
        let plain = Builder::new().record(0, None, Some(&[b'x'; 100]));
        let template = BytesMut::from(plain.build().unwrap().bytes());
        let id = BenchmarkId::from_parameter(format!("{open_transactions}-open"));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|count| {
                let begin = Instant::now();
                for _ in 0..count {
                    let batch = Batch::parse(template.clone()).unwrap();
                    partition.append(batch, AppendMode::Internal, 0).unwrap();
                }
                let taken = begin.elapsed();
                runtime.block_on(partition.settle()).unwrap();
                taken
            });
        });
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let mut criterion = Criterion::default().configure_from_args();
    reading(&mut criterion, &runtime);
    looking_up(&mut criterion, &runtime);
    appending(&mut criterion, &runtime);
    criterion.final_summary();
}
