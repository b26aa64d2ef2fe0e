//! `/groups/{group_id}/member`.

use axum::extract::State;
use axum::http::StatusCode;
use domain::Command;
use wire::sinch::request::NumberList;

use super::Body;
use super::auth::InPath;
use super::error::{Error, GroupErrors};
use crate::app::App;

/// Removes people for good: no link brings them back. Of those who were not in the group a callback
/// tells.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}/member",
    operation_id = "removeGroupMembers",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    request_body = NumberList,
    responses(
        (status = 200, description = "The call was taken; the answer is empty"),
        GroupErrors,
    ),
)]
pub(super) async fn remove(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let people = body.json::<NumberList>()?.parse()?;
    let command = Command::RemoveParticipants { people };
    app.execute(&caller.call(body.idempotency), &group, command).await?;
    Ok(StatusCode::OK)
}
