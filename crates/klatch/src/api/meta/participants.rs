//! `/{group_id}/participants`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::Command;
use wire::graph::code::PeopleCall;
use wire::graph::request::ParticipantList;
use wire::meta::answer::ParticipantsAnswered;

use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use super::{Params, product};
use crate::app::App;
use crate::kit::reply::status_of;

type Answered = Result<(StatusCode, Json<ParticipantsAnswered>), Error>;

/// Adds people, which also lifts a former removal. Who cannot be added fails alone.
#[utoipa::path(
    post,
    path = "/{group_id}/participants",
    operation_id = "addGroupParticipants",
    params(("group_id" = String, Path, description = "The group")),
    request_body = ParticipantList,
    responses(
        (status = 200, description = "The call was taken; it went the same way for all", body = ParticipantsAnswered),
        (status = 206, description = "Some are in, and some are not", body = ParticipantsAnswered),
        GroupErrors,
    ),
)]
pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Answered {
    let named = params.read::<ParticipantList>()?.parse_new(product(&params))?;
    let people = app.introduce(&caller.account, named).await?;
    let command = Command::AddParticipants { people };
    let outcome = app.execute(&caller.call(params.idempotency()), &group, command).await?;
    let (status, answered) = ParticipantsAnswered::new(PeopleCall::Add, outcome.effect());
    Ok((status_of(status), Json(answered)))
}

/// Removes people for good: no link brings them back. Who was not in the group fails alone.
#[utoipa::path(
    delete,
    path = "/{group_id}/participants",
    operation_id = "removeGroupParticipants",
    params(("group_id" = String, Path, description = "The group")),
    request_body = ParticipantList,
    responses(
        (status = 200, description = "The call was taken; it went the same way for all", body = ParticipantsAnswered),
        (status = 206, description = "Some are out, and some had not been in", body = ParticipantsAnswered),
        GroupErrors,
    ),
)]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Answered {
    let people = params.read::<ParticipantList>()?.parse(product(&params))?;
    let command = Command::RemoveParticipants { people };
    let outcome = app.execute(&caller.call(params.idempotency()), &group, command).await?;
    let (status, answered) = ParticipantsAnswered::new(PeopleCall::Remove, outcome.effect());
    Ok((status_of(status), Json(answered)))
}
