//! `/groups/{group_id}/invite_link`.

use axum::Json;
use axum::extract::State;
use domain::{Command, Event, Refusal};

use super::Body;
use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use crate::app::{App, Outcome};
use crate::dialect::graph::answer::InviteLink;
use crate::dialect::graph::ask::ProductOnly;

/// Gives the invite link; where it had been deleted, a new one.
#[utoipa::path(
    get,
    path = "/groups/{group_id}/invite_link",
    operation_id = "get-group-invite-link",
    params(("group_id" = String, Path, description = "The group")),
    responses(
        (status = 200, description = "The link", body = InviteLink),
        GroupErrors,
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
) -> Result<Json<InviteLink>, Error> {
    let stored = app.group(&caller.scope(), &group).await?;
    if let Some(code) = &stored.group.state().invite {
        return Ok(Json(InviteLink::new(code, None)));
    }
    let command = Command::ProvideInvite { code: app.mint.invite_code() };
    render(&app.execute(&caller.call(None), &group, command).await?)
}

/// Replaces the invite link; all earlier ones stop to work.
#[utoipa::path(
    post,
    path = "/groups/{group_id}/invite_link",
    operation_id = "reset-group-invite-link",
    params(("group_id" = String, Path, description = "The group")),
    request_body = ProductOnly,
    responses(
        (status = 200, description = "The new link", body = InviteLink),
        GroupErrors,
    ),
)]
pub(super) async fn reset(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    body: Body,
) -> Result<Json<InviteLink>, Error> {
    body.json::<ProductOnly>()?.parse()?;
    let command = Command::ResetInvite { code: app.mint.invite_code() };
    render(&app.execute(&caller.call(body.idempotency), &group, command).await?)
}

/// The link that the call brought about, even if it was replaced since; else the present one.
fn render(outcome: &Outcome) -> Result<Json<InviteLink>, Error> {
    if let Some(Event::InviteReset { code }) = &outcome.event {
        return Ok(Json(InviteLink::new(code, Some(&outcome.request_id))));
    }
    let present = outcome.stored.group.state().invite.as_ref();
    Ok(Json(InviteLink::new(present.ok_or(Refusal::InviteLinkDead)?, None)))
}
