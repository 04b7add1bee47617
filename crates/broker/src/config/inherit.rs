//! How what a topic or a group does not set itself comes from its broker.

use super::broker::BrokerConfig;
use super::def::ConfigDef;
use super::describe::{Entry, Synonym, explicit, shown, trail};
use super::layer::{Layer, Source};
use super::value::Value;

/// The text in force: the resource's own, else the default of a queue, else that of the most specific
/// broker setting, else the default.
pub(super) fn in_force(
    def: &'static ConfigDef,
    own: &[Layer],
    broker: &BrokerConfig,
) -> (String, Source) {
    if let Some((text, source)) = explicit(def.name, own) {
        return (text.to_owned(), source);
    }
    if let Some(default) = of_queue(def, own) {
        return (default.to_owned(), Source::Default);
    }
    let set = def.from.iter().find_map(|(name, factor)| {
        broker
            .explicit(name)
            .map(|(text, source)| (scaled(text, *factor), source))
    });
    set.unwrap_or_else(|| (def.default.to_owned(), Source::Default))
}

/// Everything said about `def`: the values of the resource's own, then those that its broker has for it.
pub(super) fn entry(def: &'static ConfigDef, own: &[Layer], broker: &BrokerConfig) -> Entry {
    let (text, source) = in_force(def, own, broker);
    let mut synonyms = trail(def, own);
    if let Some(default) = of_queue(def, own) {
        let last = synonyms.pop_if(|last| last.source == Source::Default);
        synonyms.extend(last.map(|last| Synonym {
            value: Some(default.to_owned()),
            ..last
        }));
    } else if !def.from.is_empty() {
        synonyms.pop_if(|last| last.source == Source::Default);
        let from = def.from.iter().flat_map(|(name, _)| broker.trail(name));
        let mut inherited: Vec<_> = from.collect();
        inherited.sort_by_key(|synonym| synonym.source.id());
        synonyms.append(&mut inherited);
    }
    Entry {
        def,
        value: shown(def, &text),
        source,
        synonyms,
    }
}

/// The default that a queue has in the place of the broker's, if this is a queue.
fn of_queue(def: &'static ConfigDef, own: &[Layer]) -> Option<&'static str> {
    let is_queue = || explicit("queue.enable", own).and_then(|(text, _)| bool::parse(text));
    def.of_queue.filter(|_| is_queue() == Some(true))
}

/// A number in the setting's own unit; -1, Kafka's "no limit", is one in every unit.
fn scaled(text: &str, factor: i64) -> String {
    match (factor, text.trim().parse::<i64>()) {
        (1, _) | (_, Err(_)) => text.to_owned(),
        (_, Ok(number)) if number < 0 => number.to_string(),
        (factor, Ok(number)) => number.saturating_mul(factor).to_string(),
    }
}
