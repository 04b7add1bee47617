//! What a topic with `queue.enable=true` adds to a topic: one consumer, and the removal of what it acknowledged.
//!
//! The messages of a queue are the records of its log. Nothing is kept of them here: whoever acknowledges moves the log
//! start. Delivery one by one, as share groups want it, is decided elsewhere.

mod commits;
mod owner;

pub(crate) use commits::{Position, head, keep_acknowledged};
use owner::is_owned;
