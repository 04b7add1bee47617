//! The entries of an index against the log that they speak of.
//!
//! An index is derived, and what is missing in it is found by walking the log. So a block that is cut
//! short or damaged costs time and nothing else; an entry that is sound and wrong would lead readers
//! past their records.

use std::path::PathBuf;

use millstream_batch::Header;

use super::report::Report;
use crate::disk;
use crate::error::{IoContext, Result};
use crate::format::{self, Kind};
use crate::index::{Entry, Index};
use crate::segment::Volume;

/// The entries of one segment that the walk through its log has not come to.
pub(super) struct Entries {
    path: PathBuf,
    base_offset: i64,
    ahead: std::vec::IntoIter<Entry>,
    /// Greatest timestamp of the batches passed, or −1.
    max_timestamp: i64,
}

impl Entries {
    /// Reads an index file, which may be missing, of a segment of `size` bytes.
    pub(super) fn load(
        volume: &Volume,
        path: PathBuf,
        base_offset: i64,
        size: u64,
        report: &mut Report<'_>,
    ) -> Result<Self> {
        let bytes = report.sound(disk::read_file(&*volume.disk, &path).on("read", &path))?;
        let mut index = Index::new();
        if let Some(bytes) = bytes.flatten() {
            let used = match format::split(Kind::Index, volume.cluster_id, &bytes) {
                Ok((blocks, _)) => {
                    index = Index::decode(blocks, size);
                    format::HEADER_LEN as u64 + index.saved_len()
                }
                Err(_) => 0,
            };
            let unused = bytes.len() as u64 - used;
            if unused > 0 {
                let what = format!("{unused} bytes are no entries of this log: they are made anew");
                report.crash(&path, used, what);
            }
        }
        Ok(Entries {
            path,
            base_offset,
            ahead: index.into_entries().into_iter(),
            max_timestamp: -1,
        })
    }

    /// Compares what is said about `position`, where a batch begins whose offsets follow those below
    /// `next`, or the log ends.
    pub(super) fn reach(
        &mut self,
        position: u64,
        next: i64,
        batch: Option<&Header>,
        report: &mut Report<'_>,
    ) {
        let due = |entry: &Entry| u64::from(entry.position) <= position;
        while let Some(entry) = self.ahead.as_slice().first().copied().filter(due) {
            self.ahead.next();
            if let Some(lie) = self.lie(&entry, position, next, batch) {
                let Entry { position, .. } = entry;
                let what = format!("the entry for byte {position} of the log is wrong: {lie}");
                report.damage(&self.path, 0, what);
            }
        }
        let timestamp = batch.map_or(-1, |header| header.max_timestamp);
        self.max_timestamp = self.max_timestamp.max(timestamp);
    }

    /// Leaves out what is said about bytes that are damaged.
    pub(super) fn skip(&mut self, end: u64) {
        let inside = |entry: &&Entry| u64::from(entry.position) < end;
        let count = self.ahead.as_slice().iter().take_while(inside).count();
        self.ahead.by_ref().take(count).for_each(drop);
    }

    fn lie(
        &self,
        entry: &Entry,
        position: u64,
        next: i64,
        batch: Option<&Header>,
    ) -> Option<String> {
        let offset = self.base_offset + i64::from(entry.relative_offset);
        let known = self.max_timestamp;
        if u64::from(entry.position) < position {
            Some("no batch begins there".into())
        } else if offset < next {
            Some(format!(
                "it says offset {offset}, but {next} is the least possible"
            ))
        } else if let Some(batch) = batch.filter(|batch| offset > batch.base_offset) {
            let base = batch.base_offset;
            Some(format!(
                "it says offset {offset}, but the batch begins at {base}"
            ))
        } else if entry.max_timestamp < known {
            let said = entry.max_timestamp;
            Some(format!(
                "it says that no timestamp before is above {said}, but {known} is"
            ))
        } else {
            None
        }
    }
}
