//! ListTransactions: which transactional ids there are.
//!
//! - 1: those whose transaction is open for long; 2: those whose id matches an expression

use std::borrow::Cow;
use std::collections::HashSet;

use millstream_transactions::{Entry, State};
use millstream_wire::api::list_transactions::{Request, Response, TransactionState};
use regex::Regex;

use super::transactional;
use crate::Broker;
use crate::connection::RequestContext;
use crate::groups::expression;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let (known, unknown): (HashSet<_>, Vec<_>) = partition(&request.state_filters);
    let unknown_state_filters = unknown.into_iter().map(Cow::Borrowed).collect();
    // An empty one asks for nothing.
    let pattern = request.transactional_id_pattern;
    let pattern = pattern.filter(|pattern| !pattern.is_empty());
    let pattern = match pattern.map(expression::parse).transpose() {
        Ok(pattern) => pattern,
        Err(error) => {
            return Response {
                error_code: error.code(),
                unknown_state_filters,
                ..Response::default()
            };
        }
    };
    let now_ms = broker.now_ms();
    let wanted = Wanted {
        any_state: request.state_filters.is_empty(),
        states: known,
        producer_ids: request.producer_id_filters.into_iter().collect(),
        started_before: (request.duration_filter >= 0)
            .then(|| now_ms.saturating_sub(request.duration_filter)),
        pattern,
    };
    let pick = |id: &str, entry: &Entry| wanted.has(id, entry).then(|| row(id, entry));
    match broker.transactions().list(pick).await {
        Ok(transaction_states) => Response {
            unknown_state_filters,
            transaction_states,
            ..Response::default()
        },
        Err(error) => Response {
            error_code: error.code(),
            unknown_state_filters,
            ..Response::default()
        },
    }
}

/// The names that some transaction can have, and those that no state has.
fn partition<'a>(names: &[&'a str]) -> (HashSet<&'a str>, Vec<&'a str>) {
    let is_state =
        |name: &str| transactional::NAMES.contains(&name) || transactional::NEVER.contains(&name);
    let mut known = HashSet::new();
    let mut unknown = Vec::new();
    for name in names {
        match is_state(name) {
            true => drop(known.insert(*name)),
            false => unknown.push(*name),
        }
    }
    (known, unknown)
}

struct Wanted<'a> {
    any_state: bool,
    states: HashSet<&'a str>,
    producer_ids: HashSet<i64>,
    started_before: Option<i64>,
    pattern: Option<Regex>,
}

impl Wanted<'_> {
    fn has(&self, id: &str, entry: &Entry) -> bool {
        let is_ongoing = entry.state == State::Ongoing;
        let is_long = |before: i64| is_ongoing && entry.started_ms < before;
        (self.any_state || self.states.contains(transactional::name(entry.state)))
            && (self.producer_ids.is_empty() || self.producer_ids.contains(&entry.producer.id))
            && self.started_before.is_none_or(is_long)
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(id))
    }
}

fn row(id: &str, entry: &Entry) -> TransactionState<'static> {
    TransactionState {
        transactional_id: Cow::Owned(id.to_owned()),
        producer_id: entry.producer.id,
        transaction_state: Cow::Borrowed(transactional::name(entry.state)),
    }
}
