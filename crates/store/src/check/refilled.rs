//! Segments as the next opening will have them: with what the journal holds put back.
//!
//! Opening writes it into the segments; a check only reads as if that had been done.

use std::collections::HashMap;
use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::File;
use crate::error::Result;
use crate::journal;
use crate::segment::Volume;

/// What a journal holds, by the file of the segment.
#[derive(Default)]
pub(super) struct Refill(HashMap<PathBuf, Vec<Patch>>);

/// Bytes of a segment that stand in the journal.
#[derive(Debug, Clone)]
struct Patch {
    /// Where in the segment.
    position: u64,
    len: usize,
    journal: Arc<dyn File>,
    /// Where in the file of the journal.
    from: u64,
}

impl Refill {
    /// Looks through the journal in `dir`, which belongs to the segments below `topics`.
    pub(super) fn load(volume: &Volume, dir: &Path, topics: &Path) -> Result<Self> {
        let mut refill = Refill::default();
        for mut entries in journal::in_order(volume, dir)? {
            let file = Arc::clone(entries.file());
            let mut at = entries.position();
            while let Some(parts) = entries.next()? {
                let lengths = parts.iter().map(|(_, batches)| batches.len());
                for (begin, (place, batches)) in journal::offsets(lengths).zip(&parts) {
                    let path = journal::segment_path(topics, place);
                    refill.0.entry(path).or_default().push(Patch {
                        position: place.position,
                        len: batches.len(),
                        journal: Arc::clone(&file),
                        from: at + begin as u64,
                    });
                }
                at = entries.position();
            }
        }
        Ok(refill)
    }

    /// Segments that the journal tells about, some of which may be gone.
    pub(super) fn segments(&self) -> usize {
        self.0.len()
    }

    /// The file of a segment as it will be.
    pub(super) fn apply(&self, path: &Path, file: Arc<dyn File>) -> io::Result<Arc<dyn File>> {
        let Some(patches) = self.0.get(path) else {
            return Ok(file);
        };
        let ends = patches.iter().map(Patch::end);
        let size = ends.fold(file.size()?, u64::max);
        let patches = patches.clone();
        Ok(Arc::new(Refilled {
            file,
            size,
            patches,
        }))
    }
}

impl Patch {
    fn end(&self) -> u64 {
        self.position.saturating_add(self.len as u64)
    }
}

/// A file that is only read, with bytes of others laid over it in their order.
#[derive(Debug)]
struct Refilled {
    file: Arc<dyn File>,
    size: u64,
    patches: Vec<Patch>,
}

impl File for Refilled {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(position)).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        let buffer = &mut buffer[..len];
        let read = self.file.read_at(buffer, position)?;
        buffer[read..].fill(0);
        let end = position + len as u64;
        for patch in &self.patches {
            let (from, to) = (patch.position.max(position), patch.end().min(end));
            if from < to {
                let part = &mut buffer[(from - position) as usize..(to - position) as usize];
                let at = patch.from + (from - patch.position);
                if patch.journal.read_at(part, at)? < part.len() {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(len)
    }

    fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        self.read_at(buffer, position).map(Some)
    }

    fn write_at(&self, _parts: &mut [IoSlice<'_>], _position: u64) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn reserve(&self, _position: u64, _len: u64) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }
}
