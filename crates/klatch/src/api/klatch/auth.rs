//! `Authorization: Bearer <admin token>`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use subtle::ConstantTimeEq as _;

use super::error::Error;
use crate::app::App;
use crate::app::backoff::Judgement;
use crate::app::caller::{Call, Idempotency};
use crate::directory::{Actor, KeyHash};
use crate::kit::params::bearer;
use crate::kit::peer::Peer;
use crate::store::Scope;

/// The operator.
#[derive(Debug)]
pub(super) struct Operator;

impl Operator {
    /// What the operator has somebody do, who may be everywhere: a person, or WhatsApp.
    pub(super) fn call(actor: Actor, idempotency: Option<Idempotency>) -> Call {
        Call { actor, scope: Scope::Everything, idempotency }
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = bearer(parts).ok_or_else(Error::no_token)?;
        let expected = app.settings.admin_token;
        let right = bool::from(KeyHash::of(token).as_bytes().ct_eq(expected.as_bytes()));
        let peer = parts.extensions.get::<Peer>().copied();
        // A request that is made inside the process comes from no address and never waits.
        let judgement = match peer {
            Some(peer) => app.backoff.judge(peer, right, app.runtime.now()),
            None if right => Judgement::Right,
            None => Judgement::Wrong,
        };
        let error = match judgement {
            Judgement::Right => return Ok(Self),
            Judgement::Wrong => Error::wrong_token(),
            Judgement::Wait { secs } => Error::too_many_wrong_tokens(secs),
        };
        app.warnings.wrong_admin_tokens.note(peer.map(Peer::address), app.runtime.now());
        Err(error)
    }
}

/// The operator in a person's place, where simulated people are on.
#[derive(Debug)]
pub(super) struct Simulator;

impl FromRequestParts<App> for Simulator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Operator::from_request_parts(parts, app).await?;
        if app.settings.people { Ok(Self) } else { Err(Error::people_off()) }
    }
}
