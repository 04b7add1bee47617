//! Producers that send at a rate of their own, whatever the server makes of it.

use std::time::Duration;

use millstream_protocol_tests::dice::Dice;

use crate::frames;
use crate::load::{Outcome, note};
use crate::options::Options;
use crate::paced::{self, Due, Paced, Plan};
use crate::target::{Durability, Target};
use crate::traffic::touch;

const CONNECTIONS: usize = 16;

/// A thousand partitions get one durable record of 1 KiB a second each, every partition at a moment of its own.
pub(crate) fn thousand(options: &Options) -> Outcome {
    const PARTITIONS: i32 = 1000;
    let target = Target::start(options);
    target.make_topic(PARTITIONS, Durability::Disk);
    touch(&target, PARTITIONS);
    let batch = frames::batch(1, 1 << 10);
    produce(
        &target,
        &batch,
        each_second(PARTITIONS, &mut Dice::new(1)),
        options.length,
    )
    .outcome
}

/// Batches of 64 KiB come at 350 MB/s to partitions of which retention keeps some 200 MB each.
pub(crate) fn sustained(options: &Options) -> Outcome {
    const PARTITIONS: i32 = 16;
    const RATE: f64 = 350e6;
    let target = Target::with(options, &[("log.retention.check.interval.ms", "1000")]);
    let bounds = [
        ("segment.bytes", "67108864"),
        ("retention.bytes", "134217728"),
    ];
    target.make(frames::TOPIC, PARTITIONS, &bounds);
    let batch = frames::batch(64, 1 << 10);
    let every = Duration::from_secs_f64(batch.len() as f64 / RATE);
    let due = (0..).map(|n: u32| (every * n, n as i32 % PARTITIONS));
    let Paced {
        mut outcome,
        resident,
    } = produce(&target, &batch, due, options.length);
    let megabytes = |bytes: Option<&u64>| bytes.map_or(0.0, |bytes| *bytes as f64 / 1e6);
    outcome.notes = vec![
        note("RSS MB at first", megabytes(resident.first())),
        note("at last", megabytes(resident.last())),
        note("at most", megabytes(resident.iter().max())),
    ];
    outcome
}

/// When each partition's record is due, for ever: at the same random part of every second.
pub(crate) fn each_second(
    partitions: i32,
    dice: &mut Dice,
) -> impl Iterator<Item = (Duration, i32)> + use<> {
    let phase = |partition| (Duration::from_micros(dice.between(0, 1_000_000)), partition);
    let mut phases: Vec<_> = (0..partitions).map(phase).collect();
    phases.sort_unstable();
    (0..).flat_map(move |second| {
        let at = Duration::from_secs(second);
        let due = |(phase, partition): &(Duration, i32)| (at + *phase, *partition);
        phases.iter().map(due).collect::<Vec<_>>()
    })
}

/// Appends `batch` to each partition when it is due; a partition has one connection.
pub(crate) fn produce(
    target: &Target,
    batch: &[u8],
    mut due: impl Iterator<Item = (Duration, i32)> + Send,
    length: Duration,
) -> Paced {
    let size = batch.len() as u64;
    let plan = Plan {
        connections: CONNECTIONS,
        frame: frames::produce(batch),
        next: |frame: &mut [u8]| {
            let (at, partition) = due.next().expect("requests without end");
            frames::set_partition(frame, partition);
            let connection = partition.unsigned_abs() as usize % CONNECTIONS;
            Due { at, connection }
        },
        answered: |answer: &[u8]| {
            frames::assert_produced(answer, 0);
            size
        },
    };
    paced::drive(target, plan, length)
}
