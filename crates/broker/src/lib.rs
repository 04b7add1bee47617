//! From requests to the domain: dispatcher, topics, coordinators, handlers.
//!
//! [`Broker::dispatch`] takes a frame and gives back a frame. `api` holds one file for each API and the one list
//! that joins them with the wire; `catalog` knows the topics, `groups` who reads them; `config` declares every setting. This crate is the
//! only one that knows both the wire and the store. It opens no socket and no file.

mod answer_memory;
mod api;
mod aside;
mod broker;
pub mod catalog;
pub mod config;
mod connection;
mod coordinator;
mod dispatch;
mod environment;
mod error;
mod features;
mod fetch_sessions;
mod groups;
mod producer_ids;
mod queues;
mod quotas;
mod resource_type;
mod scram;
mod shares;
mod topic_key;
mod transactions;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use broker::Broker;
pub use catalog::{Catalog, Topic};
pub use connection::{ClientSoftware, ConnectionContext, Endpoint};
pub use dispatch::{CloseReason, Outcome, Pending};
pub use environment::Environment;
pub use error::Error;
