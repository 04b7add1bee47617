//! UpdateFeatures: raises or lowers the levels of features, all of those named or none.
//!
//! - 0: only upwards; 1: how and whether at all; 2: one answer for all

use std::borrow::Cow;

use millstream_wire::ErrorCode;
use millstream_wire::api::update_features::{FeatureResult, FeatureUpdate, Request, Response};

use crate::catalog::FeatureWish;
use crate::connection::RequestContext;
use crate::error::report;
use crate::features::Direction;
use crate::{Broker, Error};

/// What Kafka says of each feature whose update succeeded.
const SUCCESS: &str = "NONE";

pub(crate) async fn handle<'a>(
    broker: &'a Broker,
    request: Request<'a>,
    _: &'a RequestContext<'a>,
) -> Response<'a> {
    let (error_code, error_message) = report(update(broker, &request).await.err().as_ref());
    let updated = request
        .feature_updates
        .iter()
        .filter(|_| error_code.is_none());
    Response {
        error_code,
        error_message,
        results: updated.map(success).collect(),
        ..Response::default()
    }
}

async fn update(broker: &Broker, request: &Request<'_>) -> Result<(), Error> {
    let wishes: Vec<_> = request.feature_updates.iter().map(wish).collect();
    if request.validate_only {
        return broker.catalog().check_features(&wishes);
    }
    broker.catalog().update_features(wishes).await
}

fn wish(update: &FeatureUpdate<'_>) -> FeatureWish {
    FeatureWish {
        name: update.feature.to_owned(),
        level: update.max_version_level,
        direction: match update.upgrade_type {
            1 => Some(Direction::Up),
            // Nothing that this broker can be taken back from loses anything.
            2 | 3 => Some(Direction::Down),
            _ => None,
        },
    }
}

fn success<'a>(update: &FeatureUpdate<'a>) -> FeatureResult<'a> {
    FeatureResult {
        feature: Cow::Borrowed(update.feature),
        error_code: ErrorCode::NONE,
        error_message: Some(Cow::Borrowed(SUCCESS)),
    }
}
