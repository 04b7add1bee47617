//! Sends dead letters back: reads them without a group, appends what they were to where they came from, and removes them
//! when that is durable.

use std::collections::BTreeMap;
use std::ops::Range;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use clap::Args;
use millstream_batch::{BatchRef, Batches, Builder, Record};

use super::ask::{EARLIEST, LATEST, Server};
use super::letter::{self, Letter};
use super::show::{Cell, Row};
use crate::clock::environment;
use crate::error::Error;

/// Most messages that are sent before the letters are removed.
const BATCH: usize = 500;
/// Most bytes of them, unless one is larger. A batch with them is smaller than topics accept by default.
const BATCH_BYTES: usize = 512 << 10;
/// Bytes that one batch may have when it is decompressed.
const DECOMPRESSED_LIMIT: usize = 100 << 20;

/// Which dead letters go, where and how fast.
#[derive(Debug, Args)]
pub(super) struct RedriveArgs {
    /// The topic with dead letters.
    dead_letters: String,
    /// Send all of them to this topic, wherever they came from.
    #[arg(long, value_name = "TOPIC")]
    to: Option<String>,
    /// Most messages in a second; as many as go, if left out.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

/// Sends back what is there now.
///
/// # Errors
/// [`Error::Server`], [`Error::Refused`]; [`Error::Stuck`] at a message that cannot go back. What was sent until then stays
/// sent.
pub(super) fn redrive(server: &mut Server, args: &RedriveArgs) -> Result<Vec<Row>, Error> {
    let topics = server.topics()?;
    let missing = || Error::Refused {
        what: args.dead_letters.clone(),
        reason: "there is no such topic".to_owned(),
    };
    let partitions = *topics.get(&args.dead_letters).ok_or_else(missing)?;
    let starts = server.offsets(&args.dead_letters, partitions, EARLIEST)?;
    // Messages that die again meanwhile are for another time.
    let ends = server.offsets(&args.dead_letters, partitions, LATEST)?;
    let mut redrive = Redrive {
        server,
        args,
        topics,
        pace: Pace::new(args.rate),
        outbox: BTreeMap::new(),
        moved: BTreeMap::new(),
    };
    for (partition, (start, end)) in (0..).zip(starts.iter().zip(&ends)) {
        redrive.partition(partition, start.offset, end.offset)?;
    }
    let moved = redrive.moved.into_iter();
    let row = |(topic, count): (String, i64)| {
        vec![
            ("dead_letters", Cell::Text(args.dead_letters.clone())),
            ("to", Cell::Text(topic)),
            ("moved", Cell::Count(count)),
        ]
    };
    Ok(moved.map(row).collect())
}

struct Redrive<'a> {
    server: &'a mut Server,
    args: &'a RedriveArgs,
    /// Number of partitions by topic.
    topics: BTreeMap<String, i32>,
    pace: Pace,
    /// What is to be sent next, by topic and partition.
    outbox: BTreeMap<(String, i32), Builder>,
    /// How many messages have gone to each topic.
    moved: BTreeMap<String, i64>,
}

impl Redrive<'_> {
    fn partition(&mut self, partition: i32, start: i64, end: i64) -> Result<(), Error> {
        let mut next = start;
        while next < end {
            let from = next;
            let runs = self
                .server
                .fetch(&self.args.dead_letters, partition, from)?;
            for batch in runs.iter().flat_map(|run| Batches::new(run)) {
                let batch = batch.map_err(|error| self.args.stuck(partition, next, &error))?;
                self.batch(partition, &batch, next..end)?;
                next = next.max(batch.header.next_offset().min(end));
            }
            self.send(partition, next)?;
            if next == from {
                // What is held back is not handed out.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes the letters in `wanted` out of a batch.
    fn batch(
        &mut self,
        partition: i32,
        batch: &BatchRef<'_>,
        wanted: Range<i64>,
    ) -> Result<(), Error> {
        let stuck = |error| self.args.stuck(partition, wanted.start, &error);
        if batch.header.is_control() {
            return Ok(());
        }
        let records = batch.records(DECOMPRESSED_LIMIT).map_err(stuck)?;
        let records: Vec<_> = records.iter().collect::<Result<_, _>>().map_err(stuck)?;
        let wanted = records
            .into_iter()
            .filter(|record| wanted.contains(&record.offset));
        wanted
            .into_iter()
            .try_for_each(|record| self.add(partition, record))
    }

    /// Puts a letter into the outbox. What is in there goes first if it is full, or if the letter cannot go anywhere.
    fn add(&mut self, partition: i32, record: Record<'_>) -> Result<(), Error> {
        let offset = record.offset;
        let letter = letter::read(record);
        let address = self.address(partition, &letter);
        let sizes = self.outbox.values().map(Builder::size);
        let count: usize = self.outbox.values().map(Builder::len).sum();
        let is_full = count >= self.pace.most() || sizes.sum::<usize>() >= BATCH_BYTES;
        if is_full || address.is_err() {
            self.send(partition, offset)?;
        }
        let (topic, to) = address?;
        let now_ms = (environment().now_ms)();
        let Record {
            key,
            value,
            headers,
            ..
        } = letter.message;
        let batch = self.outbox.entry((topic, to)).or_default();
        batch.push(now_ms, key, value, &headers);
        Ok(())
    }

    /// Where a letter goes.
    fn address(&self, partition: i32, letter: &Letter<'_>) -> Result<(String, i32), Error> {
        let stuck = |reason: &str| self.args.stuck(partition, letter.message.offset, &reason);
        let (topic, index) = match (&self.args.to, letter.source) {
            (Some(to), source) => (to.as_str(), source.map_or(partition, |(_, index)| index)),
            (None, Some(source)) => source,
            (None, None) => {
                return Err(stuck(
                    "it does not say where it came from; --to names a topic",
                ));
            }
        };
        match self.topics.get(topic) {
            Some(count) if *count > 0 => Ok((topic.to_owned(), index.rem_euclid(*count))),
            _ => Err(stuck(&format!(
                "there is no topic {topic:?}; --to names another"
            ))),
        }
    }

    /// Empties the outbox, and removes the letters before `next` then.
    fn send(&mut self, partition: i32, next: i64) -> Result<(), Error> {
        let mut sent = 0;
        for ((topic, to), batch) in std::mem::take(&mut self.outbox) {
            let count = batch.len();
            let batch = batch
                .build()
                .map_err(|error| self.args.stuck(partition, next, &error))?;
            self.server.produce(&topic, to, batch.bytes())?;
            *self.moved.entry(topic).or_default() += count as i64;
            sent += count;
        }
        let gone = [(partition, next)].into_iter();
        self.server.delete_records(&self.args.dead_letters, gone)?;
        self.pace.wait(sent);
        Ok(())
    }
}

impl RedriveArgs {
    fn stuck(&self, partition: i32, offset: i64, reason: &impl ToString) -> Error {
        Error::Stuck {
            topic: self.dead_letters.clone(),
            partition,
            offset,
            reason: reason.to_string(),
        }
    }
}

/// How fast messages go.
struct Pace {
    rate: Option<u32>,
    begun: Instant,
    sent: usize,
}

impl Pace {
    fn new(rate: Option<u32>) -> Self {
        Self {
            rate,
            begun: Instant::now(),
            sent: 0,
        }
    }

    /// Most messages that may go at once.
    fn most(&self) -> usize {
        self.rate.map_or(BATCH, |rate| BATCH.min(rate as usize))
    }

    /// Returns when there was time enough for `count` messages more.
    fn wait(&mut self, count: usize) {
        self.sent += count;
        let Some(rate) = self.rate else {
            return;
        };
        let due = self.begun + Duration::from_secs_f64(self.sent as f64 / f64::from(rate));
        while let left = due.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            park_timeout(left);
        }
    }
}
