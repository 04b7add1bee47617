use super::script::check;

const STABLE: &str = "join a instance=i
    join b instance=j
    wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
    sync b instance=j
    sync a instance=i a=x b=y => wrote generation 1 a b; a does \"x\"; b does \"y\"\n";

#[track_caller]
fn check_stable(rest: &str) {
    check(&(STABLE.to_owned() + rest));
}

/// KIP-345.
#[test]
fn a_static_follower_that_comes_back_takes_its_place_without_a_rebalance() {
    check_stable(
        "join c instance=j => wrote generation 1 a c; c in 1 by range: under a
         sync c instance=j => c does \"y\"
         heartbeat a instance=i => ok
         heartbeat b instance=j => FencedInstanceId
         commit t/0=1 by=b instance=j => all FencedInstanceId
         sync b instance=j => b FencedInstanceId
         rejoin b instance=j => b FencedInstanceId
         describe => Stable consumer range a=x c=y",
    );
}

/// Until version 9 a leader is not told that it leads, or it would assign anew.
#[test]
fn a_static_leader_that_comes_back_leaves_the_assignment_alone() {
    check_stable(
        "join c instance=i v=8 => wrote generation 1 b c; c in 1 by range: under a
         sync c instance=i => c does \"x\"
         heartbeat b instance=j => ok",
    );
}

/// KIP-814.
#[test]
fn a_static_leader_of_version_9_is_told_to_keep_the_assignment() {
    check_stable(
        "join c instance=i v=9 => wrote generation 1 b c; \
              c in 1 by range: c leads b,c keeping the assignment
         sync c instance=i => c does \"x\"
         join d instance=j v=9 => wrote generation 1 c d; d in 1 by range: under c",
    );
}

#[test]
fn a_static_member_that_changes_the_protocol_makes_everybody_join() {
    check(
        "join a instance=i protocols=range,sticky
         join b instance=j protocols=range
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a instance=i => wrote generation 1 a b; a does \"\"
         join c instance=j protocols=sticky => c InconsistentProtocol
         join c instance=i protocols=range => wrote generation 1 b c; c in 1 by range: under a",
    );
    check(
        "join a instance=i protocols=range,sticky
         wait 3000 => a in 1 by range: a leads a
         sync a instance=i => wrote generation 1 a; a does \"\"
         join c instance=i protocols=sticky,range => c in 2 by sticky: c leads c",
    );
}

#[test]
fn a_static_member_that_comes_back_during_a_rebalance_fences_the_old_one() {
    check(
        "join a instance=i
         join b instance=i => a FencedInstanceId
         wait 6000 => b in 1 by range: b leads b
         join c instance=i => c in 2 by range: c leads c
         sync b instance=i gen=1 => b FencedInstanceId",
    );
}

#[test]
fn an_absent_static_member_keeps_its_place_until_its_session_ends() {
    check(
        "join a instance=i session=90000 rebalance=20000
         join b session=90000 rebalance=20000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a instance=i => wrote generation 1 a b; a does \"\"
         join c rebalance=20000
         rejoin b session=90000 rebalance=20000
         wait 20000 => b in 2 by range: b leads a,b,c; c in 2 by range: under b
         sync b a=x => wrote generation 2 a b c; b does \"\"
         heartbeat a instance=i gen=1 => IllegalGeneration
         rejoin a instance=i => a in 2 by range: under b
         sync a instance=i => a does \"x\"",
    );
}

#[test]
fn a_group_of_absent_static_members_waits_until_their_sessions_end() {
    check(
        "join a instance=i session=90000 rebalance=20000
         join b session=6000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a instance=i => wrote generation 1 a b; a does \"\"
         sync b => b does \"\"
         wait 6000
         describe => PreparingRebalance consumer a=
         wait 60000
         describe => PreparingRebalance consumer a=
         wait 24000 => wrote generation 2
         describe => Empty consumer",
    );
}
