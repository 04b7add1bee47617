//! Says what a fetch found, leaving out what the client of a session knows already.

use std::borrow::Cow;

use millstream_store::Aborted;
use millstream_wire::api::fetch::{
    AbortedTransaction, CurrentLeader, DivergingEpoch, NodeEndpoint, PartitionResult, Response,
    TopicResult,
};
use millstream_wire::{ErrorCode, Records};

use super::slot::{Found, Slot};
use crate::connection::RequestContext;
use crate::fetch_sessions::{Fetching, News, Position, Seen};
use crate::{Broker, Error};

/// First version whose answers name the leader after a wrong epoch.
const LEADERS: i16 = 16;

pub(super) fn answer<'a>(
    broker: &Broker,
    context: &'a RequestContext<'a>,
    fetching: &Fetching,
    slots: Vec<Slot>,
    committed: bool,
) -> Response<'a> {
    let mut answer = Answer {
        node_id: broker.config().node_id,
        leaders: context.version.n >= LEADERS,
        led: false,
        committed,
        topics: Vec::new(),
    };
    for slot in slots {
        if fetching.answers(&slot.position, seen(&slot)) {
            answer.add(slot);
        }
    }
    let advertised = &context.connection.advertised;
    let endpoint = answer.led.then(|| NodeEndpoint {
        node_id: answer.node_id,
        host: Cow::Borrowed(&advertised.host),
        port: advertised.port.into(),
        rack: broker.config().broker_rack.clone().map(Cow::Owned),
    });
    Response {
        session_id: fetching.session_id(),
        responses: answer.topics,
        node_endpoints: endpoint.into_iter().collect(),
        ..Response::default()
    }
}

/// What the client would be told of a partition.
fn seen(slot: &Slot) -> Seen {
    let Ok(Found {
        offsets: Some(offsets),
        records,
        diverging,
        ..
    }) = &slot.found
    else {
        return Seen {
            high_watermark: -1,
            log_start: -1,
            news: Some(News::Error),
        };
    };
    let news = match (diverging, &records[..]) {
        (Some(_), _) => Some(News::Error),
        (None, []) => None,
        (None, _) => Some(News::Records),
    };
    Seen {
        high_watermark: offsets.high_watermark,
        log_start: offsets.log_start,
        news,
    }
}

struct Answer<'a> {
    node_id: i32,
    /// Whether this version can name leaders.
    leaders: bool,
    /// Whether a leader has been named.
    led: bool,
    /// Whether the client reads only what is committed, and expects a list of what was not.
    committed: bool,
    topics: Vec<TopicResult<'a>>,
}

impl Answer<'_> {
    /// Adds a partition to its topic, which is the last one if neighbours belong together.
    fn add(&mut self, slot: Slot) {
        let Slot {
            position, found, ..
        } = slot;
        let result = match found {
            Ok(found) => self.read(&position, found),
            Err(error) => self.refused(&position, &error),
        };
        match self.topics.last_mut() {
            Some(topic)
                if topic.topic == position.topic.name()
                    && topic.topic_id == position.topic.id() =>
            {
                topic.partitions.push(result);
            }
            _ => self.topics.push(TopicResult {
                topic: Cow::Owned(position.topic.name().to_owned()),
                topic_id: position.topic.id(),
                partitions: vec![result],
            }),
        }
    }

    fn refused(&mut self, position: &Position, error: &Error) -> PartitionResult {
        PartitionResult {
            partition_index: position.partition,
            error_code: error.code(),
            high_watermark: -1,
            current_leader: self.current_leader(error),
            ..PartitionResult::default()
        }
    }

    /// A client that believes in an old leader learns of the new one at once.
    fn current_leader(&mut self, error: &Error) -> CurrentLeader {
        match (error, error.code()) {
            (Error::FencedLeaderEpoch { current, .. }, _) if self.leaders => {
                self.led = true;
                CurrentLeader {
                    leader_id: self.node_id,
                    leader_epoch: *current,
                }
            }
            (_, ErrorCode::NOT_LEADER_OR_FOLLOWER) if self.leaders => {
                self.led = true;
                CurrentLeader {
                    leader_id: self.node_id,
                    leader_epoch: -1,
                }
            }
            _ => CurrentLeader::default(),
        }
    }

    fn read(&self, position: &Position, found: Found) -> PartitionResult {
        let Some(offsets) = found.offsets else {
            return PartitionResult {
                partition_index: position.partition,
                ..PartitionResult::default()
            };
        };
        let diverging = found.diverging.map(|end| DivergingEpoch {
            epoch: end.epoch,
            end_offset: end.end_offset,
        });
        PartitionResult {
            partition_index: position.partition,
            high_watermark: offsets.high_watermark,
            last_stable_offset: offsets.last_stable,
            log_start_offset: offsets.log_start,
            aborted_transactions: self.committed.then(|| listed(&found.aborted)),
            records: Records(found.records),
            diverging_epoch: diverging.unwrap_or_default(),
            ..PartitionResult::default()
        }
    }
}

fn listed(aborted: &[Aborted]) -> Vec<AbortedTransaction> {
    let entry = |aborted: &Aborted| AbortedTransaction {
        producer_id: aborted.producer_id,
        first_offset: aborted.first_offset,
    };
    aborted.iter().map(entry).collect()
}
