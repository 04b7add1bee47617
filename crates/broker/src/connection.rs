//! What a handler may know about who is asking.

use std::net::SocketAddr;
use std::sync::OnceLock;

use millstream_wire::{ApiKey, RequestHeader, Version};

/// Where clients reach this broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name of the listener, such as `PLAINTEXT`.
    pub listener: String,
    /// Host name or address, as a client resolves it.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// One client connection, for as long as it lives.
#[derive(Debug)]
pub struct ConnectionContext {
    /// The client's address.
    pub peer: SocketAddr,
    /// What clients of the listener that accepted this connection are told to connect to.
    pub advertised: Endpoint,
    software: OnceLock<ClientSoftware>,
}

/// What a client calls itself when it asks for the versions of the APIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSoftware {
    /// Name of the library.
    pub name: String,
    /// Version of the library.
    pub version: String,
}

impl ConnectionContext {
    /// A connection from `peer`, accepted by the listener that advertises `advertised`.
    #[must_use]
    pub fn new(peer: SocketAddr, advertised: Endpoint) -> Self {
        Self {
            peer,
            advertised,
            software: OnceLock::new(),
        }
    }

    /// The client's library, once it has introduced itself.
    pub fn software(&self) -> Option<&ClientSoftware> {
        self.software.get()
    }

    /// Remembers the client's library; the first introduction counts.
    pub(crate) fn introduce(&self, name: &str, version: &str) {
        self.software.get_or_init(|| ClientSoftware {
            name: name.to_owned(),
            version: version.to_owned(),
        });
    }
}

/// One request, apart from its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    /// Which API is asked for.
    pub(crate) api: ApiKey,
    /// The request's header.
    pub(crate) header: RequestHeader<'a>,
    /// Version of the request, and so of its response.
    pub(crate) version: Version,
    /// Who asks.
    pub(crate) connection: &'a ConnectionContext,
}

impl<'a> RequestContext<'a> {
    /// The client id as sent; empty when there is none.
    pub(crate) fn client_id(&self) -> &'a str {
        self.header.client_id.unwrap_or_default()
    }

    /// What the log says beside everything that happens for this request.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::debug_span!(
            "request",
            api = self.api.name(),
            version = self.version.n,
            client = self.client_id(),
            peer = %self.connection.peer,
        )
    }
}
