//! Features: what all brokers of a cluster agree on before they do it, and at which level.
//!
//! What clients take for agreed decides which paths they choose, so that only what is served is listed. Pure: the levels
//! themselves are the catalog's.

use crate::Error;

/// Consumer groups.
pub(crate) const GROUP: &str = "group.version";

/// Share groups.
pub(crate) const SHARE: &str = "share.version";

/// One of them.
#[derive(Debug)]
pub(crate) struct Feature {
    /// Kafka's name of it.
    pub(crate) name: &'static str,
    /// The lowest and the highest level that this broker can work at; 0 is off.
    pub(crate) supported: (i16, i16),
    /// The level of this release, where nobody has chosen another.
    pub(crate) level: i16,
    /// The lowest level that it can be taken back to from a higher one.
    floor: i16,
}

/// Every feature, in the order of the names.
pub(crate) const FEATURES: &[Feature] = &[
    Feature {
        name: "eligible.leader.replicas.version",
        supported: (0, 1),
        level: 1,
        floor: 0,
    },
    Feature {
        name: GROUP,
        supported: (0, 1),
        level: 1,
        floor: 0,
    },
    Feature {
        name: "kraft.version",
        supported: (0, 1),
        level: 0,
        floor: 1,
    },
    // 3.3-IV3 to 4.3-IV0: the requests of one coherent release, and its records.
    Feature {
        name: "metadata.version",
        supported: (7, 30),
        level: 30,
        floor: 30,
    },
    Feature {
        name: SHARE,
        supported: (0, 1),
        level: 1,
        floor: 0,
    },
    // Both protocols are always served; the level tells clients which to use.
    Feature {
        name: "transaction.version",
        supported: (0, 2),
        level: 2,
        floor: 0,
    },
];

/// The feature of that name.
pub(crate) fn find(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

/// In which direction a level may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// Whether the feature `name`, which is at the level `current`, may go to the level `wanted`.
///
/// # Errors
/// [`Error::FeatureLevel`] says why not.
pub(crate) fn check(
    name: &str,
    current: i16,
    wanted: i16,
    direction: Option<Direction>,
) -> Result<(), Error> {
    let refused = |reason: &str| {
        Err(Error::FeatureLevel {
            name: name.to_owned(),
            level: wanted,
            reason: reason.to_owned(),
        })
    };
    let Some(feature) = find(name) else {
        return refused("there is no such feature");
    };
    let (lowest, highest) = feature.supported;
    match direction {
        None => refused("the type of upgrade is unknown"),
        _ if !(lowest..=highest).contains(&wanted) => {
            refused(&format!("levels {lowest} to {highest} are supported"))
        }
        Some(Direction::Up) if wanted < current => {
            refused("it is lower, and a downgrade was not asked for")
        }
        Some(Direction::Down) if wanted > current => {
            refused("it is higher, and a downgrade was asked for")
        }
        _ if wanted < current && wanted < feature.floor => {
            refused("what has been written at a higher level could not be read")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, current: i16, wanted: i16, direction: Option<Direction>) -> String {
        check(name, current, wanted, direction)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_level_goes_where_it_was_asked_to_go_and_nowhere_else() {
        let (up, down) = (Some(Direction::Up), Some(Direction::Down));
        for direction in [up, down] {
            assert!(check(SHARE, 1, 1, direction).is_ok());
        }
        assert!(check(SHARE, 0, 1, up).is_ok());
        assert!(check(SHARE, 1, 0, down).is_ok());
        assert!(refusal(SHARE, 1, 0, up).contains("a downgrade was not asked for"));
        assert!(refusal(SHARE, 0, 1, down).contains("a downgrade was asked for"));
        assert!(refusal(SHARE, 1, 1, None).contains("type of upgrade"));
        assert!(refusal(SHARE, 1, 2, up).contains("levels 0 to 1"));
        assert!(refusal(SHARE, 1, -1, down).contains("levels 0 to 1"));
        assert!(refusal("no.such", 0, 0, down).contains("no such feature"));
    }

    #[test]
    fn what_is_on_the_disk_is_never_taken_back_to_a_level_that_cannot_read_it() {
        let down = Some(Direction::Down);
        assert!(refusal("metadata.version", 30, 29, down).contains("could not be read"));
        assert!(refusal("kraft.version", 1, 0, down).contains("could not be read"));
    }

    #[test]
    fn the_level_of_the_release_is_supported() {
        for feature in FEATURES {
            let (lowest, highest) = feature.supported;
            assert!((lowest..=highest).contains(&feature.level), "{feature:?}");
        }
        assert!(FEATURES.is_sorted_by_key(|feature| feature.name));
    }
}
