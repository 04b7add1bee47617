//! AlterReplicaLogDirs: moves replicas to another data directory. There is one, and everything is in it already.

use std::borrow::Cow;
use std::path::Path;

use millstream_wire::api::alter_replica_log_dirs::{
    PartitionResult, Request, Response, Topic, TopicResult,
};

use crate::connection::RequestContext;
use crate::error::code_of;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let dirs = request.dirs.iter();
    let topics = dirs.flat_map(|dir| dir.topics.iter().map(|topic| (dir.path, topic)));
    let result = |(path, topic): (&'a str, &Topic<'a>)| TopicResult {
        topic_name: Cow::Borrowed(topic.name),
        partitions: topic
            .partitions
            .iter()
            .map(|&partition_index| PartitionResult {
                partition_index,
                error_code: code_of(&stay(broker, path, topic.name, partition_index)),
            })
            .collect(),
    };
    Response {
        results: topics.map(result).collect(),
        ..Response::default()
    }
}

/// Whether the partition is where it is to be.
fn stay(broker: &Broker, path: &str, topic: &str, index: i32) -> Result<(), Error> {
    if Path::new(path) != broker.store().dir() {
        return Err(Error::UnknownLogDir(path.to_owned()));
    }
    let unknown = || Error::UnknownTopic(topic.to_owned());
    let topic = broker.catalog().topic(topic).ok_or_else(unknown)?;
    topic.partition(index).map(drop)
}
