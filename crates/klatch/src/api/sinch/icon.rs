//! `/groups/{group_id}/icon`.

use axum::extract::State;
use axum::http::StatusCode;
use wire::sinch::request::UrlMessage;

use super::Body;
use super::auth::InPath;
use super::error::{Error, GroupErrors};
use crate::app::{App, MayFetch};
use crate::webhook::target;

/// Longest address of a picture, in characters. Ours: signed addresses are long.
const URL_CHARS_MAX: usize = 2_048;

/// Fetches a picture and sets it. An address that may be fetched is answered with success; if
/// nothing fit is found there, a callback tells of it.
#[utoipa::path(
    post,
    path = "/groups/{group_id}/icon",
    operation_id = "updateGroupIcon",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("group_id" = String, Path, description = "The group"),
    ),
    request_body = UrlMessage,
    responses(
        (status = 200, description = "The call was taken; the answer is empty"),
        GroupErrors,
    ),
)]
pub(super) async fn set(
    State(app): State<App>,
    InPath(caller, group): InPath,
    body: Body,
) -> Result<StatusCode, Error> {
    let url = body.json::<UrlMessage>()?.parse()?;
    let call = caller.call(body.idempotency);
    // What was done already, or would be refused afterwards, has nobody asked for anything, not even
    // for the meaning of a name.
    if app.may_fetch(&call, &group).await? == MayFetch::Yes {
        let client = app.outbound.of(&caller.number.account);
        let url = target::address("url", &url, URL_CHARS_MAX, client.guard()).await?;
        app.fetch_picture(&call, &group, &client, &url).await?;
    }
    Ok(StatusCode::OK)
}
