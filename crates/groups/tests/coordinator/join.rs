use millstream_groups::Config;

use super::script::{check, check_with};

/// KIP-394.
#[test]
fn a_dynamic_member_of_version_4_joins_with_the_id_that_it_is_given() {
    check(
        "join a v=4 => a MemberIdRequired
         describe => Empty
         rejoin a v=4
         wait 3000 => a in 1 by range: a leads a",
    );
}

#[test]
fn a_dynamic_member_of_version_3_joins_at_once() {
    check(
        "join a v=3
         wait 3000 => a in 1 by range: a leads a",
    );
}

#[test]
fn an_id_that_is_not_used_within_the_session_is_withdrawn() {
    check(
        "join a v=4 session=6000 => a MemberIdRequired
         wait 6000
         describe => Dead
         rejoin a v=4 => a UnknownMember",
    );
}

#[test]
fn a_rebalance_waits_for_an_id_that_was_given_out_until_it_is_withdrawn() {
    check(
        "join a
         wait 3000 => a in 1 by range: a leads a
         sync a a=x => wrote generation 1 a; a does \"x\"
         join b v=4 session=6000 => b MemberIdRequired
         rejoin a
         describe => PreparingRebalance consumer a=
         wait 6000 => a in 2 by range: a leads a",
    );
}

#[test]
fn a_member_that_no_group_knows_is_told_so() {
    check("rejoin a => a UnknownMember");
    check(
        "join a
         rejoin b => b UnknownMember",
    );
}

/// KIP-134.
#[test]
fn members_that_join_at_once_form_one_generation_after_the_initial_delay() {
    check(
        "join a
         wait 1000
         join b
         join c
         wait 1999
         wait 1
         wait 3000 => a in 1 by range: a leads a,b,c; b in 1 by range: under a; c in 1 by range: under a",
    );
}

#[test]
fn the_initial_delay_is_extended_by_newcomers_until_the_rebalance_timeout() {
    check(
        "join a rebalance=8000
         wait 2000
         join b rebalance=8000
         wait 3000
         join c rebalance=8000
         wait 2999
         join d rebalance=8000
         wait 1 => a in 1 by range: a leads a,b,c,d; b in 1 by range: under a; \
              c in 1 by range: under a; d in 1 by range: under a",
    );
}

#[test]
fn without_initial_delay_the_first_member_does_not_wait() {
    check_with(
        Config {
            initial_rebalance_delay_ms: 0,
            ..Config::default()
        },
        "join a
         wait 1 => a in 1 by range: a leads a",
    );
}

#[test]
fn laggards_are_dropped_at_the_rebalance_timeout() {
    check(
        "join a session=100000
         join b session=100000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync b
         sync a a=x b=y => wrote generation 1 a b; a does \"x\"; b does \"y\"
         join c
         rejoin b session=100000
         wait 59999
         wait 1 => b in 2 by range: b leads b,c; c in 2 by range: under b
         heartbeat a gen=1 => UnknownMember",
    );
}

#[test]
fn a_follower_that_changed_nothing_keeps_the_generation_when_it_joins_again() {
    check(
        "join a
         join b
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         rejoin b => b in 1 by range: under a
         rejoin a => a in 1 by range: a leads a,b
         sync a b=y => wrote generation 1 a b; a does \"\"
         rejoin b => b in 1 by range: under a
         sync b => b does \"y\"
         describe => Stable consumer range a= b=y",
    );
}

#[test]
fn a_leader_that_joins_again_makes_everybody_join() {
    check(
        "join a
         join b
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         rejoin a
         heartbeat b => RebalanceInProgress
         rejoin b => a in 2 by range: a leads a,b; b in 2 by range: under a",
    );
}

#[test]
fn changed_metadata_makes_everybody_join() {
    check(
        "join a
         join b
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         rejoin b topics=t,u
         heartbeat a => RebalanceInProgress
         rejoin a => a in 2 by range: a leads a,b; b in 2 by range: under a",
    );
    check(
        "join a
         join b
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync b
         rejoin a topics=u => b RebalanceInProgress
         rejoin b => a in 2 by range: a leads a,b; b in 2 by range: under a",
    );
}

#[test]
fn a_newcomer_while_the_assignment_is_computed_starts_over() {
    check(
        "join a
         join b
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync b
         join c => b RebalanceInProgress
         sync a b=y => a RebalanceInProgress
         rejoin a
         rejoin b => a in 2 by range: a leads a,b,c; b in 2 by range: under a; c in 2 by range: under a",
    );
}

#[test]
fn a_join_that_is_repeated_on_another_connection_replaces_the_first() {
    check(
        "join a v=4 => a MemberIdRequired
         rejoin a v=4
         rejoin a v=4 => a RebalanceInProgress
         wait 3000 => a in 1 by range: a leads a",
    );
}

#[test]
fn members_without_a_common_protocol_are_refused() {
    check(
        "join a protocols= => a InconsistentProtocol
         join a type= => a InconsistentProtocol
         join a protocols=range,sticky
         join b protocols=other => b InconsistentProtocol
         join b type=connect => b InconsistentProtocol
         join b protocols=sticky
         wait 6000 => a in 1 by sticky: a leads a,b; b in 1 by sticky: under a",
    );
}

#[test]
fn session_timeouts_outside_the_bounds_are_refused() {
    check(
        "join a session=5999 => a InvalidSessionTimeout
         join a session=1800001 => a InvalidSessionTimeout
         join a session=6000
         wait 3000 => a in 1 by range: a leads a",
    );
}

#[test]
fn a_full_group_refuses_newcomers_and_keeps_its_members() {
    check_with(
        Config {
            max_size: 2,
            ..Config::default()
        },
        "join a
         join b
         join c => c GroupFull
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         join c => c GroupFull
         rejoin b => b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         leave b => ok
         join c
         rejoin a => a in 2 by range: a leads a,c; c in 2 by range: under a",
    );
}

#[test]
fn a_new_member_is_not_waited_for_longer_than_five_minutes() {
    check(
        "join a instance=i rebalance=900000
         wait 6000 => a in 1 by range: a leads a
         sync a instance=i => wrote generation 1 a; a does \"\"
         join b rebalance=900000
         wait 10000 => b in 2 by range: b leads b",
    );
}

#[test]
fn a_generation_that_could_not_be_written_down_is_refused_before_it_forms() {
    check_with(
        Config {
            max_generation_bytes: 100,
            ..Config::default()
        },
        "join a topics=ten-letters
         join b topics=fifty-letters-are-more-than-a-group-has-room-for => b GenerationTooLarge
         wait 6000 => a in 1 by range: a leads a
         sync a a=fifty-letters-are-more-than-a-group-has-room-for-now => a GenerationTooLarge
         sync a a=x => wrote generation 1 a; a does \"x\"",
    );
}
