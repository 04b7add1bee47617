use super::*;

const CLASSIC: Version = Version::classic(0);
const FLEXIBLE: Version = Version::flexible(0);

fn accept<'a, T>(input: &'a [u8], version: Version, expected: T)
where
    T: Decode<'a> + PartialEq + std::fmt::Debug,
{
    assert_eq!(decode_message(input, version), Ok(expected), "{input:?}");
}

fn refuse<'a, T>(input: &'a [u8], version: Version, error: Error)
where
    T: Decode<'a> + PartialEq + std::fmt::Debug,
{
    assert_eq!(decode_message::<T>(input, version), Err(error), "{input:?}");
}

#[test]
fn strings_have_a_short_or_a_varint_length() {
    accept(b"\0\x02ab", CLASSIC, "ab");
    accept(b"\x03ab", FLEXIBLE, "ab");
    accept(b"\xff\xff", CLASSIC, None::<&str>);
    accept(b"\0", FLEXIBLE, None::<&str>);
    refuse::<&str>(b"\xff\xff", CLASSIC, Error::UnexpectedNull);
    refuse::<&str>(b"\xff\xfe", CLASSIC, Error::InvalidLength(-2));
    refuse::<&str>(b"\0\x03ab", CLASSIC, Error::Truncated { left: 2 });
    refuse::<&str>(b"\0\x01\xff", CLASSIC, Error::InvalidUtf8);
}

#[test]
fn no_string_is_longer_than_the_classic_length_can_say() {
    let text = "a".repeat(1 << 15);
    let longest = [b"\x80\x80\x02", &text.as_bytes()[1..]].concat();
    accept(&longest, FLEXIBLE, &text[1..]);
    let longer = [b"\x81\x80\x02", text.as_bytes()].concat();
    refuse::<&str>(&longer, FLEXIBLE, Error::InvalidLength(1 << 15));
    refuse::<Option<&str>>(&longer, FLEXIBLE, Error::InvalidLength(1 << 15));
    accept(&longer, FLEXIBLE, text.as_bytes());
}

#[test]
fn bytes_have_a_long_or_a_varint_length() {
    accept(b"\0\0\0\x02ab", CLASSIC, &b"ab"[..]);
    accept(b"\x03ab", FLEXIBLE, &b"ab"[..]);
    accept(b"\xff\xff\xff\xff", CLASSIC, None::<&[u8]>);
    refuse::<&[u8]>(
        b"\x80\0\0\0",
        CLASSIC,
        Error::InvalidLength(i32::MIN.into()),
    );
    refuse::<&[u8]>(b"\x7f\xff\xff\xff", CLASSIC, Error::Truncated { left: 0 });
}

#[test]
fn a_hostile_array_count_is_refused_before_anything_is_allocated() {
    let announced = |count| Error::ImpossibleCount { count, left: 3 };
    refuse::<Vec<i32>>(
        b"\x7f\xff\xff\xff123",
        CLASSIC,
        announced(i32::MAX as usize),
    );
    refuse::<Vec<i32>>(
        b"\xff\xff\xff\xff\x0f123",
        FLEXIBLE,
        announced(u32::MAX as usize - 1),
    );
    refuse::<Vec<i32>>(b"\0\0\0\x03123", CLASSIC, Error::Truncated { left: 3 });
}

#[test]
fn an_array_is_no_longer_than_any_honest_message_needs() {
    let names = |count: usize| [&(count as i32).to_be_bytes()[..], &vec![0; 2 * count]].concat();
    accept(&names(MAX_ELEMENTS), CLASSIC, vec![""; MAX_ELEMENTS]);
    let error = Error::TooManyElements(MAX_ELEMENTS + 1);
    refuse::<Vec<&str>>(&names(MAX_ELEMENTS + 1), CLASSIC, error);
    assert!(error.to_string().ends_with(&MAX_ELEMENTS.to_string()));
}

#[test]
fn arrays_nest_and_may_be_null() {
    accept(b"\0\0\0\x02\0\x05\0\x06", CLASSIC, vec![5_i16, 6]);
    accept(b"\x03\0\x05\0\x06", FLEXIBLE, vec![5_i16, 6]);
    accept(b"\0", FLEXIBLE, None::<Vec<i16>>);
    refuse::<Vec<i16>>(b"\0", FLEXIBLE, Error::UnexpectedNull);
    accept(b"\x02\x02a", FLEXIBLE, vec!["a"]);
}

#[test]
fn varints_end_within_five_bytes_and_32_bits() {
    let check = |input: &[u8], expected| assert_eq!(finish(uvarint(input)), expected, "{input:?}");
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
