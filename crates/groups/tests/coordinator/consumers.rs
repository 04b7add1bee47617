//! Consumer groups: Apache Kafka 4.3, `GroupMetadataManager.consumerGroupHeartbeat`, `CurrentAssignmentBuilder`,
//! `ConsumerGroup`; KIP-848, KIP-1251, KIP-1263.

use millstream_groups::Config;

use super::script::{check, check_with};

#[test]
fn a_partition_goes_to_another_member_once_it_is_given_up() {
    check(
        "topics t=2
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1
         beat a => a at 1
         beat b topics=t => wrote epoch 2; b at 2 has nothing
         describe => Reconciling consumer 2 a@1=t/0,t/1 b@2=nothing
         beat a owns=t/0,t/1 => a at 1 has t/0
         beat b => b at 2
         beat a owns=t/0,t/1 => a at 1
         beat a owns=t/0 => a at 2
         beat b => b at 2 has t/1
         describe => Stable consumer 2 a@2=t/0 b@2=t/1",
    );
}

#[test]
fn who_leaves_or_falls_silent_gives_up_what_it_has() {
    check(
        "topics t=2
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1
         beat b topics=t => wrote epoch 2; b at 2 has nothing
         beat a => a at 1 has t/0
         beat a => a at 2
         beat b => b at 2 has t/1
         away b epoch=2 => NotStatic
         beat b epoch=2 owns=t/1 => b at 2
         quit a => wrote epoch 3; ok
         quit a => UnknownMember
         beat a epoch=2 => a UnknownMember
         beat b => b at 3 has t/0,t/1
         wait 44999
         describe => Stable consumer 3 b@3=t/0,t/1
         wait 1 => wrote epoch 4
         describe => Empty consumer 4",
    );
}

#[test]
fn who_does_not_give_up_what_it_was_told_to_is_put_out() {
    check(
        "topics t=2
         beat a topics=t rebalance=10000 => wrote epoch 1; a at 1 has t/0,t/1
         beat b topics=t => wrote epoch 2; b at 2 has nothing
         beat a => a at 1 has t/0
         wait 9999
         beat a owns=t/0,t/1 => a at 1
         beat b => b at 2
         wait 1 => wrote epoch 3
         beat a => a UnknownMember
         beat b => b at 3 has t/0,t/1",
    );
}

#[test]
fn an_epoch_is_fenced_unless_the_answer_to_it_may_have_been_lost() {
    check(
        "topics t=2
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1
         beat a epoch=2 => a FencedMemberEpoch
         topics t=3
         beat a => wrote epoch 2; a at 2 has t/0,t/1,t/2
         beat a epoch=1 owns=t/0,t/1 => a at 2
         beat a epoch=1 owns=t/0,t/1,t/9 => a FencedMemberEpoch
         beat a epoch=1 owns=unknown => a FencedMemberEpoch
         beat a epoch=0 topics=t => a at 2 has t/0,t/1,t/2
         beat b epoch=1 => b UnknownMember",
    );
}

#[test]
fn what_a_member_claims_beyond_what_it_was_given_is_not_given_to_it() {
    check(
        "topics t=2 u=1
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1
         beat b topics=t => wrote epoch 2; b at 2 has nothing
         beat b owns=t/0,t/1,u/0,v/7 => b at 2
         describe => Reconciling consumer 2 a@1=t/0,t/1 b@2=nothing
         beat a owns=nothing => a at 2 has t/0
         beat b => b at 2 has t/1",
    );
}

#[test]
fn topics_that_come_go_and_grow_begin_an_epoch() {
    check(
        "topics t=1
         beat a topics=t,u => wrote epoch 1; a at 1 has t/0
         topics t=1 x=4
         beat a => a at 1
         topics t=1 u=1
         beat a => wrote epoch 2; a at 2 has t/0,u/0
         topics t=2 u=1
         beat a => wrote epoch 3; a at 3 has t/0,t/1,u/0
         topics u=1
         beat a => wrote epoch 4; a at 3 has u/0
         beat a => a at 4
         beat a topics=t => wrote epoch 5; a at 4 has nothing
         beat a => a at 5
         restart
         beat a => a at 5",
    );
}

#[test]
fn an_expression_stands_for_the_topics_that_it_matches_at_any_time() {
    check(
        "topics t=1
         beat a expression=t => wrote epoch 1; a at 1 has t/0
         topics t=1 ta=1 u=1
         beat a => wrote epoch 2; a at 2 has t/0,ta/0
         beat b topics=u => wrote epoch 3; b at 3 has u/0
         drop ta/0 u/0 x/0 => SubscribedToTopic; SubscribedToTopic; ok
         topics ta=1 u=1
         beat a => wrote epoch 4; a at 2 has ta/0
         beat a => a at 4
         beat a expression=u => wrote epoch 5; a at 4 has nothing
         beat a => a at 5
         quit b => wrote epoch 6; ok
         beat a => a at 6 has u/0",
    );
}

#[test]
fn targets_are_made_no_more_often_than_the_settings_say() {
    check(
        "topics t=4
         interval 1000
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1,t/2,t/3
         beat b topics=t => wrote epoch 2; b at 1 has nothing
         wait 400
         beat c topics=t => wrote epoch 3; c at 1 has nothing
         beat a => a at 1
         describe => Assigning consumer 3 a@1=t/0,t/1,t/2,t/3 b@1=nothing c@1=nothing
         wait 600
         beat b => b at 3
         beat a => a at 1 has t/0,t/1
         beat a => a at 3
         beat b => b at 3 has t/3
         beat c => c at 3 has t/2
         describe => Stable consumer 3 a@3=t/0,t/1 b@3=t/3 c@3=t/2",
    );
}

#[test]
fn the_assignor_that_most_members_want_is_used() {
    check(
        "topics t=4
         beat a topics=t assignor=range => wrote epoch 1; a at 1 has t/0,t/1,t/2,t/3
         beat b topics=t assignor=range => wrote epoch 2; b at 2 has nothing
         beat a => a at 1 has t/0,t/1
         beat a => a at 2
         beat b => b at 2 has t/2,t/3
         beat c topics=t assignor=uniform => wrote epoch 3; c at 3 has nothing
         beat a => a at 3
         beat b => b at 2 has t/2
         beat b => b at 3
         beat c => c at 3 has t/3",
    );
}

#[test]
fn a_static_member_that_returns_in_time_gets_what_it_had_and_nobody_notices() {
    check(
        "topics t=2
         beat a instance=i topics=t => wrote epoch 1; a at 1 has t/0,t/1
         beat b instance=i topics=t => b UnreleasedInstanceId
         beat x instance=i epoch=1 => x FencedInstanceId
         beat x instance=j epoch=1 => x UnknownMember
         away a instance=j => UnknownMember
         away x instance=i => FencedInstanceId
         away a instance=i => ok
         describe => Reconciling consumer 1 a@-2=t/0,t/1
         wait 44999
         beat b instance=i topics=t => b at 1 has t/0,t/1
         describe => Stable consumer 1 b@1=t/0,t/1
         beat a instance=i epoch=1 => a FencedInstanceId
         away b => ok
         wait 45000 => wrote epoch 2
         beat c instance=i topics=t => wrote epoch 3; c at 3 has t/0,t/1
         quit c instance=i => wrote epoch 4; ok",
    );
}

#[test]
fn a_member_commits_what_it_had_in_the_epoch_that_it_knows() {
    check(
        "topics t=2
         commit t/0=1 => wrote t/0=1; ok
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1
         commit t/0=2 by=a id=116 => wrote t/0=2; ok
         commit t/0=2 by=a id=116 v=8 => all EpochsUnknown
         commit t/0=2 by=x gen=1 => all UnknownMember
         commit t/0=2 => all UnknownMember
         topics t=3
         beat a => wrote epoch 2; a at 2 has t/0,t/1,t/2
         commit t/0=3 by=a gen=1 id=116 => wrote t/0=3; ok
         commit t/0=4 t/2=1 by=a gen=1 id=116 => all StaleMemberEpoch
         commit t/2=1 by=a gen=2 id=116 => wrote t/2=1; ok
         commit t/0=5 by=a gen=3 id=116 => all StaleMemberEpoch
         commit t/0=5 by=a gen=0 id=116 => all StaleMemberEpoch",
    );
}

#[test]
fn everything_but_the_deadlines_is_there_after_a_restart() {
    check(
        "topics t=2
         beat a topics=t rebalance=10000 => wrote epoch 1; a at 1 has t/0,t/1
         beat b topics=t => wrote epoch 2; b at 2 has nothing
         beat a => a at 1 has t/0
         restart
         describe => Reconciling consumer 2 a@1=t/0 b@2=nothing
         beat b => b at 2
         beat a owns=t/0,t/1 => a at 1
         beat a => a at 2
         beat b => b at 2 has t/1
         restart
         wait 45000 => wrote epoch 3; wrote epoch 4
         describe => Empty consumer 4
         restart
         describe => Empty consumer 4
         delete => forgot the group; ok
         restart
         describe => Dead",
    );
}

#[test]
fn an_empty_group_is_deleted_with_its_offsets_and_a_full_one_takes_no_more() {
    let config = Config {
        consumer_max_size: 1,
        ..Config::default()
    };
    check_with(
        config,
        "beat a epoch=1 => a GroupIdNotFound
         quit a => GroupIdNotFound
         beat a topics=t => wrote epoch 1; a at 1 has t/0
         commit t/0=1 by=a id=116 => wrote t/0=1; ok
         beat b topics=t => b GroupFull
         delete => NonEmptyGroup
         drop t/0 u/0 => SubscribedToTopic; ok
         quit a => wrote epoch 2; ok
         make => OtherKind
         delete => forgot t/0; forgot the group; ok
         describe => Dead
         make => wrote epoch 1; ok
         beat a topics=t => a OtherKind",
    );
}

#[test]
fn offsets_of_topics_that_nobody_reads_expire_and_an_empty_group_with_them() {
    let config = Config {
        offsets_retention_ms: 1_000,
        ..Config::default()
    };
    check_with(
        config,
        "topics t=1 u=1
         beat a topics=t => wrote epoch 1; a at 1 has t/0
         commit t/0=1 u/0=1 by=a id=116 => wrote t/0=1; wrote u/0=1; ok; ok
         wait 1000
         retain => forgot u/0
         quit a => wrote epoch 2; ok
         retain => forgot t/0; forgot the group
         describe => Dead",
    );
}
