//! What a topic is like that is made because somebody needs it, not because somebody described it.

use super::name::{OFFSETS, SHARES, TRANSACTIONS};
use super::plan::NewTopic;
use crate::Error;
use crate::config::{BrokerConfig, Settings, TopicConfig};

/// Such a topic of that name.
pub(super) fn of(name: &str, broker: &BrokerConfig) -> Result<NewTopic, Error> {
    let (partitions, overrides) = match name {
        OFFSETS => (broker.offsets_topic_num_partitions, offsets(broker)?),
        SHARES => (
            broker.share_coordinator_state_topic_num_partitions,
            shares(broker)?,
        ),
        TRANSACTIONS => (
            broker.transaction_state_log_num_partitions,
            transactions(broker)?,
        ),
        _ => (broker.num_partitions, Settings::default()),
    };
    Ok(NewTopic {
        name: name.to_owned(),
        partitions,
        overrides,
    })
}

fn offsets(broker: &BrokerConfig) -> Result<Settings, Error> {
    let segment_bytes = broker.offsets_topic_segment_bytes.to_string();
    settings(&[
        ("cleanup.policy", "compact"),
        ("compression.type", "producer"),
        ("segment.bytes", &segment_bytes),
    ])
}

fn transactions(broker: &BrokerConfig) -> Result<Settings, Error> {
    let segment_bytes = broker.transaction_state_log_segment_bytes.to_string();
    settings(&[
        ("cleanup.policy", "compact"),
        ("compression.type", "uncompressed"),
        ("segment.bytes", &segment_bytes),
    ])
}

/// Nothing goes by age: the coordinator itself knows what is not needed any more.
fn shares(broker: &BrokerConfig) -> Result<Settings, Error> {
    let segment_bytes = broker
        .share_coordinator_state_topic_segment_bytes
        .to_string();
    settings(&[
        ("cleanup.policy", "delete"),
        ("retention.ms", "-1"),
        ("retention.bytes", "-1"),
        ("compression.type", "producer"),
        ("segment.bytes", &segment_bytes),
    ])
}

fn settings(wanted: &[(&'static str, &str)]) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    for (name, value) in wanted {
        settings.set(TopicConfig::TABLE, name, value)?;
    }
    Ok(settings)
}
