//! `/v1/keys`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{AccountId, PhoneNumberId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::problem::{Problem, parse};

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::{Body, Listed, Query, listed, of_account, rfc3339};
use crate::app::App;
use crate::app::keys::{self, Grant};
use crate::directory::{Actor, Key};
use crate::kit::paging::Address;
use crate::kit::params::{PageParams, PathParams};

/// Asks for a key: of a number, or of a whole account.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewKey {
    /// The only number that it opens.
    phone_number_id: Option<String>,
    /// The account that it opens, where no number is given.
    account_id: Option<String>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeyInfo {
    id: String,
    account_id: String,
    /// Missing for a key that opens the whole account.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<String>,
    /// The first characters of the secret.
    hint: String,
    created_at: String,
    /// Missing as long as it opens anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

/// A new key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedKey {
    #[serde(flatten)]
    info: KeyInfo,
    /// The secret. Shown this once; only its hash is kept.
    key: String,
}

impl From<Key> for KeyInfo {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            account_id: key.account.to_string(),
            phone_number_id: key.number.map(|number| number.to_string()),
            hint: key.hint,
            created_at: rfc3339(key.created_at),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}

/// Lists the keys, oldest first, revoked ones included.
#[utoipa::path(
    get,
    path = "/v1/keys",
    operation_id = "list-keys",
    params(
        ("account_id" = Option<String>, Query, description = "Only this account's"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of keys", body = Listed<KeyInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Operator,
    query: Query,
    address: Address,
) -> Result<Json<Listed<KeyInfo>>, Error> {
    let (account, list) = of_account("keys", &query)?;
    let read = async |page| Ok(app.directory.keys(account.as_ref(), page).await?);
    listed(&list, &query, &address, read).await
}

/// Creates a key and shows its secret, this once.
#[utoipa::path(
    post,
    path = "/v1/keys",
    operation_id = "create-key",
    request_body = NewKey,
    responses(
        (status = 201, description = "The key opens", body = CreatedKey),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such number or account", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    _: Operator,
    body: Body,
) -> Result<(StatusCode, Json<CreatedKey>), Error> {
    body.refuse_key()?;
    let new: NewKey = body.json()?;
    let account = new
        .account_id
        .map(|account| parse("account_id", &account, AccountId::parse))
        .transpose()?;
    let number = new
        .phone_number_id
        .map(|number| parse("phone_number_id", &number, PhoneNumberId::parse))
        .transpose()?;
    let grant = match (account, number) {
        (Some(account), Some(number)) => Grant::NumberOf(account, number),
        (Some(account), None) => Grant::Account(account),
        (None, Some(number)) => Grant::Number(number),
        (None, None) => {
            let detail = "or account_id must be given";
            return Err(Problem::field("phone_number_id", detail).into());
        }
    };
    let (key, secret) = keys::create(&app, &Actor::Operator, grant).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { info: key.into(), key: secret })))
}

/// Shows a key.
#[utoipa::path(
    get,
    path = "/v1/keys/{key_id}",
    operation_id = "get-key",
    params(("key_id" = String, Path, description = "The key's id, not its secret")),
    responses(
        (status = 200, description = "The key", body = KeyInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 400, description = "Not the id of a key", body = ErrorBody),
        (status = 404, description = "No such key", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Json<KeyInfo>, Error> {
    Ok(Json(keys::find(&app, named(&path)?).await?.into()))
}

/// Revokes a key: it opens nothing from now on. Revoking it again changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/keys/{key_id}",
    operation_id = "revoke-key",
    params(("key_id" = String, Path, description = "The key's id, not its secret")),
    responses(
        (status = 200, description = "The key, revoked", body = KeyInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 400, description = "Not the id of a key", body = ErrorBody),
        (status = 404, description = "No such key", body = ErrorBody),
    ),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Json<KeyInfo>, Error> {
    Ok(Json(keys::revoke(&app, &Actor::Operator, named(&path)?).await?.into()))
}

/// The key's id. Its secret is asked for so often that it gets an answer of its own.
fn named(path: &PathParams) -> Result<&str, Problem> {
    let id = path.get("key_id");
    if id.starts_with("key_") {
        return Ok(id);
    }
    Err(Problem::field(
        "key_id",
        "must be the key's id, which begins with key_, and not its secret",
    ))
}
