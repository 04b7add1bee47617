//! librdkafka, through its Rust binding, in the few shapes that the tests need.

mod admin;
mod consumer;
mod producer;

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};

pub use admin::Admin;
pub use consumer::{Change, Consumer, Rebalances, read_all, watermarks};
pub use producer::{Acknowledged, Producer};

/// An answer that takes longer than this will not come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Clients that find their server again quickly, since the tests take it away from them.
///
/// Topic metadata is refreshed soon too, for the tests that add partitions.
pub fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config.set("reconnect.backoff.ms", "10");
    config.set("reconnect.backoff.max.ms", "100");
    config.set("topic.metadata.refresh.interval.ms", "500");
    config.set("log_level", "2");
    config
}

/// A record as somebody wants it written, or as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// None where the client is to choose.
    pub partition: Option<i32>,
    /// None until it was written.
    pub offset: Option<i64>,
    /// Milliseconds since 1970; None where the client is to take the time.
    pub timestamp: Option<i64>,
    /// None is null, which differs from empty.
    pub key: Option<Vec<u8>>,
    /// None is null, which differs from empty.
    pub value: Option<Vec<u8>>,
    /// In their order, repeated names and null values included.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// A record with nothing but a key and a value.
    pub fn new(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            key: Some(key.into()),
            value: Some(value.into()),
            ..Self::default()
        }
    }

    /// The same, for the partition `partition`.
    #[must_use]
    pub const fn to_partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The same, of the time `timestamp` in milliseconds since 1970.
    #[must_use]
    pub const fn at(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// What was written, without where and when.
    pub fn content(&self) -> impl PartialEq + std::fmt::Debug + '_ {
        (&self.key, &self.value, &self.headers)
    }

    /// The value as a number, where a test wrote one.
    ///
    /// # Panics
    /// When it is not a decimal number.
    pub fn number(&self) -> u64 {
        let text = String::from_utf8_lossy(self.value.as_deref().unwrap_or_default());
        let digits = text.split_whitespace().next().unwrap_or_default();
        digits
            .parse()
            .unwrap_or_else(|_| panic!("{self:?} does not begin with a number"))
    }
}

impl From<&BorrowedMessage<'_>> for Record {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: Some(message.partition()),
            offset: Some(message.offset()),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(Into::into),
            value: message.payload().map(Into::into),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(Into::into)))
                .collect(),
        }
    }
}

/// Whether an error only says that the server is away for the moment, which clients mend by themselves.
pub fn is_outage(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut, Resolve};
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        [
            AllBrokersDown,
            BrokerTransportFailure,
            OperationTimedOut,
            Resolve,
        ]
        .contains(&code)
    })
}
