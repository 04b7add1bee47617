//! Record batches inside a response: a list of references, never copied while a response is
//! encoded.

use bytes::Bytes;

use crate::encode::put_length;
use crate::{Decode, Encode, Encoder, Parsed, Version};

/// Whole record batches, one after the other. The wire knows them as bytes with one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records(pub Vec<Bytes>);

impl Records {
    /// Bytes of all batches together.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }
}

impl Encode for Records {
    fn encode(&self, out: &mut Encoder, version: Version) {
        put_length(Some(self.len()), out, version);
        for batches in &self.0 {
            out.put_payload(batches);
        }
    }
}

impl<'a> Decode<'a> for Records {
    fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self> {
        let (input, bytes) = Option::<Bytes>::decode(input, version)?;
        Ok((input, Self(bytes.into_iter().collect())))
    }
}
