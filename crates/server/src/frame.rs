//! Requests off a socket: a 4-byte length, then as many bytes.
//!
//! A length is only a claim. It is checked before anything is kept for it, the first bytes are read
//! into a small buffer, and only when that is full is memory for the rest granted by [`Memory`].
//! What the bytes mean is not known here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::error::Error;

/// Bytes read ahead of knowing what they belong to.
const READ_AHEAD: usize = 8 * 1024;
/// Bytes of a request that may be read before memory is granted for all of it.
const FIRST_CHUNK: usize = 128 * 1024;

/// Bytes of requests that all connections together may hold: one half for those that fit the first
/// chunk, which are granted whole, and one for larger ones. So a large request that is granted and
/// then does not arrive keeps no small one waiting.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    half: usize,
}

impl Memory {
    /// A budget of that many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let half = (bytes / 2).clamp(1, u32::MAX as usize);
        let pool = || Arc::new(Semaphore::new(half));
        Self {
            small: pool(),
            large: pool(),
            half,
        }
    }

    /// Waits, first come first served, until `bytes` are free. A request larger than the budget
    /// gets all of it.
    async fn grant(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let pool = if bytes <= FIRST_CHUNK {
            &self.small
        } else {
            &self.large
        };
        let bytes = bytes.min(self.half) as u32;
        Arc::clone(pool).acquire_many_owned(bytes).await.ok()
    }
}

/// A whole request, with the memory granted for it.
#[derive(Debug)]
pub(crate) struct QueuedFrame {
    /// What followed the length.
    pub(crate) bytes: BytesMut,
    /// Given back when the request has been answered.
    pub(crate) memory: Option<OwnedSemaphorePermit>,
}

/// Cuts one connection's bytes into requests.
#[derive(Debug)]
pub(crate) struct FrameReader {
    max_length: usize,
    timeout: Duration,
    memory: Memory,
    /// Bytes that belong to no begun request yet; holds no allocation while empty.
    ahead: BytesMut,
    begun: Option<Begun>,
    /// Since when the rest of a begun request has been awaited.
    waiting_since: Option<Instant>,
}

/// A request of which the length is known.
#[derive(Debug)]
struct Begun {
    length: usize,
    bytes: BytesMut,
    memory: Option<OwnedSemaphorePermit>,
}

impl Begun {
    fn missing(&self) -> usize {
        self.length - self.bytes.len()
    }

    /// Memory is granted late, so that a mere claim keeps nobody else waiting.
    fn needs_memory(&self) -> bool {
        self.memory.is_none() && (self.missing() == 0 || self.bytes.len() >= FIRST_CHUNK)
    }

    /// Room for all that is missing: the first chunk is full, so that memory was granted, and what
    /// has arrived is moved only once.
    fn grow(&mut self) {
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve(self.missing());
        }
    }
}

impl FrameReader {
    /// A reader of requests of up to `max_length` bytes, each of which has to arrive within
    /// `timeout` once it has begun.
    pub(crate) fn new(max_length: usize, timeout: Duration, memory: Memory) -> Self {
        Self {
            max_length,
            timeout,
            memory,
            ahead: BytesMut::new(),
            begun: None,
            waiting_since: None,
        }
    }

    /// The next request; `None` at the end of the stream. Nothing is lost when the future is
    /// dropped.
    ///
    /// # Errors
    /// When the length cannot be one, the stream ends inside a request, or reading fails.
    pub(crate) async fn next(&mut self, stream: &TcpStream) -> Result<Option<QueuedFrame>, Error> {
        loop {
            self.begin()?;
            if let Some(frame) = self.complete().await {
                return Ok(Some(frame));
            }
            self.wait(stream).await?;
            match self.fill(stream) {
                Ok(0) => return self.end().map(|()| None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Turns the bytes ahead into a begun request as soon as they hold its length.
    fn begin(&mut self) -> Result<(), Error> {
        if self.begun.is_some() || self.ahead.len() < 4 {
            return Ok(());
        }
        let length = self.length()?;
        self.ahead.advance(4);
        let here = self.ahead.len().min(length);
        let mut bytes = BytesMut::with_capacity(length.min(FIRST_CHUNK));
        bytes.extend_from_slice(&self.ahead[..here]);
        self.ahead.advance(here);
        self.begun = Some(Begun {
            length,
            bytes,
            memory: None,
        });
        Ok(())
    }

    /// The length ahead, if it can be one.
    fn length(&self) -> Result<usize, Error> {
        let prefix = [self.ahead[0], self.ahead[1], self.ahead[2], self.ahead[3]];
        let claimed = i32::from_be_bytes(prefix);
        match usize::try_from(claimed) {
            Ok(length) if length <= self.max_length => Ok(length),
            _ => Err(refusal(prefix, claimed, self.max_length)),
        }
    }

    /// The begun request, if all of it is here.
    async fn complete(&mut self) -> Option<QueuedFrame> {
        let begun = self.begun.as_mut()?;
        if begun.needs_memory() {
            self.waiting_since = None;
            begun.memory = self.memory.grant(begun.length).await;
        }
        if begun.missing() > 0 {
            return None;
        }
        self.waiting_since = None;
        self.begun.take().map(|begun| QueuedFrame {
            bytes: begun.bytes,
            memory: begun.memory,
        })
    }

    /// Waits for more bytes: for ever between requests, and only so long within one.
    async fn wait(&mut self, stream: &TcpStream) -> Result<(), Error> {
        if self.begun.is_none() && self.ahead.is_empty() {
            self.ahead = BytesMut::new();
            return Ok(stream.readable().await?);
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let readable = timeout_at(since + self.timeout, stream.readable()).await;
        let silent = Error::Silent {
            ms: self.timeout.as_millis(),
        };
        Ok(readable.map_err(|_| silent)??)
    }

    fn fill(&mut self, stream: &TcpStream) -> io::Result<usize> {
        match &mut self.begun {
            Some(begun) => {
                begun.grow();
                let missing = begun.missing();
                stream.try_read_buf(&mut (&mut begun.bytes).limit(missing))
            }
            None => {
                self.ahead.reserve(READ_AHEAD);
                stream.try_read_buf(&mut self.ahead)
            }
        }
    }

    fn end(&self) -> Result<(), Error> {
        match &self.begun {
            None if self.ahead.is_empty() => Ok(()),
            None => Err(Error::EndInLength {
                got: self.ahead.len(),
            }),
            Some(begun) => Err(Error::EndInRequest {
                got: begun.bytes.len(),
                length: begun.length,
            }),
        }
    }
}

/// Why four bytes are no length, told from what other protocols begin with.
fn refusal(prefix: [u8; 4], length: i32, max: usize) -> Error {
    match &prefix {
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC"
        | b"PRI " => Error::Http,
        [0x16, 3, 0..=4, _] => Error::Tls,
        _ if length < 0 => Error::NegativeLength { length },
        _ => Error::TooLong { length, max },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    /// What a reader with a bound of 1 MiB makes of `bytes` and the end of the stream.
    async fn read_all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let (mut client, server) = pair().await;
        let sent = bytes.to_vec();
        let send = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
        });
        let mut reader = FrameReader::new(1 << 20, PATIENCE, Memory::new(1 << 20));
        let mut frames = Vec::new();
        let outcome = loop {
            match reader.next(&server).await {
                Ok(Some(frame)) => frames.push(frame.bytes.to_vec()),
                Ok(None) => break Ok(frames),
                Err(error) => break Err(error.to_string()),
            }
        };
        send.await.unwrap();
        outcome
    }

    fn framed(bodies: &[&[u8]]) -> Vec<u8> {
        bodies
            .iter()
            .flat_map(|b| [&(b.len() as i32).to_be_bytes()[..], b].concat())
            .collect()
    }

    #[tokio::test]
    async fn requests_come_out_as_they_went_in_whatever_their_size() {
        let large = vec![7; 700_000];
        let bodies: [&[u8]; 5] = [b"a", b"", &large, &large[..READ_AHEAD], b"z"];
        assert_eq!(read_all(&framed(&bodies)).await.unwrap(), bodies);
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_with_the_reason() {
        let check = async |bytes: &[u8], expected: &str| {
            assert_eq!(read_all(bytes).await.unwrap_err(), expected, "{bytes:?}");
        };
        check(
            b"GET / HTTP/1.1\r\n",
            "this is HTTP, not the Kafka protocol",
        )
        .await;
        check(
            &[0x16, 3, 1, 2, 0, 1],
            "this is a TLS hello on a plaintext listener",
        )
        .await;
        check(&(-5_i32).to_be_bytes(), "a request cannot be -5 bytes long").await;
        check(
            &i32::MAX.to_be_bytes(),
            "a request of 2147483647 bytes is longer than socket.request.max.bytes (1048576)",
        )
        .await;
        check(
            &[0, 0],
            "the stream ended inside a length, after 2 of 4 bytes",
        )
        .await;
        check(
            &[0, 0, 0, 9, 1, 2],
            "the stream ended inside a request, after 2 of 9 bytes",
        )
        .await;
    }

    #[tokio::test]
    async fn a_claimed_length_takes_no_memory_from_others() {
        let (mut liar, lied_to) = pair().await;
        liar.write_all(&(1_i32 << 20).to_be_bytes()).await.unwrap();
        let memory = Memory::new(1 << 20);
        let mut waiting = FrameReader::new(1 << 20, PATIENCE, memory.clone());
        let mut pending = Box::pin(waiting.next(&lied_to));
        assert!(futures_util::poll!(&mut pending).is_pending());

        let (mut client, server) = pair().await;
        client.write_all(&framed(&[b"real"])).await.unwrap();
        let mut reader = FrameReader::new(1 << 20, PATIENCE, memory);
        assert_eq!(
            &reader.next(&server).await.unwrap().unwrap().bytes[..],
            b"real"
        );
    }

    #[tokio::test]
    async fn a_large_request_that_stops_arriving_keeps_no_small_one_waiting() {
        let (mut liar, lied_to) = pair().await;
        let claim = [&(1_i32 << 20).to_be_bytes()[..], &[0; FIRST_CHUNK]].concat();
        liar.write_all(&claim).await.unwrap();
        let memory = Memory::new(1 << 20);
        let mut waiting = FrameReader::new(1 << 20, PATIENCE, memory.clone());
        while memory.large.available_permits() > 0 {
            assert!(futures_util::poll!(Box::pin(waiting.next(&lied_to))).is_pending());
            tokio::task::yield_now().await;
        }

        let (mut client, server) = pair().await;
        client.write_all(&framed(&[b"real"])).await.unwrap();
        let mut reader = FrameReader::new(1 << 20, PATIENCE, memory);
        assert_eq!(
            &reader.next(&server).await.unwrap().unwrap().bytes[..],
            b"real"
        );
    }

    #[tokio::test]
    async fn a_request_waits_for_the_memory_of_an_earlier_one() {
        let (mut client, server) = pair().await;
        client
            .write_all(&framed(&[&[1; 600], &[2; 600]]))
            .await
            .unwrap();
        let mut reader = FrameReader::new(1 << 20, PATIENCE, Memory::new(1000));
        let first = reader.next(&server).await.unwrap().unwrap();
        assert!(futures_util::poll!(Box::pin(reader.next(&server))).is_pending());
        drop(first);
        assert_eq!(
            &reader.next(&server).await.unwrap().unwrap().bytes[..],
            [2; 600]
        );
    }
}
