//! OffsetCommit: a group, or a consumer on its own, says how far it has come.
//!
//! - 2 to 4: the client may say for how long
//! - 6: leader epochs; 7: static members
//! - 9: an unknown group is GROUP_ID_NOT_FOUND, before it is ILLEGAL_GENERATION
//! - 10: topics by id

use std::borrow::Cow;
use std::sync::Arc;

use millstream_groups::{Committer, NewOffset};
use millstream_wire::ErrorCode;
use millstream_wire::api::offset_commit::{
    Partition, PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use crate::catalog::Topic;
use crate::connection::RequestContext;
use crate::error::code_of;
use crate::topic_key::TopicKey;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in &request.topics {
        let topic = find(broker, request.group_id, asked, context);
        topics.push((asked, topic.await));
    }
    let offsets: Vec<NewOffset> = topics
        .iter()
        .filter_map(|(asked, topic)| topic.as_ref().ok().map(|topic| (asked, topic)))
        .flat_map(|(asked, topic)| offsets(asked, topic))
        .collect();
    let mut outcomes = commit(broker, &request, offsets, context).await;
    let results = topics
        .iter()
        .map(|(asked, topic)| result(asked, topic.as_ref(), &mut outcomes));
    Response {
        topics: results.collect(),
        ..Response::default()
    }
}

/// A topic in which `group` may commit.
async fn find(
    broker: &Broker,
    group: &str,
    asked: &Asked<'_>,
    context: &RequestContext<'_>,
) -> Result<Arc<Topic>, Error> {
    let key = TopicKey::new(context.version.n >= 10, asked.name, asked.topic_id);
    let topic = key.find(broker.catalog()).ok_or_else(|| key.unknown())?;
    broker.attach(&topic, group).await?;
    Ok(topic)
}

/// What is committed in partitions that exist.
fn offsets(asked: &Asked<'_>, topic: &Topic) -> Vec<NewOffset> {
    let name: Arc<str> = Arc::from(topic.name.as_str());
    let known = asked.partitions.iter().filter(|one| exists(one, topic));
    let offset = |partition: &Partition<'_>| NewOffset {
        topic: Arc::clone(&name),
        topic_id: topic.id.as_u128(),
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: Arc::from(partition.committed_metadata.unwrap_or_default()),
    };
    known.map(offset).collect()
}

fn exists(partition: &Partition<'_>, topic: &Topic) -> bool {
    topic.partition(partition.partition_index).is_ok()
}

/// One code for each offset, in their order.
async fn commit(
    broker: &Broker,
    request: &Request<'_>,
    offsets: Vec<NewOffset>,
    context: &RequestContext<'_>,
) -> impl Iterator<Item = ErrorCode> {
    let count = offsets.len();
    let who = Committer {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        generation: request.generation_id_or_member_epoch,
        retention_ms: Some(request.retention_time_ms).filter(|ms| *ms >= 0),
    };
    let codes = if count == 0 {
        Vec::new()
    } else {
        let outcomes = broker
            .groups()
            .run(request.group_id, |groups, now, effects| {
                groups.commit(request.group_id, &who, offsets, now, effects)
            });
        match outcomes
            .await
            .and_then(|outcomes| outcomes.map_err(Error::from))
        {
            Ok(outcomes) => {
                let code = |outcome: Result<(), _>| code_of(&outcome.map_err(Error::from));
                outcomes.into_iter().map(code).collect()
            }
            Err(error) => vec![refusal(&error, context); count],
        }
    };
    codes.into_iter()
}

/// Older clients know only that their generation is over.
fn refusal(error: &Error, context: &RequestContext<'_>) -> ErrorCode {
    match error.code() {
        ErrorCode::GROUP_ID_NOT_FOUND if context.version.n < 9 => ErrorCode::ILLEGAL_GENERATION,
        code => code,
    }
}

fn result<'a>(
    asked: &Asked<'a>,
    topic: Result<&Arc<Topic>, &Error>,
    outcomes: &mut impl Iterator<Item = ErrorCode>,
) -> TopicResult<'a> {
    let mut code = |partition: &Partition<'_>| match topic {
        Err(error) => error.code(),
        Ok(topic) if !exists(partition, topic) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Ok(_) => outcomes.next().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR),
    };
    let partition = |partition: &Partition<'_>| PartitionResult {
        partition_index: partition.partition_index,
        error_code: code(partition),
    };
    TopicResult {
        name: Cow::Borrowed(asked.name),
        topic_id: asked.topic_id,
        partitions: asked.partitions.iter().map(partition).collect(),
    }
}
