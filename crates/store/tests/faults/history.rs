//! What one partition was told, what it acknowledged, what readers saw: and so what it must hold.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use bytes::Bytes;
use millstream_batch::{Header, Outcome};
use millstream_store::{
    AbortedSet, Appended, Flush, LogConfig, Offsets, OpenTransaction, TopicPartition,
};

use crate::clients::{MARKER, Part, Payload, Producer};
use crate::sent::{Ends, Found, Sent, batches};

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
    /// Whether records may be gone for which later ones have the same key.
    is_compacted: bool,
    /// Records that may be gone since somebody said that they are dead.
    dead: Vec<Range<i64>>,
}

impl History {
    pub(crate) fn new(id: TopicPartition, config: LogConfig) -> Self {
        History {
            id,
            existence: Existence::Possible,
            is_compacted: config.compaction.is_some(),
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
            dead: Vec::new(),
        }
    }

    /// Takes note of a batch that got an offset, and of what is promised of it; a duplicate must be the batch of the
    /// first time.
    pub(crate) fn note_sent(
        &mut self,
        payload: Payload,
        appended: &Appended,
        crc: u32,
        flush: Flush,
    ) {
        let (base, next) = (appended.base_offset, appended.next_offset());
        if appended.duplicate {
            let known = self.sent.iter().find(|sent| sent.base == base);
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
            payload,
            refused: false,
            seen: false,
            flush,
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

    /// Takes note that a batch was acknowledged as being as durable as was promised of it.
    pub(crate) fn note_durable(&mut self, next: i64) {
        let mut sent = self.sent.iter();
        if sent.any(|sent| sent.next == next && sent.flush == Flush::Sync) {
            self.durable = self.durable.max(next);
        }
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
        self.is_compacted |= config.compaction.is_some();
        self.config = config;
    }

    pub(crate) fn note_deletion(&mut self, before: i64, acknowledged: bool) {
        self.start_limit = self.start_limit.max(before);
        if acknowledged {
            self.deleted = self.deleted.max(before);
        }
    }

    /// Takes note of records that are dead from now on; all that are.
    pub(crate) fn note_dead(&mut self, offsets: Range<i64>) -> Vec<Range<i64>> {
        self.dead.push(offsets);
        self.dead.clone()
    }

    fn is_rewritten(&self) -> bool {
        self.is_compacted || !self.dead.is_empty()
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
        let is_rewritten = self.is_rewritten();
        for found in batches(read) {
            let base = found.header.base_offset;
            let sent = self.sent.iter_mut().find(|sent| sent.base == base);
            let sent = sent.unwrap_or_else(|| panic!("a batch at {base}"));
            assert!(sent.is(&found, is_rewritten), "{sent:?}: {found:?}");
            assert!(!sent.refused, "{base} was refused");
            sent.seen = true;
        }
    }

    /// Whether a batch that got an offset is in the log that was checked; `None` if it may have been removed since.
    pub(crate) fn holds(&self, base: i64, crc: u32) -> Option<bool> {
        let is_removed = self.existence == Existence::Gone || base < self.start_limit;
        let mut sent = self.sent.iter();
        (!is_removed).then(|| sent.any(|sent| sent.base == base && sent.crc == crc))
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

    /// Compares what a partition says of its transactions with what was written to it.
    pub(crate) fn check_transactions(
        &self,
        log_start: i64,
        read: &[Bytes],
        aborted: &AbortedSet,
        open: &[OpenTransaction],
    ) {
        let ends = Ends::of(&self.sent);
        let of_clients = batches(read).into_iter();
        for found in of_clients.filter(|found| !found.header.is_control()) {
            let base = found.header.base_offset;
            let sent = self.sent.iter().find(|sent| sent.base == base).unwrap();
            let is_aborted = ends.fate(sent) == Some(Outcome::Abort);
            assert_eq!(
                aborted.has(&found.header),
                is_aborted,
                "{sent:?}: {aborted:?}"
            );
        }
        if self.is_rewritten() {
            return;
        }
        let mut begun = BTreeMap::new();
        for sent in self.sent.iter().filter(|sent| ends.fate(sent).is_none()) {
            if let Some(Part::Records(producer, ..)) = sent.payload.part {
                begun.entry(producer).or_insert(sent);
            }
        }
        for told in open {
            let begun = begun.get(&told.producer_id).map(|sent| sent.base);
            assert_eq!(begun, Some(told.first_offset), "{told:?}");
        }
        for (producer, first) in begun {
            let is_told = open.iter().any(|told| told.producer_id == producer);
            // What nobody synced may have been lost below the log start, too.
            let may_be_lost = first.base < log_start && first.flush == Flush::PageCache;
            assert!(is_told || may_be_lost, "{first:?}: {open:?}");
        }
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
        let found = batches(read);
        // What is written at these offsets from now on is something else.
        self.dead.retain(|range| range.start < end);
        for range in &mut self.dead {
            range.end = range.end.min(end);
        }
        let survivors = self.survivors(start, &found);
        if !self.has_holes && !self.is_rewritten() {
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

    /// What of everything sent is in a log that begins at `start` and holds what was found, or was removed from it; what
    /// is neither may be missing.
    fn survivors(&mut self, start: i64, found: &[Found]) -> Vec<Sent> {
        let is_removable = self.removable(start, found);
        let mut rest = found.iter().peekable();
        let mut survivors = Vec::new();
        let mut has_holes = self.has_holes;
        for sent in self.sent.iter().filter(|sent| sent.next > start) {
            let base = sent.base;
            if let Some(first) = rest.next_if(|first| sent.is(first, self.is_rewritten())) {
                assert!(!sent.refused || base >= self.kept, "{base} was refused");
                let mut lacking = sent.keys().filter(|(at, _)| !first.holds(*at));
                assert!(
                    lacking.all(&is_removable),
                    "{first:?} is not all of {sent:?}"
                );
                survivors.push(*sent);
            } else if !sent.refused && sent.keys().all(&is_removable) {
                survivors.push(*sent);
            } else if let Some(first) = rest.peek() {
                let is_hole = self.may_be_a_hole(sent);
                has_holes |= is_hole && !sent.refused;
                assert!(
                    sent.refused || is_hole,
                    "batch at {base} is missing before {}",
                    first.header.base_offset
                );
            } else {
                // Nothing behind it either, unless it was refused.
                assert!(
                    sent.refused || sent.next > self.kept,
                    "batch at {base} is missing, {} was promised",
                    self.kept
                );
            }
        }
        let unknown: Vec<_> = rest.collect();
        assert!(unknown.is_empty(), "unknown batches: {unknown:?}");
        self.has_holes = has_holes;
        survivors
    }

    /// Tells of an offset and its key whether the record may be missing in a log that begins at `start` and holds what
    /// was found: compaction leaves the last record of each key, which may have died since, nothing of what was aborted,
    /// and no marker for ever.
    fn removable(&self, start: i64, found: &[Found]) -> impl Fn((i64, u8)) -> bool + use<> {
        let ends = Ends::of(&self.sent);
        let fates = self.sent.iter().map(|sent| (sent.base, ends.fate(sent)));
        let fates: HashMap<i64, Option<Outcome>> = fates.collect();
        let counts =
            |batch: &&Found| fates.get(&batch.header.base_offset) == Some(&Some(Outcome::Commit));
        let aborted = self
            .sent
            .iter()
            .filter(|sent| ends.fate(sent) == Some(Outcome::Abort));
        let aborted: Vec<_> = aborted.map(|sent| sent.base..sent.next).collect();
        let end = found.last().map_or(0, |last| last.header.next_offset());
        let records = found.iter().filter(counts).flat_map(|batch| &batch.records);
        let held = records.map(|(offset, key, _)| (*offset, *key));
        let dead = self.dead.clone();
        let is_dead = move |offset| dead.iter().any(|range| range.contains(&offset));
        let died = self.sent.iter().flat_map(Sent::keys);
        let mut last: HashMap<u8, i64> = HashMap::new();
        for (offset, key) in held.chain(died.filter(|(offset, _)| is_dead(*offset))) {
            last.entry(key)
                .and_modify(|last| *last = offset.max(*last))
                .or_insert(offset);
        }
        let is_compacted = self.is_compacted;
        move |(offset, key)| {
            let has_successor = last.get(&key).is_some_and(|last| *last > offset);
            let is_aborted = aborted.iter().any(|range| range.contains(&offset));
            let may_go = has_successor || offset < end && (is_aborted || key == MARKER);
            offset < start || is_dead(offset) || is_compacted && may_go
        }
    }
}

/// The records of each producer that may send again are there once and without a gap.
fn check_sequences(found: &[Found]) {
    let mut ends = HashMap::new();
    let headers = found.iter().map(|batch| &batch.header);
    let is_repeatable = |header: &&Header| header.has_producer() && !header.is_transactional();
    for header in headers.filter(is_repeatable) {
        let first = ends.insert(header.producer_id, header.last_sequence() + 1);
        assert!(
            first.is_none_or(|expected| expected == header.base_sequence),
            "producer {} sequence {} where {first:?} must come",
            header.producer_id,
            header.base_sequence
        );
    }
}
