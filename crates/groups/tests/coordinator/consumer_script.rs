//! The events of consumer groups, for the scripts.

use std::collections::BTreeSet;

use millstream_groups::{ConsumerHeartbeat, Effects, Place};

use super::script::{GROUP, Line, World};
use super::{tell, world};

/// Partitions as words of a script.
fn words(places: &BTreeSet<Place>) -> String {
    let words = places
        .iter()
        .map(|(topic, index)| format!("{}/{index}", world::name(*topic)));
    match places.is_empty() {
        true => "nothing".to_owned(),
        false => words.collect::<Vec<_>>().join(","),
    }
}

fn places(words: &str) -> BTreeSet<Place> {
    let place = |word: &str| {
        let (topic, index) = word.split_once('/').unwrap();
        (world::id(topic), index.parse().unwrap())
    };
    words
        .split(',')
        .filter(|word| *word != "nothing")
        .map(place)
        .collect()
}

impl World {
    pub(super) fn beat(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let (name, now) = (line.words[0], self.now());
        let epoch = line.number("epoch", self.epochs.get(name).copied().unwrap_or(0));
        let wanted = line.options.get("topics").map(|names| names.split(','));
        let wanted: Option<Vec<&str>> = wanted.map(Iterator::collect);
        let held = self.holds.get(name).cloned().unwrap_or_default();
        let owned = match line.options.get("owns") {
            _ if epoch == 0 => Some(BTreeSet::new()),
            Some(&"unknown") => None,
            Some(owned) => Some(places(owned)),
            None => Some(held),
        };
        let says_all = wanted.is_some() || line.options.contains_key("expression");
        let beat = ConsumerHeartbeat {
            member_id: name,
            member_epoch: epoch,
            instance_id: line.options.get("instance").copied(),
            rack: line.options.get("rack").copied(),
            rebalance_timeout_ms: says_all.then(|| line.number("rebalance", 60_000)),
            topics: wanted.as_deref(),
            expression: line.options.get("expression").copied(),
            assignor: line.options.get("assignor").copied(),
            owned: owned.as_ref(),
            client_id: "client",
            client_host: "host",
        };
        match self.shard.consumer_heartbeat(GROUP, &beat, now, effects) {
            Ok(told) => {
                self.epochs.insert(name.to_owned(), told.member_epoch);
                let has = told
                    .assignment
                    .as_ref()
                    .map(|has| format!(" has {}", words(has)));
                if let Some(has) = told.assignment {
                    self.holds.insert(name.to_owned(), has);
                }
                vec![format!(
                    "{name} at {}{}",
                    told.member_epoch,
                    has.unwrap_or_default()
                )]
            }
            Err(error) => vec![format!("{name} {}", tell::variant(&error))],
        }
    }

    pub(super) fn quit(
        &mut self,
        for_good: bool,
        line: &Line<'_>,
        effects: &mut Effects,
    ) -> Vec<String> {
        let (name, now) = (line.words[0], self.now());
        self.epochs.remove(name);
        self.holds.remove(name);
        let instance = line.options.get("instance").copied();
        let left = self
            .shard
            .consumer_leave(GROUP, name, instance, for_good, now, effects);
        vec![tell::verdict(left)]
    }

    pub(super) fn set_interval(&self, line: &Line<'_>) -> Vec<String> {
        self.topics.set_interval(line.words[0].parse().unwrap());
        Vec::new()
    }

    pub(super) fn describe_consumer(&self) -> Vec<String> {
        let group = self.shard.describe_consumer(GROUP).unwrap();
        let mut text = format!("{} consumer {}", group.state.name(), group.epoch);
        for member in &group.members {
            let classic = if member.words.classic.is_some() {
                "*"
            } else {
                ""
            };
            let has = words(&member.assigned);
            text += &format!(" {}{classic}@{}={has}", member.member_id, member.epoch);
        }
        vec![text]
    }
}
