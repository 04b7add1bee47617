//! The events of share groups, for the scripts.

use millstream_groups::{Effects, ShareHeartbeat};

use super::script::{GROUP, Line, World};
use super::tell;

impl World {
    pub(super) fn share(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let (name, now) = (line.words[0], self.now());
        let wanted = line.options.get("topics").map(|names| names.split(','));
        let wanted: Option<Vec<&str>> = wanted.map(Iterator::collect);
        let beat = ShareHeartbeat {
            member_id: name,
            member_epoch: line.number("epoch", self.epochs.get(name).copied().unwrap_or(0)),
            rack: line.options.get("rack").copied(),
            topics: wanted.as_deref(),
            client_id: "client",
            client_host: "host",
            session_timeout_ms: line.number("session", 45_000),
        };
        match self.shard.share_heartbeat(GROUP, beat, now, effects) {
            Ok(told) => {
                self.epochs.insert(name.to_owned(), told.member_epoch);
                let gets = told.assignment.as_deref().map(tell::assignment);
                let gets = gets.map_or_else(String::new, |gets| format!(" gets {gets}"));
                vec![format!("{name} at {}{gets}", told.member_epoch)]
            }
            Err(error) => vec![format!("{name} {}", tell::variant(&error))],
        }
    }

    pub(super) fn part(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let (name, now) = (line.words[0], self.now());
        self.epochs.remove(name);
        vec![tell::verdict(
            self.shard.share_leave(GROUP, name, now, effects),
        )]
    }

    pub(super) fn set_topics(&mut self, line: &Line<'_>) -> Vec<String> {
        let topic = |(name, count): (&str, &str)| (name.to_owned(), count.parse().unwrap());
        self.topics.set(line.pairs().map(topic).collect());
        Vec::new()
    }

    pub(super) fn describe_share(&self) -> Vec<String> {
        let group = self.shard.describe_share(GROUP).unwrap();
        let mut text = format!("{} share {}", group.state.name(), group.epoch);
        for member in &group.members {
            let gets = tell::assignment(&member.assignment);
            text += &format!(" {}@{}={gets}", member.member_id, member.epoch);
        }
        vec![text]
    }
}
