//! Random walks: whatever happens in whatever order, what must always hold does.

use std::collections::BTreeMap;

use millstream_groups::{Config, ConsumerState, Shard, State};

use super::script::{GROUP, World};

/// A generator of numbers that are the same for the same seed (xorshift64).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed))
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn event(numbers: &mut Numbers, names: &mut u64) -> String {
    let who = format!("m{}", numbers.below(*names + 1));
    let instance = ["", "", "", " instance=i", " instance=j"][numbers.below(5) as usize];
    let topics = ["t", "t,u"][numbers.below(2) as usize];
    match numbers.below(20) {
        0 | 1 => {
            *names += 1;
            let version = [3, 4, 9][numbers.below(3) as usize];
            format!("join m{names}{instance} v={version} topics={topics}")
        }
        2..=4 => format!("rejoin {who}{instance} topics={topics}"),
        5..=7 => format!("sync {who}{instance} {who}=x"),
        8 | 9 => format!("heartbeat {who}{instance}"),
        10 => format!("leave {who}{instance}"),
        11 => format!(
            "commit t/{0}={0} u/0=1 by={who}{instance}",
            numbers.below(3)
        ),
        12 => format!("commit t/{0}={0}", numbers.below(3)),
        13 => ["retain", "drop u/0 t/1", "delete", "restart", "make"][numbers.below(5) as usize]
            .to_owned(),
        14 | 15 => format!("wait {}", numbers.below(7_000)),
        16 | 17 => consumer_event(numbers, names),
        _ => share_event(numbers, names),
    }
}

fn consumer_event(numbers: &mut Numbers, names: &mut u64) -> String {
    let who = format!("m{}", numbers.below(*names + 1));
    match numbers.below(6) {
        0 => {
            *names += 1;
            let instance = ["", " instance=i"][numbers.below(2) as usize];
            format!("beat m{names} topics=t,u{instance}")
        }
        1 => format!("quit {who}"),
        2 => format!("away {who} instance=i"),
        3 => format!("beat {who} epoch={}", numbers.below(4)),
        _ => format!("beat {who}"),
    }
}

fn share_event(numbers: &mut Numbers, names: &mut u64) -> String {
    let who = format!("m{}", numbers.below(*names + 1));
    match numbers.below(8) {
        0 | 1 => {
            *names += 1;
            let topics = ["t", "t,u"][numbers.below(2) as usize];
            format!("share m{names} topics={topics}")
        }
        2 => format!("part {who}"),
        3 => format!("topics t={} u=1", numbers.below(3) + 1),
        4 => format!("share {who} epoch={}", numbers.below(4)),
        _ => format!("share {who}"),
    }
}

fn offsets(shard: &Shard) -> BTreeMap<(String, i32), i64> {
    let all = shard.offsets(GROUP);
    all.map(|(topic, index, offset)| ((topic.to_string(), index), offset.offset))
        .collect()
}

/// What was written down is what is known: a restart would go on from here.
fn check_replay(world: &World) {
    let replayed = world.replayed();
    assert_eq!(offsets(&replayed), offsets(&world.shard));
    let live = world.shard.describe(GROUP);
    match live.state {
        State::Stable => assert_eq!(replayed.describe(GROUP), live),
        State::Empty => assert!(replayed.describe(GROUP).members.is_empty()),
        _ => {}
    }
    let consumers = |shard: &Shard| shard.describe_consumer(GROUP).ok();
    assert_eq!(consumers(&replayed), consumers(&world.shard));
    let epoch = |shard: &Shard| shard.describe_share(GROUP).ok().map(|group| group.epoch);
    assert_eq!(epoch(&replayed), epoch(&world.shard));
}

/// Left alone, every request is answered, and every member is found to be gone.
fn check_rest(world: &mut World) {
    world.run("wait 4000000");
    assert_eq!(world.parked(), 0);
    let state = world.shard.describe(GROUP).state;
    assert!(matches!(state, State::Empty | State::Dead), "{state:?}");
    let share = world.shard.describe_share(GROUP).map(|group| group.state);
    assert_ne!(share, Ok(State::Stable));
    let consumers = world
        .shard
        .describe_consumer(GROUP)
        .map(|group| group.state);
    assert!(
        matches!(consumers, Ok(ConsumerState::Empty) | Err(_)),
        "{consumers:?}"
    );
    assert!(
        world.shard.list().count() <= 1,
        "an id belongs to one kind of group"
    );
    assert_eq!(world.shard.next_deadline(), None);
}

#[test]
fn memory_is_always_a_replay_of_the_log_and_nobody_waits_for_ever() {
    for seed in 1..400 {
        let mut numbers = Numbers::seeded(seed);
        let limit = [2, 5, usize::MAX][numbers.below(3) as usize];
        let mut world = World::new(Config {
            max_size: limit,
            ..Config::default()
        });
        let mut names = 0;
        for _ in 0..120 {
            let event = event(&mut numbers, &mut names);
            world.run(&event);
            check_replay(&world);
        }
        check_rest(&mut world);
    }
}
