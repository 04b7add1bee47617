//! The groups of one partition of `__consumer_offsets`, and who waits for them.

use std::collections::HashMap;
use std::sync::Arc;

use millstream_batch::{Marker, Outcome};
use millstream_groups::{
    Config, ConsumerRecord, Effects, Migration, Now, Record, Reply, Shard, Token,
};
use tokio::sync::oneshot;

use super::record;
use crate::Error;
use crate::catalog::{Catalog, OFFSETS};
use crate::config::{BrokerConfig, MigrationPolicy};
use crate::coordinator::{self, Machine, Proof};

/// Groups in memory.
#[derive(Debug)]
pub(super) struct Groups {
    shard: Shard,
    parked: HashMap<Token, oneshot::Sender<(Reply, Proof)>>,
    tokens: u64,
}

impl Groups {
    /// The groups themselves.
    pub(super) fn shard(&mut self) -> &mut Shard {
        &mut self.shard
    }

    /// A name for a request whose reply may come later, and where it will come.
    pub(super) fn park(&mut self) -> (Token, oneshot::Receiver<(Reply, Proof)>) {
        let (sender, receiver) = oneshot::channel();
        self.tokens += 1;
        self.parked.insert(Token(self.tokens), sender);
        (Token(self.tokens), receiver)
    }
}

impl Machine for Groups {
    const TOPIC: &'static str = OFFSETS;
    const WHAT: &'static str = "groups";
    type Effects = Effects;

    fn new(catalog: &Arc<Catalog>) -> Self {
        let view = Arc::<Catalog>::clone(catalog);
        Self {
            shard: Shard::new(limits(&catalog.config()), view),
            parked: HashMap::new(),
            tokens: 0,
        }
    }

    fn apply(&mut self, _: i64, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        if let Some(record) = record::decode(key, value)? {
            self.shard.apply(&record);
        }
        Ok(())
    }

    fn apply_undecided(
        &mut self,
        _: i64,
        producer_id: i64,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Error> {
        if let Some(record) = record::decode(key, value)? {
            self.shard.apply_undecided(producer_id, &record);
        }
        Ok(())
    }

    fn decide(&mut self, marker: &Marker) {
        let is_committed = marker.outcome == Outcome::Commit;
        self.shard.decide(marker.producer_id, is_committed);
    }

    fn producer(effects: &Effects) -> Option<(i64, i16)> {
        effects.producer
    }

    fn resume(&mut self, now: Now, effects: &mut Effects) {
        self.shard.resume(now, effects);
    }

    fn expire(&mut self, now: Now, effects: &mut Effects) {
        self.shard.expire(now, effects);
    }

    fn next_deadline(&self) -> Option<i64> {
        self.shard.next_deadline()
    }

    fn records(effects: &mut Effects) -> Result<Vec<coordinator::Record>, Error> {
        let encode = |each| record::encode(each).map_err(Error::from);
        effects.records.iter().map(encode).collect()
    }

    fn appended(&mut self, effects: Effects, _: i64, proof: Proof) {
        tell(&effects.records);
        for (token, reply) in effects.replies {
            if let Some(sender) = self.parked.remove(&token) {
                // Whoever asked may have gone.
                let _ = sender.send((reply, proof));
            }
        }
    }

    fn send_away(&mut self) {
        self.parked.clear();
    }
}

/// Says in the server's log what has become of groups. Offsets are too many to speak of.
fn tell(records: &[Record]) {
    for record in records {
        match record {
            Record::Group {
                group,
                value: Some(value),
            } => {
                let (generation, members) = (value.generation, value.members.len());
                tracing::info!(%group, generation, members, "group has settled");
            }
            Record::ShareGroup {
                group,
                value: Some(epoch),
            } => tracing::info!(%group, epoch, "share group has changed"),
            Record::Consumer { group, record } => match record {
                ConsumerRecord::Group(Some(value)) => {
                    let epoch = value.epoch;
                    tracing::info!(%group, epoch, "consumer group has changed");
                }
                ConsumerRecord::Group(None) => {
                    tracing::info!(%group, "consumer group is no more");
                }
                _ => {}
            },
            Record::Group { group, value: None } | Record::ShareGroup { group, value: None } => {
                tracing::info!(%group, "group is deleted");
            }
            Record::Offset { .. } => {}
        }
    }
}

/// Which ways groups may go, as configured.
fn migration(policy: MigrationPolicy) -> Migration {
    let (upgrades, downgrades) = match policy {
        MigrationPolicy::Bidirectional => (true, true),
        MigrationPolicy::Upgrade => (true, false),
        MigrationPolicy::Downgrade => (false, true),
        MigrationPolicy::Disabled => (false, false),
    };
    Migration {
        upgrades,
        downgrades,
    }
}

/// The limits of the coordinator, as configured.
fn limits(config: &BrokerConfig) -> Config {
    Config {
        min_session_timeout_ms: config.group_min_session_timeout_ms,
        max_session_timeout_ms: config.group_max_session_timeout_ms,
        initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms,
        max_size: config.group_max_size.unsigned_abs() as usize,
        share_max_size: config.group_share_max_size.unsigned_abs() as usize,
        consumer_max_size: config.group_consumer_max_size.unsigned_abs() as usize,
        assignors: config.group_consumer_assignors.clone(),
        migration: migration(config.group_consumer_migration_policy),
        offset_metadata_max_bytes: config.offset_metadata_max_bytes.unsigned_abs() as usize,
        offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60_000,
        max_generation_bytes: config.offsets_topic_segment_bytes.unsigned_abs() as usize / 2,
        ..Config::default()
    }
}
