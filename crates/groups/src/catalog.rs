//! What groups may ask of the world around them: which topics there are, and what is set for a group.
//! Who answers is the driver's business.

use std::sync::Arc;

/// A topic as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The topic's name.
    pub name: Arc<str>,
    /// The topic's id.
    pub id: u128,
    /// How many partitions it has, numbered from 0.
    pub partitions: i32,
}

/// The times that members of one group are to keep, all in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long a member may be silent.
    pub session_timeout_ms: i32,
    /// How often it is to say that it is alive.
    pub heartbeat_interval_ms: i32,
    /// How long a target assignment stands before the next is made.
    pub assignment_interval_ms: i32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 5_000,
            assignment_interval_ms: 1_000,
        }
    }
}

/// The view that a [`Shard`](crate::Shard) has of topics and settings.
pub trait Catalog: std::fmt::Debug + Send + Sync {
    /// Grows whenever a topic comes, goes or grows.
    fn version(&self) -> i64;

    /// The topic of that name.
    fn topic(&self, name: &str) -> Option<Topic>;

    /// The topic of that id.
    fn topic_by_id(&self, id: u128) -> Option<Topic>;

    /// The names, in order, of the topics that the expression matches as a whole. An expression that cannot be
    /// understood matches none.
    fn matching(&self, expression: &str) -> Vec<Arc<str>>;

    /// What is set for a group of consumers, whether it exists or not.
    fn terms(&self, group: &str) -> Terms;
}
