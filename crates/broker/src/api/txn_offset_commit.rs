//! TxnOffsetCommit: says how far a group has come, once a transaction commits.
//!
//! - 2: leader epochs; 3: for which member
//! - 5: the group becomes part of the transaction by this

use std::borrow::Cow;
use std::sync::Arc;

use millstream_groups::{Committer, Error as GroupError, NewOffset};
use millstream_transactions::{Error as Refusal, Producer};
use millstream_wire::ErrorCode;
use millstream_wire::api::txn_offset_commit::{
    Partition, PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use super::transactional;
use crate::catalog::Topic;
use crate::connection::RequestContext;
use crate::queues::Position;
use crate::transactions::{Commit, Writer};
use crate::{Broker, Error};

/// The first version by which a group becomes part of the transaction (KIP-890).
const FIRST_ADDING: i16 = 5;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in &request.topics {
        let topic = find(broker, request.group_id, asked);
        topics.push((asked, topic.await));
    }
    let mut positions: Vec<Position> = topics
        .iter()
        .filter_map(|(asked, topic)| topic.as_ref().ok().map(|topic| (asked, topic)))
        .flat_map(|(asked, topic)| positions(asked, topic))
        .collect();
    let outcomes = commit(broker, &request, &mut positions, context.version.n).await;
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
async fn find(broker: &Broker, group: &str, asked: &Asked<'_>) -> Result<Arc<Topic>, Error> {
    let topic = broker.catalog().topic(asked.name);
    let topic = topic.ok_or_else(|| Error::UnknownTopic(asked.name.to_owned()))?;
    if group.is_empty() {
        return Err(GroupError::InvalidGroupId.into());
    }
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

/// One code for each position, in their order.
async fn commit(
    broker: &Broker,
    request: &Request<'_>,
    positions: &mut [Position],
    version: i16,
) -> Vec<ErrorCode> {
    if positions.is_empty() {
        return Vec::new();
    }
    let committed = match transactional::id(request.transactional_id) {
        Ok(id) => {
            let commit = asked(request, id, version);
            let transactions = broker.transactions();
            transactions.commit_offsets(commit, positions).await
        }
        Err(error) => Err(error),
    };
    match committed {
        Ok(outcomes) => {
            let code = |outcome: Result<(), GroupError>| match outcome {
                Ok(()) => ErrorCode::NONE,
                Err(error) => Error::from(error).code(),
            };
            outcomes.into_iter().map(code).collect()
        }
        Err(error) => vec![refusal(&error); positions.len()],
    }
}

fn asked<'a>(request: &Request<'a>, id: &'a str, version: i16) -> Commit<'a> {
    Commit {
        writer: Writer {
            id,
            producer: Producer {
                id: request.producer_id,
                epoch: request.producer_epoch,
            },
            adds: version >= FIRST_ADDING,
        },
        group: request.group_id,
        member: Committer {
            member_id: request.member_id,
            instance_id: request.group_instance_id,
            generation: request.generation_id,
            knows_epochs: true,
            retention_ms: None,
        },
    }
}

/// Positions go the way of records, where who is fenced learns it by its epoch. Of generations and epochs of members
/// clients know only that theirs is over.
fn refusal(error: &Error) -> ErrorCode {
    match error {
        Error::Group(GroupError::GroupIdNotFound(_) | GroupError::StaleMemberEpoch { .. }) => {
            ErrorCode::ILLEGAL_GENERATION
        }
        Error::Transaction {
            error: Refusal::Fenced,
            ..
        } => ErrorCode::INVALID_PRODUCER_EPOCH,
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
        Ok(topic) if topic.partition(partition.partition_index).is_err() => {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        }
        Ok(_) => outcomes.next().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR),
    };
    let partition = |partition: &Partition<'_>| PartitionResult {
        partition_index: partition.partition_index,
        error_code: code(partition),
    };
    TopicResult {
        name: Cow::Borrowed(asked.name),
        partitions: asked.partitions.iter().map(partition).collect(),
    }
}
