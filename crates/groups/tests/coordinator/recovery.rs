use millstream_groups::Config;

use super::script::{World, check};

#[test]
fn members_of_a_settled_generation_go_on_after_a_restart() {
    check(
        "join a
         join b instance=j
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a a=x b=y => wrote generation 1 a b; a does \"x\"
         commit t/0=1 by=a => wrote t/0=1; ok
         restart
         describe => Stable consumer range a=x b=y
         offset t/0 => 1 epoch 7 \"\"
         heartbeat a => ok
         heartbeat b instance=j => ok
         sync b instance=j => b does \"y\"
         join c instance=j => wrote generation 1 a c; c in 1 by range: under a
         wait 10000 => wrote generation 2
         describe => Empty consumer",
    );
}

#[test]
fn a_generation_that_was_not_settled_is_forgotten_by_a_restart() {
    check(
        "join a
         wait 3000 => a in 1 by range: a leads a
         restart
         describe => Dead
         sync a => a UnknownMember
         rejoin a => a UnknownMember",
    );
}

#[test]
fn a_group_larger_than_the_limit_shrinks_after_a_restart() {
    let mut world = World::new(Config::default());
    for event in ["join a", "join b", "wait 6000", "sync a"] {
        world.run(event);
    }
    world.limit(1);
    let table = [
        ("restart", vec![]),
        ("describe", vec!["PreparingRebalance consumer a= b="]),
        ("rejoin b", vec![]),
        (
            "rejoin a",
            vec!["a GroupFull", "b in 2 by range: b leads b"],
        ),
    ];
    for (event, expected) in table {
        let mut outcome = world.run(event);
        outcome.sort_unstable();
        assert_eq!(outcome, expected, "{event}");
    }
}
