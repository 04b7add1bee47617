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
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        Ok((input, Self(bytes.into_iter().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_message;

    #[test]
    fn no_records_are_read_alike_however_they_are_written() {
        let none = Ok(Records::default());
        for classic in [[0; 4], [0xff; 4]] {
            assert_eq!(decode_message(&classic, Version::classic(4)), none);
        }
        for flexible in [[0], [1]] {
            assert_eq!(decode_message(&flexible, Version::flexible(12)), none);
        }
    }

    #[test]
    fn records_have_one_length_for_all_of_them() {
        let records = Records(vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")]);
        assert_eq!((records.len(), records.is_empty()), (3, false));
        let mut out = Encoder::new();
        records.encode(&mut out, Version::flexible(12));
        assert_eq!(out.into_bytes(), &b"\x04abc"[..]);
    }
}
