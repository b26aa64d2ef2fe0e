//! `/groups/{group_id}/admin`. Only this API has admins beside the business.

use axum::extract::State;
use axum::http::StatusCode;
use domain::Command;
use wire::sinch::request::NumberList;

use super::Body;
use super::auth::InPath;
use super::error::{Error, GroupErrors};
use crate::app::App;

/// Makes members admins: all of them, or, if one is no member, none.
#[utoipa::path(
    post,
    path = "/groups/{group_id}/admin",
    operation_id = "addGroupAdmins",
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
pub(super) async fn promote(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let people = body.json::<NumberList>()?.parse()?;
    let command = Command::PromoteAdmins { people };
    app.execute(&caller.call(body.idempotency), &group, command).await?;
    Ok(StatusCode::OK)
}

/// Takes the right away again: from all of them, or, if one is no member, from none. The bot keeps
/// it.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}/admin",
    operation_id = "removeGroupAdmins",
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
pub(super) async fn demote(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let people = body.json::<NumberList>()?.parse()?;
    let command = Command::DemoteAdmins { people };
    app.execute(&caller.call(body.idempotency), &group, command).await?;
    Ok(StatusCode::OK)
}
