//! The broker as one value: what is shared by all requests, from start to shutdown.

use std::sync::Arc;
use std::time::Duration;

use millstream_store::Store;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::answer_memory::AnswerMemory;
use crate::catalog::Catalog;
use crate::config::BrokerConfig;
use crate::fetch_sessions::FetchSessions;
use crate::groups::{self, Groups};
use crate::producer_ids::ProducerIds;
use crate::shares::{self, Shares};
use crate::transactions::{self, Transactions};
use crate::{Environment, Error};

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    catalog: Arc<Catalog>,
    groups: Arc<Groups>,
    transactions: Transactions,
    shares: Shares,
    store: Arc<Store>,
    environment: Environment,
    cluster_id: String,
    fetch_sessions: FetchSessions,
    answer_memory: AnswerMemory,
    producer_ids: ProducerIds,
    drain: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    background: Mutex<Vec<JoinHandle<()>>>,
}

impl Broker {
    /// Replays what the store holds and begins to look after it. The store stays the caller's to close, after
    /// [`Broker::shutdown`].
    ///
    /// # Errors
    /// When the catalog cannot be read or made true.
    pub async fn start(
        config: BrokerConfig,
        store: Arc<Store>,
        environment: Environment,
    ) -> Result<Arc<Self>, Error> {
        let slots = config
            .max_incremental_fetch_session_cache_slots
            .unsigned_abs() as usize;
        let answer_memory = AnswerMemory::new(config.queued_max_response_bytes);
        let catalog = Catalog::open(Arc::clone(&store), config, environment).await?;
        let groups = Arc::new(Groups::new(Arc::clone(&catalog), environment));
        let transactions =
            Transactions::new(Arc::clone(&catalog), Arc::clone(&groups), environment);
        let shares = Shares::new(Arc::clone(&catalog), environment);
        let broker = Arc::new(Self {
            catalog,
            fetch_sessions: FetchSessions::new(slots),
            answer_memory,
            producer_ids: ProducerIds::default(),
            groups,
            transactions,
            shares,
            cluster_id: millstream_wire::base64_id(store.cluster_id()),
            store,
            environment,
            drain: watch::Sender::new(false),
            stop: watch::Sender::new(false),
            background: Mutex::default(),
        });
        broker.transactions.recover().await;
        broker.shares.recover().await;
        broker.recover_queues().await;
        broker.spawn(maintain(Arc::clone(&broker))).await;
        if broker.config().log_cleaner_enable {
            broker.spawn(compact(Arc::clone(&broker))).await;
        }
        broker.spawn(groups::serve(Arc::clone(&broker))).await;
        broker.spawn(transactions::serve(Arc::clone(&broker))).await;
        broker.spawn(shares::serve(Arc::clone(&broker))).await;
        Ok(broker)
    }

    /// From now on no request waits for records to come or for other clients: long polls are answered with
    /// what there is, and members who gather for a rebalance are sent away.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// Returns once [`Broker::drain`] was called.
    pub(crate) async fn drained(&self) {
        // The sender lives in the broker: waiting ends by its word only.
        let _ = self.drain.subscribe().wait_for(|drain| *drain).await;
    }

    /// Ends what runs in the background, and returns when it has ended. Requests are the caller's to end first.
    pub async fn shutdown(&self) {
        self.drain();
        self.stop.send_replace(true);
        for task in self.background.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "background task failed");
            }
        }
    }

    /// Runs `task` until it ends; [`Broker::shutdown`] waits for it.
    pub(crate) async fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.lock().await.push(tokio::spawn(task));
    }

    /// Returns when the broker shuts down.
    pub(crate) async fn stopped(&self) {
        // The sender lives in the broker: waiting ends by its word only.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// The topics and the configuration.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What clients have said about the partitions that they read.
    pub(crate) fn fetch_sessions(&self) -> &FetchSessions {
        &self.fetch_sessions
    }

    /// What bounds the answers that hold records.
    pub(crate) fn answer_memory(&self) -> &AnswerMemory {
        &self.answer_memory
    }

    /// Ids for idempotent producers.
    pub(crate) fn producer_ids(&self) -> &ProducerIds {
        &self.producer_ids
    }

    /// Who reads the topics, and how far they have come.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// What producers write all or nothing.
    pub(crate) fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// What share groups have been given.
    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn config(&self) -> Arc<BrokerConfig> {
        self.catalog.config()
    }

    /// Where partitions are kept.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The cluster's id in the form that clients see.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.environment.now_ms)()
    }

    /// The clock and the dice.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment
    }
}

/// Removes what retention no longer keeps, again and again until the broker stops.
async fn maintain(broker: Arc<Broker>) {
    loop {
        let interval = broker
            .config()
            .log_retention_check_interval_ms
            .unsigned_abs();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(interval)) => {}
            () = broker.stopped() => return,
        }
        broker.store.maintain(broker.now_ms()).await;
    }
}

/// Compacts what is dirty, again and again until the broker stops. A pass that is under way then ends with the store.
async fn compact(broker: Arc<Broker>) {
    loop {
        let interval = broker.config().log_cleaner_backoff_ms.unsigned_abs();
        let round = async {
            tokio::time::sleep(Duration::from_millis(interval)).await;
            broker.store.compact(broker.now_ms()).await;
        };
        tokio::select! {
            () = round => {}
            () = broker.stopped() => return,
        }
    }
}
