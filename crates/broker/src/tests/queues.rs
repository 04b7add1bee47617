//! Topics that are queues: their settings, whose they are, and what their consumers see.

mod commits;
mod delay;
mod owner;
mod settings;

/// What makes a topic a queue.
const QUEUE: (&str, &str) = ("queue.enable", "true");
