//! The only member of a group, through one life after another: it begins where its commits say, reads on in order, and
//! commits as it goes, while the server is killed under it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::clients::{Consumer, is_outage};

/// The member commits a partition after so many of its records.
const STRIDE: i64 = 100;

/// What a member has committed, by partition.
#[derive(Debug, Default)]
pub struct Commits(BTreeMap<i32, Commit>);

/// The last commit that was acknowledged, and the furthest one that was asked for: one whose answer was lost may have
/// been taken.
#[derive(Debug, Default, Clone, Copy)]
struct Commit {
    acknowledged: i64,
    asked: i64,
}

impl Commits {
    /// Whether any was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|commit| commit.acknowledged == 0)
    }

    /// The partitions, and the offset that each group must have at the least.
    pub fn acknowledged(&self) -> impl Iterator<Item = (i32, i64)> {
        self.0
            .iter()
            .map(|(partition, commit)| (*partition, commit.acknowledged))
    }

    /// # Panics
    /// When a life that begins at `offset` does not go on from a commit.
    fn assert_goes_on(&self, partition: i32, offset: i64) {
        let Commit {
            acknowledged,
            asked,
        } = self.0.get(&partition).copied().unwrap_or_default();
        assert!(
            offset >= acknowledged,
            "partition {partition} went back to {offset} behind its commit {acknowledged}"
        );
        assert_eq!(
            offset % STRIDE,
            0,
            "partition {partition} began at {offset}, which nobody committed"
        );
        assert!(
            offset <= asked,
            "partition {partition} jumped to {offset} from its last commit {asked}"
        );
    }
}

/// One life of the only member of `group` in `topic`, until `ends` says so.
///
/// # Panics
/// When a record is missing, comes twice, or the life does not begin where `commits` say.
pub fn live(
    bootstrap: &str,
    group: &str,
    topic: &str,
    commits: &mut Commits,
    ends: impl Fn() -> bool,
) {
    let settings = [
        ("group.instance.id", "only"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "200"),
    ];
    let member = Consumer::member(bootstrap, group, topic, &settings);
    let mut position = BTreeMap::new();
    while !ends() {
        let Some(record) = member.poll(Duration::from_millis(20)) else {
            continue;
        };
        let partition = record
            .partition
            .expect("a record that was read has a partition");
        let offset = record.offset.expect("a record that was read has an offset");
        match position.insert(partition, offset + 1) {
            Some(expected) => {
                assert_eq!(offset, expected, "the next record of partition {partition}");
            }
            None => commits.assert_goes_on(partition, offset),
        }
        if (offset + 1) % STRIDE == 0 {
            commit(&member, topic, partition, offset + 1, commits);
        }
    }
}

fn commit(member: &Consumer, topic: &str, partition: i32, offset: i64, commits: &mut Commits) {
    let commit = commits.0.entry(partition).or_default();
    commit.asked = commit.asked.max(offset);
    match member.commit_offset(topic, partition, offset) {
        Ok(()) => commit.acknowledged = offset,
        Err(error) => assert!(
            is_outage(&error) || is_rebalance(&error),
            "the commit failed: {error}"
        ),
    }
}

fn is_rebalance(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{
        CoordinatorLoadInProgress, CoordinatorNotAvailable, NoOffset, NotCoordinator,
        RebalanceInProgress, WaitingForCoordinator,
    };
    let known = [
        CoordinatorLoadInProgress,
        CoordinatorNotAvailable,
        NoOffset,
        NotCoordinator,
        RebalanceInProgress,
        WaitingForCoordinator,
    ];
    error
        .rdkafka_error_code()
        .is_some_and(|code| known.contains(&code))
}
