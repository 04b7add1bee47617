//! The coordinator's promises, as scripts of `event => what comes of it`.
//!
//! The language of the scripts is described in `script.rs`. Source of the rules: Apache Kafka 4.3,
//! `GroupMetadataManager`, `ClassicGroup`, `OffsetMetadataManager`; the KIPs that are named.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod admin;
mod consumer_script;
mod consumer_walk;
mod consumers;
mod join;
mod leave;
mod migration;
mod offsets;
mod recovery;
mod script;
mod sessions;
mod share_script;
mod shares;
mod static_members;
mod sync;
mod tell;
mod walk;
mod world;
