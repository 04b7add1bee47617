//! ApiVersions: what is served, derived from the one list, and which features the cluster has agreed on.
//!
//! A request in an unknown version is answered in version 0 with the row of ApiVersions alone, from which a client
//! learns how to ask again. Features whose lowest version is 0 appear from version 4 on: clients before that choke on
//! them.

use std::borrow::Cow;

use millstream_wire::api::api_versions::{
    ApiVersion, FinalizedFeature, Request, Response, SupportedFeature,
};
use millstream_wire::{ApiKey, ErrorCode, Frame, Version, response_frame};

use super::SERVED;
use crate::Broker;
use crate::catalog::State;
use crate::connection::RequestContext;
use crate::features::{FEATURES, Feature};

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    context: &RequestContext<'a>,
) -> Response<'a> {
    if context.version.n >= 3 {
        let (name, version) = (
            request.client_software_name,
            request.client_software_version,
        );
        if !is_software_name(name) || !is_software_name(version) {
            return Response {
                error_code: ErrorCode::INVALID_REQUEST,
                ..Response::default()
            };
        }
        context.connection.introduce(name, version);
    }
    let state = broker.catalog().state();
    Response {
        api_keys: SERVED.iter().map(row).collect(),
        supported_features: supported(context.version.n),
        finalized_features_epoch: state.features_epoch(),
        finalized_features: finalized(&state),
        ..Response::default()
    }
}

/// The answer to a version that is not known.
pub(crate) fn unsupported(correlation_id: i32) -> Frame {
    let body = Response {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![row(&ApiKey::ApiVersions)],
        ..Response::default()
    };
    response_frame(
        ApiKey::ApiVersions,
        Version::classic(0),
        correlation_id,
        &body,
    )
}

fn row(api: &ApiKey) -> ApiVersion {
    let versions = api.advertised();
    ApiVersion {
        api_key: api.key(),
        min_version: *versions.start(),
        max_version: *versions.end(),
    }
}

fn supported(version: i16) -> Vec<SupportedFeature<'static>> {
    FEATURES
        .iter()
        .filter(|feature| version >= 4 || feature.supported.0 > 0)
        .map(|feature| SupportedFeature {
            name: Cow::Borrowed(feature.name),
            min_version: feature.supported.0,
            max_version: feature.supported.1,
        })
        .collect()
}

fn finalized(state: &State) -> Vec<FinalizedFeature<'static>> {
    let at = |feature: &Feature| (feature.name, state.feature_level(feature.name));
    FEATURES
        .iter()
        .map(at)
        .filter(|(_, level)| *level > 0)
        .map(|(name, level)| FinalizedFeature {
            name: Cow::Borrowed(name),
            max_version_level: level,
            min_version_level: level,
        })
        .collect()
}

/// Letters, digits, dashes and dots, beginning and ending with a letter or digit.
fn is_software_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let outer = |c: char| c.is_ascii_alphanumeric();
    text.chars().all(inner) && text.starts_with(outer) && text.ends_with(outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_are_what_kafka_allows() {
        for good in ["a", "apache-kafka-java", "4.3.1", "kgo"] {
            assert!(is_software_name(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "ä"] {
            assert!(!is_software_name(bad), "{bad:?}");
        }
    }
}
