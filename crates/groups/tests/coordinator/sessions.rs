use super::script::check;

#[test]
fn a_heartbeat_tells_what_the_group_expects() {
    check(
        "heartbeat a => UnknownMember
         join a
         heartbeat a gen=0 => RebalanceInProgress
         wait 3000 => a in 1 by range: a leads a
         heartbeat a => ok
         heartbeat a gen=0 => IllegalGeneration
         heartbeat b => UnknownMember
         sync a => wrote generation 1 a; a does \"\"
         heartbeat a => ok
         join b
         heartbeat a => RebalanceInProgress",
    );
}

#[test]
fn a_member_that_falls_silent_is_dropped_when_its_session_ends() {
    check(
        "join a session=6000
         join b session=20000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         sync b => b does \"\"
         wait 5999
         heartbeat a => ok
         wait 5999
         heartbeat b => ok
         wait 1
         heartbeat a => UnknownMember
         rejoin b => b in 2 by range: b leads b",
    );
}

#[test]
fn a_commit_keeps_the_session_alive() {
    check(
        "join a
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         wait 9999
         commit t/0=1 by=a => wrote t/0=1; ok
         wait 9999
         heartbeat a => ok",
    );
}

#[test]
fn a_member_that_waits_for_us_is_not_held_to_its_session() {
    check(
        "join a session=6000 rebalance=60000
         join b session=50000 rebalance=60000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         rejoin a topics=u session=6000
         wait 30000
         rejoin b => a in 2 by range: a leads a,b; b in 2 by range: under a
         wait 5999
         heartbeat a => ok",
    );
}

#[test]
fn the_last_member_that_falls_silent_leaves_an_empty_group() {
    check(
        "join a session=6000
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         wait 6000 => wrote generation 2
         describe => Empty consumer
         heartbeat a => UnknownMember
         rejoin a => a UnknownMember
         join b
         wait 3000 => b in 3 by range: b leads b",
    );
}
