//! Bytes written here are read by an independent implementation and come back unchanged, for every
//! API at every version that both know; and what comes back is read here as it was written.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as OracleKey, RequestKind, ResponseKind};

use super::{Kind, Random, messages};

/// Values made up for each message and version.
const ROUNDS: u64 = 25;

/// Reads a message with the oracle and writes it again; `None` if the oracle does not know this
/// version.
fn rewrite(kind: Kind, mut bytes: Bytes, version: i16) -> Option<Bytes> {
    let (Kind::Request(api) | Kind::Response(api)) = kind else {
        return None;
    };
    let key = OracleKey::try_from(api.key).ok()?;
    let mut written = BytesMut::new();
    let result = match kind {
        Kind::Request(_) => RequestKind::decode(key, &mut bytes, version)
            .and_then(|request| request.encode(&mut written, version)),
        _ => ResponseKind::decode(key, &mut bytes, version)
            .and_then(|response| response.encode(&mut written, version)),
    };
    match result {
        Ok(()) => assert!(
            bytes.is_empty(),
            "{kind:?} {version} leaves {} bytes",
            bytes.len()
        ),
        Err(error)
            if error
                .root_cause()
                .to_string()
                .contains("version not supported") =>
        {
            return None;
        }
        Err(error) => panic!("{kind:?} {version}: {error:#}"),
    }
    Some(written.freeze())
}

#[test]
fn every_message_survives_the_way_through_the_oracle() {
    let mut checked = 0;
    for message in messages() {
        for &version in &message.versions {
            for seed in 0..ROUNDS {
                let ours = (message.sample)(&mut Random::new(seed), version);
                let Some(theirs) = rewrite(message.kind, ours.clone(), version.n) else {
                    continue;
                };
                assert_eq!(ours, theirs, "{:?} {version:?}", message.kind);
                assert_eq!(
                    (message.rewrite)(&theirs, version),
                    Ok((0, ours)),
                    "{:?} {version:?}",
                    message.kind
                );
                checked += 1;
            }
        }
    }
    assert!(
        checked > 250 * ROUNDS,
        "only {checked} values went through the oracle"
    );
}
