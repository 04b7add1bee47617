//! Topics that come and go: made, written to, read back and deleted, again and again. What is deleted stays so.

use std::collections::BTreeSet;
use std::io;
use std::thread;

use millstream_wire::api::{create_topics, delete_topics, metadata};
use millstream_wire::{ApiKey, ErrorCode};

use super::run::{PAUSE, Run};
use crate::dice::Dice;
use crate::raw::Connection;

/// The newest versions whose topics have names alone.
const CREATE_VERSION: i16 = 5;
const DELETE_VERSION: i16 = 5;
const METADATA_VERSION: i16 = 9;

/// Every topic of this kind is called like this.
const PREFIX: &str = "passing-";

/// Topics whose creation or deletion was acknowledged.
#[derive(Debug, Default)]
pub(super) struct Passing {
    there: BTreeSet<String>,
    made: u64,
}

impl Passing {
    /// How many were made.
    pub(super) const fn made(&self) -> u64 {
        self.made
    }

    /// Makes topics and deletes them until the run's load ends.
    pub(super) fn run(&mut self, run: &Run, mut dice: Dice) {
        while run.is_loading() {
            let keep = dice.between(0, 4) as usize;
            let name = format!("{PREFIX}{}", self.made);
            until_answered(run, || create(run, &name, dice.between(1, 5) as i32));
            self.there.insert(name);
            self.made += 1;
            while self.there.len() > keep {
                let Some(name) = self.there.pop_first() else {
                    break;
                };
                until_answered(run, || delete(run, &name));
            }
            self.compare(run);
        }
    }

    /// Compares with the topics that the server says are there.
    pub(super) fn compare(&self, run: &Run) {
        let Ok(found) = topics(run) else {
            return thread::park_timeout(PAUSE);
        };
        if found != self.there && !run.has_failed() {
            let expected = &self.there;
            run.fail(format!("there are {found:?} in the place of {expected:?}"));
        }
    }
}

/// Asks until there is an answer, which has to be that it was done, now or by a question whose answer was lost.
fn until_answered(run: &Run, mut ask: impl FnMut() -> io::Result<Result<(), String>>) {
    while !run.has_failed() {
        match ask() {
            Ok(Ok(())) => return,
            Ok(Err(what)) => run.fail(what),
            Err(_outage) => thread::park_timeout(PAUSE),
        }
    }
}

fn create(run: &Run, name: &str, partitions: i32) -> io::Result<Result<(), String>> {
    let topic = create_topics::Topic {
        name,
        num_partitions: partitions,
        replication_factor: 1,
        ..Default::default()
    };
    let request = create_topics::Request {
        topics: vec![topic],
        ..Default::default()
    };
    let mut connection = Connection::try_open(run.address())?;
    let answer = connection.try_ask(ApiKey::CreateTopics, CREATE_VERSION, &request)?;
    let response: create_topics::Response<'_> = answer.decode();
    judge(
        "creation",
        name,
        response.topics[0].error_code,
        ErrorCode::TOPIC_ALREADY_EXISTS,
    )
}

fn delete(run: &Run, name: &str) -> io::Result<Result<(), String>> {
    let request = delete_topics::Request {
        topic_names: vec![name],
        timeout_ms: 60_000,
        ..Default::default()
    };
    let mut connection = Connection::try_open(run.address())?;
    let answer = connection.try_ask(ApiKey::DeleteTopics, DELETE_VERSION, &request)?;
    let response: delete_topics::Response<'_> = answer.decode();
    let code = response.responses[0].error_code;
    judge(
        "deletion",
        name,
        code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    )
}

/// `done` is what is answered when it had been done before.
fn judge(
    what: &str,
    name: &str,
    code: ErrorCode,
    done: ErrorCode,
) -> io::Result<Result<(), String>> {
    let is_closing = [
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::REQUEST_TIMED_OUT,
    ];
    match code {
        ErrorCode::NONE => Ok(Ok(())),
        code if code == done => Ok(Ok(())),
        code if is_closing.contains(&code) => Err(io::ErrorKind::NotConnected.into()),
        code => Ok(Err(format!("{what} of {name}: {code}"))),
    }
}

fn topics(run: &Run) -> io::Result<BTreeSet<String>> {
    let request = metadata::Request::default();
    let mut connection = Connection::try_open(run.address())?;
    let answer = connection.try_ask(ApiKey::Metadata, METADATA_VERSION, &request)?;
    let response: metadata::Response<'_> = answer.decode();
    let names = response
        .topics
        .iter()
        .filter_map(|topic| topic.name.as_deref());
    Ok(names
        .filter(|name| name.starts_with(PREFIX))
        .map(str::to_owned)
        .collect())
}
