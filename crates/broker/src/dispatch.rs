//! From a frame to its answer: the header is read and judged here, the rest is the handler's.
//!
//! A request is decoded and its response encoded in this place only. Nothing here knows what any API does.

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::future::{BoxFuture, ready};
use millstream_wire::{ApiKey, Frame, RequestHeader, Version};

use crate::api::{self, api_versions};
use crate::connection::{ConnectionContext, RequestContext};
use crate::{Broker, Error};

/// What becomes of a request: a frame, silence (a produce that asked for no acknowledgement), or the end of
/// the connection.
pub type Outcome = Result<Option<Frame>, CloseReason>;

/// A request that has passed its ordered first stage.
pub struct Pending {
    /// Whether the connection's next frame may be dispatched before this one is answered.
    pub pipeline: bool,
    /// The answer. Answers are sent in the order of their requests.
    pub response: BoxFuture<'static, Outcome>,
}

impl Pending {
    /// An answer that the connection's next frame has to wait for.
    pub(crate) fn serial(response: BoxFuture<'static, Outcome>) -> Self {
        Self {
            pipeline: false,
            response,
        }
    }

    /// An answer that is there already.
    pub(crate) fn settled(outcome: Outcome) -> Self {
        Self::serial(Box::pin(ready(outcome)))
    }
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
pub enum CloseReason {
    /// The frame does not begin with the header of a request that is served.
    #[error("bad request header: {0}")]
    Header(#[source] millstream_wire::Error),
    /// The version lies outside what is served.
    #[error("{} version {version} is not served", .api.name())]
    UnsupportedVersion {
        /// The API asked for.
        api: ApiKey,
        /// The version asked for.
        version: i16,
    },
    /// The body is not a request of that API and version.
    #[error("malformed {} request, version {version}: {source}", .api.name())]
    Malformed {
        /// The API asked for.
        api: ApiKey,
        /// The version asked for.
        version: i16,
        /// Where decoding stopped.
        source: millstream_wire::Error,
    },
    /// A request about more partitions than any client has.
    #[error("{} of {count} partitions exceeds the allowed {limit}", .api.name())]
    TooManyPartitions {
        /// The API asked for.
        api: ApiKey,
        /// Partitions in the request.
        count: usize,
        /// Partitions allowed.
        limit: usize,
    },
    /// A produce that no answer can report on has failed.
    #[error("unacknowledged produce failed: {0}")]
    Unacknowledged(#[source] Error),
}

/// A request whose API and version are served, with everything needed to answer it.
pub(crate) struct Incoming {
    pub(crate) broker: Arc<Broker>,
    pub(crate) connection: Arc<ConnectionContext>,
    pub(crate) api: ApiKey,
    pub(crate) version: Version,
    /// Header and body, without the length prefix.
    pub(crate) frame: BytesMut,
}

impl Incoming {
    /// The request apart from its body, and its body.
    pub(crate) fn open(&self) -> Result<(RequestContext<'_>, &[u8]), CloseReason> {
        let (header, body) = RequestHeader::decode(&self.frame).map_err(CloseReason::Header)?;
        let context = RequestContext {
            api: self.api,
            header,
            version: self.version,
            connection: &self.connection,
        };
        Ok((context, body))
    }

    /// Why the connection of a request with a malformed body is closed.
    pub(crate) fn malformed(&self, source: millstream_wire::Error) -> CloseReason {
        CloseReason::Malformed {
            api: self.api,
            version: self.version.n,
            source,
        }
    }
}

impl Broker {
    /// Takes one request in. Runs the ordered first stage before it returns, so that calls in the order of
    /// the frames keep their effects in that order.
    ///
    /// `frame` is a whole request without its length prefix.
    pub fn dispatch(
        self: &Arc<Self>,
        connection: &Arc<ConnectionContext>,
        frame: BytesMut,
    ) -> Pending {
        match admit(&frame) {
            Ok(Admission::Serve(api, version)) => api::serve(Incoming {
                broker: Arc::clone(self),
                connection: Arc::clone(connection),
                api,
                version,
                frame,
            }),
            Ok(Admission::TeachVersions(frame)) => Pending::settled(Ok(Some(frame))),
            Err(reason) => Pending::settled(Err(reason)),
        }
    }
}

enum Admission {
    /// The request has a handler.
    Serve(ApiKey, Version),
    /// The request asks for versions in a version of its own that is not known: the answer to it is.
    TeachVersions(Frame),
}

fn admit(frame: &[u8]) -> Result<Admission, CloseReason> {
    let (header, _) = RequestHeader::decode(frame).map_err(CloseReason::Header)?;
    let api = ApiKey::from_i16(header.api_key).ok_or(CloseReason::Header(
        millstream_wire::Error::UnknownApiKey(header.api_key),
    ))?;
    match api.version(header.api_version) {
        Some(version) => Ok(Admission::Serve(api, version)),
        None if api == ApiKey::ApiVersions => Ok(Admission::TeachVersions(
            api_versions::unsupported(header.correlation_id),
        )),
        None => Err(CloseReason::UnsupportedVersion {
            api,
            version: header.api_version,
        }),
    }
}
