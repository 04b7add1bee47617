//! Metadata: which broker to ask for what. The only broker leads every partition.
//!
//! - 0: no topics asked for means all; later, null means all and none means none
//! - 4: the client says whether unknown topics may be made
//! - 10: topics have ids; 12: and can be asked for by them

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use millstream_wire::ErrorCode;
use millstream_wire::api::metadata::{
    Broker as Node, PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use super::authorized;
use crate::catalog::{State, Topic, unknown};
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let operations = authorized::when(
        request.include_topic_authorized_operations,
        authorized::TOPIC,
    );
    let mut topics = match &request.topics {
        Some(asked) if ids_too_early(asked, context) => {
            return refused(asked, ErrorCode::INVALID_REQUEST);
        }
        Some(asked) if !(asked.is_empty() && context.version.n == 0) => {
            named(broker, asked, request.allow_auto_topic_creation).await
        }
        _ => all(&broker.catalog().state()),
    };
    topics
        .iter_mut()
        .for_each(|topic| topic.topic_authorized_operations = operations);
    let config = broker.config();
    let advertised = &context.connection.advertised;
    Response {
        brokers: vec![Node {
            node_id: config.node_id,
            host: Cow::Borrowed(&advertised.host),
            port: advertised.port.into(),
            rack: config.broker_rack.clone().map(Cow::Owned),
        }],
        cluster_id: Some(Cow::Borrowed(broker.cluster_id())),
        controller_id: config.node_id,
        topics,
        cluster_authorized_operations: authorized::when(
            request.include_cluster_authorized_operations,
            authorized::CLUSTER,
        ),
        ..Response::default()
    }
}

/// Versions 10 and 11 have a field for the id, and no meaning for it.
fn ids_too_early(asked: &[Asked<'_>], context: &RequestContext<'_>) -> bool {
    let by_id = |topic: &Asked<'_>| topic.name.is_none() || !topic.topic_id.is_nil();
    context.version.n < 12 && asked.iter().any(by_id)
}

fn refused<'a>(asked: &[Asked<'a>], error_code: ErrorCode) -> Response<'a> {
    let topic = |topic: &Asked<'a>| TopicResult {
        error_code,
        name: Some(Cow::Borrowed(topic.name.unwrap_or_default())),
        topic_id: topic.topic_id,
        ..TopicResult::default()
    };
    Response {
        topics: asked.iter().map(topic).collect(),
        error_code,
        ..Response::default()
    }
}

fn all(state: &State) -> Vec<TopicResult<'static>> {
    state
        .topics()
        .map(|topic| described(topic, state.config().node_id))
        .collect()
}

/// Each topic once, however often it is asked for.
async fn named<'a>(broker: &Broker, asked: &[Asked<'a>], may_create: bool) -> Vec<TopicResult<'a>> {
    let config = broker.config();
    let may_create = may_create && config.auto_create_topics_enable;
    let made = match may_create {
        true => make_absent(broker, asked).await,
        false => Ok(()),
    };
    let mut seen = HashSet::new();
    let mut topics = Vec::new();
    for topic in asked {
        if seen.insert((topic.topic_id, topic.name)) {
            topics.push(match find(broker, topic, may_create) {
                Ok(found) => described(&found, config.node_id),
                Err(Error::UnknownTopic(_)) if let Err(error) = &made => unavailable(topic, error),
                Err(error) => unavailable(topic, &error),
            });
        }
    }
    topics
}

/// Makes the topics that are asked for by name and are not there.
async fn make_absent(broker: &Broker, asked: &[Asked<'_>]) -> Result<(), Error> {
    let state = broker.catalog().state();
    let named = asked.iter().filter(|topic| topic.topic_id.is_nil());
    let names = named.filter_map(|topic| topic.name);
    let absent: BTreeSet<&str> = names.filter(|name| state.topic(name).is_none()).collect();
    let absent = absent.into_iter().map(str::to_owned).collect();
    broker.catalog().ensure_topics(absent).await
}

fn find(broker: &Broker, asked: &Asked<'_>, may_create: bool) -> Result<Arc<Topic>, Error> {
    let catalog = broker.catalog();
    match asked.name {
        Some(name) if asked.topic_id.is_nil() => catalog.topic(name).ok_or_else(|| {
            if may_create {
                return catalog.why_absent(name);
            }
            unknown(name)
        }),
        _ => catalog
            .topic_by_id(asked.topic_id)
            .ok_or(Error::UnknownTopicId(asked.topic_id)),
    }
}

fn unavailable<'a>(asked: &Asked<'a>, error: &Error) -> TopicResult<'a> {
    TopicResult {
        error_code: error.code(),
        name: asked
            .name
            .filter(|_| asked.topic_id.is_nil())
            .map(Cow::Borrowed),
        topic_id: asked.topic_id,
        ..TopicResult::default()
    }
}

fn described(topic: &Topic, node_id: i32) -> TopicResult<'static> {
    let partition = |(index, epoch)| PartitionResult {
        error_code: ErrorCode::NONE,
        partition_index: index,
        leader_id: node_id,
        leader_epoch: epoch,
        replica_nodes: vec![node_id],
        isr_nodes: vec![node_id],
        offline_replicas: Vec::new(),
    };
    let epochs = topic
        .partitions()
        .iter()
        .map(|partition| partition.leader_epoch());
    TopicResult {
        error_code: ErrorCode::NONE,
        name: Some(Cow::Owned(topic.name.clone())),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions: (0..).zip(epochs).map(partition).collect(),
        ..TopicResult::default()
    }
}
