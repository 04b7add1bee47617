//! Why an acknowledgement is refused.

use std::fmt;

use crate::Span;

/// Some of the messages are not held by who acknowledges them: they were never given to it, are
/// acknowledged already, have gone back to the queue, or were named twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotHeld(
    /// What was to be acknowledged.
    pub Span,
);

impl fmt::Display for NotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { first, last } = self.0;
        write!(
            f,
            "not all messages from {first} to {last} are held by this member"
        )
    }
}

impl std::error::Error for NotHeld {}
