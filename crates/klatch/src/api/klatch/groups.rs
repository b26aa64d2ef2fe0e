//! `/v1/groups`: what only WhatsApp can do to a group, and what no dialect shows.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use domain::Command;
use domain::ids::GroupId;
use serde::Serialize;
use utoipa::ToSchema;

use super::Body;
use super::auth::{Operator, Simulator};
use super::error::{Error, ErrorBody};
use crate::app::App;
use crate::directory::Actor;
use crate::kit::params::PathParams;
use crate::store::Scope;

/// A group after the change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuspensionInfo {
    group_id: String,
    suspended: bool,
}

fn named(path: &PathParams) -> Result<GroupId, Error> {
    GroupId::parse(path.get("group_id")).map_err(|_| domain::Refusal::GroupUnknown.into())
}

/// Gives the group's picture as it was uploaded.
#[utoipa::path(
    get,
    path = "/v1/groups/{group_id}/picture",
    operation_id = "get-group-picture",
    params(("group_id" = String, Path, description = "The group")),
    responses(
        (status = 200, description = "The picture", content_type = "image/jpeg", body = Vec<u8>),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 404, description = "No such group, or it has no picture", body = ErrorBody),
    ),
)]
pub(super) async fn picture(
    State(app): State<App>,
    _: Operator,
    path: PathParams,
) -> Result<Response, Error> {
    let picture = app.picture(&Scope::Everything, &named(&path)?).await?;
    let (mime_type, bytes) = picture.ok_or_else(|| Error::unknown("picture"))?;
    Ok(([(header::CONTENT_TYPE, mime_type)], bytes).into_response())
}

/// WhatsApp suspends a group: reads go on, changes are refused.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/suspend",
    operation_id = "suspend-group",
    params(("group_id" = String, Path, description = "The group")),
    responses(
        (status = 200, description = "The group is suspended", body = SuspensionInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off", body = ErrorBody),
        (status = 404, description = "No such group", body = ErrorBody),
    ),
)]
pub(super) async fn suspend(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
    body: Body,
) -> Result<Json<SuspensionInfo>, Error> {
    change(&app, &path, &body, Command::Suspend).await
}

/// WhatsApp lifts a suspension.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/restore",
    operation_id = "restore-group",
    params(("group_id" = String, Path, description = "The group")),
    responses(
        (status = 200, description = "The group works again", body = SuspensionInfo),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
        (status = 403, description = "Simulated people are off", body = ErrorBody),
        (status = 404, description = "No such group", body = ErrorBody),
    ),
)]
pub(super) async fn restore(
    State(app): State<App>,
    _: Simulator,
    path: PathParams,
    body: Body,
) -> Result<Json<SuspensionInfo>, Error> {
    change(&app, &path, &body, Command::Restore).await
}

async fn change(
    app: &App,
    path: &PathParams,
    body: &Body,
    command: Command,
) -> Result<Json<SuspensionInfo>, Error> {
    let suspended = matches!(command, Command::Suspend);
    let call = Operator::call(Actor::WhatsApp, body.idempotency.clone());
    app.execute(&call, &named(path)?, command).await?;
    Ok(Json(SuspensionInfo { group_id: path.get("group_id").to_owned(), suspended }))
}
