//! `/{group_id}/invite_link`.

use axum::Json;
use axum::extract::State;
use domain::Command;
use wire::graph::answer::InviteLink;
use wire::graph::request::{Product, ProductOnly};
use wire::meta::answer::LinkDeleted;

use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use super::{Params, product};
use crate::api::graph::calls;
use crate::app::App;

/// Gives the invite link; where it had been deleted, a new one.
#[utoipa::path(
    get,
    path = "/{group_id}/invite_link",
    operation_id = "getGroupInviteLink",
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
    path = "/{group_id}/invite_link",
    operation_id = "createGroupInviteLink",
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
    params: Params,
) -> Result<Json<InviteLink>, Error> {
    let (asked, product) = (params.read()?, product(&params));
    let call = caller.call(params.idempotency());
    calls::reset_invite_link(&app, &call, &group, asked, product).await
}

/// Deletes the invite link: nobody can join until somebody asks for a new one.
#[utoipa::path(
    delete,
    path = "/{group_id}/invite_link",
    operation_id = "deleteGroupInviteLink",
    params(("group_id" = String, Path, description = "The group")),
    request_body = Option<ProductOnly>,
    responses(
        (status = 200, description = "There is none", body = LinkDeleted),
        GroupErrors,
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<LinkDeleted>, Error> {
    // Declared as required, and yet no body is what clients send with a DELETE.
    params.read::<ProductOnly>()?.parse(Product::Optional)?;
    let call = caller.call(params.idempotency());
    let outcome = app.execute(&call, &group, Command::DeleteInvite).await?;
    Ok(Json(LinkDeleted::from(outcome.effect())))
}
