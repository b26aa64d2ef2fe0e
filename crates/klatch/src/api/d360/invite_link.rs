//! `/groups/{group_id}/invite_link`.

use axum::Json;
use axum::extract::State;
use wire::graph::answer::InviteLink;
use wire::graph::request::{Product, ProductOnly};

use super::Params;
use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use crate::api::graph::calls;
use crate::app::App;

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
    calls::invite_link(&app, &caller.call(None), &group).await
}

/// Replaces the invite link; all earlier ones stop to work.
#[utoipa::path(
    post,
    path = "/groups/{group_id}/invite_link",
    operation_id = "reset-group-invite-link",
    params(("group_id" = String, Path, description = "The group")),
    request_body = Option<ProductOnly>,
    responses(
        (status = 200, description = "The new link", body = InviteLink),
        GroupErrors,
    ),
)]
pub(super) async fn reset(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<InviteLink>, Error> {
    let asked = params.read()?;
    let call = caller.call(params.idempotency());
    calls::reset_invite_link(&app, &call, &group, asked, Product::Optional).await
}
