//! What the members want, in terms of the topics that there are; and the epoch that begins when that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::group::Group;
use super::record::{ConsumerRecord, Epoch, Matches, Words};
use crate::effects::Step;
use crate::{Catalog, Topic};

impl Group {
    /// Begins another epoch if members want others than before or the topics that they want have changed.
    pub(super) fn follow_topics(&mut self, wants_others: bool, step: &mut Step<'_>) {
        let version = step.catalog.version();
        if !wants_others && self.looked_at == Some(version) {
            return;
        }
        self.looked_at = Some(version);
        let matches_others = self.match_expressions(version, step);
        let topics_hash = self.hash_topics(step.catalog);
        if wants_others || matches_others || topics_hash != self.epoch.topics_hash {
            let epoch = Epoch {
                epoch: self.epoch.epoch.saturating_add(1),
                topics_hash,
            };
            self.write(ConsumerRecord::Group(Some(epoch)), step);
        }
    }

    /// Looks up what the members' expressions match; whether that is something else than before.
    fn match_expressions(&mut self, version: i64, step: &mut Step<'_>) -> bool {
        let members = self.members.values();
        let used: BTreeSet<Arc<str>> = members
            .filter_map(|member| member.words.expression.clone())
            .collect();
        let unused: Vec<_> = self
            .expressions
            .keys()
            .filter(|one| !used.contains(*one))
            .cloned()
            .collect();
        let mut changed = !unused.is_empty();
        for expression in unused {
            self.write(ConsumerRecord::Expression(expression, None), step);
        }
        for expression in used {
            let topics = step.catalog.matching(&expression);
            if self
                .expressions
                .get(&expression)
                .map(|before| &before.topics)
                != Some(&topics)
            {
                let matches = Matches {
                    topics,
                    version,
                    found_ms: step.now.unix_ms,
                };
                self.write(ConsumerRecord::Expression(expression, Some(matches)), step);
                changed = true;
            }
        }
        changed
    }

    /// The names of the topics that a member wants, whether there are such topics or not.
    fn names<'a>(&'a self, words: &'a Words) -> impl Iterator<Item = &'a Arc<str>> {
        let expression = words.expression.as_ref();
        let matches = expression.and_then(|expression| self.expressions.get(expression));
        words
            .topics
            .iter()
            .chain(matches.into_iter().flat_map(|matches| &matches.topics))
    }

    /// The topics that a member wants, as far as there are such.
    pub(super) fn wanted(&self, words: &Words, catalog: &dyn Catalog) -> BTreeMap<u128, Topic> {
        let topics = self.names(words).filter_map(|name| catalog.topic(name));
        topics.map(|topic| (topic.id, topic)).collect()
    }

    /// Whether any member wants the topic of that name.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        let mut members = self.members.values();
        members.any(|member| self.names(&member.words).any(|name| &**name == topic))
    }

    /// Stands for all that is wanted. The same on every run and every machine, because it is written down.
    fn hash_topics(&self, catalog: &dyn Catalog) -> i64 {
        let names = self
            .members
            .values()
            .flat_map(|member| self.names(&member.words));
        let names: BTreeSet<&Arc<str>> = names.collect();
        let topics = names.into_iter().filter_map(|name| catalog.topic(name));
        let hash = topics.fold(FNV_BASIS, |hash, topic| {
            let hash = fnv(hash, topic.name.as_bytes());
            fnv(
                fnv(hash, &topic.id.to_be_bytes()),
                &topic.partitions.to_be_bytes(),
            )
        });
        hash.cast_signed()
    }
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, add)
}
