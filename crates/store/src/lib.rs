//! The append-only partition store.
//!
//! A [`Store`] is a data directory; a [`Partition`] in it is a log of record batches that are kept as
//! clients sent them. One writer thread commits what all partitions have waiting in groups, so that
//! durable appends share their syncs. What consumers may see ends at the high watermark, which moves
//! only when records are as durable as their partition promises.
//!
//! The store knows batches but neither the wire protocol nor topics' names. It owns no clock: time
//! comes in as milliseconds since 1970.

mod aborted;
mod appender;
mod bond;
pub mod check;
mod checkpoint;
mod cleaner;
mod cold;
mod compaction;
mod config;
mod damaged;
pub mod disk;
mod epochs;
mod error;
mod format;
mod index;
pub mod inspect;
mod intake;
mod journal;
mod keeper;
mod lock;
mod log;
mod log_start;
mod meta;
mod opening;
mod partition;
mod producer_state;
mod progress;
mod queue;
mod reader;
mod recovery;
mod recovery_point;
mod reserve;
mod retention;
pub mod scan;
mod segment;
mod shortage;
mod snapshot;
mod sound;
mod space;
mod store;
mod stretch;
mod subscription;
mod syncers;
mod tail;
mod timestamps;
mod transactions;
mod turns;
mod upkeep;
mod walk;
mod writeback;
mod writer;

pub use aborted::{Aborted, AbortedSet};
pub use config::{CompactionConfig, Flush, LogConfig, StoreOptions, TopicPartition};
pub use epochs::EpochEnd;
pub use error::{Error, Result};
pub use intake::{AppendMode, Appended};
pub use partition::Partition;
pub use producer_state::{OpenTransaction, ProducerSnapshot};
pub use progress::{Ack, Offsets};
pub use space::DiskSpace;
pub use store::Store;
pub use subscription::Subscription;
pub use timestamps::TimestampedOffset;
