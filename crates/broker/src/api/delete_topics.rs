//! DeleteTopics: ends topics and removes their records.
//!
//! - 1 to 5: by name; 6: by name or id

use std::borrow::Cow;

use millstream_wire::api::delete_topics::{Request, Response, Topic as Doomed, TopicResult};
use uuid::Uuid;

use super::distinct::distinct;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let by_name = |name| Doomed {
        name: Some(name),
        topic_id: Uuid::nil(),
    };
    let named = request.topic_names.into_iter().map(by_name);
    let doomed: Vec<_> = request.topics.into_iter().chain(named).collect();
    let mut responses = Vec::with_capacity(doomed.len());
    for (topic, judged) in distinct(&doomed, |topic| (topic.name, topic.topic_id)) {
        responses.push(match judged.and_then(|()| find(broker, topic)) {
            Ok((name, id)) => {
                let outcome = broker.catalog().delete_topic(id).await;
                if outcome.is_ok() {
                    broker.groups().forget_topic(&name, id).await;
                    broker.shares().forget_topic(id).await;
                }
                result(Some(Cow::Owned(name)), id, outcome.err().as_ref())
            }
            Err(error) => result(topic.name.map(Cow::Borrowed), topic.topic_id, Some(&error)),
        });
    }
    Response {
        responses,
        ..Response::default()
    }
}

/// Name and id of a topic that may be deleted.
fn find(broker: &Broker, doomed: &Doomed<'_>) -> Result<(String, Uuid), Error> {
    let state = broker.catalog().state();
    if !state.config().delete_topic_enable {
        return Err(Error::DeletionDisabled);
    }
    let topic = match doomed.name {
        Some(name) if doomed.topic_id.is_nil() => state
            .topic(name)
            .ok_or_else(|| Error::UnknownTopic(name.to_owned())),
        None if !doomed.topic_id.is_nil() => state
            .topic_by_id(doomed.topic_id)
            .ok_or(Error::UnknownTopicId(doomed.topic_id)),
        _ => Err(Error::InvalidRequest(
            "a topic is named either by name or by id".to_owned(),
        )),
    }?;
    if topic.internal {
        return Err(Error::InternalTopic(topic.name.clone()));
    }
    Ok((topic.name.clone(), topic.id))
}

fn result<'a>(
    name: Option<Cow<'a, str>>,
    topic_id: Uuid,
    error: Option<&Error>,
) -> TopicResult<'a> {
    let (error_code, error_message) = report(error);
    TopicResult {
        name,
        topic_id,
        error_code,
        error_message,
    }
}
