//! Random walks of the members of a consumer group: clients that lose answers, take their time to give partitions
//! up, leave, come back or vanish, while topics change and the coordinator crashes.

use std::collections::{BTreeMap, BTreeSet};

use millstream_groups::{Catalog as _, Config, ConsumerState, Place};

use super::script::{GROUP, World};
use super::walk::Numbers;
use super::world;

/// What a client believes.
#[derive(Default)]
struct Client {
    epoch: i32,
    topics: &'static str,
    instance: Option<u64>,
    /// What it reads.
    reads: BTreeSet<Place>,
    /// What it was told to read.
    told: BTreeSet<Place>,
    /// Its last beat was answered, and it heard that.
    hears: bool,
}

struct Walk {
    world: World,
    numbers: Numbers,
    clients: BTreeMap<String, Client>,
    names: u64,
}

fn words(places: &BTreeSet<Place>) -> String {
    let words = places
        .iter()
        .map(|(topic, index)| format!("{}/{index}", world::name(*topic)));
    match places.is_empty() {
        true => "nothing".to_owned(),
        false => words.collect::<Vec<_>>().join(","),
    }
}

impl Walk {
    fn step(&mut self) {
        match self.numbers.below(16) {
            0 | 1 => self.come(),
            2 => self.go(),
            3 => {
                // It vanishes without a word.
                if let Some(name) = self.any() {
                    self.clients.remove(&name);
                }
            }
            4 => drop(self.world.run("restart")),
            5 => {
                let sizes = [self.numbers.below(6), self.numbers.below(4)];
                self.world
                    .run(&format!("topics t={} u={}", sizes[0] + 1, sizes[1] + 1));
            }
            6 | 7 => {
                let ms = self.numbers.below(6_000);
                self.world.run(&format!("wait {ms}"));
            }
            _ => {
                if let Some(name) = self.any() {
                    let (hears, gives_up) = (self.numbers.below(5) > 0, self.numbers.below(3) > 0);
                    self.beat(&name, hears, gives_up);
                }
            }
        }
        self.check();
        let live = self.world.shard.describe_consumer(GROUP);
        assert_eq!(self.world.replayed().describe_consumer(GROUP), live);
    }

    fn any(&mut self) -> Option<String> {
        let index = self.numbers.below(self.clients.len().max(1) as u64);
        self.clients.keys().nth(index as usize).cloned()
    }

    fn come(&mut self) {
        if self.clients.len() == 6 {
            return;
        }
        self.names += 1;
        let taken = |instance| {
            self.clients
                .values()
                .any(|client| client.instance == Some(instance))
        };
        let instance =
            Some(self.numbers.below(6)).filter(|instance| *instance < 2 && !taken(*instance));
        let client = Client {
            topics: ["topics=t", "topics=t,u", "expression=t"][self.numbers.below(3) as usize],
            instance,
            ..Client::default()
        };
        let name = format!("m{}", self.names);
        self.clients.insert(name.clone(), client);
        self.beat(&name, true, true);
    }

    fn go(&mut self) {
        let Some(name) = self.any() else {
            return;
        };
        let instance = self
            .clients
            .remove(&name)
            .and_then(|client| client.instance);
        match instance {
            Some(instance) => self.world.run(&format!("away {name} instance={instance}")),
            None => self.world.run(&format!("quit {name}")),
        };
    }

    /// A client beats. It may not hear the answer, and may not get round to giving up what it should.
    fn beat(&mut self, name: &str, hears: bool, gives_up: bool) {
        let Some(client) = self.clients.get_mut(name) else {
            return;
        };
        let reads = words(&client.reads);
        let instance = client
            .instance
            .map(|instance| format!(" instance={instance}"));
        let instance = instance.unwrap_or_default();
        // Whoever does not know what became of its last beat says everything again.
        let topics = if client.epoch == 0 || !client.hears {
            client.topics
        } else {
            ""
        };
        client.hears = hears;
        let event = format!(
            "beat {name} epoch={} owns={reads} {topics}{instance}",
            client.epoch
        );
        self.world.holds.remove(name);
        let outcome = self.world.run(&event);
        let answer = outcome.last().cloned().unwrap_or_default();
        if !hears {
            return;
        }
        if !answer.starts_with(&format!("{name} at ")) {
            // Whoever is refused stops reading and begins anew.
            client.reads.clear();
            client.told.clear();
            client.epoch = 0;
            return;
        }
        client.epoch = self.world.epochs[name];
        if let Some(told) = self.world.holds.get(name) {
            client.told.clone_from(told);
        }
        client.reads.extend(client.told.iter().copied());
        if gives_up {
            client.reads.clone_from(&client.told);
        }
    }

    /// Nobody reads what another member reads.
    fn check(&self) {
        let live = self.world.shard.describe_consumer(GROUP);
        let Ok(group) = live else {
            return;
        };
        let (mut given, mut read) = (BTreeSet::new(), BTreeSet::new());
        for member in &group.members {
            assert!(
                member.assigned.iter().all(|place| given.insert(*place)),
                "{group:?}"
            );
            if let Some(client) = self.clients.get(&*member.member_id) {
                assert!(
                    client.reads.iter().all(|place| read.insert(*place)),
                    "{group:?}"
                );
            }
        }
    }

    /// Left to themselves, the members have everything, in equal parts.
    fn rest(&mut self) {
        for _ in 0..25 {
            for name in self.clients.keys().cloned().collect::<Vec<_>>() {
                self.beat(&name, true, true);
            }
            self.world.run("wait 5000");
            self.check();
        }
        let mut loads: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let (mut read, mut wanted) = (BTreeSet::new(), BTreeSet::new());
        for client in self.clients.values() {
            loads
                .entry(client.topics)
                .or_default()
                .insert(client.reads.len());
            read.extend(client.reads.iter().copied());
            let names = match client.topics {
                "topics=t,u" => vec!["t", "u"],
                _ => vec!["t"],
            };
            let topics = names
                .into_iter()
                .filter_map(|name| self.world.topics.topic(name));
            wanted.extend(
                topics.flat_map(|topic| (0..topic.partitions).map(move |index| (topic.id, index))),
            );
        }
        assert_eq!(read, wanted);
        for loads in loads.values() {
            assert!(
                loads.last().unwrap() - loads.first().unwrap() <= 1,
                "{loads:?}"
            );
        }
        if let Ok(group) = self.world.shard.describe_consumer(GROUP) {
            let expected = match self.clients.is_empty() {
                true => ConsumerState::Empty,
                false => ConsumerState::Stable,
            };
            assert_eq!(
                (group.state, group.members.len()),
                (expected, self.clients.len())
            );
        }
    }
}

#[test]
fn no_partition_has_two_readers_and_a_quiet_group_reads_everything_in_equal_parts() {
    for seed in 1..60 {
        let mut walk = Walk {
            world: World::new(Config::default()),
            numbers: Numbers::seeded(seed),
            clients: BTreeMap::new(),
            names: 0,
        };
        if walk.numbers.below(2) == 0 {
            walk.world.run("interval 1000");
        }
        for _ in 0..60 {
            walk.step();
        }
        walk.rest();
    }
}
