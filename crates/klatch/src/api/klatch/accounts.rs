//! `/v1/accounts`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::AccountId;
use domain::values::Subject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::problem::{parse, required};

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::{Body, Listed, Query, listed, rfc3339};
use crate::app::{App, accounts};
use crate::directory::{Account, Actor};
use crate::kit::paging::Address;
use crate::kit::params::{PageParams, PathParams};

/// Asks for an account.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewAccount {
    /// Minted if left out.
    #[schema(example = "acc_acme")]
    id: Option<String>,
    /// What you call it, 1 to 128 characters. Required.
    #[schema(example = "Acme Motors", value_type = String)]
    name: Option<String>,
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountInfo {
    id: String,
    name: String,
    /// The id of the account's app, as Meta's API has it.
    app_id: String,
    /// What signs the webhooks that were configured through Meta's API: the key of
    /// `X-Hub-Signature-256`. Not shown in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_secret: Option<String>,
    created_at: String,
}

impl AccountInfo {
    fn with_secret(account: Account) -> Self {
        let app_secret = Some(account.app.secret.reveal().to_owned());
        Self { app_secret, ..account.into() }
    }
}

impl From<Account> for AccountInfo {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name,
            app_id: account.app.id,
            app_secret: None,
            created_at: rfc3339(account.created_at),
        }
    }
}

/// Lists the accounts, oldest first.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    operation_id = "list-accounts",
    params(PageParams),
    responses(
        (status = 200, description = "A page of accounts", body = Listed<AccountInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Operator,
    query: Query,
    address: Address,
) -> Result<Json<Listed<AccountInfo>>, Error> {
    listed("accounts", &query, &address, async |page| Ok(app.directory.accounts(page).await?)).await
}

/// Creates an account.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    operation_id = "create-account",
    request_body = NewAccount,
    responses(
        (status = 201, description = "The account exists", body = AccountInfo),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 409, description = "The id is in use", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    _: Operator,
    body: Body,
) -> Result<(StatusCode, Json<AccountInfo>), Error> {
    body.refuse_key()?;
    let new: NewAccount = body.json()?;
    let id = new.id.map(|id| parse("id", &id, AccountId::parse)).transpose()?;
    // A name is a line of text like any other.
    let name = parse("name", &required("name", new.name)?, Subject::parse)?.as_str().to_owned();
    let account = accounts::create(&app, &Actor::Operator, id, name).await?;
    Ok((StatusCode::CREATED, Json(AccountInfo::with_secret(account))))
}

/// Shows an account.
#[utoipa::path(
    get,
    path = "/v1/accounts/{account_id}",
    operation_id = "get-account",
    params(("account_id" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = AccountInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such account", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Json<AccountInfo>, Error> {
    let unknown = || Error::unknown("account_id");
    let id = AccountId::parse(path.get("account_id")).map_err(|_| unknown())?;
    let account = app.directory.account(&id).await?.ok_or_else(unknown)?;
    Ok(Json(AccountInfo::with_secret(account)))
}
