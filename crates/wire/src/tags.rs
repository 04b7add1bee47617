//! Tagged fields: the optional tail of every structure in the flexible encoding.
//!
//! Layout: count, then for each field its tag, its size in bytes and its value; all three numbers
//! are varints. A tag that is not known is skipped, so that newer peers may say more.

use nom::bytes::complete::take;

use crate::decode::{fail, uvarint};
use crate::{Decode, Encode, Encoder, Error, Parsed, Version};

/// Hands each tag and its bytes to `field`; the classic encoding has none.
pub(crate) fn decode_tags<'a>(
    input: &'a [u8],
    version: Version,
    mut field: impl FnMut(u32, &'a [u8]) -> Result<(), nom::Err<Error>>,
) -> Parsed<'a, ()> {
    if !version.flexible {
        return Ok((input, ()));
    }
    let (mut input, count) = uvarint(input)?;
    for _ in 0..count {
        let (rest, tag) = uvarint(input)?;
        let (rest, size) = uvarint(rest)?;
        let (rest, value) = take(size)(rest)?;
        field(tag, value)?;
        input = rest;
    }
    Ok((input, ()))
}

/// Reads the value of one tagged field, which must fill the field's bytes.
pub(crate) fn decode_tagged<'a, T: Decode<'a>>(
    value: &'a [u8],
    version: Version,
) -> Result<T, nom::Err<Error>> {
    match T::decode(value, version)? {
        ([], value) => Ok(value),
        (rest, _) => fail(Error::TaggedFieldTooLong(rest.len())),
    }
}

/// Appends one tagged field; the count was appended before the first.
pub(crate) fn encode_tagged(tag: u32, value: &impl Encode, out: &mut Encoder, version: Version) {
    let mut encoder = Encoder::new();
    value.encode(&mut encoder, version);
    let value = encoder.into_bytes();
    out.put_uvarint(tag);
    out.put_uvarint(value.len() as u32);
    out.put_payload(&value);
}
