//! The journal: one file to sync for appends to many partitions.
//!
//! Segments are the truth. A group of appends that touched many of them costs a sync for each;
//! instead the writer puts the same bytes into the journal, as one entry, and syncs only that. The
//! segments reach the disk later, before the file of the journal is overwritten. After a crash
//! [`refill()`] puts back what they lack. Nobody ever reads records from here.
//!
//! ```text
//! <data>/journal/<number>.journal     header, then entries, then room or entries of an earlier round
//! ```
//!
//! An entry counts as a whole or not at all, which is also what makes appends to several partitions
//! [all or nothing](crate::Store::append_all).

mod entry;
mod file;
mod refill;
mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use entry::{Place, offsets};
pub(crate) use file::JournalFile;
pub(crate) use refill::{Entries, in_order, refill, segment_path};
pub(crate) use shelf::Shelf;

use entry::Entry;

use crate::appender::{Failure, Run};
use crate::error::{IoContext, Result};
use crate::partition::Partition;
use crate::segment::Volume;

/// Batches of a partition that are to be written to the journal.
pub(crate) struct Part<'a> {
    /// Whose they are.
    pub(crate) partition: &'a Arc<Partition>,
    /// Where in its segments they stand.
    pub(crate) run: &'a Run,
}

impl<'a> Part<'a> {
    fn placed(&self) -> (Place, Vec<&'a Bytes>) {
        let batches = self.run.batches.iter().map(|batch| &batch.bytes);
        (self.run.place(self.partition.id()), batches.collect())
    }
}

/// The writing end of the journal; owned by the writer thread.
#[derive(Debug)]
pub(crate) struct Journal {
    shelf: Arc<Shelf>,
    current: Option<JournalFile>,
    next_sequence: u64,
}

impl Journal {
    /// A journal of which there is nothing yet.
    pub(crate) fn new(shelf: Arc<Shelf>) -> Self {
        Journal {
            shelf,
            current: None,
            next_sequence: 1,
        }
    }

    /// Writes all parts as one entry, durably, if there is a file with room for it; whether there was.
    /// For an entry that is `needed` room is made.
    ///
    /// # Errors
    /// [`Failure::Refused`] if no file could be made; [`Failure::Broken`] if nobody knows what the next
    /// open will find.
    pub(crate) fn append(&mut self, parts: &[Part<'_>], needed: bool) -> Result<bool, Failure> {
        let entry = Entry::new(self.next_sequence, parts.iter().map(Part::placed).collect());
        let Some(entry) = entry else {
            return Ok(false);
        };
        if !self.make_room(entry.len() as u64, needed)? {
            return Ok(false);
        }
        let Some(file) = &mut self.current else {
            return Ok(false);
        };
        self.next_sequence += 1;
        if let Err(error) = file.append(&entry) {
            // What it holds may still be needed; the next entry goes into another file.
            self.current = None;
            return Err(Failure::Broken(error));
        }
        for part in parts {
            file.cover(part.partition, &part.run.segment, part.run.end());
        }
        Ok(true)
    }

    /// Sees to it that the current file has room for `len` bytes; whether it has.
    fn make_room(&mut self, len: u64, needed: bool) -> Result<bool> {
        if self.current.as_ref().is_some_and(|file| file.fits(len)) {
            return Ok(true);
        }
        let next = match self.shelf.take(len) {
            None if needed => self.shelf.make(len)?,
            None => return Ok(false),
            Some(file) => file,
        };
        if let Some(full) = self.current.replace(next) {
            self.shelf.put(full);
        }
        Ok(true)
    }
}

/// Removes the journal, durably: every segment is on the disk.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn remove(volume: &Volume, dir: &Path) -> Result<()> {
    let paths = paths(volume, dir)?;
    for path in &paths {
        volume.disk.remove_file(path).on("remove", path)?;
    }
    if !paths.is_empty() {
        volume.disk.sync_dir(dir).on("sync", dir)?;
    }
    Ok(())
}

/// The files of the journal, by number.
fn paths(volume: &Volume, dir: &Path) -> Result<Vec<PathBuf>> {
    let mut names = volume.disk.list(dir).on("list", dir)?;
    names.retain(|name| name.ends_with(".journal"));
    names.sort_unstable();
    Ok(names.iter().map(|name| dir.join(name)).collect())
}
