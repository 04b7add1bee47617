//! Writing what is left of some neighbouring segments into a new one.
//!
//! The new segment begins where the first of them begins and ends where the last one ends, so that nobody's position
//! falls out of the log. It is written in steps that each reach the disk before the next begins: one large sync at the
//! end would hold up those of the producers.

use std::collections::HashMap;
use std::io::IoSlice;
use std::sync::Arc;

use millstream_batch::{BatchRef, Header};

use super::is_closing;
use super::verdict::{Judge, Verdict};
use crate::aborted::Entry;
use crate::disk::File;
use crate::error::{IoContext, Result};
use crate::partition::Partition;
use crate::segment::{Segment, SegmentName};
use crate::sound::Sound;
use crate::timestamps::DECOMPRESSED_LIMIT;
use crate::walk::Walk;

/// Bytes gathered for one write.
const WRITE_LEN: usize = 1 << 20;

/// Bytes written between two syncs, after which the page cache may let go of them.
const SYNC_STEP: u64 = 8 << 20;

/// One pass over a partition's segments.
pub(super) struct Rewriter<'a, J> {
    partition: &'a Partition,
    judge: J,
    /// The last offset of each idempotent producer that is remembered.
    producers: HashMap<i64, i64>,
    /// Whether a file was begun that could not be removed, and must not be taken for part of the log.
    pub(super) left_behind: bool,
}

impl<'a, J: Judge> Rewriter<'a, J> {
    /// A pass in which `judge` says what stays.
    pub(super) fn new(partition: &'a Partition, judge: J) -> Self {
        Rewriter {
            partition,
            judge,
            producers: partition.intake.lock().producers.last_offsets().collect(),
            left_behind: false,
        }
    }

    /// Writes what is left of `sources` into a segment of this generation, which is synced then; `None` if it would be
    /// the same as the only source.
    pub(super) fn rewrite(
        &mut self,
        sources: &[Arc<Segment>],
        generation: u32,
    ) -> Result<Option<Segment>> {
        // One that was made for an append that then found no room holds nothing.
        let last = sources.iter().rfind(|source| source.size() > 0);
        let Some((first, last)) = sources.first().zip(last) else {
            return Ok(None);
        };
        let mut output = Output::new(self.partition, first, generation);
        let written = self.write(sources, last, &mut output);
        match written.and_then(|()| output.finish(sources)) {
            Ok(segment) => Ok(segment),
            Err(error) => {
                self.left_behind |= output.discard().is_err();
                Err(error)
            }
        }
    }

    fn write(
        &mut self,
        sources: &[Arc<Segment>],
        last: &Arc<Segment>,
        output: &mut Output<'_>,
    ) -> Result<()> {
        if sources.len() > 1 {
            output.begin(None)?;
        }
        for source in sources {
            let size = source.size();
            let mut batches = Source::up_to(self.partition, source, size)?;
            loop {
                is_closing(self.partition)?;
                let position = batches.walk.position();
                let Some(batch) = batches.next()? else {
                    break;
                };
                let is_end = position + batch.bytes.len() as u64 == size;
                let is_last = is_end && Arc::ptr_eq(source, last);
                match self.verdict(&batch, is_last) {
                    Verdict::Keep => output.append(batch.header, batch.bytes)?,
                    Verdict::Drop => output.begin(Some((source, position)))?,
                    Verdict::Rewrite { keep, horizon } => {
                        output.begin(Some((source, position)))?;
                        let rewritten = batch
                            .records(DECOMPRESSED_LIMIT)
                            .and_then(|records| records.rewrite(&keep, horizon))?;
                        output.append(Header::parse(&rewritten)?, &rewritten)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn verdict(&mut self, batch: &BatchRef<'_>, is_last: bool) -> Verdict {
        let header = &batch.header;
        let judged = self.judge.unopened(header).unwrap_or_else(|| {
            let opened = batch.records(DECOMPRESSED_LIMIT);
            let opened = opened.and_then(|records| self.judge.opened(header, records.iter()));
            // What cannot be read is nobody's to throw away.
            opened.unwrap_or(Verdict::Keep)
        });
        judged.leaving_traces(header, is_last, &self.producers)
    }
}

/// The batches of a segment, each proven to be sound: what is damaged must not get a new checksum, nor go for standing
/// at the offset of another.
pub(crate) struct Source<'a> {
    segment: &'a Segment,
    walk: Walk,
    sound: Sound<'a>,
}

impl<'a> Source<'a> {
    /// Those of a walk over some of the segment.
    pub(super) fn new(partition: &'a Partition, segment: &'a Segment, walk: Walk) -> Self {
        let offsets = segment.base_offset()..segment.next_offset();
        Source {
            segment,
            walk,
            sound: Sound::new(offsets, &partition.epochs),
        }
    }

    /// Those that end at or before a byte of the segment.
    pub(crate) fn up_to(partition: &'a Partition, segment: &'a Segment, end: u64) -> Result<Self> {
        let walk = Walk::new(segment.file()?, 0, end);
        Ok(Self::new(partition, segment, walk))
    }

    /// The next one; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<BatchRef<'_>>> {
        let position = self.walk.position();
        let broken = |broken| self.segment.broken(broken, position);
        let Some(batch) = self.walk.next().map_err(broken)? else {
            return Ok(None);
        };
        let sound = self.sound.check(&batch, None);
        sound.map_err(|reason| self.segment.corrupt(position, reason))?;
        Ok(Some(batch))
    }
}

/// The segment that is being written, once anything in it differs from its source.
struct Output<'a> {
    partition: &'a Partition,
    name: SegmentName,
    interval: u32,
    begun: Option<Begun>,
}

struct Begun {
    segment: Segment,
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    headers: Vec<Header>,
    /// Offsets of the markers that stay.
    markers: Vec<i64>,
}

impl<'a> Output<'a> {
    fn new(partition: &'a Partition, first: &Segment, generation: u32) -> Self {
        Output {
            partition,
            name: SegmentName {
                generation,
                ..first.name()
            },
            interval: partition.config.load().index_interval_bytes,
            begun: None,
        }
    }

    /// Begins to write, if that has not happened, with everything before a byte of a segment.
    fn begin(&mut self, after: Option<(&Segment, u64)>) -> Result<()> {
        if self.begun.is_some() {
            return Ok(());
        }
        let (volume, dir) = (&self.partition.shared.volume, &self.partition.dir);
        let segment = Segment::create_unsynced(volume, dir, self.name)?;
        self.begun = Some(Begun {
            file: segment.file()?,
            segment,
            buffer: Vec::new(),
            headers: Vec::new(),
            markers: Vec::new(),
        });
        let Some((source, position)) = after else {
            return Ok(());
        };
        let mut batches = Source::up_to(self.partition, source, position)?;
        while let Some(batch) = batches.next()? {
            self.append(batch.header, batch.bytes)?;
        }
        Ok(())
    }

    /// Adds a batch, which needs no writing as long as all are those of the source.
    fn append(&mut self, header: Header, bytes: &[u8]) -> Result<()> {
        let Some(begun) = &mut self.begun else {
            return Ok(());
        };
        begun.buffer.extend_from_slice(bytes);
        begun.headers.push(header);
        if header.is_control() && header.count > 0 {
            begun.markers.push(header.base_offset);
        }
        match begun.buffer.len() < WRITE_LEN {
            true => Ok(()),
            false => begun.flush(self.interval),
        }
    }

    /// Makes the segment durable, but for its name. Of the aborted transactions in its sources those stay listed whose
    /// markers stay: without its marker, one would take all that its producer sends later for aborted.
    fn finish(&mut self, sources: &[Arc<Segment>]) -> Result<Option<Segment>> {
        let Some(begun) = &mut self.begun else {
            return Ok(None);
        };
        begun.flush(self.interval)?;
        let mut aborted = Vec::new();
        for source in sources {
            self.partition.load_aborted(source)?;
            aborted.extend(source.aborted()?);
        }
        let stays = |entry: &Entry| {
            let marker = entry.aborted.last_offset;
            begun.markers.binary_search(&marker).is_ok()
        };
        aborted.retain(stays);
        if !aborted.is_empty() {
            begun.segment.set_aborted(aborted);
            begun.segment.save_aborted(i64::MAX)?;
        }
        begun.segment.take_unsaved();
        begun.segment.sync()?;
        begun.segment.save_index()?;
        Ok(self.begun.take().map(|begun| begun.segment))
    }

    /// Removes what was written.
    fn discard(self) -> Result<()> {
        self.begun.map_or(Ok(()), |begun| begun.segment.remove())
    }
}

impl Begun {
    fn flush(&mut self, interval: u32) -> Result<()> {
        let (from, path) = (self.segment.size(), self.segment.log_path());
        let mut parts = [IoSlice::new(&self.buffer)];
        self.file.write_at(&mut parts, from).on("write", path)?;
        self.segment.publish(self.headers.iter(), interval)?;
        self.buffer.clear();
        self.headers.clear();
        let end = self.segment.size();
        if from / SYNC_STEP < end / SYNC_STEP {
            self.file.sync().on("sync", path)?;
            self.file.forget(end - end % SYNC_STEP);
        }
        Ok(())
    }
}
