//! OffsetDelete: makes a group forget how far it has come in topics that it does not read.

use std::borrow::Cow;
use std::sync::Arc;

use millstream_wire::ErrorCode;
use millstream_wire::api::offset_delete::{
    Partition, PartitionResult, Request, Response, Topic, TopicResult,
};

use crate::connection::RequestContext;
use crate::error::code_of;
use crate::{Broker, Error};

/// What became of one offset.
type Outcome = Result<(), millstream_groups::Error>;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let group = request.group_id;
    if group.is_empty() {
        let error = Error::from(millstream_groups::Error::InvalidGroupId);
        return refused(&error);
    }
    match delete(broker, &request).await {
        Ok(outcomes) => {
            let code = |outcome: Outcome| code_of(&outcome.map_err(Error::from));
            let mut codes = outcomes.into_iter().map(code);
            let topics = request.topics.into_iter();
            Response {
                topics: topics
                    .map(|topic| result(broker, topic, &mut codes))
                    .collect(),
                ..Response::default()
            }
        }
        Err(error) => refused(&error),
    }
}

/// One outcome for each partition, in their order.
async fn delete(broker: &Broker, request: &Request<'_>) -> Result<Vec<Outcome>, Error> {
    let group = request.group_id;
    broker.keep_acknowledged_by(|owner| owner == group).await?;
    let unwanted: Vec<(Arc<str>, i32)> = request.topics.iter().flat_map(places).collect();
    let outcomes = broker.groups().run(group, |groups, now, effects| {
        groups.delete_offsets(group, &unwanted, now, effects)
    });
    Ok(outcomes.await??)
}

fn places(topic: &Topic<'_>) -> impl Iterator<Item = (Arc<str>, i32)> {
    let name: Arc<str> = Arc::from(topic.name);
    let index = |partition: &Partition| partition.partition_index;
    let indexes: Vec<i32> = topic.partitions.iter().map(index).collect();
    indexes
        .into_iter()
        .map(move |index| (Arc::clone(&name), index))
}

/// What was forgotten in a topic. Offsets in a topic that is no more are forgotten too, and that is all
/// there is to say about it.
fn result<'a>(
    broker: &Broker,
    topic: Topic<'a>,
    codes: &mut impl Iterator<Item = ErrorCode>,
) -> TopicResult<'a> {
    let known = broker.catalog().topic(topic.name);
    let mut partition = |partition: Partition| {
        let code = codes.next().unwrap_or(ErrorCode::UNKNOWN_SERVER_ERROR);
        let exists = known
            .as_ref()
            .is_some_and(|known| known.partition(partition.partition_index).is_ok());
        PartitionResult {
            partition_index: partition.partition_index,
            error_code: match exists {
                true => code,
                false => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            },
        }
    };
    TopicResult {
        name: Cow::Borrowed(topic.name),
        partitions: topic.partitions.into_iter().map(&mut partition).collect(),
    }
}

fn refused(error: &Error) -> Response<'static> {
    Response {
        error_code: error.code(),
        ..Response::default()
    }
}
