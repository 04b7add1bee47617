//! DeleteShareGroupOffsets: forgets how far a share group without members has come in topics. A queue forgets nothing: what
//! was acknowledged would come back.

use std::borrow::Cow;

use millstream_wire::Uuid;
use millstream_wire::api::delete_share_group_offsets::{Request, Response, TopicResult};

use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    if let Err(error) = broker.check_idle(request.group_id).await {
        let (error_code, error_message) = report(Some(&error));
        return Response {
            error_code,
            error_message,
            ..Response::default()
        };
    }
    let mut responses = Vec::with_capacity(request.topics.len());
    for asked in &request.topics {
        let topic = broker.catalog().topic(asked.topic_name);
        let outcome = match &topic {
            Some(topic) if topic.config().queue_enable => Err(Error::InvalidRequest(format!(
                "queue {} keeps what was acknowledged",
                topic.name
            ))),
            Some(topic) => forget(broker, request.group_id, topic.id).await,
            None => Err(Error::UnknownTopic(asked.topic_name.to_owned())),
        };
        let (error_code, error_message) = report(outcome.as_ref().err());
        responses.push(TopicResult {
            topic_name: Cow::Borrowed(asked.topic_name),
            topic_id: topic.map_or_else(Uuid::nil, |topic| topic.id),
            error_code,
            error_message,
        });
    }
    Response {
        responses,
        ..Response::default()
    }
}

async fn forget(broker: &Broker, group: &str, topic: Uuid) -> Result<(), Error> {
    let shares = broker.shares();
    let gone = shares.forget(|key| &*key.group == group && key.topic == topic);
    gone.await.map(drop)
}
