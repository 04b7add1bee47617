//! A log in memory that keeps every promise, with producers that crash and readers that see it grow.

use proptest::prelude::*;

use super::super::{
    History, Isolation, Moment, Outcome, Partition, Read, Reader, Send, Transaction,
};

const PARTITIONS: usize = 2;
const PRODUCERS: usize = 3;
/// Readers that follow the log while it grows, each isolation twice.
const FOLLOWERS: usize = 4;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send {
        producer: usize,
        partition: usize,
        transactional: bool,
        answered: bool,
    },
    End {
        producer: usize,
        commits: bool,
        answered: bool,
    },
    Crash {
        producer: usize,
    },
    Read {
        follower: usize,
        partition: usize,
    },
}

/// Anything that can happen.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let send = (0..PRODUCERS, 0..PARTITIONS, any::<bool>(), any::<bool>());
    let send = send.prop_map(
        |(producer, partition, transactional, answered)| Step::Send {
            producer,
            partition,
            transactional,
            answered,
        },
    );
    let end = (0..PRODUCERS, any::<bool>(), any::<bool>());
    let end = end.prop_map(|(producer, commits, answered)| Step::End {
        producer,
        commits,
        answered,
    });
    let crash = (0..PRODUCERS).prop_map(|producer| Step::Crash { producer });
    let read = (0..FOLLOWERS, 0..PARTITIONS);
    let read = read.prop_map(|(follower, partition)| Step::Read {
        follower,
        partition,
    });
    prop_oneof![6 => send, 2 => end, 1 => crash, 3 => read]
}

/// What clients see while `steps` happen, and by two readers of each isolation afterwards.
pub(super) fn play(steps: &[Step]) -> History {
    let mut model = Model::new();
    for step in steps {
        model.now += 1;
        model.step(step);
    }
    for producer in 0..PRODUCERS {
        model.crash(producer);
    }
    for number in 0..FOLLOWERS {
        let mut last = Follower::new(number, true);
        for partition in 0..PARTITIONS {
            model.read(&mut last, partition);
        }
        model.followers.push(last);
    }
    let followers = model.followers.into_iter();
    model.history.readers = followers.map(|follower| follower.reader).collect();
    model.history
}

/// What a record or a marker leaves in the log.
struct Entry {
    /// None for a marker.
    value: Option<String>,
    transaction: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Committed,
    Aborted,
}

#[derive(Default)]
struct Producer {
    life: usize,
    open: Option<usize>,
}

struct Follower {
    reader: Reader,
    next: [usize; PARTITIONS],
}

impl Follower {
    fn new(number: usize, complete: bool) -> Self {
        let isolation = match number % 2 {
            0 => Isolation::ReadUncommitted,
            _ => Isolation::ReadCommitted,
        };
        Self {
            reader: Reader::new(isolation, complete),
            next: [0; PARTITIONS],
        }
    }
}

struct Model {
    now: Moment,
    logs: [Vec<Entry>; PARTITIONS],
    states: Vec<State>,
    producers: [Producer; PRODUCERS],
    followers: Vec<Follower>,
    history: History,
}

impl Model {
    fn new() -> Self {
        let followers = (0..FOLLOWERS).map(|number| Follower::new(number, false));
        Self {
            now: 0,
            logs: Default::default(),
            states: Vec::new(),
            producers: Default::default(),
            followers: followers.collect(),
            history: History::default(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send {
                producer,
                partition,
                transactional,
                answered,
            } => self.send(producer, partition, transactional, answered),
            Step::End {
                producer,
                commits,
                answered,
            } => self.end(producer, commits, answered),
            Step::Crash { producer } => self.crash(producer),
            Step::Read {
                follower,
                partition,
            } => {
                let mut reading = self.followers.swap_remove(follower);
                self.read(&mut reading, partition);
                self.followers.push(reading);
                self.followers.swap(follower, FOLLOWERS - 1);
            }
        }
    }

    fn send(&mut self, producer: usize, partition: usize, transactional: bool, answered: bool) {
        if transactional && self.producers[producer].open.is_none() {
            self.producers[producer].open = Some(self.states.len());
            self.states.push(State::Open);
            self.history.transactions.push(Transaction::default());
        }
        let transaction = self.producers[producer].open;
        let value = self.history.sends.len().to_string();
        self.history.sends.push(Send {
            producer: producer + PRODUCERS * self.producers[producer].life,
            transaction,
            partition: Partition::new("t", partition as i32),
            value: value.clone(),
            outcome: [Outcome::Unknown, Outcome::Done][usize::from(answered)],
            offset: answered.then_some(self.logs[partition].len() as i64),
        });
        self.logs[partition].push(Entry {
            value: Some(value),
            transaction,
        });
    }

    fn end(&mut self, producer: usize, commits: bool, answered: bool) {
        let Some(open) = self.producers[producer].open.take() else {
            return;
        };
        self.states[open] = [State::Aborted, State::Committed][usize::from(commits)];
        let told = &mut self.history.transactions[open];
        told.commit_asked = commits.then_some(self.now);
        if answered {
            told.outcome = [Outcome::Failed, Outcome::Done][usize::from(commits)];
        }
        for log in &mut self.logs {
            log.push(Entry {
                value: None,
                transaction: None,
            });
        }
    }

    /// The producer ends without a word, and its transaction is aborted by the server.
    fn crash(&mut self, producer: usize) {
        self.end(producer, false, false);
        self.producers[producer].life += 1;
    }

    /// Reads on, as far as is allowed now.
    fn read(&self, follower: &mut Follower, partition: usize) {
        let committed = follower.reader.isolation == Isolation::ReadCommitted;
        let is = |entry: &Entry, state| entry.transaction.is_some_and(|t| self.states[t] == state);
        while let Some(entry) = self.logs[partition].get(follower.next[partition]) {
            if committed && is(entry, State::Open) {
                return;
            }
            let offset = follower.next[partition] as i64;
            follower.next[partition] += 1;
            let hidden = committed && is(entry, State::Aborted);
            if let Some(value) = entry.value.clone().filter(|_| !hidden) {
                follower.reader.reads.push(Read {
                    partition: Partition::new("t", partition as i32),
                    offset,
                    value,
                    at: self.now,
                });
            }
        }
    }
}
