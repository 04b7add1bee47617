//! DescribeUserScramCredentials: which users have passwords, and how these are salted; never what proves them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use millstream_wire::api::describe_user_scram_credentials::{
    CredentialInfo, Request, Response, User, UserResult,
};

use super::distinct::distinct;
use crate::catalog::State;
use crate::connection::RequestContext;
use crate::error::report;
use crate::{Broker, Error};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let state = broker.catalog().state();
    let asked = request.users.unwrap_or_default();
    let results = match asked.as_slice() {
        [] => everyone(&state),
        asked => named(&state, asked),
    };
    Response {
        results,
        ..Response::default()
    }
}

fn everyone(state: &State) -> Vec<UserResult<'static>> {
    let passwords = state.image().passwords();
    let users: BTreeSet<&String> = passwords.map(|((user, _), _)| user).collect();
    let known = |user: &String| result(user, Ok(infos(state, user)));
    users.into_iter().map(known).collect()
}

fn named(state: &State, asked: &[User<'_>]) -> Vec<UserResult<'static>> {
    let described = |(user, judged): (&User<'_>, Result<(), Error>)| {
        let infos = match (judged, infos(state, user.name)) {
            (Err(_), _) => Err(Error::UserTwice(user.name.to_owned())),
            (_, none) if none.is_empty() => Err(Error::NoPassword(user.name.to_owned())),
            (_, infos) => Ok(infos),
        };
        result(user.name, infos)
    };
    let users = distinct(asked, |user| user.name);
    users.into_iter().map(described).collect()
}

fn infos(state: &State, user: &str) -> Vec<CredentialInfo> {
    let own = state.image().passwords_of(user);
    own.map(|((_, mechanism), credential)| CredentialInfo {
        mechanism: mechanism.id(),
        iterations: credential.iterations,
    })
    .collect()
}

fn result(user: &str, infos: Result<Vec<CredentialInfo>, Error>) -> UserResult<'static> {
    let (error_code, error_message) = report(infos.as_ref().err());
    UserResult {
        user: Cow::Owned(user.to_owned()),
        error_code,
        error_message,
        credential_infos: infos.unwrap_or_default(),
    }
}
