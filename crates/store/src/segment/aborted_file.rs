//! The aborted transactions of a segment between their file and memory.
//!
//! The file says which there are up to the newest recovery point, and is replaced as a whole when one is made. A segment
//! without any has none.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::Segment;
use crate::aborted::{self, Aborted, Entry};
use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind};

/// Ends the names of the files.
pub(crate) const EXTENSION: &str = "aborted";

/// The list, as far as it is in memory.
#[derive(Debug)]
pub(super) struct Listed {
    /// The entries; `None` if they are in the file and nowhere else.
    list: Option<Vec<Entry>>,
    /// How many of them, from the first on, the file holds; `None` if nobody knows.
    saved: Option<usize>,
}

impl Listed {
    /// That of a segment without any, and so without a file.
    pub(super) fn none() -> Self {
        Listed {
            list: Some(Vec::new()),
            saved: Some(0),
        }
    }
}

impl Segment {
    pub(super) fn aborted_path(&self) -> PathBuf {
        self.path.with_extension(EXTENSION)
    }

    /// Says that there is a file.
    pub(crate) fn expect_aborted(&self) {
        self.aborted.lock().list = None;
    }

    /// Whether there is no marker of an aborted transaction in the segment.
    pub(crate) fn has_no_aborted(&self) -> bool {
        self.aborted.lock().list.as_ref().is_some_and(Vec::is_empty)
    }

    /// Adds those of the list that touch a range of offsets; whether none that comes later can. `None` if the list has to
    /// be [loaded](Segment::load_aborted) first.
    pub(crate) fn find_aborted(
        &self,
        range: &Range<i64>,
        found: &mut Vec<Aborted>,
    ) -> Option<bool> {
        let aborted = self.aborted.lock();
        let list = aborted.list.as_ref()?;
        if list.is_empty() {
            return Some(false);
        }
        self.used.store(true, Ordering::Relaxed);
        Some(aborted::find(list, range, found))
    }

    /// The whole list; blocks if it has to be loaded.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file is damaged: then the list has to be [made anew](Segment::set_aborted).
    pub(crate) fn aborted(&self) -> Result<Vec<Entry>> {
        self.with_aborted(|list| list.clone())
    }

    /// Has the list in memory; blocks.
    ///
    /// # Errors
    /// As [`Segment::aborted`].
    pub(crate) fn load_aborted(&self) -> Result<()> {
        self.with_aborted(|_| ())
    }

    /// Takes note of a marker that became visible.
    ///
    /// # Errors
    /// As [`Segment::aborted`].
    pub(crate) fn push_aborted(&self, entry: Entry) -> Result<()> {
        self.with_aborted(|list| list.push(entry))
    }

    /// Puts a list in the place of what the file may hold; durable only with the next [`Segment::save_aborted`].
    pub(crate) fn set_aborted(&self, list: Vec<Entry>) {
        *self.aborted.lock() = Listed {
            list: Some(list),
            saved: None,
        };
    }

    /// Puts a list that was made anew in the place of a file that is damaged, unless another was faster: markers may have
    /// been added to that one since.
    pub(crate) fn restore_aborted(&self, list: Vec<Entry>) {
        let mut aborted = self.aborted.lock();
        if aborted.list.is_none() {
            *aborted = Listed {
                list: Some(list),
                saved: None,
            };
        }
    }

    /// Has the file hold what the list has below an offset; durable when this returns. For one caller at a time.
    pub(crate) fn save_aborted(&self, below: i64) -> Result<()> {
        let Some((count, body)) = self.unsaved_aborted(below) else {
            return Ok(());
        };
        let (path, disk) = (self.aborted_path(), &*self.volume.disk);
        format::save(disk, &path, Kind::Aborted, self.volume.cluster_id, &body)?;
        self.aborted.lock().saved = Some(count);
        Ok(())
    }

    /// How many entries the list has below an offset, and the body of a file of them, unless that is what the file has.
    /// Readers and the writer need not wait for the disk to take it.
    fn unsaved_aborted(&self, below: i64) -> Option<(usize, Vec<u8>)> {
        let aborted = self.aborted.lock();
        let list = aborted.list.as_ref()?;
        let count = list.partition_point(|entry| entry.aborted.last_offset < below);
        (aborted.saved != Some(count)).then(|| (count, aborted::encode(&list[..count])))
    }

    /// Forgets the list if the file has all of it.
    pub(super) fn close_aborted(&self) {
        let mut aborted = self.aborted.lock();
        let Listed { list, saved } = &mut *aborted;
        list.take_if(|list| !list.is_empty() && *saved == Some(list.len()));
    }

    fn with_aborted<T>(&self, use_it: impl FnOnce(&mut Vec<Entry>) -> T) -> Result<T> {
        self.used.store(true, Ordering::Relaxed);
        let mut aborted = self.aborted.lock();
        let Listed { list, saved } = &mut *aborted;
        if let Some(list) = list {
            return Ok(use_it(list));
        }
        let read = self.read_aborted()?;
        *saved = Some(read.len());
        Ok(use_it(list.insert(read)))
    }

    fn read_aborted(&self) -> Result<Vec<Entry>> {
        let (path, disk) = (self.aborted_path(), &*self.volume.disk);
        let body = format::load(disk, &path, Kind::Aborted, self.volume.cluster_id)?;
        // There was one: without it nobody can say that there is nothing in it.
        let body = body.ok_or_else(|| ErrorKind::NotFound.into());
        let body = body.on("open", &path)?;
        aborted::decode(&body).ok_or_else(|| Error::Corrupt {
            file: path,
            position: format::HEADER_LEN as u64,
            reason: "the last entry is cut short".into(),
        })
    }
}
