//! A topic with `queue.enable=true` is worked off by ordinary consumers: what they commit is gone for good, what they
//! do not is not, and nobody else takes any of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use millstream_protocol_tests::clients::{
    Admin, Consumer, PATIENCE, Producer, Record, config, read_all, watermarks,
};
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::server::Server;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;

const QUEUE: (&str, &str) = ("queue.enable", "true");

/// A server with the queue `jobs`, in which the numbers of `0..count` wait.
fn with_jobs(count: u64) -> Server {
    let server = Server::start();
    Admin::new(&server.bootstrap()).create("jobs", 1, &[QUEUE]);
    let jobs: Vec<_> = (0..count)
        .map(|n| Record::new("k", n.to_string()))
        .collect();
    Producer::new(&server.bootstrap(), "jobs", &[]).send_all(&jobs);
    server
}

#[test]
fn a_consumer_of_ten_lines_works_a_queue_off() {
    let server = with_jobs(100);
    // With librdkafka's own defaults, which begin at the end of a topic where nothing is committed.
    let mut config = config(&server.bootstrap());
    config.set("group.id", "workers");
    config.set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["jobs"]).unwrap();
    for job in consumer.iter().take(100) {
        let job = job.unwrap();
        consumer.commit_message(&job, CommitMode::Sync).unwrap();
    }
    assert_eq!(watermarks(&server.bootstrap(), "jobs", 0), (100, 100));
    let owner = &Admin::new(&server.bootstrap()).describe("jobs")["queue.owner"];
    assert_eq!(owner, "workers");
}

#[test]
fn looking_at_a_queue_without_a_group_changes_nothing() {
    let server = with_jobs(10);
    assert_eq!(read_all(&server.bootstrap(), "jobs", 1)[0].len(), 10);
    assert_eq!(watermarks(&server.bootstrap(), "jobs", 0), (0, 10));
    let owner = &Admin::new(&server.bootstrap()).describe("jobs")["queue.owner"];
    assert_eq!(owner, "");
}

#[test]
fn another_group_is_refused_until_the_first_is_deleted() {
    let server = with_jobs(10);
    let bootstrap = &server.bootstrap();
    let first = Consumer::member(bootstrap, "a", "jobs", &[]);
    first.take(4);
    first.commit().unwrap();

    let other = Consumer::member(bootstrap, "b", "jobs", &[]);
    let refused = other.try_poll(PATIENCE).unwrap().unwrap_err();
    let code = refused.rdkafka_error_code();
    assert_eq!(code, Some(RDKafkaErrorCode::GroupAuthorizationFailed));
    server.wait_for_log("queue jobs is consumed by group a; group b may not");
    drop((first, other));

    let admin = Admin::new(bootstrap);
    let deadline = Instant::now() + PATIENCE;
    while admin.delete_group("a") == Err(RDKafkaErrorCode::NonEmptyGroup) {
        assert!(Instant::now() < deadline, "the member never left");
    }
    let other = Consumer::member(bootstrap, "b", "jobs", &[]);
    let rest: Vec<_> = other.take(6).iter().map(Record::number).collect();
    assert_eq!(rest, [4, 5, 6, 7, 8, 9]);
}

const KILLS: u32 = 10;

#[test]
fn kills_amid_acknowledging_bring_nothing_back_and_lose_nothing() {
    let jobs = 3_000;
    let mut server = with_jobs(jobs);
    let bootstrap = &server.bootstrap();
    let mut dice = Dice::from_environment();
    let acknowledged = &AtomicU64::new(0);
    let progress = || acknowledged.load(Ordering::Relaxed);
    let seen = thread::scope(|scope| {
        let worker = scope.spawn(|| work_off(bootstrap, jobs, acknowledged));
        for kill in 0..KILLS {
            let begun = progress();
            while progress() == begun && !worker.is_finished() {
                thread::park_timeout(Duration::from_millis(1));
            }
            thread::park_timeout(Duration::from_millis(dice.between(0, 50)));
            assert!(progress() < jobs, "{kill} kills fell into the work");
            server.kill();
            server.restart();
        }
        worker.join().unwrap()
    });
    assert!(seen.into_iter().all(|seen| seen));
    let end = i64::try_from(jobs).unwrap();
    assert_eq!(watermarks(bootstrap, "jobs", 0), (end, end));
}

/// Acknowledges one job after the other, and tells how many; returns for each whether it was seen.
fn work_off(bootstrap: &str, jobs: u64, acknowledged: &AtomicU64) -> Vec<bool> {
    let consumer = Consumer::member(bootstrap, "workers", "jobs", &[]);
    let mut seen = vec![false; usize::try_from(jobs).unwrap()];
    let mut deadline = Instant::now() + PATIENCE;
    let mut next = 0;
    while next < jobs {
        assert!(Instant::now() < deadline, "no job after {next}");
        let Some(job) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        // The number of a job is its offset.
        assert!(job.number() >= next, "{job:?} came back");
        seen[usize::try_from(job.number()).unwrap()] = true;
        // Not every commit gets through, and then it is not known whether it did.
        if consumer
            .commit_offset("jobs", 0, job.offset.unwrap() + 1)
            .is_ok()
        {
            next = job.number() + 1;
            acknowledged.store(next, Ordering::Relaxed);
            deadline = Instant::now() + PATIENCE;
        }
    }
    seen
}

#[test]
fn a_message_waits_until_it_is_due_and_then_wakes_the_consumer() {
    let server = Server::start();
    let bootstrap = &server.bootstrap();
    let delay = ("queue.delay.ms", "1500");
    let stamped = ("message.timestamp.type", "LogAppendTime");
    Admin::new(bootstrap).create("jobs", 1, &[QUEUE, delay, stamped]);
    // It asks once, and is answered when there is something.
    let patient = [
        ("fetch.wait.max.ms", "60000"),
        ("socket.timeout.ms", "90000"),
    ];
    let consumer = Consumer::member(bootstrap, "workers", "jobs", &patient);
    let begun = Instant::now();
    Producer::new(bootstrap, "jobs", &[]).send_all(&[Record::new("k", "1")]);
    consumer.take(1);
    assert!(begun.elapsed() >= Duration::from_millis(1500));
}
