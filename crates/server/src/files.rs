//! The bound on open files, which is a bound on connections too.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// One part in so many of the open files is kept for data.
const KEPT_FOR_DATA: u64 = 4;

/// How many connections leave the data its part of the open files.
pub(crate) fn for_connections() -> usize {
    getrlimit(Resource::Nofile)
        .current
        .and_then(|files| usize::try_from(files - files / KEPT_FOR_DATA).ok())
        .unwrap_or(usize::MAX)
}

/// Raises the process's own bound as far as the system lets it.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "cannot raise the bound on open files");
    }
}
