//! What stands before the body of a request and of a response.
//!
//! Two oddities are Kafka's: the client id keeps its classic form even in a flexible header, and
//! the response to ApiVersions never has a flexible header, since a client reads it before it knows
//! what the broker speaks.

use bytes::BufMut;

use crate::decode::finish;
use crate::tags::decode_tags;
use crate::{ApiKey, Decode, Encode, Encoder, Error, Frame, Parsed, Version};

/// The header of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// Which API; see [`ApiKey`].
    pub api_key: i16,
    /// Which version of it the body and the response use.
    pub api_version: i16,
    /// Repeated in the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<&'a str>,
}

impl<'a> RequestHeader<'a> {
    /// Reads the header from a frame without its length prefix; returns it and the body.
    ///
    /// The version is not checked: an ApiVersions request of any version has an answer. Fails for
    /// an unknown key, whose header has a form that nobody can know.
    pub fn decode(frame: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        finish(Self::parse(frame).map(|(body, header)| (body, (header, body))))
    }

    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        const CLASSIC: Version = Version::classic(1);
        let (input, api_key) = i16::decode(input, CLASSIC)?;
        let (input, api_version) = i16::decode(input, CLASSIC)?;
        let (input, correlation_id) = i32::decode(input, CLASSIC)?;
        let Some(api) = ApiKey::from_i16(api_key) else {
            return Err(nom::Err::Failure(Error::UnknownApiKey(api_key)));
        };
        let (input, client_id) = Option::decode(input, CLASSIC)?;
        let (input, ()) = decode_tags(input, api.encoding(api_version), |_, _| Ok(()))?;
        let header = Self {
            api_key,
            api_version,
            correlation_id,
            client_id,
        };
        Ok((input, header))
    }
}

/// A whole response, ready to be sent.
pub fn response_frame(
    api: ApiKey,
    version: Version,
    correlation_id: i32,
    body: &impl Encode,
) -> Frame {
    let mut out = Encoder::new();
    out.buffer().put_u32(0);
    out.buffer().put_i32(correlation_id);
    if version.flexible && api != ApiKey::ApiVersions {
        out.put_uvarint(0);
    }
    body.encode(&mut out, version);
    out.into_frame()
}

/// A whole request, ready to be sent. The header's key and version say how the body is encoded.
#[cfg(feature = "client")]
pub fn request_frame(header: &RequestHeader<'_>, body: &impl Encode) -> Frame {
    let version = ApiKey::from_i16(header.api_key)
        .map_or(Version::classic(header.api_version), |api| {
            api.encoding(header.api_version)
        });
    let mut out = Encoder::new();
    out.buffer().put_u32(0);
    out.buffer().put_i16(header.api_key);
    out.buffer().put_i16(header.api_version);
    out.buffer().put_i32(header.correlation_id);
    header.client_id.encode(&mut out, Version::classic(1));
    if version.flexible {
        out.put_uvarint(0);
    }
    body.encode(&mut out, version);
    out.into_frame()
}

/// The header of a response.
#[cfg(feature = "client")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// That of the request.
    pub correlation_id: i32,
}

#[cfg(feature = "client")]
impl ResponseHeader {
    /// Reads the header from a frame without its length prefix; returns it and the body.
    pub fn decode(frame: &[u8], api: ApiKey, version: Version) -> Result<(Self, &[u8]), Error> {
        let flexible = version.flexible && api != ApiKey::ApiVersions;
        let header = Version {
            flexible,
            ..version
        };
        let parsed = i32::decode(frame, header).and_then(|(input, correlation_id)| {
            let (body, ()) = decode_tags(input, header, |_, _| Ok(()))?;
            Ok((body, (Self { correlation_id }, body)))
        });
        finish(parsed)
    }
}
