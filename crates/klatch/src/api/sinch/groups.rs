//! `/groups` and `/groups/{group_id}`.

use axum::Json;
use axum::body::Body as Stream;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use domain::Command;
use domain::values::{Description, JoinApprovalMode};
use domain::{GroupSummary, NewGroup};
use futures_util::stream;
use wire::paging::LIMIT_MAX;
use wire::sinch::answer::{CreatedGroup, GroupInfo, GroupList};
use wire::sinch::error::ErrorBody;
use wire::sinch::request::SubjectMessage;
use wire::sinch::spelled;

use super::Body;
use super::auth::{Caller, InPath};
use super::error::{Error, GroupErrors};
use crate::app::App;
use crate::page::{Page, Seek, Slice};

/// Lists all groups of the bot, newest first.
#[utoipa::path(
    get,
    path = "/groups",
    operation_id = "listGroups",
    params(("bot_id" = String, Path, description = "The bot")),
    responses(
        (status = 200, description = "All groups", body = GroupList),
        (status = 401, description = "The token is missing, wrong or revoked, or it is not the bot's", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    Caller { number, .. }: Caller,
) -> Result<Response, Error> {
    let page = |seek| Page { limit: LIMIT_MAX, seek };
    let first = app.groups.groups(&number.id, page(Seek::First)).await?;
    // The list has no pages, but it may have any length: it goes out as it is read.
    let lines = stream::unfold((Some(first), true), move |(slice, begins)| {
        let (app, number) = (app.clone(), number.clone());
        async move {
            let slice = slice?;
            let text = chunk(number.display_number.as_str(), &slice, begins);
            let last = slice.items.last().filter(|_| slice.more_after).map(|(key, _)| *key);
            let next = match last {
                None => Ok(None),
                Some(key) => app.groups.groups(&number.id, page(Seek::After(key))).await.map(Some),
            };
            Some(match next {
                Ok(next) => (Ok(text), (next, false)),
                // The answer has begun: all that is left is to break it off.
                Err(error) => (Err(error), (None, false)),
            })
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Stream::from_stream(lines)).into_response())
}

/// A part of the list, as JSON.
fn chunk(business: &str, slice: &Slice<GroupSummary>, begins: bool) -> Bytes {
    let names: Vec<String> = slice
        .items
        .iter()
        .map(|(second, _)| format!("\"{}\"", spelled(business, second)))
        .collect();
    let mut text = if begins { "{\"groups\":[".to_owned() } else { String::new() };
    // What was still to come may have gone in the meantime.
    if !begins && !names.is_empty() {
        text.push(',');
    }
    text.push_str(&names.join(","));
    if !slice.more_after {
        text.push_str("]}");
    }
    text.into()
}

/// Creates a group. Whoever taps its link is in.
#[utoipa::path(
    post,
    path = "/groups",
    operation_id = "createGroup",
    params(("bot_id" = String, Path, description = "The bot")),
    request_body = SubjectMessage,
    responses(
        (status = 200, description = "The group exists", body = CreatedGroup),
        (status = 400, description = "A field is wrong", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked, or it is not the bot's", body = ErrorBody),
        (status = 406, description = "The number may not create a group", body = ErrorBody),
        (status = 429, description = "The number has asked for too many changes", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Json<CreatedGroup>, Error> {
    let new = NewGroup {
        subject: body.json::<SubjectMessage>()?.parse()?,
        description: Description::default(),
        mode: JoinApprovalMode::AutoApprove,
    };
    let outcome = app.create(&caller.call(body.idempotency), &caller.number, &new).await?;
    Ok(Json(CreatedGroup::from(outcome.stored.group.state())))
}

/// Tells about a group.
#[utoipa::path(
    get,
    path = "/groups/{group_id}",
    operation_id = "getGroupInformation",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    responses(
        (status = 200, description = "The group", body = GroupInfo),
        GroupErrors,
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    InPath(caller, group): InPath,
) -> Result<Json<GroupInfo>, Error> {
    let stored = app.group(&caller.scope(), &group).await?;
    Ok(Json(GroupInfo::from(stored.group.state())))
}

/// Changes the subject of a group.
#[utoipa::path(
    patch,
    path = "/groups/{group_id}",
    operation_id = "updateGroupSubject",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    request_body = SubjectMessage,
    responses(
        (status = 200, description = "It is changed; the answer is empty"),
        GroupErrors,
    ),
)]
pub(super) async fn update(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let subject = Some(body.json::<SubjectMessage>()?.parse()?);
    let command = Command::ChangeSettings { subject, description: None, picture: None };
    app.execute(&caller.call(body.idempotency), &group, command).await?;
    Ok(StatusCode::OK)
}

/// The bot leaves a group, which ends it: nobody else can manage it.
#[utoipa::path(
    delete,
    path = "/groups/{group_id}",
    operation_id = "leaveGroup",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    responses(
        (status = 200, description = "The bot is out; the answer is empty"),
        GroupErrors,
    ),
)]
pub(super) async fn leave(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let call = caller.call(body.idempotency);
    app.execute(&call, &group, Command::LeaveAsBusiness).await?;
    Ok(StatusCode::OK)
}
