//! CreatePartitions: gives topics more partitions. Records stay where they are.

use std::borrow::Cow;

use millstream_wire::api::create_partitions::{Request, Response, Topic as Growing, TopicResult};

use super::create_topics::placement;
use super::distinct::distinct;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut results = Vec::with_capacity(request.topics.len());
    for (topic, judged) in distinct(&request.topics, |topic| topic.name) {
        let outcome = match judged {
            Ok(()) => grow(broker, topic, request.validate_only).await,
            Err(error) => Err(error),
        };
        let (error_code, error_message) = report(outcome.err().as_ref());
        results.push(TopicResult {
            name: Cow::Borrowed(topic.name),
            error_code,
            error_message,
        });
    }
    Response {
        results,
        ..Response::default()
    }
}

async fn grow(broker: &Broker, topic: &Growing<'_>, validate_only: bool) -> Result<(), Error> {
    let catalog = broker.catalog();
    let state = catalog.state();
    let unknown = || Error::UnknownTopic(topic.name.to_owned());
    let found = state.topic(topic.name).ok_or_else(unknown)?;
    if found.internal {
        return Err(Error::InternalTopic(found.name.clone()));
    }
    catalog.check_growth(topic.name, topic.count)?;
    if let Some(assignments) = &topic.assignments {
        let added = usize::try_from(topic.count)
            .unwrap_or(0)
            .saturating_sub(found.partitions().len());
        if added != assignments.len() {
            let reason = format!(
                "{} assignments for {added} new partitions",
                assignments.len()
            );
            return Err(Error::Assignment(reason));
        }
        let node_id = state.config().node_id;
        assignments
            .iter()
            .try_for_each(|placed| placement(&placed.broker_ids, node_id))?;
    }
    if validate_only {
        return Ok(());
    }
    catalog.add_partitions(topic.name, topic.count).await
}
