//! Quotas of clients: whose they are, which there are, and who matches a question.
//!
//! They are stored and described; nobody is held back by them. Pure: what is set is the catalog's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::Error;

/// A user, by name.
const USER: &str = "user";
/// A client, by the id that it gives itself.
const CLIENT_ID: &str = "client-id";
/// An address that clients connect from.
const IP: &str = "ip";

/// What a quota may be.
#[derive(Debug, Clone, Copy)]
enum Number {
    /// Whole, up to this.
    Whole(f64),
    /// Any that is positive.
    Real,
}

/// The quotas of users and clients.
const OF_CLIENTS: &[(&str, Number)] = &[
    ("consumer_byte_rate", Number::Whole(i64::MAX as f64)),
    ("controller_mutation_rate", Number::Real),
    ("producer_byte_rate", Number::Whole(i64::MAX as f64)),
    ("request_percentage", Number::Real),
];

/// The quotas of addresses.
const OF_ADDRESSES: &[(&str, Number)] =
    &[("connection_creation_rate", Number::Whole(i32::MAX as f64))];

/// Whose a quota is: the names of its sides by their type; without a name it is that of all who have none of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entity(BTreeMap<String, Option<String>>);

impl Entity {
    /// The entity with these sides, checked by whoever wrote them down.
    pub(crate) fn known(sides: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        Self(sides.into_iter().collect())
    }

    /// Its sides in the order of their types.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0
            .iter()
            .map(|(side, name)| (side.as_str(), name.as_deref()))
    }

    /// Refuses an entity that nobody can be.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            return refused("the entity has no sides".to_owned());
        }
        for (side, name) in self.sides() {
            known_type(side)?;
            match name {
                Some("") => return refused(format!("the {side} has no name")),
                Some(name) if side == IP && name.parse::<IpAddr>().is_err() => {
                    return refused(format!("{name:?} is no address"));
                }
                _ => {}
            }
        }
        if self.0.contains_key(IP) && self.0.len() > 1 {
            return refused("an address goes with no user or client id".to_owned());
        }
        Ok(())
    }

    /// Refuses a quota that the entity cannot have.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] names the quota and its value.
    pub(crate) fn check_quota(&self, key: &str, value: f64) -> Result<(), Error> {
        let quotas = match self.0.contains_key(IP) {
            true => OF_ADDRESSES,
            false => OF_CLIENTS,
        };
        let Some((_, number)) = quotas.iter().find(|(name, _)| *name == key) else {
            return refused(format!("there is no quota {key:?} for this entity"));
        };
        let allowed = match number {
            _ if value.is_nan() || value <= 0.0 => false,
            Number::Whole(most) => value.fract() == 0.0 && value <= *most,
            Number::Real => true,
        };
        match (allowed, number) {
            (true, _) => Ok(()),
            (false, Number::Real) => refused(format!("{key} {value} must be more than 0")),
            (false, Number::Whole(most)) => refused(format!(
                "{key} {value} must be a whole number from 1 to {most}"
            )),
        }
    }
}

fn known_type(side: &str) -> Result<(), Error> {
    match side {
        USER | CLIENT_ID | IP => Ok(()),
        other => refused(format!("{other:?} is no type of entity")),
    }
}

fn refused<T>(reason: String) -> Result<T, Error> {
    Err(Error::InvalidRequest(reason))
}

/// What one side of an entity has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    /// The one of that name.
    Exact(String),
    /// The one without a name.
    Default,
    /// Any.
    Any,
}

/// Which entities are asked for.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    sides: BTreeMap<String, Match>,
}

impl Filter {
    /// Asks for entities that also have such a side.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], or [`Error::Unsupported`] for a type of entity that is not known.
    pub(crate) fn with(mut self, side: &str, what: Match) -> Result<Self, Error> {
        if side.is_empty() {
            return refused("the type of entity is empty".to_owned());
        }
        if known_type(side).is_err() {
            return Err(Error::Unsupported(format!("{side:?} is no type of entity")));
        }
        if self.sides.insert(side.to_owned(), what).is_some() {
            return refused(format!("{side} is named twice"));
        }
        if self.sides.contains_key(IP) && self.sides.len() > 1 {
            return refused("an address goes with no user or client id".to_owned());
        }
        Ok(self)
    }

    /// Whether `entity` is asked for; if `strict`, only when it has no other sides.
    pub(crate) fn matches(&self, entity: &Entity, strict: bool) -> bool {
        let is_there = |(side, what): (&String, &Match)| match (entity.0.get(side), what) {
            (Some(Some(name)), Match::Exact(wanted)) => name == wanted,
            (Some(None), Match::Default) | (Some(_), Match::Any) => true,
            _ => false,
        };
        self.sides.iter().all(is_there) && !(strict && entity.0.len() != self.sides.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(sides: &[(&str, Option<&str>)]) -> Entity {
        let owned =
            |(side, name): &(&str, Option<&str>)| ((*side).to_owned(), name.map(str::to_owned));
        Entity::known(sides.iter().map(owned))
    }

    #[test]
    fn an_entity_is_a_user_a_client_both_or_an_address() {
        let fine: [&[_]; 6] = [
            &[("user", Some("a"))],
            &[("user", None), ("client-id", Some("c"))],
            &[("client-id", None)],
            &[("ip", Some("127.0.0.1"))],
            &[("ip", Some("::1"))],
            &[("ip", None)],
        ];
        for sides in fine {
            assert!(entity(sides).check().is_ok(), "{sides:?}");
        }
        let wrong: [&[_]; 6] = [
            &[],
            &[("user", Some(""))],
            &[("ip", Some("example"))],
            &[("ip", None), ("user", None)],
            &[("host", Some("a"))],
            &[("", None)],
        ];
        for sides in wrong {
            assert!(entity(sides).check().is_err(), "{sides:?}");
        }
    }

    #[test]
    fn a_quota_is_a_positive_number_of_its_kind() {
        let (client, address) = (entity(&[("user", None)]), entity(&[("ip", None)]));
        for (key, value) in [("producer_byte_rate", 1.0), ("request_percentage", 1e300)] {
            assert!(client.check_quota(key, value).is_ok(), "{key} {value}");
        }
        for (key, value) in [
            ("producer_byte_rate", 0.0),
            ("producer_byte_rate", 1.5),
            ("producer_byte_rate", 1e300),
            ("request_percentage", -1.0),
            ("request_percentage", f64::NAN),
            ("connection_creation_rate", 1.0),
            ("no.such", 1.0),
        ] {
            assert!(client.check_quota(key, value).is_err(), "{key} {value}");
        }
        assert!(
            address
                .check_quota("connection_creation_rate", 10.0)
                .is_ok()
        );
        for value in [0.0, 1.5, 1e10] {
            let judged = address.check_quota("connection_creation_rate", value);
            assert!(judged.is_err(), "{value}");
        }
    }

    #[test]
    fn a_filter_matches_by_name_default_or_any() {
        let named = entity(&[("user", Some("a"))]);
        let default = entity(&[("user", None), ("client-id", Some("c"))]);
        let filter = |what| Filter::default().with("user", what).unwrap();
        let matched = |filter: Filter, strict| {
            [&named, &default].map(|entity| filter.matches(entity, strict))
        };
        assert_eq!(matched(filter(Match::Any), false), [true, true]);
        assert_eq!(matched(filter(Match::Any), true), [true, false]);
        let exact = filter(Match::Exact("a".to_owned()));
        assert_eq!(matched(exact, false), [true, false]);
        assert_eq!(matched(filter(Match::Default), false), [false, true]);
        assert_eq!(matched(Filter::default(), false), [true, true]);
        assert_eq!(matched(Filter::default(), true), [false, false]);
    }

    #[test]
    fn a_filter_names_each_side_once_and_addresses_alone() {
        let user = || Filter::default().with("user", Match::Any).unwrap();
        assert!(user().with("client-id", Match::Any).is_ok());
        assert!(user().with("user", Match::Default).is_err());
        assert!(user().with("ip", Match::Any).is_err());
        let unknown = Filter::default().with("host", Match::Any);
        assert!(matches!(unknown, Err(Error::Unsupported(_))));
    }
}
