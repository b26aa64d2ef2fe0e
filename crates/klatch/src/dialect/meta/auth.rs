//! A token says who calls: as a bearer, or as `access_token` in the query. What it does not open is
//! as unknown as what does not exist. An app has a token of its own, made of its id and its secret,
//! which opens what is the app's and nothing else.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use subtle::ConstantTimeEq as _;

use super::error::Error;
use super::headers::Seen;
use crate::app::caller::{Call, Idempotency};
use crate::app::{App, Scope};
use crate::directory::{Account, KeyHash, Number};
use crate::http::params::{PathParams, QueryParams, bearer};

/// What the token opens.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The account.
    pub(super) account: AccountId,
    /// The only number that it opens; `None` is all of the account's.
    pub(super) number: Option<Arc<Number>>,
}

impl Caller {
    /// What this caller asks, with what it takes to ask it again.
    pub(super) fn call(&self, idempotency: Option<Idempotency>) -> Call {
        Call { scope: self.scope(), idempotency }
    }

    pub(super) fn scope(&self) -> Scope {
        match &self.number {
            Some(number) => Scope::Number(number.id.clone()),
            None => Scope::Account(self.account.clone()),
        }
    }

    /// The number of this id, if the token opens it.
    pub(super) async fn number(&self, app: &App, id: &str) -> Result<Option<Arc<Number>>, Error> {
        if let Some(number) = &self.number {
            return Ok((number.id.as_str() == id).then(|| Arc::clone(number)));
        }
        let Ok(id) = PhoneNumberId::parse(id) else { return Ok(None) };
        let number = app.number(&id).await?;
        Ok(number.filter(|number| number.account == self.account))
    }

    /// Whether the token opens this number.
    pub(super) fn opens(&self, number: &Number) -> bool {
        number.account == self.account
            && self.number.as_ref().is_none_or(|only| only.id == number.id)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = token(parts, app).await?;
        let opening = app.opening(&token).await?.ok_or_else(Error::wrong_token)?;
        if let (Some(seen), Some(number)) = (parts.extensions.get::<Seen>(), &opening.number) {
            seen.by(number);
        }
        let number = opening.number.clone().filter(|_| opening.is_number_only);
        Ok(Self { account: opening.account.clone(), number })
    }
}

async fn token(parts: &mut Parts, app: &App) -> Result<String, Error> {
    let query = QueryParams::<Error>::from_request_parts(parts, app).await?;
    let in_query = query.get("access_token").map(str::trim).filter(|token| !token.is_empty());
    match (bearer(parts), in_query) {
        (Some(one), Some(other)) if one != other => Err(Error::two_tokens()),
        (one, other) => one.or(other).map(str::to_owned).ok_or_else(Error::no_token),
    }
}

/// The account whose app is in the path, for whoever has the app's token, or a key of the whole
/// account.
pub(super) struct AppInPath(pub(super) Account);

impl FromRequestParts<App> for AppInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = token(parts, app).await?;
        let (account, is_number_only) = if let Some((app_id, secret)) = token.split_once('|') {
            let account = app.account_of_app(app_id).await?;
            let account = account.filter(|account| is_secret(account, secret));
            (account.ok_or_else(Error::wrong_token)?, false)
        } else {
            let caller = Caller::from_request_parts(parts, app).await?;
            let account = app.account(&caller.account).await?;
            (account.ok_or_else(Error::wrong_token)?, caller.number.is_some())
        };
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        if account.app.id != params.get("app_id") {
            return Err(Error::no_such_object(&parts.method));
        }
        if is_number_only {
            return Err(Error::not_permitted(
                "the app is the whole account's: use its token, <app id>|<app secret>, or a key of \
                 the account",
            ));
        }
        Ok(Self(account))
    }
}

fn is_secret(account: &Account, secret: &str) -> bool {
    let expected = KeyHash::of(account.app.secret.reveal());
    KeyHash::of(secret).as_bytes().ct_eq(expected.as_bytes()).into()
}

/// The number in the path, which the caller's token opens.
pub(super) struct NumberInPath(pub(super) Arc<Number>);

impl FromRequestParts<App> for NumberInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let number = caller.number(app, params.get("phone_number_id")).await?;
        let number = number.ok_or_else(|| Error::no_such_object(&parts.method))?;
        Ok(Self(number))
    }
}

/// The group in the path. What cannot be an id names no group.
#[derive(Debug)]
pub(super) struct InPath(pub(super) GroupId);

impl FromRequestParts<App> for InPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        GroupId::parse(params.get("group_id")).map(Self).map_err(|_| Error::no_such_group())
    }
}

/// What an id in the path names, where it can be more than one kind of thing.
pub(super) enum Node {
    /// One of the caller's numbers.
    Number(Arc<Number>),
    /// A group; whether it exists is yet to be seen.
    Group(GroupId),
}

/// The caller, and what is in the path.
pub(super) struct NodeInPath(pub(super) Caller, pub(super) Node);

impl FromRequestParts<App> for NodeInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let id = params.get("id");
        if let Some(number) = caller.number(app, id).await? {
            return Ok(Self(caller, Node::Number(number)));
        }
        // Groups have letters in their ids: digits that name no number name nothing.
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::no_such_object(&parts.method));
        }
        let group = GroupId::parse(id).map_err(|_| Error::no_such_group())?;
        Ok(Self(caller, Node::Group(group)))
    }
}
