//! A producer of one partition, in raw frames: several batches in flight, and sent again after every outage until each
//! is acknowledged.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use millstream_batch::{Builder, Codec};
use millstream_wire::api::{init_producer_id, produce};
use millstream_wire::{ApiKey, ErrorCode};

use super::ledger::Ledger;
use super::run::{PAUSE, Run};
use crate::dice::Dice;
use crate::raw::{self, Connection};

/// How many batches an idempotent producer may have in flight, for the server remembers five.
const IN_FLIGHT: usize = 5;
/// The newest version that still names topics.
const PRODUCE_VERSION: i16 = 11;
/// Of every record, in ms.
const WHEN: i64 = 1_700_000_000_000;
const CODECS: [Codec; 5] = [
    Codec::None,
    Codec::Gzip,
    Codec::Snappy,
    Codec::Lz4,
    Codec::Zstd,
];

/// The producer.
pub(super) struct Writer<'a> {
    topic: &'a str,
    partition: i32,
    idempotent: bool,
    ledger: &'a Mutex<Ledger>,
    dice: Dice,
    id: Option<(i64, i16)>,
    unanswered: VecDeque<Sent>,
}

/// A batch and the request that carries it.
struct Sent {
    first: u64,
    count: u64,
    request: Vec<u8>,
}

/// Why a connection is given up.
enum Trouble {
    /// The server is away, or says that it is about to be.
    Outage,
    /// It answers what it must not.
    Broken(String),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Outage
    }
}

impl<'a> Writer<'a> {
    /// A producer to one partition, which nobody else writes to.
    pub(super) const fn new(
        topic: &'a str,
        partition: i32,
        idempotent: bool,
        ledger: &'a Mutex<Ledger>,
        dice: Dice,
    ) -> Self {
        Self {
            topic,
            partition,
            idempotent,
            ledger,
            dice,
            id: None,
            unanswered: VecDeque::new(),
        }
    }

    /// Appends until the run's load ends, then waits until all is acknowledged.
    pub(super) fn run(mut self, run: &Run) {
        while !run.has_failed() && (run.is_loading() || !self.unanswered.is_empty()) {
            match self.connection(run) {
                Ok(()) => {}
                Err(Trouble::Outage) => thread::park_timeout(PAUSE),
                Err(Trouble::Broken(what)) => run.fail(what),
            }
        }
    }

    /// As long as one connection lasts.
    fn connection(&mut self, run: &Run) -> Result<(), Trouble> {
        let mut connection = Connection::try_open(run.address())?;
        if self.idempotent && self.id.is_none() {
            self.id = Some(new_producer(&mut connection)?);
        }
        for sent in &self.unanswered {
            connection.send(&sent.request)?;
        }
        while !run.has_failed() && (run.is_loading() || !self.unanswered.is_empty()) {
            if run.is_loading() && self.unanswered.len() < IN_FLIGHT {
                let sent = self.next_batch();
                self.unanswered.push_back(sent);
                connection.send(&self.unanswered[self.unanswered.len() - 1].request)?;
                thread::park_timeout(Duration::from_millis(self.dice.between(0, 20)));
            } else {
                self.receive(&mut connection)?;
            }
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Sent {
        let count = self.dice.between(1, 50);
        let (first, entries) = lock(self.ledger).send(count);
        let codec = CODECS[self.dice.between(0, 5) as usize];
        let mut builder = Builder::new().compression(codec);
        if let Some((id, epoch)) = self.id {
            builder = builder.producer(id, epoch, (first & 0x7fff_ffff) as i32);
        }
        let filled = entries.iter().fold(builder, |builder, entry| {
            builder.record(WHEN, Some(&entry.key), entry.value.as_deref())
        });
        let batch = filled.build().expect("a batch can be built").stamp(0, -1);
        let partition = produce::Partition {
            index: self.partition,
            records: Some(&batch),
        };
        let topic = produce::Topic {
            name: self.topic,
            partition_data: vec![partition],
            ..Default::default()
        };
        let body = produce::Request {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
            ..Default::default()
        };
        let request = raw::request(ApiKey::Produce, PRODUCE_VERSION, &body);
        Sent {
            first,
            count,
            request,
        }
    }

    /// Takes the answer to the oldest batch.
    fn receive(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let answer = connection.answer(ApiKey::Produce, PRODUCE_VERSION)?;
        let response: produce::Response<'_> = answer.decode();
        let result = &response.responses[0].partition_responses[0];
        let Some(Sent { first, count, .. }) = self.unanswered.front() else {
            return Err(Trouble::Broken("an answer to nothing".to_owned()));
        };
        match result.error_code {
            ErrorCode::NONE => {}
            // What a server says that is closing: all of them, and what follows, are sent again.
            ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::REQUEST_TIMED_OUT => return Err(Trouble::Outage),
            code => {
                let (topic, partition) = (self.topic, self.partition);
                let what = format!("{topic}-{partition}: {code} for the batch of record {first}");
                return Err(Trouble::Broken(what));
            }
        }
        let placed = lock(self.ledger).acknowledge(*first, *count, result.base_offset);
        placed.map_err(Trouble::Broken)?;
        self.unanswered.pop_front();
        Ok(())
    }
}

fn new_producer(connection: &mut Connection) -> Result<(i64, i16), Trouble> {
    let request = init_producer_id::Request {
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let answer = connection.try_ask(ApiKey::InitProducerId, 4, &request)?;
    let response: init_producer_id::Response = answer.decode();
    match response.error_code {
        ErrorCode::NONE => Ok((response.producer_id, response.producer_epoch)),
        _ => Err(Trouble::Outage),
    }
}

/// The ledger, whoever panicked with it.
pub(super) fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
