//! What a call does, once its caller, its group and its body are known. The rooms of this family
//! differ in who calls, where, and how it is told that something was wrong: `E` is their error.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use domain::Command;
use domain::ids::GroupId;
use wire::graph::answer::{
    GROUP_FIELDS, GroupInfo, GroupPage, InviteLink, JoinRequestPage, JoinRequestsAnswered, Success,
};
use wire::graph::fields::Fields;
use wire::graph::person::Names;
use wire::graph::request::{JoinRequestList, PICTURE_PARTS, Product, ProductOnly, UpdateGroup};
use wire::problem::Problem;

use super::params::Params;
use crate::app::caller::Call;
use crate::app::{App, Change, Failure, Outcome};
use crate::directory::Number;
use crate::kit::paging::Address;
use crate::kit::reply::WrittenJson;
use crate::picture;
use crate::store::{Scope, StoreError};

/// Lists a number's groups, newest first; `seconds` says how times are written.
pub async fn groups<E, S>(
    app: &App,
    number: &Number,
    params: &Params<E>,
    address: &Address,
    seconds: impl Fn(i64) -> S,
) -> Result<Json<GroupPage<S>>, E>
where
    E: From<Problem> + From<StoreError>,
    S: utoipa::ToSchema,
{
    let list = format!("groups of {}", number.id);
    let page = params.page(&list)?;
    let slice = app.groups.groups(&number.id, page).await?;
    let paging = address.paging(&list, &slice, page.limit);
    Ok(Json(GroupPage::new(slice.items.into_iter().map(|(_, group)| group), paging, seconds)))
}

/// Tells about a group.
pub async fn info<E>(
    app: &App,
    scope: &Scope,
    group: &GroupId,
    fields: Option<&str>,
    names: Names,
) -> Result<WrittenJson, E>
where
    E: From<Problem> + From<Failure>,
{
    let fields = Fields::parse(fields, GROUP_FIELDS)?;
    let stored = app.group(scope, group).await?;
    Ok(WrittenJson(fields.write(&GroupInfo::new(stored.group.state(), &fields, names))?))
}

/// Changes the settings of a group.
pub async fn update<E>(
    app: &App,
    call: &Call,
    group: &GroupId,
    params: &Params<E>,
    product: Product,
) -> Result<Outcome, E>
where
    E: From<Problem> + From<Failure>,
{
    let asked: UpdateGroup = params.read()?;
    let part = params.part(&PICTURE_PARTS);
    let mut change = Change::from(asked.parse(product, part.is_some())?);
    if let (Some(part), Command::ChangeSettings { picture, .. }) = (part, &mut change.command) {
        let inspected = picture::inspect(&part.bytes);
        *picture = Some(inspected.map_err(|problem| {
            let part = part.name.clone();
            Problem::Picture { part, problem }
        })?);
        change.picture = Some(part.bytes.clone());
    }
    Ok(app.execute(call, group, change).await?)
}

/// Gives the invite link; where it had been deleted, a new one.
pub async fn invite_link<E: From<Failure>>(
    app: &App,
    call: &Call,
    group: &GroupId,
) -> Result<Json<InviteLink>, E> {
    Ok(Json(InviteLink::from(&app.invite_link(call, group).await?)))
}

/// Replaces the invite link.
pub async fn reset_invite_link<E>(
    app: &App,
    call: &Call,
    group: &GroupId,
    asked: ProductOnly,
    product: Product,
) -> Result<Json<InviteLink>, E>
where
    E: From<Problem> + From<Failure>,
{
    asked.parse(product)?;
    let command = Command::ResetInvite { code: app.mint.invite_code() };
    let outcome = app.execute(call, group, command).await?;
    Ok(Json(InviteLink::try_from(outcome.effect()).map_err(Failure::from)?))
}

/// Lists the open join requests, oldest first.
pub async fn join_requests<E>(
    app: &App,
    scope: &Scope,
    group: &GroupId,
    params: &Params<E>,
    address: &Address,
    names: Names,
) -> Result<Response, E>
where
    E: From<Problem> + From<Failure>,
{
    let list = format!("join requests of {group}");
    let page = params.page(&list)?;
    let stored = app.group(scope, group).await?;
    let requests = &stored.group.state().requests;
    let slice = page.cut(requests.iter().map(|request| (request.opened_in, request)));
    let paging = address.paging(&list, &slice, page.limit);
    Ok(Json(JoinRequestPage::new(slice.items, paging, names)).into_response())
}

/// Lets people in. What cannot be approved fails alone.
pub async fn approve<E>(
    app: &App,
    call: &Call,
    group: &GroupId,
    asked: JoinRequestList,
    product: Product,
) -> Result<Json<JoinRequestsAnswered>, E>
where
    E: From<Problem> + From<Failure>,
{
    let command = Command::ApproveJoinRequests { requests: asked.parse(product)? };
    let outcome = app.execute(call, group, command).await?;
    Ok(Json(JoinRequestsAnswered::approved(outcome.effect())))
}

/// Turns people away; they may ask again. What cannot be rejected fails alone.
pub async fn reject<E>(
    app: &App,
    call: &Call,
    group: &GroupId,
    asked: JoinRequestList,
    product: Product,
) -> Result<Json<JoinRequestsAnswered>, E>
where
    E: From<Problem> + From<Failure>,
{
    let command = Command::RejectJoinRequests { requests: asked.parse(product)? };
    let outcome = app.execute(call, group, command).await?;
    Ok(Json(JoinRequestsAnswered::rejected(outcome.effect())))
}

/// Deletes a group for everybody in it.
pub async fn delete<E: From<Failure>>(
    app: &App,
    call: &Call,
    group: &GroupId,
) -> Result<Json<Success>, E> {
    Ok(Json(Success::from(app.execute(call, group, Command::Delete).await?.effect())))
}
