//! `/v1/subscriptions`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::ids::{AccountId, PhoneNumberId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::numbers::of_account;
use super::{Body, Listed, Query, rfc3339};
use crate::app::App;
use crate::dialect::Dialect;
use crate::directory::{
    Activity, Number, Reach, RecordChange, Role, Rotation, STANDARD_PREFIX, Secret, Secrets,
    Subscription, SubscriptionChange, SubscriptionEvent, SubscriptionId, Target,
};
use crate::http::paging::Address;
use crate::http::params::{PageParams, PathParams};
use crate::http::problem::{Problem, parse, required};
use crate::webhook::send::AccountClient;
use crate::webhook::{Topic, retry, sample, target};

/// Shortest and longest secret that can be brought along, in characters. Ours.
const SECRET_CHARS: RangeInclusive<usize> = 16..=256;
/// How long an old secret signs beside the new one unless the call says otherwise, and at most.
const OVERLAP_HOURS: u64 = 24;
const OVERLAP_HOURS_MAX: u64 = 7 * 24;
/// How long a lease may last, in seconds, and how long a renewed one lasts unless the call says
/// otherwise. Ours.
const LEASE_SECS: RangeInclusive<u64> = 10..=3_600;
const RENEWAL: Duration = Duration::from_mins(1);
/// What a receiver is tried with unless the call says otherwise.
const SAMPLE: &str = "group_create";

/// Asks for a subscription.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSubscription {
    /// The number whose events are told. This, `waba_id` with `account_id`, or `account_id`.
    phone_number_id: Option<String>,
    /// The WhatsApp Business Account whose numbers' events are told.
    waba_id: Option<String>,
    /// The account whose numbers' events are told.
    account_id: Option<String>,
    /// Where to send; https, at most 200 characters. Required.
    #[schema(example = "https://example.com/hook", max_length = 200, value_type = String)]
    url: Option<String>,
    /// In whose words: `meta`, `d360` or `sinch`. Required.
    #[schema(example = "meta", value_type = String)]
    dialect: Option<String>,
    /// Of what; everything if left out.
    #[schema(example = json!(["group_participants_update"]))]
    fields: Option<Vec<String>>,
    /// Headers that are sent along with every delivery.
    headers: Option<BTreeMap<String, String>>,
    /// What signs; minted, and shown this once, if left out.
    secret: Option<String>,
    /// What Meta's handshake says. Required where the dialect is `meta`.
    verify_token: Option<String>,
    /// How long an answer may take, 1 to 30 seconds; 5 for `d360`, else 10, if left out.
    #[schema(minimum = 1, maximum = 30)]
    timeout_secs: Option<u64>,
    /// Whether the vendor's own signature header is sent, besides `webhook-signature`. If left out:
    /// for `meta` it is, for the others if a secret is brought along.
    vendor_signature: Option<bool>,
    /// Removes the subscription after so many seconds, 10 to 3600, unless its lease is renewed: for
    /// receivers that last as long as a process. If left out, it lasts until it is removed.
    #[schema(minimum = 10, maximum = 3600)]
    lease_secs: Option<u64>,
}

/// Changes a subscription. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedSubscription {
    url: Option<String>,
    fields: Option<Vec<String>>,
    headers: Option<BTreeMap<String, String>>,
    verify_token: Option<String>,
    #[schema(minimum = 1, maximum = 30)]
    timeout_secs: Option<u64>,
    vendor_signature: Option<bool>,
}

/// Asks for a new secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    /// The new secret; minted if left out.
    secret: Option<String>,
    /// For how many hours the old one signs as well, 0 to 168; 24 if left out.
    #[schema(minimum = 0, maximum = 168)]
    overlap_hours: Option<u64>,
}

/// Asks for more time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {
    /// After how many seconds from now the lease ends, 10 to 3600; 60 if left out.
    #[schema(minimum = 10, maximum = 3600)]
    lease_secs: Option<u64>,
}

/// Asks for a test delivery.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// What to make up; `group_create` if left out.
    #[schema(example = "group_participants_remove_partly_failed")]
    event: Option<String>,
}

/// A subscription, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionInfo {
    id: String,
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waba_id: Option<String>,
    dialect: &'static str,
    url: String,
    fields: Vec<&'static str>,
    /// The names of the headers that are sent along; their values are not shown.
    headers: Vec<String>,
    timeout_secs: u64,
    vendor_signature: bool,
    /// `added` through this API; `main` or `extra` through a vendor's configuration call.
    role: &'static str,
    /// Of an extra receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `on`; `paused` by the operator; `off` since the receiver has failed for too long.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_since: Option<String>,
    /// Why it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Since when nothing has gone through; missing while deliveries do.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// When the subscription is removed unless its lease is renewed; missing if it has no lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<String>,
    /// Until when the old secret signs as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<String>,
    created_at: String,
}

/// A subscription with a new secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    info: SubscriptionInfo,
    /// Shown this once; missing if the caller brought it along.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A subscription that is no more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedSubscription {
    id: String,
    /// `removed`.
    status: &'static str,
}

/// A test delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrialInfo {
    /// To be looked at under `/klatch/v1/deliveries/{delivery_id}`.
    delivery_id: String,
    event: String,
}

impl From<Subscription> for SubscriptionInfo {
    fn from(subscription: Subscription) -> Self {
        let Subscription { id, account, reach, dialect, role, target, topics, .. } = subscription;
        let (phone_number_id, waba_id) = match reach {
            Reach::Number(number) => (Some(number.to_string()), None),
            Reach::Waba(waba_id) => (None, Some(waba_id)),
            Reach::Account => (None, None),
        };
        let (role, name) = match role {
            Role::Added => ("added", None),
            Role::Main { .. } => ("main", None),
            Role::Extra { name } => ("extra", Some(name)),
        };
        let (status, status_since, reason) = match subscription.activity {
            Activity::On => ("on", None, None),
            Activity::Paused { since } => ("paused", Some(since), None),
            Activity::Off { since, reason } => ("off", Some(since), Some(reason)),
        };
        let topics = topics.unwrap_or_else(|| Topic::ALL.to_vec());
        Self {
            id: id.to_string(),
            account_id: account.to_string(),
            phone_number_id,
            waba_id,
            dialect: dialect.as_str(),
            url: target.url.into(),
            fields: topics.into_iter().map(Topic::as_str).collect(),
            headers: target.headers.iter().map(|(name, _)| name.clone()).collect(),
            timeout_secs: target.timeout.as_secs(),
            vendor_signature: subscription.vendor_signature,
            role,
            name,
            status,
            status_since: status_since.map(rfc3339),
            reason,
            failing_since: subscription.failing_since.map(rfc3339),
            lease_until: subscription.lease_until.map(rfc3339),
            old_secret_until: subscription.secrets.old.map(|(_, until)| rfc3339(until)),
            created_at: rfc3339(subscription.created_at),
        }
    }
}

/// Lists the subscriptions, oldest first.
#[utoipa::path(
    get,
    path = "/v1/subscriptions",
    operation_id = "list-subscriptions",
    params(
        ("account_id" = Option<String>, Query, description = "Only this account's"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of subscriptions", body = Listed<SubscriptionInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Operator,
    query: Query,
    address: Address,
) -> Result<Json<Listed<SubscriptionInfo>>, Error> {
    let (account, list) = of_account("subscriptions", &query)?;
    let page = query.page(&list)?;
    let slice = app.subscriptions(account.as_ref(), page).await?;
    Ok(Json(Listed::new(&list, slice, page.limit, &address, SubscriptionInfo::from)))
}

/// Creates a subscription. Where the dialect has a handshake, the receiver is asked first.
#[utoipa::path(
    post,
    path = "/v1/subscriptions",
    operation_id = "create-subscription",
    request_body = NewSubscription,
    responses(
        (status = 201, description = "The receiver is told from now on", body = WithSecret),
        (status = 400, description = "A field is wrong, or the handshake failed", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such number or account", body = ErrorBody),
        (status = 409, description = "Another subscription sends the same events in the same dialect to the same URL; `subscription_id` names it", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    _: Operator,
    body: Body,
) -> Result<(StatusCode, Json<WithSecret>), Error> {
    body.refuse_key()?;
    let new: NewSubscription = body.json()?;
    let (account, reach) = reach(&app, new.phone_number_id, new.waba_id, new.account_id).await?;
    let dialect = required("dialect", new.dialect)?;
    let dialect = Dialect::parse(&dialect)
        .ok_or_else(|| Problem::field("dialect", "must be one of meta, d360, sinch"))?;
    let url = required("url", new.url)?;
    let client = app.outbound.of(&account);
    let target = Target {
        url: target::url("url", &url, dialect, client.guard()).await?,
        headers: target::headers(new.headers.unwrap_or_default())?,
        timeout: timeout(new.timeout_secs)?.unwrap_or(target::default_timeout(dialect)),
    };
    let verify_token = new.verify_token.map(token).transpose()?;
    let lease = lease(new.lease_secs)?;
    let (current, minted) = signing_secret(&app, new.secret)?;
    let vendor_signature =
        new.vendor_signature.unwrap_or(dialect == Dialect::Meta || minted.is_none());
    let subscription = Subscription {
        id: app.mint.subscription_id(),
        account,
        reach,
        dialect,
        role: Role::Added,
        target,
        topics: new.fields.map(topics).transpose()?,
        fields: Vec::new(),
        secrets: Secrets { current, old: None },
        vendor_signature,
        verify_token,
        created_at: app.now(),
        lease_until: lease.map(|lease| retry::later(app.now(), lease)),
        failing_since: None,
        activity: Activity::On,
    };
    let token = subscription.verify_token.as_ref();
    shake_hands(&app, &client, dialect, &subscription.target, token).await?;
    app.change(RecordChange::AddSubscription(subscription.clone())).await?;
    let (id, account) = (subscription.id.as_str(), &subscription.account);
    tracing::info!(subscription = id, %account, "a subscription was created");
    let info = subscription.into();
    Ok((StatusCode::CREATED, Json(WithSecret { info, secret: minted })))
}

/// Shows a subscription.
#[utoipa::path(
    get,
    path = "/v1/subscriptions/{subscription_id}",
    operation_id = "get-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    responses(
        (status = 200, description = "The subscription", body = SubscriptionInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Json<SubscriptionInfo>, Error> {
    Ok(Json(named(&app, &path).await?.into()))
}

/// Changes a subscription. Deliveries that are owed already go by the new address, too.
#[utoipa::path(
    patch,
    path = "/v1/subscriptions/{subscription_id}",
    operation_id = "change-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    request_body = Option<ChangedSubscription>,
    responses(
        (status = 200, description = "The subscription", body = SubscriptionInfo),
        (status = 400, description = "A field is wrong, or the handshake failed", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
        (status = 409, description = "Another subscription sends the same events in the same dialect to the same URL; `subscription_id` names it", body = ErrorBody),
    ),
)]
pub(super) async fn change(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<SubscriptionInfo>, Error> {
    body.refuse_key()?;
    let changed: ChangedSubscription = body.json()?;
    let Subscription { id, account, dialect, target, verify_token, .. } =
        named(&app, &path).await?;
    let client = app.outbound.of(&account);
    let url = match changed.url {
        Some(url) => Some(target::url("url", &url, dialect, client.guard()).await?),
        None => None,
    };
    let headers = changed.headers.map(target::headers).transpose()?;
    let timeout = timeout(changed.timeout_secs)?;
    let new_token = changed.verify_token.map(token).transpose()?;
    if url.is_some() || new_token.is_some() {
        let target = Target {
            url: url.clone().unwrap_or(target.url),
            timeout: timeout.unwrap_or(target.timeout),
            ..target
        };
        let token = new_token.as_ref().or(verify_token.as_ref());
        shake_hands(&app, &client, dialect, &target, token).await?;
    }
    let change = SubscriptionChange {
        url,
        headers,
        timeout,
        topics: changed.fields.map(topics).transpose()?,
        verify_token: new_token,
        vendor_signature: changed.vendor_signature,
        ..SubscriptionChange::default()
    };
    app.change_subscription(&id, change, SubscriptionEvent::Changed).await?;
    tracing::info!(subscription = id.as_str(), "a subscription was changed");
    Ok(Json(named(&app, &path).await?.into()))
}

/// Removes a subscription. What it was still owed is given up.
#[utoipa::path(
    delete,
    path = "/v1/subscriptions/{subscription_id}",
    operation_id = "remove-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    responses(
        (status = 200, description = "The receiver is told nothing any more", body = RemovedSubscription),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
    ),
)]
pub(super) async fn remove(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<RemovedSubscription>, Error> {
    body.refuse_key()?;
    let id = id(&path)?;
    app.remove_subscription(&id).await?;
    tracing::info!(subscription = id.as_str(), "a subscription was removed");
    Ok(Json(RemovedSubscription { id: id.to_string(), status: "removed" }))
}

/// Holds deliveries back. They wait, as long as retries go on, and go out once it is resumed.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{subscription_id}/pause",
    operation_id = "pause-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    responses(
        (status = 200, description = "The subscription, paused", body = SubscriptionInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
    ),
)]
pub(super) async fn pause(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<SubscriptionInfo>, Error> {
    body.refuse_key()?;
    set_activity(&app, &path, Activity::Paused { since: app.now() }, SubscriptionEvent::Paused)
        .await
}

/// Lets deliveries go out again, whether they were held back by the operator or the receiver was
/// switched off.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{subscription_id}/resume",
    operation_id = "resume-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    responses(
        (status = 200, description = "The subscription, on again", body = SubscriptionInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
    ),
)]
pub(super) async fn resume(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<SubscriptionInfo>, Error> {
    body.refuse_key()?;
    set_activity(&app, &path, Activity::On, SubscriptionEvent::Resumed).await
}

/// Gives a subscription a new secret, and shows it this once. The old one signs as well for a while,
/// so that receivers can change over without a gap.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{subscription_id}/rotate",
    operation_id = "rotate-secret",
    params(("subscription_id" = String, Path, description = "The subscription")),
    request_body = Option<NewSecret>,
    responses(
        (status = 200, description = "The subscription, with the new secret", body = WithSecret),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
    ),
)]
pub(super) async fn rotate(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<WithSecret>, Error> {
    body.refuse_key()?;
    let asked: NewSecret = body.json()?;
    let hours = asked.overlap_hours.unwrap_or(OVERLAP_HOURS);
    if hours > OVERLAP_HOURS_MAX {
        let detail = format!("must be a whole number from 0 to {OVERLAP_HOURS_MAX}");
        return Err(Problem::field("overlap_hours", detail).into());
    }
    let id = named(&app, &path).await?.id;
    let (current, minted) = signing_secret(&app, asked.secret)?;
    let until = retry::later(app.now(), Duration::from_hours(hours));
    let rotation = Rotation { secret: current, overlap_until: (hours > 0).then_some(until) };
    let change = SubscriptionChange { rotation: Some(rotation), ..SubscriptionChange::default() };
    app.change_subscription(&id, change, SubscriptionEvent::SecretRotated).await?;
    tracing::info!(subscription = id.as_str(), "a subscription's secret was rotated");
    let info = named(&app, &path).await?.into();
    Ok(Json(WithSecret { info, secret: minted }))
}

/// Renews the lease of a subscription, so that it is not removed.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{subscription_id}/renew",
    operation_id = "renew-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    request_body = Option<Renewal>,
    responses(
        (status = 200, description = "The subscription, with the new end of its lease", body = SubscriptionInfo),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
        (status = 409, description = "The subscription has no lease", body = ErrorBody),
    ),
)]
pub(super) async fn renew(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<Json<SubscriptionInfo>, Error> {
    body.refuse_key()?;
    let lease = lease(body.json::<Renewal>()?.lease_secs)?.unwrap_or(RENEWAL);
    let subscription = named(&app, &path).await?;
    if subscription.lease_until.is_none() {
        return Err(Error::no_lease());
    }
    let until = retry::later(app.now(), lease);
    app.change(RecordChange::RenewLease(subscription.id.clone(), until)).await?;
    Ok(Json(Subscription { lease_until: Some(until), ..subscription }.into()))
}

/// Sends something made up, as a delivery like any other.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{subscription_id}/test",
    operation_id = "test-subscription",
    params(("subscription_id" = String, Path, description = "The subscription")),
    request_body = Option<Trial>,
    responses(
        (status = 202, description = "It is on its way", body = TrialInfo),
        (status = 400, description = "There is no such event, or not in this dialect", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such subscription, or it reaches no number", body = ErrorBody),
    ),
)]
pub(super) async fn test(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<(StatusCode, Json<TrialInfo>), Error> {
    body.refuse_key()?;
    let event = body.json::<Trial>()?.event.unwrap_or_else(|| SAMPLE.to_owned());
    let subscription = named(&app, &path).await?;
    let number = number_of(&app, &subscription).await?;
    let (format, request_id) = (subscription.dialect.format(), app.mint.request_id());
    let ids = app.person_ids(&number.account).await?;
    let payload = sample::render(&event, format, &number, &ids, &request_id, app.now())
        .map_err(|problem| Problem::field("event", problem))?;
    let payload = payload.ok_or_else(|| {
        let detail = if sample::NAMES.contains(&event.as_str()) {
            format!("is nothing that {} tells of", subscription.dialect.as_str())
        } else {
            format!("must be one of {}", sample::NAMES.join(", "))
        };
        Problem::field("event", detail)
    })?;
    let delivery = app.send_test(&subscription.id, payload).await?;
    let delivery_id = delivery.ok_or_else(unknown)?.to_string();
    Ok((StatusCode::ACCEPTED, Json(TrialInfo { delivery_id, event })))
}

async fn set_activity(
    app: &App,
    path: &PathParams,
    activity: Activity,
    event: SubscriptionEvent,
) -> Result<Json<SubscriptionInfo>, Error> {
    let subscription = named(app, path).await?;
    let same = std::mem::discriminant(&subscription.activity) == std::mem::discriminant(&activity);
    // To pause what is paused, or to resume what goes on, is no change; and what was switched off
    // is already held back.
    let off = matches!(subscription.activity, Activity::Off { .. }) && activity != Activity::On;
    if same || off {
        return Ok(Json(subscription.into()));
    }
    let id = subscription.id.as_str();
    tracing::info!(subscription = id, event = event.kind(), "a subscription was changed");
    let change = SubscriptionChange { activity: Some(activity), ..SubscriptionChange::default() };
    app.change_subscription(&subscription.id, change, event).await?;
    Ok(Json(named(app, path).await?.into()))
}

fn unknown() -> Error {
    Error::unknown("subscription_id")
}

fn id(path: &PathParams) -> Result<SubscriptionId, Error> {
    SubscriptionId::parse(path.get("subscription_id")).ok_or_else(unknown)
}

async fn named(app: &App, path: &PathParams) -> Result<Subscription, Error> {
    app.subscription(&id(path)?).await?.ok_or_else(unknown)
}

/// Whose events are meant, and whose they are.
async fn reach(
    app: &App,
    number: Option<String>,
    waba_id: Option<String>,
    account: Option<String>,
) -> Result<(AccountId, Reach), Error> {
    let account =
        account.map(|account| parse("account_id", &account, AccountId::parse)).transpose()?;
    match (number, waba_id, account) {
        (Some(number), None, account) => {
            let id = parse("phone_number_id", &number, PhoneNumberId::parse)?;
            let number = app.number(&id).await?;
            let number = number.filter(|number| account.is_none_or(|id| id == number.account));
            let number = number.ok_or_else(|| Error::unknown("phone_number_id"))?;
            Ok((number.account.clone(), Reach::Number(id)))
        }
        (None, waba_id, Some(account)) => {
            let unknown = || Error::unknown("account_id");
            app.account(&account).await?.ok_or_else(unknown)?;
            Ok((account, waba_id.map_or(Reach::Account, Reach::Waba)))
        }
        (Some(_), Some(_), _) => {
            Err(Problem::field("waba_id", "cannot be combined with phone_number_id").into())
        }
        (None, Some(_), None) => {
            Err(Problem::field("account_id", "must be given beside waba_id").into())
        }
        (None, None, None) => {
            Err(Problem::field("phone_number_id", "or account_id must be given").into())
        }
    }
}

/// A number that the subscription reaches, to make something up about.
async fn number_of(app: &App, subscription: &Subscription) -> Result<Arc<Number>, Error> {
    let number = app.first_number(&subscription.account, &subscription.reach).await?;
    number.ok_or_else(|| Error::unknown("phone_number_id"))
}

/// Asks the receiver whether it wants to be one, where the dialect does that.
async fn shake_hands(
    app: &App,
    client: &AccountClient,
    dialect: Dialect,
    target: &Target,
    token: Option<&Secret>,
) -> Result<(), Error> {
    if dialect != Dialect::Meta {
        return Ok(());
    }
    let token = required("verify_token", token)?;
    let challenge = app.mint.challenge();
    let shaken = client.shake_hands(target, token, &challenge).await;
    shaken.map_err(|failure| Error::handshake_failed(&failure))
}

fn topics(fields: Vec<String>) -> Result<Vec<Topic>, Problem> {
    if fields.is_empty() {
        return Err(Problem::field("fields", "must not be empty"));
    }
    let mut topics = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let topic = Topic::parse(field).ok_or_else(|| {
            let all = Topic::ALL.map(Topic::as_str).join(", ");
            Problem::field(format!("fields[{index}]"), format!("must be one of {all}"))
        })?;
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    Ok(topics)
}

fn timeout(secs: Option<u64>) -> Result<Option<Duration>, Problem> {
    within("timeout_secs", secs, target::TIMEOUT_SECS)
}

/// A number of seconds within a range.
fn within(
    field: &'static str,
    secs: Option<u64>,
    range: RangeInclusive<u64>,
) -> Result<Option<Duration>, Problem> {
    match secs {
        Some(secs) if !range.contains(&secs) => {
            let detail =
                format!("must be a whole number from {} to {}", range.start(), range.end());
            Err(Problem::field(field, detail))
        }
        secs => Ok(secs.map(Duration::from_secs)),
    }
}

fn lease(secs: Option<u64>) -> Result<Option<Duration>, Problem> {
    within("lease_secs", secs, LEASE_SECS)
}

fn token(text: String) -> Result<Secret, Problem> {
    target::verify_token("verify_token", text)
}

/// The secret that was brought along, or a minted one; and the minted one as it is shown.
fn signing_secret(app: &App, brought: Option<String>) -> Result<(Secret, Option<String>), Problem> {
    if let Some(text) = brought {
        return Ok((secret(text)?, None));
    }
    let minted = app.mint.signing_secret();
    Ok((Secret::new(minted.clone()), Some(minted)))
}

fn secret(text: String) -> Result<Secret, Problem> {
    let text = target::visible("secret", text, SECRET_CHARS)?;
    if text.strip_prefix(STANDARD_PREFIX).is_some_and(|rest| BASE64.decode(rest).is_err()) {
        let detail = format!("begins with {STANDARD_PREFIX} and must go on in base64");
        return Err(Problem::field("secret", detail));
    }
    Ok(Secret::new(text))
}
