//! Runs scripts against a shard. Each line is `event => outcome; outcome…`, an outcome being a record
//! that is written or a reply that is due. Requests that stay parked have no outcome.
//!
//! | event | meaning |
//! |--|--|
//! | `join a` | a join without a member id; `a` is the id that is given out |
//! | `rejoin a` | a join with the member id `a` |
//! | `sync a b=x c=y` | a sync of `a`, carrying the assignments `x` for `b` and `y` for `c` |
//! | `heartbeat a`, `leave a b` | of members |
//! | `commit t/0=5 by=a` | a commit of offset 5 in partition 0 of `t` by member `a`, or by nobody |
//! | `offset t/0`, `drop t/0` | fetches or deletes an offset |
//! | `describe`, `delete`, `retain`, `forget t` | of the group, retention, a deleted topic |
//! | `share a topics=t,u`, `part a`, `make` | a heartbeat of `a` to a share group, its leaving, a group without members |
//! | `beat a topics=t owns=t/0` | a heartbeat of `a` to a consumer group, which by itself owns what it was last told |
//! | `quit a`, `away a` | it leaves that group, or leaves it for a while |
//! | `interval 1000` | from now on targets stand for at least a second |
//! | `topics t=3` | from now on there is a topic `t` with 3 partitions, and no other |
//! | `wait 500` | half a second passes |
//! | `restart` | memory is lost, and replayed from the records |
//!
//! Options are words `name=value`: `gen` (else the one last told), `instance`, `session`, `rebalance`,
//! `protocols`, `protocol`, `type`, `topics`, `v` (of JoinGroup), `retention`, `note`, `id` (of the topic),
//! `epoch` (of a share or consumer member; else the one that it was last told), `rack`, `expression`, `assignor`,
//! `owns` (partitions, or `unknown`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use millstream_groups::{
    Committer, Config, Effects, JoinRequest, Kind, Leaver, NewOffset, Now, Place, Protocol, Record,
    Reply, Shard, State, SyncRequest, Token,
};

use super::tell;
use super::world::Topics;

pub(crate) const GROUP: &str = "group";

const OPTIONS: [&str; 18] = [
    "assignor",
    "by",
    "epoch",
    "expression",
    "gen",
    "id",
    "instance",
    "note",
    "owns",
    "protocol",
    "protocols",
    "rack",
    "rebalance",
    "retention",
    "session",
    "topics",
    "type",
    "v",
];

/// Checks a script against the default configuration.
#[track_caller]
pub(crate) fn check(script: &str) {
    check_with(Config::default(), script);
}

/// Checks a script.
#[track_caller]
pub(crate) fn check_with(config: Config, script: &str) {
    let mut world = World::new(config);
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (event, expected) = line.split_once("=>").unwrap_or((line, ""));
        let outcome = world.run(event.trim());
        assert_eq!(
            outcome.join("; "),
            expected.trim(),
            "after `{}` in\n{script}",
            event.trim()
        );
    }
}

/// A shard with its log, its clock and the requests that it has not answered.
pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) log: Vec<Record>,
    config: Config,
    ms: i64,
    asked: BTreeMap<Token, String>,
    tokens: u64,
    /// The last generation that a reply told.
    generation: i32,
    /// The epoch that each member of a share or consumer group was last told.
    pub(super) epochs: HashMap<String, i32>,
    /// What each member of a consumer group was last told that it may read.
    pub(super) holds: HashMap<String, BTreeSet<Place>>,
    pub(super) topics: Arc<Topics>,
}

/// The words of a line.
pub(super) struct Line<'a> {
    pub(super) words: Vec<&'a str>,
    pub(super) options: HashMap<&'a str, &'a str>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        let (options, words) = line
            .split_whitespace()
            .partition::<Vec<_>, _>(|word| word.contains('='));
        let options = options
            .into_iter()
            .filter_map(|word| word.split_once('='))
            .collect();
        Self { words, options }
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        self.options
            .get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }

    fn generation(&self, world: &World) -> i32 {
        self.number("gen", world.generation)
    }

    /// Those options that are none of the language.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut pairs: Vec<_> = self
            .options
            .iter()
            .map(|(key, value)| (*key, *value))
            .collect();
        pairs.retain(|(key, _)| !OPTIONS.contains(key));
        pairs.sort_unstable();
        pairs.into_iter()
    }

    fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.options.get(name).copied().unwrap_or(default)
    }
}

fn partition(word: &str) -> (Arc<str>, i32) {
    let (topic, index) = word.split_once('/').unwrap();
    (Arc::from(topic), index.parse().unwrap())
}

/// A subscription of version 1, without data of the assignor's own, and owning nothing.
fn subscription(topics: &str) -> Arc<[u8]> {
    let names: Vec<&str> = topics.split(',').collect();
    let mut bytes = vec![0, 1];
    bytes.extend((names.len() as i32).to_be_bytes());
    for name in names {
        bytes.extend((name.len() as i16).to_be_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes.extend((-1i32).to_be_bytes());
    bytes.extend(0i32.to_be_bytes());
    Arc::from(bytes)
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let topics = Arc::<Topics>::default();
        let shard = Shard::new(config.clone(), Arc::<Topics>::clone(&topics));
        let (log, asked) = (Vec::new(), BTreeMap::new());
        Self {
            shard,
            log,
            config,
            ms: 0,
            asked,
            tokens: 0,
            generation: 0,
            epochs: HashMap::new(),
            holds: HashMap::new(),
            topics,
        }
    }

    /// Requests that wait for their reply.
    pub(crate) fn parked(&self) -> usize {
        self.asked.len()
    }

    /// Lowers or raises the limit of members, from the next restart on.
    pub(crate) fn limit(&mut self, max_size: usize) {
        self.config.max_size = max_size;
    }

    /// A shard that knows nothing but the log.
    pub(crate) fn replayed(&self) -> Shard {
        let mut shard = Shard::new(self.config.clone(), Arc::<Topics>::clone(&self.topics));
        self.log.iter().for_each(|record| shard.apply(record));
        shard
    }

    pub(super) fn now(&self) -> Now {
        Now {
            monotonic_ms: self.ms,
            unix_ms: 1_000_000 + self.ms,
        }
    }

    fn ask(&mut self, who: &str) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.asked.insert(token, who.to_owned());
        token
    }

    pub(crate) fn run(&mut self, event: &str) -> Vec<String> {
        let (verb, rest) = event.split_once(' ').unwrap_or((event, ""));
        let line = Line::parse(rest);
        let mut effects = Effects::default();
        let answers = match verb {
            "join" | "rejoin" => self.join(verb == "rejoin", &line, &mut effects),
            "sync" => self.sync(&line, &mut effects),
            "heartbeat" => self.heartbeat(&line),
            "leave" => self.leave(&line, &mut effects),
            "commit" => self.commit(&line, &mut effects),
            "offset" => self.offset(&line),
            "drop" => self.drop_offsets(&line, &mut effects),
            "share" => self.share(&line, &mut effects),
            "part" => self.part(&line, &mut effects),
            "beat" => self.beat(&line, &mut effects),
            "quit" | "away" => self.quit(verb == "quit", &line, &mut effects),
            "interval" => self.set_interval(&line),
            "topics" => self.set_topics(&line),
            "wait" => self.wait(&line, &mut effects),
            "restart" => self.restart(&mut effects),
            _ => self.administer(verb, &line, &mut effects),
        };
        self.outcome(effects, answers)
    }

    fn administer(&mut self, verb: &str, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let now = self.now();
        match verb {
            "describe" => return self.describe(),
            "delete" => return vec![tell::verdict(self.shard.delete_group(GROUP, effects))],
            "make" => {
                let made = self.shard.make_share_group(GROUP, now, effects);
                return vec![tell::verdict(made)];
            }
            "retain" => self.shard.expire_offsets(now, effects),
            "forget" => self
                .shard
                .forget_topic(line.words[0], line.number("id", 0), effects),
            _ => panic!("no such event: {verb}"),
        }
        Vec::new()
    }

    fn join(&mut self, again: bool, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let (name, version) = (line.words[0], line.number("v", 3));
        let metadata = subscription(line.text("topics", "t"));
        let protocols = line
            .text("protocols", "range")
            .split(',')
            .filter(|name| !name.is_empty());
        let protocol = |name: &str| Protocol {
            name: name.into(),
            metadata: Arc::clone(&metadata),
        };
        let request = JoinRequest {
            member_id: if again { name.into() } else { String::new() },
            fresh_member_id: Arc::from(name),
            instance_id: line.options.get("instance").map(|id| (*id).to_owned()),
            client_id: "client".into(),
            client_host: "host".into(),
            session_timeout_ms: line.number("session", 10_000),
            rebalance_timeout_ms: line.number("rebalance", 60_000),
            protocol_type: line.text("type", "consumer").into(),
            protocols: protocols.map(protocol).collect(),
            id_required: version >= 4,
            can_skip_assignment: version >= 9,
        };
        let (token, now) = (self.ask(name), self.now());
        self.shard.join(GROUP, request, token, now, effects);
        Vec::new()
    }

    fn sync(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let pairs = line
            .pairs()
            .map(|(to, what)| (to.to_owned(), Arc::from(what.as_bytes())));
        let request = SyncRequest {
            member_id: line.words[0].into(),
            instance_id: line.options.get("instance").map(|id| (*id).to_owned()),
            generation: line.generation(self),
            protocol_type: line.options.get("type").map(|kind| (*kind).to_owned()),
            protocol: line.options.get("protocol").map(|name| (*name).to_owned()),
            assignments: pairs.collect(),
        };
        let (token, now) = (self.ask(line.words[0]), self.now());
        self.shard.sync(GROUP, request, token, now, effects);
        Vec::new()
    }

    fn heartbeat(&mut self, line: &Line<'_>) -> Vec<String> {
        let instance = line.options.get("instance").copied();
        let (generation, now) = (line.generation(self), self.now());
        vec![tell::verdict(self.shard.heartbeat(
            GROUP,
            line.words[0],
            instance,
            generation,
            now,
        ))]
    }

    fn leave(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let instance_id = line.options.get("instance").copied();
        let mut leavers: Vec<Leaver<'_>> = line
            .words
            .iter()
            .map(|member_id| Leaver {
                member_id,
                instance_id,
            })
            .collect();
        if leavers.is_empty() {
            leavers.push(Leaver {
                member_id: "",
                instance_id,
            });
        }
        let now = self.now();
        let results = self.shard.leave(GROUP, &leavers, now, effects).unwrap();
        results.into_iter().map(tell::verdict).collect()
    }

    fn commit(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let member_id = line.text("by", "");
        let generation = match member_id {
            "" => -1,
            id => self.epochs.get(id).copied().unwrap_or(self.generation),
        };
        let who = Committer {
            member_id,
            instance_id: line.options.get("instance").copied(),
            generation: line.number("gen", generation),
            knows_epochs: line.number("v", 9) >= 9,
            retention_ms: line.options.get("retention").map(|ms| ms.parse().unwrap()),
        };
        let new_offset = |(place, offset): (&str, &str)| NewOffset {
            topic: partition(place).0,
            topic_id: line.number("id", 0),
            partition: partition(place).1,
            offset: offset.parse().unwrap(),
            leader_epoch: 7,
            metadata: Arc::from(line.text("note", "")),
        };
        let (offsets, now) = (line.pairs().map(new_offset).collect(), self.now());
        match self.shard.commit(GROUP, &who, offsets, now, effects) {
            Ok(results) => results.into_iter().map(tell::verdict).collect(),
            Err(error) => vec![format!("all {}", tell::variant(&error))],
        }
    }

    fn offset(&self, line: &Line<'_>) -> Vec<String> {
        let (topic, index) = partition(line.words[0]);
        let offset = self.shard.offset(GROUP, &topic, index);
        vec![offset.map_or_else(
            || "none".to_owned(),
            |found| {
                format!(
                    "{} epoch {} {:?}",
                    found.offset, found.leader_epoch, found.metadata
                )
            },
        )]
    }

    fn drop_offsets(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let unwanted: Vec<_> = line.words.iter().map(|word| partition(word)).collect();
        let now = self.now();
        match self.shard.delete_offsets(GROUP, &unwanted, now, effects) {
            Ok(results) => results.into_iter().map(tell::verdict).collect(),
            Err(error) => vec![format!("all {}", tell::variant(&error))],
        }
    }

    /// Lets time pass as a driver does: from deadline to deadline.
    fn wait(&mut self, line: &Line<'_>, effects: &mut Effects) -> Vec<String> {
        let until = self.ms + line.words[0].parse::<i64>().unwrap();
        while let Some(deadline) = self.shard.next_deadline().filter(|at| *at <= until) {
            self.ms = self.ms.max(deadline);
            let now = self.now();
            self.shard.expire(now, effects);
        }
        self.ms = until;
        Vec::new()
    }

    fn restart(&mut self, effects: &mut Effects) -> Vec<String> {
        self.shard = self.replayed();
        self.asked.clear();
        let now = self.now();
        self.shard.resume(now, effects);
        Vec::new()
    }

    fn describe(&self) -> Vec<String> {
        match self.shard.kind(GROUP) {
            Some(Kind::Share) => return self.describe_share(),
            Some(Kind::Consumer) => return self.describe_consumer(),
            Some(Kind::Classic) | None => {}
        }
        let group = self.shard.describe(GROUP);
        let mut text = group.state.name().to_owned();
        for word in [&group.protocol_type, &group.protocol]
            .into_iter()
            .filter(|word| !word.is_empty())
        {
            write!(text, " {word}").unwrap();
        }
        for member in &group.members {
            let assignment = String::from_utf8_lossy(&member.assignment);
            write!(text, " {}={assignment}", member.member_id).unwrap();
        }
        assert_eq!(group.state == State::Dead, self.shard.list().count() == 0);
        vec![text]
    }

    /// Writes the records to the log, takes note of the replies, and tells both in words.
    fn outcome(&mut self, effects: Effects, answers: Vec<String>) -> Vec<String> {
        let mut outcome: Vec<String> = effects.records.iter().filter_map(tell::record).collect();
        outcome.sort_unstable();
        self.log.extend(effects.records);
        outcome.extend(answers);
        for (token, reply) in effects.replies {
            let who = self
                .asked
                .remove(&token)
                .expect("a request is answered once");
            if let Reply::Join(Ok(joined)) = &reply {
                self.generation = joined.generation;
            }
            outcome.push(tell::reply(&who, &reply));
        }
        outcome
    }
}
