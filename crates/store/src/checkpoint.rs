//! The `checkpoint` file of a partition: what its segments cannot tell.
//!
//! The body after the common header:
//!
//! ```text
//! 0            8       12
//! +------------+-------+------------------------------+
//! | log start  | count | count × (epoch i32, start i64) |
//! +------------+-------+------------------------------+
//! ```
//!
//! A new partition has none. It is written and replaced as a whole when the log start moves durably,
//! and before the first append under a new leader epoch.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::disk::Disk;
use crate::epochs::Epochs;
use crate::error::{Error, Result};
use crate::format::{self, Kind, take};

/// The contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// First offset that may be read, even if the segments hold older ones.
    pub(crate) log_start: i64,
    /// Leader epochs.
    pub(crate) epochs: Epochs,
}

impl Checkpoint {
    /// Where the file of a partition is.
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join("checkpoint")
    }

    /// Writes it durably.
    pub(crate) fn save(&self, disk: &dyn Disk, dir: &Path, cluster: Uuid) -> Result<()> {
        format::save(
            disk,
            &Self::path(dir),
            Kind::Checkpoint,
            cluster,
            &self.encode(),
        )
    }

    /// What a partition begins with, and so what one without the file has.
    pub(crate) fn of_new_partition() -> Self {
        Checkpoint {
            log_start: 0,
            epochs: Epochs::from_pairs([(0, 0)]),
        }
    }

    /// Reads it; a partition has none as long as it has nothing to say.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path, cluster: Uuid) -> Result<Self> {
        let path = Self::path(dir);
        let Some(body) = format::load(disk, &path, Kind::Checkpoint, cluster)? else {
            return Ok(Self::of_new_partition());
        };
        Self::decode(&body).ok_or_else(|| Error::Corrupt {
            file: path,
            position: format::HEADER_LEN as u64,
            reason: format!("a body of {} bytes has the wrong length", body.len()),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = self.log_start.to_be_bytes().to_vec();
        body.extend_from_slice(&(self.epochs.pairs().len() as u32).to_be_bytes());
        for (epoch, start) in self.epochs.pairs() {
            body.extend_from_slice(&epoch.to_be_bytes());
            body.extend_from_slice(&start.to_be_bytes());
        }
        body
    }

    /// Reads the body; `None` if it has the wrong length.
    pub(crate) fn decode(mut body: &[u8]) -> Option<Self> {
        let log_start = i64::from_be_bytes(take(&mut body)?);
        let count = u32::from_be_bytes(take(&mut body)?);
        if body.len() as u64 != u64::from(count) * 12 {
            return None;
        }
        let pairs = std::iter::from_fn(|| {
            let epoch = i32::from_be_bytes(take(&mut body)?);
            Some((epoch, i64::from_be_bytes(take(&mut body)?)))
        });
        Some(Checkpoint {
            log_start,
            epochs: Epochs::from_pairs(pairs),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_no_truncation_does() {
        let epochs = Epochs::from_pairs([(0, 0), (3, 42)]);
        let checkpoint = Checkpoint {
            log_start: 17,
            epochs,
        };
        let body = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&body), Some(checkpoint));
        for len in 0..body.len() {
            assert_eq!(Checkpoint::decode(&body[..len]), None, "{len} bytes");
        }
    }
}
