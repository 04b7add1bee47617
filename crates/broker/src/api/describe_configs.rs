//! DescribeConfigs: every setting of a resource, its value, and who set it.
//!
//! - 3: types and documentation

use std::borrow::Cow;
use std::collections::HashSet;

use millstream_wire::api::describe_configs::{
    Config, Request, Resource as Asked, ResourceResult, Response, Synonym,
};
use tracing::level_filters::LevelFilter;

use super::resources::{in_force, resource, this_broker};
use crate::catalog::{Resource, State};
use crate::config::{Entry, Source, Type};
use crate::connection::RequestContext;
use crate::error::report;
use crate::resource_type::BROKER_LOGGER;
use crate::{Broker, Error};

/// Kafka's number for the source of a log level.
const LOGGER_SOURCE: i8 = 6;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let state = broker.catalog().state();
    let mut seen = HashSet::new();
    let once = |asked: &&Asked<'a>| seen.insert((asked.resource_type, asked.resource_name));
    let results = request.resources.iter().filter(once).map(|asked| {
        let (configs, error) = match configs(&state, asked, &request) {
            Ok(configs) => (configs, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let (error_code, error_message) = report(error.as_ref());
        ResourceResult {
            error_code,
            error_message,
            resource_type: asked.resource_type,
            resource_name: Cow::Borrowed(asked.resource_name),
            configs,
        }
    });
    Response {
        results: results.collect(),
        ..Response::default()
    }
}

fn configs(
    state: &State,
    asked: &Asked<'_>,
    request: &Request<'_>,
) -> Result<Vec<Config<'static>>, Error> {
    let mut configs = match asked.resource_type {
        BROKER_LOGGER => vec![log_level(state, asked.resource_name)?],
        _ => settings(state, asked, request)?,
    };
    let keys = asked
        .configuration_keys
        .as_ref()
        .filter(|keys| !keys.is_empty());
    configs.retain(|config| keys.is_none_or(|keys| keys.contains(&config.name.as_ref())));
    Ok(configs)
}

fn settings(
    state: &State,
    asked: &Asked<'_>,
    request: &Request<'_>,
) -> Result<Vec<Config<'static>>, Error> {
    let resource = resource(state, asked.resource_type, asked.resource_name)?;
    let mut entries = in_force(state, &resource)?;
    if resource == Resource::Broker(None) {
        entries.retain_mut(altered_everywhere);
    }
    let config = |entry: Entry| Config {
        read_only: match resource {
            Resource::Broker(_) => !entry.def.dynamic,
            _ => entry.def.read_only,
        },
        ..described(entry, request)
    };
    Ok(entries.into_iter().map(config).collect())
}

/// Keeps what is altered for every broker, as the others see it.
fn altered_everywhere(entry: &mut Entry) -> bool {
    entry
        .synonyms
        .retain(|synonym| synonym.source == Source::DynamicDefaultBroker);
    let Some(altered) = entry.synonyms.first() else {
        return false;
    };
    entry.value.clone_from(&altered.value);
    entry.source = altered.source;
    true
}

fn described(entry: Entry, request: &Request<'_>) -> Config<'static> {
    let synonym = |synonym: crate::config::Synonym| Synonym {
        name: Cow::Borrowed(synonym.name),
        value: synonym.value.map(Cow::Owned),
        source: synonym.source.id(),
    };
    let synonyms = entry
        .synonyms
        .into_iter()
        .filter(|_| request.include_synonyms)
        .map(synonym);
    Config {
        name: Cow::Borrowed(entry.def.name),
        value: entry.value.map(Cow::Owned),
        read_only: false,
        config_source: entry.source.id(),
        is_sensitive: entry.def.sensitive,
        synonyms: synonyms.collect(),
        config_type: entry.def.kind.id(),
        documentation: request
            .include_documentation
            .then_some(Cow::Borrowed(entry.def.doc)),
    }
}

/// The most that is logged by any part of the broker.
fn log_level(state: &State, name: &str) -> Result<Config<'static>, Error> {
    this_broker(state, name)?;
    Ok(Config {
        name: Cow::Borrowed("root"),
        value: Some(Cow::Owned(
            LevelFilter::current().to_string().to_uppercase(),
        )),
        read_only: true,
        config_source: LOGGER_SOURCE,
        config_type: Type::String.id(),
        ..Config::default()
    })
}
