//! Asks a server whether it answers: one ApiVersions request, for health checks.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use millstream_wire::api::api_versions::{Request, Response};
use millstream_wire::{ApiKey, ErrorCode};

use crate::client::Client;
use crate::error::Error;

/// For the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints how fast the server at `address` answered.
///
/// # Errors
/// When it does not, or not as a server of this protocol does.
pub(crate) fn run(address: &str) -> Result<(), Error> {
    let begun = Instant::now();
    let apis = ask(address)?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let said = writeln!(
        io::stdout(),
        "{address} answered in {took:.1} ms and serves {apis} APIs"
    );
    said.map_err(Error::Print)
}

/// How many APIs the server offers.
fn ask(address: &str) -> Result<usize, Error> {
    let mut server = Client::connect(address, PATIENCE)?;
    let answer = server.ask(ApiKey::ApiVersions, 0, &Request::default())?;
    let response: Response<'_> = answer.read()?;
    match response.error_code {
        ErrorCode::NONE => Ok(response.api_keys.len()),
        code => Err(Error::Server {
            address: address.to_owned(),
            reason: code.name().to_owned(),
        }),
    }
}
