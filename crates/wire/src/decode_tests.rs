use super::*;

const CLASSIC: Version = Version::classic(0);
const FLEXIBLE: Version = Version::flexible(0);

fn check<'a, T: Decode<'a> + PartialEq + std::fmt::Debug>(
    input: &'a [u8],
    version: Version,
    expected: Result<T, Error>,
) {
    assert_eq!(decode_message(input, version), expected, "{input:?}");
}

#[test]
fn strings_have_a_short_or_a_varint_length() {
    check(b"\0\x02ab", CLASSIC, Ok("ab"));
    check(b"\x03ab", FLEXIBLE, Ok("ab"));
    check(b"\xff\xff", CLASSIC, Ok(None::<&str>));
    check(b"\0", FLEXIBLE, Ok(None::<&str>));
    check(b"\xff\xff", CLASSIC, Err::<&str, _>(Error::UnexpectedNull));
    check(
        b"\xff\xfe",
        CLASSIC,
        Err::<&str, _>(Error::InvalidLength(-2)),
    );
    check(
        b"\0\x03ab",
        CLASSIC,
        Err::<&str, _>(Error::Truncated { left: 2 }),
    );
    check(b"\0\x01\xff", CLASSIC, Err::<&str, _>(Error::InvalidUtf8));
}

#[test]
fn bytes_have_a_long_or_a_varint_length() {
    check(b"\0\0\0\x02ab", CLASSIC, Ok(&b"ab"[..]));
    check(b"\x03ab", FLEXIBLE, Ok(&b"ab"[..]));
    check(b"\xff\xff\xff\xff", CLASSIC, Ok(None::<&[u8]>));
    check(
        b"\x80\0\0\0",
        CLASSIC,
        Err::<&[u8], _>(Error::InvalidLength(i32::MIN.into())),
    );
    check(
        b"\x7f\xff\xff\xff",
        CLASSIC,
        Err::<&[u8], _>(Error::Truncated { left: 0 }),
    );
}

#[test]
fn a_hostile_array_count_is_refused_before_anything_is_allocated() {
    let announced = |count| Err::<Vec<i32>, _>(Error::ImpossibleCount { count, left: 3 });
    check(
        b"\x7f\xff\xff\xff123",
        CLASSIC,
        announced(i32::MAX as usize),
    );
    check(
        b"\xff\xff\xff\xff\x0f123",
        FLEXIBLE,
        announced(u32::MAX as usize - 1),
    );
    check(
        b"\0\0\0\x03123",
        CLASSIC,
        Err::<Vec<i32>, _>(Error::Truncated { left: 3 }),
    );
}

#[test]
fn arrays_nest_and_may_be_null() {
    check(b"\0\0\0\x02\0\x05\0\x06", CLASSIC, Ok(vec![5_i16, 6]));
    check(b"\x03\0\x05\0\x06", FLEXIBLE, Ok(vec![5_i16, 6]));
    check(b"\0", FLEXIBLE, Ok(None::<Vec<i16>>));
    check(b"\0", FLEXIBLE, Err::<Vec<i16>, _>(Error::UnexpectedNull));
    check(b"\x02\x02a", FLEXIBLE, Ok(vec!["a"]));
}

#[test]
fn varints_end_within_five_bytes_and_32_bits() {
    let check = |input, expected| assert_eq!(finish(uvarint(input)), expected, "{input:?}");
    check(&[0x7f], Ok(127));
    check(&[0x80, 0x01], Ok(128));
    check(&[0xff, 0xff, 0xff, 0xff, 0x0f], Ok(u32::MAX));
    check(&[0xff, 0xff, 0xff, 0xff, 0x1f], Err(Error::InvalidVarint));
    check(
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        Err(Error::InvalidVarint),
    );
    check(&[0x80], Err(Error::Truncated { left: 0 }));
}

#[test]
fn a_field_is_found_again_in_its_frame() {
    let frame = b"0123456789";
    assert_eq!(range_within(frame, &frame[3..7]), Some(3..7));
    assert_eq!(range_within(&frame[..5], &frame[3..7]), None);
    assert_eq!(range_within(&frame[4..], &frame[3..7]), None);
}
