//! Ends what was read before the first batch that the reader is not given. Pure: batches are told by their headers.

use bytes::Bytes;
use millstream_batch::{Batches, Codec, Header};

use crate::Error;

/// Keeps what stands before the first zstd batch, for a client that is too old for it.
///
/// # Errors
/// [`Error::ZstdTooNew`] if that is nothing.
pub(super) fn before_zstd(records: &mut Vec<Bytes>) -> Result<(), Error> {
    match cut(records, |batch| batch.codec() == Codec::Zstd) {
        Some(_) if records.is_empty() => Err(Error::ZstdTooNew),
        _ => Ok(()),
    }
}

/// Keeps what is due at `now_ms` in a queue with that delay, up to the first batch that is not, so that the order
/// stays as it is. Returns when that one is due, in the same milliseconds.
pub(super) fn before_delayed(records: &mut Vec<Bytes>, delay_ms: i64, now_ms: i64) -> Option<i64> {
    let due = |batch: &Header| batch.max_timestamp.saturating_add(delay_ms);
    cut(records, |batch| due(batch) > now_ms).map(|batch| due(&batch))
}

/// Ends `records`, which are runs of whole batches, before the first batch that `is_past` picks, and returns that.
fn cut(records: &mut Vec<Bytes>, is_past: impl Fn(&Header) -> bool) -> Option<Header> {
    for at in 0..records.len() {
        let mut kept = 0;
        for batch in Batches::new(&records[at]).map_while(Result::ok) {
            if is_past(&batch.header) {
                let run = records[at].slice(..kept);
                let header = batch.header;
                records.truncate(at);
                records.extend((!run.is_empty()).then_some(run));
                return Some(header);
            }
            kept += batch.bytes.len();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use millstream_batch::Builder;

    use super::*;

    /// A batch whose newest record is of that time.
    fn of(timestamp: i64) -> Vec<u8> {
        let builder = Builder::new();
        let builder = builder.record(timestamp - 3, None, Some(b"a"));
        let batch = builder.record(timestamp, None, Some(b"b")).build().unwrap();
        batch.bytes().to_vec()
    }

    #[test]
    fn a_batch_is_due_with_its_newest_record_and_holds_back_what_follows() {
        let runs = || {
            let first = Bytes::from([of(10), of(30)].concat());
            vec![first, Bytes::from(of(20)), Bytes::from(of(40))]
        };
        let length = of(0).len();
        // The time, the batches that are handed out, and when the next one is due.
        let table = [
            (109, 0, Some(110)),
            (110, 1, Some(130)),
            (129, 1, Some(130)),
            (130, 3, Some(140)),
            (140, 4, None),
        ];
        for (now, count, due) in table {
            let mut records = runs();
            assert_eq!(before_delayed(&mut records, 100, now), due, "{now}");
            let kept = records.concat();
            assert_eq!(kept, runs().concat()[..count * length], "{now}");
            assert!(records.iter().all(|run| !run.is_empty()));
        }
    }

    #[test]
    fn what_has_no_timestamp_is_due_at_once() {
        let mut records = vec![Bytes::from(of(-1))];
        let due = before_delayed(&mut records, 604_800_000, 1_700_000_000_000);
        assert_eq!((due, records.len()), (None, 1));
    }
}
