//! AlterConfigs: makes the settings named all that is set on a resource.

use std::borrow::Cow;

use millstream_wire::api::alter_configs::{Request, Resource, ResourceResult, Response};

use super::distinct::distinct;
use super::resources::{self, Alteration, Asked, Operation, Report};
use crate::connection::RequestContext;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let key = |resource: &Resource<'a>| (resource.resource_type, resource.resource_name);
    let asked = |(resource, judged): (&Resource<'a>, Result<(), Error>)| Asked {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        alteration: judged.and_then(|()| alteration(resource)),
    };
    let asked = distinct(&request.resources, key)
        .into_iter()
        .map(asked)
        .collect();
    let reports = resources::alter(broker, asked, request.validate_only).await;
    let result = |report: Report<'a>| ResourceResult {
        error_code: report.error_code,
        error_message: report.error_message,
        resource_type: report.resource_type,
        resource_name: Cow::Borrowed(report.resource_name),
    };
    Response {
        responses: reports.into_iter().map(result).collect(),
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
        incremental: false,
        operations: operations.collect::<Result<_, _>>()?,
    })
}
