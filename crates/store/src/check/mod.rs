//! Checks a data directory that nobody has open, and changes nothing in it.
//!
//! A check reads every byte of every segment and tells two things apart: *damage*, which is lost or
//! wrong although it was kept, and *what a crash leaves*, which the next opening puts right. It judges
//! as [recovery](crate::recovery) does, goes on where recovery stops, and repairs nothing. Its memory
//! does not grow with the log.

mod directory;
mod entries;
mod lists;
mod partition;
mod refilled;
mod report;
mod segment;

use std::path::Path;
use std::sync::Arc;

pub use report::{Finding, Severity, Summary};

use crate::disk::{Disk, OsDisk};
use crate::error::Result;
use crate::segment::Volume;
use refilled::Refill;

/// How much a check looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    /// Whether records are decompressed and read, too. Their bytes are proven by the checksum either
    /// way: this finds what a producer sent wrong.
    pub records: bool,
}

/// What all parts of a check look at.
struct Scope {
    volume: Volume,
    depth: Depth,
    /// What the next opening puts back into segments.
    refill: Refill,
}

/// Checks a data directory; each finding is told as it is made. Blocks.
///
/// # Errors
/// [`Error::Locked`](crate::Error::Locked) if a process has it open,
/// [`Error::NewerFormat`](crate::Error::NewerFormat), and [`Error::Io`](crate::Error::Io) if it is no
/// data directory or may not be read.
pub fn check(dir: &Path, depth: Depth, tell: &mut dyn FnMut(&Finding)) -> Result<Summary> {
    check_on(Arc::new(OsDisk), dir, depth, tell)
}

/// [`check`] on a disk of the caller's choice.
///
/// # Errors
/// As [`check`].
pub fn check_on(
    disk: Arc<dyn Disk>,
    dir: &Path,
    depth: Depth,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Summary> {
    let _lock = crate::lock::keep_free(&*disk, dir)?;
    directory::check(disk, dir, depth, tell)
}
