//! Zig-zag variable-length integers, as records use them.

use crate::Error;

/// Takes a value of up to 64 bits off the front of `input`.
pub(crate) fn take_long(input: &mut &[u8]) -> Result<i64, Error> {
    let mut value = 0u64;
    for (at, &byte) in input.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *input = &input[at + 1..];
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    Err(match input.len() {
        len @ ..10 => Error::Truncated {
            needed: len + 1,
            available: len,
        },
        _ => Error::Invalid("a variable-length integer has more than 10 bytes"),
    })
}

/// Takes a value of up to 32 bits off the front of `input`.
pub(crate) fn take_int(input: &mut &[u8]) -> Result<i32, Error> {
    i32::try_from(take_long(input)?)
        .map_err(|_| Error::Invalid("a variable-length integer exceeds 32 bits"))
}

/// Appends `value` to `out`.
pub(crate) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: i64) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, value);
        out
    }

    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (300, &[0xd8, 0x04]),
        ] {
            assert_eq!(encoded(value), bytes, "{value}");
        }
    }

    #[test]
    fn truncated_and_endless_integers_are_errors() {
        assert!(matches!(
            take_long(&mut &[0x80u8, 0x80][..]),
            Err(Error::Truncated { .. })
        ));
        assert!(matches!(
            take_long(&mut &[0x80u8; 11][..]),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            take_int(&mut &encoded(i64::from(i32::MAX) + 1)[..]),
            Err(Error::Invalid(_))
        ));
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value: i64) {
            let bytes = encoded(value);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_long(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
        }
    }
}
