//! Opening a partition: from the files of a directory to what was in memory.
//!
//! After a clean shutdown the files are taken at their word. Otherwise everything above the newest
//! recovery point is read, and the log is cut where the first byte is wrong: by length, by magic, by
//! checksum, or by an offset that goes back. What is wrong below the recovery point is damage, and nothing
//! is cut or written over it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use millstream_batch::Header;

use crate::aborted::Entry;
use crate::checkpoint::Checkpoint;
use crate::compaction::{self, CompactionFile};
use crate::damaged;
use crate::disk;
use crate::error::{Error, IoContext, Result};
use crate::producer_state::Producers;
use crate::segment::{self, Rebuild, Segment, SegmentName, Volume};
use crate::snapshot;
use crate::walk::{Broken, Walk};

/// A partition as found on disk.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Log start and leader epochs; a new epoch has begun if the shutdown was not clean.
    pub(crate) checkpoint: Checkpoint,
    /// Segments, ascending.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Offset of the next record.
    pub(crate) log_end: i64,
    /// Producer states at `log_end`.
    pub(crate) producers: Producers,
    /// Offset of the newest recovery point.
    pub(crate) recovery_point: i64,
    /// Whether the files say all this already, so that nothing has to be written before appends.
    pub(crate) is_saved: bool,
    /// How far it is compacted.
    pub(crate) compaction: CompactionFile,
    /// What is wrong with it that must not be cut off: it is there to be read only.
    pub(crate) damage: Option<Error>,
}

/// Reads the directory of a partition, repairing it if the last shutdown was not clean.
pub(crate) fn open(volume: &Volume, dir: &Path, clean: bool, now_ms: i64) -> Result<Recovered> {
    let files = volume.disk.list(dir).on("list", dir)?;
    remove_leftovers(volume, dir, &files)?;
    let (compaction, names) = compaction::settle(volume, dir, &files)?;
    let listed = with_file(volume, dir, (&files, segment::ABORTED), &names)?;
    with_file(volume, dir, (&files, segment::INDEX), &names)?;
    let mut checkpoint = Checkpoint::load(&*volume.disk, dir, volume.cluster_id)?;
    let point = snapshot::load_newest(volume, dir)?;
    let recovery_point = point.offset;
    let floor = checkpoint.log_start.max(point.synced_to);
    let is_newest = recovery_point == point.synced_to;
    let is_saved = clean && (is_newest || names.is_empty());
    let mut scan = Scan {
        volume,
        dir,
        listed: &listed,
        now_ms,
        point: recovery_point,
        synced_to: point.synced_to,
        log_start: checkpoint.log_start,
        producers: point.producers,
        next_offset: recovery_point,
        damage: None,
    };
    let segments = match is_saved {
        true => open_as_is(volume, dir, &names, &listed, recovery_point)?,
        false => scan.segments(&names)?,
    };
    let log_end = segments
        .last()
        .map_or(floor, |last| last.next_offset().max(floor));
    let first = segments
        .first()
        .map_or(log_end, |first| first.base_offset());
    checkpoint.log_start = checkpoint.log_start.max(first);
    if !clean || checkpoint.epochs.latest() < 0 {
        checkpoint
            .epochs
            .begin(checkpoint.epochs.latest() + 1, log_end);
    }
    Ok(Recovered {
        checkpoint,
        segments,
        log_end,
        producers: scan.producers,
        recovery_point,
        is_saved,
        compaction,
        damage: scan.damage,
    })
}

/// Segments of which every byte is known to be good.
fn open_as_is(
    volume: &Volume,
    dir: &Path,
    names: &[SegmentName],
    listed: &BTreeSet<SegmentName>,
    end: i64,
) -> Result<Vec<Arc<Segment>>> {
    let bases = names.iter().map(|name| name.base_offset);
    // One that is empty may begin behind offsets that were given out and lost for want of room.
    let ends = bases.skip(1).map(|next| next.min(end)).chain([end]);
    let mut segments = Vec::with_capacity(names.len());
    for (&name, next) in names.iter().zip(ends) {
        let segment = Segment::open(volume, dir, name, next)?;
        match segment.size() {
            // Made for an append that then found no room.
            0 => segment.remove()?,
            _ => segments.push(Arc::new(segment)),
        }
    }
    if segments.len() < names.len() {
        // The one before it is appended to again. If it came back, that would be taken to end where it begins.
        volume.disk.sync_dir(dir).on("sync", dir)?;
    }
    expect_lists(&segments, listed);
    Ok(segments)
}

/// Has segments look into the files that list their aborted transactions, where there are any.
fn expect_lists(segments: &[Arc<Segment>], listed: &BTreeSet<SegmentName>) {
    let has_list = |segment: &&Arc<Segment>| listed.contains(&segment.name());
    let with_list = segments.iter().filter(has_list);
    with_list.for_each(|segment| segment.expect_aborted());
}

/// A scan of everything above the recovery point.
struct Scan<'a> {
    volume: &'a Volume,
    dir: &'a Path,
    /// Segments with a list of aborted transactions.
    listed: &'a BTreeSet<SegmentName>,
    now_ms: i64,
    /// From here on producers have to be told what stands in the log.
    point: i64,
    /// Below this everything was synced.
    synced_to: i64,
    log_start: i64,
    producers: Producers,
    /// Offset after the last good batch.
    next_offset: i64,
    /// What was found below the recovery point.
    damage: Option<Error>,
}

impl Scan<'_> {
    /// Opens all segments, scanning those above the recovery point. After a cut the rest goes.
    fn segments(&mut self, names: &[SegmentName]) -> Result<Vec<Arc<Segment>>> {
        let known = names
            .partition_point(|name| name.base_offset <= self.point)
            .saturating_sub(1);
        let mut segments = Vec::with_capacity(names.len());
        for (i, &name) in names.iter().enumerate() {
            let base = name.base_offset;
            let next = names.get(i + 1).map_or(base, |next| next.base_offset);
            let segment = Segment::open(self.volume, self.dir, name, next)?;
            if self.listed.contains(&name) {
                segment.expect_aborted();
            }
            if i < known {
                segments.push(Arc::new(segment));
                continue;
            }
            if base < self.next_offset_before(i == known) {
                self.remove(&names[i..])?;
                break;
            }
            // Whatever is synced and does not lie in a later one must be in this one.
            let is_last_synced = next <= base || next > self.synced_to;
            let end = match self.scan(&segment, is_last_synced) {
                Err(damage @ Error::Corrupt { .. }) => {
                    self.damage = Some(damage);
                    let rest = damaged::show(self.volume, self.dir, &names[i..], self.synced_to)?;
                    expect_lists(&rest, self.listed);
                    segments.extend(rest);
                    break;
                }
                end => end?,
            };
            let (is_cut, is_empty) = (end.reason.is_some(), end.position == 0);
            if is_cut {
                // Before the cut, for a crash in between must find the damage again, and not a log
                // that goes on behind a gap.
                self.remove(&names[i + 1..])?;
            }
            end.cut()?;
            if is_empty {
                segment.remove()?;
            } else {
                // What was found out now need not be looked for again; if it cannot be kept, it is.
                let _ = segment.save_index();
                // Thousands of partitions must not need as many descriptors to open.
                segment.close();
                segments.push(Arc::new(segment));
            }
            if is_cut {
                break;
            }
        }
        self.volume.disk.sync_dir(self.dir).on("sync", self.dir)?;
        Ok(segments)
    }

    /// Removes segments behind a cut, the last first, durably.
    fn remove(&self, names: &[SegmentName]) -> Result<()> {
        for &name in names.iter().rev() {
            let segment = Segment::open(self.volume, self.dir, name, name.base_offset)?;
            tell_of_removal(&segment);
            segment.remove()?;
        }
        if names.is_empty() {
            return Ok(());
        }
        self.volume.disk.sync_dir(self.dir).on("sync", self.dir)
    }

    /// Where the next segment may begin at the earliest; the first one holds the recovery point.
    fn next_offset_before(&self, first: bool) -> i64 {
        if first { 0 } else { self.next_offset }
    }

    /// Scans one segment; where its sound batches end. It is damaged if that is too early for what was synced.
    fn scan<'s>(&mut self, segment: &'s Segment, is_last_synced: bool) -> Result<End<'s>> {
        let base = segment.base_offset();
        let (mut rebuild, entry) = Rebuild::begin(segment, self.point)?;
        let file = segment.file()?;
        // After a failed sync the kernel may show bytes that the device does not have, and that no
        // later sync will give it.
        file.forget(segment.size());
        let mut walk = Walk::new(file, entry.position.into(), segment.size());
        let mut next = base + i64::from(entry.relative_offset);
        let mut aborted = Vec::new();
        let (position, reason) = loop {
            let position = walk.position();
            match walk.next() {
                Ok(None) => break (position, None),
                Ok(Some(batch)) => {
                    let header = batch.header;
                    if let Err(reason) = check(&header, batch.bytes, next) {
                        break (position, Some(reason));
                    }
                    next = header.next_offset();
                    rebuild.note(&header);
                    if header.base_offset >= self.point {
                        aborted.extend(self.producers.replay(batch, self.now_ms));
                    }
                }
                Err(Broken::Batch(error)) => break (position, Some(error.to_string())),
                Err(broken @ Broken::Io(_)) => return Err(segment.broken(broken, position)),
            }
        };
        let may_end = reason.is_none() && !is_last_synced;
        if !may_end && next.max(self.log_start) < self.synced_to {
            // A recovery point promises that this was synced: it is no torn tail.
            return Err(Error::Corrupt {
                file: segment.log_path().to_owned(),
                position,
                reason: reason.unwrap_or_else(|| "the file has lost its end".into()),
            });
        }
        self.next_offset = self.next_offset.max(next);
        self.relist(segment, &aborted)?;
        Ok(End {
            segment,
            position,
            next,
            rebuild,
            reason,
        })
    }

    /// Puts the aborted transactions found above the recovery point in the place of those that the list of a segment has
    /// from there on.
    fn relist(&self, segment: &Segment, found: &[Entry]) -> Result<()> {
        let known = match segment.aborted() {
            // What the list was is found by who looks for it.
            Err(Error::Corrupt { .. }) => return Ok(()),
            known => known?,
        };
        let below = known.partition_point(|entry| entry.aborted.last_offset < self.point);
        let list = [&known[..below], found].concat();
        if list == known {
            return Ok(());
        }
        let is_longer = list.starts_with(&known);
        segment.set_aborted(list);
        match is_longer {
            true => Ok(()),
            // A cut took what it speaks of. What comes in its place must not be taken for that.
            false => segment.save_aborted(self.point),
        }
    }
}

/// Where the sound batches of a segment end.
struct End<'a> {
    segment: &'a Segment,
    position: u64,
    /// Offset after the last of them.
    next: i64,
    rebuild: Rebuild<'a>,
    /// What is wrong with what follows, if anything follows.
    reason: Option<String>,
}

impl End<'_> {
    /// Cuts the segment there, durably.
    fn cut(self) -> Result<()> {
        let (segment, position) = (self.segment, self.position);
        if let Some(reason) = self.reason {
            let (file, bytes) = (segment.log_path().display(), segment.size() - position);
            tracing::warn!(%file, position, bytes, reason, "torn tail cut off");
        }
        segment.cut(position, self.next, self.rebuild.finish())
    }
}

/// Says what is lost with a segment that lies behind a cut. It may be the rest of a group that no sync
/// had covered, or what a failing disk has cut off from the log: nothing here can tell, so people must.
fn tell_of_removal(segment: &Segment) {
    let (file, bytes) = (segment.log_path().display(), segment.size());
    let offsets = segment.base_offset()..whole_until(segment);
    if offsets.is_empty() {
        tracing::warn!(%file, bytes, "segment behind the cut removed");
    } else {
        tracing::error!(%file, bytes, ?offsets, "segment of whole batches behind the cut removed");
    }
}

/// The offset after the last of the whole batches that a segment begins with.
fn whole_until(segment: &Segment) -> i64 {
    let mut next = segment.base_offset();
    let Ok(file) = segment.file() else {
        return next;
    };
    let mut walk = Walk::new(file, 0, segment.size());
    while let Ok(Some(batch)) = walk.next()
        && check(&batch.header, batch.bytes, next).is_ok()
    {
        next = batch.header.next_offset();
    }
    next
}

/// What is wrong with a batch that should come at or after `next_offset`, if anything.
fn check(header: &Header, bytes: &[u8], next_offset: i64) -> Result<(), String> {
    header.check_crc(bytes).map_err(|error| error.to_string())?;
    check_offsets(header, next_offset)
}

/// The same for a batch whose checksum is right.
pub(crate) fn check_offsets(header: &Header, next_offset: i64) -> Result<(), String> {
    let base = header.base_offset;
    if base < next_offset {
        return Err(format!(
            "offset {base} comes where {next_offset} is the least possible"
        ));
    }
    if header.last_offset_delta < 0 || header.next_offset() <= base {
        return Err(format!(
            "last offset delta {} is impossible",
            header.last_offset_delta
        ));
    }
    Ok(())
}

/// The segments that have a file with this extension. That of a segment that was removed goes, so that it will not be taken
/// for that of a later one.
fn with_file(
    volume: &Volume,
    dir: &Path,
    (files, extension): (&[String], &str),
    names: &[SegmentName],
) -> Result<BTreeSet<SegmentName>> {
    let found = files.iter();
    let found = found.filter_map(|file| SegmentName::parse(file, extension));
    let (own, left): (BTreeSet<_>, BTreeSet<_>) =
        found.partition(|name| names.binary_search(name).is_ok());
    for name in left {
        let path = name.path(dir, extension);
        disk::remove_if_there(&*volume.disk, &path).on("remove", &path)?;
    }
    Ok(own)
}

/// What may be left of work that a crash interrupted: files that were never renamed into place.
fn remove_leftovers(volume: &Volume, dir: &Path, files: &[String]) -> Result<()> {
    for name in files {
        if name.ends_with(".new") {
            let path = dir.join(name);
            volume.disk.remove_file(&path).on("remove", &path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use millstream_batch::Builder;
    use uuid::Uuid;

    use super::*;
    use crate::disk::faulty::FaultyDisk;

    #[test]
    fn what_is_lost_behind_a_cut_is_counted_to_the_last_whole_batch() {
        let disk = Arc::new(FaultyDisk::default());
        let cluster_id = Uuid::nil();
        let volume = Volume { disk, cluster_id };
        let dir = Path::new("/data");
        let mut bytes = Vec::new();
        for base in [100, 102] {
            let mut builder = Builder::new();
            builder.push(0, None, Some(b"x"), &[]);
            builder.push(0, None, Some(b"y"), &[]);
            bytes.extend_from_slice(&builder.build().unwrap().stamp(base, 0));
        }
        let check = |len: usize, expected| {
            let file = Segment::create(&volume, dir, 100).unwrap().file().unwrap();
            file.write_at(&mut [IoSlice::new(&bytes[..len])], 0)
                .unwrap();
            let segment = Segment::open(&volume, dir, SegmentName::appended(100), 100).unwrap();
            assert_eq!(whole_until(&segment), expected, "{len} bytes");
        };
        check(0, 100);
        check(bytes.len() / 2 - 1, 100);
        check(bytes.len() / 2, 102);
        check(bytes.len() - 1, 102);
        check(bytes.len(), 104);
    }
}
