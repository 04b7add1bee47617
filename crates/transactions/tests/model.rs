//! Some producers with one transactional id, requests that come twice or too late, and a coordinator that is lost and
//! replayed: what was acknowledged stays so, and what was fenced writes nothing that counts.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

use std::collections::{HashMap, HashSet};

use millstream_transactions::{
    Change, Coordinator, Done, Init, Outcome, Producer, State, TopicPartition, Version,
};
use proptest::prelude::*;

const ID: &str = "id";

/// What happens; the first number picks one of the producers that were ever made.
#[derive(Debug, Clone, Copy)]
enum Step {
    Init {
        claims: Option<usize>,
    },
    Add {
        who: usize,
        partition: i32,
    },
    End {
        who: usize,
        commits: bool,
        version: Version,
    },
    TimeOut,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..usize::MAX;
    let version = prop_oneof![Just(Version::V1), Just(Version::V2)];
    let end = (who(), any::<bool>(), version);
    prop_oneof![
        2 => proptest::option::of(who()).prop_map(|claims| Step::Init { claims }),
        5 => (who(), 0..3).prop_map(|(who, partition)| Step::Add { who, partition }),
        5 => end.prop_map(|(who, commits, version)| Step::End { who, commits, version }),
        1 => Just(Step::TimeOut),
        1 => Just(Step::Crash),
    ]
}

/// A partition as far as transactions go: the epoch that each producer id may have, and what is open.
#[derive(Debug, Default)]
struct Log {
    epochs: HashMap<i64, i16>,
    open: HashSet<Producer>,
}

#[derive(Default)]
struct World {
    all: Coordinator,
    written: Vec<Change>,
    logs: HashMap<i32, Log>,
    producers: Vec<Producer>,
    /// Who a producer became by an end that raised the epoch.
    raised: HashMap<Producer, Producer>,
    spare: i64,
    now_ms: i64,
}

impl World {
    fn take<T>(&mut self, done: Done<T>) -> T {
        self.written.extend(done.change);
        if let Some(markers) = done.markers {
            let known = self
                .producers
                .iter()
                .filter(|known| known.id == markers.producer.id);
            assert!(
                known
                    .clone()
                    .all(|known| known.epoch <= markers.producer.epoch)
            );
            for partition in markers.partitions {
                let log = self.logs.entry(partition.partition).or_default();
                log.epochs
                    .insert(markers.producer.id, markers.producer.epoch);
                log.open.retain(|open| open.id != markers.producer.id);
            }
        }
        done.result
    }

    fn spare(&mut self) -> Option<i64> {
        self.spare += 1;
        Some(self.spare)
    }

    fn pick(&self, who: usize) -> Option<Producer> {
        let count = self.producers.len();
        (count > 0).then(|| self.producers[who % count])
    }

    fn step(&mut self, step: Step) {
        self.now_ms += 10;
        match step {
            Step::Init { claims } => {
                let asked = Init {
                    timeout_ms: 50,
                    claimed: claims.and_then(|who| self.pick(who)),
                    spare: self.spare(),
                };
                if let Ok(done) = self.all.init(ID, asked, self.now_ms) {
                    let producer = self.take(done);
                    self.know(producer);
                }
            }
            Step::Add { who, partition } => self.add(who, partition),
            Step::End {
                who,
                commits,
                version,
            } => self.end(who, commits, version),
            Step::TimeOut => {
                self.now_ms += 60;
                for id in self.all.timed_out(self.now_ms) {
                    let done = self.all.abort(&id, self.now_ms).unwrap();
                    let producer = self.take(done);
                    self.know(producer);
                }
                assert_eq!(self.all.next_due_ms(), None);
            }
            Step::Crash => {
                let mut replayed = Coordinator::new();
                self.written
                    .iter()
                    .cloned()
                    .for_each(|change| replayed.apply(change));
                assert_eq!(replayed.get(ID), self.all.get(ID));
                self.all = replayed;
            }
        }
        self.compare();
    }

    fn know(&mut self, producer: Producer) {
        if !self.producers.contains(&producer) {
            self.producers.push(producer);
        }
    }

    fn add(&mut self, who: usize, partition: i32) {
        let Some(producer) = self.pick(who) else {
            return;
        };
        let wanted = TopicPartition {
            topic: "t".into(),
            partition,
        };
        let added = self
            .all
            .add(ID, producer, Version::V2, [wanted], self.now_ms);
        let Ok(done) = added else {
            return;
        };
        assert_eq!(
            Some(&producer),
            self.producers.last(),
            "all others are fenced"
        );
        self.take(done);
        let log = self.logs.entry(partition).or_default();
        let epoch = log.epochs.entry(producer.id).or_insert(producer.epoch);
        assert!(*epoch <= producer.epoch, "the log takes what it may send");
        *epoch = producer.epoch;
        log.open.insert(producer);
    }

    fn end(&mut self, who: usize, commits: bool, version: Version) {
        let Some(producer) = self.pick(who) else {
            return;
        };
        let outcome = match commits {
            true => Outcome::Commit,
            false => Outcome::Abort,
        };
        let spare = self.spare();
        let ended = self
            .all
            .end(ID, producer, outcome, version, spare, self.now_ms);
        let Ok(done) = ended else {
            return;
        };
        let is_first = done.change.is_some();
        let next = self.take(done);
        self.know(next);
        if version == Version::V1 {
            return;
        }
        if is_first {
            let before = self.raised.insert(producer, next);
            assert_eq!(before, None, "an epoch has one transaction");
        }
        if let Some(raised) = self.raised.get(&producer) {
            assert_eq!(*raised, next, "whoever asks again");
        }
    }

    /// What is open in the logs is what the coordinator knows to be open.
    fn compare(&self) {
        let entry = self.all.get(ID);
        let ongoing = entry.filter(|entry| entry.state == State::Ongoing);
        for (index, log) in &self.logs {
            let is_in = ongoing.is_some_and(|entry| {
                entry
                    .partitions
                    .iter()
                    .any(|partition| partition.partition == *index)
            });
            assert_eq!(!log.open.is_empty(), is_in, "partition {index}");
        }
    }
}

proptest! {
    #[test]
    fn requests_in_any_order_leave_logs_and_coordinator_of_one_mind(
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut world = World::default();
        for step in steps {
            world.step(step);
        }
    }
}
