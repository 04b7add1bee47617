//! An open loop: requests are due at times that are set before, whether or not those before them are answered.
//!
//! A latency counts from the time at which its request was due, not from when it was sent, so that requests that
//! had to wait behind a slow one show what they waited (no coordinated omission). One thread sends, and each connection
//! has one that receives: none of them waits for the coarse timer of a runtime.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::Outcome;
use crate::target::{Target, Usage};
use crate::traffic::receive;

/// Requests due this early are not counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// How often the server's memory is looked at.
const SAMPLE: Duration = Duration::from_millis(500);

/// A request that is due.
pub(crate) struct Due {
    /// Since the beginning; never before that of the request before.
    pub(crate) at: Duration,
    /// Which connection sends it.
    pub(crate) connection: usize,
}

/// What is sent, and how an answer is read.
pub(crate) struct Plan<N, A> {
    /// How many connections there are.
    pub(crate) connections: usize,
    /// The request, as it is before `next` has patched it.
    pub(crate) frame: Vec<u8>,
    /// Patches the request for its next use.
    pub(crate) next: N,
    /// Checks an answer; returns how many bytes of records it stands for.
    pub(crate) answered: A,
}

/// An [`Outcome`], and the server's resident memory all along.
pub(crate) struct Paced {
    pub(crate) outcome: Outcome,
    /// In bytes, two samples each second; none of a peer.
    pub(crate) resident: Vec<u64>,
}

/// Sends what falls due in `length`, after a warm-up, and waits for every answer.
pub(crate) fn drive(
    target: &Target,
    plan: Plan<impl FnMut(&mut [u8]) -> Due + Send, impl Fn(&[u8]) -> u64 + Sync>,
    length: Duration,
) -> Paced {
    let begin = Instant::now();
    let window = (begin + WARM_UP, begin + WARM_UP + length);
    let Plan {
        connections,
        frame,
        next,
        answered,
    } = plan;
    let answered = &answered;
    thread::scope(|scope| {
        let (mut lines, mut receivers) = (Vec::new(), Vec::new());
        for _ in 0..connections {
            let stream = connect(target);
            let (sender, due) = mpsc::channel();
            let reading = stream.try_clone().expect("a connection can be shared");
            receivers.push(scope.spawn(move || receive_all(reading, &due, window.0, answered)));
            lines.push((stream, sender));
        }
        let sender = scope.spawn(move || send(frame, next, lines, begin, window.1));
        wait_until(window.0);
        let before = target.usage();
        let resident = watch(target, window.1);
        sender.join().expect("requests are sent");
        let received = receivers
            .into_iter()
            .map(|receiver| receiver.join().expect("answers are received"));
        let mut outcome = merge(received);
        outcome.length = window.0.elapsed();
        outcome.usage = Usage::between(before, target.usage());
        Paced { outcome, resident }
    })
}

fn connect(target: &Target) -> TcpStream {
    let stream = TcpStream::connect(target.address()).expect("the server accepts connections");
    stream
        .set_nodelay(true)
        .expect("Nagle's algorithm can be switched off");
    stream
}

fn send(
    mut frame: Vec<u8>,
    mut next: impl FnMut(&mut [u8]) -> Due,
    mut lines: Vec<(TcpStream, Sender<Instant>)>,
    begin: Instant,
    end: Instant,
) {
    loop {
        let due = next(&mut frame);
        let at = begin + due.at;
        if at >= end {
            return;
        }
        wait_until(at);
        let (stream, sent) = &mut lines[due.connection];
        sent.send(at).expect("somebody receives");
        stream.write_all(&frame).expect("the server reads requests");
    }
}

/// Receives the answer to each request that was sent; counts those that were due from `from` on.
fn receive_all(
    stream: TcpStream,
    sent: &Receiver<Instant>,
    from: Instant,
    answered: impl Fn(&[u8]) -> u64,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut stream = BufReader::with_capacity(16 << 10, stream);
    let mut answer = Vec::new();
    for due in sent {
        receive(&mut stream, &mut answer);
        let bytes = answered(&answer);
        if due >= from {
            outcome.latencies.push(due.elapsed());
            outcome.bytes += bytes;
        }
    }
    outcome
}

fn watch(target: &Target, end: Instant) -> Vec<u64> {
    let mut samples = Vec::new();
    while Instant::now() < end {
        samples.extend(target.usage().map(|usage| usage.resident));
        wait_until(end.min(Instant::now() + SAMPLE));
    }
    samples
}

fn merge(parts: impl Iterator<Item = Outcome>) -> Outcome {
    let mut whole = parts.fold(Outcome::default(), |mut whole, part| {
        whole.bytes += part.bytes;
        whole.latencies.extend(part.latencies);
        whole
    });
    whole.latencies.sort_unstable();
    whole
}

/// A parked thread may wake early.
fn wait_until(time: Instant) {
    while let Some(left) = time
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
    {
        thread::park_timeout(left);
    }
}
