//! May this produced batch enter that log, and what must be changed in it first?
//!
//! Almost always the answer comes from the header alone and the batch passes through untouched. Records are looked
//! at only where a topic's configuration asks about each of them: keys on a compacted topic, a lower bound for
//! timestamps, a codec of the topic's own.

use std::ops::RangeInclusive;

use crate::builder::packed;
use crate::header::CODEC_MASK;
use crate::{Batch, Codec, Compression, Error, Header, NO_PRODUCER_EPOCH, Record, TimestampType};

/// What a topic demands of the batches produced to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Largest batch in bytes, as sent and again after recompression.
    pub max_bytes: usize,
    /// Whose timestamps count.
    pub timestamps: Timestamps,
    /// Whether every record needs a key, as compaction does.
    pub keys_required: bool,
    /// The codec that batches are to be stored with; the producer's if `None`.
    pub compression: Option<Compression>,
    /// Largest size in bytes of a batch's records once decompressed, where they are looked at.
    pub decompressed_limit: usize,
}

/// Whose timestamps count, and how far they may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamps {
    /// The producer's.
    CreateTime {
        /// How many ms a record may lie before now; `i64::MAX` for any.
        before_max_ms: i64,
        /// How many ms a record may lie after now.
        after_max_ms: i64,
    },
    /// The broker's, at the time of the append.
    LogAppendTime,
}

/// Bytes of a record without key, value and headers.
const MIN_RECORD_LEN: u64 = 7;
/// Timestamp of a record that has none.
const NO_TIMESTAMP: i64 = -1;
/// How many offending records an error names, so that an answer never outgrows its request by much.
const MAX_NAMED_RECORDS: usize = 1_000;

/// Checks a produced batch against `rules` and rewrites what they demand.
///
/// # Errors
/// [`Error::TooLarge`]; [`Error::Invalid`] for a header that breaks the rules for producers;
/// [`Error::UnexpectedLogAppendTime`]; [`Error::Timestamps`] and [`Error::MissingKeys`], which name the records;
/// and what reading the records can raise, where they are read.
pub fn admit(batch: Batch, rules: &Rules, now_ms: i64) -> Result<Batch, Error> {
    check_size(&batch, rules)?;
    check_header(&batch)?;
    check_records(&batch, rules, now_ms)?;
    let mut batch = recompress(batch, rules)?;
    if rules.timestamps == Timestamps::LogAppendTime {
        batch.set_log_append_time(now_ms);
    }
    Ok(batch)
}

fn check_size(batch: &Batch, rules: &Rules) -> Result<(), Error> {
    match batch.size() > rules.max_bytes {
        true => Err(Error::TooLarge {
            size: batch.size(),
            limit: rules.max_bytes,
        }),
        false => Ok(()),
    }
}

fn check_header(batch: &Batch) -> Result<(), Error> {
    let header = batch.header();
    let demands = [
        (header.base_offset == 0, "the base offset is not 0"),
        (header.count > 0, "the batch has no records"),
        (
            i64::from(header.last_offset_delta) + 1 == i64::from(header.count),
            "the last offset delta does not match the record count",
        ),
        (
            may_hold(batch, header.count),
            "there are fewer records than counted",
        ),
        (
            !header.is_control(),
            "a producer may not send control records",
        ),
        (
            !header.has_producer() || header.base_sequence >= 0,
            "an idempotent producer's batch has no sequence number",
        ),
        (
            !header.has_producer() || header.producer_epoch > NO_PRODUCER_EPOCH,
            "an idempotent producer's batch has no epoch",
        ),
        (
            !header.is_transactional() || header.has_producer(),
            "a transactional batch has no producer id",
        ),
    ];
    match demands.iter().find(|(met, _)| !met) {
        Some((_, complaint)) => Err(Error::Invalid(complaint)),
        None => Ok(()),
    }
}

/// Whether there is room for so many records. What a codec hides cannot be known without decompressing it.
fn may_hold(batch: &Batch, count: i32) -> bool {
    let least = u64::from(count.unsigned_abs()) * MIN_RECORD_LEN;
    batch.header().codec() != Codec::None || least <= batch.payload().len() as u64
}

/// Whether [`admit`] is going to read or rewrite the records of a batch with this header, which takes time in
/// proportion to what they decompress to.
#[must_use]
pub fn reads_records(header: &Header, rules: &Rules, now_ms: i64) -> bool {
    let walks = |allowed| must_walk(header, rules, &allowed);
    other_codec(header, rules).is_some()
        || allowed_timestamps(header, rules, now_ms).is_ok_and(walks)
}

/// Whether the header alone cannot tell that all records are as they should be.
fn must_walk(header: &Header, rules: &Rules, allowed: &RangeInclusive<i64>) -> bool {
    let all_in_time = *allowed.start() == i64::MIN && header.max_timestamp <= *allowed.end();
    rules.keys_required || !all_in_time
}

fn check_records(batch: &Batch, rules: &Rules, now_ms: i64) -> Result<(), Error> {
    let allowed = allowed_timestamps(batch.header(), rules, now_ms)?;
    if !must_walk(batch.header(), rules, &allowed) {
        return Ok(());
    }
    let in_time = |record: &Record<'_>| {
        record.timestamp == NO_TIMESTAMP || allowed.contains(&record.timestamp)
    };
    let has_key = |record: &Record<'_>| !rules.keys_required || record.key.is_some();
    let (mut late, mut keyless) = (Vec::new(), Vec::new());
    let records = batch.records(rules.decompressed_limit)?;
    for (index, record) in (0..).zip(&records) {
        let record = record?;
        if record.offset != i64::from(index) {
            return Err(Error::Invalid("the records' offsets are not consecutive"));
        }
        note(&mut late, index, in_time(&record));
        note(&mut keyless, index, has_key(&record));
    }
    match (late.is_empty(), keyless.is_empty()) {
        (true, true) => Ok(()),
        (_, false) => Err(Error::MissingKeys(keyless)),
        (false, _) => Err(Error::Timestamps(late)),
    }
}

fn note(offenders: &mut Vec<i32>, index: i32, fine: bool) {
    if !fine && offenders.len() < MAX_NAMED_RECORDS {
        offenders.push(index);
    }
}

fn allowed_timestamps(
    header: &Header,
    rules: &Rules,
    now_ms: i64,
) -> Result<RangeInclusive<i64>, Error> {
    match rules.timestamps {
        Timestamps::LogAppendTime => Ok(i64::MIN..=i64::MAX),
        Timestamps::CreateTime { .. }
            if header.timestamp_type() == TimestampType::LogAppendTime =>
        {
            Err(Error::UnexpectedLogAppendTime)
        }
        Timestamps::CreateTime {
            before_max_ms,
            after_max_ms,
        } => {
            let earliest = match before_max_ms {
                i64::MAX => i64::MIN,
                before => now_ms.saturating_sub(before),
            };
            Ok(earliest..=now_ms.saturating_add(after_max_ms))
        }
    }
}

/// The codec that the batch has to get, if it has another.
fn other_codec(header: &Header, rules: &Rules) -> Option<Compression> {
    rules
        .compression
        .filter(|wanted| wanted.codec != header.codec())
}

fn recompress(batch: Batch, rules: &Rules) -> Result<Batch, Error> {
    let Some(wanted) = other_codec(batch.header(), rules) else {
        return Ok(batch);
    };
    let records = batch.records(rules.decompressed_limit)?;
    let bytes = packed(wanted, records.payload())?;
    let mut header = *batch.header();
    header.attributes = (header.attributes & !CODEC_MASK) | wanted.codec as i16;
    let batch = Batch::assemble(header, bytes)?;
    check_size(&batch, rules)?;
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;
    use bytes::BytesMut;

    const NOW: i64 = 1_000_000;
    const RULES: Rules = Rules {
        max_bytes: 1 << 20,
        timestamps: Timestamps::CreateTime {
            before_max_ms: i64::MAX,
            after_max_ms: 1_000,
        },
        keys_required: false,
        compression: None,
        decompressed_limit: 1 << 20,
    };

    fn three(timestamps: [i64; 3]) -> Builder {
        timestamps.into_iter().fold(Builder::new(), |builder, at| {
            builder.record(at, Some(b"k"), Some(b"v"))
        })
    }

    fn with_header(change: impl FnOnce(&mut Header)) -> Batch {
        let batch = three([NOW; 3]).build().unwrap();
        let mut header = *batch.header();
        change(&mut header);
        Batch::assemble(header, BytesMut::from(batch.bytes())).unwrap()
    }

    fn refused(batch: Batch) -> bool {
        matches!(admit(batch, &RULES, NOW), Err(Error::Invalid(_)))
    }

    #[test]
    fn an_ordinary_batch_passes_untouched() {
        let bytes = three([NOW; 3]).build().unwrap();
        let expected = bytes.bytes().to_vec();
        assert_eq!(admit(bytes, &RULES, NOW).unwrap().bytes(), expected);
    }

    #[test]
    fn headers_that_break_the_rules_are_refused() {
        assert!(refused(with_header(|h| h.base_offset = 1)));
        assert!(refused(with_header(|h| h.count = 0)));
        assert!(refused(with_header(|h| h.count = -1)));
        assert!(refused(with_header(|h| h.last_offset_delta = 3)));
        assert!(refused(with_header(|h| {
            (h.count, h.last_offset_delta) = (4, 3);
        })));
        assert!(refused(with_header(|h| {
            (h.count, h.last_offset_delta) = (i32::MIN, i32::MAX);
        })));
        assert!(refused(with_header(
            |h| h.attributes |= crate::header::CONTROL
        )));
        assert!(refused(with_header(|h| h.producer_id = 5)));
        assert!(refused(three([NOW; 3]).producer(5, -1, 0).build().unwrap()));
        assert!(refused(three([NOW; 3]).transactional().build().unwrap()));
    }

    #[test]
    fn the_size_limit_is_inclusive() {
        let size = three([NOW; 3]).build().unwrap().size();
        let admit_up_to = |max_bytes| {
            let rules = Rules { max_bytes, ..RULES };
            admit(three([NOW; 3]).build().unwrap(), &rules, NOW).map(drop)
        };
        assert_eq!(admit_up_to(size), Ok(()));
        let limit = size - 1;
        assert_eq!(admit_up_to(limit), Err(Error::TooLarge { size, limit }));
    }

    #[test]
    fn timestamps_outside_the_bounds_name_their_records() {
        let rules = Rules {
            timestamps: Timestamps::CreateTime {
                before_max_ms: 100,
                after_max_ms: 50,
            },
            ..RULES
        };
        let check = |timestamps, expected: Result<(), Error>| {
            for codec in Codec::ALL {
                let batch = three(timestamps).compression(codec).build().unwrap();
                assert_eq!(admit(batch, &rules, NOW).map(drop), expected, "{codec}");
            }
        };
        check([NOW - 100, NOW, NOW + 50], Ok(()));
        check([NO_TIMESTAMP, NOW, NOW], Ok(()));
        check([NOW, NOW - 101, NOW], Err(Error::Timestamps(vec![1])));
        check([NOW + 51, NOW, 0], Err(Error::Timestamps(vec![0, 2])));
    }

    #[test]
    fn a_producer_may_not_send_log_append_time() {
        let mut batch = three([NOW; 3]).build().unwrap();
        batch.set_log_append_time(NOW);
        assert_eq!(
            admit(batch, &RULES, NOW),
            Err(Error::UnexpectedLogAppendTime)
        );
    }

    #[test]
    fn log_append_time_replaces_the_producers_time_with_a_new_checksum() {
        let rules = Rules {
            timestamps: Timestamps::LogAppendTime,
            ..RULES
        };
        let batch = admit(three([1, 2, i64::MAX]).build().unwrap(), &rules, NOW).unwrap();
        let batch = Batch::parse(BytesMut::from(batch.bytes())).unwrap();
        assert_eq!(batch.header().max_timestamp, NOW);
    }

    #[test]
    fn missing_keys_name_their_records_through_every_codec() {
        let rules = Rules {
            keys_required: true,
            ..RULES
        };
        for codec in Codec::ALL {
            let batch = Builder::new()
                .compression(codec)
                .record(NOW, Some(b"k"), None)
                .record(NOW, None, Some(b"v"))
                .build()
                .unwrap();
            assert_eq!(
                admit(batch, &rules, NOW),
                Err(Error::MissingKeys(vec![1])),
                "{codec}"
            );
        }
    }

    #[test]
    fn a_topics_codec_replaces_the_producers() {
        for from in Codec::ALL {
            for to in Codec::ALL {
                let rules = Rules {
                    compression: Some(to.into()),
                    ..RULES
                };
                let sent = three([NOW, NOW + 1, NOW + 2])
                    .producer(4, 0, 7)
                    .compression(from)
                    .build()
                    .unwrap();
                let expected: Vec<u8> = sent.records(1 << 20).unwrap().payload().to_vec();
                let batch = admit(sent, &rules, NOW).unwrap();
                let batch = Batch::parse(BytesMut::from(batch.bytes())).unwrap();
                assert_eq!(batch.header().codec(), to, "{from} to {to}");
                assert_eq!(batch.header().base_sequence, 7);
                assert_eq!(batch.records(1 << 20).unwrap().payload(), expected);
            }
        }
    }

    #[test]
    fn a_batch_in_the_topics_codec_passes_untouched_whatever_its_level() {
        for codec in Codec::ALL {
            let level = Some(1);
            let rules = Rules {
                compression: Some(Compression { codec, level }),
                ..RULES
            };
            let sent = three([NOW; 3]).compression(codec).build().unwrap();
            let expected = sent.bytes().to_vec();
            assert_eq!(admit(sent, &rules, NOW).unwrap().bytes(), expected);
        }
    }

    #[test]
    fn the_size_limit_holds_after_recompression_too() {
        let sent = || {
            let zeros = vec![0; 10_000];
            let builder = Builder::new().compression(Codec::Zstd);
            builder.record(NOW, None, Some(&zeros)).build().unwrap()
        };
        let rules = Rules {
            max_bytes: 5_000,
            compression: Some(Codec::None.into()),
            ..RULES
        };
        assert!(sent().size() < 5_000);
        assert!(matches!(
            admit(sent(), &rules, NOW),
            Err(Error::TooLarge { limit: 5_000, .. })
        ));
    }

    #[test]
    fn a_topics_codec_and_its_time_are_both_put_in() {
        let rules = Rules {
            timestamps: Timestamps::LogAppendTime,
            compression: Some(Codec::Lz4.into()),
            ..RULES
        };
        let sent = three([1, 2, 3]).compression(Codec::Gzip).build().unwrap();
        let batch = admit(sent, &rules, NOW).unwrap();
        let batch = Batch::parse(BytesMut::from(batch.bytes())).unwrap();
        let header = batch.header();
        assert_eq!((header.codec(), header.max_timestamp), (Codec::Lz4, NOW));
        let records = batch.records(1 << 20).unwrap();
        let times: Vec<i64> = records.iter().map(|r| r.unwrap().timestamp).collect();
        assert_eq!(times, [NOW; 3]);
    }

    #[test]
    fn records_are_read_only_where_the_header_cannot_tell() {
        let reads = |batch: Builder, rules: Rules| {
            let batch = batch.build().unwrap();
            reads_records(batch.header(), &rules, NOW)
        };
        let late = three([NOW, NOW, NOW + 1_001]);
        assert!(!reads(three([NOW; 3]), RULES));
        assert!(reads(late, RULES));
        let keys_required = true;
        assert!(reads(
            three([NOW; 3]),
            Rules {
                keys_required,
                ..RULES
            }
        ));
        let timestamps = Timestamps::CreateTime {
            before_max_ms: 5,
            after_max_ms: 5,
        };
        assert!(reads(
            three([NOW; 3]),
            Rules {
                timestamps,
                ..RULES
            }
        ));
        let compression = Some(Codec::Gzip.into());
        let gzip = Rules {
            compression,
            ..RULES
        };
        assert!(reads(three([NOW; 3]), gzip));
        assert!(!reads(three([NOW; 3]).compression(Codec::Gzip), gzip));
    }

    #[test]
    fn a_bomb_is_refused_where_records_are_read() {
        let rules = Rules {
            compression: Some(Codec::None.into()),
            decompressed_limit: 1_000,
            ..RULES
        };
        let bomb = Builder::new()
            .compression(Codec::Zstd)
            .record(NOW, None, Some(&vec![0; 100_000]))
            .build()
            .unwrap();
        assert_eq!(
            admit(bomb, &rules, NOW),
            Err(Error::DecompressedTooLarge { limit: 1_000 })
        );
    }
}
