//! Decoders of the primitive types, in both encodings.
//!
//! A decoded value borrows the message. An array's capacity is bounded by the bytes that are left,
//! so that a hostile length allocates nothing; no structure of the protocol is recursive, so that
//! depth is bounded too.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{
    be_f64, be_i8, be_i16, be_i32, be_i64, be_u8, be_u16, be_u32, be_u128,
};
use uuid::Uuid;

use crate::{Error, ErrorCode, Version};

/// Most elements that an array may have. No honest message comes near, and without a limit a frame
/// of empty names would cost many times its own size, here and again in the answer to it.
pub(crate) const MAX_ELEMENTS: usize = 100_000;

/// The rest of the message and the value, or why there is none.
pub type Parsed<'a, T> = IResult<&'a [u8], T, Error>;

/// A type that is read from a message.
pub trait Decode<'a>: Sized {
    /// Reads one value as `version` encodes it.
    fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self>;

    /// Reads a value that may be null. A structure is preceded by a byte that is negative for null;
    /// types with a length say null by their length.
    fn decode_nullable(input: &'a [u8], version: Version) -> Parsed<'a, Option<Self>> {
        match be_i8(input)? {
            (input, ..0) => Ok((input, None)),
            (input, _) => Self::decode(input, version).map(|(input, value)| (input, Some(value))),
        }
    }
}

/// Reads a whole message from `input`. Bytes after its end are ignored, as Apache Kafka ignores
/// them.
pub fn decode_message<'a, T: Decode<'a>>(input: &'a [u8], version: Version) -> Result<T, Error> {
    finish(T::decode(input, version))
}

/// Where `part`, a slice borrowed from `whole`, lies in it. Lets the owner of a frame cut a decoded
/// field out of the frame without copying. Returns `None` when `part` is not inside `whole`.
pub fn range_within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

/// The value alone, once nothing is to be parsed behind it.
pub(crate) fn finish<T>(parsed: Parsed<'_, T>) -> Result<T, Error> {
    match parsed {
        Ok((_, value)) => Ok(value),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
        // Only streaming parsers ask for more; all of ours are complete.
        Err(nom::Err::Incomplete(_)) => Err(Error::Truncated { left: 0 }),
    }
}

/// Fails for good: no alternative is tried behind any error of this crate.
pub(crate) fn fail<T>(error: Error) -> Result<T, nom::Err<Error>> {
    Err(nom::Err::Failure(error))
}

/// Fails if the value is absent.
pub(crate) fn refuse_null<T>(value: &Option<T>) -> Result<(), nom::Err<Error>> {
    if value.is_some() {
        Ok(())
    } else {
        fail(Error::UnexpectedNull)
    }
}

fn not_null<T>((input, value): (&[u8], Option<T>)) -> Parsed<'_, T> {
    match value {
        Some(value) => Ok((input, value)),
        None => fail(Error::UnexpectedNull),
    }
}

/// An unsigned variable-length integer: seven bits per byte, least significant first.
pub(crate) fn uvarint(mut input: &[u8]) -> Parsed<'_, u32> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let (rest, byte) = be_u8(input)?;
        input = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return match u32::try_from(value) {
                Ok(value) => Ok((input, value)),
                Err(_) => fail(Error::InvalidVarint),
            };
        }
    }
    fail(Error::InvalidVarint)
}

/// The length of a string, of bytes or of an array; `None` is null. `classic` reads the fixed-width
/// length.
fn length<'a>(
    input: &'a [u8],
    version: Version,
    classic: impl Fn(&'a [u8]) -> Parsed<'a, i32>,
) -> Parsed<'a, Option<usize>> {
    if version.flexible {
        let (input, length) = uvarint(input)?;
        return Ok((input, length.checked_sub(1).map(|length| length as usize)));
    }
    match classic(input)? {
        (input, -1) => Ok((input, None)),
        (input, length) => match usize::try_from(length) {
            Ok(length) => Ok((input, Some(length))),
            Err(_) => fail(Error::InvalidLength(length.into())),
        },
    }
}

fn short(input: &[u8]) -> Parsed<'_, i32> {
    be_i16.map(i32::from).parse(input)
}

/// As many bytes as the length in front of them says.
fn nullable_bytes<'a>(
    input: &'a [u8],
    version: Version,
    classic: impl Fn(&'a [u8]) -> Parsed<'a, i32>,
) -> Parsed<'a, Option<&'a [u8]>> {
    match length(input, version, classic)? {
        (input, None) => Ok((input, None)),
        (input, Some(length)) => take(length).map(Some).parse(input),
    }
}

macro_rules! fixed_width {
    ($($ty:ty: $parser:expr),+ $(,)?) => {$(
        impl<'a> Decode<'a> for $ty {
            fn decode(input: &'a [u8], _: Version) -> Parsed<'a, Self> {
                $parser.parse(input)
            }
        }
    )+};
}

fixed_width! {
    bool: be_i8.map(|byte| byte != 0),
    i8: be_i8,
    i16: be_i16,
    i32: be_i32,
    i64: be_i64,
    u16: be_u16,
    u32: be_u32,
    f64: be_f64,
    Uuid: be_u128.map(Uuid::from_u128),
    ErrorCode: be_i16.map(ErrorCode),
}

impl<'a> Decode<'a> for &'a str {
    fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self> {
        not_null(Self::decode_nullable(input, version)?)
    }

    fn decode_nullable(input: &'a [u8], version: Version) -> Parsed<'a, Option<Self>> {
        let (input, bytes) = nullable_bytes(input, version, short)?;
        // The compact form could say more, but whoever gets it back in the classic one could not.
        if let Some(bytes) = bytes.filter(|bytes| bytes.len() > i16::MAX as usize) {
            return fail(Error::InvalidLength(bytes.len() as i64));
        }
        match bytes.map(str::from_utf8).transpose() {
            Ok(string) => Ok((input, string)),
            Err(_) => fail(Error::InvalidUtf8),
        }
    }
}

impl<'a> Decode<'a> for &'a [u8] {
    fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self> {
        not_null(Self::decode_nullable(input, version)?)
    }

    fn decode_nullable(input: &'a [u8], version: Version) -> Parsed<'a, Option<Self>> {
        nullable_bytes(input, version, be_i32)
    }
}

/// Types that are read as another type and then converted, null or not.
macro_rules! converted {
    ($($ty:ty: $from:ty, $convert:expr);+ $(;)?) => {$(
        impl<'a> Decode<'a> for $ty {
            fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self> {
                <$from>::decode(input, version).map(|(input, value)| (input, $convert(value)))
            }

            fn decode_nullable(input: &'a [u8], version: Version) -> Parsed<'a, Option<Self>> {
                let (input, value) = <$from>::decode_nullable(input, version)?;
                Ok((input, value.map($convert)))
            }
        }
    )+};
}

converted! {
    Cow<'a, str>: &'a str, Cow::Borrowed;
    Cow<'a, [u8]>: &'a [u8], Cow::Borrowed;
    Bytes: &'a [u8], Bytes::copy_from_slice;
}

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self> {
        T::decode_nullable(input, version)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    fn decode(input: &'a [u8], version: Version) -> Parsed<'a, Self> {
        not_null(Self::decode_nullable(input, version)?)
    }

    fn decode_nullable(input: &'a [u8], version: Version) -> Parsed<'a, Option<Self>> {
        let (mut input, count) = match length(input, version, be_i32)? {
            (input, None) => return Ok((input, None)),
            (input, Some(count)) => (input, count),
        };
        let left = input.len();
        // Every element takes a byte at least.
        if count > left {
            return fail(Error::ImpossibleCount { count, left });
        }
        if count > MAX_ELEMENTS {
            return fail(Error::TooManyElements(count));
        }
        // An element may be larger in memory than on the wire: what is reserved at first is no more
        // than the message itself holds, and then never more than twice what was read.
        let mut elements = Self::with_capacity(count.min(left / size_of::<T>().max(1) + 1));
        for _ in 0..count {
            let (rest, element) = T::decode(input, version)?;
            input = rest;
            if elements.len() == elements.capacity() {
                elements.reserve_exact(elements.len().min(count - elements.len()));
            }
            elements.push(element);
        }
        Ok((input, Some(elements)))
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
