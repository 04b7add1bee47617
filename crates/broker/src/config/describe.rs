//! How a setting came to its value: what DescribeConfigs answers.

use super::def::ConfigDef;
use super::layer::{Layer, Source};

/// One setting with the value in force.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The setting.
    pub def: &'static ConfigDef,
    /// The value in force; `None` when it is null or a secret.
    pub value: Option<String>,
    /// Who set the value in force.
    pub source: Source,
    /// Every value that was found, the one in force first, the default last.
    pub synonyms: Vec<Synonym>,
}

/// A value found on the way from the most specific source to the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonym {
    /// The name under which the value was set.
    pub name: &'static str,
    /// The value as set; `None` when it is null or a secret.
    pub value: Option<String>,
    /// Who set it.
    pub source: Source,
}

/// Everything said about `def`: one value per layer that sets it, then its default if it has one.
pub(super) fn trail(def: &'static ConfigDef, layers: &[Layer]) -> Vec<Synonym> {
    let set = layers
        .iter()
        .filter_map(|layer| Some((layer.settings.get(def.name)?, layer.source)));
    let default = (!def.default_is_null()).then_some((def.default, Source::Default));
    set.chain(default)
        .map(|(text, source)| Synonym {
            name: def.name,
            value: shown(def, text),
            source,
        })
        .collect()
}

/// A value as DescribeConfigs shows it: secrets and nulls are not shown.
pub(super) fn shown(def: &ConfigDef, text: &str) -> Option<String> {
    let hidden = def.sensitive || (def.nullable && text.is_empty());
    (!hidden).then(|| text.to_owned())
}

/// The value that the most specific layer sets for `name`.
pub(super) fn explicit<'a>(name: &str, layers: &'a [Layer]) -> Option<(&'a str, Source)> {
    layers
        .iter()
        .find_map(|layer| Some((layer.settings.get(name)?, layer.source)))
}
