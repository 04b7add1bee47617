//! ElectLeaders: elects the leaders of partitions. The only broker leads them all already.
//!
//! - 0: the preferred leader; 1: or any replica that is there

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use millstream_wire::api::elect_leaders::{
    PartitionResult, Request, Response, Topic as Asked, TopicResult,
};

use crate::catalog::State;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    if !matches!(request.election_type, 0 | 1) {
        return Response {
            error_code: ErrorCode::INVALID_REQUEST,
            ..Response::default()
        };
    }
    let state = broker.catalog().state();
    // Asked for all, an answer names those that got a new leader.
    let asked = request.topic_partitions.unwrap_or_default();
    let results = asked.into_iter().map(|topic| TopicResult {
        topic: Cow::Borrowed(topic.topic),
        partition_result: elections(&state, &topic),
    });
    Response {
        replica_election_results: results.collect(),
        ..Response::default()
    }
}

fn elections(state: &State, asked: &Asked<'_>) -> Vec<PartitionResult<'static>> {
    let topic = state.topic(asked.topic);
    let unknown = || Error::UnknownTopic(asked.topic.to_owned());
    let election = |partition_id: &i32| {
        let found = topic
            .ok_or_else(unknown)
            .and_then(|topic| topic.partition(*partition_id));
        let reason = found.err().unwrap_or(Error::ElectionNotNeeded);
        let (error_code, error_message) = report(Some(&reason));
        PartitionResult {
            partition_id: *partition_id,
            error_code,
            error_message,
        }
    };
    asked.partitions.iter().map(election).collect()
}
