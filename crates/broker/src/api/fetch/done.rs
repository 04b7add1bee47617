//! Leaves out of what was read of a queue what share consumers have acknowledged behind the first message that waits.
//! Pure: who has acknowledged what is told.

use bytes::Bytes;
use millstream_batch::{BatchRef, Batches};
use millstream_queue::Span;

use crate::Error;

/// The offsets that batches have, from the first to the last.
pub(super) fn range(records: &[Bytes]) -> Option<Span> {
    let batches = || {
        records
            .iter()
            .flat_map(|run| Batches::new(run).map_while(Result::ok))
    };
    let first = batches().next()?.header.base_offset;
    Span::new(first, batches().last()?.header.last_offset())
}

/// The same batches without the messages in `done`, which ascends. A batch of which nothing is left stays as an empty one,
/// by which readers know how far they have come.
///
/// # Errors
/// [`Error::Batch`] if a batch in which messages are done cannot be read, within `limit` bytes when decompressed.
pub(super) fn without(
    records: Vec<Bytes>,
    done: &[Span],
    limit: usize,
) -> Result<Vec<Bytes>, Error> {
    if done.is_empty() {
        return Ok(records);
    }
    let mut kept = Vec::with_capacity(records.len());
    for run in &records {
        let mut at = 0;
        for batch in Batches::new(run) {
            let batch = batch?;
            let size = batch.bytes.len();
            kept.push(match is_touched(&batch, done) {
                true => rest(&batch, done, limit)?,
                false => run.slice(at..at + size),
            });
            at += size;
        }
    }
    Ok(kept)
}

fn is_touched(batch: &BatchRef<'_>, done: &[Span]) -> bool {
    let span = Span::new(batch.header.base_offset, batch.header.last_offset());
    let touches = |done: &Span| span.is_some_and(|span| span.intersect(*done).is_some());
    !batch.header.is_control() && done.iter().any(touches)
}

fn rest(batch: &BatchRef<'_>, done: &[Span], limit: usize) -> Result<Bytes, Error> {
    let records = batch.records(limit)?;
    let is_done = |offset| {
        let span = done.get(done.partition_point(|span| span.last < offset));
        span.is_some_and(|span| span.first <= offset)
    };
    let mut keep = Vec::new();
    for record in &records {
        keep.push(!is_done(record?.offset));
    }
    Ok(records.rewrite(&keep, None)?)
}

#[cfg(test)]
mod tests {
    use millstream_batch::Builder;

    use super::*;

    /// A run of batches, each with so many messages, the first of them at `offset`.
    fn run(mut offset: i64, counts: &[usize]) -> Bytes {
        let mut bytes = Vec::new();
        for count in counts {
            let batch = (0..*count).fold(Builder::new(), |batch, _| batch.record(1, None, None));
            bytes.extend_from_slice(&batch.build().unwrap().stamp(offset, 0));
            offset += i64::try_from(*count).unwrap();
        }
        bytes.into()
    }

    /// For each batch its last offset, and the offsets of its messages.
    fn offsets(records: &[Bytes]) -> Vec<(i64, Vec<i64>)> {
        let tell = |batch: BatchRef<'_>| {
            let records = batch.records(1 << 20).unwrap();
            let offsets = records.iter().map(|record| record.unwrap().offset);
            (batch.header.last_offset(), offsets.collect())
        };
        let batches = records.iter().flat_map(|run| Batches::new(run));
        batches.map(|batch| tell(batch.unwrap())).collect()
    }

    #[test]
    fn what_is_done_is_left_out_and_no_reader_stands_still() {
        let records = vec![run(10, &[3, 2]), run(15, &[2])];
        assert_eq!(range(&records), Span::new(10, 16));
        let done = [(8, 10), (12, 14), (99, 99)];
        let done = done.map(|(first, last)| Span::new(first, last).unwrap());
        let left = without(records, &done, 1 << 20).unwrap();
        let expected = [(12, vec![11]), (14, vec![]), (16, vec![15, 16])];
        assert_eq!(offsets(&left), expected);
    }

    #[test]
    fn where_nothing_is_done_nothing_is_touched() {
        let records = vec![run(0, &[2, 2])];
        assert_eq!(without(records.clone(), &[], 0).unwrap(), records);
        assert_eq!(range(&[]), None);
    }
}
