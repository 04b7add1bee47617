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
use crate::connection::RequestContext;

/// One thing that a cluster's brokers agree on before they do it.
struct Feature {
    name: &'static str,
    /// Levels that this broker can work at.
    supported: (i16, i16),
    /// The level that it works at; 0 is off.
    level: i16,
}

/// What clients take for agreed decides which paths they choose, so that only what is served is listed.
const FEATURES: &[Feature] = &[
    Feature {
        name: "kraft.version",
        supported: (0, 1),
        level: 0,
    },
    // 3.3-IV3 to 4.3-IV0: the requests of one coherent release.
    Feature {
        name: "metadata.version",
        supported: (7, 30),
        level: 30,
    },
    Feature {
        name: "share.version",
        supported: (0, 1),
        level: 1,
    },
];

pub(crate) async fn handle<'a>(
    _: &'a Broker,
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
    Response {
        api_keys: SERVED.iter().map(row).collect(),
        supported_features: supported(context.version.n),
        finalized_features_epoch: 0,
        finalized_features: finalized(),
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

fn finalized() -> Vec<FinalizedFeature<'static>> {
    FEATURES
        .iter()
        .filter(|feature| feature.level > 0)
        .map(|feature| FinalizedFeature {
            name: Cow::Borrowed(feature.name),
            max_version_level: feature.level,
            min_version_level: feature.level,
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
