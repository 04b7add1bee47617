//! Bytes from anybody are read or refused: nothing panics, nothing is allocated on a lie, nothing
//! unknown confuses.

use super::{Random, messages};
use crate::Error;

#[test]
fn every_truncation_is_an_error() {
    for message in messages() {
        for &version in &message.versions {
            let bytes = (message.sample)(&mut Random::new(3), version);
            for end in 0..bytes.len() {
                let read = (message.rewrite)(&bytes[..end], version);
                assert!(
                    read.is_err(),
                    "{:?} {version:?} cut at {end} of {}",
                    message.kind,
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn a_changed_byte_is_read_or_refused() {
    for message in messages() {
        for &version in &message.versions {
            let mut bytes = (message.sample)(&mut Random::new(5), version).to_vec();
            for position in 0..bytes.len() {
                for hostile in [0x00, 0x7f, 0x80, 0xff] {
                    let honest = std::mem::replace(&mut bytes[position], hostile);
                    if let Ok((left, rewritten)) = (message.rewrite)(&bytes, version) {
                        assert!(left <= bytes.len());
                        let again = (message.rewrite)(&rewritten, version);
                        assert_eq!(again, Ok((0, rewritten)), "{:?} {version:?}", message.kind);
                    }
                    bytes[position] = honest;
                }
            }
        }
    }
}

#[test]
fn unknown_tags_are_skipped() {
    for message in messages() {
        for &version in message.versions.iter().filter(|version| version.flexible) {
            // A message of defaults has no tagged field, so that it ends with their number.
            let bytes = (message.default)(version);
            let (0, body) = bytes.split_last().unwrap() else {
                panic!("{:?} {version:?}", message.kind)
            };
            let tagged = [body, &[2, 100, 3, b'a', b'b', b'c', 0xff, 0xff, 0x03, 0]].concat();
            assert_eq!(
                (message.rewrite)(&tagged, version),
                Ok((0, bytes.clone())),
                "{:?} {version:?}",
                message.kind
            );
        }
    }
}

#[test]
fn an_array_that_lies_about_its_length_is_refused() {
    let mut refused = 0;
    for message in messages() {
        for &version in &message.versions {
            // Every field says the largest length that it can, with nothing behind it.
            let largest = if version.flexible {
                &[0xff, 0xff, 0xff, 0xff, 0x0f][..]
            } else {
                &[0x7f; 4]
            };
            let bytes = (message.sample)(&mut Random::new(1), version);
            for position in 0..bytes.len() {
                let lie = [&bytes[..position], largest].concat();
                if let Err(Error::ImpossibleCount { count, left }) =
                    (message.rewrite)(&lie, version)
                {
                    assert!(count > left);
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 500, "only {refused} lies met an array");
}
