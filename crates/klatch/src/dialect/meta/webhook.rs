//! Where Meta's callers say where webhooks go: the app's own receiver, the WABAs that it is
//! subscribed to, and other receivers in its place for a WABA or for a number.
//!
//! What is told there: see `graph/webhook.rs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Params;
use super::auth::{AppInPath, Caller};
use super::error::{Error, ErrorBody};
use super::number::Done;
use crate::app::App;
use crate::app::outbox::{Configured, Place, PlaceChange};
use crate::dialect::Dialect;
use crate::dialect::graph::params::Names;
use crate::directory::{
    Account, Activity, Number, Reach, RecordChange, Role, Subscription, Target,
};
use crate::http::params::PathParams;
use crate::http::problem::{Problem, required};
use crate::webhook::{Topic, target};

/// What an app subscribes to. There are other things in Graph, but none of them is told of here.
const OBJECT: &str = "whatsapp_business_account";

/// A receiver in place of the app's own.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewOverride {
    /// Where to send; empty removes the receiver. For a number it has to be there.
    #[schema(example = "https://example.com/hook", max_length = 200)]
    override_callback_uri: Option<String>,
    /// What the handshake says. Required unless the receiver is removed.
    verify_token: Option<String>,
}

/// Where the webhooks of a number go, before and after.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Configuration {
    /// The number's own receiver, which comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    /// Its WABA's, which comes second.
    #[serde(skip_serializing_if = "Option::is_none")]
    whatsapp_business_account: Option<String>,
    /// The app's, which comes last.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
}

/// The apps that are subscribed to a WABA: one, or none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscribedApps {
    data: Vec<SubscribedApp>,
}

/// An app that is subscribed to a WABA.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscribedApp {
    whatsapp_business_api_data: AppInfo,
    /// The receiver in place of the app's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    override_callback_uri: Option<String>,
}

/// An app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppInfo {
    id: String,
    link: String,
    name: String,
}

/// The app's own receiver.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewAppSubscription {
    /// `whatsapp_business_account`. Required.
    #[schema(example = "whatsapp_business_account", value_type = String)]
    object: Option<String>,
    /// Where to send. Required.
    #[schema(example = "https://example.com/hook", max_length = 200, value_type = String)]
    callback_url: Option<String>,
    /// What the handshake says. Required.
    #[schema(value_type = String)]
    verify_token: Option<String>,
    /// Comma list of what is told; everything, if left out.
    #[schema(
        example = "group_lifecycle_update,group_participants_update",
        value_type = Option<String>
    )]
    fields: Option<Names>,
}

/// Ends the subscription of an app, or a part of it.
#[derive(Debug, Deserialize)]
struct RemovedAppSubscription {
    object: Option<String>,
    fields: Option<Names>,
}

/// What an app is subscribed to: one thing, or nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppSubscriptions {
    data: Vec<AppSubscription>,
}

/// What an app is subscribed to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppSubscription {
    object: &'static str,
    callback_url: String,
    active: bool,
    fields: Vec<FieldInfo>,
}

/// A field that is told of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldInfo {
    name: &'static str,
}

/// The caller, and a number that stands for the WABA in the path.
pub(super) struct WabaInPath(Caller, Arc<Number>);

impl FromRequestParts<App> for WabaInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let Ok(params) = PathParams::from_request_parts(parts, app).await;
        let waba_id = params.get("waba_id");
        let no_such = || Error::no_such_object(&parts.method, waba_id);
        let number = match &caller.only {
            // A key of one number opens its WABA only if that has no other number.
            Some(number) if number.waba_id != waba_id => return Err(no_such()),
            Some(number) if !app.is_alone_on_waba(number).await? => {
                return Err(Error::not_permitted(
                    "other numbers belong to this WABA, too: use a key of the whole account",
                ));
            }
            Some(number) => Arc::clone(number),
            None => {
                let reach = Reach::Waba(waba_id.to_owned());
                app.first_number(&caller.account, &reach).await?.ok_or_else(no_such)?
            }
        };
        Ok(Self(caller, number))
    }
}

impl WabaInPath {
    fn reach(&self) -> Reach {
        Reach::Waba(self.1.waba_id.clone())
    }

    /// The change that subscribes the account's app to the WABA, or ends that.
    fn subscribe(&self, on: bool) -> RecordChange {
        let (account, waba_id) = (self.0.account.clone(), self.1.waba_id.clone());
        RecordChange::SubscribeApp { account, waba_id, on }
    }
}

/// Lists the apps that are subscribed to a WABA.
#[utoipa::path(
    get,
    path = "/{waba_id}/subscribed_apps",
    operation_id = "getSubscribedApps",
    params(("waba_id" = String, Path, description = "The WhatsApp Business Account")),
    responses(
        (status = 200, description = "The account's app, or none", body = SubscribedApps),
        (status = 400, description = "There is no such WABA", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    waba: WabaInPath,
) -> Result<Json<SubscribedApps>, Error> {
    let WabaInPath(_, number) = &waba;
    let mut data = Vec::new();
    if number.app_subscribed
        && let Some(account) = app.account(&number.account).await?
    {
        let own = app.holder(&place(&number.account, waba.reach())).await?;
        data.push(SubscribedApp {
            whatsapp_business_api_data: AppInfo {
                link: format!("https://www.facebook.com/games/?app_id={}", account.app.id),
                id: account.app.id,
                name: account.name,
            },
            override_callback_uri: own.map(|own| own.target.url.into()),
        });
    }
    Ok(Json(SubscribedApps { data }))
}

/// Subscribes the account's app to a WABA, with a receiver in place of the app's own, or without.
#[utoipa::path(
    post,
    path = "/{waba_id}/subscribed_apps",
    operation_id = "subscribeApp",
    params(("waba_id" = String, Path, description = "The WhatsApp Business Account")),
    request_body = Option<NewOverride>,
    responses(
        (status = 200, description = "It is subscribed", body = Done),
        (status = 400, description = "A field is wrong, the handshake failed, or there is no such WABA", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn subscribe(
    State(app): State<App>,
    waba: WabaInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    let NewOverride { override_callback_uri, verify_token } = params.read()?;
    // Without an address the app's own receiver is told again.
    let wanted = NewOverride {
        override_callback_uri: Some(override_callback_uri.unwrap_or_default()),
        verify_token,
    };
    let own = set_override(&app, &waba.1, waba.reach(), "", wanted).await?;
    app.change(RecordChange::All(vec![own, waba.subscribe(true)])).await?;
    tracing::info!(waba = waba.1.waba_id, "the app was subscribed to a WABA");
    Ok(Json(Done::DONE))
}

/// Ends the subscription of the account's app to a WABA.
#[utoipa::path(
    delete,
    path = "/{waba_id}/subscribed_apps",
    operation_id = "unsubscribeApp",
    params(("waba_id" = String, Path, description = "The WhatsApp Business Account")),
    responses(
        (status = 200, description = "It is not subscribed any more", body = Done),
        (status = 400, description = "There is no such WABA", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn unsubscribe(
    State(app): State<App>,
    waba: WabaInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    app.admit_configuration(&waba.0.account, &waba.reach()).await?;
    let own = app.change_place(place(&waba.1.account, waba.reach()), PlaceChange::Clear);
    app.change(RecordChange::All(vec![waba.subscribe(false), own])).await?;
    Ok(Json(Done::DONE))
}

/// Shows the app's own receiver.
#[utoipa::path(
    get,
    path = "/{app_id}/subscriptions",
    operation_id = "getAppSubscriptions",
    params(("app_id" = String, Path, description = "The account's app")),
    responses(
        (status = 200, description = "The receiver, or none", body = AppSubscriptions),
        (status = 400, description = "There is no such app", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
        (status = 403, description = "The token is of one number, not of the account", body = ErrorBody),
    ),
)]
pub(super) async fn get_app(
    State(app): State<App>,
    AppInPath(account): AppInPath,
) -> Result<Json<AppSubscriptions>, Error> {
    let own = app.holder(&place(&account.id, Reach::Account)).await?;
    let data = own.map(|Subscription { target, topics, activity, .. }| AppSubscription {
        object: OBJECT,
        callback_url: target.url.into(),
        active: activity == Activity::On,
        fields: topics
            .unwrap_or_else(|| Topic::ALL.to_vec())
            .into_iter()
            .map(|topic| FieldInfo { name: topic.as_str() })
            .collect(),
    });
    Ok(Json(AppSubscriptions { data: data.into_iter().collect() }))
}

/// Sets the app's own receiver: told of the WABAs that the app is subscribed to, unless another one
/// is in its place.
#[utoipa::path(
    post,
    path = "/{app_id}/subscriptions",
    operation_id = "setAppSubscription",
    params(("app_id" = String, Path, description = "The account's app")),
    request_body = NewAppSubscription,
    responses(
        (status = 200, description = "It is set", body = Done),
        (status = 400, description = "A field is wrong, the handshake failed, or there is no such app", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
        (status = 403, description = "The token is of one number, not of the account", body = ErrorBody),
    ),
)]
pub(super) async fn set_app(
    State(app): State<App>,
    AppInPath(account): AppInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    let NewAppSubscription { object, callback_url, verify_token, fields } = params.read()?;
    check_object(&required("object", object)?)?;
    let url = required("callback_url", callback_url)?;
    let topics = match fields {
        Some(Names(fields)) => topics(&fields)?,
        None => Topic::ALL.to_vec(),
    };
    app.admit_configuration(&account.id, &Reach::Account).await?;
    let receiver =
        verified(&app, &account, "callback_url", &url, ("verify_token", verify_token)).await?;
    let place = place(&account.id, Reach::Account);
    app.change(app.set_place(place, Configured { topics: Some(topics), ..receiver })).await?;
    tracing::info!(account = %account.id, "an app's webhook was configured");
    Ok(Json(Done::DONE))
}

/// Removes the app's own receiver, or has it told less.
#[utoipa::path(
    delete,
    path = "/{app_id}/subscriptions",
    operation_id = "removeAppSubscription",
    params(
        ("app_id" = String, Path, description = "The account's app"),
        ("object" = Option<String>, Query, description = "`whatsapp_business_account`, if given"),
        ("fields" = Option<String>, Query, description = "Comma list of what is told no more; everything, if left out"),
    ),
    responses(
        (status = 200, description = "There is none any more", body = Done),
        (status = 400, description = "There is no such app", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
        (status = 403, description = "The token is of one number, not of the account", body = ErrorBody),
    ),
)]
pub(super) async fn remove_app(
    State(app): State<App>,
    AppInPath(account): AppInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    let RemovedAppSubscription { object, fields } = params.read()?;
    check_object(object.as_deref().unwrap_or(OBJECT))?;
    let change = match fields {
        Some(Names(ended)) => PlaceChange::EndTopics(topics(&ended)?),
        None => PlaceChange::Clear,
    };
    app.admit_configuration(&account.id, &Reach::Account).await?;
    app.change(app.change_place(place(&account.id, Reach::Account), change)).await?;
    Ok(Json(Done::DONE))
}

/// Where a number's webhooks go.
pub(super) async fn configuration(app: &App, number: &Number) -> Result<Configuration, Error> {
    let address = async |reach| -> Result<Option<String>, Error> {
        let holder = app.holder(&place(&number.account, reach)).await?;
        Ok(holder.map(|holder| holder.target.url.into()))
    };
    Ok(Configuration {
        phone_number: address(Reach::Number(number.id.clone())).await?,
        whatsapp_business_account: address(Reach::Waba(number.waba_id.clone())).await?,
        application: address(Reach::Account).await?,
    })
}

/// Puts a number's own receiver in the place of all others, or takes it away.
pub(super) async fn override_number(
    app: &App,
    number: &Number,
    wanted: NewOverride,
) -> Result<(), Error> {
    let reach = Reach::Number(number.id.clone());
    let own = set_override(app, number, reach, "webhook_configuration.", wanted).await?;
    app.change(own).await?;
    tracing::info!(number = %number.id, "a webhook was configured");
    Ok(())
}

/// The place of the one receiver that this reach has in Meta's configuration.
fn place(account: &AccountId, reach: Reach) -> Place {
    let role = Role::Main { over_all: false };
    Place { account: account.clone(), dialect: Dialect::Meta, reach, role }
}

/// The change that puts a receiver that has answered the handshake in place of all others, or takes
/// it away. `at` stands before the names of the fields.
async fn set_override(
    app: &App,
    number: &Number,
    reach: Reach,
    at: &str,
    wanted: NewOverride,
) -> Result<RecordChange, Error> {
    let field = format!("{at}override_callback_uri");
    let url = required(&field, wanted.override_callback_uri)?;
    app.admit_configuration(&number.account, &reach).await?;
    let place = place(&number.account, reach);
    if url.is_empty() {
        return Ok(app.change_place(place, PlaceChange::Clear));
    }
    // The account is there as long as its number is.
    let account = app.account(&number.account).await?;
    let account = account.ok_or_else(|| Problem::field("id", "belongs to no account"))?;
    let token = (format!("{at}verify_token"), wanted.verify_token);
    let receiver = verified(app, &account, &field, &url, (&token.0, token.1)).await?;
    Ok(app.set_place(place, receiver))
}

/// A receiver that has answered the handshake. Its deliveries are signed with the app's secret.
async fn verified(
    app: &App,
    account: &Account,
    field: &str,
    url: &str,
    (token_field, token): (&str, Option<String>),
) -> Result<Configured, Error> {
    let token = target::verify_token(token_field, required(token_field, token)?)?;
    let client = app.outbound.of(&account.id);
    let target = Target {
        url: target::url(field, url, Dialect::Meta, client.guard()).await?,
        headers: Vec::new(),
        timeout: target::default_timeout(Dialect::Meta),
    };
    let challenge = app.mint.challenge();
    let shaken = client.shake_hands(&target, &token, &challenge).await;
    shaken.map_err(|failure| Error::handshake_failed(field, &failure))?;
    Ok(Configured {
        target,
        topics: None,
        secret: Some(account.app.secret.clone()),
        verify_token: Some(token),
        vendor_signature: true,
    })
}

fn check_object(object: &str) -> Result<(), Problem> {
    if object == OBJECT {
        return Ok(());
    }
    Err(Problem::field("object", format!("must be {OBJECT}")))
}

/// Reads a comma list of fields. Graph has others, of which nothing is told here; but what begins
/// like a group's must be one, and a list that has neither a group's nor `messages`, which every app
/// wants, is a mistake.
fn topics(list: &str) -> Result<Vec<Topic>, Problem> {
    let names = || list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let all = Topic::ALL.map(Topic::as_str).join(", ");
    if !names().any(|name| name == "messages" || name.starts_with("group_")) {
        return Err(Problem::field("fields", format!("must name some of {all}")));
    }
    let mut topics = Vec::new();
    for name in names() {
        match Topic::parse(name) {
            Some(topic) if topics.contains(&topic) => {}
            Some(topic) => topics.push(topic),
            None if name.starts_with("group_") => {
                let detail = format!("names {name}, but of groups there are only {all}");
                return Err(Problem::field("fields", detail));
            }
            None => {}
        }
    }
    Ok(topics)
}
