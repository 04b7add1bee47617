//! AlterConfigs: makes the settings named all that is set on a resource.

use std::borrow::Cow;

use millstream_wire::api::alter_configs::{Request, Resource, ResourceResult, Response};

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
    let operation = |name: &str, value: Option<&str>| match value {
        Some(value) => Ok((name.to_owned(), Operation::Set(value.to_owned()))),
        None => Err(Error::InvalidRequest(format!("{name} has no value"))),
    };
    let operations = resource
        .configs
        .iter()
        .map(|config| operation(config.name, config.value));
    Ok(Alteration {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.to_owned(),
        incremental: false,
        operations: operations.collect::<Result<_, _>>()?,
    })
}
