//! AlterShareGroupOffsets: has a share group without members begin elsewhere. Of a queue nothing comes back that was
//! acknowledged: it begins no earlier than its log.

use std::borrow::Cow;
use std::sync::Arc;

use millstream_wire::Uuid;
use millstream_wire::api::alter_share_group_offsets::{
    PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use crate::catalog::Topic;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    if let Err(error) = broker.make_idle(request.group_id).await {
        let (error_code, error_message) = report(Some(&error));
        return Response {
            error_code,
            error_message,
            ..Response::default()
        };
    }
    let mut responses = Vec::with_capacity(request.topics.len());
    for asked in &request.topics {
        responses.push(alter(broker, request.group_id, asked).await);
    }
    Response {
        responses,
        ..Response::default()
    }
}

async fn alter<'a>(broker: &Broker, group: &str, asked: &Asked<'a>) -> TopicResult<'a> {
    let topic = broker.catalog().topic(asked.topic_name);
    let mut partitions = Vec::with_capacity(asked.partitions.len());
    for partition in &asked.partitions {
        let (index, start) = (partition.partition_index, partition.start_offset);
        let outcome = begin(
            broker,
            group,
            topic.as_deref(),
            asked.topic_name,
            index,
            start,
        )
        .await;
        let (error_code, error_message) = report(outcome.as_ref().err());
        partitions.push(PartitionResult {
            partition_index: index,
            error_code,
            error_message,
        });
    }
    TopicResult {
        topic_name: Cow::Borrowed(asked.topic_name),
        topic_id: topic.map_or_else(Uuid::nil, |topic| topic.id),
        partitions,
    }
}

async fn begin(
    broker: &Broker,
    group: &str,
    topic: Option<&Topic>,
    name: &str,
    partition: i32,
    start: i64,
) -> Result<(), Error> {
    let topic = topic.ok_or_else(|| Error::UnknownTopic(name.to_owned()))?;
    broker.attach(topic, group).await?;
    let place = broker
        .shares()
        .place(&Arc::from(group), topic.id, partition)?;
    broker.shares().begin_at(&place, start).await
}
