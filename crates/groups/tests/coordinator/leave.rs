use super::script::check;

#[test]
fn a_member_that_leaves_is_not_waited_for() {
    check(
        "leave a b => UnknownMember; UnknownMember
         join a
         join b
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         leave c => UnknownMember
         leave a => ok
         heartbeat b => RebalanceInProgress
         rejoin b => b in 2 by range: b leads b
         sync b => wrote generation 2 b; b does \"\"
         leave b => wrote generation 3; ok
         describe => Empty consumer",
    );
}

#[test]
fn a_batch_of_leavers_is_answered_one_by_one() {
    check(
        "join a
         join b
         join c
         wait 6000 => a in 1 by range: a leads a,b,c; b in 1 by range: under a; c in 1 by range: under a
         leave a x b => ok; UnknownMember; ok
         rejoin c => c in 2 by range: c leads c",
    );
}

#[test]
fn leaving_answers_what_the_member_has_parked() {
    check(
        "join a
         join b
         leave b => ok; b UnknownMember
         wait 6000 => a in 1 by range: a leads a
         join c
         rejoin a => a in 2 by range: a leads a,c; c in 2 by range: under a
         sync c
         leave c => ok; c UnknownMember",
    );
}

#[test]
fn an_id_that_was_given_out_can_be_returned_without_a_rebalance() {
    check(
        "join a
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         join b v=4 => b MemberIdRequired
         leave b => ok
         heartbeat a => ok
         rejoin b => b UnknownMember",
    );
}

/// KIP-345.
#[test]
fn an_administrator_removes_a_static_member_by_its_instance_id() {
    check(
        "join a instance=i
         join b instance=j
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         leave instance=k => UnknownMember
         leave x instance=i => FencedInstanceId
         leave instance=i => ok
         describe => PreparingRebalance consumer b=",
    );
}
