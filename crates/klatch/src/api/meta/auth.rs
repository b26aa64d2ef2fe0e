//! What a token opens. What it does not open is as unknown as what does not exist. An app has a
//! token of its own, made of its id and its secret, which opens what is the app's and nothing else.
//!
//! Where the token stands: see `intake.rs`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use subtle::ConstantTimeEq as _;
use wire::meta::error::Error as MetaError;

use super::error::Error;
use crate::app::App;
use crate::app::caller::{Call, Idempotency};
use crate::directory::{Account, Actor, KeyHash, Number};
use crate::kit::params::PathParams;
use crate::mint;
use crate::store::Scope;

/// What the token opens.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key.
    pub(super) actor: Actor,
    /// The account.
    pub(super) account: AccountId,
    /// The only number that it opens; `None` is all of the account's.
    pub(super) only: Option<Arc<Number>>,
    /// The number that it is of: the one it opens, or the account's only one.
    number: Option<Arc<Number>>,
}

impl Caller {
    /// What this caller asks, with what it takes to ask it again.
    pub(super) fn call(&self, idempotency: Option<Idempotency>) -> Call {
        Call { actor: self.actor.clone(), scope: self.scope(), idempotency }
    }

    pub(super) fn scope(&self) -> Scope {
        match &self.only {
            Some(number) => Scope::Number(number.id.clone()),
            None => Scope::Account(self.account.clone()),
        }
    }

    /// The number of this id, if the token opens it.
    pub(super) async fn number(&self, app: &App, id: &str) -> Result<Option<Arc<Number>>, Error> {
        if let Some(number) = &self.only {
            return Ok((number.id.as_str() == id).then(|| Arc::clone(number)));
        }
        let Ok(id) = PhoneNumberId::parse(id) else { return Ok(None) };
        let number = app.directory.number(&id).await?;
        Ok(number.filter(|number| number.account == self.account))
    }
}

/// What a token is.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// A key of a number or of an account.
    Key(Caller),
    /// The token of an account's app, `<app id>|<app secret>`.
    App(Account),
}

impl Identity {
    /// What the token is.
    ///
    /// # Errors
    /// 190 if it is none.
    pub(super) async fn of(app: &App, token: &str) -> Result<Self, Error> {
        Ok(Self::find(app, token).await?.ok_or_else(MetaError::wrong_token)?)
    }

    /// What the token is, if it is one.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn find(app: &App, token: &str) -> Result<Option<Self>, Error> {
        if let Some((app_id, secret)) = token.split_once('|') {
            let account = app.directory.account_of_app(app_id).await?;
            return Ok(account.filter(|account| is_secret(account, secret)).map(Self::App));
        }
        let Some(opening) = app.opening(token).await? else { return Ok(None) };
        let number = opening.number.clone();
        Ok(Some(Self::Key(Caller {
            actor: Actor::Key { id: opening.key.clone() },
            account: opening.account.clone(),
            only: number.clone().filter(|_| opening.is_number_only),
            number,
        })))
    }

    /// The caller, where the token is a key.
    ///
    /// # Errors
    /// 190 if it is an app's token, which opens nothing but the app.
    pub(super) fn caller(&self) -> Result<&Caller, Error> {
        match self {
            Self::Key(caller) => Ok(caller),
            Self::App(_) => Err(MetaError::wrong_token().into()),
        }
    }

    /// The account of the app, or of the key.
    ///
    /// # Errors
    /// The store failed, or the account has just been removed.
    pub(super) async fn account(self, app: &App) -> Result<Account, Error> {
        match self {
            Self::App(account) => Ok(account),
            Self::Key(caller) => Ok(app
                .directory
                .account(&caller.account)
                .await?
                .ok_or_else(MetaError::wrong_token)?),
        }
    }

    /// The number that the token is of, if there is just one.
    pub(super) fn number(&self) -> Option<&Arc<Number>> {
        match self {
            Self::Key(caller) => caller.number.as_ref(),
            Self::App(_) => None,
        }
    }

    /// Whose share large bodies take.
    pub(super) fn payer(&self) -> &str {
        match self {
            Self::Key(Caller { only: Some(number), .. }) => number.id.as_str(),
            Self::Key(caller) => caller.account.as_str(),
            Self::App(account) => account.id.as_str(),
        }
    }
}

impl FromRequestParts<App> for Identity {
    type Rejection = Error;

    /// Found before the request was routed: see `intake.rs`.
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Ok(parts.extensions.get().cloned().ok_or_else(MetaError::no_token)?)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match Identity::from_request_parts(parts, app).await? {
            Identity::Key(caller) => Ok(caller),
            Identity::App(_) => Err(MetaError::wrong_token().into()),
        }
    }
}

/// The account whose app is in the path, for the app's token and for keys of the whole account.
pub(super) struct AppInPath {
    /// The account.
    pub(super) account: Account,
    /// The key, or the app.
    pub(super) actor: Actor,
}

impl FromRequestParts<App> for AppInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let (account, actor, is_number_only) = match Identity::from_request_parts(parts, app)
            .await?
        {
            Identity::App(account) => {
                let actor = Actor::App { account: account.id.clone() };
                (account, actor, false)
            }
            Identity::Key(caller) => {
                let account = app.directory.account(&caller.account).await?;
                (account.ok_or_else(MetaError::wrong_token)?, caller.actor, caller.only.is_some())
            }
        };
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let app_id = params.get("app_id");
        if account.app.id != app_id {
            return Err(MetaError::no_such_object(parts.method.as_str(), app_id).into());
        }
        if is_number_only {
            return Err(MetaError::not_permitted(
                "the app is the whole account's: use its token, <app id>|<app secret>, or a key of \
                 the account",
            )
            .into());
        }
        Ok(Self { account, actor })
    }
}

/// Whether this is the secret of the account's app.
pub(super) fn is_secret(account: &Account, secret: &str) -> bool {
    let expected = KeyHash::of(account.app.secret.reveal());
    KeyHash::of(secret).as_bytes().ct_eq(expected.as_bytes()).into()
}

/// The number in the path, which the caller's token opens.
pub(super) struct NumberInPath {
    /// The number.
    pub(super) number: Arc<Number>,
    /// The caller.
    pub(super) caller: Caller,
}

impl FromRequestParts<App> for NumberInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let id = params.get("phone_number_id");
        let number = caller.number(app, id).await?;
        let number = number.ok_or_else(|| MetaError::no_such_object(parts.method.as_str(), id))?;
        Ok(Self { number, caller })
    }
}

/// The group in the path.
#[derive(Debug)]
pub(super) struct InPath(pub(super) GroupId);

impl FromRequestParts<App> for InPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        group_id(&parts.method, params.get("group_id")).map(Self)
    }
}

/// Reads the id of a group. What cannot be one, such as a number of digits alone, names an object
/// that does not exist: Graph knows an id's kind before it looks for the object.
pub(super) fn group_id(method: &Method, id: &str) -> Result<GroupId, Error> {
    let group = GroupId::parse(id).ok().filter(mint::may_be_group_id);
    Ok(group.ok_or_else(|| MetaError::no_such_object(method.as_str(), id))?)
}
