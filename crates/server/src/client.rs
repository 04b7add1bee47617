//! A client, for commands that ask a running server: one request at a time over one connection.
//!
//! It asks the server that it was given and follows no one to another; there is one.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use millstream_wire::{
    ApiKey, Decode, Encode, RequestHeader, ResponseHeader, Version, decode_message, request_frame,
};

use crate::error::Error;

/// For connecting.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where a server listens that is told nothing else.
const DEFAULT_PORT: u16 = 9092;
/// More than any answer to what commands ask.
const LONGEST_ANSWER: u32 = 256 << 20;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    address: String,
    stream: TcpStream,
}

/// An answer that has come.
#[derive(Debug)]
pub(crate) struct Answer {
    address: String,
    bytes: Vec<u8>,
    api: ApiKey,
    version: Version,
}

impl Client {
    /// Connects to `address`, of which the port may be missing; answers may take as long as `patience`.
    ///
    /// # Errors
    /// [`Error::Server`] if nobody answers there.
    pub(crate) fn connect(address: &str, patience: Duration) -> Result<Self, Error> {
        let stream = connect(address, patience).map_err(|error| failed(address, &error))?;
        Ok(Self {
            address: address.to_owned(),
            stream,
        })
    }

    /// Asks `body` of `api` in `version`, which servers of any age have to speak, and waits for the answer.
    ///
    /// # Errors
    /// [`Error::Server`] if there is none.
    pub(crate) fn ask(
        &mut self,
        api: ApiKey,
        version: i16,
        body: &impl Encode,
    ) -> Result<Answer, Error> {
        let header = RequestHeader {
            api_key: api.key(),
            api_version: version,
            correlation_id: 0,
            client_id: Some("millstream"),
        };
        let request = request_frame(&header, body).to_bytes();
        let sent = self.stream.write_all(&request);
        let answered = sent.and_then(|()| receive(&mut self.stream));
        Ok(Answer {
            address: self.address.clone(),
            bytes: answered.map_err(|error| failed(&self.address, &error))?,
            api,
            version: api.encoding(version),
        })
    }
}

impl Answer {
    /// What it says.
    ///
    /// # Errors
    /// [`Error::Server`] if that is no answer to what was asked.
    pub(crate) fn read<'a, T: Decode<'a>>(&'a self) -> Result<T, Error> {
        ResponseHeader::decode(&self.bytes, self.api, self.version)
            .and_then(|(_, body)| decode_message(body, self.version))
            .map_err(|error| failed(&self.address, &error))
    }
}

fn failed(address: &str, reason: &impl ToString) -> Error {
    Error::Server {
        address: address.to_owned(),
        reason: reason.to_string(),
    }
}

fn connect(address: &str, patience: Duration) -> io::Result<TcpStream> {
    let target = with_port(address).to_socket_addrs()?.next();
    let target = target.ok_or_else(|| io::Error::other("the host has no address"))?;
    let stream = TcpStream::connect_timeout(&target, PATIENCE)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    Ok(stream)
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

/// The next frame, without its length. Memory grows with what arrives, not with what is announced.
fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_ANSWER {
        return Err(io::Error::other("the answer is not of the Kafka protocol"));
    }
    let mut frame = Vec::new();
    let read = stream.take(length.into()).read_to_end(&mut frame)?;
    match read == length as usize {
        true => Ok(frame),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
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
