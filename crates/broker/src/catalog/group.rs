//! The configurations of groups: those on which anything is set, and the one that all others have.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::change::Resource;
use super::follow::settings;
use super::image::{Image, Values};
use super::state::State;
use crate::Error;
use crate::config::{BrokerConfig, GroupConfig, Settings};

/// What every group has, whether it exists or not.
#[derive(Debug)]
pub(super) struct GroupConfigs {
    set: BTreeMap<String, Arc<GroupConfig>>,
    others: Arc<GroupConfig>,
}

impl GroupConfigs {
    /// Those that `image` describes, taking over from `before` what has not changed.
    ///
    /// # Errors
    /// When the broker's defaults are out of its own bounds.
    pub(super) fn follow(
        before: Option<&State>,
        image: &Image,
        broker: &Arc<BrokerConfig>,
    ) -> Result<Self, Error> {
        let before = before.filter(|before| Arc::ptr_eq(&before.config, broker));
        let others = match before {
            Some(before) => Arc::clone(&before.groups.others),
            None => Arc::new(GroupConfig::resolve(Settings::default(), broker)?),
        };
        let config = |(id, values): (&str, &Values)| {
            let kept = before.and_then(|before| unchanged(before, id, values));
            let config = kept.unwrap_or_else(|| resolve(id, values, broker, &others));
            (id.to_owned(), config)
        };
        let set = image.groups().map(config).collect();
        Ok(Self { set, others })
    }

    /// What the group has.
    pub(super) fn of(&self, group: &str) -> &Arc<GroupConfig> {
        self.set.get(group).unwrap_or(&self.others)
    }
}

fn unchanged(before: &State, id: &str, values: &Values) -> Option<Arc<GroupConfig>> {
    let resource = Resource::Group(id.to_owned());
    let same = before.image.config(&resource) == Some(values);
    before.groups.set.get(id).filter(|_| same).cloned()
}

/// What was set is within the bounds of its time; a broker that has other ones since does not stop over it.
fn resolve(
    id: &str,
    values: &Values,
    broker: &BrokerConfig,
    others: &Arc<GroupConfig>,
) -> Arc<GroupConfig> {
    let own = settings(GroupConfig::TABLE, Some(values));
    match GroupConfig::resolve(own, broker) {
        Ok(config) => Arc::new(config),
        Err(error) => {
            tracing::warn!(group = id, %error, "settings of the group ignored");
            Arc::clone(others)
        }
    }
}
