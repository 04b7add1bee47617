//! IncrementalAlterConfigs: changes the settings named and leaves the others alone.

use std::borrow::Cow;
use std::collections::HashMap;

use millstream_wire::api::incremental_alter_configs::{
    Config, Request, Resource, ResourceResult, Response,
};

use super::resources::{Alteration, Operation};
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut times = HashMap::new();
    for resource in &request.resources {
        *times
            .entry((resource.resource_type, resource.resource_name))
            .or_insert(0) += 1;
    }
    let mut responses = Vec::with_capacity(times.len());
    for resource in &request.resources {
        let outcome = match times.remove(&(resource.resource_type, resource.resource_name)) {
            Some(1) => alter(broker, resource, request.validate_only).await,
            Some(_) => Err(Error::InvalidRequest(
                "a resource is named more than once".to_owned(),
            )),
            None => continue,
        };
        let (error_code, error_message) = report(outcome.err().as_ref());
        responses.push(ResourceResult {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: Cow::Borrowed(resource.resource_name),
        });
    }
    Response {
        responses,
        ..Response::default()
    }
}

async fn alter(broker: &Broker, resource: &Resource<'_>, validate_only: bool) -> Result<(), Error> {
    let alteration = Alteration {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.to_owned(),
        incremental: true,
        operations: resource
            .configs
            .iter()
            .map(operation)
            .collect::<Result<_, _>>()?,
    };
    alteration.carry_out(broker, validate_only).await
}

fn operation(config: &Config<'_>) -> Result<(String, Operation), Error> {
    let value = || {
        let missing = || Error::InvalidRequest(format!("{} has no value", config.name));
        config.value.map(str::to_owned).ok_or_else(missing)
    };
    let operation = match config.config_operation {
        0 => Operation::Set(value()?),
        1 => Operation::Delete,
        2 => Operation::Append(value()?),
        3 => Operation::Subtract(value()?),
        other => return Err(Error::InvalidRequest(format!("unknown operation {other}"))),
    };
    Ok((config.name.to_owned(), operation))
}
