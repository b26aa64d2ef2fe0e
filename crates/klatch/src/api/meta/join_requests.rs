//! `/{group_id}/join_requests`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use wire::graph::answer::{JoinRequestPage, JoinRequestsAnswered};
use wire::graph::person::Names;
use wire::graph::request::JoinRequestList;

use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use super::{Params, product};
use crate::api::graph::calls;
use crate::app::App;
use crate::kit::paging::Address;
use crate::kit::params::PageParams;

/// Lists the open join requests, oldest first.
#[utoipa::path(
    get,
    path = "/{group_id}/join_requests",
    operation_id = "getJoinRequests",
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
    calls::join_requests(&app, &caller.scope(), &group, &params, &address, Names::All).await
}

/// Lets people in. What cannot be approved fails alone.
#[utoipa::path(
    post,
    path = "/{group_id}/join_requests",
    operation_id = "approveJoinRequests",
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
    let (asked, product) = (params.read()?, product(&params));
    calls::approve(&app, &caller.call(params.idempotency()), &group, asked, product).await
}

/// Turns people away; they may ask again. What cannot be rejected fails alone.
#[utoipa::path(
    delete,
    path = "/{group_id}/join_requests",
    operation_id = "rejectJoinRequests",
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
    let (asked, product) = (params.read()?, product(&params));
    calls::reject(&app, &caller.call(params.idempotency()), &group, asked, product).await
}
