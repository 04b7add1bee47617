//! What compaction and retention cost those who produce and fetch meanwhile.
//!
//! Each scenario is run twice on fresh servers: beside a load on two topics from which nothing is removed, and beside
//! the same load where one of them is compacted and the other bounded in size. Its own figures are those of the second
//! run.

use std::thread;
use std::time::Duration;

use millstream_protocol_tests::dice::Dice;

use crate::frames;
use crate::load::{Outcome, note};
use crate::options::Options;
use crate::paced::{self, Due, Plan};
use crate::report::percentile;
use crate::steady::{self, each_second};
use crate::target::{Durability, Target};
use crate::traffic::{RECENT, fill, touch};

/// What the topics in the background get, together and in bytes a second.
const BACKGROUND: f64 = 40e6;
/// The settings of a server that removes things often.
const OFTEN: [(&str, &str); 2] = [
    ("log.retention.check.interval.ms", "500"),
    ("log.cleaner.backoff.ms", "500"),
];
/// How much longer the background lasts than what is measured, which has to prepare its topic first.
const PREPARATION: Duration = Duration::from_secs(2);
/// Topics in the background, and what removes their records in the second run.
const TOPICS: [(&str, [(&str, &str); 2]); 2] = [
    (
        "compacted",
        [
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.1"),
        ],
    ),
    (
        "bounded",
        [
            ("cleanup.policy", "delete"),
            ("retention.bytes", "33554432"),
        ],
    ),
];

/// A hundred partitions get ten durable records of 1 KiB a second each.
pub(crate) fn produce(options: &Options) -> Outcome {
    const PARTITIONS: i32 = 100;
    compare(options, |target| {
        target.make_topic(PARTITIONS, Durability::Disk);
        touch(target, PARTITIONS);
        let batch = frames::batch(1, 1 << 10);
        let second = each_second(10 * PARTITIONS, &mut Dice::new(2));
        let due = second.map(|(at, n)| (at, n % PARTITIONS));
        steady::produce(target, &batch, due, options.length).outcome
    })
}

/// Readers ask for 64 KiB of the recent past a thousand times a second.
pub(crate) fn fetch(options: &Options) -> Outcome {
    const CONNECTIONS: u32 = 16;
    const PER_SECOND: u32 = 1000;
    compare(options, |target| {
        target.make_topic(1, Durability::Disk);
        let batch = frames::batch(64, 1 << 10);
        let batches = RECENT / batch.len() as u64;
        fill(target, &batch, batches);
        let mut dice = Dice::new(3);
        let mut requests = 0..;
        let plan = Plan {
            connections: CONNECTIONS as usize,
            frame: frames::fetch(batch.len() as i32, 0),
            next: |frame: &mut [u8]| {
                let n = requests.next().expect("requests without end");
                frames::set_position(frame, 64 * dice.between(0, batches) as i64);
                Due {
                    at: Duration::from_secs(1) * n / PER_SECOND,
                    connection: (n % CONNECTIONS) as usize,
                }
            },
            answered: |answer: &[u8]| frames::fetched(answer).len() as u64,
        };
        paced::drive(target, plan, options.length).outcome
    })
}

/// Measures without and with removal, and says how the latencies stand to each other.
fn compare(options: &Options, measure: impl Fn(&Target) -> Outcome + Sync) -> Outcome {
    let (without, all) = beside(options, false, &measure);
    let (mut with, kept) = beside(options, true, &measure);
    let removed = kept
        .iter()
        .zip(all)
        .all(|(kept, all)| *kept < all || options.peer.is_some());
    assert!(removed, "of {all:?} bytes {kept:?} are left");
    let p99 = |outcome| percentile(outcome, 0.99).unwrap_or(f64::NAN);
    with.notes = vec![
        note("p99 ms without", p99(&without)),
        note("p99 ratio", p99(&with) / p99(&without)),
    ];
    let sizes = [
        ("MB compacted", "of", kept[0], all[0]),
        ("MB bounded", "of", kept[1], all[1]),
    ];
    for (name, of, kept, all) in sizes {
        with.notes
            .extend([note(name, kept as f64 / 1e6), note(of, all as f64 / 1e6)]);
    }
    with
}

/// Measures beside the background; what was measured, and the bytes that each topic of the background has then.
fn beside(
    options: &Options,
    removes: bool,
    measure: &(impl Fn(&Target) -> Outcome + Sync),
) -> (Outcome, [u64; 2]) {
    let target = Target::with(options, &OFTEN);
    for (topic, configs) in TOPICS {
        let configs: &[_] = if removes { &configs } else { &[] };
        target.make(
            topic,
            1,
            &[&[("segment.bytes", "8388608")], configs].concat(),
        );
    }
    let outcome = thread::scope(|scope| {
        let loads = TOPICS.map(|(topic, _)| {
            let target = &target;
            scope.spawn(move || load(target, topic, options.length + PREPARATION))
        });
        let outcome = measure(&target);
        for load in loads {
            load.join().expect("the background is produced");
        }
        outcome
    });
    let sizes = TOPICS.map(|(topic, _)| target.size_on_disk(topic));
    (outcome, sizes)
}

/// Appends batches of keyed records to the one partition of `topic` at its part of the rate.
fn load(target: &Target, topic: &str, length: Duration) {
    let batch = frames::keyed_batch(64, 1 << 10, 10_000, &mut Dice::new(4));
    let every = Duration::from_secs_f64(batch.len() as f64 * TOPICS.len() as f64 / BACKGROUND);
    let mut requests = 0..;
    let plan = Plan {
        connections: 1,
        frame: frames::produce_to(topic, 0..1, &batch),
        next: |_: &mut [u8]| Due {
            at: every * requests.next().expect("requests without end"),
            connection: 0,
        },
        answered: |answer: &[u8]| {
            frames::assert_produced(answer, 0);
            batch.len() as u64
        },
    };
    paced::drive(target, plan, length);
}
