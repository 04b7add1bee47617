//! A soak: mixed load on one server, which is killed at random moments and started again on the same directory, and
//! a verdict on every record.
//!
//! Six kinds of load go on at once: idempotent producers to topics that sync, that leave it to the page cache, that
//! retention bounds and that are compacted; a producer without sequences; readers who go over the past; a
//! consumer group that commits; topics that come and go. Everything is random and follows from one seed, but for what
//! threads and the machine make of it.

mod content;
mod ledger;
mod passing;
mod reader;
mod run;
mod writer;

use std::ops::Range;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{Admin, Consumer};
use crate::dice::Dice;
use crate::member::{self, Commits};
use crate::server::Server;

use content::Content;
use ledger::{Keeps, Ledger};
use passing::Passing;
use run::{Run, Track};
use writer::{Writer, lock};

/// What a soak is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything random follows from.
    pub seed: u64,
    /// How long the load goes on.
    pub length: Duration,
    /// How long the server lives before it is killed, in milliseconds.
    pub lives: Range<u64>,
    /// Whether the directory is checked before each start, too, and not only in the end.
    pub checks_each: bool,
}

/// What a soak without any broken promise has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Times that the server was killed.
    pub kills: u64,
    /// Times that it was asked to end.
    pub stops: u64,
    /// Records that were acknowledged.
    pub acknowledged: u64,
    /// Records that were read while the load went on.
    pub read: u64,
    /// Records that were there in the end.
    pub kept: u64,
    /// Records that retention and compaction had removed by then.
    pub removed: u64,
    /// Topics that came and went.
    pub topics: u64,
}

struct Topic {
    name: &'static str,
    partitions: i32,
    configs: &'static [(&'static str, &'static str)],
    keeps: Keeps,
    idempotent: bool,
}

/// What the group reads.
const SYNCED: &str = "synced";
const GROUP: &str = "group";

const TOPICS: [Topic; 5] = [
    Topic {
        name: SYNCED,
        partitions: 2,
        configs: &[("segment.bytes", "4194304")],
        keeps: Keeps::Everything,
        idempotent: true,
    },
    Topic {
        name: "page-cache",
        partitions: 2,
        configs: &[
            ("segment.bytes", "4194304"),
            ("flush.messages", "9223372036854775807"),
        ],
        keeps: Keeps::Everything,
        idempotent: true,
    },
    Topic {
        name: "without-sequences",
        partitions: 1,
        configs: &[("segment.bytes", "4194304")],
        keeps: Keeps::Everything,
        idempotent: false,
    },
    Topic {
        name: "bounded",
        partitions: 2,
        configs: &[("segment.bytes", "1048576"), ("retention.bytes", "3145728")],
        keeps: Keeps::Newest,
        idempotent: true,
    },
    Topic {
        name: "compacted",
        partitions: 2,
        configs: &[
            ("segment.bytes", "1048576"),
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.1"),
        ],
        keeps: Keeps::LastOfEachKey,
        idempotent: true,
    },
];

/// So that retention and compaction are always at work.
const SETTINGS: [(&str, &str); 2] = [
    ("log.retention.check.interval.ms", "1000"),
    ("log.cleaner.backoff.ms", "500"),
];

/// Runs a soak; `tell` is given a line a minute.
///
/// # Errors
/// The first promise that was broken.
///
/// # Panics
/// When the server ends by itself or does not start.
pub fn soak(plan: &Plan, tell: impl Fn(&str)) -> Result<Tally, String> {
    let mut dice = Dice::new(plan.seed);
    let mut server = Server::with(&SETTINGS);
    let tracks = tracks(&server, plan.seed);
    let run = Run::new(server.address());
    let (mut commits, mut passing) = (Commits::default(), Passing::default());
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let run = &run;
        let _guard = run.fail_on_panic();
        for track in &tracks {
            let Track {
                topic,
                partition,
                idempotent,
                ledger,
            } = track;
            let writer = Writer::new(
                topic,
                *partition,
                *idempotent,
                ledger,
                Dice::new(dice.next()),
            );
            scope.spawn(|| guarded(run, || writer.run(run)));
        }
        let reader_dice = Dice::new(dice.next());
        let reader = scope.spawn(|| guarded(run, || reader::wander(run, &tracks, reader_dice)));
        let passing_dice = Dice::new(dice.next());
        scope.spawn(|| guarded(run, || passing.run(run, passing_dice)));
        let member_dice = Dice::new(dice.next());
        scope.spawn(|| guarded(run, || consume(run, &mut commits, member_dice)));
        unsettle(plan, &mut server, run, &mut dice, &mut tally, |tally| {
            tell(&line(tally, &tracks));
        });
        run.end_load();
        tally.read = reader.join().unwrap_or_default();
    });
    conclude(&run, &mut server, &tracks, &commits, &passing, &mut tally);
    run.failure().map_or(Ok(tally), Err)
}

fn guarded<T>(run: &Run, work: impl FnOnce() -> T) -> T {
    let _guard = run.fail_on_panic();
    work()
}

/// Makes the topics.
fn tracks(server: &Server, seed: u64) -> Vec<Track> {
    let admin = Admin::new(&server.bootstrap());
    let mut salts = Dice::new(!seed);
    let mut tracks = Vec::new();
    for topic in &TOPICS {
        let configs = [&[("retention.ms", "-1")], topic.configs].concat();
        admin.create(topic.name, topic.partitions, &configs);
        for partition in 0..topic.partitions {
            let content = Content {
                salt: salts.next(),
                tombstones: topic.keeps == Keeps::LastOfEachKey,
            };
            let name = format!("{}-{partition}", topic.name);
            let ledger = Ledger::new(name, content, topic.keeps, topic.idempotent);
            tracks.push(Track {
                topic: topic.name,
                partition,
                idempotent: topic.idempotent,
                ledger: Mutex::new(ledger),
            });
        }
    }
    tracks
}

/// The lives of a member of the group.
fn consume(run: &Run, commits: &mut Commits, mut dice: Dice) {
    while run.is_loading() {
        let end = Instant::now() + Duration::from_millis(dice.between(1_000, 20_000));
        let ends = || Instant::now() > end || !run.is_loading();
        member::live(&run.address().to_string(), GROUP, SYNCED, commits, ends);
    }
}

/// Kills the server at random moments, or asks it to end, and starts it again, for as long as the plan says.
fn unsettle(
    plan: &Plan,
    server: &mut Server,
    run: &Run,
    dice: &mut Dice,
    tally: &mut Tally,
    tell: impl Fn(&Tally),
) {
    const MINUTE: Duration = Duration::from_secs(60);
    let end = Instant::now() + plan.length;
    let mut next_line = Instant::now() + MINUTE;
    while Instant::now() < end {
        let life = Duration::from_millis(dice.between(plan.lives.start, plan.lives.end));
        thread::park_timeout(life);
        if run.has_failed() {
            return;
        }
        if dice.between(0, 5) == 0 {
            stop(server, run);
            tally.stops += 1;
        } else {
            server.kill();
            tally.kills += 1;
        }
        if plan.checks_each {
            check(server, run);
        }
        server.restart();
        if Instant::now() >= next_line {
            tell(tally);
            next_line += MINUTE;
        }
    }
}

fn line(tally: &Tally, tracks: &[Track]) -> String {
    let Tally { kills, stops, .. } = tally;
    let acknowledged = acknowledged(tracks);
    format!("{acknowledged} records acknowledged, {kills} kills, {stops} stops")
}

fn acknowledged(tracks: &[Track]) -> u64 {
    let each = tracks
        .iter()
        .map(|track| lock(&track.ledger).acknowledged());
    each.sum()
}

/// Compares everything with what is known, on the running server and on its directory.
fn conclude(
    run: &Run,
    server: &mut Server,
    tracks: &[Track],
    commits: &Commits,
    passing: &Passing,
    tally: &mut Tally,
) {
    if run.has_failed() {
        return;
    }
    tally.acknowledged = acknowledged(tracks);
    tally.topics = passing.made();
    for track in tracks {
        let kept = reader::read_all(run, track);
        tally.kept += kept;
        // A producer without sequences may leave more than were acknowledged.
        tally.removed += lock(&track.ledger).acknowledged().saturating_sub(kept);
    }
    passing.compare(run);
    compare_commits(run, commits);
    stop(server, run);
    check(server, run);
}

fn compare_commits(run: &Run, commits: &Commits) {
    let (partitions, floors): (Vec<i32>, Vec<i64>) = commits.acknowledged().unzip();
    let group = Consumer::member(&run.address().to_string(), GROUP, SYNCED, &[]);
    let committed = group.committed(SYNCED, &partitions);
    for ((partition, floor), found) in partitions.iter().zip(floors).zip(committed) {
        if found.unwrap_or(0) < floor {
            run.fail(format!(
                "the commit {floor} of partition {partition} is {found:?}"
            ));
        }
    }
}

fn stop(server: &mut Server, run: &Run) {
    let status = server.terminate();
    if !status.success() {
        run.fail(format!("asked to end, the server did so with {status}"));
    }
}

/// The directory of a server that does not run has to be without damage.
fn check(server: &Server, run: &Run) {
    if let Err(found) = server.check() {
        run.fail(format!("millstream check: {found}"));
    }
}
