//! OffsetCommit: a group, or a consumer on its own, says how far it has come. In a queue that acknowledges.
//!
//! - 2 to 4: the client may say for how long
//! - 6: leader epochs; 7: static members
//! - 9: members of consumer groups; an unknown group is GROUP_ID_NOT_FOUND, before it is ILLEGAL_GENERATION
//! - 10: topics by id

use std::borrow::Cow;
use std::sync::Arc;

use millstream_groups::{Committer, Error as GroupError, NewOffset};
use millstream_wire::ErrorCode;
use millstream_wire::api::offset_commit::{
    Partition, PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use crate::catalog::Topic;
use crate::connection::RequestContext;
use crate::error::code_of;
use crate::queues::Position;
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
    let positions: Vec<Position> = topics
        .iter()
        .filter_map(|(asked, topic)| topic.as_ref().ok().map(|topic| (asked, topic)))
        .flat_map(|(asked, topic)| positions(asked, topic))
        .collect();
    let outcomes = commit(broker, &request, positions, context).await;
    let mut outcomes = outcomes.into_iter();
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
fn positions(asked: &Asked<'_>, topic: &Topic) -> Vec<Position> {
    let name: Arc<str> = Arc::from(topic.name.as_str());
    let offset = |partition: &Partition<'_>| NewOffset {
        topic: Arc::clone(&name),
        topic_id: topic.id.as_u128(),
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: Arc::from(partition.committed_metadata.unwrap_or_default()),
    };
    let offsets = asked.partitions.iter().map(offset);
    offsets
        .filter_map(|offset| Position::new(topic, offset))
        .collect()
}

fn exists(partition: &Partition<'_>, topic: &Topic) -> bool {
    topic.partition(partition.partition_index).is_ok()
}

/// One code for each position, in their order.
async fn commit(
    broker: &Broker,
    request: &Request<'_>,
    mut positions: Vec<Position>,
    context: &RequestContext<'_>,
) -> Vec<ErrorCode> {
    if positions.is_empty() {
        return Vec::new();
    }
    let group = request.group_id;
    let who = Committer {
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        generation: request.generation_id_or_member_epoch,
        knows_epochs: context.version.n >= 9,
        retention_ms: Some(request.retention_time_ms).filter(|ms| *ms >= 0),
    };
    let outcomes = broker.groups().run(group, |groups, now, effects| {
        let offsets = Position::held(&mut positions, groups, group);
        groups.commit(group, &who, offsets, now, effects)
    });
    match outcomes
        .await
        .and_then(|outcomes| outcomes.map_err(Error::from))
    {
        Ok(outcomes) => {
            let results = positions.iter().zip(outcomes).map(|(position, outcome)| {
                outcome
                    .map_err(Error::from)
                    .and_then(|()| position.acknowledge())
            });
            results.map(|result| code_of(&result)).collect()
        }
        Err(error) => vec![refusal(&error, context); positions.len()],
    }
}

/// Older clients know only that their generation is over.
fn refusal(error: &Error, context: &RequestContext<'_>) -> ErrorCode {
    match error {
        Error::Group(GroupError::GroupIdNotFound(_)) if context.version.n < 9 => {
            ErrorCode::ILLEGAL_GENERATION
        }
        error => error.code(),
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
