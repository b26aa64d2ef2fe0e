//! `/groups/{group_id}/join_requests`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use wire::graph::answer::{JoinRequestPage, JoinRequestsAnswered};
use wire::graph::request::{JoinRequestList, Product};

use super::Params;
use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use crate::api::graph::calls;
use crate::app::App;
use crate::kit::paging::Address;
use crate::kit::params::PageParams;

/// Lists the open join requests, oldest first.
#[utoipa::path(
    get,
    path = "/groups/{group_id}/join_requests",
    operation_id = "get-join-requests",
    params(
        ("group_id" = String, Path, description = "The group"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of requests", body = JoinRequestPage),
        GroupErrors,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    address: Address,
    params: Params,
) -> Result<Response, Error> {
    calls::join_requests(&app, &caller.scope(), &group, &params, &address, caller.names()).await
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
        GroupErrors,
    ),
)]
pub(super) async fn approve(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<JoinRequestsAnswered>, Error> {
    let asked = params.read()?;
    calls::approve(&app, &caller.call(params.idempotency()), &group, asked, Product::Optional).await
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
        GroupErrors,
    ),
)]
pub(super) async fn reject(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<JoinRequestsAnswered>, Error> {
    let asked = params.read()?;
    calls::reject(&app, &caller.call(params.idempotency()), &group, asked, Product::Optional).await
}
