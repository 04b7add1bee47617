//! IncrementalAlterConfigs: changes the settings named and leaves the others alone.

use std::borrow::Cow;

use millstream_wire::api::incremental_alter_configs::{
    Config, Request, Resource, ResourceResult, Response,
};

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
    let operations = resource.configs.iter().map(operation);
    Ok(Alteration {
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
