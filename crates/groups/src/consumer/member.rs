//! One member of a consumer group. It never looks at its group.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ConsumerHeartbeat;
use super::record::{Holding, Place, Words};
use crate::Error;

/// What a static member that is away has for an epoch.
pub(super) const AWAY: i32 = -2;

/// What the coordinator knows of a member: what it says of itself, and what it has.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) words: Arc<Words>,
    pub(super) holding: Holding,
}

impl Member {
    pub(super) fn is_classic(&self) -> bool {
        self.words.classic.is_some()
    }

    pub(super) fn is_away(&self) -> bool {
        self.holding.epoch == AWAY
    }

    /// Refuses an epoch that the member cannot have been told last. That before the last one may be all that it knows,
    /// as long as it has nothing beyond what it was given.
    pub(super) fn check_epoch(
        &self,
        given: i32,
        owned: Option<&BTreeSet<Place>>,
    ) -> Result<(), Error> {
        let Holding {
            epoch,
            previous_epoch,
            assigned,
            ..
        } = &self.holding;
        let has_no_more =
            || owned.is_some_and(|owned| owned.iter().all(|place| assigned.contains_key(place)));
        if given == *epoch || given == *previous_epoch && given < *epoch && has_no_more() {
            return Ok(());
        }
        Err(Error::FencedMemberEpoch {
            given,
            current: *epoch,
        })
    }
}

impl Words {
    /// What a member says now, given what it said before: what a heartbeat leaves out is as it was.
    pub(super) fn after(&self, beat: &ConsumerHeartbeat<'_>) -> Self {
        let names = |topics: &[&str]| topics.iter().map(|name| Arc::from(*name)).collect();
        let filled =
            |expression: &str| Some(Arc::from(expression)).filter(|_| !expression.is_empty());
        Self {
            instance_id: beat
                .instance_id
                .map_or_else(|| self.instance_id.clone(), |id| Some(id.into())),
            rack: beat
                .rack
                .map_or_else(|| self.rack.clone(), |rack| Some(rack.to_owned())),
            client_id: beat.client_id.to_owned(),
            client_host: beat.client_host.to_owned(),
            topics: beat.topics.map_or_else(|| self.topics.clone(), names),
            expression: beat
                .expression
                .map_or_else(|| self.expression.clone(), filled),
            rebalance_timeout_ms: beat
                .rebalance_timeout_ms
                .unwrap_or(self.rebalance_timeout_ms),
            assignor: beat
                .assignor
                .map_or_else(|| self.assignor.clone(), |name| Some(name.to_owned())),
            classic: None,
        }
    }

    /// Whether it asks for the same topics.
    pub(super) fn wants_as(&self, other: &Self) -> bool {
        self.topics == other.topics && self.expression == other.expression
    }

    /// Bytes that the member's own words take.
    pub(super) fn size(&self) -> usize {
        let topics: usize = self.topics.iter().map(|name| name.len()).sum();
        let classic = self.classic.as_ref();
        topics
            + self
                .expression
                .as_ref()
                .map_or(0, |expression| expression.len())
            + self.client_id.len()
            + classic.map_or(0, |classic| crate::classic::size(&classic.protocols))
    }
}
