//! IncrementalAlterConfigs: changes the settings named and leaves the others alone.

use std::borrow::Cow;

use millstream_wire::api::incremental_alter_configs::{
    Config, Request, Resource, ResourceResult, Response,
};

use super::distinct::distinct;
use super::resources::{Alteration, Operation};
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let mut responses = Vec::with_capacity(request.resources.len());
    let key = |resource: &Resource<'a>| (resource.resource_type, resource.resource_name);
    for (resource, judged) in distinct(&request.resources, key) {
        let outcome = match judged.and_then(|()| alteration(resource)) {
            Ok(alteration) => alteration.carry_out(broker, request.validate_only).await,
            Err(error) => Err(error),
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

fn alteration(resource: &Resource<'_>) -> Result<Alteration, Error> {
    let operations = resource.configs.iter().map(operation);
    Ok(Alteration {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.to_owned(),
        incremental: true,
        operations: operations.collect::<Result<_, _>>()?,
    })
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
