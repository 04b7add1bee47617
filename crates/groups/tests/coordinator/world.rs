//! The topics and settings that the shards of these tests see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use millstream_groups::{Catalog, Terms, Topic};

/// Topics by their numbers of partitions. A topic's id is made of its name.
#[derive(Debug)]
pub(crate) struct Topics(Mutex<(i64, BTreeMap<String, i32>, i32)>);

impl Default for Topics {
    fn default() -> Self {
        Self(Mutex::new((0, BTreeMap::from([("t".to_owned(), 1)]), 0)))
    }
}

impl Topics {
    /// From now on there are these, and no others.
    pub(crate) fn set(&self, topics: BTreeMap<String, i32>) {
        let mut world = self.0.lock().unwrap();
        world.0 += 1;
        world.1 = topics;
    }

    /// From now on targets stand for at least so many milliseconds.
    pub(crate) fn set_interval(&self, ms: i32) {
        self.0.lock().unwrap().2 = ms;
    }
}

/// The id of the topic of that name.
pub(crate) fn id(name: &str) -> u128 {
    name.bytes().fold(0, |id, byte| id << 8 | u128::from(byte))
}

/// The name of the topic of that id.
pub(crate) fn name(id: u128) -> String {
    let bytes = id.to_be_bytes().into_iter().filter(|byte| *byte != 0);
    String::from_utf8(bytes.collect()).unwrap()
}

impl Catalog for Topics {
    fn version(&self) -> i64 {
        self.0.lock().unwrap().0
    }

    fn topic(&self, name: &str) -> Option<Topic> {
        let partitions = *self.0.lock().unwrap().1.get(name)?;
        Some(Topic {
            name: Arc::from(name),
            id: id(name),
            partitions,
        })
    }

    fn topic_by_id(&self, id: u128) -> Option<Topic> {
        self.topic(&name(id))
    }

    /// An expression here is a prefix.
    fn matching(&self, expression: &str) -> Vec<Arc<str>> {
        let world = self.0.lock().unwrap();
        let names = world.1.keys().filter(|name| name.starts_with(expression));
        names.map(|name| Arc::from(name.as_str())).collect()
    }

    fn terms(&self, _: &str) -> Terms {
        Terms {
            assignment_interval_ms: self.0.lock().unwrap().2,
            ..Terms::default()
        }
    }
}
