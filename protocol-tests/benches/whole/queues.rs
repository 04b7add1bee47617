//! Consumers of a queue that work off what waits in it, as fast as they are answered.
//!
//! Each message is handed out, and its acknowledgement is durable before it counts. Share consumers acknowledge with
//! their next fetch, a classic consumer commits what it has fetched.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use millstream_protocol_tests::raw::Connection;
use millstream_wire::api::{offset_commit, share_fetch};
use millstream_wire::{ApiKey, ErrorCode, Uuid};

use crate::frames::{self, TOPIC};
use crate::load::{Outcome, note};
use crate::options::Options;
use crate::target::{Target, Usage};
use crate::traffic::{fill, receive};

/// Messages of a batch, and of a fetch.
const BATCH: usize = 100;
/// Bytes of a message.
const SIZE: usize = 1 << 10;
/// Messages that a run at full speed does not come to the end of.
pub(crate) const SOME: u64 = 2_000_000;
/// A queue that nobody has worked on for long.
pub(crate) const MANY: u64 = 10_000_000;

/// What one consumer did.
#[derive(Debug, Default)]
struct Done {
    messages: u64,
    latencies: Vec<Duration>,
}

/// Share consumers of one partition.
pub(crate) fn share(options: &Options, consumers: usize, waiting: u64) -> Outcome {
    let target = waiting_queue(options, waiting);
    let topic = target.topic_id(TOPIC);
    measure(&target, options.length, consumers, |member, end| {
        let mut consumer = ShareConsumer::open(&target, topic, member);
        run(end, || consumer.next())
    })
}

/// Share consumers work a queue off to its end; then it is seen what it leaves on the disk.
pub(crate) fn drain(options: &Options, consumers: usize, waiting: u64) -> Outcome {
    /// How long the server may take for that.
    const AFTERWARDS: Duration = Duration::from_secs(10);
    let target = waiting_queue(options, waiting);
    let full = target.size_on_disk(TOPIC);
    let topic = target.topic_id(TOPIC);
    let left = AtomicU64::new(waiting);
    let never = Duration::from_secs(3_600);
    let mut outcome = measure(&target, never, consumers, |member, _| {
        let mut consumer = ShareConsumer::open(&target, topic, member);
        let mut done = Done::default();
        while left.load(Ordering::Relaxed) > 0 {
            let since = Instant::now();
            let messages = consumer.next();
            left.fetch_sub(messages, Ordering::Relaxed);
            done.messages += messages;
            done.latencies.push(since.elapsed());
        }
        done
    });
    let since = Instant::now();
    while let Some(left) = AFTERWARDS.checked_sub(since.elapsed()) {
        thread::park_timeout(left);
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    outcome.notes.extend([
        note("MB on the disk before", megabytes(full)),
        note("10 s after", megabytes(target.size_on_disk(TOPIC))),
    ]);
    outcome
}

/// One classic consumer, which commits what each of its fetches brought.
pub(crate) fn commit(options: &Options, waiting: u64) -> Outcome {
    let target = waiting_queue(options, waiting);
    measure(&target, options.length, 1, |_, end| {
        let mut consumer = Consumer {
            connection: Connection::open(target.address()),
            fetches: std::net::TcpStream::connect(target.address())
                .expect("the server accepts connections"),
            position: 0,
        };
        run(end, || consumer.next())
    })
}

/// A queue of one partition in which so many messages wait. They may be in the page cache only: it is the
/// acknowledgements that are durable.
fn waiting_queue(options: &Options, messages: u64) -> Target {
    let target = Target::start(options);
    let configs = [
        ("queue.enable", "true"),
        ("flush.messages", "9223372036854775807"),
    ];
    target.make(TOPIC, 1, &configs);
    let batch = frames::batch(BATCH, SIZE);
    fill(&target, &batch, messages / BATCH as u64);
    // The disk is not to be busy with that when the consumers begin.
    let synced = Command::new("sync").status();
    assert!(synced.expect("there is sync").success());
    target
}

/// Has consumers work until the time is up.
fn measure(
    target: &Target,
    length: Duration,
    consumers: usize,
    work: impl Fn(usize, Instant) -> Done + Sync,
) -> Outcome {
    let (begin, before) = (Instant::now(), target.usage());
    let end = begin + length;
    let done: Vec<Done> = thread::scope(|scope| {
        let work = &work;
        let start = |member| scope.spawn(move || work(member, end));
        let running: Vec<_> = (0..consumers).map(start).collect();
        running
            .into_iter()
            .map(|one| one.join().expect("a consumer works"))
            .collect()
    });
    let usage = Usage::between(before, target.usage());
    let length = begin.elapsed();
    let messages: u64 = done.iter().map(|one| one.messages).sum();
    let part = |one: &Done| one.messages as f64 * consumers as f64 / messages as f64;
    let parts = done.iter().map(part);
    let (least, most) = parts.fold((f64::MAX, 0.0), |(least, most): (f64, f64), part| {
        (least.min(part), most.max(part))
    });
    let mut latencies: Vec<_> = done.into_iter().flat_map(|one| one.latencies).collect();
    latencies.sort_unstable();
    Outcome {
        length,
        bytes: messages * SIZE as u64,
        latencies,
        usage,
        notes: vec![
            note("messages/s", messages as f64 / length.as_secs_f64()),
            note("least of an even part", least),
            note("most", most),
        ],
    }
}

/// Takes messages, again and again. What was taken counts once it is acknowledged.
fn run(end: Instant, mut next: impl FnMut() -> u64) -> Done {
    let mut done = Done::default();
    while Instant::now() < end {
        let since = Instant::now();
        done.messages += next();
        done.latencies.push(since.elapsed());
    }
    done
}

/// A member of a share group.
struct ShareConsumer {
    connection: Connection,
    topic: Uuid,
    member: String,
    epoch: i32,
    /// What it has, as first and last offsets.
    held: Vec<(i64, i64)>,
}

impl ShareConsumer {
    fn open(target: &Target, topic: Uuid, member: usize) -> Self {
        Self {
            connection: Connection::open(target.address()),
            topic,
            member: format!("member-{member}"),
            epoch: 0,
            held: Vec::new(),
        }
    }

    /// Acknowledges what it has and fetches more; returns how many messages it has acknowledged.
    fn next(&mut self) -> u64 {
        let accept = |(first, last): (i64, i64)| share_fetch::AcknowledgementBatch {
            first_offset: first,
            last_offset: last,
            acknowledge_types: vec![1],
        };
        let count: i64 = self.held.iter().map(|(first, last)| last - first + 1).sum();
        let partition = share_fetch::Partition {
            partition_index: 0,
            acknowledgement_batches: self.held.drain(..).map(accept).collect(),
        };
        let request = share_fetch::Request {
            group_id: Some("workers"),
            member_id: Some(&self.member),
            share_session_epoch: self.epoch,
            max_wait_ms: 500,
            max_records: BATCH as i32,
            batch_size: BATCH as i32,
            topics: vec![share_fetch::Topic {
                topic_id: self.topic,
                partitions: vec![partition],
            }],
            ..Default::default()
        };
        self.epoch += 1;
        let answer = self.connection.ask(ApiKey::ShareFetch, 2, &request);
        let answer: share_fetch::Response<'_> = answer.decode();
        assert_eq!(answer.error_code, ErrorCode::NONE, "{answer:?}");
        for partition in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            assert_eq!(partition.error_code, ErrorCode::NONE);
            assert_eq!(partition.acknowledge_error_code, ErrorCode::NONE);
            let acquired = partition.acquired_records.iter();
            self.held
                .extend(acquired.map(|one| (one.first_offset, one.last_offset)));
        }
        count.unsigned_abs()
    }
}

/// A consumer that is alone in its group.
struct Consumer {
    connection: Connection,
    fetches: std::net::TcpStream,
    position: i64,
}

impl Consumer {
    /// Fetches messages and commits them; returns how many.
    fn next(&mut self) -> u64 {
        // What a consumer hands to its application at a time.
        const BYTES: i32 = 5 * (BATCH * SIZE) as i32;
        let mut frame = frames::fetch(BYTES, 500);
        frames::set_position(&mut frame, self.position);
        std::io::Write::write_all(&mut self.fetches, &frame).expect("the server reads requests");
        let mut answer = Vec::new();
        receive(&mut self.fetches, &mut answer);
        let next = frames::next_offset(frames::fetched(&answer)).unwrap_or(self.position);
        let partition = offset_commit::Partition {
            committed_offset: next,
            ..Default::default()
        };
        let request = offset_commit::Request {
            group_id: "workers",
            generation_id_or_member_epoch: -1,
            topics: vec![offset_commit::Topic {
                name: TOPIC,
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self.connection.ask(ApiKey::OffsetCommit, 8, &request);
        let answer: offset_commit::Response<'_> = answer.decode();
        assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::NONE);
        let count = next - self.position;
        self.position = next;
        count.unsigned_abs()
    }
}
