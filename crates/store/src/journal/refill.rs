//! After a crash: what the journal holds goes back into the segments that had not reached the disk.
//!
//! A part is written whatever stands in its place, for the kernel may show bytes that the device does not
//! have; one whose segment is gone was removed with it and stays so. Then the segments are synced, and
//! the journal is not needed any more. What comes after a torn entry was never promised to anybody.

use std::collections::BTreeSet;
use std::io::{ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{HEAD_LEN, Head, Parts, Place};
use crate::disk::File;
use crate::error::{IoContext, Result};
use crate::format::{self, HEADER_LEN, Kind};
use crate::segment::{SegmentName, Volume};

/// Puts everything in the journal at `dir` back into the segments below `topics`, durably.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io); then the journal stays as it is, and the next open tries again.
pub(crate) fn refill(volume: &Volume, dir: &Path, topics: &Path) -> Result<()> {
    let mut touched = BTreeSet::new();
    let mut bytes = 0;
    for mut entries in in_order(volume, dir)? {
        while let Some(parts) = entries.next()? {
            for (place, batches) in parts {
                let path = segment_path(topics, &place);
                if put_back(volume, &path, place.position, batches)? {
                    bytes += batches.len();
                    touched.insert(path);
                }
            }
        }
    }
    for path in &touched {
        let file = volume.disk.open(path).on("open", path)?;
        file.sync().on("sync", path)?;
    }
    if bytes > 0 {
        let segments = touched.len();
        tracing::info!(bytes, segments, "segments refilled from the journal");
    }
    Ok(())
}

/// The finished files of a journal in the order in which they were written, which that of the names is
/// not: files are reused.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub(crate) fn in_order(volume: &Volume, dir: &Path) -> Result<Vec<Entries>> {
    let mut files = Vec::new();
    for path in super::paths(volume, dir)? {
        files.extend(Entries::open(volume, &path)?);
    }
    files.sort_by_key(|entries| entries.first_sequence);
    Ok(files)
}

/// The file of the segment in which a part stands.
pub(crate) fn segment_path(topics: &Path, place: &Place) -> PathBuf {
    let topic = topics.join(place.partition.topic_id.to_string());
    let partition = topic.join(place.partition.index.to_string());
    SegmentName::appended(place.base_offset).path(&partition, "log")
}

/// Writes batches where they belong; whether there is such a segment.
fn put_back(volume: &Volume, path: &Path, position: u64, batches: &[u8]) -> Result<bool> {
    let file = match volume.disk.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened.on("open", path)?,
    };
    file.write_at(&mut [IoSlice::new(batches)], position)
        .on("write", path)?;
    Ok(true)
}

/// The entries of one file, in order.
pub(crate) struct Entries {
    path: PathBuf,
    file: Arc<dyn File>,
    size: u64,
    position: u64,
    first_sequence: u64,
    next_sequence: u64,
    /// The entry last read, without its head.
    body: Vec<u8>,
}

impl Entries {
    /// The entries of a file; `None` if it was never finished.
    pub(crate) fn open(volume: &Volume, path: &Path) -> Result<Option<Self>> {
        let file = volume.disk.open_to_read(path).on("open", path)?;
        let size = file.size().on("measure", path)?;
        let mut bytes = [0; HEADER_LEN + HEAD_LEN];
        let read = file.read_at(&mut bytes, 0).on("read", path)?;
        let Ok((head, _)) = format::split(Kind::Journal, volume.cluster_id, &bytes[..read]) else {
            tracing::warn!(file = %path.display(), "not a finished file of the journal: ignored");
            return Ok(None);
        };
        let first_sequence = Head::parse(head).map_or(0, |head| head.sequence);
        Ok(Some(Entries {
            path: path.to_owned(),
            file,
            size,
            position: HEADER_LEN as u64,
            first_sequence,
            next_sequence: first_sequence,
            body: Vec::new(),
        }))
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &Arc<dyn File> {
        &self.file
    }

    /// The sequence number that the next entry has, if there is one.
    pub(crate) fn sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Byte at which the next entry begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The parts of the next whole entry; `None` where they end, be it torn or left from an earlier
    /// round.
    pub(crate) fn next(&mut self) -> Result<Option<Parts<'_>>> {
        let mut head = [0; HEAD_LEN];
        let read = self.file.read_at(&mut head, self.position);
        let read = read.on("read", &self.path)?;
        let Some(head) = Head::parse(&head[..read]) else {
            return Ok(None);
        };
        let at = self.position + HEAD_LEN as u64;
        if head.sequence != self.next_sequence || head.length() > self.size.saturating_sub(at) {
            return Ok(None);
        }
        self.body.resize(head.length() as usize, 0);
        let read = self.file.read_at(&mut self.body, at);
        let read = read.on("read", &self.path)?;
        self.position = at + head.length();
        self.next_sequence += 1;
        Ok(head.parts(&self.body[..read]))
    }
}
