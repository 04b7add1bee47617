//! Configuration as tables: each setting is declared once, with its name, type, default, bounds
//! and meaning, and everything else derives from that.
//!
//! [`BrokerConfig`] and [`TopicConfig`] are the typed outcome. Nothing here reads a file, an
//! environment or a command line: the server gathers [`Settings`] and hands them in.

mod broker;
mod client_metrics;
mod def;
mod describe;
mod group;
mod inherit;
mod layer;
mod listener;
mod logging;
mod offset_reset;
pub mod page;
mod topic;
mod value;

pub use broker::BrokerConfig;
pub use client_metrics::ClientMetricsConfig;
pub use def::{ConfigDef, InvalidConfig, Table};
pub use describe::{Entry, Synonym};
pub use group::{GroupConfig, IsolationLevel, MigrationPolicy};
pub use layer::{Settings, Source};
pub use listener::{Listener, Listeners};
pub use logging::{LoggingFormat, LoggingLevels};
pub use offset_reset::OffsetReset;
pub use topic::{CleanupPolicy, CompressionType, Off, QueueOrdering, TimestampType, TopicConfig};
pub use value::{Type, Value, list};

#[cfg(test)]
mod tests;
