//! Where Meta's callers say where webhooks go: the app's own receiver, the WABAs that it is
//! subscribed to, and other receivers in its place for a WABA or for a number.
//!
//! What is told there: see `graph/webhook.rs`.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::Dialect;
use wire::graph::value::Names;
use wire::meta::error::Error as MetaError;
use wire::meta::error::ErrorBody;
use wire::news::Topic;
use wire::problem::{Problem, required};

use super::Params;
use super::auth::AppInPath;
use super::error::{Error, not_configured};
use super::headers::NEWEST;
use super::node::link;
use super::number::Done;
use super::waba::WabaInPath;
use crate::app::webhooks::Step;
use crate::app::{App, webhooks};
use crate::directory::{
    Account, Activity, Configured, Number, Place, Reach, Role, Subscription, Target, VendorField,
};
use crate::kit::choice::Base;
use crate::webhook::target;

/// What an app subscribes to. There are other things in Graph, but none of them is told of here.
const OBJECT: &str = "whatsapp_business_account";

/// The webhook fields that Meta has had for this object, in the order of the alphabet. Sources: the
/// webhooks reference of 2026, Graph's reference of the object, and field lists of public clients.
const FIELDS: [&str; 35] = [
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "account_update",
    "automatic_events",
    "business_capability_update",
    "business_status_update",
    "calls",
    "flows",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "history",
    "message_echoes",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "messages",
    "messaging_handovers",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "smb_app_state_sync",
    "smb_message_echoes",
    "standby",
    "template_category_update",
    "template_correct_category_detection",
    "tracking_events",
    "user_id_update",
    "user_preferences",
    "web_app_data_sync",
    "web_message_echoes",
];

/// The field that holds the address of the app's own receiver.
const CALLBACK: &str = "callback_url";
/// The field that holds the address of a receiver in place of the app's own.
pub(super) const OVERRIDE: &str = "override_callback_uri";
/// What stands before the names of the fields where a number is configured.
pub(super) const IN_CONFIGURATION: &str = "webhook_configuration.";

/// The version of Graph that a call was made with; the newest, where it names none.
pub(super) struct Version(String);

impl FromRequestParts<App> for Version {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let version = parts.extensions.get::<Base>().and_then(Base::version);
        Ok(Self(version.unwrap_or(NEWEST).to_owned()))
    }
}

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
    /// Comma list of webhook fields of Meta's, at least one; all four fields of groups, if left
    /// out. Fields without events on this server are kept and listed.
    #[schema(
        example = "messages,group_lifecycle_update,group_participants_update",
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

/// A webhook field that the app is subscribed to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldInfo {
    name: String,
    /// The version of Graph with which it was subscribed to.
    #[schema(example = "v23.0")]
    version: String,
}

impl From<VendorField> for FieldInfo {
    fn from(VendorField { name, version }: VendorField) -> Self {
        Self { name, version }
    }
}

impl WabaInPath {
    /// The number that stands for the WABA: its first.
    fn number(&self) -> &Number {
        &self.numbers[0]
    }

    fn reach(&self) -> Reach {
        Reach::Waba(self.number().waba_id.clone())
    }

    /// The step that subscribes the account's app to the WABA, or ends that.
    fn subscribe(&self, on: bool) -> Step {
        let Number { account, waba_id, .. } = self.number().clone();
        Step::SubscribeApp { account, waba_id, on }
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
    let number = waba.number();
    let mut data = Vec::new();
    if number.app_subscribed
        && let Some(account) = app.directory.account(&number.account).await?
    {
        let own = app.directory.holder(&place(&number.account, waba.reach())).await?;
        data.push(SubscribedApp {
            whatsapp_business_api_data: AppInfo {
                link: link(&account.app.id),
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
    webhooks::admit(&app, &waba.number().account, &waba.reach()).await?;
    let may = waba.numbers.iter().any(may_override);
    let own = set_override(&app, waba.number(), waba.reach(), may, "", wanted).await?;
    let configured = webhooks::configure(&app, &waba.actor, vec![own, waba.subscribe(true)]).await;
    configured.map_err(|error| not_configured("", OVERRIDE, error))?;
    tracing::info!(waba = waba.number().waba_id, "the app was subscribed to a WABA");
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
    let account = &waba.number().account;
    webhooks::admit(&app, account, &waba.reach()).await?;
    let own = Step::Clear(place(account, waba.reach()));
    let configured = webhooks::configure(&app, &waba.actor, vec![waba.subscribe(false), own]).await;
    configured.map_err(|error| not_configured("", OVERRIDE, error))?;
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
    AppInPath { account, .. }: AppInPath,
) -> Result<Json<AppSubscriptions>, Error> {
    let own = app.directory.holder(&place(&account.id, Reach::Account)).await?;
    let data = own.map(|own| AppSubscription {
        object: OBJECT,
        active: own.activity == Activity::On,
        fields: subscribed_fields(&own).into_iter().map(FieldInfo::from).collect(),
        callback_url: own.target.url.into(),
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
    AppInPath { account, actor }: AppInPath,
    Version(version): Version,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    let NewAppSubscription { object, callback_url, verify_token, fields } = params.read()?;
    check_object(&required("object", object)?)?;
    let url = required(CALLBACK, callback_url)?;
    let names = match fields {
        Some(Names(list)) => field_names(&list)?,
        None => Topic::ALL.map(Topic::as_str).to_vec(),
    };
    webhooks::admit(&app, &account.id, &Reach::Account).await?;
    let fields = with_version(&names, &version);
    let topics = Some(topics(&fields));
    let receiver = receiver(&app, &account, CALLBACK, &url, ("verify_token", verify_token)).await?;
    let receiver = Configured { topics, fields, ..receiver };
    let own = Step::Set(place(&account.id, Reach::Account), receiver);
    let configured = webhooks::configure(&app, &actor, vec![own]).await;
    configured.map_err(|error| not_configured("", CALLBACK, error))?;
    tracing::info!(account = %account.id, "an app's webhook was configured");
    Ok(Json(Done::DONE))
}

/// Removes the app's own receiver, or unsubscribes it from some fields.
#[utoipa::path(
    delete,
    path = "/{app_id}/subscriptions",
    operation_id = "removeAppSubscription",
    params(
        ("app_id" = String, Path, description = "The account's app"),
        ("object" = Option<String>, Query, description = "`whatsapp_business_account`, if given"),
        ("fields" = Option<String>, Query, description = "Comma list of webhook fields to unsubscribe from, at least one; the others stay. The whole subscription is removed, if left out"),
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
    AppInPath { account, actor }: AppInPath,
    params: Params,
) -> Result<Json<Done>, Error> {
    params.refuse_key()?;
    let RemovedAppSubscription { object, fields } = params.read()?;
    check_object(object.as_deref().unwrap_or(OBJECT))?;
    let own = place(&account.id, Reach::Account);
    let step = match fields {
        Some(Names(ended)) => {
            let ended = field_names(&ended)?;
            Step::EndFields(own, ended.into_iter().map(str::to_owned).collect())
        }
        None => Step::Clear(own),
    };
    webhooks::admit(&app, &account.id, &Reach::Account).await?;
    let configured = webhooks::configure(&app, &actor, vec![step]).await;
    configured.map_err(|error| not_configured("", CALLBACK, error))?;
    Ok(Json(Done::DONE))
}

/// Where a number's webhooks go.
pub(super) async fn configuration(app: &App, number: &Number) -> Result<Configuration, Error> {
    let address = async |reach| -> Result<Option<String>, Error> {
        let holder = app.directory.holder(&place(&number.account, reach)).await?;
        Ok(holder.map(|holder| holder.target.url.into()))
    };
    Ok(Configuration {
        phone_number: address(Reach::Number(number.id.clone())).await?,
        whatsapp_business_account: address(Reach::Waba(number.waba_id.clone())).await?,
        application: address(Reach::Account).await?,
    })
}

/// The step that puts a number's own receiver in the place of all others, or takes it away.
pub(super) async fn override_number(
    app: &App,
    number: &Number,
    wanted: NewOverride,
) -> Result<Step, Error> {
    let reach = Reach::Number(number.id.clone());
    let may = may_override(number);
    set_override(app, number, reach, may, IN_CONFIGURATION, wanted).await
}

/// Whether a receiver can be put in the place of the app's own: as at Meta, once the app is
/// subscribed to the WABA, unless the operator has lifted that for the number.
fn may_override(number: &Number) -> bool {
    number.app_subscribed || number.unsubscribed_overrides
}

/// The place of the one receiver that this reach has in Meta's configuration.
fn place(account: &AccountId, reach: Reach) -> Place {
    let role = Role::Main { over_all: false };
    Place { account: account.clone(), dialect: Dialect::META, reach, role }
}

/// The step that puts a receiver in place of all others, or takes it away. `at` stands before the
/// names of the fields.
async fn set_override(
    app: &App,
    number: &Number,
    reach: Reach,
    may_override: bool,
    at: &str,
    wanted: NewOverride,
) -> Result<Step, Error> {
    let field = format!("{at}{OVERRIDE}");
    let url = required(&field, wanted.override_callback_uri)?;
    let place = place(&number.account, reach);
    if url.is_empty() {
        return Ok(Step::Clear(place));
    }
    if !may_override {
        return Err(MetaError::not_subscribed().into());
    }
    // The account is there as long as its number is.
    let account = app.directory.account(&number.account).await?;
    let account = account.ok_or_else(|| Problem::field("id", "belongs to no account"))?;
    let token = (format!("{at}verify_token"), wanted.verify_token);
    let receiver = receiver(app, &account, &field, &url, (&token.0, token.1)).await?;
    Ok(Step::Set(place, receiver))
}

/// A receiver as it is described here. Its deliveries are signed with the app's secret.
async fn receiver(
    app: &App,
    account: &Account,
    field: &str,
    url: &str,
    (token_field, token): (&str, Option<String>),
) -> Result<Configured, Error> {
    let token = target::verify_token(token_field, required(token_field, token)?)?;
    let client = app.outbound.of(&account.id);
    let target = Target {
        url: target::url(field, url, Dialect::META, client.guard()).await?,
        headers: Vec::new(),
        timeout: Dialect::META.webhooks.timeout,
    };
    Ok(Configured {
        target,
        topics: None,
        fields: Vec::new(),
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

/// Reads a comma list of webhook fields.
///
/// # Errors
///
/// It names none, or one that Meta never had.
fn field_names(list: &str) -> Result<Vec<&'static str>, Problem> {
    let mut names = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some(known) = FIELDS.into_iter().find(|known| *known == name) else {
            let known = FIELDS.join(", ");
            return Err(Problem::field("fields", format!("must be some of {known}; got {name:?}")));
        };
        if !names.contains(&known) {
            names.push(known);
        }
    }
    if names.is_empty() {
        return Err(Problem::field("fields", "must name at least one field"));
    }
    Ok(names)
}

fn with_version(names: &[&str], version: &str) -> Vec<VendorField> {
    let field = |name: &&str| VendorField { name: (*name).to_owned(), version: version.to_owned() };
    names.iter().map(field).collect()
}

/// Those of the fields for which there are events.
fn topics(fields: &[VendorField]) -> Vec<Topic> {
    fields.iter().filter_map(|field| Topic::parse(&field.name)).collect()
}

/// The fields of a subscription as they were asked for. Our own API can change its topics: those
/// that it has added are listed with the newest version.
fn subscribed_fields(own: &Subscription) -> Vec<VendorField> {
    let mut fields = own.fields.clone();
    fields.retain(|field| Topic::parse(&field.name).is_none_or(|topic| own.wants(topic)));
    for topic in Topic::ALL.into_iter().filter(|topic| own.wants(*topic)) {
        if fields.iter().all(|field| field.name != topic.as_str()) {
            fields.extend(with_version(&[topic.as_str()], NEWEST));
        }
    }
    fields
}
