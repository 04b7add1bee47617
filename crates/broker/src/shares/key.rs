//! Whose deliveries, and where.

use std::sync::Arc;

use uuid::Uuid;

/// One group in one partition. The deliveries of a queue are the queue's own, under the group without a name: they outlive
/// the group that consumes it, so that what one has acknowledged is not handed to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The group.
    pub(crate) group: Arc<str>,
    /// The topic's id.
    pub(crate) topic: Uuid,
    /// The partition's index.
    pub(crate) partition: i32,
}

impl Key {
    /// A queue, in one of its partitions.
    pub(super) fn of_queue(topic: Uuid, partition: i32) -> Self {
        Self {
            group: Arc::from(""),
            topic,
            partition,
        }
    }

    /// Whether the deliveries are a queue's own.
    pub(super) fn is_of_queue(&self) -> bool {
        self.group.is_empty()
    }

    /// What decides where the state lives: Kafka's name for a group in a partition.
    pub(super) fn home(&self) -> String {
        let topic = millstream_wire::base64_id(self.topic);
        format!("{}:{topic}:{}", self.group, self.partition)
    }
}
