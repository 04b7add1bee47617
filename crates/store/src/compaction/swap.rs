//! Putting what compaction wrote in the place of what it was made of, whatever comes in between.
//!
//! 1. The new segment is whole and synced under a name of its own.
//! 2. The `compaction` file says durably that its generation stands and which segments it replaces.
//! 3. Readers are shown the new segment; who holds an old one has its files open.
//! 4. The old files are removed.
//! 5. The `compaction` file forgets them.
//!
//! Before the second step a crash leaves files of a generation that does not stand; after it, files that are listed as
//! replaced. Opening removes both, and doing so twice changes nothing.

use std::path::Path;
use std::sync::Arc;

use super::State;
use super::file::{self, CompactionFile};
use crate::disk;
use crate::error::{IoContext, Result};
use crate::partition::Partition;
use crate::progress::Stop;
use crate::segment::{self, Segment, SegmentName, Volume};

/// The segments in a partition's directory.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// How far the log is compacted.
    pub(crate) file: CompactionFile,
    /// Those that are the log, ascending.
    pub(crate) standing: Vec<SegmentName>,
    /// What a crash left of a compaction that was under way.
    pub(crate) leftovers: Vec<SegmentName>,
}

/// Tells the segments that stand from those that do not; `files` are the names in the partition's directory.
pub(crate) fn segments(volume: &Volume, dir: &Path, files: &[String]) -> Result<Segments> {
    let mut file = CompactionFile::default();
    if files.iter().any(|name| name == file::NAME) {
        file = CompactionFile::load(volume, dir)?;
    }
    let mut standing: Vec<SegmentName> = files
        .iter()
        .filter_map(|file| SegmentName::parse(file, "log"))
        .collect();
    standing.sort_unstable();
    let is_left =
        |name: &mut SegmentName| name.generation > file.generation || file.replaced.contains(name);
    let leftovers = standing.extract_if(.., is_left).collect();
    Ok(Segments {
        file,
        standing,
        leftovers,
    })
}

/// Finishes what a crash interrupted; returns how far the partition is compacted and the segments that stand.
pub(crate) fn settle(
    volume: &Volume,
    dir: &Path,
    files: &[String],
) -> Result<(CompactionFile, Vec<SegmentName>)> {
    let mut found = segments(volume, dir, files)?;
    remove(volume, dir, &found.leftovers)?;
    forget_replaced(volume, dir, &mut found.file)?;
    Ok((found.file, found.standing))
}

/// Removes the files of segments, as far as they are there.
fn remove(volume: &Volume, dir: &Path, names: &[SegmentName]) -> Result<()> {
    for name in names {
        for extension in [segment::INDEX, "log", segment::ABORTED] {
            let path = name.path(dir, extension);
            disk::remove_if_there(&*volume.disk, &path).on("remove", &path)?;
        }
    }
    Ok(())
}

/// Makes the removal of the replaced segments durable and strikes them off the list.
fn forget_replaced(volume: &Volume, dir: &Path, file: &mut CompactionFile) -> Result<()> {
    if file.replaced.is_empty() {
        return Ok(());
    }
    volume.disk.sync_dir(dir).on("sync", dir)?;
    let settled = CompactionFile {
        replaced: Vec::new(),
        ..*file
    };
    settled.save(volume, dir)?;
    *file = settled;
    Ok(())
}

impl Partition {
    /// Swaps `sources` for what was made of them, which is synced. It does not take place if retention or a request has
    /// removed one of them meanwhile, or the partition is gone.
    pub(super) fn swap(
        &self,
        state: &mut State,
        sources: &[Arc<Segment>],
        output: Arc<Segment>,
    ) -> Result<()> {
        let _upkeep = self.upkeep.lock();
        let is_wanted = self.progress.stopped() != Some(Stop::Deleted) && self.log.holds(sources);
        let wanted = CompactionFile {
            clean_to: state.file.clean_to,
            generation: output.name().generation,
            replaced: sources.iter().map(|source| source.name()).collect(),
        };
        // An output that stays would be taken for part of the log once a later one stands.
        if !is_wanted {
            return output.remove().inspect_err(|_| state.is_halted = true);
        }
        if let Err(error) = self.prepare(sources, &wanted) {
            state.is_halted = output.remove().is_err();
            return Err(error);
        }
        // Until the next open either of the two may stand, so both have to stay.
        CompactionFile::install(&self.shared.volume, &self.dir)
            .inspect_err(|_| state.is_halted = true)?;
        state.file = wanted;
        let end = output.next_offset();
        self.log.replace(sources, output);
        // Or those who read from memory would go on finding what is no longer in the log.
        self.tail.evict_below(end);
        self.finish_swap(state)?;
        // Whoever still knows them, as the journal does, must not keep their bytes on the disk.
        sources.iter().for_each(|source| source.close());
        Ok(())
    }

    /// What may fail without anything having changed.
    fn prepare(&self, sources: &[Arc<Segment>], wanted: &CompactionFile) -> Result<()> {
        let (volume, dir) = (&self.shared.volume, &self.dir);
        sources.iter().try_for_each(|source| source.pin())?;
        volume.disk.sync_dir(dir).on("sync", dir)?;
        wanted.stage(volume, dir)
    }

    /// Removes what the last swap replaced, if that is not done yet.
    pub(super) fn finish_swap(&self, state: &mut State) -> Result<()> {
        let volume = &self.shared.volume;
        remove(volume, &self.dir, &state.file.replaced)?;
        forget_replaced(volume, &self.dir, &mut state.file)
    }

    /// Remembers durably that everything below an offset is clean.
    pub(super) fn set_clean_to(&self, state: &mut State, clean_to: i64) -> Result<()> {
        let _upkeep = self.upkeep.lock();
        if self.progress.stopped() == Some(Stop::Deleted) {
            return Ok(());
        }
        let moved = CompactionFile {
            clean_to,
            ..state.file.clone()
        };
        moved.save(&self.shared.volume, &self.dir)?;
        state.file = moved;
        Ok(())
    }
}
