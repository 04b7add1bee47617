//! From batches of a log to the messages that may be handed out.
//!
//! Markers are no messages, nor is what was aborted where only what is committed is handed out. A batch of an ordinary
//! topic is taken as a whole. Of a queue each record is looked at: it may have a delay of its
//! own, and a key that it is ordered by.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use millstream_batch::{BatchRef, Batches, Record};
use millstream_groups::Now;
use millstream_queue::{Acquired, Candidate, Span};
use millstream_store::AbortedSet;

use super::terms::QueueTerms;
use crate::Error;

/// The header that holds one message back, in milliseconds after its timestamp, in decimal digits.
const DELAY: &[u8] = b"queue.delay.ms";

/// The messages in `batches` from `from` on, without those that were `aborted`.
pub(super) fn candidates(
    batches: &[Bytes],
    from: i64,
    aborted: &AbortedSet,
    queue: Option<&QueueTerms>,
    decompressed_limit: usize,
    now: Now,
) -> Result<Vec<Candidate>, Error> {
    let mut found = Vec::new();
    for batch in batches.iter().flat_map(|run| Batches::new(run)) {
        let batch = batch?;
        if batch.header.is_control() || aborted.has(&batch.header) {
            continue;
        }
        match queue {
            None => found.extend(whole(&batch, from)),
            Some(queue) => {
                let begin = found.len();
                let read = records(&batch, from, queue, decompressed_limit, now, &mut found);
                if let Err(error) = read {
                    // Whoever works it off is told what is wrong with it by his own client.
                    tracing::warn!(offset = batch.header.base_offset, %error, "batch is handed out unseen");
                    found.truncate(begin);
                    found.extend(whole(&batch, from));
                }
            }
        }
    }
    Ok(found)
}

fn whole(batch: &BatchRef<'_>, from: i64) -> Option<Candidate> {
    let (first, last) = (batch.header.base_offset, batch.header.last_offset());
    Some(Candidate {
        span: Span::new(first.max(from), last)?,
        key: None,
        due_ms: 0,
    })
}

/// Neighbours without anything of their own are one candidate.
fn records(
    batch: &BatchRef<'_>,
    from: i64,
    queue: &QueueTerms,
    decompressed_limit: usize,
    now: Now,
    found: &mut Vec<Candidate>,
) -> Result<(), Error> {
    let begin = found.len();
    for record in &batch.records(decompressed_limit)? {
        let record = record?;
        if record.offset < from {
            continue;
        }
        let candidate = Candidate {
            span: Span::one(record.offset),
            key: queue.by_key.then(|| record.key.map(digest)).flatten(),
            due_ms: due_ms(&record, queue, now),
        };
        match found[begin..].last_mut() {
            Some(last) if is_next(last, &candidate) => last.span.last = candidate.span.last,
            _ => found.push(candidate),
        }
    }
    Ok(())
}

fn is_next(last: &Candidate, candidate: &Candidate) -> bool {
    last.span.next() == candidate.span.first
        && (last.key, last.due_ms) == (candidate.key, candidate.due_ms)
}

/// When a message may be handed out, on the monotonic clock; 0 for at once.
fn due_ms(record: &Record<'_>, queue: &QueueTerms, now: Now) -> i64 {
    let own = record.headers.iter().find(|header| header.key == DELAY);
    let own = own.and_then(|header| std::str::from_utf8(header.value?).ok()?.trim().parse().ok());
    let delay_ms = own.unwrap_or(queue.delay_ms);
    let left = record
        .timestamp
        .saturating_add(delay_ms)
        .saturating_sub(now.unix_ms);
    if delay_ms > 0 && left > 0 {
        now.monotonic_ms.saturating_add(left)
    } else {
        0
    }
}

/// Keys that are told apart by less than this are taken for one: they wait for each other, and nothing is lost.
fn digest(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The offset behind the last batch.
pub(crate) fn end_of(batches: &[Bytes]) -> Option<i64> {
    let last = Batches::new(batches.last()?).map_while(Result::ok).last()?;
    Some(last.header.next_offset())
}

/// The batches that hold any of the messages that were handed out.
pub(super) fn with_acquired(batches: &[Bytes], acquired: &[Acquired]) -> Vec<Bytes> {
    let mut kept = Vec::new();
    for run in batches {
        let mut at = 0;
        for batch in Batches::new(run).map_while(Result::ok) {
            let size = batch.bytes.len();
            let span = Span::new(batch.header.base_offset, batch.header.last_offset());
            let wanted =
                |one: &Acquired| span.is_some_and(|span| one.span.intersect(span).is_some());
            if acquired.iter().any(wanted) {
                kept.push(run.slice(at..at + size));
            }
            at += size;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use millstream_batch::{Builder, RecordHeader};

    use super::*;

    const NOW: Now = Now {
        monotonic_ms: 1_000,
        unix_ms: 50_000,
    };

    const QUEUE: QueueTerms = QueueTerms {
        delay_ms: 0,
        by_key: false,
        dead_letters: None,
    };

    /// A batch from offset 10 on, of records with a key and a delay.
    fn batch(records: &[(&[u8], Option<&str>)]) -> Bytes {
        let mut builder = Builder::new();
        for (key, delay) in records {
            let header = delay.map(|delay| RecordHeader {
                key: DELAY,
                value: Some(delay.as_bytes()),
            });
            let headers: Vec<_> = header.into_iter().collect();
            builder.push(NOW.unix_ms - 100, Some(*key), None, &headers);
        }
        builder.build().unwrap().stamp(10, 0)
    }

    fn found(bytes: &Bytes, from: i64, queue: Option<&QueueTerms>) -> Vec<Candidate> {
        let batches = std::slice::from_ref(bytes);
        candidates(batches, from, &AbortedSet::default(), queue, 1 << 20, NOW).unwrap()
    }

    fn spans(candidates: &[Candidate]) -> Vec<(i64, i64, i64)> {
        let parts = |one: &Candidate| (one.span.first, one.span.last, one.due_ms);
        candidates.iter().map(parts).collect()
    }

    #[test]
    fn records_of_a_queue_are_due_when_their_own_delay_is_over() {
        let bytes = batch(&[
            (b"a", None),
            (b"a", Some("400")),
            (b"a", Some("99")),
            (b"a", Some("soon")),
        ]);
        let expected = [(10, 10, 0), (11, 11, 1_300), (12, 13, 0)];
        assert_eq!(spans(&found(&bytes, 10, Some(&QUEUE))), expected);
        assert_eq!(spans(&found(&bytes, 10, None)), [(10, 13, 0)]);
        assert_eq!(spans(&found(&bytes, 12, None)), [(12, 13, 0)]);
    }

    #[test]
    fn the_delay_of_a_queue_holds_for_records_without_their_own() {
        let queue = QueueTerms {
            delay_ms: 150,
            ..QUEUE
        };
        let bytes = batch(&[(b"a", None), (b"a", Some("0"))]);
        let expected = [(10, 10, 1_050), (11, 11, 0)];
        assert_eq!(spans(&found(&bytes, 0, Some(&queue))), expected);
    }

    #[test]
    fn records_are_told_apart_by_key_where_keys_are_ordered() {
        let queue = QueueTerms {
            by_key: true,
            ..QUEUE
        };
        let bytes = batch(&[(b"a", None), (b"a", None), (b"b", None)]);
        let found = found(&bytes, 0, Some(&queue));
        assert_eq!(spans(&found), [(10, 11, 0), (12, 12, 0)]);
        assert_ne!(found[0].key, found[1].key);
    }
}
