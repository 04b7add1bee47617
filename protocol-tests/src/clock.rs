//! The one clock that all processes on a machine share and that never goes back.

use rustix::time::{ClockId, clock_gettime};

use crate::history::Moment;

/// Nanoseconds of CLOCK_MONOTONIC, which is also what Java's `System.nanoTime` tells on Linux.
pub fn now() -> Moment {
    let now = clock_gettime(ClockId::Monotonic);
    (now.tv_sec * 1_000_000_000 + now.tv_nsec).unsigned_abs()
}
