//! `/{phone_number_id}/groups`, and `/{id}` where the id is a group's. Where it is a number's, see
//! `number.rs`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::graph::answer::{GroupPage, Success};
use wire::graph::request::{CreateGroup, UpdateForm, UpdateGroup};
use wire::meta::answer::{Created, Taken};
use wire::meta::error::Error as MetaError;
use wire::meta::error::ErrorBody;

use super::auth::NumberInPath;
use super::error::{Error, GroupErrors};
use super::node::{Node, NodeInPath};
use super::number::{self, NumberUpdate};
use super::{Params, product};
use crate::api::graph::calls;
use crate::app::App;
use crate::app::caller::Call;
use crate::kit::paging::Address;
use crate::kit::params::PageParams;
use crate::store::Scope;

/// Lists the number's groups, newest first.
#[utoipa::path(
    get,
    path = "/{phone_number_id}/groups",
    operation_id = "getActiveGroups",
    params(("phone_number_id" = String, Path, description = "The number"), PageParams),
    responses(
        (status = 200, description = "A page of groups", body = GroupPage<String>),
        (status = 400, description = "A parameter is wrong, or there is no such number", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    NumberInPath { number, .. }: NumberInPath,
    address: Address,
    params: Params,
) -> Result<Json<GroupPage<String>>, Error> {
    // Times are declared as text, here and nowhere else.
    calls::groups(&app, &number, &params, &address, |seconds| seconds.to_string()).await
}

/// Creates a group.
#[utoipa::path(
    post,
    path = "/{phone_number_id}/groups",
    operation_id = "createGroup",
    params(("phone_number_id" = String, Path, description = "The number")),
    request_body(content(
        (CreateGroup = "application/json"),
        (CreateGroup = "application/x-www-form-urlencoded"),
        (CreateGroup = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The group exists; its id and its link come by webhook, or can be asked for", body = Created),
        (status = 400, description = "A field is wrong, or the number may not create a group", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked", body = ErrorBody),
        (status = 429, description = "The number has asked for too many changes", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    NumberInPath { number, caller }: NumberInPath,
    params: Params,
) -> Result<Json<Created>, Error> {
    let new = params.read::<CreateGroup>()?.parse(product(&params))?;
    // Whichever key it is, the same number is meant.
    let (actor, scope) = (caller.actor, Scope::Number(number.id.clone()));
    let call = Call { actor, scope, idempotency: params.idempotency() };
    let outcome = app.create(&call, &number, &new).await?;
    Ok(Json(Created::from(outcome.effect())))
}

/// What can be asked of a group, or of a number, for the documentation.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a body, is never made")]
pub(super) enum Update {
    /// Other settings of a group.
    Group(UpdateGroup),
    /// Where the webhooks of a number go.
    Number(NumberUpdate),
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Updated {
    /// To a group.
    Group(Taken),
    /// To a number.
    Number(number::Done),
}

/// Changes subject, description or picture of a group, or where the webhooks of a number go.
#[utoipa::path(
    post,
    path = "/{id}",
    operation_id = "updateGroupSettings",
    params(("id" = String, Path, description = "The group, or the number")),
    request_body(content(
        (Update = "application/json"),
        (Update = "application/x-www-form-urlencoded"),
        (UpdateForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "It is changed", body = Updated),
        GroupErrors,
    ),
)]
pub(super) async fn post(
    State(app): State<App>,
    NodeInPath { identity, node, id }: NodeInPath,
    params: Params,
) -> Result<Json<Updated>, Error> {
    match node {
        Node::Waba(_) | Node::App(_) | Node::User => {
            Err(MetaError::no_such_object("post", &id).into())
        }
        Node::Number(number) => {
            params.refuse_key()?;
            let update = params.read::<NumberUpdate>()?;
            let actor = &identity.caller()?.actor;
            Ok(Json(Updated::Number(number::update(&app, actor, &number, update).await?)))
        }
        Node::Group(group) => {
            let call = identity.caller()?.call(params.idempotency());
            let done = calls::update(&app, &call, &group, &params, product(&params)).await?;
            Ok(Json(Updated::Group(Taken::from(done.effect()))))
        }
    }
}

/// Deletes a group for everybody in it.
#[utoipa::path(
    delete,
    path = "/{id}",
    operation_id = "deleteGroup",
    params(("id" = String, Path, description = "The group")),
    responses(
        (status = 200, description = "The group is gone", body = Success),
        GroupErrors,
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    NodeInPath { identity, node, id }: NodeInPath,
    params: Params,
) -> Result<Json<Success>, Error> {
    match node {
        // Only the operator removes these.
        Node::Number(_) | Node::Waba(_) | Node::App(_) | Node::User => {
            Err(MetaError::no_such_object("delete", &id).into())
        }
        Node::Group(group) => {
            let call = identity.caller()?.call(params.idempotency());
            calls::delete(&app, &call, &group).await
        }
    }
}
