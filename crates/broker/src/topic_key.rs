//! How requests name a topic: by name in older versions, by id in newer ones.

use std::sync::Arc;

use uuid::Uuid;

use crate::{Catalog, Error, Topic};

/// A topic as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    /// By its name.
    Name(Arc<str>),
    /// By its id.
    Id(Uuid),
}

impl TopicKey {
    /// The one of the two that the request's version has.
    pub(crate) fn new(by_id: bool, name: &str, id: Uuid) -> Self {
        match by_id {
            true => Self::Id(id),
            false => Self::Name(name.into()),
        }
    }

    /// The name, or "" where the topic is named by id.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Id(_) => "",
        }
    }

    /// The id, or nil where the topic is named by name.
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Name(_) => Uuid::nil(),
            Self::Id(id) => *id,
        }
    }

    /// The topic, if there is one.
    pub(crate) fn find(&self, catalog: &Catalog) -> Option<Arc<Topic>> {
        match self {
            Self::Name(name) => catalog.topic(name),
            Self::Id(id) => catalog.topic_by_id(*id),
        }
    }

    /// What to say when there is none.
    pub(crate) fn unknown(&self) -> Error {
        match self {
            Self::Name(name) => Error::UnknownTopic(name.to_string()),
            Self::Id(id) => Error::UnknownTopicId(*id),
        }
    }
}
