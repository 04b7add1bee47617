//! Makes a queue: its settings as options, each of the name that it has as a setting.

use clap::{Args, ValueEnum};

use super::ask::Server;
use super::show::{Cell, Row};
use crate::error::Error;

/// A queue that is wished for. What is left out is as the server has it by default.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Its name.
    queue: String,
    /// How many partitions it has.
    #[arg(long, default_value_t = 1)]
    partitions: i32,
    /// The only group that may consume it (queue.group).
    #[arg(long)]
    group: Option<String>,
    /// How long a share consumer has for a message, in milliseconds (queue.visibility.timeout.ms).
    #[arg(long, value_name = "MS")]
    visibility_timeout_ms: Option<u64>,
    /// How often a message is delivered before it is dead (queue.delivery.count.limit).
    #[arg(long, value_name = "COUNT")]
    delivery_count_limit: Option<u32>,
    /// Where dead messages go (queue.dead.letter.topic).
    #[arg(long, value_name = "TOPIC")]
    dead_letter_topic: Option<String>,
    /// How long messages are held back, in milliseconds (queue.delay.ms).
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u64>,
    /// How many messages of a partition share consumers have at most (queue.max.in.flight).
    #[arg(long, value_name = "COUNT")]
    max_in_flight: Option<u32>,
    /// What share consumers get in order (queue.ordering).
    #[arg(long)]
    ordering: Option<Ordering>,
    /// Any other setting of a topic. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    assignments: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ordering {
    None,
    Key,
}

impl CreateArgs {
    fn settings(&self) -> Result<Vec<(&str, String)>, Error> {
        let number = |number: &Option<u32>| number.map(|number| number.to_string());
        let ms = |ms: &Option<u64>| ms.map(|ms| ms.to_string());
        let ordering = self.ordering.map(|ordering| match ordering {
            Ordering::None => "none".to_owned(),
            Ordering::Key => "key".to_owned(),
        });
        let options = [
            ("queue.enable", Some("true".to_owned())),
            ("queue.group", self.group.clone()),
            (
                "queue.visibility.timeout.ms",
                ms(&self.visibility_timeout_ms),
            ),
            (
                "queue.delivery.count.limit",
                number(&self.delivery_count_limit),
            ),
            ("queue.dead.letter.topic", self.dead_letter_topic.clone()),
            ("queue.delay.ms", ms(&self.delay_ms)),
            ("queue.max.in.flight", number(&self.max_in_flight)),
            ("queue.ordering", ordering),
        ];
        let options = options
            .into_iter()
            .filter_map(|(name, value)| Some(Ok((name, value?))));
        let more = self
            .assignments
            .iter()
            .map(|text| match text.split_once('=') {
                Some((name, value)) => Ok((name, value.to_owned())),
                None => Err(Error::NotAnAssignment(text.clone())),
            });
        options.chain(more).collect()
    }
}

/// Makes it.
///
/// # Errors
/// [`Error::Refused`], [`Error::Server`], [`Error::NotAnAssignment`].
pub(super) fn create(server: &mut Server, args: &CreateArgs) -> Result<Vec<Row>, Error> {
    let settings = args.settings()?;
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let partitions = server.create(&args.queue, args.partitions, &settings)?;
    Ok(vec![vec![
        ("queue", Cell::Text(args.queue.clone())),
        ("partitions", Cell::Count(partitions.into())),
    ]])
}
