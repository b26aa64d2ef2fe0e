//! `/v1/deliveries`: what was told to whom, what came of it, and telling it once more.

use axum::Json;
use axum::extract::State;
use domain::ids::GroupId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::problem::{Problem, parse};

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::{Body, Listed, Query, given, listed, moment, rfc3339, subscription_id};
use crate::app::{App, deliveries};
use crate::kit::paging::Address;
use crate::kit::params::{PageParams, PathParams};
use crate::store::outbox::{
    Attempt, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryState,
};

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryInfo {
    /// The same as in the header `webhook-id`.
    id: String,
    subscription_id: String,
    /// Missing for a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<String>,
    /// The group's version that the event made.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    field: &'static str,
    /// `pending`: the first attempt is to come; `failing`: retried; `delivered`; `dead`: given up.
    state: &'static str,
    attempts: u32,
    /// Of a failing delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
    /// Why it is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A delivery, with its body and its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WholeDelivery {
    #[serde(flatten)]
    info: DeliveryInfo,
    /// What is sent, to the byte.
    body: String,
    /// Oldest first.
    tried: Vec<AttemptInfo>,
}

/// A try at a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttemptInfo {
    at: String,
    millis: u32,
    /// Missing if there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// How the answer begins.
    answer: String,
}

/// Which deliveries to make once more. At least one field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// `pending`, `failing`, `delivered` or `dead`; all if left out.
    state: Option<String>,
    subscription_id: Option<String>,
    group_id: Option<String>,
    /// About what happened at this moment, or later.
    #[schema(example = "2026-01-31T12:00:00Z")]
    from: Option<String>,
    /// About what happened before this moment.
    to: Option<String>,
}

/// What is made once more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayInfo {
    /// How many deliveries.
    replayed: usize,
}

impl From<Delivery> for DeliveryInfo {
    fn from(delivery: Delivery) -> Self {
        let (group_id, version) =
            delivery.about.map(|(group, version)| (group.to_string(), version)).unzip();
        Self {
            id: delivery.id.to_string(),
            subscription_id: delivery.subscription.to_string(),
            group_id,
            version,
            field: delivery.topic.as_str(),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(rfc3339),
            created_at: rfc3339(delivery.created_at),
            settled_at: delivery.settled_at.map(rfc3339),
            reason: delivery.reason,
        }
    }
}

impl From<Attempt> for AttemptInfo {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, millis, status, problem, head } = attempt;
        Self { at: rfc3339(at), millis, status, problem, answer: head }
    }
}

fn state(text: &str) -> Result<DeliveryState, Problem> {
    DeliveryState::parse(text).ok_or_else(|| {
        let all = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
        Problem::field("state", format!("must be one of {all}"))
    })
}

fn group(text: &str) -> Result<GroupId, Problem> {
    parse("group_id", text, GroupId::parse)
}

/// Lists deliveries, newest first.
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    operation_id = "list-deliveries",
    params(
        ("state" = Option<String>, Query, description = "Only those that are pending, failing, delivered or dead"),
        ("subscription_id" = Option<String>, Query, description = "Only those to this subscription"),
        ("group_id" = Option<String>, Query, description = "Only those about this group"),
        ("from" = Option<String>, Query, description = "Only those about what happened at this moment (RFC 3339), or later"),
        ("to" = Option<String>, Query, description = "Only those about what happened before this moment"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of deliveries", body = Listed<DeliveryInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Operator,
    query: Query,
    address: Address,
) -> Result<Json<Listed<DeliveryInfo>>, Error> {
    // Every filter has the same keys: a cursor of one is good for another.
    let read = async |page| {
        let filter = DeliveryFilter {
            id: None,
            state: given(&query, "state", state)?,
            subscription: given(&query, "subscription_id", subscription_id)?,
            group: given(&query, "group_id", group)?,
            from: given(&query, "from", |text| moment("from", text))?,
            to: given(&query, "to", |text| moment("to", text))?,
        };
        Ok(app.deliveries.deliveries(&filter, page).await?)
    };
    listed("deliveries", &query, &address, read).await
}

/// Shows a delivery, with its body and its attempts.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{delivery_id}",
    operation_id = "get-delivery",
    params(("delivery_id" = String, Path, description = "The delivery: what its header webhook-id says")),
    responses(
        (status = 200, description = "The delivery", body = WholeDelivery),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such delivery, or it was forgotten", body = ErrorBody),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Json<WholeDelivery>, Error> {
    let DeliveryDetail { delivery, body, attempts } = named(&app, &path).await?;
    Ok(Json(WholeDelivery {
        info: delivery.into(),
        body: String::from_utf8_lossy(&body).into_owned(),
        tried: attempts.into_iter().map(Into::into).collect(),
    }))
}

/// Makes a delivery once more, with the same id and body and a fresh signature.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{delivery_id}/replay",
    operation_id = "replay-delivery",
    params(("delivery_id" = String, Path, description = "The delivery")),
    responses(
        (status = 202, description = "It is on its way", body = ReplayInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such delivery, or it was forgotten", body = ErrorBody),
        (status = 409, description = "It cannot be made once more now", body = ErrorBody),
    ),
)]
pub(super) async fn replay(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
    body: Body,
) -> Result<(axum::http::StatusCode, Json<ReplayInfo>), Error> {
    body.refuse_key()?;
    let id = named(&app, &path).await?.delivery.id;
    let filter = DeliveryFilter { id: Some(id), ..DeliveryFilter::default() };
    match deliveries::replay(&app, filter).await? {
        0 => Err(Error::not_replayed()),
        replayed => Ok((axum::http::StatusCode::ACCEPTED, Json(ReplayInfo { replayed }))),
    }
}

/// Makes many deliveries once more: those of a group, of a subscription, of a time.
#[utoipa::path(
    post,
    path = "/v1/deliveries/replay",
    operation_id = "replay-deliveries",
    request_body = ReplayRequest,
    responses(
        (status = 202, description = "They are on their way, each group's in order", body = ReplayInfo),
        (status = 400, description = "A field is wrong, or there is none", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn replay_many(
    State(app): State<App>,
    _: Operator,
    body: Body,
) -> Result<(axum::http::StatusCode, Json<ReplayInfo>), Error> {
    body.refuse_key()?;
    let asked: ReplayRequest = body.json()?;
    let filter = DeliveryFilter {
        id: None,
        state: asked.state.as_deref().map(state).transpose()?,
        subscription: asked.subscription_id.as_deref().map(subscription_id).transpose()?,
        group: asked.group_id.as_deref().map(group).transpose()?,
        from: asked.from.as_deref().map(|text| moment("from", text)).transpose()?,
        to: asked.to.as_deref().map(|text| moment("to", text)).transpose()?,
    };
    if filter == DeliveryFilter::default() {
        let detail = "or group_id, subscription_id, from or to must be given";
        return Err(Problem::field("state", detail).into());
    }
    let replayed = deliveries::replay(&app, filter).await?;
    tracing::info!(replayed, "deliveries are made once more");
    Ok((axum::http::StatusCode::ACCEPTED, Json(ReplayInfo { replayed })))
}

async fn named(app: &App, path: &PathParams) -> Result<DeliveryDetail, Error> {
    let unknown = || Error::unknown("delivery_id");
    let id = DeliveryId::parse(path.get("delivery_id")).ok_or_else(unknown)?;
    app.deliveries.delivery(id).await?.ok_or_else(unknown)
}
