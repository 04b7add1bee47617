//! The life of a server: configure, start, announce, and stop when a signal comes.

use std::time::{Duration, Instant};

use millstream_broker::config::BrokerConfig;
use tokio::runtime::Runtime;
use tracing::{info, warn};

use crate::cli::ServeArgs;
use crate::error::Error;
use crate::server::Server;
use crate::stop::StopSignals;
use crate::{files, logging, settings};

/// Serves until a signal ends it.
///
/// # Errors
/// When it cannot start, or cannot close what it holds.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Error> {
    let begun = Instant::now();
    let settings = settings::gather(
        args.config.as_deref(),
        std::env::vars_os(),
        &args.assignments,
    )?;
    let config = BrokerConfig::resolve(settings)?;
    logging::start(&config);
    files::raise_limit();
    runtime(&config)?.block_on(serve(config, begun))
}

fn runtime(config: &BrokerConfig) -> Result<Runtime, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if config.num_network_threads > 0 {
        builder.worker_threads(config.num_network_threads as usize);
    }
    builder
        .enable_all()
        .thread_name("millstream")
        .build()
        .map_err(Error::Runtime)
}

async fn serve(config: BrokerConfig, begun: Instant) -> Result<(), Error> {
    let mut signals = StopSignals::listen().map_err(Error::Runtime)?;
    let patience = Duration::from_millis(config.shutdown_timeout_ms.unsigned_abs());
    let data = config.log_dirs.clone();
    let server = tokio::select! {
        started = Server::start(config) => started?,
        signal = signals.next() => stop_at_once(signal),
    };
    info!(
        version = env!("CARGO_PKG_VERSION"),
        cluster = server.cluster_id(),
        data = %data.display(),
        "ready on {} after {:.0} ms",
        server.addresses(),
        begun.elapsed().as_secs_f64() * 1e3
    );
    let signal = signals.next().await;
    info!("{signal}: stopping once requests in flight are answered");
    tokio::select! {
        stopped = server.stop(patience) => stopped?,
        signal = signals.next() => stop_at_once(signal),
    }
    info!("stopped");
    Ok(())
}

fn stop_at_once(signal: &str) -> ! {
    warn!("{signal}: stopped at once");
    std::process::exit(1);
}
