//! A bare connection: frames that no client would send, and answers down to their bytes.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use millstream_wire::api::metadata;
use millstream_wire::{
    ApiKey, Decode, Encode, ErrorCode, RequestHeader, ResponseHeader, Uuid, Version,
    decode_message, request_frame,
};

use crate::clients::PATIENCE;

/// A connection that asks one thing at a time, or sends whatever it is told.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens at `address`.
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).expect("the server accepts connections")
    }

    /// Connects to a server that may be away.
    ///
    /// # Errors
    /// When nobody listens at `address`.
    pub fn try_open(address: SocketAddr) -> io::Result<Self> {
        Ok(TcpStream::connect(address)?.into())
    }

    /// Its own port, by which the server's log names it.
    ///
    /// # Panics
    /// When the connection was never made.
    pub fn port(&self) -> u16 {
        self.stream
            .local_addr()
            .expect("a connection has an address")
            .port()
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the server has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next frame, without its length.
    ///
    /// # Errors
    /// `UnexpectedEof` when the server closes the connection, which a reset is taken for as well; `WouldBlock` when
    /// nothing comes in time.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.read(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.read(&mut frame)?;
        Ok(frame)
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream
            .read_exact(bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionReset => io::ErrorKind::UnexpectedEof.into(),
                _ => error,
            })
    }

    /// Returns when the server has closed the connection, without having answered.
    ///
    /// # Panics
    /// When it answers, or keeps the connection open for longer than a client waits.
    pub fn wait_for_close(&mut self) {
        let end = self.receive().map_err(|error| error.kind());
        assert_eq!(
            end,
            Err(io::ErrorKind::UnexpectedEof),
            "the server closes the connection"
        );
    }

    /// Asks `body` of `api` in `version`, and returns the answer.
    ///
    /// # Panics
    /// When there is none, or one to another question.
    pub fn ask(&mut self, api: ApiKey, version: i16, body: &impl Encode) -> Answer {
        self.try_ask(api, version, body)
            .unwrap_or_else(|error| panic!("{api} {version}: {error}"))
    }

    /// The same of a server that may go away meanwhile.
    ///
    /// # Errors
    /// Those of [`send`](Self::send) and [`receive`](Self::receive).
    ///
    /// # Panics
    /// When the answer is one to another question.
    pub fn try_ask(&mut self, api: ApiKey, version: i16, body: &impl Encode) -> io::Result<Answer> {
        self.send(&request(api, version, body))?;
        self.answer(api, version)
    }

    /// The id of a topic.
    ///
    /// # Panics
    /// When the server does not answer, or has no such topic.
    pub fn topic_id(&mut self, topic: &str) -> Uuid {
        let topic = metadata::Topic {
            name: Some(topic),
            ..Default::default()
        };
        let request = metadata::Request {
            topics: Some(vec![topic]),
            ..Default::default()
        };
        let answer = self.ask(ApiKey::Metadata, 12, &request);
        let found = answer.decode::<metadata::Response<'_>>().topics.remove(0);
        assert_eq!(found.error_code, ErrorCode::NONE, "{found:?}");
        found.topic_id
    }

    /// The answer to the oldest [`request`] that was sent and not answered, which was of `api` in `version`.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive).
    ///
    /// # Panics
    /// When it is an answer to another question.
    pub fn answer(&mut self, api: ApiKey, version: i16) -> io::Result<Answer> {
        let frame = self.receive()?;
        let version = api.encoding(version);
        let (header, body) = ResponseHeader::decode(&frame, api, version).expect("a header");
        assert_eq!(header.correlation_id, CORRELATION, "the answer to {api}");
        Ok(Answer {
            body: body.to_vec(),
            version,
        })
    }
}

impl From<TcpStream> for Connection {
    fn from(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit can be set");
        stream
            .set_nodelay(true)
            .expect("Nagle's algorithm can be switched off");
        Self { stream }
    }
}

const CORRELATION: i32 = 0x7e57;

/// A whole request, with its length.
pub fn request(api: ApiKey, version: i16, body: &impl Encode) -> Vec<u8> {
    let header = RequestHeader {
        api_key: api.key(),
        api_version: version,
        correlation_id: CORRELATION,
        client_id: Some("raw"),
    };
    request_frame(&header, body).to_bytes().to_vec()
}

/// The body of a response.
#[derive(Debug)]
pub struct Answer {
    body: Vec<u8>,
    version: Version,
}

impl Answer {
    /// What it says.
    ///
    /// # Panics
    /// When it is not a response of the type asked for.
    pub fn decode<'a, T: Decode<'a>>(&'a self) -> T {
        decode_message(&self.body, self.version).expect("a response that can be read")
    }
}
