//! What coordination costs: a group of 100 from the first join to stable, a commit, a heartbeat.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use millstream_groups::{
    Catalog, Committer, Config, Effects, JoinRequest, NewOffset, Now, Protocol, Shard, SyncRequest,
    Terms, Token, Topic,
};

const MEMBERS: u64 = 100;

/// Members of the classic protocol agree on topics among themselves.
#[derive(Debug)]
struct NoTopics;

impl Catalog for NoTopics {
    fn version(&self) -> i64 {
        0
    }

    fn topic(&self, _: &str) -> Option<Topic> {
        None
    }

    fn topic_by_id(&self, _: u128) -> Option<Topic> {
        None
    }

    fn matching(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn terms(&self, _: &str) -> Terms {
        Terms::default()
    }
}

fn at(ms: i64) -> Now {
    Now {
        monotonic_ms: ms,
        unix_ms: ms,
    }
}

fn member_id(index: u64) -> String {
    format!("consumer-{index}-6f2a2c4e-6b3c-4f6e-9c9b-3a1f5d0e8b7a")
}

fn join_request(index: u64) -> JoinRequest {
    JoinRequest {
        member_id: String::new(),
        fresh_member_id: Arc::from(member_id(index)),
        instance_id: None,
        client_id: "consumer".into(),
        client_host: "127.0.0.1".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".into(),
        protocols: vec![Protocol {
            name: "range".into(),
            metadata: Arc::from(&b"\0\0\0\0\0\x01\0\x05topic\xff\xff\xff\xff"[..]),
        }],
        id_required: false,
        can_skip_assignment: true,
    }
}

fn sync_request(index: u64) -> SyncRequest {
    let assignments = (0..MEMBERS)
        .filter(|_| index == 0)
        .map(|to| (member_id(to), Arc::from([0_u8; 64])));
    SyncRequest {
        member_id: member_id(index),
        instance_id: None,
        generation: 1,
        protocol_type: None,
        protocol: None,
        assignments: assignments.collect::<HashMap<_, _>>(),
    }
}

fn stable_group() -> Shard {
    let mut shard = Shard::new(Config::default(), Arc::new(NoTopics));
    let mut effects = Effects::default();
    for index in 0..MEMBERS {
        shard.join(
            "group",
            join_request(index),
            Token(index),
            at(0),
            &mut effects,
        );
    }
    shard.expire(at(3_000), &mut effects);
    shard.expire(at(6_000), &mut effects);
    for index in (0..MEMBERS).rev() {
        shard.sync(
            "group",
            sync_request(index),
            Token(MEMBERS + index),
            at(6_000),
            &mut effects,
        );
    }
    assert_eq!(effects.replies.len(), 2 * MEMBERS as usize);
    shard
}

fn offset(partition: i32) -> NewOffset {
    NewOffset {
        topic: Arc::from("topic"),
        topic_id: 1,
        partition,
        offset: 42,
        leader_epoch: 0,
        metadata: Arc::from(""),
    }
}

fn benches(c: &mut Criterion) {
    c.bench_function("join to stable, 100 members", |b| b.iter(stable_group));

    let who = Committer {
        knows_epochs: true,
        member_id: "",
        instance_id: None,
        generation: -1,
        retention_ms: None,
    };
    c.bench_function("commit of 10 partitions", |b| {
        let mut shard = Shard::new(Config::default(), Arc::new(NoTopics));
        b.iter_batched(
            || (0..10).map(offset).collect::<Vec<_>>(),
            |offsets| {
                let mut effects = Effects::default();
                black_box(shard.commit("group", &who, offsets, at(0), &mut effects))
            },
            BatchSize::SmallInput,
        );
    });

    c.bench_function("heartbeat in a group of 100", |b| {
        let mut shard = stable_group();
        let (id, mut now) = (member_id(50), 6_000);
        b.iter(|| {
            now += 1;
            black_box(shard.heartbeat("group", &id, None, 1, at(now)))
        });
    });
}

criterion_group!(coordinator, benches);
criterion_main!(coordinator);
