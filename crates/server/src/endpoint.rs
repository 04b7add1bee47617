//! Where the server listens and what it tells clients to connect to.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use millstream_broker::Endpoint;
use millstream_broker::config::{BrokerConfig, Listener};
use tokio::net::TcpListener;

use crate::error::Error;

/// A bound socket with its name and what is advertised for it.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Accepts connections.
    pub(crate) socket: TcpListener,
    /// The address it was bound to, with the port that the system picked if it was to.
    pub(crate) address: SocketAddr,
    advertise: Advertise,
}

/// What clients are told to connect to.
#[derive(Debug, Clone)]
struct Advertise {
    listener: String,
    /// `None` stands for the address that the client came in on.
    host: Option<String>,
    port: u16,
}

impl Bound {
    /// What the client of a connection is told, that came in on the address `local`.
    pub(crate) fn endpoint(&self, local: SocketAddr) -> Endpoint {
        let Advertise {
            listener,
            host,
            port,
        } = self.advertise.clone();
        let host = host.unwrap_or_else(|| local.ip().to_canonical().to_string());
        Endpoint {
            listener,
            host,
            port,
        }
    }
}

/// Binds every listener.
///
/// # Errors
/// With the listener that cannot be bound and why.
pub(crate) async fn bind(config: &BrokerConfig) -> Result<Vec<Bound>, Error> {
    let mut all = Vec::new();
    for listener in config.listeners.iter() {
        let bound = bind_one(listener, config).await;
        all.push(bound.map_err(|reason| Error::Listen {
            listener: listener.to_string(),
            reason,
        })?);
    }
    Ok(all)
}

async fn bind_one(listener: &Listener, config: &BrokerConfig) -> io::Result<Bound> {
    let socket = if listener.host.is_empty() {
        bind_everywhere(listener.port).await?
    } else {
        TcpListener::bind((listener.host.as_str(), listener.port)).await?
    };
    let address = socket.local_addr()?;
    let told = config
        .advertised_listeners
        .as_ref()
        .and_then(|all| all.named(&listener.name));
    let shown = told.unwrap_or(listener);
    let advertise = Advertise {
        listener: listener.name.clone(),
        host: (!shown.is_wildcard()).then(|| shown.host.clone()),
        port: if shown.port == 0 {
            address.port()
        } else {
            shown.port
        },
    };
    Ok(Bound {
        socket,
        address,
        advertise,
    })
}

/// IPv6 takes IPv4 along, where the system has it.
async fn bind_everywhere(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        bound => bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_broker::config::Settings;

    async fn check(listeners: &str, advertised: &str, local: &str, expected: (&str, Option<u16>)) {
        let mut settings = Settings::default();
        settings
            .set(BrokerConfig::TABLE, "listeners", listeners)
            .unwrap();
        settings
            .set(BrokerConfig::TABLE, "advertised.listeners", advertised)
            .unwrap();
        let config = BrokerConfig::resolve(settings).unwrap();
        let bound = &bind(&config).await.unwrap()[0];
        let endpoint = bound.endpoint(local.parse().unwrap());
        let port = expected.1.unwrap_or(bound.address.port());
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port),
            (expected.0, port),
            "{listeners}"
        );
    }

    #[tokio::test]
    async fn clients_are_told_an_address_that_they_can_reach() {
        check("A://127.0.0.1:0", "", "127.0.0.1:5", ("127.0.0.1", None)).await;
        check("A://:0", "", "[::ffff:10.1.2.3]:5", ("10.1.2.3", None)).await;
        check("A://0.0.0.0:0", "", "10.1.2.3:5", ("10.1.2.3", None)).await;
        check("A://0.0.0.0:0", "A://logs:0", "10.1.2.3:5", ("logs", None)).await;
        check(
            "A://0.0.0.0:0",
            "A://logs:9092",
            "10.1.2.3:5",
            ("logs", Some(9092)),
        )
        .await;
    }
}
