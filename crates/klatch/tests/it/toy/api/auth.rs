use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use klatch::app::App;
use klatch::directory::{Actor, Number};
use klatch::kit::reply::Refused;

use super::Error;
use crate::toy::wire::error;

/// The number that the key opens.
pub(super) struct Caller {
    pub(super) number: Arc<Number>,
    pub(super) actor: Actor,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let key = parts.headers.get("x-toy-key").and_then(|key| key.to_str().ok());
        let key = key.ok_or(Refused(error::Error::no_key()))?;
        let no_key = || Refused(error::Error::no_key());
        let opening = app.opening(key).await?.ok_or_else(no_key)?;
        let actor = Actor::Key { id: opening.key.clone() };
        Ok(Self { number: opening.number.clone().ok_or_else(no_key)?, actor })
    }
}
