//! Transactions of one producer, one after the other: each is written and committed before the next begins.

use std::time::Instant;

use crate::load::{Outcome, WARM_UP};
use crate::options::Options;
use crate::producer::{End, Producer, Protocol};
use crate::target::{Durability, Target, Usage};

/// As many as the server answers; a latency is that of a whole transaction.
pub(crate) fn commit(options: &Options, protocol: Protocol) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::Disk);
    let mut producer = Producer::open(target.address(), protocol);
    let warm = Instant::now() + WARM_UP;
    while Instant::now() < warm {
        producer.transaction(End::Commit);
    }
    let (begin, before) = (Instant::now(), target.usage());
    let mut outcome = Outcome::default();
    while begin.elapsed() < options.length {
        let since = Instant::now();
        outcome.bytes += producer.transaction(End::Commit);
        outcome.latencies.push(since.elapsed());
    }
    outcome.length = begin.elapsed();
    outcome.usage = Usage::between(before, target.usage());
    outcome.latencies.sort_unstable();
    outcome
}
