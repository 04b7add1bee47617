//! What is measured: one entry for each, the bare limit before the scenario that it bounds.

use std::time::Duration;

use crate::frames;
use crate::idle;
use crate::limits;
use crate::load::{Ask, Outcome, drive};
use crate::options::Options;
use crate::target::{Durability, Target};

/// Something that is measured.
pub(crate) struct Scenario {
    /// What it is called on the command line and in the report.
    pub(crate) name: &'static str,
    /// Runs it once.
    pub(crate) run: fn(&Options) -> Outcome,
}

/// All of them, in the order in which they are run.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "limit/disk/1-MiB-sync",
        run: |o| limits::write_and_sync(1 << 20, o.length),
    },
    Scenario {
        name: "limit/disk/1-KiB-sync",
        run: |o| limits::write_and_sync(1 << 10, o.length),
    },
    Scenario {
        name: "limit/loopback/64-KiB-stream",
        run: |o| limits::loopback_stream(1 << 16, o.length),
    },
    Scenario {
        name: "limit/loopback/1-KiB-echo",
        run: |o| limits::loopback_echo(1 << 10, o.length),
    },
    Scenario {
        name: "produce/durable/16x64KiB/1-partition",
        run: |o| large(o, 1, Durability::Disk, 1),
    },
    Scenario {
        name: "produce/durable/16x64KiB/16-partitions",
        run: |o| large(o, 16, Durability::Disk, 1),
    },
    Scenario {
        name: "produce/durable/16x64KiB/1-partition/5-in-flight",
        run: |o| large(o, 1, Durability::Disk, 5),
    },
    Scenario {
        name: "produce/durable/16x64KiB/16-partitions/5-in-flight",
        run: |o| large(o, 16, Durability::Disk, 5),
    },
    Scenario {
        name: "produce/page-cache/16x64KiB/1-partition",
        run: |o| large(o, 1, Durability::PageCache, 1),
    },
    Scenario {
        name: "produce/page-cache/16x64KiB/16-partitions",
        run: |o| large(o, 16, Durability::PageCache, 1),
    },
    Scenario {
        name: "produce/durable/1x1KiB",
        run: |o| small(o, 1, 1, Durability::Disk),
    },
    Scenario {
        name: "produce/page-cache/1x1KiB",
        run: |o| small(o, 1, 1, Durability::PageCache),
    },
    Scenario {
        name: "produce/durable/64x1KiB/1-partition",
        run: |o| small(o, 64, 1, Durability::Disk),
    },
    Scenario {
        name: "produce/durable/64x1KiB/16-partitions",
        run: |o| small(o, 64, 16, Durability::Disk),
    },
    Scenario {
        name: "fetch/recent/1-reader",
        run: |o| fetch(o, 1, RECENT),
    },
    Scenario {
        name: "fetch/recent/2-readers",
        run: |o| fetch(o, 2, RECENT),
    },
    Scenario {
        name: "fetch/past/1-reader",
        run: |o| fetch(o, 1, PAST),
    },
    Scenario {
        name: "start",
        run: idle::start,
    },
    Scenario {
        name: "idle",
        run: idle::idle,
    },
    Scenario {
        name: "idle/1000-long-polls",
        run: idle::long_polls,
    },
];

/// Bytes that the server still holds in memory for readers.
const RECENT: u64 = 16 << 20;
/// Bytes that it no longer does.
const PAST: u64 = 1 << 30;

/// 16 connections append batches of 64 records of 1 KiB.
fn large(options: &Options, partitions: i32, durability: Durability, in_flight: usize) -> Outcome {
    produce(
        options,
        &frames::batch(64, 1 << 10),
        16,
        partitions,
        durability,
        in_flight,
    )
}

/// Connections append batches of one record of 1 KiB.
fn small(options: &Options, connections: i32, partitions: i32, durability: Durability) -> Outcome {
    produce(
        options,
        &frames::batch(1, 1 << 10),
        connections,
        partitions,
        durability,
        1,
    )
}

fn produce(
    options: &Options,
    batch: &[u8],
    connections: i32,
    partitions: i32,
    durability: Durability,
    in_flight: usize,
) -> Outcome {
    let target = Target::start(options);
    target.make_topic(partitions, durability);
    let ask = |n| Ask::Produce {
        frame: frames::produce(n % partitions, batch),
        size: batch.len() as u64,
    };
    drive(
        &target,
        (0..connections).map(ask).collect(),
        in_flight,
        options.length,
    )
}

/// Readers of one partition of `size` bytes go over it again and again, a mebibyte at a time.
fn fetch(options: &Options, readers: usize, size: u64) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::PageCache);
    let batch = frames::batch(64, 1 << 10);
    let batches = size / batch.len() as u64;
    fill(&target, &batch, batches);
    let ask = Ask::Fetch {
        frame: frames::fetch(0, 500),
        position: 0,
        end: 64 * batches as i64,
    };
    drive(&target, vec![ask; readers], 1, options.length)
}

fn fill(target: &Target, batch: &[u8], times: u64) {
    use std::io::{Read as _, Write as _};
    let mut stream =
        std::net::TcpStream::connect(target.address()).expect("the server accepts connections");
    let frame = frames::produce(0, batch);
    let mut answer = Vec::new();
    for _ in 0..times {
        stream.write_all(&frame).expect("the server reads requests");
        let mut length = [0; 4];
        stream.read_exact(&mut length).expect("the server answers");
        answer.resize(u32::from_be_bytes(length) as usize, 0);
        stream
            .read_exact(&mut answer)
            .expect("the server finishes its answer");
        frames::assert_produced(&answer, 0);
    }
}

impl Scenario {
    /// Runs it as often as the options say.
    pub(crate) fn outcomes(&self, options: &Options) -> Vec<Outcome> {
        (0..options.runs).map(|_| (self.run)(options)).collect()
    }
}

/// Nothing is asked of a server for this long before its idle use is read, so that it has come to rest.
pub(crate) const REST: Duration = Duration::from_secs(1);
