//! DescribeClientQuotas: which quotas are set, for whom.

use std::borrow::Cow;

use millstream_wire::api::describe_client_quotas::{
    Component, Entity, Entry, Request, Response, Value,
};

use crate::catalog::Quotas;
use crate::connection::RequestContext;
use crate::error::report;
use crate::quotas::{self, Filter, Match};
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let filter = request.components.iter().try_fold(Filter::default(), with);
    let (error_code, error_message) = report(filter.as_ref().err());
    let state = broker.catalog().state();
    let entries = filter.map(|filter| {
        let quotas = state.image().quotas();
        let asked = quotas.filter(|(entity, _)| filter.matches(entity, request.strict));
        asked.map(entry).collect()
    });
    Response {
        error_code,
        error_message,
        entries: entries.ok(),
        ..Response::default()
    }
}

fn with(filter: Filter, component: &Component<'_>) -> Result<Filter, Error> {
    let what = match (component.match_type, component.match_) {
        (0, Some(name)) => Match::Exact(name.to_owned()),
        (1, None) => Match::Default,
        (2, None) => Match::Any,
        (other, name) => {
            let reason = format!("no entity is matched by type {other} and name {name:?}");
            return Err(Error::InvalidRequest(reason));
        }
    };
    filter.with(component.entity_type, what)
}

fn entry((entity, quotas): (&quotas::Entity, &Quotas)) -> Entry<'static> {
    let side = |(side, name): (&str, Option<&str>)| Entity {
        entity_type: Cow::Owned(side.to_owned()),
        entity_name: name.map(|name| Cow::Owned(name.to_owned())),
    };
    let value = |(key, value): (&String, &f64)| Value {
        key: Cow::Owned(key.clone()),
        value: *value,
    };
    Entry {
        entity: entity.sides().map(side).collect(),
        values: quotas.iter().map(value).collect(),
    }
}
