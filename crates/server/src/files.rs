//! The bound on open files, which is a bound on connections too.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Raises the process's own bound as far as the system lets it.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "cannot raise the bound on open files");
    }
}
