//! Readers of what a soak has written: parts of it while it goes on, all of it in the end.

use std::io;
use std::sync::Mutex;
use std::thread;

use bytes::Bytes;
use millstream_batch::Batches;
use millstream_wire::api::{fetch, list_offsets};
use millstream_wire::{ApiKey, ErrorCode};

use super::content::Entry;
use super::ledger::{Broken, Ledger, Reading};
use super::run::{PAUSE, Run, Track};
use super::writer::lock;
use crate::dice::Dice;
use crate::raw::Connection;

/// The newest version that still names topics.
const FETCH_VERSION: i16 = 12;
const LIST_OFFSETS_VERSION: i16 = 6;
/// Asks for the first offset in the place of a time.
const EARLIEST: i64 = -2;
/// No batch of a soak is larger when decompressed.
const LIMIT: usize = 1 << 20;

/// What one fetch found.
struct Part {
    end: i64,
    batches: Vec<Bytes>,
}

/// Reads from random offsets on, over and over, until the run's load ends; returns how many records.
pub(super) fn wander(run: &Run, tracks: &[Track], mut dice: Dice) -> u64 {
    let mut seen = 0;
    while run.is_loading() {
        let track = &tracks[dice.between(0, tracks.len() as u64) as usize];
        let end = lock(&track.ledger).end();
        let offset = dice.between(0, end.unsigned_abs() + 1).cast_signed();
        let mut reading = lock(&track.ledger).reading(offset);
        let fetches = dice.between(1, 10);
        for _ in 0..fetches {
            match step(run, track, &mut reading) {
                Ok(Some((_end, records))) => seen += records,
                Ok(None) => thread::park_timeout(PAUSE),
                Err(broken) => return fail(run, broken),
            }
        }
    }
    seen
}

/// Reads a whole partition, as far as it reaches now, and compares with all that is known; returns how many records.
pub(super) fn read_all(run: &Run, track: &Track) -> u64 {
    let mut reading = lock(&track.ledger).reading(0);
    let mut seen = 0;
    while !run.has_failed() {
        let before = reading.next();
        match step(run, track, &mut reading) {
            Ok(Some((end, records))) => {
                seen += records;
                if reading.next() >= end || reading.next() == before {
                    let complete = reading.ends(&lock(&track.ledger), end);
                    return complete.map_or_else(|broken| fail(run, broken), |()| seen);
                }
            }
            Ok(None) => thread::park_timeout(PAUSE),
            Err(broken) => return fail(run, broken),
        }
    }
    seen
}

fn fail(run: &Run, broken: Broken) -> u64 {
    run.fail(broken);
    0
}

/// One fetch: the end of the partition and how many records were read, or None during an outage.
fn step(run: &Run, track: &Track, reading: &mut Reading) -> Result<Option<(i64, u64)>, Broken> {
    let Ok(part) = fetch(run, track, reading.next()) else {
        return Ok(None);
    };
    let Some(part) = part? else {
        // Retention has passed the offset meanwhile.
        return begin_again(run, track, reading);
    };
    see(&track.ledger, reading, &part).map(|records| Some((part.end, records)))
}

/// Goes on from where the log begins, which has to be behind an offset that is out of range.
fn begin_again(
    run: &Run,
    track: &Track,
    reading: &mut Reading,
) -> Result<Option<(i64, u64)>, Broken> {
    let Ok(start) = log_start(run, track) else {
        return Ok(None);
    };
    let next = reading.next();
    if start <= next {
        let (topic, partition) = (track.topic, track.partition);
        return Err(format!(
            "{topic}-{partition} begins at {start} and does not reach {next}"
        ));
    }
    reading.begins(&mut lock(&track.ledger), start)?;
    Ok(None)
}

fn see(ledger: &Mutex<Ledger>, reading: &mut Reading, part: &Part) -> Result<u64, Broken> {
    let mut records = 0;
    for batch in part.batches.iter().flat_map(|bytes| Batches::new(bytes)) {
        let Ok(batch) = batch else {
            // The last one may have been cut at the limit of the fetch.
            break;
        };
        let corrupt = |error: millstream_batch::Error| {
            format!("the batch at offset {}: {error}", batch.header.base_offset)
        };
        batch.header.check_crc(batch.bytes).map_err(corrupt)?;
        for record in &batch.records(LIMIT).map_err(corrupt)? {
            let record = record.map_err(corrupt)?;
            // A batch is given whole, even where only its end was asked for.
            if record.offset >= reading.next() {
                let entry = Entry {
                    key: record.key.unwrap_or_default().to_vec(),
                    value: record.value.map(<[u8]>::to_vec),
                };
                reading.see(&mut lock(ledger), record.offset, entry)?;
            }
            records += 1;
        }
    }
    Ok(records)
}

/// A mebibyte from `offset` on; None below the beginning of the log.
fn fetch(run: &Run, track: &Track, offset: i64) -> io::Result<Result<Option<Part>, Broken>> {
    let partition = fetch::Partition {
        partition: track.partition,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = fetch::Topic {
        topic: track.topic,
        partitions: vec![partition],
        ..Default::default()
    };
    let request = fetch::Request {
        max_wait_ms: 0,
        min_bytes: 0,
        topics: vec![topic],
        ..Default::default()
    };
    let mut connection = Connection::try_open(run.address())?;
    let answer = connection.try_ask(ApiKey::Fetch, FETCH_VERSION, &request)?;
    let mut response: fetch::Response<'_> = answer.decode();
    let result = response.responses[0].partitions.remove(0);
    Ok(match result.error_code {
        ErrorCode::NONE => Ok(Some(Part {
            end: result.high_watermark,
            batches: result.records.0,
        })),
        ErrorCode::OFFSET_OUT_OF_RANGE => Ok(None),
        ErrorCode::NOT_LEADER_OR_FOLLOWER => return Err(io::ErrorKind::NotConnected.into()),
        code => Err(format!(
            "{}-{} at offset {offset}: {code}",
            track.topic, track.partition
        )),
    })
}

/// Where the partition begins.
fn log_start(run: &Run, track: &Track) -> io::Result<i64> {
    let partition = list_offsets::Partition {
        partition_index: track.partition,
        timestamp: EARLIEST,
        ..Default::default()
    };
    let topic = list_offsets::Topic {
        name: track.topic,
        partitions: vec![partition],
    };
    let request = list_offsets::Request {
        topics: vec![topic],
        ..Default::default()
    };
    let mut connection = Connection::try_open(run.address())?;
    let answer = connection.try_ask(ApiKey::ListOffsets, LIST_OFFSETS_VERSION, &request)?;
    let response: list_offsets::Response<'_> = answer.decode();
    let result = &response.topics[0].partitions[0];
    match result.error_code {
        ErrorCode::NONE => Ok(result.offset),
        _ => Err(io::ErrorKind::NotConnected.into()),
    }
}
