//! What a faulty disk does wrong, and when.

use std::io;

use parking_lot::Mutex;
use rustix::io::Errno;

/// What is asked of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A file or directory is opened, made or listed.
    Open,
    /// Bytes are read.
    Read,
    /// Bytes are written.
    Write,
    /// A file is cut or extended.
    SetLen,
    /// A file or directory is synced.
    Sync,
    /// Something gets another name.
    Rename,
    /// Something is removed.
    Remove,
    /// Any of these. If all fail from one on, the process has ended there: they leave no trace.
    Any,
}

/// One thing that goes wrong: of the operations of a kind, some succeed, and the next ones fail.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    on: Op,
    after: u64,
    times: u64,
    errno: i32,
    torn: usize,
}

impl Fault {
    /// Lets `after` operations succeed and fails the next one, as a device that has a bad moment.
    #[must_use]
    pub fn once(on: Op, after: u64) -> Self {
        Fault {
            on,
            after,
            times: 1,
            errno: Errno::IO.raw_os_error(),
            torn: 0,
        }
    }

    /// Lets `after` operations succeed and fails all after them.
    #[must_use]
    pub fn from(on: Op, after: u64) -> Self {
        Fault {
            times: u64::MAX,
            ..Self::once(on, after)
        }
    }

    /// Has it give this error, by the system's number, instead of `EIO`.
    #[must_use]
    pub fn errno(self, errno: i32) -> Self {
        Fault { errno, ..self }
    }

    /// Has the first write that it hits leave this many bytes behind.
    #[must_use]
    pub fn torn(self, bytes: usize) -> Self {
        Fault {
            torn: bytes,
            ..self
        }
    }
}

/// Everything that is to go wrong, and what was asked for so far.
#[derive(Debug, Default)]
pub(super) struct Plan(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    faults: Vec<Fault>,
    counts: [u64; Op::Any as usize + 1],
}

/// An operation that fails.
pub(super) struct Failed {
    /// With what.
    pub(super) error: io::Error,
    /// What a write leaves behind, in bytes.
    pub(super) torn: usize,
    /// Whether it was never even tried, since the process had ended.
    pub(super) is_over: bool,
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl Plan {
    /// Adds a fault in the place of those of the same kind.
    pub(super) fn set(&self, fault: Fault) {
        self.clear(fault.on);
        self.0.lock().faults.push(fault);
    }

    /// Drops the faults of a kind, or all.
    pub(super) fn clear(&self, on: Op) {
        let faults = &mut self.0.lock().faults;
        faults.retain(|fault| on != Op::Any && fault.on != on);
    }

    /// How many operations of a kind were asked for.
    pub(super) fn count(&self, on: Op) -> u64 {
        self.0.lock().counts[on as usize]
    }

    /// Counts an operation; whether it is to fail.
    pub(super) fn admit(&self, op: Op) -> Result<(), Failed> {
        let State { faults, counts } = &mut *self.0.lock();
        counts[op as usize] += 1;
        counts[Op::Any as usize] += 1;
        let mut failed = None;
        for fault in faults {
            if fault.on != op && fault.on != Op::Any {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                let torn = std::mem::take(&mut fault.torn);
                let error = io::Error::from_raw_os_error(fault.errno);
                let is_over = fault.on == Op::Any;
                failed.get_or_insert(Failed {
                    error,
                    torn,
                    is_over,
                });
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(plan: &Plan, op: Op, count: usize) -> Vec<bool> {
        (0..count).map(|_| plan.admit(op).is_ok()).collect()
    }

    #[test]
    fn a_fault_hits_the_operations_it_names() {
        let plan = Plan::default();
        plan.set(Fault::once(Op::Write, 1));
        plan.set(Fault::from(Op::Sync, 1));
        assert_eq!(outcomes(&plan, Op::Write, 3), [true, false, true]);
        assert_eq!(outcomes(&plan, Op::Sync, 3), [true, false, false]);
        assert_eq!((plan.count(Op::Write), plan.count(Op::Any)), (3, 6));
        plan.clear(Op::Sync);
        plan.set(Fault::from(Op::Any, 1));
        assert_eq!(outcomes(&plan, Op::Sync, 1), [true]);
        assert_eq!(outcomes(&plan, Op::Read, 1), [false]);
        plan.clear(Op::Any);
        assert_eq!(outcomes(&plan, Op::Read, 1), [true]);
    }
}
