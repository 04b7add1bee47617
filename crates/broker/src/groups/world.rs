//! What groups see of the catalog.

use std::sync::Arc;

use millstream_groups::{Terms, Topic};
use uuid::Uuid;

use super::expression;
use crate::catalog::{self, Catalog};

impl millstream_groups::Catalog for Catalog {
    fn version(&self) -> i64 {
        self.state().version()
    }

    fn topic(&self, name: &str) -> Option<Topic> {
        self.state().topic(name).map(|topic| shown(topic))
    }

    fn topic_by_id(&self, id: u128) -> Option<Topic> {
        self.state()
            .topic_by_id(Uuid::from_u128(id))
            .map(|topic| shown(topic))
    }

    /// The broker's own topics match nothing.
    fn matching(&self, expression: &str) -> Vec<Arc<str>> {
        let Ok(expression) = expression::parse(expression) else {
            return Vec::new();
        };
        let state = self.state();
        let topics = state
            .topics()
            .filter(|topic| !topic.internal && expression.is_match(&topic.name));
        topics.map(|topic| Arc::from(topic.name.as_str())).collect()
    }

    fn terms(&self, group: &str) -> Terms {
        let state = self.state();
        let config = state.group_config(group);
        Terms {
            session_timeout_ms: config.consumer_session_timeout_ms,
            heartbeat_interval_ms: config.consumer_heartbeat_interval_ms,
            assignment_interval_ms: config.consumer_assignment_interval_ms,
        }
    }
}

fn shown(topic: &catalog::Topic) -> Topic {
    Topic {
        name: Arc::from(topic.name.as_str()),
        id: topic.id.as_u128(),
        partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
    }
}
