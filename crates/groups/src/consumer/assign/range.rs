//! Ranges of each topic's partitions, in the order of the members. What members had before does not matter.

use super::{Plan, Sizes, Wishes};
use crate::MemberId;

/// Gives every partition to a member that wants its topic.
pub(super) fn assign(wishes: &Wishes, sizes: &Sizes) -> Plan {
    let mut plan: Plan = wishes
        .keys()
        .map(|id| (id.clone(), Default::default()))
        .collect();
    let mut order: Vec<(&MemberId, _)> = wishes.iter().collect();
    order.sort_by_key(|(id, wish)| (wish.rank.clone(), MemberId::clone(id)));
    for (topic, partitions) in sizes {
        let wants = order.iter().filter(|(_, wish)| wish.topics.contains(topic));
        let members: Vec<&MemberId> = wants.map(|(id, _)| *id).collect();
        for index in 0..*partitions {
            if let Some(id) = members.get(place(index, *partitions, members.len()))
                && let Some(share) = plan.get_mut(*id)
            {
                share.insert((*topic, index));
            }
        }
    }
    plan
}

/// Which of `members` has the partition: the first ones get one more where it does not come out even.
fn place(index: i32, partitions: i32, members: usize) -> usize {
    let (index, partitions) = (
        index.unsigned_abs() as usize,
        partitions.unsigned_abs() as usize,
    );
    let Some(quota) = partitions.checked_div(members) else {
        return 0;
    };
    let more = partitions % members;
    let in_larger = more * (quota + 1);
    match index.checked_sub(in_larger) {
        Some(beyond) => more + beyond / quota.max(1),
        None => index / (quota + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::assign::Wish;

    fn shares(members: &[(&str, &[u128])], sizes: &[(u128, i32)]) -> Vec<String> {
        let wish = |(id, topics): &(&str, &[u128])| {
            let wish = Wish {
                rank: (*id).into(),
                topics: topics.iter().copied().collect(),
                ..Wish::default()
            };
            ((*id).into(), wish)
        };
        let plan = assign(
            &members.iter().map(wish).collect(),
            &sizes.iter().copied().collect(),
        );
        let share = |(id, share): (&MemberId, &std::collections::BTreeSet<_>)| {
            let places = share
                .iter()
                .map(|(topic, index)| format!(" {topic}/{index}"));
            format!("{id}:{}", places.collect::<String>())
        };
        plan.iter().map(share).collect()
    }

    #[test]
    fn each_topic_is_cut_into_ranges_in_the_order_of_the_members() {
        let both: &[u128] = &[1, 2];
        assert_eq!(
            shares(&[("a", both), ("b", both)], &[(1, 3), (2, 3)]),
            ["a: 1/0 1/1 2/0 2/1", "b: 1/2 2/2"]
        );
        assert_eq!(
            shares(&[("a", both), ("b", &[2]), ("c", both)], &[(1, 2), (2, 5)]),
            ["a: 1/0 2/0 2/1", "b: 2/2 2/3", "c: 1/1 2/4"]
        );
        assert_eq!(
            shares(&[("a", &[1]), ("b", &[1])], &[(1, 1)]),
            ["a: 1/0", "b:"]
        );
        assert_eq!(shares(&[("a", &[])], &[(1, 1)]), ["a:"]);
        assert!(shares(&[], &[(1, 1)]).is_empty());
    }
}
