//! What is written down of a state, in terms of this crate.

use crate::Span;

/// What a message has come to, as far as a restart has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is there to be handed out.
    Available,
    /// It was worked off.
    Acknowledged,
    /// It was given up.
    Archived,
}

/// One durable change. A later change of the same offsets replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The messages.
    pub span: Span,
    /// What they have come to.
    pub fate: Fate,
    /// How often they have been handed out.
    pub deliveries: u16,
}
