//! `/groups` and `/groups/{group_id}`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::Command;

use super::auth::{Caller, InPath};
use super::error::{Error, ErrorBody, GroupErrors};
use super::{Body, Query, Upload};
use crate::app::App;
use crate::dialect::graph::answer::{Created, GroupInfo, GroupPage, Success};
use crate::dialect::graph::ask::{CreateGroup, Fields, GROUP_FIELDS, Product, UpdateGroup};
use crate::http::paging::{Address, Paging};
use crate::http::params::PageParams;

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
    Caller(number): Caller,
    query: Query,
    address: Address,
) -> Result<Json<GroupPage<i64>>, Error> {
    let list = format!("groups of {}", number.id);
    let page = query.page(&list)?;
    let slice = app.groups(&number.id, page).await?;
    let paging = Paging::of(&list, &slice, page.limit, &address);
    Ok(Json(GroupPage::new(slice.items, paging, |seconds| seconds)))
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
    body: Body,
) -> Result<Json<Created>, Error> {
    let new = body.json::<CreateGroup>()?.parse(Product::Optional)?;
    let outcome = app.create(&caller.call(body.idempotency), &caller.0, &new).await?;
    Ok(Json(Created::from(&outcome)))
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
    query: Query,
) -> Result<Response, Error> {
    let fields = Fields::parse(query.get("fields"), &GROUP_FIELDS)?;
    let stored = app.group(&caller.scope(), &group).await?;
    Ok(Json(GroupInfo::new(stored.group.state(), &fields)).into_response())
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
    body: Upload,
) -> Result<Json<Success>, Error> {
    let change = if body.is_form() {
        UpdateGroup::parse_form(body.form().await?)?
    } else {
        body.json::<UpdateGroup>()?.parse(Product::Optional)?
    };
    let outcome = app.execute(&caller.call(body.idempotency), &group, change).await?;
    Ok(Json(Success::from(&outcome)))
}

/// New settings as a form, for the documentation: forms are read part by part.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a form, is never made")]
pub(super) struct UpdateForm {
    messaging_product: Option<String>,
    #[schema(max_length = 128)]
    subject: Option<String>,
    #[schema(max_length = 2048)]
    description: Option<String>,
    /// A square JPEG of at most 5 MB with sides of at least 192 pixels; the part may also be named
    /// `profile_picture_file`.
    #[schema(format = Binary, content_media_type = "image/jpeg")]
    file: Option<String>,
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
    body: Body,
) -> Result<Json<Success>, Error> {
    let outcome = app.execute(&caller.call(body.idempotency), &group, Command::Delete).await?;
    Ok(Json(Success::from(&outcome)))
}
