//! Producers and readers that go as fast as they are answered.

use std::io::Write as _;
use std::net::TcpStream;

use crate::frames::{self, TOPIC};
use crate::load::{Ask, Outcome, drive};
use crate::options::Options;
use crate::target::{Durability, Target};

/// Bytes that the server still holds in memory for readers.
pub(crate) const RECENT: u64 = 16 << 20;
/// Bytes that it no longer does.
pub(crate) const PAST: u64 = 1 << 30;

/// Connections append batches of 64 records of 1 KiB, each to its share of the partitions in turn.
pub(crate) fn large(
    options: &Options,
    connections: i32,
    partitions: i32,
    durability: Durability,
    in_flight: usize,
) -> Outcome {
    let asks = |partitions| producers(&frames::batch(64, 1 << 10), connections, partitions);
    let target = Target::start(options);
    target.make_topic(partitions, durability);
    touch(&target, partitions);
    drive(&target, asks(partitions), in_flight, options.length)
}

/// Connections append batches of one record of 1 KiB.
pub(crate) fn small(
    options: &Options,
    connections: i32,
    partitions: i32,
    durability: Durability,
) -> Outcome {
    let target = Target::start(options);
    target.make_topic(partitions, durability);
    let asks = producers(&frames::batch(1, 1 << 10), connections, partitions);
    drive(&target, asks, 1, options.length)
}

/// Connection `n` of `c` appends to the partitions n, n + c, n + 2c … in turn; where there are fewer partitions than
/// connections, to partition n modulo their number.
pub(crate) fn producers(batch: &[u8], connections: i32, partitions: i32) -> Vec<Ask> {
    let step = usize::try_from(connections).expect("some connections");
    let ask = |n: i32| Ask::Produce {
        frame: frames::produce(batch),
        size: batch.len() as u64,
        partitions: (n % partitions..partitions).step_by(step).cycle(),
    };
    (0..connections).map(ask).collect()
}

/// Readers of one partition of `size` bytes go over it again and again, a mebibyte at a time.
pub(crate) fn fetch(options: &Options, readers: usize, size: u64) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::PageCache);
    let batch = frames::batch(64, 1 << 10);
    let batches = size / batch.len() as u64;
    fill(&target, &batch, batches);
    let ask = Ask::Fetch {
        frame: frames::fetch(1 << 20, 500),
        position: 0,
        end: 64 * batches as i64,
    };
    drive(&target, vec![ask; readers], 1, options.length)
}

/// Appends `batch` to the first partition so many times.
pub(crate) fn fill(target: &Target, batch: &[u8], times: u64) {
    let frame = frames::produce(batch);
    ask_each(target, (0..times).map(|_| &frame));
}

/// Appends one small record to each partition, so that each has its files.
pub(crate) fn touch(target: &Target, partitions: i32) {
    /// More would make large requests of them.
    const AT_ONCE: usize = 100;
    let batch = frames::batch(1, 100);
    let starts = (0..partitions).step_by(AT_ONCE);
    let frames: Vec<_> = starts
        .map(|first| {
            let end = partitions.min(first + AT_ONCE as i32);
            frames::produce_to(TOPIC, first..end, &batch)
        })
        .collect();
    ask_each(target, frames.iter());
}

/// Sends Produce requests one after the other and checks each answer.
fn ask_each<'a>(target: &Target, requests: impl Iterator<Item = &'a Vec<u8>>) {
    let mut stream = TcpStream::connect(target.address()).expect("the server accepts connections");
    let mut answer = Vec::new();
    for request in requests {
        exchange(&mut stream, request, &mut answer);
        frames::assert_produced(&answer, 0);
    }
}

/// Sends a request and reads its answer, without the length.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) {
    stream
        .write_all(request)
        .expect("the server reads requests");
    receive(stream, answer);
}

/// Reads one answer, without its length.
pub(crate) fn receive(stream: &mut impl std::io::Read, answer: &mut Vec<u8>) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("the server answers");
    answer.resize(u32::from_be_bytes(length) as usize, 0);
    stream
        .read_exact(answer)
        .expect("the server finishes its answer");
}
