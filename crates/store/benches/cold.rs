//! Reading the past: a whole log from its first offset to its end, from the disk and from the page cache, by one
//! reader and by many, each next to what a plain loop of reads gets from the same file in the same run.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use millstream_batch::{Batch, Batches, Builder};
use millstream_store::{
    Ack, AppendMode, Flush, LogConfig, Partition, Store, StoreOptions, TopicPartition,
};
use rustix::fs::Advice;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Bytes of the log.
const LOG: usize = 512 * MIB;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A partition whose records are on the disk and nowhere else but, perhaps, in the page cache.
struct Past {
    runtime: Runtime,
    partition: Arc<Partition>,
    _store: Store,
    dir: TempDir,
}

impl Past {
    fn write() -> Self {
        let runtime = Runtime::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            tail_bytes: 0,
            ..StoreOptions::default()
        };
        let store = Store::open(dir.path(), options.clone(), 0).unwrap();
        let id = TopicPartition {
            topic_id: Uuid::from_u128(1),
            index: 0,
        };
        let config = LogConfig {
            flush: Flush::PageCache,
            ..LogConfig::default()
        };
        let partition = store.create_partition(id, config).unwrap();
        runtime.block_on(fill(&partition));
        drop(partition);
        store.close().unwrap();
        drop(store);
        let store = Store::open(dir.path(), options, 0).unwrap();
        let partition = store.partition(&id).unwrap();
        Past {
            runtime,
            partition,
            _store: store,
            dir,
        }
    }

    fn segment(&self) -> PathBuf {
        let id = self.partition.id();
        let partition = format!("topics/{}/{}", id.topic_id, id.index);
        let segment = format!("{:020}.log", 0);
        self.dir.path().join(partition).join(segment)
    }
}

/// Appends batches of 64 KiB, in records of 1 KiB, until the log is as long as it should be.
async fn fill(partition: &Arc<Partition>) {
    let mut builder = Builder::new();
    for i in 0..64 {
        builder.push(i, None, Some(&vec![b'x'; 1_000]), &[]);
    }
    let template = BytesMut::from(builder.build().unwrap().bytes());
    for _ in 0..LOG / template.len() {
        let batch = Batch::parse(template.clone()).unwrap();
        let appended = partition.append(batch, AppendMode::Client, 0).unwrap();
        let next = appended.next_offset();
        partition.wait(next, Ack::Written).await.unwrap();
    }
    partition.settle().await.unwrap();
}

/// Reads everything, `size` bytes at a time; returns the bytes read.
async fn read_all(partition: &Partition, size: usize) -> usize {
    let end = partition.offsets().high_watermark;
    let (mut from, mut bytes) = (0, 0);
    while from < end {
        let read = partition.read(from, size, end, true).await.unwrap();
        let last = Batches::new(read.last().unwrap()).last();
        from = last.unwrap().unwrap().header.next_offset();
        bytes += read.iter().map(Bytes::len).sum::<usize>();
    }
    bytes
}

/// The same bytes by a loop that knows nothing of batches.
fn read_plainly(path: &Path, size: usize) -> usize {
    let file = File::open(path).unwrap();
    let mut buffer = vec![0; size];
    let mut position = 0;
    loop {
        match file.read_at(&mut buffer, position as u64).unwrap() {
            0 => return position,
            read => position += read,
        }
    }
}

/// Has the kernel drop what it holds of a file.
fn forget(path: &Path) {
    let file = File::open(path).unwrap();
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

/// Times `read`, after `prepare` and without it.
fn bench<T>(group: &mut Group<'_>, name: &str, prepare: impl Fn(), read: impl Fn() -> T) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            let mut reading = Duration::ZERO;
            for _ in 0..count {
                prepare();
                let start = Instant::now();
                std::hint::black_box(read());
                reading += start.elapsed();
            }
            reading
        });
    });
}

/// `readers` begin at places that are spread over the log and read a share of it each.
async fn read_side_by_side(partition: &Arc<Partition>, readers: i64, size: usize) {
    let share = partition.offsets().high_watermark / readers;
    let tasks: Vec<_> = (0..readers)
        .map(|reader| {
            let partition = Arc::clone(partition);
            tokio::spawn(async move {
                let mut from = reader * share;
                let end = from + share;
                while from < end {
                    let until = partition.offsets().high_watermark;
                    let read = partition.read(from, size, until, true).await.unwrap();
                    let last = Batches::new(read.last().unwrap()).last();
                    from = last.unwrap().unwrap().header.next_offset();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(8))
        .configure_from_args();
    let past = Past::write();
    let (segment, partition) = (past.segment(), &past.partition);
    for (from, prepare) in [
        ("disk", &(|| forget(&segment)) as &dyn Fn()),
        ("page cache", &|| ()),
    ] {
        let mut group = criterion.benchmark_group(format!("read 512 MiB from the {from}"));
        group.throughput(Throughput::Bytes(LOG as u64));
        for size in [MIB, 64 * KIB] {
            let kib = size / KIB;
            bench(
                &mut group,
                &format!("plain reads of {kib} KiB"),
                prepare,
                || read_plainly(&segment, size),
            );
            bench(
                &mut group,
                &format!("store, {kib} KiB asked for"),
                prepare,
                || past.runtime.block_on(read_all(partition, size)),
            );
        }
        bench(&mut group, "store, 64 readers of 1024 KiB", prepare, || {
            let reads = read_side_by_side(partition, 64, MIB);
            past.runtime.block_on(reads);
        });
        group.finish();
    }
    criterion.final_summary();
}
