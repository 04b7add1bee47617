//! A group passes from the classic protocol to that of consumer groups, and back, while its members go on.
//!
//! Up: when the first member comes that speaks the new one. Everybody has what the classic leader gave them, and is
//! asked to join again. Down: when the last such member is gone. The rest have what they had, and rebalance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::classic::{assignment, places};
use super::group::Group;
use super::member::Member;
use super::record::{Classic, ConsumerRecord, Epoch, Holding, Stage, Words};
use crate::classic::{self, CONSUMER};
use crate::effects::Step;
use crate::embedded::{Assignment, Subscription};
use crate::{Catalog, Config, Error, GroupId, MemberId, MemberRecord};

impl Group {
    /// The consumer group that a classic one becomes.
    pub(crate) fn upgraded(
        classic: &classic::Group,
        id: &GroupId,
        catalog: &dyn Catalog,
    ) -> Result<Self, Error> {
        let refuse = |reason| Error::CannotUpgrade {
            group: id.to_string(),
            reason,
        };
        if !classic.is_consumer_group() {
            return Err(refuse("its members are no consumers"));
        }
        let mut group = Self::new(Arc::clone(id));
        let generation = classic.generation();
        let mut taken = BTreeSet::new();
        for (record, classic) in classic.speakers() {
            let malformed = || refuse("the words of a member cannot be understood");
            let subscription = Subscription::read(&record.subscription).ok_or_else(malformed)?;
            let given = Assignment::read(&record.assignment).ok_or_else(malformed)?;
            if given.has_user_data {
                return Err(refuse("its assignor keeps data of its own"));
            }
            let member = &record.member_id;
            let had = places(&given.partitions, catalog).into_iter();
            let had: BTreeSet<_> = had.filter(|place| taken.insert(*place)).collect();
            let holding = Holding {
                epoch: generation,
                previous_epoch: generation,
                stage: Stage::Stable,
                assigned: had.iter().map(|place| (*place, generation)).collect(),
                revoking: BTreeMap::new(),
            };
            let words = Arc::new(words(&record, &subscription, classic));
            group.apply(&ConsumerRecord::Member(Arc::clone(member), Some(words)));
            group.apply(&ConsumerRecord::Target(
                Arc::clone(member),
                Some(Arc::new(had)),
            ));
            group.apply(&ConsumerRecord::Holding(Arc::clone(member), Some(holding)));
        }
        let epoch = Epoch {
            epoch: generation,
            topics_hash: 0,
        };
        group.apply(&ConsumerRecord::Group(Some(epoch)));
        group.apply(&ConsumerRecord::TargetEpoch(Some((generation, 0))));
        Ok(group)
    }

    /// The records that tell all of the group.
    pub(crate) fn records(&self) -> Vec<ConsumerRecord> {
        let member = |(id, member): (&MemberId, &Member)| {
            let target = self.targets.get(id).cloned();
            [
                ConsumerRecord::Member(Arc::clone(id), Some(Arc::clone(&member.words))),
                ConsumerRecord::Target(Arc::clone(id), target),
                ConsumerRecord::Holding(Arc::clone(id), Some(member.holding.clone())),
            ]
        };
        let made = (self.target_epoch, self.target_made_ms);
        let group = [
            ConsumerRecord::Group(Some(self.epoch)),
            ConsumerRecord::TargetEpoch(Some(made)),
        ];
        group
            .into_iter()
            .chain(self.members.iter().flat_map(member))
            .collect()
    }

    /// Whether it is time to go back: it has members, none of them speaks the protocol of consumer groups, and it may.
    pub(crate) fn is_to_be_classic(&self, config: &Config) -> bool {
        config.migration.downgrades
            && (1..=config.max_size).contains(&self.members.len())
            && self.members.values().all(Member::is_classic)
    }

    /// The classic group that this becomes, written down, and gathering its members.
    pub(crate) fn downgraded(&self, step: &mut Step<'_>) -> classic::Group {
        let members = self.members.iter().filter_map(|(id, member)| {
            let words = &member.words;
            let classic = words.classic.as_ref()?;
            let record = MemberRecord {
                member_id: Arc::clone(id),
                instance_id: words.instance_id.as_deref().map(str::to_owned),
                client_id: words.client_id.clone(),
                client_host: words.client_host.clone(),
                rebalance_timeout_ms: words.rebalance_timeout_ms,
                session_timeout_ms: classic.session_timeout_ms,
                subscription: Arc::default(),
                assignment: assignment(member, classic.protocols.first(), step.catalog),
            };
            Some((record, classic.protocols.clone()))
        });
        let members = members.collect();
        classic::Group::downgraded(
            Arc::clone(&self.id),
            self.epoch.epoch,
            CONSUMER,
            members,
            step,
        )
    }
}

fn words(record: &MemberRecord, subscription: &Subscription<'_>, classic: Classic) -> Words {
    Words {
        instance_id: record.instance_id.as_deref().map(Arc::from),
        rack: subscription.rack.map(str::to_owned),
        client_id: record.client_id.clone(),
        client_host: record.client_host.clone(),
        topics: subscription
            .topics
            .iter()
            .map(|name| Arc::from(*name))
            .collect(),
        expression: None,
        rebalance_timeout_ms: record.rebalance_timeout_ms,
        assignor: None,
        classic: Some(classic),
    }
}
