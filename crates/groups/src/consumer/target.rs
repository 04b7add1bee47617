//! What the members are to have, made anew for each epoch, though not more often than the settings say.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assign::{Assignor, Sizes, Wish, Wishes};
use super::group::Group;
use super::record::ConsumerRecord;
use crate::MemberId;
use crate::effects::Step;

impl Group {
    /// Makes targets for the epoch that has begun, if it is time.
    pub(super) fn aim(&mut self, step: &mut Step<'_>) {
        if self.target_epoch >= self.epoch.epoch || self.is_too_soon(step) {
            return;
        }
        let (mut wishes, mut sizes) = (Wishes::new(), Sizes::new());
        for (id, member) in &self.members {
            let wanted = self.wanted(&member.words, step.catalog);
            sizes.extend(wanted.values().map(|topic| (topic.id, topic.partitions)));
            let wish = Wish {
                rank: member
                    .words
                    .instance_id
                    .clone()
                    .unwrap_or_else(|| Arc::clone(id)),
                topics: wanted.into_keys().collect(),
                before: self
                    .targets
                    .get(id)
                    .map(|target| (**target).clone())
                    .unwrap_or_default(),
            };
            wishes.insert(Arc::clone(id), wish);
        }
        let assignor = self.assignor(&step.config.assignors);
        for (id, target) in assignor.assign(&wishes, &sizes) {
            if self
                .targets
                .get(&id)
                .is_none_or(|before| **before != target)
            {
                self.write(ConsumerRecord::Target(id, Some(Arc::new(target))), step);
            }
        }
        let made = (self.epoch.epoch, step.now.unix_ms);
        self.write(ConsumerRecord::TargetEpoch(Some(made)), step);
    }

    /// Whether the last targets have not stood as long as they should. A clock that was set back keeps nobody waiting.
    fn is_too_soon(&self, step: &Step<'_>) -> bool {
        let interval = i64::from(step.catalog.terms(&self.id).assignment_interval_ms);
        let made = self.target_made_ms;
        (made..made.saturating_add(interval)).contains(&step.now.unix_ms)
    }

    /// The one of these assignors that most members would like; without wishes the first.
    pub(super) fn assignor(&self, assignors: &[Assignor]) -> Assignor {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self
            .members
            .values()
            .filter_map(|member| member.words.assignor.as_deref())
            .filter(|name| assignors.iter().any(|one| one.name() == *name))
        {
            *votes.entry(name).or_default() += 1;
        }
        let won = votes.iter().rev().max_by_key(|(_, votes)| **votes);
        let named = won.and_then(|(name, _)| Assignor::named(name));
        let first = assignors.first().copied();
        named.or(first).unwrap_or(Assignor::Uniform)
    }

    /// What a member is to have.
    pub(super) fn target(&self, id: &MemberId) -> impl Iterator<Item = &super::Place> {
        self.targets
            .get(id)
            .into_iter()
            .flat_map(|target| target.iter())
    }
}
