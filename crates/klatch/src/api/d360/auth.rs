//! `D360-API-KEY` says who calls; the path says about which group.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use domain::ids::GroupId;
use wire::d360::error::Error as D360Error;
use wire::graph::person::Names;

use super::error::Error;
use crate::api::graph::params::Payer;
use crate::app::App;
use crate::app::caller::{Call, Idempotency};
use crate::directory::{Actor, Number};
use crate::kit::params::PathParams;
use crate::store::Scope;

/// The header that carries the key. Published.
static D360_API_KEY: HeaderName = HeaderName::from_static("d360-api-key");

/// The number that the key opens.
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

    /// How people are shown to this caller: 360dialog publishes the phone number alone.
    pub(super) fn names(&self) -> Names {
        self.number.answers.besides(Names::All).unwrap_or(Names::Number)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let key = parts.headers.get(&D360_API_KEY).and_then(|value| value.to_str().ok());
        let key = key.map(str::trim).filter(|key| !key.is_empty()).ok_or(D360Error::no_key())?;
        let opening = app.opening(key).await?.ok_or(D360Error::wrong_key())?;
        // A key of this API belongs to one number; ours may open an account with several.
        let number = opening.number.clone().ok_or(D360Error::key_of_account())?;
        Payer::set(parts, &number.id);
        let actor = Actor::Key { id: opening.key.clone() };
        Ok(Self { number, actor })
    }
}

/// The group in the path. What cannot be an id names no group.
#[derive(Debug)]
pub(super) struct InPath(pub(super) GroupId);

impl FromRequestParts<App> for InPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        Ok(Self(GroupId::parse(params.get("group_id")).map_err(|_| D360Error::no_such_group())?))
    }
}
