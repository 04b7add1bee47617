//! One client: requests in, answers out in the same order, all in one task.
//!
//! Requests are dispatched as they come while every one in flight allows it; otherwise the next one
//! waits, and with it the client. Only the answer at the head is driven, so that whatever follows a
//! produce is carried out after that produce has been answered. What requests mean is not known
//! here.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use millstream_broker::config::BrokerConfig;
use millstream_broker::{CloseReason, Outcome, Pending};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::frame::{FrameReader, QueuedFrame};
use crate::memory::{Grant, Memory};
use crate::outbox::Outbox;

/// What bounds each connection.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Bytes of one request.
    pub(crate) request_bytes: usize,
    /// Bytes of all requests of all connections.
    pub(crate) memory: Memory,
    /// Requests of one connection that wait for their answers.
    pub(crate) in_flight: usize,
    /// For the rest of a begun request to arrive.
    pub(crate) read_timeout: Duration,
    /// Without a request, or without an answer being taken.
    pub(crate) idle_timeout: Duration,
}

/// Stands for "never": far enough away, and no deadline overflows.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Limits {
    /// As configured.
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        let count = |setting: i32| usize::try_from(setting).unwrap_or_default();
        let time = |ms: i64| {
            u64::try_from(ms)
                .map_or(NEVER, Duration::from_millis)
                .min(NEVER)
        };
        let memory = usize::try_from(config.queued_max_request_bytes).unwrap_or_default();
        Self {
            request_bytes: count(config.socket_request_max_bytes),
            memory: Memory::new(memory),
            in_flight: count(config.socket_max_inflight_requests),
            read_timeout: time(config.socket_request_read_timeout_ms),
            idle_timeout: time(config.connections_max_idle_ms),
        }
    }
}

/// Why a connection ended, unless the client closed it or the server stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    /// The connection itself.
    #[error(transparent)]
    Connection(#[from] Error),
    /// A request that has no answer.
    #[error("{0}")]
    Request(CloseReason),
}

impl From<io::Error> for Closed {
    fn from(error: io::Error) -> Self {
        Self::Connection(error.into())
    }
}

/// Serves a client until it leaves, breaks a bound, or `stopping` is cancelled: then requests in
/// flight are still answered, but no more are read.
///
/// # Errors
/// With the reason for which the connection is closed.
pub(crate) async fn serve<D>(
    stream: TcpStream,
    limits: Arc<Limits>,
    stopping: CancellationToken,
    dispatch: D,
) -> Result<(), Closed>
where
    D: FnMut(BytesMut) -> Pending,
{
    let idle_at = Instant::now() + limits.idle_timeout;
    let connection = Connection {
        frames: FrameReader::new(
            limits.request_bytes,
            limits.read_timeout,
            limits.memory.clone(),
        ),
        next: None,
        in_flight: VecDeque::new(),
        outbox: Outbox::default(),
        active: Instant::now(),
        alarm: Box::pin(sleep_until(idle_at)),
        stream,
        limits,
        dispatch,
    };
    connection.run(stopping).await
}

struct Connection<D> {
    stream: TcpStream,
    limits: Arc<Limits>,
    dispatch: D,
    frames: FrameReader,
    /// Read, but not dispatched yet: so the end of the stream is noticed while an answer is awaited.
    next: Option<QueuedFrame>,
    in_flight: VecDeque<InFlight>,
    outbox: Outbox,
    /// When a request came or an answer was written last.
    active: Instant,
    /// Rings no later than the connection may be idle; when it rings early, it is set again.
    alarm: Pin<Box<Sleep>>,
}

struct InFlight {
    pending: Pending,
    _memory: Grant,
}

impl<D: FnMut(BytesMut) -> Pending> Connection<D> {
    async fn run(mut self, stopping: CancellationToken) -> Result<(), Closed> {
        let mut stopped = std::pin::pin!(stopping.cancelled());
        let mut reading = true;
        while reading || !self.in_flight.is_empty() {
            tokio::select! {
                biased;
                () = &mut stopped, if reading => reading = false,
                answer = head(&mut self.in_flight), if !self.in_flight.is_empty() => {
                    self.answer(answer).await?;
                    self.active = Instant::now();
                }
                frame = self.frames.next(&self.stream), if reading && self.next.is_none() => {
                    let Some(frame) = frame? else { return Ok(()) };
                    self.next = Some(frame);
                    self.active = Instant::now();
                }
                () = &mut self.alarm => self.check_idle()?,
            }
            if reading && self.may_dispatch() {
                self.dispatch();
            }
        }
        Ok(())
    }

    fn may_dispatch(&self) -> bool {
        let pipelined = self
            .in_flight
            .back()
            .is_none_or(|last| last.pending.pipeline);
        pipelined && self.in_flight.len() < self.limits.in_flight
    }

    fn dispatch(&mut self) {
        if let Some(frame) = self.next.take() {
            let pending = (self.dispatch)(frame.bytes);
            self.in_flight.push_back(InFlight {
                pending,
                _memory: frame.memory,
            });
        }
    }

    /// Takes the head's answer, and those behind it that are ready too, and writes them at once.
    async fn answer(&mut self, head: Outcome) -> Result<(), Closed> {
        let mut ready = Some(head);
        while let Some(outcome) = ready {
            self.in_flight.pop_front();
            match outcome {
                Ok(frame) => self.outbox.extend(frame),
                Err(reason) => {
                    self.write().await?;
                    return Err(Closed::Request(reason));
                }
            }
            let next = self.in_flight.front_mut();
            ready = next.and_then(|next| (&mut next.pending.response).now_or_never());
        }
        self.write().await
    }

    async fn write(&mut self) -> Result<(), Closed> {
        loop {
            match self.outbox.write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Ok(done?),
            }
            let idle = self.limits.idle_timeout;
            timeout(idle, self.stream.writable())
                .await
                .map_err(|_| Error::Unread {
                    ms: idle.as_millis(),
                })??;
        }
    }

    /// When the client will have been silent for too long; `None` while it waits for us.
    fn due(&self) -> Option<Instant> {
        self.in_flight
            .is_empty()
            .then(|| self.active + self.limits.idle_timeout)
    }

    /// The alarm is only ever moved when it rings, which costs less than moving it at each request.
    fn check_idle(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let due = self.due().unwrap_or(now + self.limits.idle_timeout);
        if due <= now {
            let ms = self.limits.idle_timeout.as_millis();
            return Err(Error::Idle { ms });
        }
        self.alarm.as_mut().reset(due);
        Ok(())
    }
}

/// The outcome of the request at the head; never, when there is none.
async fn head(in_flight: &mut VecDeque<InFlight>) -> Outcome {
    match in_flight.front_mut() {
        Some(first) => (&mut first.pending.response).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
