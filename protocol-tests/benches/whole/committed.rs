//! One reader of what transactions have written, of which some were aborted: all of it, or the committed.
//!
//! The server sends the same bytes to both, for it is the client who drops what was aborted; to the second it says
//! as well which transactions those are.

use std::net::TcpStream;

use crate::frames::{self, Isolation};
use crate::load::{Ask, Outcome, drive};
use crate::options::Options;
use crate::producer::{End, Producer, Protocol, RECORDS};
use crate::target::{Durability, Target};
use crate::traffic::exchange;

/// One transaction in so many is aborted.
const ABORTED: u64 = 10;
/// Bytes that are asked for at once.
const PIECE: i32 = 1 << 20;

/// Goes over a log of `size` bytes again and again.
pub(crate) fn fetch(options: &Options, isolation: Isolation, size: u64) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::PageCache);
    let transactions = fill(&target, size);
    // Its records and a marker.
    let end = transactions as i64 * (RECORDS as i64 + 1);
    let uncommitted = pass(&target, Isolation::Uncommitted, end);
    assert_eq!(uncommitted.aborted, 0, "who asks for all is told of none");
    let committed = pass(&target, Isolation::Committed, end);
    assert_eq!(committed.bytes, uncommitted.bytes, "both get the same");
    let aborted = transactions / ABORTED;
    assert!(committed.aborted >= aborted, "{aborted} are told of");
    let ask = Ask::Fetch {
        frame: frames::fetch_as(isolation, PIECE, 500),
        position: 0,
        end,
    };
    drive(&target, vec![ask], 1, options.length)
}

/// Writes transactions until they are so many bytes; returns how many there are.
fn fill(target: &Target, size: u64) -> u64 {
    let mut producer = Producer::open(target.address(), Protocol::V2);
    let (mut transactions, mut bytes) = (0, 0);
    while bytes < size {
        transactions += 1;
        let end = match transactions % ABORTED {
            0 => End::Abort,
            _ => End::Commit,
        };
        bytes += producer.transaction(end);
    }
    transactions
}

/// What one pass over the log gets.
#[derive(Default)]
struct Pass {
    bytes: u64,
    /// Aborted transactions that were told of; one that lies across two fetches counts twice.
    aborted: u64,
}

fn pass(target: &Target, isolation: Isolation, end: i64) -> Pass {
    let mut stream = TcpStream::connect(target.address()).expect("the server accepts connections");
    let mut frame = frames::fetch_as(isolation, PIECE, 500);
    let (mut answer, mut pass, mut position) = (Vec::new(), Pass::default(), 0);
    while position < end {
        frames::set_position(&mut frame, position);
        exchange(&mut stream, &frame, &mut answer);
        let batches = frames::fetched(&answer);
        position = frames::next_offset(batches).expect("there is more to read");
        pass.bytes += batches.len() as u64;
        pass.aborted += frames::aborted(&answer) as u64;
    }
    pass
}
