//! Where log lines go and what they look like: standard error, for people or as JSON.

use std::io::{self, IsTerminal};

use millstream_broker::config::{BrokerConfig, LoggingFormat};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Directs the log of the whole process as configured.
pub(crate) fn start(config: &BrokerConfig) {
    let levels = &config.logging_level;
    let filter = Targets::new()
        .with_default(levels.default)
        .with_targets(levels.modules.iter().cloned());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let lines = match config.logging_format {
        LoggingFormat::Human => lines.with_target(false).boxed(),
        LoggingFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
}
