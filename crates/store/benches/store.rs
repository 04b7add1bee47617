//! Append, tail read and cold read, each next to what the bare file system does in the same run.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

use std::fs::File;
use std::io::{IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, measurement::WallTime};
use millstream_batch::{Batch, Builder};
use millstream_store::{
    Ack, AppendMode, Flush, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use tokio::runtime::Runtime;
use uuid::Uuid;

const CLIENTS: usize = 16;
const KIB: usize = 1024;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A batch of about `size` bytes in records of 1 KiB.
fn template(size: usize) -> BytesMut {
    let mut builder = Builder::new();
    let value = vec![b'x'; 960];
    for i in 0..size.div_ceil(KIB) {
        builder.push(i as i64, None, Some(&value), &[]);
    }
    BytesMut::from(builder.build().unwrap().bytes())
}

fn open(dir: &std::path::Path, partitions: i32, flush: Flush) -> (Store, Vec<Arc<Partition>>) {
    let options = StoreOptions {
        journal_bytes: 256 << 20,
        ..StoreOptions::default()
    };
    let store = Store::open(dir, options, 0).unwrap();
    let config = LogConfig {
        flush,
        ..LogConfig::default()
    };
    let create = |index| {
        let id = TopicPartition {
            topic_id: Uuid::from_u128(1),
            index,
        };
        store.create_partition(id, config.clone()).unwrap()
    };
    let partitions = (0..partitions).map(create).collect();
    (store, partitions)
}

/// `count` appends by clients that each wait for one before they send the next.
async fn append(partitions: &[Arc<Partition>], clients: usize, count: u64, template: &BytesMut) {
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let partitions = partitions.to_vec();
            let template = template.clone();
            let share =
                count / clients as u64 + u64::from(client as u64 == 0) * (count % clients as u64);
            tokio::spawn(async move {
                for i in 0..share as usize {
                    let partition = &partitions[(client + i * clients) % partitions.len()];
                    let batch = Batch::parse(template.clone()).unwrap();
                    let appended = partition.append(batch, AppendMode::Client, 0).unwrap();
                    partition
                        .wait(appended.next_offset(), Ack::Durable)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn bench_append(
    group: &mut Group<'_>,
    name: &str,
    partitions: i32,
    clients: usize,
    size: usize,
    flush: Flush,
) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (_store, partitions) = open(dir.path(), partitions, flush);
    let template = template(size);
    group.throughput(Throughput::Bytes(template.len() as u64));
    group.bench_function(BenchmarkId::new(name, partitions.len()), |bencher| {
        bencher.iter_custom(|count| {
            let start = Instant::now();
            runtime.block_on(append(&partitions, clients, count, &template));
            start.elapsed()
        });
    });
}

/// One client that appends a batch to each of several partitions, all or nothing.
fn bench_append_all(group: &mut Group<'_>, partitions: i32, size: usize) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, partitions) = open(dir.path(), partitions, Flush::Sync);
    let template = template(size);
    let once = || async {
        let batch = |partition| {
            (
                Arc::clone(partition),
                Batch::parse(template.clone()).unwrap(),
            )
        };
        let appended = store
            .append_all(partitions.iter().map(batch).collect(), 0)
            .unwrap();
        for (partition, appended) in partitions.iter().zip(appended) {
            let durable = partition.wait(appended.next_offset(), Ack::Durable);
            durable.await.unwrap();
        }
    };
    group.throughput(Throughput::Bytes(
        (template.len() * partitions.len()) as u64,
    ));
    group.bench_function(BenchmarkId::new("store", partitions.len()), |bencher| {
        bencher.to_async(&runtime).iter(once);
    });
}

/// The same bytes, as many at once as there are clients, by one thread into one file.
fn bench_bare(group: &mut Group<'_>, name: &str, clients: usize, size: usize, sync: bool) {
    let mut file = tempfile::tempfile().unwrap();
    let batch = template(size);
    group.throughput(Throughput::Bytes(batch.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            let start = Instant::now();
            for _ in 0..count.div_ceil(clients as u64) {
                let parts: Vec<_> = (0..clients).map(|_| IoSlice::new(&batch)).collect();
                let mut written = file.write_vectored(&parts).unwrap();
                while written < batch.len() * clients {
                    written += file.write(&batch[written % batch.len()..]).unwrap();
                }
                if sync {
                    file.sync_data().unwrap();
                }
            }
            start.elapsed()
        });
    });
}

fn bench_reads(group: &mut Group<'_>, name: &str, tail_bytes: usize) {
    const MIB: usize = 1 << 20;
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        tail_bytes,
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options, 0).unwrap();
    let id = TopicPartition {
        topic_id: Uuid::from_u128(1),
        index: 0,
    };
    let partition = store.create_partition(id, LogConfig::default()).unwrap();
    let template = template(64 * KIB);
    let partitions = [Arc::clone(&partition)];
    runtime.block_on(append(&partitions, CLIENTS, 512, &template));
    let marks = partition.offsets();
    group.throughput(Throughput::Bytes(MIB as u64));
    group.bench_function(name, |bencher| {
        let mut from = 0;
        bencher.to_async(&runtime).iter(|| {
            from = (from + 1_024) % (marks.high_watermark - 2_048);
            partition.read(from, MIB, marks.high_watermark, true)
        });
    });
}

/// Opening a store of many partitions that each hold a little.
fn bench_open(group: &mut Group<'_>, name: &str, partitions: i32, clean: bool) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, all) = open(dir.path(), partitions, Flush::Sync);
    let template = template(16 * KIB);
    runtime.block_on(append(&all, 64, partitions as u64, &template));
    drop(all);
    let end = |store: Store| {
        if clean {
            store.close().unwrap();
        }
    };
    end(store);
    group.bench_function(BenchmarkId::new(name, partitions), |bencher| {
        bencher.iter_custom(|count| {
            let mut opening = Duration::ZERO;
            for _ in 0..count {
                let start = Instant::now();
                let store = Store::open(dir.path(), StoreOptions::default(), 0).unwrap();
                opening += start.elapsed();
                end(store);
            }
            opening
        });
    });
}

fn bench_bare_read(group: &mut Group<'_>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![1; 32 << 20]).unwrap();
    group.bench_function("bare pread", |bencher| {
        let mut position = 0;
        bencher.iter(|| {
            position = (position + (1 << 20)) % (31 << 20);
            read(&file, position)
        });
    });
}

fn read(file: &File, position: u64) -> BytesMut {
    let mut buffer = BytesMut::zeroed(1 << 20);
    file.read_exact_at(&mut buffer, position).unwrap();
    buffer
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();

    let mut group = criterion.benchmark_group("append 64 KiB, 16 clients, durable");
    bench_bare(
        &mut group,
        "bare write and fdatasync",
        CLIENTS,
        64 * KIB,
        true,
    );
    for partitions in [1, 10, 100] {
        bench_append(
            &mut group,
            "store",
            partitions,
            CLIENTS,
            64 * KIB,
            Flush::Sync,
        );
    }
    group.finish();

    let mut group = criterion.benchmark_group("append 64 KiB, 16 clients, page cache");
    bench_bare(&mut group, "bare write", CLIENTS, 64 * KIB, false);
    for partitions in [1, 10, 100] {
        bench_append(
            &mut group,
            "store",
            partitions,
            CLIENTS,
            64 * KIB,
            Flush::PageCache,
        );
    }
    group.finish();

    let mut group = criterion.benchmark_group("append 1 KiB, 64 clients, durable");
    bench_bare(&mut group, "bare write and fdatasync", 64, KIB, true);
    for partitions in [1, 10, 100] {
        bench_append(&mut group, "store", partitions, 64, KIB, Flush::Sync);
    }
    group.finish();

    let mut group = criterion.benchmark_group("append 1 KiB, 1 client, durable");
    bench_bare(&mut group, "bare write and fdatasync", 1, KIB, true);
    bench_append(&mut group, "store", 1, 1, KIB, Flush::Sync);
    group.finish();

    let mut group = criterion.benchmark_group("append 1 KiB to each, all or nothing");
    bench_bare(&mut group, "bare write and fdatasync", 10, KIB, true);
    for partitions in [1, 10, 100] {
        bench_append_all(&mut group, partitions, KIB);
    }
    group.finish();

    let mut group = criterion.benchmark_group("read 1 MiB");
    bench_bare_read(&mut group);
    bench_reads(&mut group, "tail, from memory", 64 << 20);
    bench_reads(&mut group, "cold, from the page cache", 0);
    group.finish();

    let mut group = criterion.benchmark_group("open");
    bench_open(&mut group, "after a clean shutdown", 1_000, true);
    bench_open(&mut group, "after a crash", 1_000, false);
    group.finish();
    criterion.final_summary();
}
