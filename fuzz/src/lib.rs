//! What the targets share.

use bytes::Bytes;
use millstream_wire::{Encode, Encoder, Version};

/// The bytes of one message.
pub fn written(message: &impl Encode, version: Version) -> Bytes {
    let mut out = Encoder::new();
    message.encode(&mut out, version);
    out.into_bytes()
}

/// Reads `$bytes` as a `$message`. If they are one, it is written and read again, and must be the same.
///
/// A macro, since what is read borrows from two places for two different times.
#[macro_export]
macro_rules! read_and_write {
    ($($message:ident)::+, $bytes:expr, $version:expr) => {
        if let Ok(message) = millstream_wire::decode_message::<$($message)::+>($bytes, $version) {
            let bytes = $crate::written(&message, $version);
            assert_eq!(millstream_wire::decode_message(&bytes, $version), Ok(message));
        }
    };
}

/// Takes an API and one of its versions from the first two bytes.
#[macro_export]
macro_rules! choose {
    ($data:expr) => {{
        let [api, version, rest @ ..] = $data else {
            return;
        };
        let api =
            millstream_wire::ApiKey::ALL[usize::from(*api) % millstream_wire::ApiKey::ALL.len()];
        let versions: Vec<i16> = api.versions().collect();
        let version = api.version(versions[usize::from(*version) % versions.len()]);
        let Some(version) = version else { return };
        (api, version, rest)
    }};
}
