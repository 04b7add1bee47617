//! AlterClientQuotas: sets and removes quotas. One entity that cannot have its own keeps no other from them.

use std::borrow::Cow;

use millstream_wire::api::alter_client_quotas::{
    Entity as Side, EntityResult, Entry, EntryResult, Op, Request, Response,
};

use super::distinct::distinct;
use crate::catalog::QuotaWish;
use crate::connection::RequestContext;
use crate::error::report;
use crate::quotas::Entity;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let asked: Vec<_> = request
        .entries
        .iter()
        .map(|entry| (entity(entry), &entry.ops))
        .collect();
    let (mut wishes, mut outcomes) = (Vec::new(), Vec::new());
    for ((entity, ops), judged) in distinct(&asked, |(entity, _)| entity) {
        let wish = judged.and_then(|()| wish(entity, ops));
        outcomes.push((entity, wish.map(|wish| wishes.push((entity.clone(), wish)))));
    }
    let altered = match request.validate_only {
        true => Ok(()),
        false => broker.catalog().alter_quotas(wishes).await,
    };
    let result = |(entity, outcome): &(&Entity, Result<(), Error>)| {
        let refusal = outcome.as_ref().err();
        result(entity, refusal.or(altered.as_ref().err()))
    };
    Response {
        entries: outcomes.iter().map(result).collect(),
        ..Response::default()
    }
}

fn entity(entry: &Entry<'_>) -> Entity {
    let side = |side: &Side<'_>| {
        let name = side.entity_name.map(str::to_owned);
        (side.entity_type.to_owned(), name)
    };
    Entity::known(entry.entity.iter().map(side))
}

fn wish(entity: &Entity, ops: &[Op<'_>]) -> Result<Vec<QuotaWish>, Error> {
    entity.check()?;
    let wish = |(op, judged): (&Op<'_>, Result<(), Error>)| {
        judged?;
        if op.remove {
            return Ok((op.key.to_owned(), None));
        }
        entity.check_quota(op.key, op.value)?;
        Ok((op.key.to_owned(), Some(op.value)))
    };
    let ops = distinct(ops, |op| op.key);
    ops.into_iter().map(wish).collect()
}

fn result(entity: &Entity, refusal: Option<&Error>) -> EntryResult<'static> {
    let (error_code, error_message) = report(refusal);
    let side = |(side, name): (&str, Option<&str>)| EntityResult {
        entity_type: Cow::Owned(side.to_owned()),
        entity_name: name.map(|name| Cow::Owned(name.to_owned())),
    };
    EntryResult {
        error_code,
        error_message,
        entity: entity.sides().map(side).collect(),
    }
}
