//! A group of the consumer protocol (KIP-848): how soon its members have what they are to have, and what it costs the
//! server to hear from them when nothing changes any more.
//!
//! Members do as clients do: they say what they have as soon as it is something else, and otherwise come back after the
//! interval that the server names. What they are given they have at once, and they read nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use millstream_protocol_tests::raw::{self, Connection};
use millstream_wire::api::{consumer_group_describe, consumer_group_heartbeat as heartbeat};
use millstream_wire::{ApiKey, ErrorCode, ResponseHeader, Uuid, decode_message};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::frames::TOPIC;
use crate::load::{Outcome, note, receive};
use crate::options::Options;
use crate::target::{Durability, Target, Usage};

const MEMBERS: usize = 100;
const PARTITIONS: i32 = 1_000;
const GROUP: &str = "members";
const VERSION: i16 = 1;
/// A group does not take longer than this to come to rest.
const PATIENCE: Duration = Duration::from_secs(120);
/// Members that are asked to come back sooner while things move are not any more after so long a time.
const CALM: Duration = Duration::from_secs(12);
/// The shortest time over which the use of a server can be read that hears of each member every few seconds.
const WATCH: Duration = Duration::from_secs(15);

/// All members come at once. The figures of the row are those of the time in which nothing changes.
pub(crate) fn hundred(options: &Options) -> Outcome {
    let target = Target::start(options);
    target.make_topic(PARTITIONS, Durability::Disk);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let topic = target.topic_id(TOPIC);
    let outcome = watch(&target, topic, options.length.max(WATCH));
    runtime
        .expect("a runtime can be made")
        .block_on(LocalSet::new().run_until(outcome))
}

async fn watch(target: &Target, topic: Uuid, length: Duration) -> Outcome {
    let group = Rc::new(Group::default());
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        members.push(Member::connect(target, n, topic, Rc::clone(&group)).await);
    }
    let (begin, before) = (Instant::now(), target.usage());
    for member in members {
        tokio::task::spawn_local(member.live());
    }
    let stable = timeout(PATIENCE, group.stable.notified()).await;
    stable.expect("the group comes to rest");
    let (stable, used) = (begin.elapsed(), Usage::between(before, target.usage()));
    assert_stable(target);
    sleep(CALM).await;
    group.latencies.borrow_mut().clear();
    let (begin, before) = (Instant::now(), target.usage());
    sleep(length).await;
    let usage = Usage::between(before, target.usage());
    let mut latencies = group.latencies.take();
    latencies.sort_unstable();
    Outcome {
        length: begin.elapsed(),
        latencies,
        usage,
        notes: vec![
            note("s until stable", stable.as_secs_f64()),
            note(
                "CPU s for that",
                used.map_or(0.0, |used| used.cpu.as_secs_f64()),
            ),
        ],
        ..Outcome::default()
    }
}

/// Proves that the server thinks so as well.
fn assert_stable(target: &Target) {
    let request = consumer_group_describe::Request {
        group_ids: vec![GROUP],
        ..Default::default()
    };
    let mut connection = Connection::open(target.address());
    let answer = connection.ask(ApiKey::ConsumerGroupDescribe, 0, &request);
    let answer: consumer_group_describe::Response<'_> = answer.decode();
    let group = &answer.groups[0];
    assert_eq!(
        (&*group.group_state, group.members.len()),
        ("Stable", MEMBERS)
    );
}

/// What the members have been told so far.
struct Group {
    /// The epoch and the number of partitions of each.
    standing: RefCell<Vec<(i32, usize)>>,
    /// Rings when all are at the same epoch and have as many partitions as the others.
    stable: Notify,
    latencies: RefCell<Vec<Duration>>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            standing: RefCell::new(vec![(0, 0); MEMBERS]),
            stable: Notify::new(),
            latencies: RefCell::default(),
        }
    }
}

impl Group {
    /// Member `n` is at `epoch` and has so many partitions.
    fn note(&self, n: usize, epoch: i32, partitions: usize) {
        let mut standing = self.standing.borrow_mut();
        standing[n] = (epoch, partitions);
        let even = (epoch, PARTITIONS as usize / MEMBERS);
        if standing.iter().all(|one| *one == even) {
            self.stable.notify_one();
        }
    }
}

/// A member, with a connection of its own.
struct Member {
    stream: BufReader<TcpStream>,
    group: Rc<Group>,
    n: usize,
    id: String,
    topic: Uuid,
    epoch: i32,
    owned: BTreeSet<i32>,
}

impl Member {
    async fn connect(target: &Target, n: usize, topic: Uuid, group: Rc<Group>) -> Self {
        let stream = TcpStream::connect(target.address())
            .await
            .expect("the server accepts connections");
        stream
            .set_nodelay(true)
            .expect("Nagle's algorithm can be switched off");
        Self {
            stream: BufReader::new(stream),
            group,
            n,
            id: format!("member-{n}"),
            topic,
            epoch: 0,
            owned: BTreeSet::new(),
        }
    }

    async fn live(mut self) {
        let mut news = true;
        loop {
            let since = Instant::now();
            let (interval, moved) = self.beat(news).await;
            self.group.latencies.borrow_mut().push(since.elapsed());
            self.group.note(self.n, self.epoch, self.owned.len());
            news = moved;
            if !news {
                sleep(interval).await;
            }
        }
    }

    /// Sends a heartbeat, which says what the member has if that is news; when the next is due, and whether the
    /// member has something else by the answer.
    async fn beat(&mut self, news: bool) -> (Duration, bool) {
        let request = self.request(news);
        self.stream
            .write_all(&request)
            .await
            .expect("the server reads requests");
        let mut answer = Vec::new();
        receive(&mut self.stream, &mut answer).await;
        let api = ApiKey::ConsumerGroupHeartbeat;
        let version = api.encoding(VERSION);
        let (_, body) = ResponseHeader::decode(&answer, api, version).expect("a response");
        let answer: heartbeat::Response<'_> =
            decode_message(body, version).expect("a response to a heartbeat");
        assert_eq!(answer.error_code, ErrorCode::NONE, "{answer:?}");
        self.epoch = answer.member_epoch;
        let interval =
            Duration::from_millis(u64::from(answer.heartbeat_interval_ms.unsigned_abs()));
        let given = answer.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.into_iter();
            topics.flat_map(|topic| topic.partitions).collect()
        });
        match given {
            Some(given) if given != self.owned => {
                self.owned = given;
                (interval, true)
            }
            _ => (interval, false),
        }
    }

    /// Who joins says everything, and later only what is news.
    fn request(&self, news: bool) -> Vec<u8> {
        let joins = self.epoch == 0;
        let topics = match self.owned.is_empty() {
            true => Vec::new(),
            false => vec![heartbeat::Owned {
                topic_id: self.topic,
                partitions: self.owned.iter().copied().collect(),
            }],
        };
        let request = heartbeat::Request {
            group_id: GROUP,
            member_id: &self.id,
            member_epoch: self.epoch,
            rebalance_timeout_ms: if joins { 300_000 } else { -1 },
            subscribed_topic_names: joins.then(|| vec![TOPIC]),
            topic_partitions: news.then_some(topics),
            ..Default::default()
        };
        raw::request(ApiKey::ConsumerGroupHeartbeat, VERSION, &request)
    }
}
