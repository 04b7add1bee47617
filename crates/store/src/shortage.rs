//! What a write may lack that can come back: then it is refused, and the partition stays usable.

use std::io::ErrorKind;

use rustix::io::Errno;

use crate::config::TopicPartition;
use crate::error::Error;

/// Something that was lacking before anything was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// Room on the device, or in the quota.
    Space,
    /// What the system needs to open a file: descriptors, or memory.
    Handle(Errno),
    /// Another partition of an append to several, which could not be written to.
    Partner,
}

impl Shortage {
    /// What an operation lacked, or `None` if it failed for good.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let Error::Io { action, source, .. } = error else {
            return None;
        };
        match (source.kind(), Errno::from_io_error(source)) {
            // A sync that lacks room has left behind what no later one will write.
            (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => {
                (*action != "sync").then_some(Shortage::Space)
            }
            // Only opening asks for a descriptor. Memory may lack in the middle of a sync, too.
            (_, Some(errno @ (Errno::MFILE | Errno::NFILE))) => Some(Shortage::Handle(errno)),
            (_, Some(errno @ Errno::NOMEM)) if matches!(*action, "open" | "create") => {
                Some(Shortage::Handle(errno))
            }
            _ => None,
        }
    }

    /// What an append is told.
    pub(crate) fn error(self, partition: TopicPartition) -> Error {
        match self {
            Shortage::Space => Error::StorageFull { partition },
            Shortage::Handle(errno) => Error::CannotOpen {
                partition,
                source: errno.into(),
            },
            Shortage::Partner => Error::Abandoned { partition },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn only_what_changed_nothing_and_may_come_back_is_a_shortage() {
        let check = |action, errno: Errno, expected| {
            let (path, source) = ("x".into(), io::Error::from(errno));
            let error = Error::Io {
                action,
                path,
                source,
            };
            assert_eq!(Shortage::of(&error), expected, "{error}");
        };
        check("write", Errno::NOSPC, Some(Shortage::Space));
        check("write", Errno::DQUOT, Some(Shortage::Space));
        check("sync", Errno::NOSPC, None);
        check("write", Errno::IO, None);
        check("sync", Errno::NOMEM, None);
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            check("create", errno, Some(Shortage::Handle(errno)));
            check("open", errno, Some(Shortage::Handle(errno)));
        }
        check("sync", Errno::MFILE, Some(Shortage::Handle(Errno::MFILE)));
    }
}
