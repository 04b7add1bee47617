//! `kill -9` amid acknowledging, at random moments: what a share consumer has acknowledged or rejected never comes
//! back, what it has not is handed out again, and each message that was given up is among the dead letters once.
//!
//! The environment variable `KILLS` says how often; the seed is printed and read from `SEED`.

use std::collections::BTreeSet;
use std::io;
use std::thread;
use std::time::Duration;

use millstream_protocol_tests::clients::{Admin, Producer, Record, read_all};
use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::raw::Connection;
use millstream_protocol_tests::server::Server;
use millstream_wire::api::share_fetch;
use millstream_wire::{ApiKey, ErrorCode, Uuid};

/// Kills where nobody asks for more.
const USUAL_KILLS: u64 = 20;
/// Messages that are sent for each of them.
const MESSAGES: u64 = 1_000;

const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const REJECT: i8 = 3;

/// What one consumer after the other has said of the messages of a queue.
#[derive(Debug, Default)]
struct Story {
    /// Offsets whose acknowledgement was answered.
    accepted: BTreeSet<i64>,
    /// Offsets whose rejection was answered.
    rejected: BTreeSet<i64>,
    /// Offsets that were acknowledged, or rejected, in a request without an answer.
    perhaps_accepted: BTreeSet<i64>,
    perhaps_rejected: BTreeSet<i64>,
}

impl Story {
    /// A message is handed out.
    fn hand_out(&mut self, offset: i64) {
        assert!(
            !self.accepted.contains(&offset),
            "{offset} was acknowledged"
        );
        assert!(!self.rejected.contains(&offset), "{offset} was rejected");
        // The request without an answer had no effect.
        self.perhaps_accepted.remove(&offset);
        self.perhaps_rejected.remove(&offset);
    }

    fn is_over(&self, messages: u64) -> bool {
        let sets = [
            &self.accepted,
            &self.rejected,
            &self.perhaps_accepted,
            &self.perhaps_rejected,
        ];
        sets.iter().map(|set| set.len() as u64).sum::<u64>() == messages
    }
}

/// A share consumer for as long as the server lives.
struct Consumer<'a> {
    connection: Connection,
    topic: Uuid,
    epoch: i32,
    /// What is to be said of the messages that it has.
    held: Vec<(i64, i8)>,
    story: &'a mut Story,
}

impl<'a> Consumer<'a> {
    fn open(server: &Server, story: &'a mut Story) -> Self {
        let mut connection = Connection::open(server.address());
        let topic = connection.topic_id("jobs");
        Self {
            connection,
            topic,
            epoch: 0,
            held: Vec::new(),
            story,
        }
    }

    /// Says what it has to say and takes more; returns how many messages it has then.
    fn next(&mut self, dice: &mut Dice) -> io::Result<usize> {
        let say = |(offset, word): &(i64, i8)| share_fetch::AcknowledgementBatch {
            first_offset: *offset,
            last_offset: *offset,
            acknowledge_types: vec![*word],
        };
        let request = share_fetch::Request {
            group_id: Some("workers"),
            member_id: Some("worker"),
            share_session_epoch: self.epoch,
            max_wait_ms: 50,
            max_records: 40,
            share_acquire_mode: 1,
            topics: vec![share_fetch::Topic {
                topic_id: self.topic,
                partitions: vec![share_fetch::Partition {
                    partition_index: 0,
                    acknowledgement_batches: self.held.iter().map(say).collect(),
                }],
            }],
            ..Default::default()
        };
        self.epoch += 1;
        let said = std::mem::take(&mut self.held);
        let answer = self.connection.try_ask(ApiKey::ShareFetch, 2, &request);
        let is_answered = answer.is_ok();
        for (offset, word) in said {
            let set = match (word, is_answered) {
                (ACCEPT, true) => &mut self.story.accepted,
                (ACCEPT, false) => &mut self.story.perhaps_accepted,
                (REJECT, true) => &mut self.story.rejected,
                (REJECT, false) => &mut self.story.perhaps_rejected,
                _ => continue,
            };
            set.insert(offset);
        }
        let answer = answer?;
        let answer: share_fetch::Response<'_> = answer.decode();
        assert_eq!(answer.error_code, ErrorCode::NONE, "{answer:?}");
        for partition in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            assert_eq!(partition.error_code, ErrorCode::NONE, "{partition:?}");
            assert_eq!(
                partition.acknowledge_error_code,
                ErrorCode::NONE,
                "{partition:?}"
            );
            for acquired in &partition.acquired_records {
                for offset in acquired.first_offset..=acquired.last_offset {
                    self.story.hand_out(offset);
                    let word = match dice.between(0, 20) {
                        0 => REJECT,
                        1 | 2 => RELEASE,
                        _ => ACCEPT,
                    };
                    self.held.push((offset, word));
                }
            }
        }
        Ok(self.held.len())
    }
}

#[test]
fn nothing_acknowledged_comes_back_wherever_a_kill_falls() {
    let kills = std::env::var("KILLS");
    let kills = kills.map_or(USUAL_KILLS, |kills| kills.parse().unwrap());
    let messages = kills * MESSAGES;
    let mut server = Server::start();
    let bootstrap = server.bootstrap();
    let queue = [
        ("queue.enable", "true"),
        ("queue.dead.letter.topic", "dead"),
        ("queue.delivery.count.limit", "1000"),
        ("segment.bytes", "1048576"),
    ];
    Admin::new(&bootstrap).create("jobs", 1, &queue);
    let jobs: Vec<_> = (0..messages)
        .map(|n| Record::new("k", format!("{n} {}", "x".repeat(200))))
        .collect();
    Producer::new(&bootstrap, "jobs", &[]).send_all(&jobs);

    let mut dice = Dice::from_environment();
    let mut story = Story::default();
    for _ in 0..kills {
        let mut consumer = Consumer::open(&server, &mut story);
        let mut words = Dice::new(dice.next());
        thread::scope(|scope| {
            scope.spawn(move || while consumer.next(&mut words).is_ok() {});
            thread::park_timeout(Duration::from_millis(dice.between(1, 150)));
            server.kill();
        });
        server.restart();
    }
    let mut consumer = Consumer::open(&server, &mut story);
    let mut idle = 0;
    while !consumer.story.is_over(messages) {
        idle = match consumer.next(&mut dice).unwrap() {
            0 => idle + 1,
            _ => 0,
        };
        assert!(idle < 200, "a message is lost: {:?}", consumer.story);
    }
    assert_dead(&bootstrap, &story);
}

/// Who was rejected is among the dead letters, once, and nobody else.
fn assert_dead(bootstrap: &str, story: &Story) {
    let mut dead = BTreeSet::new();
    for letter in read_all(bootstrap, "dead", 1).concat() {
        let mut headers = letter.headers.into_iter();
        let offset = headers
            .find(|(name, _)| name == "queue.dead.offset")
            .unwrap();
        let offset = String::from_utf8(offset.1.unwrap()).unwrap();
        let offset = offset.parse::<i64>().unwrap();
        assert!(dead.insert(offset), "{offset} is dead twice");
    }
    assert!(!dead.is_empty());
    assert!(story.rejected.is_subset(&dead));
    let all: BTreeSet<i64> = story
        .rejected
        .union(&story.perhaps_rejected)
        .copied()
        .collect();
    assert!(dead.is_subset(&all));
}
