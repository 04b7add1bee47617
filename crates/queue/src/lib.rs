//! What has become of each message of a partition, for the one group that works it off.
//!
//! [`Deliveries`] is the whole state of one group in one partition:
//!
//! ```text
//!              acquire                  accept, gap
//!  available ──────────► acquired ──────────────────────► acknowledged
//!      ▲                  │   │
//!      └──────────────────┘   └──────────────► dying ───► archived
//!   release, time-out, with     reject, or no     buried
//!   deliveries left             deliveries left
//! ```
//!
//! Messages are kept in runs of neighbours that share their state, so that memory grows with what is
//! in flight and what is out of order, and never with what waits. Below [`Deliveries::start`] all is
//! finished, from [`Deliveries::end`] on nothing was looked at yet.
//!
//! Whatever must survive is handed back as [`Change`]s; [`Deliveries::apply`] takes them in again.
//! Who has a message, and until when, dies with the process on purpose: such a message is available
//! again after a restart.
//!
//! Nothing here does I/O, reads a clock or knows a wire protocol. Moments are milliseconds on one
//! clock of the caller's choice that never goes back.

mod acquire;
mod change;
mod deliveries;
mod error;
mod keys;
mod run;
mod runs;
mod settle;
mod span;

pub use acquire::{Acquired, Candidate, Demand};
pub use change::{Change, Fate};
pub use deliveries::{Counts, Deliveries, Limits};
pub use error::NotHeld;
pub use run::{Attempts, Cause};
pub use settle::{Dying, Verdict};
pub use span::Span;

use std::sync::Arc;

/// Names who has a message. Shared, because many runs carry it.
pub type Consumer = Arc<str>;
