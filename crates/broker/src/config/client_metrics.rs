//! The table of the settings of subscriptions to the metrics of clients.
//!
//! They are stored and described; nobody receives metrics, so that no client is asked for any.

use super::broker::BrokerConfig;
use super::def::{ConfigDef, InvalidConfig, Table, read_value, settings};
use super::describe::{Entry, explicit};
use super::inherit::entry;
use super::layer::{Layer, Settings, Source};
use super::value::{Type, Value, list};

settings! {
    /// Which metrics which clients are to send, by one subscription.
    pub struct ClientMetricsConfig;

    /// Stored only: which metrics are sent, by the beginnings of their names; * stands for all.
    metrics: Vec<String> = "metrics", "";
    /// Stored only: milliseconds between two sendings.
    interval_ms: i32 = "interval.ms", "300000", min: 100, max: 3_600_000;
    /// Stored only: which clients send them, by what they say of themselves.
    matching: Matches = "match", "";
}

impl ClientMetricsConfig {
    /// The configuration of a subscription that sets `overrides`.
    ///
    /// # Errors
    /// When a value is not what its setting allows.
    pub fn resolve(overrides: Settings) -> Result<Self, InvalidConfig> {
        let layers = vec![Layer {
            source: Source::ClientMetrics,
            settings: overrides,
        }];
        let own = layers.clone();
        let text = |def: &ConfigDef| explicit(def.name, &own).map_or(def.default, |(text, _)| text);
        Self::read(layers, |def| text(def).to_owned())
    }

    /// Every setting with its value and where that comes from, in the order of the table.
    #[must_use]
    pub fn describe(&self, broker: &BrokerConfig) -> Vec<Entry> {
        let defs = Self::TABLE.iter();
        defs.map(|def| entry(def, &self.layers, broker)).collect()
    }
}

/// What clients can be told apart by.
const ATTRIBUTES: [&str; 6] = [
    "client_id",
    "client_instance_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Attributes of clients, each with a regular expression for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches(Vec<(String, String)>);

impl Value for Matches {
    const TYPE: Type = Type::List;
    const SHAPE: &'static str = "a list such as client_id=orders.*, of client_id, client_instance_id, client_software_name, \
         client_software_version, client_source_address and client_source_port";

    fn parse(text: &str) -> Option<Self> {
        let matching = |item: &str| {
            let (attribute, expression) = item.split_once('=')?;
            let (attribute, expression) = (attribute.trim(), expression.trim());
            let known = ATTRIBUTES.contains(&attribute) && !expression.is_empty();
            known.then(|| (attribute.to_owned(), expression.to_owned()))
        };
        list::items(text)
            .map(matching)
            .collect::<Option<_>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart_by_what_they_say_of_themselves() {
        let parses = |text: &str| Matches::parse(text).is_some();
        assert!(
            parses("") && parses("client_id=a.*") && parses("client_id=a, client_source_port=9")
        );
        assert!(!parses("nothing") && !parses("client_id=") && !parses("client_color=red"));
    }
}
