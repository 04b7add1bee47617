//! As equal parts as the subscriptions allow, with little moved.
//!
//! Members keep what they have; what nobody has goes to whoever has least. Then partitions move from members to
//! others that have at least two less, also by way of third ones that want both topics. When no such chain is left, no
//! plan is more even.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Place, Plan, Sizes, Wishes};

/// A plan in the making. Members go by their numbers in the order of their ids.
#[derive(Default)]
struct Work {
    /// What each member has so far, topic by topic; no topic without partitions.
    has: Vec<BTreeMap<u128, BTreeSet<i32>>>,
    /// How many partitions that is.
    loads: Vec<usize>,
    /// The members that want each topic.
    takers: BTreeMap<u128, Vec<usize>>,
}

/// How a search came to a member: who can give it a partition, and of which topic.
type Link = (usize, u128);

/// Gives every partition to a member that wants its topic.
pub(super) fn assign(wishes: &Wishes, sizes: &Sizes) -> Plan {
    let mut work = Work::default();
    let kept = work.keep(wishes, sizes);
    work.hand_out(sizes, &kept);
    while let Some((links, last)) = work.find_chain() {
        work.shift(&links, last);
    }
    let share = |has: BTreeMap<u128, BTreeSet<i32>>| {
        let places = |(topic, indexes): (u128, BTreeSet<i32>)| {
            indexes.into_iter().map(move |index| (topic, index))
        };
        has.into_iter().flat_map(places).collect()
    };
    wishes
        .keys()
        .cloned()
        .zip(work.has.into_iter().map(share))
        .collect()
}

impl Work {
    /// Lets members keep what they want of what they had; returns that.
    fn keep(&mut self, wishes: &Wishes, sizes: &Sizes) -> BTreeSet<Place> {
        let mut kept = BTreeSet::new();
        for (member, wish) in wishes.values().enumerate() {
            self.has.push(BTreeMap::new());
            self.loads.push(0);
            for topic in &wish.topics {
                self.takers.entry(*topic).or_default().push(member);
            }
            for (topic, index) in &wish.before {
                let exists = sizes
                    .get(topic)
                    .is_some_and(|size| (0..*size).contains(index));
                if exists && wish.topics.contains(topic) && kept.insert((*topic, *index)) {
                    self.give(member, *topic, *index);
                }
            }
        }
        kept
    }

    fn give(&mut self, member: usize, topic: u128, index: i32) {
        self.has[member].entry(topic).or_default().insert(index);
        self.loads[member] += 1;
    }

    /// Gives away what nobody has kept, topics with few takers first.
    fn hand_out(&mut self, sizes: &Sizes, kept: &BTreeSet<Place>) {
        let mut topics: Vec<_> = sizes.iter().map(|(topic, size)| (*topic, *size)).collect();
        topics.sort_by_key(|(topic, _)| self.takers.get(topic).map_or(0, Vec::len));
        for (topic, size) in topics {
            for index in (0..size).filter(|index| !kept.contains(&(topic, *index))) {
                if let Some(member) = self.least_loaded(topic) {
                    self.give(member, topic, index);
                }
            }
        }
    }

    fn least_loaded(&self, topic: u128) -> Option<usize> {
        let takers = self.takers.get(&topic)?;
        takers
            .iter()
            .copied()
            .min_by_key(|member| self.loads[*member])
    }

    /// A chain that ends at a member with at least two less than the one that it begins with: how each member of it was
    /// reached, and the last one.
    fn find_chain(&self) -> Option<(Vec<Option<Link>>, usize)> {
        let mut hopeless = vec![false; self.loads.len()];
        let least = *self.loads.iter().min()?;
        loop {
            let candidates = (0..self.loads.len()).filter(|member| !hopeless[*member]);
            let source = candidates.max_by_key(|member| self.loads[*member])?;
            if self.loads[source] < least + 2 {
                return None;
            }
            let (links, last) = self.search(source);
            if let Some(last) = last {
                return Some((links, last));
            }
            // Whoever was reached reaches no further, and has no more than this one.
            hopeless[source] = true;
            for (member, link) in links.iter().enumerate() {
                hopeless[member] |= link.is_some();
            }
        }
    }

    /// Looks from member to member, nearest first, for one with at least two less than `source`.
    fn search(&self, source: usize) -> (Vec<Option<Link>>, Option<usize>) {
        let mut links = vec![None; self.loads.len()];
        let (mut queue, mut seen) = (VecDeque::from([source]), BTreeSet::new());
        while let Some(giver) = queue.pop_front() {
            let topics = self.has[giver].keys();
            for topic in topics
                .copied()
                .filter(|topic| seen.insert(*topic))
                .collect::<Vec<_>>()
            {
                for taker in self.takers.get(&topic).into_iter().flatten().copied() {
                    if taker != source && links[taker].is_none() {
                        links[taker] = Some((giver, topic));
                        queue.push_back(taker);
                    }
                }
                let last = self.least_loaded(topic);
                let last = last.filter(|last| self.loads[*last] + 2 <= self.loads[source]);
                if last.is_some() {
                    return (links, last);
                }
            }
        }
        (links, None)
    }

    /// Moves one partition along each link of the chain that ends at `taker`.
    fn shift(&mut self, links: &[Option<Link>], mut taker: usize) {
        while let Some((giver, topic)) = links[taker] {
            if let Some(indexes) = self.has[giver].get_mut(&topic)
                && let Some(index) = indexes.pop_last()
            {
                if indexes.is_empty() {
                    self.has[giver].remove(&topic);
                }
                self.loads[giver] -= 1;
                self.give(taker, topic, index);
            }
            taker = giver;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::assign::Wish;

    fn wish(topics: &[u128], before: &BTreeSet<Place>) -> Wish {
        Wish {
            topics: topics.iter().copied().collect(),
            before: before.clone(),
            ..Wish::default()
        }
    }

    fn wishes(members: &[(&str, &[u128])], before: &Plan) -> Wishes {
        let none = BTreeSet::new();
        let of = |(id, topics): &(&str, &[u128])| {
            ((*id).into(), wish(topics, before.get(*id).unwrap_or(&none)))
        };
        members.iter().map(of).collect()
    }

    fn loads(plan: &Plan) -> Vec<usize> {
        plan.values().map(BTreeSet::len).collect()
    }

    fn moved(before: &Plan, after: &Plan) -> usize {
        let kept = |(id, share): (_, &BTreeSet<Place>)| {
            after
                .get(id)
                .map_or(0, |new| share.intersection(new).count())
        };
        let all: usize = before.values().map(BTreeSet::len).sum();
        all - before.iter().map(kept).sum::<usize>()
    }

    #[test]
    fn parts_differ_by_one_at_most_and_no_more_moves_than_has_to() {
        let sizes = Sizes::from([(1, 7), (2, 3)]);
        let both: &[u128] = &[1, 2];
        let alone = assign(&wishes(&[("a", both)], &Plan::new()), &sizes);
        assert_eq!(loads(&alone), [10]);
        let three = [("a", both), ("b", both), ("c", both)];
        let shared = assign(&wishes(&three, &alone), &sizes);
        assert_eq!((loads(&shared), moved(&alone, &shared)), (vec![4, 3, 3], 6));
        let without = assign(&wishes(&three[1..], &shared), &sizes);
        assert_eq!((loads(&without), moved(&shared, &without)), (vec![5, 5], 4));
        let grown = Sizes::from([(1, 8), (2, 4)]);
        let more = assign(&wishes(&three[1..], &without), &grown);
        assert_eq!((loads(&more), moved(&without, &more)), (vec![6, 6], 0));
    }

    #[test]
    fn members_that_want_different_topics_are_as_even_as_they_can_be() {
        let members: [(&str, &[u128]); 3] = [("a", &[1]), ("b", &[1, 2]), ("c", &[2])];
        // One step finds nothing to move: there is no pair that differs by two.
        let before = Plan::from([
            ("a".into(), BTreeSet::from([(1, 0), (1, 1), (1, 2)])),
            ("b".into(), BTreeSet::from([(2, 0), (2, 1)])),
            ("c".into(), BTreeSet::from([(2, 2)])),
        ]);
        let sizes = Sizes::from([(1, 3), (2, 3)]);
        assert_eq!(
            loads(&assign(&wishes(&members, &before), &sizes)),
            [2, 2, 2]
        );
        let sizes = Sizes::from([(1, 9), (2, 1)]);
        assert_eq!(
            loads(&assign(&wishes(&members, &Plan::new()), &sizes)),
            [5, 4, 1]
        );
    }

    #[test]
    fn nobody_gets_what_it_does_not_want_and_nothing_is_given_twice() {
        let members: [(&str, &[u128]); 3] = [("a", &[1]), ("b", &[2]), ("c", &[])];
        let before = Plan::from([
            ("a".into(), BTreeSet::from([(1, 0), (2, 0), (9, 9)])),
            ("b".into(), BTreeSet::from([(1, 0), (1, 5)])),
        ]);
        let plan = assign(
            &wishes(&members, &before),
            &Sizes::from([(1, 2), (2, 1), (3, 4)]),
        );
        let expected = Plan::from([
            ("a".into(), BTreeSet::from([(1, 0), (1, 1)])),
            ("b".into(), BTreeSet::from([(2, 0)])),
            ("c".into(), BTreeSet::new()),
        ]);
        assert_eq!(plan, expected);
    }
}
