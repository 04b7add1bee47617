//! Answers on their way to a socket, written many chunks at a time and never copied.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use millstream_wire::Frame;
use tokio::net::TcpStream;

/// Chunks handed to the kernel in one call.
const CHUNKS_PER_WRITE: usize = 64;

/// Chunks that are still to be written, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox(VecDeque<Bytes>);

impl Outbox {
    /// Puts an answer, if there is one, behind those that wait.
    pub(crate) fn extend(&mut self, frame: Option<Frame>) {
        self.0
            .extend(frame.into_iter().flat_map(Frame::into_chunks));
    }

    /// Whether everything has been written.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes what the socket takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing more, and whatever else the socket reports.
    pub(crate) fn write(&mut self, stream: &TcpStream) -> io::Result<()> {
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); CHUNKS_PER_WRITE];
            let mut used = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.0) {
                *slice = IoSlice::new(chunk);
                used += 1;
            }
            let written = stream.try_write_vectored(&slices[..used])?;
            self.advance(written);
        }
        Ok(())
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(chunk) = self.0.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.0.pop_front();
        }
    }
}
