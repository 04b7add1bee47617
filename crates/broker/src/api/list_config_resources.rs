//! ListConfigResources: what settings can belong to.
//!
//! - 0: subscriptions to the metrics of clients only; 1: any type

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use millstream_wire::api::list_config_resources::{ConfigResource, Request, Response};

use crate::Broker;
use crate::catalog::State;
use crate::connection::RequestContext;
use crate::resource_type::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};

const ALL_TYPES: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request,
    context: &'a RequestContext<'a>,
) -> Response<'a> {
    let state = broker.catalog().state();
    let types = match request.resource_types.as_slice() {
        _ if context.version.n == 0 => &[CLIENT_METRICS],
        [] => &ALL_TYPES[..],
        asked => asked,
    };
    if !types.iter().all(|asked| ALL_TYPES.contains(asked)) {
        return Response {
            error_code: ErrorCode::UNSUPPORTED_VERSION,
            ..Response::default()
        };
    }
    let of_type = |resource_type: &i8| {
        let named = |name| ConfigResource {
            resource_name: name,
            resource_type: *resource_type,
        };
        names(&state, *resource_type)
            .into_iter()
            .map(named)
            .collect::<Vec<_>>()
    };
    // Each type once, however often it is asked for.
    let asked = ALL_TYPES
        .iter()
        .filter(|resource_type| types.contains(resource_type));
    Response {
        config_resources: asked.flat_map(of_type).collect(),
        ..Response::default()
    }
}

fn names(state: &State, resource_type: i8) -> Vec<Cow<'static, str>> {
    match resource_type {
        TOPIC => state
            .topics()
            .map(|topic| Cow::Owned(topic.name.clone()))
            .collect(),
        BROKER | BROKER_LOGGER => vec![Cow::Owned(state.config().node_id.to_string())],
        GROUP => state
            .configured_groups()
            .map(|id| Cow::Owned(id.to_owned()))
            .collect(),
        CLIENT_METRICS => {
            let names = state.image().client_metrics();
            names.map(|name| Cow::Owned(name.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}
