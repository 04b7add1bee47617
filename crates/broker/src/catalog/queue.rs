//! What makes a topic a queue, as far as that depends on its records and on other topics.
//!
//! Pure: it looks at the catalog's state and at how long partitions are, and changes nothing.

use std::sync::Arc;

use super::name::{METADATA, is_internal, validate};
use super::state::State;
use super::topic::Topic;
use crate::Error;
use crate::config::{InvalidConfig, TopicConfig};

/// Refuses a configuration that the topic `name`, which need not be there yet, cannot have.
///
/// # Errors
/// [`Error::Config`] names the setting and its value.
pub(super) fn check(state: &State, name: &str, wanted: &TopicConfig) -> Result<(), Error> {
    check_switch(state.topic(name), wanted.queue_enable)?;
    if !wanted.queue_enable {
        return Ok(());
    }
    if is_internal(name) {
        return Err(switch(true, "false on a topic of the broker's own"));
    }
    match &wanted.queue_dead_letter_topic {
        Some(dead_letters) => check_dead_letters(state, name, dead_letters),
        None => Ok(()),
    }
}

/// A topic with records stays what it is: nobody who reads it is to lose records that others acknowledge.
fn check_switch(topic: Option<&Arc<Topic>>, enable: bool) -> Result<(), Error> {
    match topic {
        Some(topic) if topic.config().queue_enable != enable && !topic.is_empty() => {
            let allowed = format!("{} as long as the topic has records", !enable);
            Err(switch(enable, &allowed))
        }
        _ => Ok(()),
    }
}

fn switch(value: bool, allowed: &str) -> Error {
    refusal("queue.enable", &value.to_string(), allowed)
}

/// Dead letters go to a topic that clients may make, and never back to the queue that they come from.
fn check_dead_letters(state: &State, queue: &str, dead_letters: &str) -> Result<(), Error> {
    let refused = |allowed: &str| {
        let allowed = format!("{allowed}, or nothing");
        Err(refusal("queue.dead.letter.topic", dead_letters, &allowed))
    };
    if let Err(error) = validate(dead_letters) {
        return refused(&format!("the name of a topic ({error})"));
    }
    if is_internal(dead_letters) || dead_letters == METADATA {
        return refused("a topic that is not the broker's own");
    }
    if is_on_the_way(state, dead_letters, queue) {
        return refused(&format!(
            "a topic whose dead letters never come back to {queue:?}"
        ));
    }
    Ok(())
}

/// Whether what dies in `from` gets to the topic `name`, over however many queues.
fn is_on_the_way(state: &State, from: &str, name: &str) -> bool {
    // The settings in force have no ring, so that their chain is no longer than there are topics.
    let next = |at: &&str| {
        let config = state.topic(at)?.config();
        config
            .queue_dead_letter_topic
            .as_deref()
            .filter(|_| config.queue_enable)
    };
    std::iter::successors(Some(from), next)
        .take(state.by_name.len() + 1)
        .any(|at| at == name)
}

fn refusal(name: &'static str, value: &str, allowed: &str) -> Error {
    Error::Config(InvalidConfig::Value {
        name,
        value: value.to_owned(),
        allowed: allowed.to_owned(),
    })
}
