//! Where queues stand: how many messages wait, are held back or were given up, and for how long the oldest has.

use super::ask::{EARLIEST, Given, LATEST, Server, Settings};
use super::show::{Cell, Row};
use crate::clock::environment;
use crate::error::Error;

/// The settings that a queue is told by.
const SETTINGS: &[&str] = &["queue.enable", "queue.owner", "queue.delay.ms"];

/// A queue, as its topic tells.
#[derive(Debug)]
pub(super) struct Queue {
    name: String,
    pub(super) partitions: i32,
    settings: Settings,
}

/// Where messages are. What cannot be known is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    waiting: i64,
    in_flight: Option<i64>,
    delayed: i64,
    dead: Option<i64>,
    /// For how many milliseconds the oldest message has not been acknowledged.
    oldest_ms: Option<i64>,
}

/// Where one partition stands.
#[derive(Debug, Clone, Copy)]
struct Partition {
    counts: Counts,
    start: i64,
    end: i64,
}

/// The queue of that name.
///
/// # Errors
/// [`Error::Refused`], [`Error::Server`]; [`Error::NoQueue`] if the topic is none.
pub(super) fn find(server: &mut Server, name: &str) -> Result<Queue, Error> {
    let settings = server.settings(&[name], SETTINGS)?.into_iter().next();
    let settings = settings
        .filter(is_queue)
        .ok_or_else(|| Error::NoQueue(name.to_owned()))?;
    let partitions = server.topics()?.get(name).copied();
    Ok(Queue {
        name: name.to_owned(),
        partitions: partitions.unwrap_or(0),
        settings,
    })
}

/// Every queue, with its numbers, by name.
///
/// # Errors
/// [`Error::Refused`], [`Error::Server`].
pub(super) fn all(server: &mut Server) -> Result<Vec<Row>, Error> {
    let topics = server.topics()?;
    let names: Vec<_> = topics.keys().map(String::as_str).collect();
    let settings = server.settings(&names, SETTINGS)?;
    let mut rows = Vec::new();
    for ((name, partitions), settings) in topics.into_iter().zip(settings) {
        if is_queue(&settings) {
            let queue = Queue {
                name,
                partitions,
                settings,
            };
            let partitions = queue.measure(server)?;
            rows.push(queue.row(&partitions));
        }
    }
    Ok(rows)
}

/// The numbers of one queue, then those of each of its partitions.
///
/// # Errors
/// [`Error::Refused`], [`Error::Server`], [`Error::NoQueue`].
pub(super) fn of(server: &mut Server, name: &str) -> Result<Vec<Row>, Error> {
    let queue = find(server, name)?;
    let partitions = queue.measure(server)?;
    let each = (0..)
        .zip(&partitions)
        .map(|(index, partition)| partition.row(index));
    Ok([queue.row(&partitions)].into_iter().chain(each).collect())
}

fn is_queue(settings: &Settings) -> bool {
    settings
        .get("queue.enable")
        .is_some_and(|enable| enable == "true")
}

impl Queue {
    fn measure(&self, server: &mut Server) -> Result<Vec<Partition>, Error> {
        let setting = |name: &str| self.settings.get(name).map_or("", String::as_str);
        let now_ms = (environment().now_ms)();
        let delay_ms = setting("queue.delay.ms").parse().unwrap_or(0);
        let (name, count) = (&self.name, self.partitions);
        let given = server.given(setting("queue.owner"), name, count)?;
        let starts = server.offsets(name, count, EARLIEST)?;
        let ends = server.offsets(name, count, LATEST)?;
        let oldest = server.offsets(name, count, 0)?;
        let not_due = match delay_ms {
            0 => ends.clone(),
            delay_ms => server.offsets(name, count, (now_ms - delay_ms + 1).max(0))?,
        };
        let bounds = starts.iter().zip(&ends).zip(&oldest).zip(&not_due);
        let measured = bounds
            .zip(given)
            .map(|((((start, end), oldest), not_due), given)| {
                let not_due = not_due.offset().map_or(0, |first| end.offset - first);
                Partition {
                    counts: Counts {
                        oldest_ms: oldest.offset().map(|_| now_ms - oldest.timestamp),
                        ..Counts::of(end.offset - start.offset, not_due, given)
                    },
                    start: start.offset,
                    end: end.offset,
                }
            });
        Ok(measured.collect())
    }

    fn row(&self, partitions: &[Partition]) -> Row {
        let counts = partitions.iter().map(|partition| partition.counts);
        let total = counts.reduce(Counts::and).unwrap_or_default();
        let owner = self.settings.get("queue.owner");
        let mut row = vec![
            ("queue", Cell::Text(self.name.clone())),
            ("partitions", Cell::Count(self.partitions.into())),
        ];
        row.extend(total.cells());
        row.push((
            "owner",
            owner.map_or(Cell::Unknown, |owner| Cell::Text(owner.clone())),
        ));
        row
    }
}

impl Partition {
    fn row(&self, index: i64) -> Row {
        let mut row = vec![("partition", Cell::Count(index))];
        row.extend(self.counts.cells());
        row.extend([
            ("start", Cell::Count(self.start)),
            ("end", Cell::Count(self.end)),
        ]);
        row
    }
}

impl Counts {
    /// Of `there` messages, of which so many are not due, and which may have been handed out one by one.
    fn of(there: i64, not_due: i64, given: Option<Given>) -> Self {
        let left = given.map_or(there, |given| given.left);
        let in_flight = given.map(|given| given.in_flight);
        // Who hands out knows more of the few that were looked at, the clock of all others.
        let delayed = given.map_or(not_due, |given| given.delayed.max(not_due));
        Self {
            waiting: (left - in_flight.unwrap_or(0) - delayed).max(0),
            in_flight,
            delayed,
            dead: given.map(|given| given.dead),
            oldest_ms: None,
        }
    }

    /// Both together.
    fn and(self, other: Self) -> Self {
        let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (known, None) | (None, known) => known,
        };
        Self {
            waiting: self.waiting + other.waiting,
            in_flight: sum(self.in_flight, other.in_flight),
            delayed: self.delayed + other.delayed,
            dead: sum(self.dead, other.dead),
            oldest_ms: self.oldest_ms.max(other.oldest_ms),
        }
    }

    fn cells(&self) -> Row {
        vec![
            ("waiting", Cell::Count(self.waiting)),
            ("in_flight", self.in_flight.into()),
            ("delayed", Cell::Count(self.delayed)),
            ("dead", self.dead.into()),
            ("oldest_ms", self.oldest_ms.map_or(Cell::Unknown, Cell::Age)),
        ]
    }
}
