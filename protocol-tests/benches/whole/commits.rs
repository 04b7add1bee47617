//! Many groups that commit at a rate of their own, whatever the server makes of it.

use std::time::Duration;

use crate::frames;
use crate::load::Outcome;
use crate::options::Options;
use crate::paced::{self, Due, Plan};
use crate::target::{Durability, Target};

/// Groups whose turn comes one after the other.
const GROUPS: u32 = 1_000;
/// Commits a second, of all groups together.
const RATE: u32 = 10_000;
/// Each is that of ten groups.
const CONNECTIONS: u32 = 100;

/// Each commit is of one partition, and further than the one before. The groups have no members, as those of clients that
/// share partitions out by themselves.
pub(crate) fn thousand_groups(options: &Options) -> Outcome {
    let target = Target::start(options);
    target.make_topic(1, Durability::Disk);
    let mut requests = 0..;
    let plan = Plan {
        connections: CONNECTIONS as usize,
        frame: frames::commit(),
        next: |frame: &mut [u8]| {
            let n: u32 = requests.next().expect("requests without end");
            let group = n % GROUPS;
            frames::set_group(frame, group);
            frames::set_committed(frame, i64::from(n / GROUPS));
            Due {
                at: Duration::from_secs(1) * n / RATE,
                connection: (group % CONNECTIONS) as usize,
            }
        },
        answered: |answer: &[u8]| {
            frames::assert_committed(answer);
            0
        },
    };
    paced::drive(&target, plan, options.length).outcome
}
