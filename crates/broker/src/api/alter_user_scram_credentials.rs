//! AlterUserScramCredentials: gives users passwords, which come salted and hashed, and takes them away.
//!
//! Each user has one alteration in a request. One that cannot be keeps no other from its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use millstream_wire::api::alter_user_scram_credentials::{Request, Response, UserResult};

use crate::catalog::State;
use crate::connection::RequestContext;
use crate::error::report;
use crate::scram::{Credential, Mechanism, Owner};
use crate::{Broker, Error};

/// What a request wants of one user's password: a new one, or none.
type Alteration = Result<(Owner, Option<Credential>), Error>;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let state = broker.catalog().state();
    let (mut changes, mut outcomes) = (Vec::new(), Vec::new());
    for (user, alteration) in alterations(&state, &request) {
        outcomes.push((user, alteration.map(|change| changes.push(change))));
    }
    let changed = broker.catalog().change_passwords(changes).await;
    let result = |(user, outcome): (&'a str, Result<(), Error>)| {
        let refusal = outcome.as_ref().err();
        let (error_code, error_message) = report(refusal.or(changed.as_ref().err()));
        UserResult {
            user: Cow::Borrowed(user),
            error_code,
            error_message,
        }
    };
    Response {
        results: outcomes.into_iter().map(result).collect(),
        ..Response::default()
    }
}

/// What is asked for by user; of a user who is named more than once, the first is told if it is wrong.
fn alterations<'a>(state: &State, request: &Request<'a>) -> BTreeMap<&'a str, Alteration> {
    let deletions = request.deletions.iter().map(|deletion| {
        let owner = owner(deletion.name, deletion.mechanism);
        let gone = owner.and_then(|owner| match state.image().password(&owner) {
            Some(_) => Ok((owner, None)),
            None => Err(Error::NoPassword(owner.0)),
        });
        (deletion.name, gone)
    });
    let upsertions = request.upsertions.iter().map(|wanted| {
        let set = owner(wanted.name, wanted.mechanism).and_then(|owner| {
            let (salt, password) = (wanted.salt, wanted.salted_password);
            let made = Credential::new(owner.1, salt, password, wanted.iterations)?;
            Ok((owner, Some(made)))
        });
        (wanted.name, set)
    });
    let mut by_user = BTreeMap::new();
    for (user, alteration) in deletions.chain(upsertions) {
        let all = match (by_user.remove(user), alteration) {
            (None, only) => only,
            (Some(Ok(_)), _) => Err(Error::UserTwice(user.to_owned())),
            (Some(first), _) => first,
        };
        by_user.insert(user, all);
    }
    by_user
}

fn owner(user: &str, mechanism: i8) -> Result<Owner, Error> {
    if user.is_empty() {
        return Err(Error::Credential("the user has no name".to_owned()));
    }
    Ok((user.to_owned(), Mechanism::from_id(mechanism)?))
}
