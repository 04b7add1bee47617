//! From requests to the domain: dispatcher, topics, coordinators, handlers.

pub mod config;
