//! ListGroups: which groups there are.
//!
//! - 4: states, and a filter by them; 5: types, and a filter by them

use std::borrow::Cow;

use millstream_groups::Listing;
use millstream_wire::api::list_groups::{Group, Request, Response};

use crate::Broker;
use crate::connection::RequestContext;
use crate::error::code_of;

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let wanted = |listing: &Listing| {
        passes(&request.states_filter, listing.state)
            && passes(&request.types_filter, listing.kind.name())
    };
    let list = |groups: &mut millstream_groups::Shard, _, _: &mut _| {
        groups.list().filter(wanted).map(group).collect::<Vec<_>>()
    };
    let found = broker.groups().run_everywhere(list).await;
    Response {
        error_code: code_of(&found),
        groups: found.unwrap_or_default().into_iter().flatten().collect(),
        ..Response::default()
    }
}

/// An empty filter lets everything pass; names may be written in any case.
fn passes(filter: &[&str], name: &str) -> bool {
    filter.is_empty()
        || filter
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(name))
}

fn group(listing: Listing) -> Group<'static> {
    Group {
        group_id: Cow::Owned(listing.group.to_string()),
        protocol_type: Cow::Owned(listing.protocol_type),
        group_state: Cow::Borrowed(listing.state),
        group_type: Cow::Borrowed(listing.kind.name()),
    }
}
