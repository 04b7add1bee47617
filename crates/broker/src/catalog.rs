//! Which topics there are and how everything is configured.
//!
//! The truth is a log, the internal partition `__cluster_metadata` in Kafka's own record format. An operation is
//! planned against what is known, appended, and takes effect once it is durable; what is known is a replay of that
//! log. Operations happen one at a time; readers take the current [`State`] without waiting for anyone.

mod change;
mod defaults;
mod follow;
mod group;
mod image;
mod log;
mod name;
mod offline;
mod plan;
mod queue;
mod record;
mod state;
mod topic;

use std::sync::Arc;

use arc_swap::ArcSwap;
use millstream_store::{Partition, Store};
use tokio::sync::Mutex;
use uuid::Uuid;

pub(crate) use change::{Change, Resource};
pub(crate) use image::{Image, Quotas};
pub(crate) use name::TRANSACTIONS;
pub use name::{InvalidName, OFFSETS};
pub(crate) use name::{METADATA, SHARES, is_internal, unknown, validate};
pub use offline::topic_names;
pub use plan::NewTopic;
pub(crate) use plan::{FeatureWish, QuotaWish};
pub use state::State;
pub use topic::Topic;

use crate::config::{BrokerConfig, GroupConfig, Settings, Source, TopicConfig};
use crate::quotas::Entity;
use crate::scram::{Credential, Owner};
use crate::{Environment, Error};
use group::GroupConfigs;
use log::Log;

/// The topics and the configuration of a broker.
#[derive(Debug)]
pub struct Catalog {
    state: ArcSwap<State>,
    log: Log,
    /// Held from planning an operation until it has taken effect.
    turn: Mutex<()>,
    store: Arc<Store>,
    environment: Environment,
}

impl Catalog {
    /// Replays the catalog's log and makes the store follow it.
    pub(crate) async fn open(
        store: Arc<Store>,
        config: BrokerConfig,
        environment: Environment,
    ) -> Result<Arc<Self>, Error> {
        let (log, image) = Log::open(&store, config.node_id).await?;
        let config = configured(&image, &Arc::new(config))?;
        let state = blocking({
            let (store, fresh) = (Arc::clone(&store), log.is_empty());
            move || heal(&store, fresh, image, config)
        })
        .await?;
        let state = ArcSwap::from_pointee(state);
        Ok(Arc::new(Self {
            state,
            log,
            turn: Mutex::default(),
            store,
            environment,
        }))
    }

    /// Everything that is known now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// The broker's configuration.
    #[must_use]
    pub fn config(&self) -> Arc<BrokerConfig> {
        Arc::clone(self.state.load().config())
    }

    /// Where partitions are kept.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The partition that holds the catalog's history.
    pub(crate) fn log(&self) -> &Partition {
        self.log.partition()
    }

    /// The configuration of a group, whether it exists or not.
    #[must_use]
    pub fn group_config(&self, group: &str) -> Arc<GroupConfig> {
        Arc::clone(self.state.load().group_config(group))
    }

    /// The topic of that name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.state.load().topic(name).cloned()
    }

    /// The topic of that id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.state.load().topic_by_id(id).cloned()
    }

    /// Every topic in the order of the names.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<Topic>> {
        self.state.load().topics().cloned().collect()
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// When the name cannot be used or is in use, the number of partitions is not allowed, or the store fails.
    pub async fn create_topic(self: &Arc<Self>, topic: NewTopic) -> Result<Arc<Topic>, Error> {
        let id = name::topic_id((self.environment.random_uuid)());
        self.commit(move |state| plan_topic(state, &topic, id))
            .await?;
        self.topic_by_id(id).ok_or(Error::UnknownTopicId(id))
    }

    /// Whether [`Catalog::create_topic`] would make the topic now.
    pub(crate) fn check(&self, topic: &NewTopic) -> Result<(), Error> {
        plan_topic(&self.state(), topic, Uuid::nil()).map(drop)
    }

    /// The topic of that name, made with the broker's defaults if there is none.
    ///
    /// # Errors
    /// Those of [`Catalog::create_topic`], except that losing a race to another creator is none.
    pub async fn ensure_topic(self: &Arc<Self>, name: &str) -> Result<Arc<Topic>, Error> {
        if let Some(topic) = self.topic(name) {
            return Ok(topic);
        }
        let topic = defaults::of(name, &self.config())?;
        match self.create_topic(topic).await {
            Err(Error::TopicExists(_)) => self
                .topic(name)
                .ok_or_else(|| Error::UnknownTopic(name.to_owned())),
            outcome => outcome,
        }
    }

    /// Makes those of the topics that there can be and are not there, with the broker's defaults, in one step.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn ensure_topics(self: &Arc<Self>, names: Vec<String>) -> Result<(), Error> {
        let random = self.environment.random_uuid;
        self.commit(move |state| {
            let wanted = names.iter().filter_map(|name| {
                let topic = defaults::of(name, state.config()).ok()?;
                Some((topic, name::topic_id(random())))
            });
            Ok(plan::create_all(state.image(), wanted))
        })
        .await
    }

    /// Why there is no topic of that name, where there might be one.
    pub(crate) fn why_absent(&self, name: &str) -> Error {
        let refused = defaults::of(name, &self.config()).and_then(|topic| self.check(&topic));
        let unknown = || Error::UnknownTopic(name.to_owned());
        refused.err().unwrap_or_else(unknown)
    }

    /// Ends a topic: its records are gone, and its name is free once this returns.
    ///
    /// # Errors
    /// When there is no such topic, or the store fails.
    pub async fn delete_topic(self: &Arc<Self>, id: Uuid) -> Result<(), Error> {
        self.commit(move |state| plan::delete(state.image(), id))
            .await
    }

    /// Gives a topic more partitions, `total` in all.
    ///
    /// # Errors
    /// When there is no such topic or it has as many, or the store fails.
    pub async fn add_partitions(self: &Arc<Self>, name: &str, total: i32) -> Result<(), Error> {
        let name = name.to_owned();
        self.commit(move |state| plan::grow(state.image(), &name, total))
            .await
    }

    /// Whether [`Catalog::add_partitions`] would do so now.
    pub(crate) fn check_growth(&self, name: &str, total: i32) -> Result<(), Error> {
        plan::grow(self.state().image(), name, total).map(drop)
    }

    /// Makes what `alter` returns all that is set on a resource. `alter` sees the state that it changes.
    ///
    /// # Errors
    /// Those of `alter`, or when the store fails.
    pub(crate) async fn configure(
        self: &Arc<Self>,
        resource: Resource,
        alter: impl FnOnce(&State) -> Result<Settings, Error> + Send + 'static,
    ) -> Result<(), Error> {
        self.commit(move |state| Ok(plan::configure(state.image(), &resource, &alter(state)?)))
            .await
    }

    /// Takes features to the levels wished for, all or none.
    ///
    /// # Errors
    /// When one of them cannot be at its level, or the store fails.
    pub(crate) async fn update_features(
        self: &Arc<Self>,
        wishes: Vec<FeatureWish>,
    ) -> Result<(), Error> {
        self.commit(move |state| plan::update_features(state.image(), &wishes))
            .await
    }

    /// Whether [`Catalog::update_features`] would do so now.
    pub(crate) fn check_features(&self, wishes: &[FeatureWish]) -> Result<(), Error> {
        plan::update_features(self.state().image(), wishes).map(drop)
    }

    /// Sets and removes quotas of several entities, all or none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn alter_quotas(
        self: &Arc<Self>,
        wishes: Vec<(Entity, Vec<QuotaWish>)>,
    ) -> Result<(), Error> {
        let planned = |state: &State, (entity, wishes): &(Entity, Vec<QuotaWish>)| {
            plan::alter_quotas(state.image(), entity, wishes)
        };
        self.commit(move |state| {
            Ok(wishes
                .iter()
                .flat_map(|wish| planned(state, wish))
                .collect())
        })
        .await
    }

    /// Sets and removes passwords, all or none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn change_passwords(
        self: &Arc<Self>,
        wishes: Vec<(Owner, Option<Credential>)>,
    ) -> Result<(), Error> {
        let change = |(owner, credential)| Change::Password { owner, credential };
        self.commit(move |_| Ok(wishes.into_iter().map(change).collect()))
            .await
    }

    /// Refuses what needs a feature that is off.
    ///
    /// # Errors
    /// [`Error::FeatureOff`].
    pub(crate) fn require(&self, feature: &'static str) -> Result<(), Error> {
        match self.state.load().feature_level(feature) {
            0 => Err(Error::FeatureOff(feature)),
            _ => Ok(()),
        }
    }

    /// Sets `count` producer ids aside and returns the first; nobody is given any of them again, not even
    /// after a crash.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reserve_producer_ids(self: &Arc<Self>, count: i64) -> Result<i64, Error> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.commit(move |state| {
            // Nobody waits any more: then nobody gets the ids, which are only numbers.
            let _ = sender.send(state.image().next_producer_id());
            Ok(plan::reserve_producer_ids(state.image(), count))
        })
        .await?;
        receiver.await.map_err(|_| Error::ShuttingDown)
    }

    /// Plans an operation, makes it durable and lets it take effect.
    ///
    /// It runs to its end even if the caller does not: an operation that stands in the log has taken effect.
    async fn commit(
        self: &Arc<Self>,
        plan: impl FnOnce(&State) -> Result<Vec<Change>, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(self);
        let operation = async move {
            let _turn = catalog.turn.lock().await;
            let changes = plan(&catalog.state.load())?;
            if changes.is_empty() {
                return Ok(());
            }
            catalog
                .log
                .append(&changes, (catalog.environment.now_ms)())
                .await?;
            catalog.take_effect(changes).await
        };
        tokio::spawn(operation)
            .await
            .map_err(|_| Error::ShuttingDown)?
    }

    async fn take_effect(&self, changes: Vec<Change>) -> Result<(), Error> {
        let before = self.state();
        let mut image = before.image.clone();
        changes.iter().for_each(tell);
        changes.into_iter().for_each(|change| image.apply(change));
        let config = configured(&image, &before.config)?;
        let groups = GroupConfigs::follow(Some(&before), &image, &config)?;
        let store = Arc::clone(&self.store);
        let follow = move || Ok(follow::follow(&store, Some(&before), image, config, groups));
        let (state, outcome) = blocking(follow).await?;
        // Topics are out of sight before their files are gone.
        let state = Arc::new(state);
        self.state.store(Arc::clone(&state));
        let store = Arc::clone(&self.store);
        blocking(move || follow::remove_orphans(&store, &state.image)).await?;
        outcome
    }
}

fn plan_topic(state: &State, topic: &NewTopic, id: Uuid) -> Result<Vec<Change>, Error> {
    let changes = plan::create(state.image(), topic, id)?;
    let config = TopicConfig::resolve(topic.overrides.clone(), state.config())?;
    state.check_queue(&topic.name, &config)?;
    Ok(changes)
}

/// Notes topics that come and go.
fn tell(change: &Change) {
    match change {
        Change::Topic { name, id } => tracing::info!(topic = name, %id, "topic created"),
        Change::TopicRemoved { id } => tracing::info!(%id, "topic deleted"),
        Change::Feature { name, level } => {
            tracing::info!(feature = name, level, "feature at level");
        }
        Change::Password {
            owner: (user, _), ..
        } => tracing::info!(user, "password changed"),
        Change::Partition { .. }
        | Change::Config { .. }
        | Change::Quota { .. }
        | Change::ProducerIds { .. } => {}
    }
}

/// The state at start. An empty log among data is a lost one: nothing is removed on its word.
fn heal(
    store: &Store,
    fresh: bool,
    image: Image,
    config: Arc<BrokerConfig>,
) -> Result<State, Error> {
    let orphans = follow::orphans(store, &image);
    if fresh && !orphans.is_empty() {
        return Err(Error::CatalogLost(orphans.len()));
    }
    let orphans = follow::remove_orphans(store, &image)?;
    if orphans > 0 {
        tracing::warn!(partitions = orphans, "partitions of no topic removed");
    }
    let groups = GroupConfigs::follow(None, &image, &config)?;
    let (state, outcome) = follow::follow(store, None, image, config, groups);
    outcome.map(|()| state)
}

/// The broker's configuration with what the catalog sets; the same value when that is what it has.
fn configured(image: &Image, config: &Arc<BrokerConfig>) -> Result<Arc<BrokerConfig>, Error> {
    let set_on = |resource| follow::settings(BrokerConfig::TABLE, image.config(&resource));
    let everywhere = set_on(Resource::Broker(None));
    let here = set_on(Resource::Broker(Some(config.node_id)));
    let same = config.layer(Source::DynamicDefaultBroker) == everywhere
        && config.layer(Source::DynamicBroker) == here;
    if same {
        return Ok(Arc::clone(config));
    }
    Ok(Arc::new(config.alter(everywhere, here)?))
}

/// Runs what touches files where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::ShuttingDown)?
}
