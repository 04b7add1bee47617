//! A server that has nothing to do: how soon it is there, what memory it takes, what its waiting clients cost.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::frames;
use crate::load::Outcome;
use crate::options::Options;
use crate::target::{Durability, Target, Usage};

/// Nothing is asked of a server for this long before its idle use is read, so that it has come to rest.
pub(crate) const REST: Duration = Duration::from_secs(1);

/// From the start of the process to its first accepted connection; one latency.
pub(crate) fn start(options: &Options) -> Outcome {
    let begin = Instant::now();
    let target = Target::start(options);
    let length = begin.elapsed();
    Outcome {
        length,
        latencies: vec![length],
        usage: target.usage(),
        ..Outcome::default()
    }
}

/// Nobody is connected.
pub(crate) fn idle(options: &Options) -> Outcome {
    watch(&Target::start(options), options.length)
}

/// A thousand clients each wait for the next record of an empty partition.
pub(crate) fn long_polls(options: &Options) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::Disk);
    let wait = (REST + options.length + Duration::from_secs(10)).as_millis();
    let frame = frames::fetch(1 << 20, i32::try_from(wait).expect("a short wait"));
    let poll = |_| {
        let mut stream =
            TcpStream::connect(target.address()).expect("the server accepts connections");
        stream.write_all(&frame).expect("the server reads requests");
        stream
    };
    let _polls: Vec<TcpStream> = (0..1000).map(poll).collect();
    watch(&target, options.length)
}

fn watch(target: &Target, length: Duration) -> Outcome {
    thread::park_timeout(REST);
    let (begin, before) = (Instant::now(), target.usage());
    thread::park_timeout(length);
    Outcome {
        length: begin.elapsed(),
        usage: Usage::between(before, target.usage()),
        ..Outcome::default()
    }
}
