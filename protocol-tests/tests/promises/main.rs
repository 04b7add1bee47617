//! What Millstream promises to a client, each promise kept by a test with librdkafka against the real binary.
//!
//! One module per promise; each test has a server of its own.

#[cfg(test)]
mod administration;
#[cfg(test)]
mod bank;
#[cfg(test)]
mod content;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod history;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod idempotence;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod time;
