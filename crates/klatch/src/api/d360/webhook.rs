//! Where 360dialog's callers say where webhooks go: `/v1/configs/webhook` for the number,
//! `/waba_webhook` for all numbers of its WABA, `/multi_webhook` for receivers besides.
//!
//! What is told there is Meta's, passed through: see `graph/webhook.rs`.

use std::collections::BTreeMap;
use std::fmt;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use domain::values::Subject;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use wire::Dialect;
use wire::d360::error::Error as D360Error;
use wire::d360::error::ErrorBody;
use wire::d360::error::MetaBody;
use wire::problem::{Problem, parse, required};

use super::auth::Caller;
use super::error::Error;
use crate::app::webhooks::{ConfigureError, Step};
use crate::app::{App, webhooks};
use crate::directory::{
    Actor, Configured, Number, NumberChange, Place, Reach, Role, Subscription, SubscriptionChange,
    Target,
};
use crate::kit::reply::Refused;
use crate::store::ChangeError;
use crate::telemetry;
use crate::webhook::target;

/// Receivers besides the main one. Published.
const EXTRAS_MAX: usize = 3;
const IN_USE: &str = "is in use already";

type Headers = BTreeMap<String, String>;

/// Reads an object of headers. `null` and an empty list are no headers: PHP writes an empty map so.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Headers, D::Error> {
    struct Given;

    impl<'de> Visitor<'de> for Given {
        type Value = Headers;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of header names and values")
        }

        fn visit_unit<E>(self) -> Result<Headers, E> {
            Ok(Headers::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
            match list.next_element::<IgnoredAny>()? {
                None => Ok(Headers::new()),
                Some(_) => Err(de::Error::invalid_type(Unexpected::Seq, &self)),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Headers, A::Error> {
            Headers::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(Given)
}

/// As [`headers`]; `None` only where the field is missing.
fn given_headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Headers>, D::Error> {
    headers(deserializer).map(Some)
}

/// Errors of the configuration calls have a shape of their own.
type ConfigError = Refused<wire::d360::error::ConfigError>;

impl From<wire::d360::error::Error> for ConfigError {
    fn from(error: wire::d360::error::Error) -> Self {
        Self(error.into())
    }
}

impl From<Error> for ConfigError {
    fn from(Refused(error): Error) -> Self {
        error.into()
    }
}

type ConfigBody = crate::kit::body::Body<ConfigError>;

/// The caller of a configuration call.
pub(super) struct Configurer(Caller);

impl FromRequestParts<App> for Configurer {
    type Rejection = ConfigError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ConfigError> {
        Ok(Self(Caller::from_request_parts(parts, app).await?))
    }
}

/// A receiver.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct WebhookConfig {
    /// Where to send; empty removes the receiver. Required.
    #[schema(example = "https://example.com/hook", max_length = 200, value_type = String)]
    url: Option<String>,
    /// Headers that are sent along with every delivery.
    #[serde(default, deserialize_with = "headers")]
    headers: Headers,
}

/// The receiver of a WABA, as it is set.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewWabaWebhook {
    /// Where to send; empty removes the receiver. Required.
    #[schema(example = "https://example.com/hook", max_length = 200, value_type = String)]
    url: Option<String>,
    /// Headers that are sent along with every delivery.
    #[serde(default, deserialize_with = "headers")]
    headers: Headers,
    /// Whether this receiver comes before those of the numbers.
    #[serde(default)]
    override_all: bool,
}

/// The receiver of a WABA.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WabaWebhook {
    url: String,
    headers: Headers,
    /// Not published: only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    override_all: Option<bool>,
    waba_id: String,
    /// In digits.
    numbers_on_this_waba: Vec<String>,
}

/// A receiver besides the main one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Destination {
    /// Unique for the number; case counts. Required.
    #[schema(example = "crm", value_type = String)]
    name: Option<String>,
    /// Where to send. Required.
    #[schema(example = "https://example.com/hook", max_length = 200, value_type = String)]
    url: Option<String>,
    /// Headers that are sent along with every delivery.
    #[serde(default, deserialize_with = "headers")]
    headers: Headers,
}

/// The receivers besides the main one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MultiWebhook {
    /// Whether they are told anything.
    enabled: bool,
    destinations: Vec<Destination>,
}

/// Switches the receivers besides the main one on or off.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MultiWebhookSwitch {
    /// Required.
    #[schema(value_type = bool)]
    enabled: Option<bool>,
    /// Replaces them, where it is there.
    destinations: Option<Vec<Destination>>,
}

/// Changes a receiver besides the main one. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChangedDestination {
    /// The receiver's name. Required.
    #[schema(example = "crm", value_type = String)]
    name: Option<String>,
    /// Where to send.
    #[schema(example = "https://example.com/hook", max_length = 200)]
    url: Option<String>,
    /// Headers that are sent along with every delivery, in place of those that were.
    #[serde(default, deserialize_with = "given_headers")]
    headers: Option<Headers>,
}

/// More receivers besides the main one.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Destinations {
    /// Together with those that there are, at most three. Required.
    #[schema(value_type = Vec<Destination>)]
    destinations: Option<Vec<Destination>>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Message {
    message: String,
}

/// Shows the number's receiver.
#[utoipa::path(
    get,
    path = "/configs/webhook",
    operation_id = "get-webhook",
    responses(
        (status = 200, description = "The receiver", body = WebhookConfig),
        (status = 401, description = "The key is missing, wrong or revoked", body = MetaBody),
        (status = 404, description = "None is set", body = MetaBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    Configurer(Caller { number, .. }): Configurer,
) -> Result<Json<WebhookConfig>, ConfigError> {
    let receiver =
        main_of(&app, &number, &of_number(&number)).await?.ok_or_else(D360Error::no_webhook)?;
    Ok(Json(WebhookConfig {
        url: Some(receiver.target.url.to_string()),
        headers: shown(&receiver.target),
    }))
}

/// Sets the number's receiver.
#[utoipa::path(
    post,
    path = "/configs/webhook",
    operation_id = "set-webhook",
    request_body = WebhookConfig,
    responses(
        (status = 200, description = "The receiver", body = WebhookConfig),
        (status = 400, description = "A field is wrong", body = MetaBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = MetaBody),
        (status = 429, description = "The number has used up its operations", body = MetaBody),
    ),
)]
pub(super) async fn set(
    State(app): State<App>,
    Configurer(Caller { number, actor }): Configurer,
    body: ConfigBody,
) -> Result<Json<WebhookConfig>, ConfigError> {
    body.refuse_key()?;
    let config: WebhookConfig = body.json()?;
    let reach = of_number(&number);
    set_main(&app, &actor, &number, reach, config.url.clone(), &config.headers, false).await?;
    Ok(Json(config))
}

/// Removes the number's receiver. Not 360dialog's own call: there an empty address does it, as it
/// does here.
#[utoipa::path(
    delete,
    path = "/configs/webhook",
    operation_id = "remove-webhook",
    responses(
        (status = 200, description = "There is none any more", body = MetaBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = MetaBody),
        (status = 404, description = "None is set", body = MetaBody),
        (status = 429, description = "The number has used up its operations", body = MetaBody),
    ),
)]
pub(super) async fn remove(
    State(app): State<App>,
    Configurer(Caller { number, actor }): Configurer,
) -> Result<Json<MetaBody>, ConfigError> {
    webhooks::admit(&app, &number.account, &of_number(&number)).await?;
    let clear = Step::Clear(main_place(&number, of_number(&number), false));
    let cleared = webhooks::configure(&app, &actor, vec![clear]).await;
    if cleared.map_err(Error::from)?.removed.is_empty() {
        return Err(D360Error::no_webhook().into());
    }
    Ok(Json(MetaBody::done("the webhook was removed", telemetry::trace_id())))
}

/// Shows the receiver of the number's WABA.
#[utoipa::path(
    get,
    path = "/waba_webhook",
    operation_id = "get-waba-webhook",
    responses(
        (status = 200, description = "The receiver", body = WabaWebhook),
        (status = 401, description = "The key is missing, wrong or revoked", body = MetaBody),
        (status = 403, description = "The WABA has other numbers, which the key does not open", body = MetaBody),
        (status = 404, description = "None is set", body = MetaBody),
    ),
)]
pub(super) async fn get_waba(
    State(app): State<App>,
    Configurer(Caller { number, .. }): Configurer,
) -> Result<Json<WabaWebhook>, ConfigError> {
    let reach = waba_of(&app, &number).await?;
    let receiver = main_of(&app, &number, &reach).await?.ok_or_else(D360Error::no_webhook)?;
    Ok(Json(WabaWebhook::new(&number, Some(receiver))))
}

/// Sets the receiver of the number's WABA: told of the numbers that have none of their own, or of
/// all of them.
#[utoipa::path(
    post,
    path = "/waba_webhook",
    operation_id = "set-waba-webhook",
    request_body = NewWabaWebhook,
    responses(
        (status = 200, description = "The receiver", body = WabaWebhook),
        (status = 400, description = "A field is wrong", body = MetaBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = MetaBody),
        (status = 403, description = "The WABA has other numbers, which the key does not open", body = MetaBody),
        (status = 429, description = "The number has used up its operations", body = MetaBody),
    ),
)]
pub(super) async fn set_waba(
    State(app): State<App>,
    Configurer(Caller { number, actor }): Configurer,
    body: ConfigBody,
) -> Result<Json<WabaWebhook>, ConfigError> {
    body.refuse_key()?;
    let NewWabaWebhook { url, headers, override_all } = body.json()?;
    let reach = waba_of(&app, &number).await?;
    set_main(&app, &actor, &number, reach.clone(), url, &headers, override_all).await?;
    let receiver = main_of(&app, &number, &reach).await?;
    Ok(Json(WabaWebhook::new(&number, receiver)))
}

/// Shows the receivers besides the main one.
#[utoipa::path(
    get,
    path = "/multi_webhook",
    operation_id = "get-multi-webhook",
    responses(
        (status = 200, description = "The receivers", body = MultiWebhook),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn get_multi(
    State(app): State<App>,
    Caller { number, .. }: Caller,
) -> Result<Json<MultiWebhook>, Error> {
    let destinations = extras(&webhooks::reaching(&app, &number).await?)
        .map(|(name, receiver)| Destination {
            name: Some(name.to_owned()),
            url: Some(receiver.target.url.to_string()),
            headers: shown(&receiver.target),
        })
        .collect();
    Ok(Json(MultiWebhook { enabled: number.extra_receivers, destinations }))
}

/// Switches the receivers besides the main one on or off. They are told of what the main one has
/// taken.
#[utoipa::path(
    post,
    path = "/multi_webhook",
    operation_id = "switch-multi-webhook",
    request_body = MultiWebhookSwitch,
    responses(
        (status = 200, description = "It is switched", body = Message),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
        (status = 409, description = "It is so already", body = Message),
        (status = 429, description = "The number has used up its operations", body = ErrorBody),
    ),
)]
pub(super) async fn switch_multi(
    State(app): State<App>,
    Caller { number, actor }: Caller,
    body: super::Body,
) -> Result<Response, Error> {
    body.refuse_key()?;
    let MultiWebhookSwitch { enabled, destinations } = body.json()?;
    let enabled = required("enabled", enabled)?;
    let word = if enabled { "enabled" } else { "disabled" };
    if enabled == number.extra_receivers && destinations.is_none() {
        let message = format!("multi webhook is already {word}");
        return Ok((StatusCode::CONFLICT, Json(Message { message })).into_response());
    }
    webhooks::admit(&app, &number.account, &of_number(&number)).await?;
    let mut steps = Vec::new();
    if let Some(destinations) = destinations {
        let read = read_all(&app, &number, destinations).await?;
        let main = main_place(&number, of_number(&number), false);
        let names = read.iter().map(|(name, _)| name.clone()).collect();
        steps.push(Step::RetainExtras(main, names));
        let set = |(name, receiver)| Step::Set(extra_place(&number, name), receiver);
        steps.extend(read.into_iter().map(set));
    }
    let change = NumberChange { extra_receivers: Some(enabled), ..NumberChange::default() };
    steps.push(Step::Number(number.id.clone(), change));
    webhooks::configure(&app, &actor, steps).await?;
    let message = format!("multi webhook was started: it is {word}");
    Ok(Json(Message { message }).into_response())
}

/// Adds receivers besides the main one: all of them, or none.
#[utoipa::path(
    put,
    path = "/multi_webhook",
    operation_id = "add-multi-webhook",
    request_body = Destinations,
    responses(
        (status = 200, description = "They are added", body = Message),
        (status = 400, description = "A field is wrong, a name is in use, or there would be more than three", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
        (status = 429, description = "The number has used up its operations", body = ErrorBody),
    ),
)]
pub(super) async fn add_multi(
    State(app): State<App>,
    Caller { number, actor }: Caller,
    body: super::Body,
) -> Result<Json<Message>, Error> {
    body.refuse_key()?;
    let destinations = required("destinations", body.json::<Destinations>()?.destinations)?;
    webhooks::admit(&app, &number.account, &of_number(&number)).await?;
    let read = read_all(&app, &number, destinations).await?;
    let present = webhooks::reaching(&app, &number).await?;
    let in_use = |name: &str| extras(&present).any(|(other, _)| other == name);
    if let Some(index) = read.iter().position(|(name, _)| in_use(name)) {
        return Err(Problem::field(format!("destinations[{index}].name"), IN_USE).into());
    }
    let add = |(name, receiver)| {
        let place = extra_place(&number, name);
        Step::Add { place, receiver, max: EXTRAS_MAX }
    };
    let steps = read.into_iter().map(add).collect();
    webhooks::configure(&app, &actor, steps).await.map_err(|error| match error {
        // Added by another call in this very moment.
        ConfigureError::Change(ChangeError::Taken { .. }) => {
            Problem::field("destinations", "have a name that is in use already").into()
        }
        other => Error::from(other),
    })?;
    Ok(Json(Message { message: "the destinations were added".to_owned() }))
}

/// Changes one of the receivers besides the main one. What is left out stays as it is.
#[utoipa::path(
    patch,
    path = "/multi_webhook",
    operation_id = "change-multi-webhook",
    request_body = ChangedDestination,
    responses(
        (status = 200, description = "It is changed", body = Message),
        (status = 400, description = "A field is wrong, or nothing is to be changed", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
        (status = 404, description = "There is no receiver of this name", body = ErrorBody),
        (status = 429, description = "The number has used up its operations", body = ErrorBody),
    ),
)]
pub(super) async fn change_multi(
    State(app): State<App>,
    Caller { number, actor }: Caller,
    body: super::Body,
) -> Result<Json<Message>, Error> {
    body.refuse_key()?;
    let ChangedDestination { name, url, headers } = body.json()?;
    let name = destination_name("name", name)?;
    if url.is_none() && headers.is_none() {
        return Err(Problem::field("url", "or headers must be given").into());
    }
    webhooks::admit(&app, &number.account, &of_number(&number)).await?;
    let place = extra_place(&number, name.clone());
    if app.directory.holder(&place).await?.is_none() {
        return Err(D360Error::no_such_destination(&name).into());
    }
    let change = SubscriptionChange {
        url: match url {
            Some(url) => {
                let client = app.outbound.of(&number.account);
                Some(target::url("url", &url, Dialect::D360, client.guard()).await?)
            }
            None => None,
        },
        headers: headers.map(target::headers).transpose()?,
        ..SubscriptionChange::default()
    };
    let steps = vec![Step::Change(place, change)];
    webhooks::configure(&app, &actor, steps).await.map_err(|error| match error {
        ConfigureError::Change(ChangeError::Unknown { .. }) => {
            Error::from(D360Error::no_such_destination(&name))
        }
        other => other.into(),
    })?;
    Ok(Json(Message { message: format!("the destination {name} was changed") }))
}

fn of_number(number: &Number) -> Reach {
    Reach::Number(number.id.clone())
}

/// The place of the main receiver for exactly this reach.
fn main_place(number: &Number, reach: Reach, over_all: bool) -> Place {
    let (account, role) = (number.account.clone(), Role::Main { over_all });
    Place { account, dialect: Dialect::D360, reach, role }
}

/// The main receiver for exactly this reach.
async fn main_of(app: &App, number: &Number, reach: &Reach) -> Result<Option<Subscription>, Error> {
    Ok(app.directory.holder(&main_place(number, reach.clone(), false)).await?)
}

/// The reach of the number's WABA, if nobody else's number belongs to it: a key opens one number.
async fn waba_of(app: &App, number: &Number) -> Result<Reach, Error> {
    if webhooks::is_alone_on_waba(app, number).await? {
        Ok(Reach::Waba(number.waba_id.clone()))
    } else {
        Err(D360Error::shared_waba().into())
    }
}

async fn set_main(
    app: &App,
    actor: &Actor,
    number: &Number,
    reach: Reach,
    url: Option<String>,
    headers: &Headers,
    over_all: bool,
) -> Result<(), Error> {
    let url = required("url", url)?;
    webhooks::admit(app, &number.account, &reach).await?;
    let place = main_place(number, reach, over_all);
    if url.is_empty() {
        webhooks::configure(app, actor, vec![Step::Clear(place)]).await?;
        return Ok(());
    }
    let receiver = receiver(app, number, &url, headers).await?;
    webhooks::configure(app, actor, vec![Step::Set(place, receiver)]).await?;
    tracing::info!(number = %number.id, "a webhook was configured");
    Ok(())
}

/// A receiver as it is described here: no signature, no handshake, everything is told.
async fn receiver(
    app: &App,
    number: &Number,
    url: &str,
    headers: &Headers,
) -> Result<Configured, Problem> {
    let client = app.outbound.of(&number.account);
    let target = Target {
        url: target::url("url", url, Dialect::D360, client.guard()).await?,
        headers: target::headers(headers.clone())?,
        timeout: Dialect::D360.webhooks.timeout,
    };
    Ok(Configured {
        target,
        topics: None,
        fields: Vec::new(),
        secret: None,
        verify_token: None,
        vendor_signature: false,
    })
}

impl WabaWebhook {
    /// For the only number of its WABA.
    fn new(number: &Number, receiver: Option<Subscription>) -> Self {
        let target = receiver.as_ref().map(|receiver| &receiver.target);
        Self {
            url: target.map(|target| target.url.to_string()).unwrap_or_default(),
            headers: target.map(shown).unwrap_or_default(),
            override_all: number.answers.besides(
                receiver
                    .as_ref()
                    .is_some_and(|receiver| receiver.role == Role::Main { over_all: true }),
            ),
            waba_id: number.waba_id.clone(),
            numbers_on_this_waba: vec![number.display_number.to_string()],
        }
    }
}

/// The receivers besides the main one, by name.
fn extras(receivers: &[Subscription]) -> impl Iterator<Item = (&str, &Subscription)> {
    receivers.iter().filter_map(|receiver| match &receiver.role {
        Role::Extra { name } if receiver.dialect == Dialect::D360 => {
            Some((name.as_str(), receiver))
        }
        _ => None,
    })
}

fn too_many() -> Problem {
    Problem::field("destinations", format!("must not be more than {EXTRAS_MAX}"))
}

/// Reads a destination; `place` stands before its fields where something is wrong.
async fn destination(
    app: &App,
    number: &Number,
    place: &str,
    destination: Destination,
) -> Result<(String, Configured), Problem> {
    let Destination { name, url, headers } = destination;
    let field = |name: &str| format!("{place}{name}");
    let name = destination_name(&field("name"), name)?;
    let url = required(&field("url"), url)?;
    let receiver =
        receiver(app, number, &url, &headers).await.map_err(|problem| problem.inside(place))?;
    Ok((name, receiver))
}

/// Reads the name of a destination: a line of text like any other.
fn destination_name(field: &str, name: Option<String>) -> Result<String, Problem> {
    let name = required(field, name)?;
    Ok(parse(field, &name, Subject::parse)?.as_str().to_owned())
}

fn extra_place(number: &Number, name: String) -> Place {
    Place { role: Role::Extra { name }, ..main_place(number, of_number(number), false) }
}

/// Reads destinations, all of them before the first is written.
async fn read_all(
    app: &App,
    number: &Number,
    destinations: Vec<Destination>,
) -> Result<Vec<(String, Configured)>, Problem> {
    if destinations.len() > EXTRAS_MAX {
        return Err(too_many());
    }
    let mut read: Vec<(String, Configured)> = Vec::new();
    for (index, one) in destinations.into_iter().enumerate() {
        let place = format!("destinations[{index}].");
        let one = destination(app, number, &place, one).await?;
        if read.iter().any(|(name, _)| *name == one.0) {
            return Err(Problem::field(format!("{place}name"), "is given twice"));
        }
        read.push(one);
    }
    Ok(read)
}

/// The headers as they were written.
fn shown(target: &Target) -> Headers {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    target.headers.iter().map(|(name, value)| (name.clone(), text(value.as_bytes()))).collect()
}
