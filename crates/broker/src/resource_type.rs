//! Kafka's numbers for what settings can belong to.

/// A topic, by name.
pub(crate) const TOPIC: i8 = 2;
/// A broker, by id; without a name, every broker.
pub(crate) const BROKER: i8 = 4;
/// The log levels of a broker, by id.
pub(crate) const BROKER_LOGGER: i8 = 8;
/// A subscription to the metrics of clients, by name.
pub(crate) const CLIENT_METRICS: i8 = 16;
/// A group, by id.
pub(crate) const GROUP: i8 = 32;
