//! `/v1/subscriptions`.

mod body;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use wire::Dialect;
use wire::problem::{Problem, required};

use self::body::{
    ChangedSubscription, NewSecret, NewSubscription, RemovedSubscription, Renewal,
    SubscriptionInfo, Trial, TrialInfo, WithSecret,
};
use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::{Body, Listed, Query, listed, of_account};
use crate::app::{App, leases, subscriptions};
use crate::directory::{Actor, SubscriptionChange, SubscriptionId, Target};
use crate::kit::paging::Address;
use crate::kit::params::{PageParams, PathParams};
use crate::webhook::target;

/// How long an old secret signs beside the new one unless the call says otherwise, and at most.
const OVERLAP_HOURS: u64 = 24;
const OVERLAP_HOURS_MAX: u64 = 7 * 24;
/// How long a renewed lease lasts unless the call says otherwise. Ours.
const RENEWAL: Duration = Duration::from_mins(1);
/// What a receiver is tried with unless the call says otherwise.
const SAMPLE: &str = "group_create";

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
    let read = async |page| Ok(app.directory.subscriptions(account.as_ref(), page).await?);
    listed(&list, &query, &address, read).await
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
    let (reach, account) = body::reach(new.phone_number_id, new.waba_id, new.account_id)?;
    let account = subscriptions::owner(&app, &reach, account).await?;
    let dialect = required("dialect", new.dialect)?;
    let dialect = Dialect::parse(&dialect)
        .ok_or_else(|| Problem::field("dialect", "must be one of meta, d360, sinch"))?;
    let url = required("url", new.url)?;
    let target = Target {
        url: target::url("url", &url, dialect, app.outbound.of(&account).guard()).await?,
        headers: target::headers(new.headers.unwrap_or_default())?,
        timeout: body::timeout(new.timeout_secs)?.unwrap_or(dialect.webhooks.timeout),
    };
    let new = subscriptions::NewSubscription {
        account,
        reach,
        dialect,
        target,
        verify_token: new.verify_token.map(body::token).transpose()?,
        lease: body::lease(new.lease_secs)?,
        secret: new.secret.map(body::secret).transpose()?,
        topics: new.fields.map(body::topics).transpose()?,
        vendor_signature: new.vendor_signature,
    };
    let created = subscriptions::create(&app, &Actor::Operator, new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
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
    Ok(Json(subscriptions::find(&app, &named(&path)?).await?.into()))
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
    let found = subscriptions::find(&app, &named(&path)?).await?;
    let url = match changed.url {
        Some(url) => {
            let client = app.outbound.of(&found.account);
            Some(target::url("url", &url, found.dialect, client.guard()).await?)
        }
        None => None,
    };
    let change = SubscriptionChange {
        url,
        headers: changed.headers.map(target::headers).transpose()?,
        timeout: body::timeout(changed.timeout_secs)?,
        verify_token: changed.verify_token.map(body::token).transpose()?,
        topics: changed.fields.map(body::topics).transpose()?,
        vendor_signature: changed.vendor_signature,
        ..SubscriptionChange::default()
    };
    Ok(Json(subscriptions::change(&app, &Actor::Operator, found, change).await?.into()))
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
    let id = named(&path)?;
    subscriptions::remove(&app, &Actor::Operator, &id).await?;
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
    Ok(Json(subscriptions::pause(&app, &Actor::Operator, &named(&path)?).await?.into()))
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
    Ok(Json(subscriptions::resume(&app, &Actor::Operator, &named(&path)?).await?.into()))
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
    let id = subscriptions::find(&app, &named(&path)?).await?.id;
    let secret = asked.secret.map(body::secret).transpose()?;
    let overlap = Duration::from_hours(hours);
    Ok(Json(subscriptions::rotate(&app, &Actor::Operator, &id, secret, overlap).await?.into()))
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
    let lease = body::lease(body.json::<Renewal>()?.lease_secs)?.unwrap_or(RENEWAL);
    Ok(Json(leases::renew(&app, &Actor::Operator, &named(&path)?, lease).await?.into()))
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
    let delivery_id = subscriptions::test(&app, &named(&path)?, &event).await?.to_string();
    Ok((StatusCode::ACCEPTED, Json(TrialInfo { delivery_id, event })))
}

fn named(path: &PathParams) -> Result<SubscriptionId, Error> {
    let id = SubscriptionId::parse(path.get("subscription_id"));
    id.ok_or_else(|| Error::unknown("subscription_id"))
}
