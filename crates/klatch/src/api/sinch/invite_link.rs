//! `/groups/{group_id}/invite`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::Command;
use wire::sinch::answer::InviteLink;

use super::Body;
use super::auth::InPath;
use super::error::{Error, GroupErrors};
use crate::app::App;

/// Gives the invite link; where it had been deleted, a new one.
#[utoipa::path(
    get,
    path = "/groups/{group_id}/invite",
    operation_id = "getGroupInvite",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    responses(
        (status = 200, description = "The link", body = InviteLink),
        GroupErrors,
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    InPath(caller, group): InPath,
) -> Result<Json<InviteLink>, Error> {
    let code = app.invite_link(&caller.call(None), &group).await?;
    Ok(Json(InviteLink::from(&code)))
}

/// Deletes the invite link: nobody can join until somebody asks for a new one.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}/invite",
    operation_id = "deleteGroupInvite",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    responses(
        (status = 200, description = "There is none; the answer is empty"),
        GroupErrors,
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let call = caller.call(body.idempotency);
    app.execute(&call, &group, Command::DeleteInvite).await?;
    Ok(StatusCode::OK)
}
