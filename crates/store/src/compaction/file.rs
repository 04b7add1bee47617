//! The `compaction` file of a partition: how far its log is clean, and which files a swap is about to remove.
//!
//! The body after the common header:
//!
//! ```text
//! 0          8            12      16
//! +----------+------------+-------+---------------------------------------------+
//! | clean to | generation | count | count × (base offset i64, generation u32)   |
//! | i64      | u32        | u32   |                                             |
//! +----------+------------+-------+---------------------------------------------+
//! ```
//!
//! `generation` is the last one that came to stand: what compaction wrote of a greater one is left over from work that
//! was never finished. The segments listed were replaced by that generation and are to be removed, if they are still
//! there. A partition that was never compacted has no such file.

use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind, take};
use crate::segment::{SegmentName, Volume};

/// The name of the file.
pub(crate) const NAME: &str = "compaction";

/// The contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CompactionFile {
    /// Below this offset every record was looked at.
    pub(crate) clean_to: i64,
    /// The last generation that stands.
    pub(crate) generation: u32,
    /// Segments that it replaced and that may not be removed yet.
    pub(crate) replaced: Vec<SegmentName>,
}

impl CompactionFile {
    /// Where the file of a partition is.
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join(NAME)
    }

    /// Writes it durably.
    pub(crate) fn save(&self, volume: &Volume, dir: &Path) -> Result<()> {
        self.stage(volume, dir)?;
        Self::install(volume, dir)
    }

    /// Writes it beside the one that is there.
    pub(crate) fn stage(&self, volume: &Volume, dir: &Path) -> Result<()> {
        let (path, body) = (Self::path(dir), self.encode());
        let Volume { disk, cluster_id } = volume;
        format::stage(&**disk, &path, Kind::Compaction, *cluster_id, &body)
    }

    /// Puts in place what was staged. After a failure nobody knows which of the two a crash leaves.
    pub(crate) fn install(volume: &Volume, dir: &Path) -> Result<()> {
        let path = Self::path(dir);
        disk::install_file(&*volume.disk, &path).on("replace", &path)
    }

    /// Reads it; without one nothing was ever compacted.
    pub(crate) fn load(volume: &Volume, dir: &Path) -> Result<Self> {
        let path = Self::path(dir);
        let Volume { disk, cluster_id } = volume;
        let Some(body) = format::load(&**disk, &path, Kind::Compaction, *cluster_id)? else {
            return Ok(Self::default());
        };
        Self::decode(&body).ok_or_else(|| Error::Corrupt {
            file: path,
            position: format::HEADER_LEN as u64,
            reason: format!("a body of {} bytes has the wrong length", body.len()),
        })
    }

    /// The names of the files replaced.
    pub(crate) fn replaced_files(&self) -> Vec<PathBuf> {
        let path = |name: &SegmentName| name.path(Path::new(""), "log");
        self.replaced.iter().map(path).collect()
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = self.clean_to.to_be_bytes().to_vec();
        body.extend_from_slice(&self.generation.to_be_bytes());
        body.extend_from_slice(&(self.replaced.len() as u32).to_be_bytes());
        for name in &self.replaced {
            body.extend_from_slice(&name.base_offset.to_be_bytes());
            body.extend_from_slice(&name.generation.to_be_bytes());
        }
        body
    }

    /// Reads the body of the file; `None` if it has the wrong length.
    pub(crate) fn decode(mut body: &[u8]) -> Option<Self> {
        let clean_to = i64::from_be_bytes(take(&mut body)?);
        let generation = u32::from_be_bytes(take(&mut body)?);
        let count = u32::from_be_bytes(take(&mut body)?);
        if body.len() as u64 != u64::from(count) * 12 {
            return None;
        }
        let replaced = std::iter::from_fn(|| {
            Some(SegmentName {
                base_offset: i64::from_be_bytes(take(&mut body)?),
                generation: u32::from_be_bytes(take(&mut body)?),
            })
        });
        Some(CompactionFile {
            clean_to,
            generation,
            replaced: replaced.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compaction_file_comes_back_and_no_truncation_does() {
        let name = |base_offset, generation| SegmentName {
            base_offset,
            generation,
        };
        let file = CompactionFile {
            clean_to: 300,
            generation: 4,
            replaced: vec![name(0, 3), name(200, 0)],
        };
        let body = file.encode();
        assert_eq!(CompactionFile::decode(&body), Some(file));
        for len in 0..body.len() {
            assert_eq!(CompactionFile::decode(&body[..len]), None, "{len} bytes");
        }
    }
}
