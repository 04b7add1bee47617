use millstream_groups::Config;

use super::script::{check, check_with};

const DAY: i64 = 86_400_000;

/// KAFKA-4682 and KIP-211: how long offsets are kept.
fn two_days() -> Config {
    Config {
        offsets_retention_ms: 2 * DAY,
        max_session_timeout_ms: i32::MAX,
        ..Config::default()
    }
}

#[test]
fn a_consumer_without_a_group_commits_to_one_that_has_no_members() {
    check(
        "offset t/0 => none
         commit t/0=5 t/1=6 note=hello => wrote t/0=5; wrote t/1=6; ok; ok
         offset t/0 => 5 epoch 7 \"hello\"
         offset t/1 => 6 epoch 7 \"hello\"
         offset t/2 => none
         commit t/0=4 => wrote t/0=4; ok
         offset t/0 => 4 epoch 7 \"\"
         describe => Empty",
    );
}

#[test]
fn members_commit_in_their_generation() {
    check(
        "commit t/0=1 by=a gen=0 => all GroupIdNotFound
         join a
         commit t/0=1 => all UnknownMember
         commit t/0=1 by=a gen=0 => wrote t/0=1; ok
         wait 3000 => a in 1 by range: a leads a
         commit t/0=1 by=a => all RebalanceInProgress
         sync a => wrote generation 1 a; a does \"\"
         commit t/0=1 by=a gen=0 => all IllegalGeneration
         commit t/0=1 by=b => all UnknownMember
         commit t/0=1 => all UnknownMember
         commit t/0=1 by=a gen=-1 => all IllegalGeneration
         commit t/0=2 by=a => wrote t/0=2; ok
         join b
         commit t/0=3 by=a => wrote t/0=3; ok
         leave a => ok; b in 2 by range: b leads b
         commit t/0=4 by=a => all UnknownMember",
    );
}

#[test]
fn a_note_that_is_too_long_is_refused_for_its_partition_alone() {
    check_with(
        Config {
            offset_metadata_max_bytes: 3,
            ..Config::default()
        },
        "commit t/0=1 note=four => OffsetMetadataTooLarge
         describe => Dead
         commit t/0=1 note=abc => wrote t/0=1; ok",
    );
}

#[test]
fn offsets_of_a_topic_that_a_member_reads_are_not_deleted() {
    check(
        "drop t/0 => all GroupIdNotFound
         join a topics=t
         wait 3000 => a in 1 by range: a leads a
         sync a => wrote generation 1 a; a does \"\"
         commit t/0=1 u/0=2 by=a => wrote t/0=1; wrote u/0=2; ok; ok
         drop t/0 u/0 u/9 => forgot u/0; SubscribedToTopic; ok; ok
         leave a => wrote generation 2; ok
         drop t/0 => forgot t/0; ok",
    );
    check(
        "join a type=connect
         drop t/0 => all NonEmptyGroup",
    );
}

#[test]
fn offsets_of_a_deleted_topic_are_forgotten() {
    check(
        "commit t/0=1 u/0=1 => wrote t/0=1; wrote u/0=1; ok; ok
         commit t/1=1 id=8 => wrote t/1=1; ok
         forget t id=9 => forgot t/0
         forget t id=8 => forgot t/1
         offset u/0 => 1 epoch 7 \"\"",
    );
}

#[test]
fn offsets_of_a_simple_consumer_are_kept_from_their_commit_on() {
    check_with(
        two_days(),
        &format!(
            "commit t/0=1 => wrote t/0=1; ok
             wait {DAY}
             commit t/1=1 => wrote t/1=1; ok
             wait {DAY}
             retain => forgot t/0
             wait {DAY}
             retain => forgot t/1
             describe => Dead",
        ),
    );
}

#[test]
fn offsets_are_kept_from_the_moment_on_that_the_group_is_empty() {
    check_with(
        two_days(),
        &format!(
            "join a session={week}
             wait 3000 => a in 1 by range: a leads a
             sync a => wrote generation 1 a; a does \"\"
             commit t/0=1 u/0=1 by=a => wrote t/0=1; wrote u/0=1; ok; ok
             wait {DAY}
             wait {DAY}
             retain => forgot u/0
             leave a => wrote generation 2; ok
             wait {DAY}
             retain
             wait {DAY}
             retain => forgot t/0; forgot the group
             describe => Dead",
            week = 7 * DAY,
        ),
    );
}

#[test]
fn offsets_of_a_group_whose_topics_are_unknown_are_kept_while_it_has_members() {
    check_with(
        two_days(),
        &format!(
            "join a type=connect session={week}
             wait 3000 => a in 1 by range: a leads a
             sync a => wrote generation 1 a; a does \"\"
             commit t/0=1 by=a => wrote t/0=1; ok
             wait {five_days}
             retain",
            week = 7 * DAY,
            five_days = 5 * DAY,
        ),
    );
}

#[test]
fn a_commit_may_bring_its_own_retention() {
    check_with(
        two_days(),
        "commit t/0=1 retention=1000 => wrote t/0=1; ok
         commit t/1=1 => wrote t/1=1; ok
         wait 999
         retain
         wait 1
         retain => forgot t/0",
    );
}
