use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use klatch::app::App;
use klatch::directory::Number;
use klatch::http::reply::Refused;

use super::Error;
use crate::toy::wire::error;

/// The number that the key opens.
pub(super) struct Caller(pub(super) Arc<Number>);

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let key = parts.headers.get("x-toy-key").and_then(|key| key.to_str().ok());
        let key = key.ok_or(Refused(error::Error::no_key()))?;
        let opening = app.opening(key).await?;
        let number = opening.and_then(|opening| opening.number.clone());
        Ok(Self(number.ok_or(Refused(error::Error::no_key()))?))
    }
}
