//! Group coordination as a pure state machine: who is in a group, who reads what, and how far.
//!
//! An operation is a function of *state + request + now*. It changes the state, and hands back
//! [`Effects`]: the [`Record`]s that make the change durable and the replies that are due, each
//! addressed by the [`Token`] of the request that it answers. Whoever drives a [`Shard`] appends the
//! records and sends no reply before they are durable; replaying the records through
//! [`Shard::apply`], which is also how an operation changes durable state, rebuilds that state.
//!
//! What is not in the records (who is waiting, which deadlines run) dies with the process on
//! purpose: clients join again.
//!
//! Nothing here does I/O, reads a clock, draws a random number or starts a task.

mod catalog;
mod classic;
mod config;
mod consumer;
mod effects;
mod embedded;
mod error;
mod offsets;
mod record;
mod shard;
mod share;
mod timers;

pub use catalog::{Catalog, Terms, Topic};
pub use classic::{
    CONSUMER, Description, JoinRequest, Leaver, MemberDescription, Protocol, State, SyncRequest,
};
pub use config::{Config, Migration};
pub use consumer::{
    Assignor, Classic, ConsumerBeat, ConsumerDescription, ConsumerHeartbeat,
    ConsumerMemberDescription, ConsumerRecord, ConsumerState, Epoch, Holding, Matches, Place,
    Stage, Words, by_topic,
};
pub use effects::{Effects, Joined, JoinedMember, Now, Reply, Synced, Token};
pub use embedded::subscribed_topics;
pub use error::Error;
pub use offsets::{Committer, NewOffset, Offset};
pub use record::{Generation, MemberRecord, Record};
pub use shard::{Kind, Listing, Shard};
pub use share::{ShareBeat, ShareDescription, ShareHeartbeat, ShareMemberDescription};

use std::sync::Arc;

/// Names a group. Shared, because records, deadlines and tables all carry it.
pub type GroupId = Arc<str>;

/// Names a member within its group, as the coordinator assigned it or as its client chose.
pub type MemberId = Arc<str>;
