//! What accepting one batch of 64 KiB costs beside the bare checksum over it.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "a benchmark has no users, and fails when its setup does"
)]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use millstream_batch::{Batch, Builder};

fn batch_of_64_kib() -> BytesMut {
    let value = [7; 1024];
    let mut builder = Builder::new();
    while builder.size() < 63 * 1024 {
        builder.push(0, None, Some(&value), &[]);
    }
    BytesMut::from(builder.build().expect("the batch has records").bytes())
}

fn accept(c: &mut Criterion) {
    let bytes = batch_of_64_kib();
    let mut group = c.benchmark_group("64 KiB batch");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("bare crc32c", |b| {
        b.iter(|| crc32c::crc32c(black_box(&bytes[21..])));
    });
    group.bench_function("parse, check, stamp", |b| {
        b.iter_batched(
            || bytes.clone(),
            |bytes| Batch::parse(bytes).map(|batch| batch.stamp(black_box(7), 1)),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, accept);
criterion_main!(benches);
