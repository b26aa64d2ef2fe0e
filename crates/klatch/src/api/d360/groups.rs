//! `/groups` and `/groups/{group_id}`.

use axum::Json;
use axum::extract::State;
use wire::d360::answer::Created;
use wire::d360::error::ErrorBody;
use wire::graph::answer::{GroupInfo, GroupPage, Success};
use wire::graph::request::{CreateGroup, Product, UpdateForm, UpdateGroup};

use super::Params;
use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use crate::api::graph::calls;
use crate::app::App;
use crate::kit::paging::Address;
use crate::kit::params::PageParams;
use crate::kit::reply::WrittenJson;

/// Lists the number's groups, newest first.
#[utoipa::path(
    get,
    path = "/groups",
    operation_id = "get-active-groups",
    params(PageParams),
    responses(
        (status = 200, description = "A page of groups", body = GroupPage<i64>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    Caller { number, .. }: Caller,
    address: Address,
    params: Params,
) -> Result<Json<GroupPage<i64>>, Error> {
    calls::groups(&app, &number, &params, &address, |seconds| seconds).await
}

/// Creates a group.
#[utoipa::path(
    post,
    path = "/groups",
    operation_id = "create-group",
    request_body = CreateGroup,
    responses(
        (status = 200, description = "The group exists", body = Created),
        (status = 400, description = "A field is wrong, or the number has no room for another group", body = ErrorBody),
        (status = 401, description = "The key is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Created>, Error> {
    let new = params.read::<CreateGroup>()?.parse(Product::Optional)?;
    let outcome = app.create(&caller.call(params.idempotency()), &caller.number, &new).await?;
    Ok(Json(Created::from(outcome.effect())))
}

/// Tells about a group.
#[utoipa::path(
    get,
    path = "/groups/{group_id}",
    operation_id = "get-group-info",
    params(
        ("group_id" = String, Path, description = "The group"),
        ("fields" = Option<String>, Query, description = "Comma list of subject, description, join_approval_mode, suspended, creation_timestamp, participants, total_participant_count; without it only id and messaging_product come back"),
    ),
    responses(
        (status = 200, description = "The group", body = GroupInfo),
        GroupErrors,
    ),
)]
pub(super) async fn info(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<WrittenJson, Error> {
    let fields = params.fields()?;
    calls::info(&app, &caller.scope(), &group, fields.as_deref(), caller.names()).await
}

/// Changes subject, description or picture.
#[utoipa::path(
    post,
    path = "/groups/{group_id}",
    operation_id = "update-group-settings",
    params(("group_id" = String, Path, description = "The group")),
    request_body(content(
        (UpdateGroup = "application/json"),
        (UpdateForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The settings are changed", body = Success),
        GroupErrors,
    ),
)]
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<Success>, Error> {
    let call = caller.call(params.idempotency());
    let done = calls::update(&app, &call, &group, &params, Product::Optional).await?;
    Ok(Json(Success::from(done.effect())))
}

/// Deletes a group for everybody in it.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}",
    operation_id = "delete-group",
    params(("group_id" = String, Path, description = "The group")),
    responses(
        (status = 200, description = "The group is gone", body = Success),
        GroupErrors,
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    InPath(group): InPath,
    params: Params,
) -> Result<Json<Success>, Error> {
    calls::delete(&app, &caller.call(params.idempotency()), &group).await
}
