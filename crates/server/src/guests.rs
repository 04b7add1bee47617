//! Who is connected: how many at once, and how many from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_broker::config::BrokerConfig;
use tracing::info;

use crate::error::Error;

/// Counts connections against their bounds.
#[derive(Debug)]
pub(crate) struct Guests {
    max: usize,
    max_per_ip: usize,
    here: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    guests: Arc<Guests>,
    ip: IpAddr,
}

impl Guests {
    /// Nobody is here yet. The bounds are the configured ones, where there are `files` for that many.
    pub(crate) fn new(config: &BrokerConfig, files: usize) -> Arc<Self> {
        let count = |setting: i32| usize::try_from(setting).unwrap_or_default();
        let max = count(config.max_connections).min(files);
        if max < count(config.max_connections) {
            info!("max.connections is {max}: that leaves data a part of the open files allowed");
        }
        Self::bounded(max, count(config.max_connections_per_ip))
    }

    fn bounded(max: usize, max_per_ip: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_ip,
            here: Mutex::default(),
        })
    }

    /// A place for a connection from `ip`.
    ///
    /// # Errors
    /// With the bound that leaves no place.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<Place, Error> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let refuse = |max, setting| Err(Error::TooManyConnections { max, setting });
        if here.values().sum::<usize>() >= self.max {
            return refuse(self.max, "max.connections");
        }
        let from_ip = here.entry(ip).or_default();
        if *from_ip >= self.max_per_ip {
            return refuse(self.max_per_ip, "max.connections.per.ip");
        }
        *from_ip += 1;
        Ok(Place {
            guests: Arc::clone(self),
            ip,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut here = self
            .guests
            .here
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(from_ip) = here.get_mut(&self.ip) {
            *from_ip -= 1;
            if *from_ip == 0 {
                here.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_broker::config::Settings;

    #[test]
    fn there_are_no_more_places_than_files() {
        let config = BrokerConfig::resolve(Settings::default()).unwrap();
        assert_eq!(Guests::new(&config, 700).max, 700);
        assert_eq!(Guests::new(&config, usize::MAX).max, 2_147_483_647);
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let guests = Guests::bounded(3, 2);
        let ip = |last: u8| IpAddr::from([127, 0, 0, last]);
        let first = guests.admit(ip(1)).unwrap();
        let _second = guests.admit(ip(1)).unwrap();
        let error = guests.admit(ip(1)).unwrap_err().to_string();
        assert_eq!(
            error,
            "there are already 2 connections (max.connections.per.ip)"
        );
        let _third = guests.admit(ip(2)).unwrap();
        let error = guests.admit(ip(3)).unwrap_err().to_string();
        assert_eq!(error, "there are already 3 connections (max.connections)");
        drop(first);
        guests.admit(ip(1)).unwrap();
    }
}
