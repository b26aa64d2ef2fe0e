//! `/groups/{group_id}/join_requests`.

use axum::Json;
use axum::extract::State;
use domain::event::Answered;
use domain::{Command, Event};

use super::auth::{Caller, InPath};
use super::error::{Error, ErrorBody};
use super::{Body, Query};
use crate::app::App;
use crate::dialect::graph::{JoinRequestList, JoinRequestPage, JoinRequestsAnswered};
use crate::http::paging::{Address, Paging};

/// Lists the open join requests, oldest first.
#[utoipa::path(
    get,
    path = "/groups/{group_id}/join_requests",
    operation_id = "get-join-requests",
    params(
        ("group_id" = String, Path, description = "The group"),
        ("limit" = Option<u16>, Query, description = "Requests wanted, 1 to 1024; 25 if left out", minimum = 1, maximum = 1024),
        ("after" = Option<String>, Query, description = "Cursor: read on behind it"),
        ("before" = Option<String>, Query, description = "Cursor: read back from it"),
    ),
    responses(
        (status = 200, description = "A page of requests", body = JoinRequestPage),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
        (status = 404, description = "No such group of this number", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    query: Query,
    address: Address,
) -> Result<Json<JoinRequestPage>, Error> {
    let list = format!("join requests of {group}");
    let page = query.page(&list)?;
    let stored = app.group(&caller.scope(), &group).await?;
    let requests = &stored.group.state().requests;
    let slice = page.cut(requests.iter().map(|request| (request.opened_in, request)));
    let paging = Paging::of(&list, &slice, page.limit, &address);
    Ok(Json(JoinRequestPage::new(slice.items, paging)))
}

/// Lets people in. What cannot be approved fails alone.
#[utoipa::path(
    post,
    path = "/groups/{group_id}/join_requests",
    operation_id = "approve-join-requests",
    params(("group_id" = String, Path, description = "The group")),
    request_body = JoinRequestList,
    responses(
        (status = 200, description = "Who is in, and who is not and why", body = JoinRequestsAnswered),
        (status = 400, description = "The list is wrong, or the group is suspended", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
        (status = 404, description = "No such group of this number", body = ErrorBody),
    ),
)]
pub(super) async fn approve(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    body: Body,
) -> Result<Json<JoinRequestsAnswered>, Error> {
    let requests = body.json::<JoinRequestList>()?.parse()?;
    let command = Command::ApproveJoinRequests { requests };
    let outcome = app.execute(&caller.call(body.idempotency), &group, command).await?;
    Ok(Json(JoinRequestsAnswered::approved(ids(outcome.event.as_ref()), &outcome.refused)))
}

/// Turns people away; they may ask again. What cannot be rejected fails alone.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}/join_requests",
    operation_id = "reject-join-requests",
    params(("group_id" = String, Path, description = "The group")),
    request_body = JoinRequestList,
    responses(
        (status = 200, description = "Who was turned away, and who was not and why", body = JoinRequestsAnswered),
        (status = 400, description = "The list is wrong, or the group is suspended", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
        (status = 404, description = "No such group of this number", body = ErrorBody),
    ),
)]
pub(super) async fn reject(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    body: Body,
) -> Result<Json<JoinRequestsAnswered>, Error> {
    let requests = body.json::<JoinRequestList>()?.parse()?;
    let command = Command::RejectJoinRequests { requests };
    let outcome = app.execute(&caller.call(body.idempotency), &group, command).await?;
    Ok(Json(JoinRequestsAnswered::rejected(ids(outcome.event.as_ref()), &outcome.refused)))
}

/// The requests that the event answered.
fn ids(event: Option<&Event>) -> Vec<String> {
    let answered: &[Answered] = match event {
        Some(Event::JoinRequestsApproved { approved }) => approved,
        Some(Event::JoinRequestsRejected { rejected }) => rejected,
        _ => &[],
    };
    answered.iter().map(|answered| answered.request.to_string()).collect()
}
