//! Recovery points: the producer states of a partition at an offset, in a file named after it.
//!
//! `<next offset>.snapshot` promises that everything below the offset was synced before the file was
//! written, so recovery scans only what lies above. A newer one replaces the older.

use std::path::{Path, PathBuf};

use crate::error::{Error, IoContext, Result};
use crate::format::{self, Kind};
use crate::producer_state::Producers;
use crate::segment::Volume;

/// Ends the names of recovery points.
pub(crate) const EXTENSION: &str = "snapshot";

/// Writes a recovery point and removes the older ones.
pub(crate) fn save(volume: &Volume, dir: &Path, offset: i64, body: &[u8]) -> Result<()> {
    let file = path(dir, offset);
    format::save(
        &*volume.disk,
        &file,
        Kind::Producers,
        volume.cluster_id,
        body,
    )?;
    for older in offsets(volume, dir)?
        .into_iter()
        .filter(|&other| other != offset)
    {
        let file = path(dir, older);
        volume.disk.remove_file(&file).on("remove", &file)?;
    }
    Ok(())
}

/// A recovery point as found on disk.
#[derive(Debug, Default)]
pub(crate) struct RecoveryPoint {
    /// Where the producers are known.
    pub(crate) offset: i64,
    /// Producer states there.
    pub(crate) producers: Producers,
    /// Everything below was synced: that is the offset of the last one that was written, which its name tells even if
    /// nothing else of it can be read.
    pub(crate) synced_to: i64,
}

/// The newest recovery point that can be read, or the beginning of time.
pub(crate) fn load_newest(volume: &Volume, dir: &Path) -> Result<RecoveryPoint> {
    let mut offsets = offsets(volume, dir)?;
    offsets.sort_unstable();
    let synced_to = offsets.last().copied().unwrap_or_default();
    while let Some(offset) = offsets.pop() {
        match load(volume, dir, offset) {
            Ok(producers) => {
                return Ok(RecoveryPoint {
                    offset,
                    producers,
                    synced_to,
                });
            }
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "recovery point ignored");
            }
        }
    }
    Ok(RecoveryPoint {
        synced_to,
        ..RecoveryPoint::default()
    })
}

/// The producer states in a recovery point.
pub(crate) fn load(volume: &Volume, dir: &Path, offset: i64) -> Result<Producers> {
    let file = path(dir, offset);
    let body = format::load(&*volume.disk, &file, Kind::Producers, volume.cluster_id)?;
    Producers::decode(&body.unwrap_or_default()).ok_or_else(|| Error::Corrupt {
        file,
        position: format::HEADER_LEN as u64,
        reason: "the last producer is cut short".into(),
    })
}

fn offsets(volume: &Volume, dir: &Path) -> Result<Vec<i64>> {
    Ok(parse_names(
        &volume.disk.list(dir).on("list", dir)?,
        EXTENSION,
    ))
}

/// Where the recovery point at an offset is: twenty digits, so that names sort like offsets.
fn path(dir: &Path, offset: i64) -> PathBuf {
    dir.join(format!("{offset:020}.{EXTENSION}"))
}

/// The offsets in the names of files with this extension.
pub(crate) fn parse_names(names: &[String], extension: &str) -> Vec<i64> {
    let stem = |name: &String| -> Option<i64> {
        name.strip_suffix(extension)?
            .strip_suffix('.')?
            .parse()
            .ok()
    };
    names.iter().filter_map(stem).collect()
}
