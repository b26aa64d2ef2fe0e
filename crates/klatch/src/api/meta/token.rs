//! Tokens: `/oauth/access_token` makes an app's, `/debug_token` says what one opens, `/me` and `/app`
//! who it is.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use wire::graph::fields::Fields;
use wire::graph::value::Id;
use wire::meta::error::Error as MetaError;
use wire::meta::error::ErrorBody;
use wire::paging::LIMIT_MAX;
use wire::problem::{Problem, required};

use super::Params;
use super::auth::{Caller, Identity, is_secret};
use super::error::Error;
use super::node::{APP_FIELDS, AppView, USER_FIELDS, UserView};
use crate::app::App;
use crate::directory::Account;
use crate::kit::reply::WrittenJson;

/// The only way of the four that Graph has to ask for a token that works without a person.
const CLIENT_CREDENTIALS: &str = "client_credentials";
/// The permissions of every key: what the calls of this server need.
const SCOPES: [&str; 2] = ["whatsapp_business_management", "whatsapp_business_messaging"];

/// The id of the system user that a caller's key stands for: 15 digits, the same for all keys of a
/// number, or of an account. Ours: Graph ids are digits, those of keys are not.
pub(super) fn user_id(caller: &Caller) -> String {
    let number = caller.only.as_ref().map(|number| number.id.as_str());
    let digest = Sha256::new()
        .chain_update("system user of ")
        .chain_update(caller.account.as_str())
        .chain_update([0])
        .chain_update(number.unwrap_or_default())
        .finalize();
    let bytes = [digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6]];
    let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{}", 100_000_000_000_000 + number % 900_000_000_000_000)
}

/// Asks for a token.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TokenRequest {
    /// `client_credentials`. Required.
    #[schema(example = "client_credentials", value_type = String)]
    grant_type: Option<String>,
    /// The app's id. Required.
    #[schema(example = "155507838810001", value_type = String)]
    client_id: Option<Id>,
    /// The app's secret. Required.
    #[schema(value_type = String)]
    client_secret: Option<String>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessToken {
    /// `<app id>|<app secret>`; it does not expire.
    access_token: String,
    /// `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
}

impl TokenRequest {
    async fn answer(self, app: &App) -> Result<Json<AccessToken>, Error> {
        let Self { grant_type, client_id, client_secret } = self;
        let Id(client_id) = client_id.ok_or_else(|| MetaError::missing_for_token("client_id"))?;
        let client_secret =
            client_secret.ok_or_else(|| MetaError::missing_for_token("client_secret"))?;
        let grant_type = required("grant_type", grant_type)?;
        if grant_type != CLIENT_CREDENTIALS {
            let detail = format!("must be {CLIENT_CREDENTIALS}, got {grant_type:?}");
            return Err(Problem::field("grant_type", detail).into());
        }
        let account = app
            .directory
            .account_of_app(&client_id)
            .await?
            .ok_or_else(MetaError::unknown_client)?;
        if !is_secret(&account, &client_secret) {
            return Err(MetaError::wrong_client_secret().into());
        }
        let access_token = format!("{client_id}|{client_secret}");
        Ok(Json(AccessToken { access_token, token_type: "bearer" }))
    }
}

/// Gives the token of an app, which opens what belongs to the app.
#[utoipa::path(
    get,
    path = "/oauth/access_token",
    operation_id = "getAppToken",
    security(()),
    params(
        ("grant_type" = String, Query, description = "`client_credentials`"),
        ("client_id" = String, Query, description = "The app's id"),
        ("client_secret" = String, Query, description = "The app's secret"),
    ),
    responses(
        (status = 200, description = "The app's token", body = AccessToken),
        (status = 400, description = "A parameter is missing, or the app or its secret is wrong", body = ErrorBody),
    ),
)]
pub(super) async fn get_access_token(
    State(app): State<App>,
    params: Params,
) -> Result<Json<AccessToken>, Error> {
    params.read::<TokenRequest>()?.answer(&app).await
}

/// Gives the token of an app, which opens what belongs to the app.
#[utoipa::path(
    post,
    path = "/oauth/access_token",
    operation_id = "createAppToken",
    security(()),
    request_body(content(
        (TokenRequest = "application/json"),
        (TokenRequest = "application/x-www-form-urlencoded"),
        (TokenRequest = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The app's token", body = AccessToken),
        (status = 400, description = "A parameter is missing, or the app or its secret is wrong", body = ErrorBody),
    ),
)]
pub(super) async fn create_access_token(
    State(app): State<App>,
    params: Params,
) -> Result<Json<AccessToken>, Error> {
    params.refuse_key()?;
    params.read::<TokenRequest>()?.answer(&app).await
}

/// What is known of a token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenInfo {
    data: TokenData,
}

/// What a token is and what it opens; of an invalid one only why it is invalid.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct TokenData {
    #[serde(skip_serializing_if = "Option::is_none")]
    app_id: Option<String>,
    /// `APP` or `SYSTEM_USER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    /// The app's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    /// Unix seconds; 0, since tokens do not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_access_expires_at: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<TokenError>,
    /// Unix seconds; 0, since tokens do not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u32>,
    is_valid: bool,
    /// Permissions; an app's token has none of a user's.
    scopes: Vec<&'static str>,
    /// The WhatsApp Business Accounts for which each permission was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    granular_scopes: Option<Vec<GranularScope>>,
    /// The system user whose token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
}

/// Why a token is invalid.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenError {
    /// 190.
    code: u32,
    message: &'static str,
}

/// A permission, and for what it was given.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GranularScope {
    scope: &'static str,
    target_ids: Vec<String>,
}

impl TokenData {
    fn invalid() -> Self {
        let message = "Invalid OAuth access token - Cannot parse access token";
        Self { error: Some(TokenError { code: 190, message }), ..Self::default() }
    }

    fn valid(account: &Account) -> Self {
        Self {
            app_id: Some(account.app.id.clone()),
            r#type: Some("APP"),
            application: Some(account.name.clone()),
            data_access_expires_at: Some(0),
            expires_at: Some(0),
            is_valid: true,
            granular_scopes: Some(Vec::new()),
            ..Self::default()
        }
    }

    async fn of(app: &App, identity: Identity) -> Result<Self, Error> {
        let caller = match identity {
            Identity::App(account) => return Ok(Self::valid(&account)),
            Identity::Key(caller) => caller,
        };
        let wabas = match &caller.only {
            Some(number) => vec![number.waba_id.clone()],
            None => app.directory.wabas(&caller.account, LIMIT_MAX).await?,
        };
        let granular = |scope| GranularScope { scope, target_ids: wabas.clone() };
        let user_id = Some(user_id(&caller));
        let account = Identity::Key(caller).account(app).await?;
        Ok(Self {
            r#type: Some("SYSTEM_USER"),
            scopes: SCOPES.to_vec(),
            granular_scopes: Some(SCOPES.map(granular).into()),
            user_id,
            ..Self::valid(&account)
        })
    }
}

/// The token of a request, as it was sent. Put beside it together with what the token is: see
/// `intake.rs`.
#[derive(Clone)]
pub(super) struct Sent(pub(super) String);

impl FromRequestParts<App> for Sent {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Ok(parts.extensions.get().cloned().ok_or_else(MetaError::no_token)?)
    }
}

/// Says what a token is and what it opens. The caller's own token can be asked about, and with the
/// app's token or a key of the whole account any token of the account.
#[utoipa::path(
    get,
    path = "/debug_token",
    operation_id = "debugToken",
    params(("input_token" = String, Query, description = "The token")),
    responses(
        (status = 200, description = "What the token is, or that it is invalid", body = TokenInfo),
        (status = 400, description = "A parameter is missing, or the caller cannot ask about other tokens", body = ErrorBody),
        (status = 401, description = "The caller's token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn debug(
    State(app): State<App>,
    Sent(sent): Sent,
    identity: Identity,
    params: Params,
) -> Result<Json<TokenInfo>, Error> {
    let input = required("input_token", params.get("input_token"))?;
    let input = input.trim();
    if input == sent {
        return Ok(Json(TokenInfo { data: TokenData::of(&app, identity).await? }));
    }
    if matches!(&identity, Identity::Key(caller) if caller.only.is_some()) {
        return Err(MetaError::cannot_debug().into());
    }
    let asking = identity.account(&app).await?;
    let data = match Identity::find(&app, input).await? {
        Some(Identity::App(account)) if account.id == asking.id => TokenData::valid(&account),
        Some(Identity::Key(caller)) if caller.account == asking.id => {
            TokenData::of(&app, Identity::Key(caller)).await?
        }
        _ => TokenData::invalid(),
    };
    Ok(Json(TokenInfo { data }))
}

/// Tells about the system user whose token it is.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "getMe",
    params(("fields" = Option<String>, Query, description = "Comma list of id and name; both, if left out")),
    responses(
        (status = 200, description = "The system user", body = UserView),
        (status = 400, description = "A field is unknown, or the token is an app's", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn me(
    State(app): State<App>,
    identity: Identity,
    params: Params,
) -> Result<WrittenJson, Error> {
    let Identity::Key(caller) = identity else { return Err(MetaError::no_user().into()) };
    let fields = Fields::parse(params.fields()?.as_deref(), USER_FIELDS)?;
    Ok(fields.write(&UserView::new(&app, &caller, &fields).await?)?.into())
}

/// Tells about the app of the token.
#[utoipa::path(
    get,
    path = "/app",
    operation_id = "getApp",
    params(("fields" = Option<String>, Query, description = "Comma list of id, name and link; all, if left out")),
    responses(
        (status = 200, description = "The app", body = AppView),
        (status = 400, description = "A field is unknown", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn app(
    State(app): State<App>,
    identity: Identity,
    params: Params,
) -> Result<WrittenJson, Error> {
    let fields = Fields::parse(params.fields()?.as_deref(), APP_FIELDS)?;
    Ok(fields.write(&AppView::new(&identity.account(&app).await?, &fields))?.into())
}
