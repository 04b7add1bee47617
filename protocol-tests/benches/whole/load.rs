//! A closed loop: each connection keeps a fixed number of requests in flight and sends the next when one is answered.
//!
//! One thread drives all connections, so that the generator takes as little as it can of the cores that it shares
//! with the server.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::iter::{Cycle, StepBy};
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::frames;
use crate::target::{Target, Usage};

/// Before the measurement begins: long enough for every connection and the log's first segment.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// What one connection asks, again and again.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// Appends the same batch to partitions in turn.
    Produce {
        /// The request.
        frame: Vec<u8>,
        /// Size of its batch in bytes.
        size: u64,
        /// The partitions.
        partitions: Cycle<StepBy<Range<i32>>>,
    },
    /// Reads on, and from the beginning again behind the end.
    Fetch {
        /// The request.
        frame: Vec<u8>,
        /// The next offset.
        position: i64,
        /// The end, in offsets.
        end: i64,
    },
}

impl Ask {
    fn request(&mut self, id: i32) -> &[u8] {
        let frame = match self {
            Self::Produce {
                frame, partitions, ..
            } => {
                let partition = partitions.next().expect("a producer has partitions");
                frames::set_partition(frame, partition);
                frame
            }
            Self::Fetch {
                frame, position, ..
            } => {
                frames::set_position(frame, *position);
                frame
            }
        };
        frames::set_correlation(frame, id);
        frame
    }

    /// How many bytes of records the answer stands for.
    fn answered(&mut self, answer: &[u8], id: i32) -> u64 {
        match self {
            Self::Produce { size, .. } => {
                frames::assert_produced(answer, id);
                *size
            }
            Self::Fetch { position, end, .. } => {
                let batches = frames::fetched(answer);
                *position = frames::next_offset(batches).unwrap_or(*position);
                if *position >= *end {
                    *position = 0;
                }
                batches.len() as u64
            }
        }
    }
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How long it was measured.
    pub(crate) length: Duration,
    /// Bytes of records, moved and answered.
    pub(crate) bytes: u64,
    /// From the first byte sent to the last byte received, of each request, ascending.
    pub(crate) latencies: Vec<Duration>,
    /// What the server used meanwhile, where it can be known.
    pub(crate) usage: Option<Usage>,
    /// Figures that only this scenario has.
    pub(crate) notes: Vec<Note>,
}

/// A figure that has no column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    /// What it is, with its unit.
    pub(crate) what: &'static str,
    /// The figure.
    pub(crate) value: f64,
}

/// A note.
pub(crate) const fn note(what: &'static str, value: f64) -> Note {
    Note { what, value }
}

/// Drives one connection for each of `asks` for `length`, after a warm-up.
pub(crate) fn drive(
    target: &Target,
    asks: Vec<Ask>,
    in_flight: usize,
    length: Duration,
) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let shared = Rc::new(Shared::default());
    let local = LocalSet::new();
    for ask in asks {
        local.spawn_local(connection(
            target.address(),
            ask,
            in_flight,
            Rc::clone(&shared),
        ));
    }
    let measured = local.run_until(measure(target, &shared, length));
    let (length, usage) = runtime.expect("a runtime can be made").block_on(measured);
    let mut latencies = shared.latencies.take();
    latencies.sort_unstable();
    Outcome {
        length,
        bytes: shared.bytes.get(),
        latencies,
        usage,
        notes: Vec::new(),
    }
}

#[derive(Default)]
struct Shared {
    measuring: Cell<bool>,
    bytes: Cell<u64>,
    latencies: RefCell<Vec<Duration>>,
}

async fn measure(target: &Target, shared: &Shared, length: Duration) -> (Duration, Option<Usage>) {
    tokio::time::sleep(WARM_UP).await;
    let (begin, before) = (Instant::now(), target.usage());
    shared.measuring.set(true);
    tokio::time::sleep(length).await;
    shared.measuring.set(false);
    let usage = Usage::between(before, target.usage());
    (begin.elapsed(), usage)
}

async fn connection(address: SocketAddr, mut ask: Ask, in_flight: usize, shared: Rc<Shared>) {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server accepts connections");
    stream
        .set_nodelay(true)
        .expect("Nagle's algorithm can be switched off");
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::with_capacity(16 << 10, read);
    let mut sent = VecDeque::with_capacity(in_flight);
    let mut answer = Vec::new();
    let mut next = 0;
    loop {
        while sent.len() < in_flight {
            sent.push_back((next, Instant::now()));
            write
                .write_all(ask.request(next))
                .await
                .expect("the server reads requests");
            next = next.wrapping_add(1);
        }
        receive(&mut read, &mut answer).await;
        let (id, since) = sent.pop_front().expect("something was sent");
        let bytes = ask.answered(&answer, id);
        if shared.measuring.get() {
            shared.bytes.set(shared.bytes.get() + bytes);
            shared.latencies.borrow_mut().push(since.elapsed());
        }
    }
}

/// Reads one answer, without its length.
pub(crate) async fn receive(read: &mut (impl AsyncRead + Unpin), answer: &mut Vec<u8>) {
    let length = read.read_u32().await.expect("the server answers");
    answer.resize(length as usize, 0);
    read.read_exact(answer)
        .await
        .expect("the server finishes its answer");
}
