//! CreateTopics: makes topics, or says whether they could be made.
//!
//! - 4: -1 partitions or replicas mean the broker's defaults
//! - 5: answers with the settings in force; 7: and with the topic's id

use std::borrow::Cow;

use millstream_wire::api::create_topics::{
    Assignment, ConfigResult, Request, Response, Topic as Wanted, TopicResult,
};
use uuid::Uuid;

use super::distinct::distinct;
use crate::catalog::{NewTopic, State, is_internal};
use crate::config::{Settings, TopicConfig};
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

/// There is one broker, so that there is one replica.
const REPLICATION_FACTOR: i16 = 1;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut topics = Vec::with_capacity(request.topics.len());
    for (wanted, judged) in distinct(&request.topics, |topic| topic.name) {
        let outcome = match judged {
            Ok(()) => create(broker, wanted, request.validate_only).await,
            Err(error) => Err(error),
        };
        topics.push(TopicResult {
            name: Cow::Borrowed(wanted.name),
            ..outcome.unwrap_or_else(|error| refused(&error))
        });
    }
    Response {
        topics,
        ..Response::default()
    }
}

fn refused(error: &Error) -> TopicResult<'static> {
    let (error_code, error_message) = report(Some(error));
    TopicResult {
        error_code,
        error_message,
        configs: Some(Vec::new()),
        ..TopicResult::default()
    }
}

/// What the topic is like, or would be like, once it is there.
async fn create(
    broker: &Broker,
    wanted: &Wanted<'_>,
    validate_only: bool,
) -> Result<TopicResult<'static>, Error> {
    let state = broker.catalog().state();
    let topic = wish(&state, wanted)?;
    let config = TopicConfig::resolve(topic.overrides.clone(), state.config())?;
    let num_partitions = topic.partitions;
    let topic_id = if validate_only {
        broker.catalog().check(&topic)?;
        Uuid::nil()
    } else {
        broker.catalog().create_topic(topic).await?.id
    };
    let configs = config
        .describe(state.config())
        .into_iter()
        .map(|entry| ConfigResult {
            name: Cow::Borrowed(entry.def.name),
            value: entry.value.map(Cow::Owned),
            read_only: entry.def.read_only,
            config_source: entry.source.id(),
            is_sensitive: entry.def.sensitive,
        });
    Ok(TopicResult {
        topic_id,
        num_partitions,
        replication_factor: REPLICATION_FACTOR,
        configs: Some(configs.collect()),
        ..TopicResult::default()
    })
}

fn wish(state: &State, wanted: &Wanted<'_>) -> Result<NewTopic, Error> {
    if is_internal(wanted.name) {
        return Err(Error::InternalTopic(wanted.name.to_owned()));
    }
    let partitions = match wanted.assignments.as_slice() {
        [] => counted(state, wanted)?,
        assignments => assigned(state, wanted, assignments)?,
    };
    let overrides = overrides(wanted)?;
    Ok(NewTopic {
        name: wanted.name.to_owned(),
        partitions,
        overrides,
    })
}

fn counted(state: &State, wanted: &Wanted<'_>) -> Result<i32, Error> {
    match (wanted.replication_factor, wanted.num_partitions) {
        (-1 | REPLICATION_FACTOR, -1) => Ok(state.config().num_partitions),
        (-1 | REPLICATION_FACTOR, partitions) => Ok(partitions),
        (other, _) => Err(Error::ReplicationFactor(other)),
    }
}

/// The number of partitions that the client has placed by hand, each on the only broker there is.
fn assigned(state: &State, wanted: &Wanted<'_>, assignments: &[Assignment]) -> Result<i32, Error> {
    if wanted.num_partitions != -1 || wanted.replication_factor != -1 {
        let reason = "numbers of partitions and replicas must be -1 beside a manual assignment";
        return Err(Error::InvalidRequest(reason.to_owned()));
    }
    let mut indexes: Vec<_> = assignments
        .iter()
        .map(|placed| placed.partition_index)
        .collect();
    indexes.sort_unstable();
    if !indexes
        .iter()
        .copied()
        .eq(0..i32::try_from(indexes.len()).unwrap_or(i32::MAX))
    {
        return Err(Error::Assignment(
            "partitions must be numbered from 0 without gaps".to_owned(),
        ));
    }
    let node_id = state.config().node_id;
    assignments
        .iter()
        .try_for_each(|placed| placement(&placed.broker_ids, node_id))?;
    Ok(i32::try_from(assignments.len()).unwrap_or(i32::MAX))
}

/// Refuses replicas anywhere but on the only broker there is.
pub(crate) fn placement(brokers: &[i32], node_id: i32) -> Result<(), Error> {
    if brokers == [node_id] {
        return Ok(());
    }
    Err(Error::Assignment(format!(
        "{brokers:?} must be [{node_id}], the only broker there is"
    )))
}

fn overrides(wanted: &Wanted<'_>) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    for config in &wanted.configs {
        let missing = || Error::NoValue(config.name.to_owned());
        let value = config.value.ok_or_else(missing)?;
        settings.set(TopicConfig::TABLE, config.name, value)?;
    }
    settings.check_read_only(TopicConfig::TABLE, &Settings::default())?;
    Ok(settings)
}
