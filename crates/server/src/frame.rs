//! Requests off a socket: a 4-byte length, then as many bytes.
//!
//! A length is only a claim. It is checked before anything is kept for it, the first bytes are read
//! into a small buffer, and whenever the buffer is full it may double, once [`Memory`] grants that.
//! What the bytes mean is not known here.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::memory::{Grant, Memory, SMALL};

/// Bytes read ahead of knowing what they belong to.
const READ_AHEAD: usize = 8 * 1024;

/// A whole request, with the memory granted for it.
#[derive(Debug)]
pub(crate) struct QueuedFrame {
    /// What followed the length.
    pub(crate) bytes: BytesMut,
    /// Given back when the request has been answered.
    pub(crate) memory: Grant,
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
    /// Since when the rest of a begun request, or memory for it, has been awaited.
    waiting_since: Option<Instant>,
}

/// A request of which the length is known.
#[derive(Debug)]
struct Begun {
    length: usize,
    bytes: BytesMut,
    memory: Grant,
}

impl Begun {
    fn missing(&self) -> usize {
        self.length - self.bytes.len()
    }

    /// Bytes that may be received for now.
    fn room(&self) -> usize {
        self.memory.bytes().max(SMALL).min(self.length)
    }

    /// What memory the request needs to go on. A small one needs none until it is whole, and a large
    /// one twice its room when that is full.
    fn needs(&self) -> usize {
        match self.missing() > 0 && self.bytes.len() < self.room() {
            true => self.memory.bytes(),
            false => self.length.min(2 * self.room()),
        }
    }

    /// Makes the buffer as large as its room.
    fn grow(&mut self) {
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve(self.room() - self.bytes.len());
        }
    }
}

impl FrameReader {
    /// A reader of requests of up to `max_length` bytes, each of which has to arrive within
    /// `timeout` once it has begun. Waiting for memory counts too: a client has long given up by
    /// then, and requests that hold memory while they wait for more come to an end.
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
    /// When the length cannot be one, the stream ends inside a request, the time for it is over, or
    /// reading fails.
    pub(crate) async fn next(&mut self, stream: &TcpStream) -> Result<Option<QueuedFrame>, Error> {
        loop {
            self.begin()?;
            if let Some(frame) = self.complete().await? {
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
        let mut bytes = BytesMut::with_capacity(length.min(SMALL));
        bytes.extend_from_slice(&self.ahead[..here]);
        self.ahead.advance(here);
        self.begun = Some(Begun {
            length,
            bytes,
            memory: Grant::default(),
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
    async fn complete(&mut self) -> Result<Option<QueuedFrame>, Error> {
        let Some(begun) = &mut self.begun else {
            return Ok(None);
        };
        let needs = begun.needs();
        if needs > begun.memory.bytes() {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            let granted = self.memory.raise(&mut begun.memory, needs, begun.length);
            timeout_at(since + self.timeout, granted)
                .await
                .map_err(|_| Error::NoMemory {
                    ms: self.timeout.as_millis(),
                })?;
        }
        if begun.missing() > 0 {
            return Ok(None);
        }
        self.waiting_since = None;
        Ok(self.begun.take().map(|begun| QueuedFrame {
            bytes: begun.bytes,
            memory: begun.memory,
        }))
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
                let room = begun.room() - begun.bytes.len();
                stream.try_read_buf(&mut (&mut begun.bytes).limit(room))
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
    use tokio::task::{JoinHandle, JoinSet};

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

    /// A reader of what a client sends before it falls silent, and the client.
    async fn sends(
        bytes: Vec<u8>,
        memory: &Memory,
    ) -> (FrameReader, TcpStream, JoinHandle<TcpStream>) {
        let (mut client, server) = pair().await;
        let sending = tokio::spawn(async move {
            client.write_all(&bytes).await.unwrap();
            client
        });
        let reader = FrameReader::new(1 << 20, PATIENCE, memory.clone());
        (reader, server, sending)
    }

    #[tokio::test]
    async fn large_requests_that_never_end_keep_no_small_one_waiting() {
        let memory = Memory::new(256 * 1024);
        let begun = [&(1_i32 << 20).to_be_bytes()[..], &[0; SMALL]].concat();
        let mut liars = Vec::new();
        while !memory.is_overdrawn() {
            let (mut reader, server, client) = sends(begun.clone(), &memory).await;
            let reading = tokio::spawn(async move { reader.next(&server).await });
            liars.push((reading, client));
            tokio::task::yield_now().await;
        }
        let (mut reader, server, _client) = sends(framed(&[&[1; 60_000]]), &memory).await;
        let frame = reader.next(&server).await.unwrap().unwrap();
        assert_eq!(frame.bytes, vec![1; 60_000]);
        assert!(!liars.iter().any(|(reading, _)| reading.is_finished()));
    }

    #[tokio::test]
    async fn large_requests_that_fill_the_memory_together_all_come_through() {
        let memory = Memory::new(1 << 20);
        let mut together = JoinSet::new();
        for _ in 0..8 {
            let request = framed(&[&[3; 1 << 20]]);
            let (mut reader, server, client) = sends(request, &memory).await;
            together.spawn(async move {
                let frame = reader.next(&server).await.unwrap().unwrap();
                drop(client);
                frame.bytes.len()
            });
        }
        assert_eq!(together.join_all().await, [1 << 20; 8]);
    }

    #[tokio::test]
    async fn waiting_for_memory_ends_with_the_time_for_the_request() {
        let memory = Memory::new(1000);
        let mut all = Grant::default();
        memory.raise(&mut all, 1000, 1000).await;
        let (_, server, client) = sends(framed(&[b"late"]), &memory).await;
        let _client = client.await.unwrap();
        let mut reader = FrameReader::new(1 << 20, Duration::from_millis(1), memory);
        assert_eq!(
            reader.next(&server).await.unwrap_err().to_string(),
            "no memory for a request within socket.request.read.timeout.ms (1): \
             queued.max.request.bytes are in use"
        );
    }
}
