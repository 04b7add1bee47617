//! Share groups, whose members all work on the same partitions.
//!
//! Who reads what needs no agreement: every member gets every partition of the topics that it
//! subscribes to, and which record goes to whom is decided record by record, elsewhere. So there is
//! nothing to gather members for, and no state between two generations:
//!
//! - without members a group is `Empty`, otherwise it is `Stable`;
//! - its epoch grows when a member comes, goes or wants other topics, and when those topics change;
//! - a member learns of it with its next heartbeat, together with what it gets if that is new.
//!
//! Only that there is a group, and its epoch, are written down. Members join again after a restart.

mod describe;
mod group;
mod heartbeat;
mod member;

pub use describe::{ShareDescription, ShareMemberDescription};
pub(crate) use group::Group;
pub use heartbeat::{ShareBeat, ShareHeartbeat};
