//! Encoders of the primitive types, in both encodings: the mirror of `decode.rs`.
//!
//! Encoding cannot fail. A string that a classic length cannot express is cut to what it can.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::{Encoder, ErrorCode, Version};

/// A type that is written to a message.
pub trait Encode {
    /// Appends the value as `version` encodes it.
    fn encode(&self, out: &mut Encoder, version: Version);

    /// Appends a value that may be null, as
    /// [`Decode::decode_nullable`](crate::Decode::decode_nullable) reads it.
    fn encode_nullable(value: Option<&Self>, out: &mut Encoder, version: Version)
    where
        Self: Sized,
    {
        out.buffer().put_i8(if value.is_some() { 1 } else { -1 });
        if let Some(value) = value {
            value.encode(out, version);
        }
    }
}

/// Appends the empty value in the place of a null that this version of the message cannot express.
/// `_absent` only names the type.
pub(crate) fn encode_empty<T: Encode + Default>(
    _absent: &Option<T>,
    out: &mut Encoder,
    version: Version,
) {
    T::default().encode(out, version);
}

/// Appends a length or element count; `None` is null.
pub(crate) fn put_length(length: Option<usize>, out: &mut Encoder, version: Version) {
    if version.flexible {
        out.put_uvarint(length.map_or(0, |length| length as u32 + 1));
    } else {
        out.buffer()
            .put_i32(length.map_or(-1, |length| length as i32));
    }
}

fn put_string(string: Option<&str>, out: &mut Encoder, version: Version) {
    if version.flexible {
        return put_bytes(string.map(str::as_bytes), out, version);
    }
    let string = string.map(|string| &string[..string.floor_char_boundary(i16::MAX as usize)]);
    out.buffer()
        .put_i16(string.map_or(-1, |string| string.len() as i16));
    out.buffer()
        .extend_from_slice(string.unwrap_or_default().as_bytes());
}

fn put_bytes(bytes: Option<&[u8]>, out: &mut Encoder, version: Version) {
    put_length(bytes.map(<[u8]>::len), out, version);
    out.buffer().extend_from_slice(bytes.unwrap_or_default());
}

macro_rules! fixed_width {
    ($($ty:ty: $put:expr),+ $(,)?) => {$(
        impl Encode for $ty {
            fn encode(&self, out: &mut Encoder, _: Version) {
                let put: fn(&mut BytesMut, $ty) = $put;
                put(out.buffer(), *self);
            }
        }
    )+};
}

fixed_width! {
    bool: |buffer, value| buffer.put_u8(value.into()),
    i8: BufMut::put_i8,
    i16: BufMut::put_i16,
    i32: BufMut::put_i32,
    i64: BufMut::put_i64,
    u16: BufMut::put_u16,
    u32: BufMut::put_u32,
    f64: BufMut::put_f64,
    Uuid: |buffer, value| buffer.put_slice(value.as_bytes()),
    ErrorCode: |buffer, value| buffer.put_i16(value.0),
}

/// Types that are written as a string or as bytes, null or not.
macro_rules! sized_by_length {
    ($($put:ident: $($ty:ty),+;)+) => {$($(
        impl Encode for $ty {
            fn encode(&self, out: &mut Encoder, version: Version) {
                $put(Some(self), out, version);
            }

            fn encode_nullable(value: Option<&Self>, out: &mut Encoder, version: Version) {
                $put(value.map(|value| &**value), out, version);
            }
        }
    )+)+};
}

sized_by_length! {
    put_string: &str, Cow<'_, str>;
    put_bytes: &[u8], Cow<'_, [u8]>, Bytes;
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Encoder, version: Version) {
        T::encode_nullable(self.as_ref(), out, version);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Encoder, version: Version) {
        Self::encode_nullable(Some(self), out, version);
    }

    fn encode_nullable(value: Option<&Self>, out: &mut Encoder, version: Version) {
        put_length(value.map(Self::len), out, version);
        for element in value.into_iter().flatten() {
            element.encode(out, version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decode, decode_message};

    fn encoded(value: &impl Encode, version: Version) -> Bytes {
        let mut out = Encoder::new();
        value.encode(&mut out, version);
        out.into_bytes()
    }

    #[test]
    fn numbers_are_big_endian_and_of_fixed_width() {
        fn check<'a, T>(value: &T, expected: &'a [u8])
        where
            T: Encode + Decode<'a> + PartialEq + std::fmt::Debug,
        {
            for version in [Version::classic(0), Version::flexible(0)] {
                assert_eq!(encoded(value, version), expected);
                assert_eq!(decode_message::<T>(expected, version).as_ref(), Ok(value));
            }
        }
        check(&true, &[1]);
        check(&-2_i8, &[0xfe]);
        check(&-2_i16, &[0xff, 0xfe]);
        check(&0x0102_0304_i32, &[1, 2, 3, 4]);
        check(&0x0102_0304_0506_0708_i64, &[1, 2, 3, 4, 5, 6, 7, 8]);
        check(&0xfffe_u16, &[0xff, 0xfe]);
        check(&0xfffe_0000_u32, &[0xff, 0xfe, 0, 0]);
        check(&1.5_f64, &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        check(&ErrorCode::UNKNOWN_SERVER_ERROR, &[0xff, 0xff]);
    }

    #[test]
    fn a_string_too_long_for_a_classic_length_is_cut_between_characters() {
        let long = "ü".repeat(20_000);
        let cut = encoded(&long.as_str(), Version::classic(0));
        assert_eq!(cut[..2], 32_766_i16.to_be_bytes());
        assert_eq!(&cut[2..], &long.as_bytes()[..32_766]);
        let whole = encoded(&long.as_str(), Version::flexible(0));
        assert_eq!(&whole[3..], long.as_bytes());
    }

    #[test]
    fn null_is_a_length_of_its_own_or_a_byte_in_front() {
        let check = |value: &dyn Fn(&mut Encoder, Version), classic: &[u8], flexible: &[u8]| {
            for (version, expected) in [
                (Version::classic(0), classic),
                (Version::flexible(0), flexible),
            ] {
                let mut out = Encoder::new();
                value(&mut out, version);
                assert_eq!(out.into_bytes(), expected);
            }
        };
        check(&|out, v| None::<&str>.encode(out, v), &[0xff, 0xff], &[0]);
        check(&|out, v| None::<&[u8]>.encode(out, v), &[0xff; 4], &[0]);
        check(&|out, v| None::<Vec<i8>>.encode(out, v), &[0xff; 4], &[0]);
        check(&|out, v| Some("").encode(out, v), &[0, 0], &[1]);
        // Only structures are preceded by a byte; a number stands for one here.
        check(&|out, v| None::<i8>.encode(out, v), &[0xff], &[0xff]);
        check(&|out, v| Some(7_i8).encode(out, v), &[1, 7], &[1, 7]);
    }
}
