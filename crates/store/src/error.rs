//! Everything that can go wrong in the store, by name and value.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::TopicPartition;

/// The result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the data directory open.
    #[error("data directory {} is in use by process {holder}", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Process id of the holder, or `unknown`.
        holder: String,
    },
    /// The data directory was written by a newer version.
    #[error("data directory {} has format version {found}, this build reads up to {supported}", dir.display())]
    NewerFormat {
        /// The data directory.
        dir: PathBuf,
        /// Version in the `meta` file.
        found: u32,
        /// Newest version this build knows.
        supported: u32,
    },
    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Bytes on disk are not what was written there.
    #[error("{} is corrupt at byte {position}: {reason}", file.display())]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        position: u64,
        /// What was found.
        reason: String,
    },
    /// The offset is below the log start or past the end.
    #[error(
        "offset {offset} is outside of partition {partition}, which holds {log_start}..{log_end}"
    )]
    OffsetOutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset asked for.
        offset: i64,
        /// First offset there is.
        log_start: i64,
        /// Offset the next record gets.
        log_end: i64,
    },
    /// A producer's sequence number is not the one that must follow.
    #[error(
        "producer {producer_id} epoch {epoch} sent sequence {found} where {expected} must come next"
    )]
    OutOfOrderSequence {
        /// The producer.
        producer_id: i64,
        /// Its epoch.
        epoch: i16,
        /// The sequence number that would have been right.
        expected: i32,
        /// The sequence number that came.
        found: i32,
    },
    /// A producer's epoch is older than one already seen.
    #[error("producer {producer_id} sent epoch {found}, but epoch {current} has been seen")]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: i64,
        /// Newest epoch seen.
        current: i16,
        /// The epoch that came.
        found: i16,
    },
    /// A producer id without a sequence number.
    #[error("producer {producer_id} sent a batch with sequence {sequence}")]
    InvalidSequence {
        /// The producer.
        producer_id: i64,
        /// The negative sequence number.
        sequence: i32,
    },
    /// Records outside of a transaction from a producer that has one open.
    #[error(
        "producer {producer_id} has a transaction open since offset {first_offset} and sent records outside of it"
    )]
    TransactionOpen {
        /// The producer.
        producer_id: i64,
        /// Offset of the first record of its transaction.
        first_offset: i64,
    },
    /// A marker of a coordinator whose successor has already ended transactions of the producer.
    #[error(
        "coordinator epoch {found} may not end a transaction of producer {producer_id}, since epoch {current} has"
    )]
    CoordinatorFenced {
        /// The producer.
        producer_id: i64,
        /// Newest coordinator epoch seen.
        current: i32,
        /// The coordinator epoch of the marker.
        found: i32,
    },
    /// A batch that would not fit into a segment of its own.
    #[error("batch of {size} bytes exceeds segment.bytes {limit} of partition {partition}")]
    BatchTooLarge {
        /// The partition.
        partition: TopicPartition,
        /// Size of the batch in bytes.
        size: usize,
        /// `segment.bytes`.
        limit: u32,
    },
    /// A batch that the batch format does not allow.
    #[error(transparent)]
    Batch(#[from] millstream_batch::Error),
    /// More waits to be written than the store allows.
    #[error("{pending} bytes wait to be written, which is over the limit of {limit}")]
    Overloaded {
        /// Bytes waiting.
        pending: usize,
        /// The limit.
        limit: usize,
    },
    /// No room on the device; nothing of the append was kept.
    #[error("no space left on the device for partition {partition}")]
    StorageFull {
        /// The partition.
        partition: TopicPartition,
    },
    /// The system opened no file for want of descriptors or memory; nothing of the append was kept.
    #[error("cannot open a file of partition {partition}: {source}")]
    CannotOpen {
        /// The partition.
        partition: TopicPartition,
        /// What the system answered.
        source: io::Error,
    },
    /// Another partition of an append to several could not be written to; nothing of it was kept.
    #[error("append to partition {partition} was given up with that to another")]
    Abandoned {
        /// The partition.
        partition: TopicPartition,
    },
    /// An earlier write or sync failed, or the log was found to be damaged, so the partition takes no more writes.
    #[error("partition {partition} takes no writes since its disk failed: {cause}")]
    Poisoned {
        /// The partition.
        partition: TopicPartition,
        /// What failed, and where.
        cause: Arc<str>,
    },
    /// The partition was deleted.
    #[error("partition {partition} was deleted")]
    Deleted {
        /// The partition.
        partition: TopicPartition,
    },
    /// The partition is there already.
    #[error("partition {partition} exists")]
    AlreadyExists {
        /// The partition.
        partition: TopicPartition,
    },
    /// The partition is not there.
    #[error("partition {partition} does not exist")]
    NotFound {
        /// The partition.
        partition: TopicPartition,
    },
    /// A thread of the store ended before its time; what it left undone is unknown.
    #[error("thread {thread} of the store panicked")]
    Panicked {
        /// The thread's name.
        thread: String,
    },
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
}

/// Names the action and the file of a failed system call.
pub(crate) trait IoContext<T> {
    /// Turns the system's error into one that says what was done to which file.
    fn on(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}
