//! Passwords of users, as SCRAM has them: what proves that somebody knows one, and never the password itself.
//!
//! They are stored and described; connections are not authenticated. Pure: what is set is the catalog's.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::Error;

/// Fewest and most rounds of hashing.
const ITERATIONS: std::ops::RangeInclusive<i32> = 4096..=16384;

/// How a password is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mechanism {
    Sha256,
    Sha512,
}

impl Mechanism {
    /// The mechanism of Kafka's number.
    ///
    /// # Errors
    /// [`Error::UnknownMechanism`].
    pub(crate) fn from_id(id: i8) -> Result<Self, Error> {
        match id {
            1 => Ok(Self::Sha256),
            2 => Ok(Self::Sha512),
            other => Err(Error::UnknownMechanism(other)),
        }
    }

    /// Kafka's number of it.
    pub(crate) fn id(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    fn hash(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn sign(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        // A key of any length is allowed.
        match self {
            Self::Sha256 => signed(Hmac::<Sha256>::new_from_slice(key), data),
            Self::Sha512 => signed(Hmac::<Sha512>::new_from_slice(key), data),
        }
    }
}

fn signed<M: Mac, E>(mac: Result<M, E>, data: &[u8]) -> Vec<u8> {
    mac.map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// Whose password, and for which mechanism.
pub(crate) type Owner = (String, Mechanism);

/// What proves that somebody knows a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) salt: Vec<u8>,
    /// Checks the client's proof.
    pub(crate) stored_key: Vec<u8>,
    /// Proves the server to the client.
    pub(crate) server_key: Vec<u8>,
    pub(crate) iterations: i32,
}

impl Credential {
    /// The credential for a password that the client has salted and hashed, as RFC 5802 (section 3) derives it.
    ///
    /// # Errors
    /// [`Error::Credential`].
    pub(crate) fn new(
        mechanism: Mechanism,
        salt: &[u8],
        salted_password: &[u8],
        iterations: i32,
    ) -> Result<Self, Error> {
        if !ITERATIONS.contains(&iterations) {
            let (least, most) = (ITERATIONS.start(), ITERATIONS.end());
            let reason = format!("{iterations} iterations are not between {least} and {most}");
            return Err(Error::Credential(reason));
        }
        if salt.is_empty() || salted_password.is_empty() {
            return Err(Error::Credential(
                "the salt or the password is empty".to_owned(),
            ));
        }
        Ok(Self {
            salt: salt.to_vec(),
            stored_key: mechanism.hash(&mechanism.sign(salted_password, b"Client Key")),
            server_key: mechanism.sign(salted_password, b"Server Key"),
            iterations,
        })
    }
}

/// Keys belong into no log.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // What Apache Kafka 4.3.1 writes to its metadata log for the same request.
    #[test]
    fn the_keys_are_those_that_kafka_derives() {
        let credential = Credential::new(Mechanism::Sha256, b"abc", b"abcdef", 4096).unwrap();
        assert_eq!(
            hex(&credential.stored_key),
            "8d22fd9b06aca827dbbebd347d8b3e5d96fc209516ed7ac90662bcdeb4e44dcf"
        );
        assert_eq!(
            hex(&credential.server_key),
            "4d3034edcda4d35d9e974f734219e4b74d906143f35a3f3040a52f8e337fd341"
        );
        let credential = Credential::new(Mechanism::Sha512, b"abc", b"abcdef", 8192).unwrap();
        assert!(hex(&credential.stored_key).starts_with("b2b94b7b6ee170a22d94bfe9"));
        assert!(hex(&credential.server_key).starts_with("886c0ee6cb4bd754ee43001b"));
    }

    #[test]
    fn a_password_is_salted_and_hashed_often_enough() {
        let made = |salt: &[u8], password: &[u8], iterations| {
            Credential::new(Mechanism::Sha256, salt, password, iterations).is_ok()
        };
        assert!(made(b"a", b"b", 4096) && made(b"a", b"b", 16384));
        assert!(!made(b"a", b"b", 4095) && !made(b"a", b"b", 16385));
        assert!(!made(b"", b"b", 4096) && !made(b"a", b"", 4096));
    }

    #[test]
    fn nobody_reads_a_key_in_a_log() {
        let credential = Credential::new(Mechanism::Sha256, b"abc", b"abcdef", 4096).unwrap();
        assert_eq!(
            format!("{credential:?}"),
            "Credential { iterations: 4096, .. }"
        );
    }
}
