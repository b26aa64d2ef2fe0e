//! `/groups/{group_id}/participants`. 360dialog offers removal only.

use axum::Json;
use axum::extract::State;
use domain::Command;
use wire::graph::answer::Success;
use wire::graph::request::{ParticipantList, Product};

use super::Params;
use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use crate::app::App;

/// Removes people for good: no link brings them back. Who was not in the group is told of by
/// webhook; the answer only says that the call was taken.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}/participants",
    operation_id = "remove-group-participants",
    params(("group_id" = String, Path, description = "The group")),
    request_body = ParticipantList,
    responses(
        (status = 200, description = "The call was taken", body = Success),
        GroupErrors,
    ),
)]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<Success>, Error> {
    let people = params.read::<ParticipantList>()?.parse(Product::Optional)?;
    let command = Command::RemoveParticipants { people };
    let outcome = app.execute(&caller.call(params.idempotency()), &group, command).await?;
    Ok(Json(Success::from(outcome.effect())))
}
