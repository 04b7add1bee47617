//! Where encoded bytes go: one growing buffer, with large payloads referred to instead of copied.

use bytes::{BufMut, Bytes, BytesMut};

/// Payloads below this many bytes are cheaper to copy than to share and to write as a chunk of
/// their own.
const COPY_BELOW: usize = 2048;

/// Collects one message.
#[derive(Debug, Default)]
pub struct Encoder {
    buffer: BytesMut,
    /// Payloads by reference, each with the position of `buffer` before which it belongs.
    references: Vec<(usize, Bytes)>,
}

impl Encoder {
    /// An empty encoder.
    pub fn new() -> Self {
        Self {
            buffer: BytesMut::with_capacity(256),
            references: Vec::new(),
        }
    }

    /// The buffer for everything that is copied.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Appends `payload`, by reference when it is large.
    pub fn put_payload(&mut self, payload: &Bytes) {
        if payload.len() < COPY_BELOW {
            self.buffer.extend_from_slice(payload);
        } else {
            self.references.push((self.buffer.len(), payload.clone()));
        }
    }

    /// Appends an unsigned variable-length integer.
    pub(crate) fn put_uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }

    /// The message as one piece, with nothing before it. Copies what was referred to.
    pub fn into_bytes(self) -> Bytes {
        let frame = Frame::from_parts(self.buffer, self.references);
        frame.to_bytes()
    }

    /// The message as a frame. The caller has left four bytes for the length at the very start.
    pub(crate) fn into_frame(mut self) -> Frame {
        let payloads: usize = self
            .references
            .iter()
            .map(|(_, payload)| payload.len())
            .sum();
        let length = self.buffer.len() + payloads - 4;
        self.buffer[..4].copy_from_slice(&(length as u32).to_be_bytes());
        Frame::from_parts(self.buffer, self.references)
    }
}

/// Bytes, and what is dropped together with them.
struct Kept<G> {
    bytes: Bytes,
    _guard: G,
}

impl<G> AsRef<[u8]> for Kept<G> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// One encoded message as chunks for a vectored write, its 4-byte length prefix included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    chunks: Vec<Bytes>,
    len: usize,
}

impl Frame {
    fn from_parts(buffer: BytesMut, references: Vec<(usize, Bytes)>) -> Self {
        let mut rest = buffer.freeze();
        let mut taken = 0;
        let mut chunks = Vec::with_capacity(2 * references.len() + 1);
        for (position, payload) in references {
            chunks.push(rest.split_to(position - taken));
            chunks.push(payload);
            taken = position;
        }
        chunks.push(rest);
        chunks.retain(|chunk| !chunk.is_empty());
        let len = chunks.iter().map(Bytes::len).sum();
        Self { chunks, len }
    }

    /// The chunks in the order in which they are to be written; none is empty.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The chunks, owned.
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// The same frame, which keeps `guard` until its last chunk is dropped, as it is when written.
    #[must_use]
    pub fn keep(mut self, guard: impl Send + 'static) -> Self {
        if let Some(last) = self.chunks.pop() {
            let kept = Kept {
                bytes: last,
                _guard: guard,
            };
            self.chunks.push(Bytes::from_owner(kept));
        }
        self
    }

    /// Bytes of all chunks together.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The whole frame in one piece; copies unless there is a single chunk.
    pub fn to_bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [single] => single.clone(),
            chunks => chunks.concat().into(),
        }
    }
}
