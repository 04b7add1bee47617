//! The end of a log that is damaged where nothing may be cut: as much of it as can be read, and not a byte changed.
//!
//! Whether what comes behind the damage was ever promised, nobody can tell any more; so all of it that is whole is shown.

use std::path::Path;
use std::sync::Arc;

use crate::error::{IoContext, Result};
use crate::scan::{Piece, Scan};
use crate::segment::{Segment, SegmentName, Volume};

/// The last segments of a log, the first of which is damaged below `point`, up to which everything was synced once.
pub(crate) fn show(
    volume: &Volume,
    dir: &Path,
    names: &[SegmentName],
    point: i64,
) -> Result<Vec<Arc<Segment>>> {
    let bases = names.iter().map(|name| name.base_offset);
    let ends = bases.skip(1).map(Some).chain([None]);
    let mut segments = Vec::with_capacity(names.len());
    for (&name, end) in names.iter().zip(ends) {
        let segment = Segment::open(volume, dir, name, end.unwrap_or(name.base_offset))?;
        if end.is_none() {
            show_last(&segment, point)?;
            segment.close();
        }
        segments.push(Arc::new(segment));
    }
    Ok(segments)
}

/// Shows the last segment up to its last whole batch, and at least up to `point`: who reads to there without finding
/// anything meets a byte that is not there, and so an error.
fn show_last(segment: &Segment, point: i64) -> Result<()> {
    let path = segment.log_path();
    let mut scan = Scan::new(segment.file()?, segment.base_offset()).on("measure", path)?;
    let (mut end, mut next_offset) = (0, segment.base_offset());
    while let Some(piece) = scan.next_piece().on("read", path)? {
        if let Piece::Batch { position, batch } = piece {
            end = position + batch.bytes.len() as u64;
            next_offset = batch.header.next_offset();
        }
    }
    if next_offset < point {
        (end, next_offset) = (segment.size().max(end + 1), point);
    }
    segment.show(end, next_offset);
    Ok(())
}
