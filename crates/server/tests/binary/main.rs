//! The real binary: its command line, its signals and what it says.

#[cfg(test)]
mod client;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod life;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod support;
