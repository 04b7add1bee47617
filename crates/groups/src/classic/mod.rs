//! Groups of the classic protocol, whose members agree among themselves on who reads what.
//!
//! One file for each kind of event; [`State`] says which leads where. Offsets are not kept here.

mod commit;
mod describe;
mod expire;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod migrate;
mod protocol;
mod rebalance;
mod replace;
mod state;
mod sync;

pub(crate) use commit::RetentionFrom;
pub use describe::{Description, MemberDescription};
pub(crate) use group::Group;
pub use join::JoinRequest;
pub use leave::Leaver;
pub(crate) use protocol::size;
pub use protocol::{CONSUMER, Protocol};
pub use state::State;
pub use sync::SyncRequest;
