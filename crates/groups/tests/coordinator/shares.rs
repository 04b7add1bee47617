//! Share groups: Apache Kafka 4.3, `GroupMetadataManager.shareGroupHeartbeat`; KIP-932.

use millstream_groups::Config;

use super::script::{check, check_with};

#[test]
fn every_member_gets_every_partition_of_its_topics_and_nobody_waits_for_anybody() {
    check(
        "topics t=3 u=1
         share a topics=t => wrote epoch 1; a at 1 gets t/3
         share b topics=t,u => wrote epoch 2; b at 2 gets t/3,u/1
         describe => Stable share 2 a@1=t/3 b@2=t/3,u/1
         share a => a at 2
         share b => b at 2
         describe => Stable share 2 a@2=t/3 b@2=t/3,u/1",
    );
}

#[test]
fn a_member_is_told_what_it_gets_when_that_changes_and_when_it_says_what_it_wants() {
    check(
        "topics t=1
         share a topics=t,u => wrote epoch 1; a at 1 gets t/1
         share a => a at 1
         share a topics=u,t => a at 1 gets t/1
         topics t=1 u=2
         share a => wrote epoch 2; a at 2 gets t/1,u/2
         topics u=2
         share a => wrote epoch 3; a at 3 gets u/2
         share a topics=t => wrote epoch 4; a at 4 gets nothing
         share a => a at 4",
    );
}

#[test]
fn a_heartbeat_whose_answer_was_lost_may_come_again_and_an_older_one_is_fenced() {
    check(
        "share a topics=t => wrote epoch 1; a at 1 gets t/1
         share a topics=t epoch=0 => a at 1 gets t/1
         share a topics=t,u => wrote epoch 2; a at 2 gets t/1
         share a topics=t,u epoch=1 => a at 2 gets t/1
         share a topics=t => wrote epoch 3; a at 3 gets t/1
         share a epoch=1 => a FencedMemberEpoch
         share a epoch=4 => a FencedMemberEpoch
         share a epoch=0 topics=t => a at 3 gets t/1",
    );
}

#[test]
fn who_leaves_or_falls_silent_is_gone_and_the_group_stays() {
    check(
        "share a topics=t => wrote epoch 1; a at 1 gets t/1
         share b topics=t session=60000 => wrote epoch 2; b at 2 gets t/1
         wait 44999
         share a => a at 2
         wait 44999 => wrote epoch 3
         describe => Stable share 3 a@2=t/1
         part a => wrote epoch 4; ok
         part a => UnknownMember
         share a epoch=2 => a UnknownMember
         describe => Empty share 4
         wait 999999999
         describe => Empty share 4",
    );
}

#[test]
fn a_full_share_group_refuses_who_would_join_and_nobody_else() {
    let config = Config {
        share_max_size: 1,
        ..Config::default()
    };
    check_with(
        config,
        "share a topics=t => wrote epoch 1; a at 1 gets t/1
         share b topics=t => b GroupFull
         share b epoch=1 => b UnknownMember
         share a epoch=0 topics=t => a at 1 gets t/1
         part a => wrote epoch 2; ok
         share b topics=t => wrote epoch 3; b at 3 gets t/1",
    );
}

#[test]
fn an_id_belongs_to_one_kind_of_group_at_a_time() {
    check(
        "commit t/0=1 => wrote t/0=1; ok
         share a topics=t => a OtherKind
         part a => OtherKind
         drop t/0 => forgot t/0; ok
         share a topics=t => wrote epoch 1; a at 1 gets t/1
         join b => b InconsistentProtocol
         heartbeat b => UnknownMember
         commit t/0=1 => all OtherKind
         part a => wrote epoch 2; ok
         join b => b InconsistentProtocol
         delete => forgot the group; ok
         join b
         share a topics=t => a OtherKind",
    );
}

#[test]
fn only_a_share_group_without_members_is_deleted() {
    check(
        "share a epoch=3 => a GroupIdNotFound
         part a => GroupIdNotFound
         share a topics=t => wrote epoch 1; a at 1 gets t/1
         delete => NonEmptyGroup
         part a => wrote epoch 2; ok
         delete => forgot the group; ok
         delete => GroupIdNotFound
         describe => Dead",
    );
}

#[test]
fn a_share_group_may_be_made_without_members() {
    check(
        "make => wrote epoch 1; ok
         make => ok
         describe => Empty share 1
         restart
         share a topics=t => wrote epoch 2; a at 2 gets t/1
         part a => wrote epoch 3; ok
         delete => forgot the group; ok
         commit t/0=1 => wrote t/0=1; ok
         make => OtherKind",
    );
}

#[test]
fn a_share_group_is_there_after_a_restart_and_its_members_join_again() {
    check(
        "share a topics=t => wrote epoch 1; a at 1 gets t/1
         restart
         describe => Empty share 1
         share a => a UnknownMember
         share a epoch=0 topics=t => wrote epoch 2; a at 2 gets t/1
         retain
         describe => Stable share 2 a@2=t/1",
    );
}
