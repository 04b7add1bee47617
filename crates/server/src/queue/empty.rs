//! Removes what is in a queue, or the queue itself.

use super::ask::{ALL, EARLIEST, Server};
use super::show::{Cell, Row};
use super::standing;
use crate::error::Error;

/// Removes every message that is there now.
///
/// # Errors
/// [`Error::Refused`], [`Error::Server`], [`Error::NoQueue`].
pub(super) fn purge(server: &mut Server, queue: &str) -> Result<Vec<Row>, Error> {
    let partitions = standing::find(server, queue)?.partitions;
    let before = server.offsets(queue, partitions, EARLIEST)?;
    let all = (0..partitions).map(|partition| (partition, ALL));
    let after = server.delete_records(queue, all)?;
    let removed = before
        .iter()
        .zip(after)
        .map(|(before, after)| after - before.offset);
    Ok(vec![vec![
        ("queue", Cell::Text(queue.to_owned())),
        ("removed", Cell::Count(removed.sum())),
    ]])
}

/// Removes it with all its messages.
///
/// # Errors
/// [`Error::Refused`], [`Error::Server`], [`Error::NoQueue`].
pub(super) fn delete(server: &mut Server, queue: &str) -> Result<Vec<Row>, Error> {
    standing::find(server, queue)?;
    server.delete(queue)?;
    Ok(vec![vec![("deleted", Cell::Text(queue.to_owned()))]])
}
