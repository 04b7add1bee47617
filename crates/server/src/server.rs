//! The running server: takes connections in, and sees them out when it stops.

use std::sync::Arc;
use std::time::Duration;

use millstream_broker::config::BrokerConfig;
use millstream_broker::{Broker, ConnectionContext};
use millstream_store::{Store, StoreOptions};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use crate::clock;
use crate::connection::{self, Closed, Limits};
use crate::endpoint::{self, Bound};
use crate::error::Error;
use crate::files;
use crate::guests::Guests;

/// After accepting failed, for instance for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Room on the device that is kept back, so that topics and records can be deleted when it is full.
const RESERVE_BYTES: u64 = 4 << 20;

/// A server that takes connections.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    store: Arc<Store>,
    addresses: Vec<String>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    broker: Arc<Broker>,
    limits: Arc<Limits>,
    guests: Arc<Guests>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Binds its listeners, opens its data and begins to take connections. Listeners are bound
    /// first: when one is in use, no data directory is touched.
    ///
    /// # Errors
    /// With the first step that failed.
    pub(crate) async fn start(config: BrokerConfig) -> Result<Self, Error> {
        let listeners = endpoint::bind(&config).await?;
        let store = Arc::new(open_store(&config).await?);
        let shared = Arc::new(Shared {
            guests: Guests::new(&config, files::for_connections()),
            limits: Arc::new(Limits::new(&config)),
            broker: Broker::start(config, Arc::clone(&store), clock::environment()).await?,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let addresses = listeners.iter().map(|l| l.address.to_string()).collect();
        for listener in listeners {
            let accepting = accept(Arc::clone(&shared), listener);
            shared.tasks.spawn(accepting);
        }
        Ok(Self {
            shared,
            store,
            addresses,
        })
    }

    /// The cluster's id as clients see it.
    pub(crate) fn cluster_id(&self) -> &str {
        self.shared.broker.cluster_id()
    }

    /// The bound addresses, for people.
    pub(crate) fn addresses(&self) -> String {
        self.addresses.join(", ")
    }

    /// Ends connections once their requests in flight are answered, or after `patience`; then the
    /// broker, then the store.
    ///
    /// # Errors
    /// When the store cannot be closed clean.
    pub(crate) async fn stop(&self, patience: Duration) -> Result<(), Error> {
        let Shared {
            stopping,
            tasks,
            broker,
            ..
        } = &*self.shared;
        stopping.cancel();
        broker.drain();
        tasks.close();
        if tokio::time::timeout(patience, tasks.wait()).await.is_err() {
            warn!(
                connections = tasks.len(),
                "closing with requests unanswered"
            );
        }
        broker.shutdown().await;
        let store = Arc::clone(&self.store);
        Ok(spawn_blocking(move || store.close())
            .await
            .map_err(std::io::Error::from)??)
    }
}

async fn open_store(config: &BrokerConfig) -> Result<Store, Error> {
    let environment = clock::environment();
    let options = StoreOptions {
        cluster_id: (environment.random_uuid)(),
        tail_bytes: usize::try_from(config.tail_cache_bytes).unwrap_or_default(),
        journal_bytes: config.journal_max_bytes.unsigned_abs(),
        compaction_bytes: usize::try_from(config.log_cleaner_dedupe_buffer_size)
            .unwrap_or(usize::MAX),
        producer_expiration_ms: config.producer_id_expiration_ms.into(),
        reserve_bytes: RESERVE_BYTES,
        ..StoreOptions::default()
    };
    let dir = config.log_dirs.clone();
    let now_ms = (environment.now_ms)();
    let opening = spawn_blocking(move || Store::open(&dir, options, now_ms));
    Ok(opening.await.map_err(std::io::Error::from)??)
}

/// Takes connections in until the server stops. Failing to is told once, and so is its end.
async fn accept(shared: Arc<Shared>, listener: Bound) {
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = shared.stopping.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if std::mem::take(&mut failing) {
                    info!(listener = %listener.address, "accepting connections again");
                }
                welcome(&shared, &listener, stream);
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    error!(listener = %listener.address, %error, "cannot accept connections for now");
                }
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Gives a connection its task, if there is a place for it.
fn welcome(shared: &Arc<Shared>, listener: &Bound, stream: TcpStream) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return debug!("connection lost before it was taken in");
    };
    let place = match shared.guests.admit(peer.ip()) {
        Ok(place) => place,
        Err(reason) => return warn!(%peer, %reason, "connection refused"),
    };
    if let Err(error) = prepare(&stream) {
        return debug!(%peer, %error, "connection lost");
    }
    let context = Arc::new(ConnectionContext::new(peer, listener.endpoint(local)));
    let broker = Arc::clone(&shared.broker);
    let dispatch = move |frame| broker.dispatch(&context, frame);
    let (limits, stopping) = (Arc::clone(&shared.limits), shared.stopping.clone());
    shared.tasks.spawn(async move {
        let outcome = connection::serve(stream, limits, stopping, dispatch).await;
        drop(place);
        match outcome {
            Ok(()) => debug!(%peer, "connection closed"),
            Err(Closed::Connection(Error::Socket(error))) => {
                debug!(%peer, %error, "connection lost");
            }
            Err(Closed::Connection(reason @ Error::Idle { .. })) => {
                info!(%peer, %reason, "connection closed");
            }
            Err(reason) => warn!(%peer, %reason, "connection closed"),
        }
    });
}

/// Answers go out at once, and a peer that has vanished is noticed.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(stream).set_keepalive(true)
}
