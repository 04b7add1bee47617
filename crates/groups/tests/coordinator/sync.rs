use super::script::check;

#[test]
fn followers_wait_for_the_leader_and_those_it_forgot_get_nothing() {
    check(
        "join a
         join b
         join c
         wait 6000 => a in 1 by range: a leads a,b,c; b in 1 by range: under a; c in 1 by range: under a
         sync b
         describe => CompletingRebalance consumer a= b= c=
         sync a b=y stranger=z => wrote generation 1 a b c; a does \"\"; b does \"y\"
         describe => Stable consumer range a= b=y c=
         sync c => c does \"\"",
    );
}

#[test]
fn a_sync_must_name_the_member_the_generation_and_the_protocol() {
    check(
        "sync a => a UnknownMember
         join a
         sync a gen=0 => a RebalanceInProgress
         wait 3000 => a in 1 by range: a leads a
         sync b => b UnknownMember
         sync a gen=0 => a IllegalGeneration
         sync a gen=2 => a IllegalGeneration
         sync a type=connect => a InconsistentProtocol
         sync a protocol=sticky => a InconsistentProtocol
         sync a instance=i => a UnknownMember
         sync a type=consumer protocol=range a=x => wrote generation 1 a; a does \"x\"",
    );
}

#[test]
fn members_that_never_sync_are_dropped_at_the_rebalance_timeout() {
    check(
        "join a session=600000
         join b session=600000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync a => wrote generation 1 a b; a does \"\"
         wait 59999
         describe => Stable consumer range a= b=
         wait 1
         describe => PreparingRebalance consumer a=
         heartbeat b => UnknownMember
         rejoin a => a in 2 by range: a leads a",
    );
}

#[test]
fn a_leader_that_never_syncs_loses_the_lead() {
    check(
        "join a session=600000
         join b session=600000
         wait 6000 => a in 1 by range: a leads a,b; b in 1 by range: under a
         sync b
         wait 60000 => b RebalanceInProgress
         rejoin b => b in 2 by range: b leads b
         sync a gen=1 => a UnknownMember",
    );
}
