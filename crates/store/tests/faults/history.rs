//! What one partition was told, what it acknowledged, what readers saw: and so what it must hold.

use std::collections::VecDeque;

use bytes::Bytes;
use millstream_batch::{Batch, Batches, Builder, Header};
use millstream_store::{Flush, LogConfig, Offsets, TopicPartition};

/// A batch that a client has: it can be sent again and is the same then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    /// Id of an idempotent producer and the sequence of the first record.
    pub(crate) numbered: Option<(i64, i32)>,
    pub(crate) records: usize,
    pub(crate) size: usize,
    pub(crate) time_ms: i64,
    /// In every record, so that no two payloads have the same checksum.
    pub(crate) tag: u64,
}

impl Payload {
    pub(crate) fn batch(&self) -> Batch {
        let mut builder = Builder::new();
        if let Some((id, sequence)) = self.numbered {
            builder = builder.producer(id, 0, sequence);
        }
        let mut value = self.tag.to_be_bytes().to_vec();
        value.resize(8 + self.size, b'x');
        for _ in 0..self.records {
            builder.push(self.time_ms, None, Some(&value), &[]);
        }
        builder.build().unwrap()
    }
}

/// An idempotent producer as client libraries are: it sends again, in order, what was not acknowledged.
#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    /// The sequence of the next new record.
    pub(crate) next: i32,
    pub(crate) unacknowledged: VecDeque<Payload>,
}

impl Producer {
    pub(crate) fn new(id: i64) -> Self {
        Producer {
            id,
            next: 0,
            unacknowledged: VecDeque::new(),
        }
    }

    /// Takes an answer. One that was sent again may have been acknowledged before.
    pub(crate) fn acknowledge(&mut self, sequence: i32) {
        let is_it =
            |payload: &Payload| payload.numbered.is_some_and(|(_, first)| first == sequence);
        self.unacknowledged.retain(|payload| !is_it(payload));
    }
}

/// A batch that got an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) base: i64,
    pub(crate) next: i64,
    pub(crate) crc: u32,
    /// Whether the client was told that nothing of it was kept.
    pub(crate) refused: bool,
    /// Whether a reader got it.
    seen: bool,
    /// What was promised of it.
    flush: Flush,
}

/// Whether a partition is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existence {
    Certain,
    /// It was to be made or deleted, and nobody was told that it was.
    Possible,
    Gone,
}

#[derive(Debug)]
pub(crate) struct History {
    pub(crate) id: TopicPartition,
    pub(crate) existence: Existence,
    pub(crate) config: LogConfig,
    pub(crate) producers: Vec<Producer>,
    /// What got offsets, ascending.
    pub(crate) sent: Vec<Sent>,
    /// A power cut leaves what is below.
    durable: i64,
    /// A crash of the process leaves what is below.
    kept: i64,
    /// Consumers see what is below, in this life.
    visible: i64,
    /// What was visible when the policy turned to syncs: not durable before the next append is.
    turned_at: i64,
    /// Below this everything was deleted on request.
    deleted: i64,
    /// The log may begin here at most.
    start_limit: i64,
    epoch: i32,
    /// Whether a power cut took something from the middle.
    has_holes: bool,
}

impl History {
    pub(crate) fn new(id: TopicPartition, config: LogConfig) -> Self {
        History {
            id,
            existence: Existence::Possible,
            config,
            producers: Vec::new(),
            sent: Vec::new(),
            durable: 0,
            kept: 0,
            visible: 0,
            turned_at: 0,
            deleted: 0,
            start_limit: 0,
            epoch: 0,
            has_holes: false,
        }
    }

    /// Takes note of a batch that got an offset; a duplicate must be the batch of the first time.
    pub(crate) fn note_sent(&mut self, base: i64, next: i64, crc: u32, duplicate: bool) {
        let known = self.sent.iter().find(|sent| sent.base == base);
        if duplicate {
            // What retention took cannot be compared.
            assert!(
                known.is_none_or(|sent| sent.crc == crc),
                "another batch at {base}"
            );
            return;
        }
        let end = self.sent.last().map_or(0, |last| last.next);
        assert!(
            base >= end,
            "offset {base} was given out before: the last was {end}"
        );
        self.sent.push(Sent {
            base,
            next,
            crc,
            refused: false,
            seen: false,
            flush: self.config.flush,
        });
    }

    /// Takes note that a client was told that nothing was kept.
    pub(crate) fn note_refused(&mut self, base: i64) {
        let sent = self.sent.iter_mut().find(|sent| sent.base == base);
        let sent = sent.unwrap();
        assert!(!sent.seen, "{base} was seen before it was refused");
        sent.refused = true;
    }

    /// Takes note that something is in the file.
    pub(crate) fn note_written(&mut self, next: i64) {
        self.kept = self.kept.max(next);
    }

    /// Takes note of what consumers may see at a time when nobody changes the policy.
    pub(crate) fn note_offsets(&mut self, offsets: Offsets) {
        let Offsets {
            high_watermark,
            log_start,
            ..
        } = offsets;
        assert!(
            high_watermark >= self.visible,
            "the high watermark went back"
        );
        self.visible = high_watermark;
        self.kept = self.kept.max(high_watermark);
        if self.config.flush == Flush::Sync && high_watermark > self.turned_at {
            self.durable = self.durable.max(high_watermark);
        }
        self.start_limit = self.start_limit.max(log_start);
    }

    pub(crate) fn note_epoch(&mut self, epoch: i32) {
        assert!(
            epoch >= self.epoch,
            "leader epoch {epoch} after {}",
            self.epoch
        );
        self.epoch = epoch;
    }

    /// Takes note of a policy; nothing is on its way.
    pub(crate) fn note_config(&mut self, config: LogConfig) {
        if self.config.flush == Flush::PageCache && config.flush == Flush::Sync {
            self.turned_at = self.kept;
        }
        self.config = config;
    }

    pub(crate) fn note_deletion(&mut self, before: i64, acknowledged: bool) {
        self.start_limit = self.start_limit.max(before);
        if acknowledged {
            self.deleted = self.deleted.max(before);
        }
    }

    /// Takes note of a retention that may fail half-way and yet have moved the log start; appends under way may have
    /// become visible before.
    pub(crate) fn note_retention(&mut self) {
        let LogConfig {
            retention_ms,
            retention_bytes,
            ..
        } = self.config;
        if retention_ms.is_some() || retention_bytes.is_some() {
            let sent = self.sent.last().map_or(0, |sent| sent.next);
            self.start_limit = self.start_limit.max(self.visible).max(sent);
        }
    }

    /// What was not synced may be gone from now on.
    pub(crate) fn lose_page_cache(&mut self) {
        if self.durable < self.kept {
            // A client whose batches vanish begins anew, as all libraries do.
            for producer in &mut self.producers {
                *producer = Producer::new(producer.id + 1);
            }
        }
        self.kept = self.durable;
    }

    /// Takes note that everything is synced.
    pub(crate) fn note_clean_close(&mut self) {
        self.durable = self.kept;
    }

    /// Compares what a reader got from an offset on with what was sent.
    pub(crate) fn check_read(&mut self, read: &[Bytes]) {
        for header in headers(read) {
            let sent = self
                .sent
                .iter_mut()
                .find(|sent| sent.base == header.base_offset);
            let sent = sent.unwrap_or_else(|| panic!("a batch at {}", header.base_offset));
            assert_eq!(sent.crc, header.crc, "at {}", header.base_offset);
            assert!(!sent.refused, "{} was refused", header.base_offset);
            sent.seen = true;
        }
    }

    /// Whether a batch may be gone while later ones are there: the kernel writes in any order what
    /// nobody syncs.
    fn may_be_a_hole(&self, sent: &Sent) -> bool {
        sent.flush == Flush::PageCache && sent.next > self.kept
    }

    /// Where the first records at or behind an offset are, which is at the offset unless they were refused.
    fn first_at(&self, offset: i64) -> Option<i64> {
        let is_kept = |sent: &&Sent| !sent.refused && !self.may_be_a_hole(sent);
        let mut kept = self.sent.iter().filter(is_kept);
        let first = kept.find(|sent| sent.next > offset)?;
        Some(first.base.max(offset))
    }

    /// Compares everything that an opened partition holds with what it must, and takes it for the
    /// truth from here on: opening makes it durable.
    pub(crate) fn check_survivors(&mut self, offsets: Offsets, epoch: i32, read: &[Bytes]) {
        let (start, end) = (offsets.log_start, offsets.log_end);
        let possible = self.deleted..=self.first_at(self.start_limit).unwrap_or(end);
        assert!(
            possible.contains(&start),
            "log start {start}, of {possible:?}"
        );
        assert_eq!(offsets.high_watermark, end);
        assert!(
            end >= self.kept,
            "the log ends at {end}, {} was promised",
            self.kept
        );
        let found = headers(read);
        let mut rest = found.iter();
        let mut survivors = Vec::new();
        let mut has_holes = self.has_holes;
        let candidates = self.sent.iter().filter(|sent| sent.next > start);
        for sent in candidates {
            match rest.as_slice().first() {
                Some(header) if header.base_offset == sent.base && header.crc == sent.crc => {
                    assert!(
                        !sent.refused || sent.base >= self.kept,
                        "{} was refused",
                        sent.base
                    );
                    survivors.push(*sent);
                    rest.next();
                }
                // Nothing behind it either, unless it was refused.
                Some(header) => {
                    let is_hole = self.may_be_a_hole(sent);
                    has_holes |= is_hole && !sent.refused;
                    assert!(
                        sent.refused || is_hole,
                        "batch at {} is missing before {}",
                        sent.base,
                        header.base_offset
                    );
                }
                None => assert!(
                    sent.refused || sent.next > self.kept,
                    "batch at {} is missing, {} was promised",
                    sent.base,
                    self.kept
                ),
            }
        }
        assert!(
            rest.as_slice().is_empty(),
            "unknown batches: {:?}",
            rest.as_slice()
        );
        self.has_holes = has_holes;
        if !has_holes {
            check_sequences(&found);
        }
        // What retention took may come back after a power cut.
        self.sent.retain(|sent| sent.next <= start && !sent.refused);
        for sent in survivors {
            self.sent.push(Sent {
                refused: false,
                ..sent
            });
        }
        (self.durable, self.kept) = (end, end);
        (self.visible, self.turned_at) = (end, end);
        self.start_limit = self.start_limit.max(start);
        self.existence = Existence::Certain;
        self.note_epoch(epoch);
    }
}

/// Each producer's records are there once and without a gap.
fn check_sequences(found: &[Header]) {
    let mut ends = std::collections::HashMap::new();
    for header in found.iter().filter(|header| header.has_producer()) {
        let first = ends.insert(header.producer_id, header.last_sequence() + 1);
        assert!(
            first.is_none_or(|expected| expected == header.base_sequence),
            "producer {} sequence {} where {first:?} must come",
            header.producer_id,
            header.base_sequence
        );
    }
}

/// Headers of batches, whose checksums are right.
fn headers(read: &[Bytes]) -> Vec<Header> {
    let batches = read.iter().flat_map(|bytes| Batches::new(bytes));
    batches
        .map(|batch| {
            let batch = batch.unwrap();
            batch.header.check_crc(batch.bytes).unwrap();
            batch.header
        })
        .collect()
}
