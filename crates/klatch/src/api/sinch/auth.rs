//! A bearer token and a bot id that belong together say who calls; the path says about which group.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use domain::ids::GroupId;
use wire::sinch::error::Error as SinchError;
use wire::sinch::spelled;

use super::error::Error;
use crate::app::App;
use crate::app::caller::{Call, Idempotency};
use crate::directory::{Actor, Number};
use crate::kit::params::{PathParams, bearer};
use crate::store::Scope;

/// The number behind a bot.
#[derive(Debug)]
pub(super) struct Caller {
    /// The number.
    pub(super) number: Arc<Number>,
    /// The key.
    pub(super) actor: Actor,
}

impl Caller {
    /// What this caller asks, with what it takes to ask it again.
    pub(super) fn call(&self, idempotency: Option<Idempotency>) -> Call {
        Call { actor: self.actor.clone(), scope: self.scope(), idempotency }
    }

    pub(super) fn scope(&self) -> Scope {
        Scope::Number(self.number.id.clone())
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = bearer(parts).ok_or(SinchError::unauthorized())?;
        let opening = app.opening(token).await?.ok_or(SinchError::unauthorized())?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let bot_id = match params.get("bot_id") {
            "" => in_raw_path(parts).unwrap_or_default(),
            bot_id => bot_id,
        };
        let number = match &opening.number {
            Some(number) => Some(Arc::clone(number)).filter(|number| number.bot_id == bot_id),
            // A token of ours may open an account with several bots.
            None => app.directory.number_of_bot(&opening.account, bot_id).await?.map(Arc::new),
        };
        let actor = Actor::Key { id: opening.key.clone() };
        let number = number.ok_or(SinchError::unauthorized())?;
        Ok(Self { number, actor })
    }
}

/// The bot as it is written: where some other part of the path is no text, none of its parts can
/// be had decoded.
fn in_raw_path(parts: &Parts) -> Option<&str> {
    let OriginalUri(whole) = parts.extensions.get()?;
    whole.path().split_once("/whatsapp/v1/")?.1.split('/').next()
}

/// The caller, and the caller's group in the path.
pub(super) struct InPath(pub(super) Caller, pub(super) GroupId);

impl FromRequestParts<App> for InPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let named = params.get("group_id");
        let second = named.rsplit_once('-').and_then(|(_, second)| second.parse::<i64>().ok());
        // One group has one name.
        let second =
            second.filter(|second| spelled(caller.number.display_number.as_str(), second) == named);
        let group = match second {
            Some(second) => app.groups.group_by_alias(&caller.number.id, second).await?,
            None => None,
        };
        Ok(Self(caller, group.ok_or_else(SinchError::no_such_group)?))
    }
}
