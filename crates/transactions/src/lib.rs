//! Transactions of producers, as a pure state machine: who may use a transactional id, what its transaction writes to, and
//! how it ends.
//!
//! A [`Coordinator`] is told what producers ask for and answers with what has to be done, all of it or nothing: a
//! [`Change`] of the entry of the id, which is what is written down, and [`Markers`] for the partitions that the
//! transaction wrote to. A coordinator that is told the changes again is the same coordinator.
//!
//! Because an end and its markers are written together, no entry is ever about to be committed or aborted: it is before
//! that or after it. The two protocols (the first, and that of KIP-890, under which each end raises the epoch) differ in
//! [`Coordinator::end`] only, and live side by side.
//!
//! It never reads a clock, does I/O, or knows how anything looks on the wire or on the disk. Times are milliseconds since
//! 1970.

mod add;
mod coordinator;
mod end;
mod entry;
mod error;
mod init;

pub use coordinator::{Change, Coordinator, Done, Markers};
pub use entry::{Entry, Outcome, Producer, State, TopicPartition, Version};
pub use error::Error;
pub use init::Init;
