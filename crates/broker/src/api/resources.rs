//! What settings belong to, as requests name it, and how they are altered.
//!
//! AlterConfigs and IncrementalAlterConfigs say the same thing in two ways; both become an [`Alteration`].

use std::borrow::Cow;

use millstream_wire::ErrorCode;

use super::distinct::distinct;
use crate::catalog::{Resource, State};
use crate::config::{
    BrokerConfig, ClientMetricsConfig, Entry, GroupConfig, Settings, Source, Table, TopicConfig,
};
use crate::error::report;
use crate::queues::keep_acknowledged;
use crate::resource_type::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::{Broker, Error};

/// The resource of that type and name, if there is one with settings.
pub(crate) fn resource(state: &State, resource_type: i8, name: &str) -> Result<Resource, Error> {
    match resource_type {
        TOPIC => {
            crate::catalog::validate(name)?;
            state
                .topic(name)
                .ok_or_else(|| Error::UnknownTopic(name.to_owned()))?;
            Ok(Resource::Topic(name.to_owned()))
        }
        BROKER if name.is_empty() => Ok(Resource::Broker(None)),
        BROKER | BROKER_LOGGER => this_broker(state, name).map(|id| Resource::Broker(Some(id))),
        GROUP if name.is_empty() => Err(Error::InvalidRequest("the group has no name".to_owned())),
        GROUP => Ok(Resource::Group(name.to_owned())),
        CLIENT_METRICS if name.is_empty() => Err(Error::InvalidRequest(
            "the subscription has no name".to_owned(),
        )),
        CLIENT_METRICS => Ok(Resource::ClientMetrics(name.to_owned())),
        other => Err(Error::InvalidRequest(format!(
            "resources of type {other} have no settings"
        ))),
    }
}

/// The id of this broker, which `name` must be.
pub(crate) fn this_broker(state: &State, name: &str) -> Result<i32, Error> {
    let node_id = state.config().node_id;
    if name.parse() == Ok(node_id) {
        return Ok(node_id);
    }
    Err(Error::InvalidRequest(format!(
        "unexpected broker id {name:?}: this broker is {node_id}"
    )))
}

/// What is done to one setting.
#[derive(Debug)]
pub(crate) enum Operation {
    Set(String),
    /// Back to the default.
    Delete,
    /// Adds items to a list.
    Append(String),
    /// Takes items out of a list.
    Subtract(String),
}

/// What is done to the settings of one resource.
#[derive(Debug)]
pub(crate) struct Alteration {
    /// Whether settings that are not named stay as they are; otherwise they go back to their defaults, but for
    /// those that the broker alone sets.
    pub(crate) incremental: bool,
    pub(crate) operations: Vec<(String, Operation)>,
}

/// What a request wants of one resource, if it makes sense.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) resource_type: i8,
    pub(crate) resource_name: &'a str,
    pub(crate) alteration: Result<Alteration, Error>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) resource_type: i8,
    pub(crate) resource_name: &'a str,
    pub(crate) error_code: ErrorCode,
    pub(crate) error_message: Option<Cow<'static, str>>,
}

/// Alters resources one after the other; one that cannot be keeps none of the others from it.
pub(crate) async fn alter<'a>(
    broker: &Broker,
    asked: Vec<Asked<'a>>,
    validate_only: bool,
) -> Vec<Report<'a>> {
    let mut reports = Vec::with_capacity(asked.len());
    for asked in asked {
        let (resource_type, resource_name) = (asked.resource_type, asked.resource_name);
        let outcome = asked.carry_out(broker, validate_only).await;
        let (error_code, error_message) = report(outcome.err().as_ref());
        reports.push(Report {
            resource_type,
            resource_name,
            error_code,
            error_message,
        });
    }
    reports
}

impl Asked<'_> {
    /// Carries it out, or only says whether it could be. All of it takes effect, or nothing does.
    async fn carry_out(self, broker: &Broker, validate_only: bool) -> Result<(), Error> {
        let alteration = self.alteration?;
        let state = broker.catalog().state();
        if self.resource_type == BROKER_LOGGER {
            let reason = "log levels are set where the broker is started".to_owned();
            return Err(Error::InvalidRequest(reason));
        }
        let resource = resource(&state, self.resource_type, self.resource_name)?;
        if validate_only {
            return alteration.outcome(&state, &resource).map(drop);
        }
        if let Resource::Topic(name) = &resource
            && let Some(topic) = state.topic(name)
            && topic.config().queue_enable
        {
            // It may be no queue afterwards, and then nobody looks at the commits.
            keep_acknowledged(topic).await?;
        }
        let of = resource.clone();
        broker
            .catalog()
            .configure(resource, move |state| alteration.outcome(state, &of))
            .await
    }
}

impl Alteration {
    /// What would be set on the resource afterwards.
    fn outcome(&self, state: &State, resource: &Resource) -> Result<Settings, Error> {
        for (_, judged) in distinct(&self.operations, |(name, _)| name) {
            judged?;
        }
        let in_force = in_force(state, resource)?;
        let table = resource.table();
        let before = state.settings(resource);
        let mut settings = match self.incremental {
            true => before.clone(),
            false => before.read_only(table),
        };
        for (name, operation) in &self.operations {
            operation.apply(&mut settings, table, name, &in_force)?;
        }
        settings.check_read_only(table, &before)?;
        check(state, resource, &settings)?;
        Ok(settings)
    }
}

impl Operation {
    fn apply(
        &self,
        settings: &mut Settings,
        table: Table,
        name: &str,
        in_force: &[Entry],
    ) -> Result<(), Error> {
        let list = || {
            let entry = in_force.iter().find(|entry| entry.def.name == name);
            entry
                .and_then(|entry| entry.value.as_deref())
                .unwrap_or_default()
        };
        match self {
            Self::Set(value) => settings.set(table, name, value)?,
            // What was never set, known or not, is as it should be.
            Self::Delete => drop(settings.remove(table, name)),
            Self::Append(items) => settings.append(table, name, list(), items)?,
            Self::Subtract(items) => settings.subtract(table, name, list(), items)?,
        }
        Ok(())
    }
}

/// Every setting of the resource with its value.
pub(crate) fn in_force(state: &State, resource: &Resource) -> Result<Vec<Entry>, Error> {
    match resource {
        Resource::Topic(name) => state
            .topic(name)
            .map(|topic| topic.config().describe(state.config()))
            .ok_or_else(|| Error::UnknownTopic(name.clone())),
        Resource::Broker(_) => Ok(state.config().describe()),
        Resource::Group(id) => Ok(state.group_config(id).describe(state.config())),
        Resource::ClientMetrics(_) => {
            let subscription = ClientMetricsConfig::resolve(state.settings(resource))?;
            Ok(subscription.describe(state.config()))
        }
    }
}

/// Refuses settings that contradict each other, or that a running broker does not change.
fn check(state: &State, resource: &Resource, settings: &Settings) -> Result<(), Error> {
    let config = state.config();
    match resource {
        Resource::Topic(name) => {
            let wanted = TopicConfig::resolve(settings.clone(), config)?;
            state.check_queue(name, &wanted)
        }
        Resource::Group(_) => Ok(GroupConfig::resolve(settings.clone(), config).map(drop)?),
        Resource::ClientMetrics(_) => Ok(ClientMetricsConfig::resolve(settings.clone()).map(drop)?),
        Resource::Broker(id) => check_broker(config, *id, settings),
    }
}

fn check_broker(config: &BrokerConfig, id: Option<i32>, settings: &Settings) -> Result<(), Error> {
    for (name, _) in settings.iter() {
        if !BrokerConfig::TABLE.find(name)?.dynamic {
            return Err(Error::InvalidRequest(format!(
                "{name} cannot change while the broker runs"
            )));
        }
    }
    match id {
        None => config.alter(settings.clone(), config.layer(Source::DynamicBroker))?,
        _ => config.alter(config.layer(Source::DynamicDefaultBroker), settings.clone())?,
    };
    Ok(())
}
