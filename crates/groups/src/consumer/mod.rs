//! Consumer groups (KIP-848), in which the coordinator says who reads what.
//!
//! - A change of the members or of what they want begins a new *epoch* of the group.
//! - For the newest epoch a *target* is made: what each member is to have.
//! - Each member is taken from what it has to its target by its own heartbeats; [`Stage`] says how. Nobody waits for
//!   the others, but for the partitions that they have to give up.
//!
//! All of that is written down, so that members go on after a restart as if nothing had been. Members of the classic
//! protocol take part in their own words; a group changes from one protocol to the other and back while they do.
//! Offsets are not kept here.

mod assign;
mod classic;
mod commit;
mod describe;
mod group;
mod heartbeat;
mod leave;
mod member;
mod migrate;
mod reconcile;
mod record;
mod target;
mod topics;

pub use assign::Assignor;
pub use describe::{ConsumerDescription, ConsumerMemberDescription, ConsumerState};
pub(crate) use group::Group;
pub use heartbeat::{ConsumerBeat, ConsumerHeartbeat};
pub use record::{Classic, ConsumerRecord, Epoch, Holding, Matches, Place, Stage, Words, by_topic};
