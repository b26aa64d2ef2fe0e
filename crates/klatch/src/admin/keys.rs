//! `/v1/keys`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{AccountId, PhoneNumberId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::numbers::of_account;
use super::{Body, Listed, Query, rfc3339};
use crate::app::App;
use crate::directory::{Key, KeyHash, RecordChange};
use crate::http::paging::Address;
use crate::http::params::{PageParams, PathParams};
use crate::http::problem::{Problem, parse};

/// Characters of a secret that are kept to tell keys apart.
const HINT_CHARS: usize = 4;

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
    let page = query.page(&list)?;
    let slice = app.keys(account.as_ref(), page).await?;
    Ok(Json(Listed::new(&list, slice, page.limit, &address, KeyInfo::from)))
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
    let account = match (account, &number) {
        (Some(account), _) => account,
        (None, Some(number)) => {
            let unknown = || Error::unknown("phone_number_id");
            app.number(number).await?.ok_or_else(unknown)?.account.clone()
        }
        (None, None) => {
            let detail = "or account_id must be given";
            return Err(Problem::field("phone_number_id", detail).into());
        }
    };
    let secret = app.mint.secret();
    let key = Key {
        id: app.mint.key_id(),
        account,
        number,
        hint: secret.chars().take(HINT_CHARS).collect(),
        created_at: app.now(),
        revoked_at: None,
    };
    app.change(RecordChange::AddKey(key.clone(), KeyHash::of(&secret))).await?;
    tracing::info!(key = key.id, account = %key.account, "a key was created");
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
    show(&app, named(&path)?).await
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
    let id = named(&path)?;
    app.change(RecordChange::RevokeKey(id.to_owned(), app.now())).await.map_err(
        |error| match error {
            crate::app::ChangeError::Unknown { .. } => Error::unknown("key_id"),
            other => other.into(),
        },
    )?;
    tracing::info!(key = id, "a key was revoked");
    show(&app, id).await
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

async fn show(app: &App, id: &str) -> Result<Json<KeyInfo>, Error> {
    let key = app.key(id).await?.ok_or_else(|| Error::unknown("key_id"))?;
    Ok(Json(key.into()))
}
