//! What can happen to the catalog.
//!
//! A change is one record of the catalog's log. This is the shape in which the broker thinks of it;
//! [`record`](super::record) gives it the bytes that Kafka's own tools read.

use uuid::Uuid;

use crate::config::{BrokerConfig, ClientMetricsConfig, GroupConfig, Table, TopicConfig};
use crate::quotas::Entity;
use crate::scram::{Credential, Owner};

/// One step of the catalog's history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// A topic begins, without partitions yet.
    Topic { name: String, id: Uuid },
    /// A partition joins a topic.
    Partition { topic: Uuid, index: i32 },
    /// A topic ends, with its partitions and its configuration.
    TopicRemoved { id: Uuid },
    /// A setting gets a value; none takes the value away.
    Config {
        resource: Resource,
        name: String,
        value: Option<String>,
    },
    /// Producer ids below `next` have been given away.
    ProducerIds { next: i64 },
    /// A feature goes to a level.
    Feature { name: String, level: i16 },
    /// A quota gets a value; none takes the value away.
    Quota {
        entity: Entity,
        key: String,
        value: Option<f64>,
    },
    /// A user's password is set; none takes it away.
    Password {
        owner: Owner,
        credential: Option<Credential>,
    },
}

impl Change {
    /// Whether it may free room on the disk, and so has to work when that is full.
    pub(super) fn may_free_room(&self) -> bool {
        matches!(self, Change::TopicRemoved { .. } | Change::Config { .. })
    }
}

/// What a setting belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    /// The topic of that name.
    Topic(String),
    /// The broker of that id, or every broker.
    Broker(Option<i32>),
    /// The group of that id, whether it exists or not.
    Group(String),
    /// The subscription to the metrics of clients of that name.
    ClientMetrics(String),
}

impl Resource {
    /// Which settings it has.
    pub(crate) fn table(&self) -> Table {
        match self {
            Self::Topic(_) => TopicConfig::TABLE,
            Self::Broker(_) => BrokerConfig::TABLE,
            Self::Group(_) => GroupConfig::TABLE,
            Self::ClientMetrics(_) => ClientMetricsConfig::TABLE,
        }
    }
}
