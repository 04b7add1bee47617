//! What members say they can speak, and how a group picks one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::member::Members;

/// The protocol type of consumers, the one kind whose metadata a coordinator looks into.
pub const CONSUMER: &str = "consumer";

/// One way of sharing the work that a member offers, such as the assignor `range`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// What the leader has to know of this member to use it.
    pub metadata: Arc<[u8]>,
}

/// Bytes that a member's offer takes.
pub(crate) fn size(offered: &[Protocol]) -> usize {
    offered
        .iter()
        .map(|protocol| protocol.name.len() + protocol.metadata.len())
        .sum()
}

/// Whether some protocol of `offered` is spoken by every one of `members`.
pub(super) fn shared(offered: &[Protocol], members: &Members) -> bool {
    offered
        .iter()
        .any(|protocol| all_speak(members, &protocol.name))
}

/// The protocol of the next generation: of those that everybody speaks, the one that most members
/// put first. A tie goes to the one that sorts first, so that it is the same on every run.
pub(super) fn elect(members: &Members) -> Option<String> {
    let any = members.values().next()?;
    let candidates: BTreeSet<&str> = any
        .protocols
        .iter()
        .map(|protocol| protocol.name.as_str())
        .filter(|name| all_speak(members, name))
        .collect();
    let votes = |candidate: &str| {
        let choices = members
            .values()
            .map(|member| member.first_choice(&candidates));
        choices.filter(|choice| *choice == Some(candidate)).count()
    };
    let winner = candidates
        .iter()
        .rev()
        .max_by_key(|candidate| votes(candidate))?;
    Some((*winner).to_owned())
}

fn all_speak(members: &Members, protocol: &str) -> bool {
    members.values().all(|member| member.speaks(protocol))
}

#[cfg(test)]
mod tests {
    use super::super::member::Member;
    use super::*;

    fn member(protocols: &[&str]) -> Member {
        let offered = protocols.iter().map(|name| Protocol {
            name: (*name).to_owned(),
            metadata: Arc::from([]),
        });
        Member {
            protocols: offered.collect(),
            ..Member::default()
        }
    }

    #[test]
    fn the_protocol_is_elected_by_first_choices_among_those_that_all_speak() {
        let table: &[(&[&[&str]], Option<&str>)] = &[
            (&[], None),
            (&[&["range"]], Some("range")),
            (&[&["a", "b"], &["b", "a"], &["b", "a"]], Some("b")),
            (&[&["a", "b"], &["b", "a"]], Some("a")),
            (&[&["only-me", "b"], &["a", "b"]], Some("b")),
            (&[&["a"], &["b"]], None),
        ];
        for (offers, expected) in table {
            let ids = (0..).map(|index: u32| index.to_string().into());
            let members = ids.zip(offers.iter().map(|offer| member(offer))).collect();
            assert_eq!(elect(&members).as_deref(), *expected, "{offers:?}");
        }
    }
}
