//! Records that cannot be read: the client is told a code, and what is wrong with the log itself is told here.

use millstream_store::{Error as StoreError, Partition};

use crate::Error;

/// Logs one line with the file, and for damage the byte, if `found` failed for what is on the disk.
pub(super) fn log<T>(partition: &Partition, found: &Result<T, Error>) {
    if let Err(Error::Store(error @ (StoreError::Corrupt { .. } | StoreError::Io { .. }))) = found {
        tracing::error!(partition = %partition.id(), %error, "records cannot be read");
    }
}
