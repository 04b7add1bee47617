//! Groups change their protocol while their members go on: Apache Kafka 4.3, `GroupMetadataManager`
//! (`convertToConsumerGroup`, `convertToClassicGroup`, `classicGroupJoinToConsumerGroup`); KIP-848.

use millstream_groups::{Config, Migration};

use super::script::{check, check_with};

#[test]
fn an_empty_group_belongs_to_whoever_comes_next() {
    check(
        "commit t/0=5 => wrote t/0=5; ok
         beat a topics=t => wrote epoch 1; a at 1 has t/0
         offset t/0 => 5 epoch 7 \"\"
         quit a => wrote epoch 2; ok
         join b => forgot the group
         wait 3000 => b in 1 by range: b leads b
         sync b => wrote generation 1 b; b does \"\"
         leave b => wrote generation 2; ok
         beat a topics=t => forgot the group; wrote epoch 1; a at 1 has t/0
         restart
         describe => Stable consumer 1 a@1=t/0
         offset t/0 => 5 epoch 7 \"\"",
    );
}

#[test]
fn the_first_member_of_the_new_protocol_makes_a_consumer_group_of_a_classic_one() {
    check(
        "topics t=2
         join a
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         commit t/0=5 by=a => wrote t/0=5; ok
         beat b topics=t => forgot the group; wrote epoch 1; wrote epoch 2; b at 2 has t/1
         describe => Reconciling consumer 2 a*@1=nothing b@2=t/1
         heartbeat a gen=1 => RebalanceInProgress
         sync a gen=1 => a RebalanceInProgress
         commit t/0=6 by=a gen=1 id=116 => wrote t/0=6; ok
         rejoin a => a in 2 by range: under nobody
         sync a => a does [t/0]
         heartbeat a => ok
         describe => Stable consumer 2 a*@2=t/0 b@2=t/1
         offset t/0 => 6 epoch 7 \"\"
         restart
         describe => Stable consumer 2 a*@2=t/0 b@2=t/1",
    );
}

#[test]
fn the_last_member_of_the_new_protocol_leaves_a_classic_group_behind() {
    check(
        "topics t=2
         beat a topics=t => wrote epoch 1; a at 1 has t/0,t/1
         commit t/0=5 by=a id=116 => wrote t/0=5; ok
         join b => wrote epoch 2; b in 2 by range: under nobody
         beat a => a at 1 has t/0
         beat a => a at 2
         heartbeat b => RebalanceInProgress
         rejoin b => b in 2 by range: under nobody
         describe => Stable consumer 2 a@2=t/0 b*@2=t/1
         quit a => forgot the group; wrote generation 2 b; ok
         heartbeat b gen=2 => RebalanceInProgress
         rejoin b => b in 3 by range: b leads b
         sync b => wrote generation 3 b; b does \"\"
         offset t/0 => 5 epoch 7 \"\"
         restart
         describe => Stable consumer range b=",
    );
}

#[test]
fn a_classic_member_that_stops_leaves_a_consumer_group_to_the_others() {
    check(
        "topics t=1
         beat a topics=t => wrote epoch 1; a at 1 has t/0
         join b v=4 => b MemberIdRequired
         rejoin b session=10000 => wrote epoch 2; b in 2 by range: under nobody
         sync b gen=1 => b IllegalGeneration
         sync b protocol=other => b InconsistentProtocol
         sync a => a UnknownMember
         heartbeat a => UnknownMember
         leave a => UnknownMember
         sync b => b does []
         beat a => a at 2
         wait 9999
         heartbeat b => ok
         wait 10000 => wrote epoch 3
         heartbeat b => UnknownMember
         join c instance=i => wrote epoch 4; c in 4 by range: under nobody
         join d instance=i => d in 4 by range: under nobody
         leave c instance=i => FencedInstanceId
         leave instance=i => wrote epoch 5; ok
         join e protocols=other type=connect => e InconsistentProtocol",
    );
}

#[test]
fn a_classic_member_that_does_not_come_when_it_is_called_is_put_out() {
    check(
        "topics t=2
         join a rebalance=7000 session=60000
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         beat b topics=t => forgot the group; wrote epoch 1; wrote epoch 2; b at 2 has t/1
         heartbeat a gen=1 => RebalanceInProgress
         wait 6999
         heartbeat a gen=1 => RebalanceInProgress
         wait 1 => wrote epoch 3
         beat b => b at 3 has t/0,t/1
         join c rebalance=5000 => wrote epoch 4; c in 4 by range: under nobody
         wait 5000 => wrote epoch 5",
    );
}

#[test]
fn the_policy_may_keep_groups_to_the_protocol_that_they_have() {
    let config = Config {
        migration: Migration {
            upgrades: false,
            downgrades: false,
        },
        ..Config::default()
    };
    check_with(
        config,
        "join a
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         beat b topics=t => b CannotUpgrade
         describe => Stable consumer range a=
         leave a => wrote generation 2; ok
         beat b topics=t => forgot the group; wrote epoch 1; b at 1 has t/0
         join a => a InconsistentProtocol
         describe => Stable consumer 1 b@1=t/0",
    );
}

#[test]
fn a_group_that_would_lose_something_stays_classic() {
    check(
        "join a type=connect
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         beat b topics=t => b CannotUpgrade
         leave a => wrote generation 2; ok
         join a
         wait 3000 => a in 3 by range: a leads a
         sync a a=nonsense => wrote generation 3 a; a does \"nonsense\"
         beat b topics=t => b CannotUpgrade
         heartbeat a => ok",
    );
}
