//! Asks a server whether it answers: one ApiVersions request, for health checks.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use millstream_wire::api::api_versions::{Request, Response};
use millstream_wire::{
    ApiKey, ErrorCode, RequestHeader, ResponseHeader, Version, decode_message, request_frame,
};

use crate::error::Error;

/// For connecting, and again for the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where a server listens that is told nothing else.
const DEFAULT_PORT: u16 = 9092;
/// More than any answer to ApiVersions.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Prints how fast the server at `address` answered.
///
/// # Errors
/// When it does not, or not as a server of this protocol does.
pub(crate) fn run(address: &str) -> Result<(), Error> {
    let fail = |reason: String| Error::Ping {
        address: address.to_owned(),
        reason,
    };
    let begun = Instant::now();
    let apis = ask(address).map_err(|error| fail(error.to_string()))?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    writeln!(
        io::stdout(),
        "{address} answered in {took:.1} ms and serves {apis} APIs"
    )
    .map_err(|error| fail(error.to_string()))
}

/// How many APIs the server offers.
fn ask(address: &str) -> io::Result<usize> {
    let target = with_port(address).to_socket_addrs()?.next();
    let target = target.ok_or_else(|| io::Error::other("the host has no address"))?;
    let mut stream = TcpStream::connect_timeout(&target, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&request())?;
    count(&answer(&mut stream)?).map_err(io::Error::other)
}

/// The address with the default port, unless it names one.
fn with_port(address: &str) -> String {
    let port = address
        .rsplit_once(':')
        .map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) => address.to_owned(),
        _ => format!("{address}:{DEFAULT_PORT}"),
    }
}

fn request() -> Vec<u8> {
    let header = RequestHeader {
        api_key: ApiKey::ApiVersions as i16,
        api_version: 0,
        correlation_id: 1,
        client_id: Some("millstream-ping"),
    };
    request_frame(&header, &Request::default())
        .to_bytes()
        .to_vec()
}

fn answer(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST_ANSWER {
        return Err(io::Error::other("the answer is not of the Kafka protocol"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn count(answer: &[u8]) -> Result<usize, String> {
    let version = Version::classic(0);
    let (_, body) = ResponseHeader::decode(answer, ApiKey::ApiVersions, version)
        .map_err(|error| error.to_string())?;
    let response: Response<'_> =
        decode_message(body, version).map_err(|error| error.to_string())?;
    match response.error_code {
        ErrorCode::NONE => Ok(response.api_keys.len()),
        code => Err(code.name().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out() {
        let check = |address, expected| assert_eq!(with_port(address), expected);
        check("localhost", "localhost:9092");
        check("localhost:1", "localhost:1");
        check("[::1]", "[::1]:9092");
        check("[::1]:1", "[::1]:1");
    }
}
