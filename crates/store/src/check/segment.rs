//! The segments of one partition, batch by batch, as recovery would judge them.

use std::ops::Range;
use std::path::Path;

use millstream_batch::BatchRef;

use super::Scope;
use super::entries::Entries;
use super::lists::Lists;
use super::report::Report;
use crate::epochs::Epochs;
use crate::error::{IoContext, Result};
use crate::recovery::check_offsets;
use crate::scan::{Damage, Piece, Scan};
use crate::segment::{self, SegmentName};
use crate::timestamps::DECOMPRESSED_LIMIT;

/// A walk through the segments of a partition.
pub(super) struct Segments<'a> {
    pub(super) scope: &'a Scope,
    pub(super) dir: &'a Path,
    /// Whether the directory was closed cleanly, so that there is no tail to cut.
    pub(super) clean: bool,
    /// Offset below which everything was synced.
    pub(super) point: i64,
    /// Leader epochs, if it is known which there were.
    pub(super) epochs: Option<Epochs>,
    /// Offset after the last whole batch; `None` before the first segment.
    pub(super) next: Option<i64>,
    /// Whether the log was found to end before this segment.
    pub(super) cut: bool,
    /// The transactions so far.
    pub(super) lists: Lists,
}

impl Segments<'_> {
    /// Checks the next segment.
    pub(super) fn check(&mut self, name: SegmentName, report: &mut Report<'_>) -> Result<()> {
        let (path, base) = (name.path(self.dir, "log"), name.base_offset);
        report.summary.segments += 1;
        let Scope { volume, refill, .. } = self.scope;
        let opened = volume
            .disk
            .open_to_read(&path)
            .and_then(|file| refill.apply(&path, file))
            .and_then(|file| Scan::new(file, base));
        let Some(scan) = report.sound(opened.on("open", &path))? else {
            return Ok(());
        };
        report.summary.bytes += scan.size();
        self.follow(&path, base, report);
        let walked = if self.cut {
            behind_cut(&path, scan, base, report)
        } else {
            let index = path.with_extension("index");
            let entries = Entries::load(volume, index, base, scan.size(), report)?;
            let walked = self.batches(&path, scan, entries, base, report);
            let list = path.with_extension(segment::ABORTED);
            walked.and_then(|()| self.lists.compare(volume, &list, self.point, report))
        };
        report.sound(walked).map(drop)
    }

    /// Judges where a segment begins by where the one before it ends.
    fn follow(&mut self, path: &Path, base: i64, report: &mut Report<'_>) {
        match self.next.filter(|_| !self.cut) {
            Some(next) if base > next => {
                let what = format!(
                    "offsets {next} to {} are in no segment: a full disk leaves such a gap, \
                     and so does a segment that was lost",
                    base - 1
                );
                report.note(path, what);
            }
            Some(next) if base < next && self.is_tail(next) => self.cut = true,
            Some(next) if base < next => {
                let what = format!("it begins below offset {next}, where the last one ends");
                report.damage(path, 0, what);
            }
            _ => {}
        }
    }

    fn batches(
        &mut self,
        path: &Path,
        mut scan: Scan,
        mut entries: Entries,
        base: i64,
        report: &mut Report<'_>,
    ) -> Result<()> {
        let (len, mut next) = (scan.size(), base);
        while let Some(piece) = scan.next_piece().on("read", path)? {
            match piece {
                Piece::Batch { position, batch } => {
                    let order = check_offsets(&batch.header, next);
                    if let Err(reason) = &order
                        && self.is_tail(next)
                    {
                        self.tail(path, position..len, reason, report);
                        break;
                    }
                    if let Err(reason) = order {
                        report.damage(path, position, reason);
                    }
                    entries.reach(position, next, Some(&batch.header), report);
                    self.batch(path, position, &batch, report);
                    next = next.max(batch.header.next_offset());
                }
                Piece::Damage(damage) if self.is_tail(next) => {
                    let reason = match damage.next_offset {
                        Some(whole) => format!("{}; offset {whole} is whole", damage.reason),
                        None => damage.reason.to_string(),
                    };
                    self.tail(path, damage.bytes.start..len, &reason, report);
                    break;
                }
                Piece::Damage(damage) => {
                    self.lists.miss();
                    entries.skip(damage.bytes.end);
                    lost(path, &damage, next, report);
                    next = damage.next_offset.unwrap_or(next);
                }
            }
        }
        self.next = Some(next.max(self.next.unwrap_or(next)));
        if !self.cut {
            entries.reach(len, next, None, report);
        }
        Ok(())
    }

    /// Whether what comes at `next` lies above everything that is known to have been synced.
    fn is_tail(&self, next: i64) -> bool {
        !self.clean && next >= self.point
    }

    fn batch(&mut self, path: &Path, position: u64, batch: &BatchRef<'_>, report: &mut Report<'_>) {
        let header = &batch.header;
        report.count(header);
        self.lists.note(*batch);
        let epoch = self
            .epochs
            .as_ref()
            .map(|epochs| epochs.at(header.base_offset));
        if let Some(epoch) = epoch.filter(|&epoch| epoch != header.leader_epoch) {
            let found = header.leader_epoch;
            let what = format!("leader epoch {found} where the checkpoint has {epoch}");
            report.damage(path, position, what);
        }
        if self.scope.depth.records
            && let Err(reason) = check_records(batch)
        {
            let what = format!("{reason}, although the checksum is right: it was sent like that");
            report.damage(path, position, what);
        }
    }

    /// Tells of bytes that the next opening cuts off.
    fn tail(&mut self, path: &Path, bytes: Range<u64>, reason: &str, report: &mut Report<'_>) {
        self.cut = true;
        let len = bytes.end - bytes.start;
        let what = format!("torn tail: the next start cuts off {len} bytes ({reason})");
        report.crash(path, bytes.start, what);
    }
}

/// Tells of a segment that the next opening removes, since the log ends before it.
fn behind_cut(path: &Path, mut scan: Scan, base: i64, report: &mut Report<'_>) -> Result<()> {
    let mut next = base;
    while let Some(Piece::Batch { batch, .. }) = scan.next_piece().on("read", path)? {
        if check_offsets(&batch.header, next).is_err() {
            break;
        }
        next = batch.header.next_offset();
    }
    let (bytes, whole) = (scan.size(), next - base);
    let what = format!(
        "behind the torn tail: the next start removes {bytes} bytes, \
         in which {whole} offsets from {base} on are whole"
    );
    report.crash(path, 0, what);
    Ok(())
}

/// Tells of records that nobody can read any more; `from` is the offset after the last before them.
fn lost(path: &Path, damage: &Damage, from: i64, report: &mut Report<'_>) {
    let (reason, bytes) = (&damage.reason, &damage.bytes);
    let what = match damage.next_offset {
        Some(next) if next > from => format!(
            "{reason}; offsets {from} to {} are lost, the log goes on at byte {}",
            next - 1,
            bytes.end
        ),
        Some(_) => format!("{reason}; the log goes on at byte {}", bytes.end),
        None => format!("{reason}; what was from offset {from} on is lost in this segment"),
    };
    report.damage(path, bytes.start, what);
}

/// Whether a batch can be read to its last record, and counts them as its header does.
fn check_records(batch: &BatchRef<'_>) -> Result<(), String> {
    let records = batch
        .records(DECOMPRESSED_LIMIT)
        .map_err(|error| error.to_string())?;
    let mut least = batch.header.base_offset;
    for record in &records {
        let record = record.map_err(|error| error.to_string())?;
        if !(least..=batch.header.last_offset()).contains(&record.offset) {
            return Err(format!("a record has offset {}", record.offset));
        }
        least = record.offset + 1;
    }
    Ok(())
}
