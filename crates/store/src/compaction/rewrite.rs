//! Writing what is left of some neighbouring segments into a new one.
//!
//! The new segment begins where the first of them begins and ends where the last one ends, so that nobody's position
//! falls out of the log. It is written in steps that each reach the disk before the next begins: one large sync at the
//! end would hold up those of the producers.

use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use millstream_batch::{BatchRef, Header};

use super::is_closing;
use super::transactions::{Outcomes, Traces};
use super::verdict::{Role, Rules, Verdict};
use crate::disk::File;
use crate::error::{IoContext, Result};
use crate::partition::Partition;
use crate::segment::{Segment, SegmentName, Volume};
use crate::timestamps::DECOMPRESSED_LIMIT;
use crate::walk::{Broken, Walk};

/// Bytes gathered for one write.
const WRITE_LEN: usize = 1 << 20;

/// Bytes written between two syncs, after which the page cache may let go of them.
const SYNC_STEP: u64 = 8 << 20;

/// One pass over a partition's segments.
pub(super) struct Rewriter<'a> {
    pub(super) partition: &'a Partition,
    pub(super) rules: Rules<'a>,
    pub(super) outcomes: &'a Outcomes,
    pub(super) traces: Traces,
    /// Whether a file was begun that could not be removed, and must not be taken for part of the log.
    pub(super) left_behind: bool,
}

impl Rewriter<'_> {
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
        match written.and_then(|()| output.finish()) {
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
            let mut walk = Walk::new(source.file()?, 0, size);
            loop {
                is_closing(self.partition)?;
                let position = walk.position();
                let Some(batch) = next(source, &mut walk)? else {
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
        let role = self.role(header);
        if let Some(verdict) = self.rules.unopened(header, role, is_last) {
            return verdict;
        }
        let opened = batch
            .records(DECOMPRESSED_LIMIT)
            .and_then(|records| self.rules.opened(header, records.iter(), is_last));
        // What cannot be read is nobody's to throw away.
        opened.unwrap_or(Verdict::Keep)
    }

    fn role(&mut self, header: &Header) -> Role {
        match (header.is_control(), header.is_transactional()) {
            (true, _) => Role::Marker {
                is_last_trace: self.traces.marker(header),
            },
            (false, false) => Role::Data,
            (false, true) => {
                self.traces.data(header);
                match self.outcomes.is_aborted(header) {
                    true => Role::Aborted,
                    false => Role::Data,
                }
            }
        }
    }
}

/// The next batch of a segment, whose checksum is right: what is damaged must not get a new one.
pub(super) fn next<'a>(source: &Segment, walk: &'a mut Walk) -> Result<Option<BatchRef<'a>>> {
    let position = walk.position();
    let broken = |broken| source.broken(broken, position);
    let Some(batch) = walk.next().map_err(broken)? else {
        return Ok(None);
    };
    let sound = batch.header.check_crc(batch.bytes);
    sound.map_err(|error| broken(Broken::Batch(error)))?;
    Ok(Some(batch))
}

/// The segment that is being written, once anything in it differs from its source.
struct Output<'a> {
    volume: &'a Volume,
    dir: &'a Path,
    name: SegmentName,
    interval: u32,
    begun: Option<Begun>,
}

struct Begun {
    segment: Segment,
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    headers: Vec<Header>,
}

impl<'a> Output<'a> {
    fn new(partition: &'a Partition, first: &Segment, generation: u32) -> Self {
        Output {
            volume: &partition.shared.volume,
            dir: &partition.dir,
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
        let segment = Segment::create_unsynced(self.volume, self.dir, self.name)?;
        self.begun = Some(Begun {
            file: segment.file()?,
            segment,
            buffer: Vec::new(),
            headers: Vec::new(),
        });
        let Some((source, position)) = after else {
            return Ok(());
        };
        let mut walk = Walk::new(source.file()?, 0, position);
        while let Some(batch) = next(source, &mut walk)? {
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
        match begun.buffer.len() < WRITE_LEN {
            true => Ok(()),
            false => begun.flush(self.interval),
        }
    }

    /// Makes the segment durable, but for its name.
    fn finish(&mut self) -> Result<Option<Segment>> {
        let Some(begun) = &mut self.begun else {
            return Ok(None);
        };
        begun.flush(self.interval)?;
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
