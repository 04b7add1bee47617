//! Ids as Kafka prints them.

use uuid::Uuid;

/// The form in which Kafka's tools and cluster metadata show an id: URL-safe base64 without
/// padding, 22 characters.
pub fn base64_id(id: Uuid) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 128 bits are 21 digits of 6 bits and one of 2 bits, which stands at the top of its digit.
    let digit = |index: u32| match index {
        21 => (id.as_u128() << 4) & 0x3f,
        index => (id.as_u128() >> (122 - 6 * index)) & 0x3f,
    };
    (0..22)
        .map(|index| char::from(ALPHABET[digit(index) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_kafka_prints_them() {
        let check = |id: u128, expected: &str| assert_eq!(base64_id(Uuid::from_u128(id)), expected);
        check(0, "AAAAAAAAAAAAAAAAAAAAAA");
        check(1, "AAAAAAAAAAAAAAAAAAAAAQ");
        check(u128::MAX, "_____________________w");
        check(
            0x0123_4567_89ab_cdef_fedc_ba98_7654_3210,
            "ASNFZ4mrze_-3LqYdlQyEA",
        );
    }
}
