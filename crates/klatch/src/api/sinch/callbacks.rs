//! `/callbacks`: what a bot is told, to be asked for instead of being sent.

use axum::Json;
use axum::extract::State;
use domain::PersonRef;
use domain::values::Timestamp;
use jiff::Timestamp as Moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wire::news::Payload;
use wire::problem::{Problem, parse};
use wire::sinch::error::ErrorBody;
use wire::sinch::spelled;
use wire::sinch::webhook;

use super::auth::Caller;
use super::error::Error;
use super::{Body, Query};
use crate::app::{App, notices};
use crate::directory::Number;
use crate::store::outbox::Notice;

/// Since when there can have been callbacks: 2019-09-01. Published.
const BEGINNING: Timestamp = Timestamp::from_millis(1_567_296_000_000);
/// Callbacks in a page, unless the call says otherwise. Published.
const PAGE_SIZE: u64 = 20;
/// Most callbacks in a page. Ours.
const PAGE_SIZE_MAX: u64 = 1_000;
/// How far pages reach into a span of time, in callbacks: each page is counted from its beginning.
/// Ours.
const REACH_MAX: u64 = 100_000;

/// Which notifications are wanted. In the body, or in the query.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct Wanted {
    /// From then on; 2019-09-01 if left out.
    #[schema(example = "2020-01-31T12:00:00Z")]
    start_time: Option<String>,
    /// Until then, not included; now if left out.
    end_time: Option<String>,
    /// Only from this number.
    #[schema(example = "46732001122")]
    from: Option<String>,
    /// Counts from 1. Pages reach 100,000 callbacks far; behind them a later `start_time` leads on.
    #[schema(minimum = 1)]
    page: Option<u64>,
    /// 1 to 1,000; 20 if left out.
    #[schema(minimum = 1, maximum = 1_000)]
    page_size: Option<u64>,
}

/// Callbacks as they are sent, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Callbacks {
    results: Vec<Value>,
}

/// Gives the callbacks with statuses of a message. No message can be sent here yet, so that none
/// has any.
#[utoipa::path(
    get,
    path = "/callbacks/status/{message_id}",
    operation_id = "getStatusCallbacks",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("message_id" = String, Path, description = "The message"),
    ),
    responses(
        (status = 200, description = "The callbacks", body = Callbacks),
        (status = 401, description = "The token is missing, wrong or revoked, or it is not the bot's", body = ErrorBody),
    ),
)]
pub(super) async fn status(_: Caller) -> Json<Callbacks> {
    Json(Callbacks { results: Vec::new() })
}

/// Gives the callbacks with notifications, oldest first, whether or not they are sent as well.
#[utoipa::path(
    get,
    path = "/callbacks/notifications",
    operation_id = "getNotificationCallbacks",
    params(
        ("bot_id" = String, Path, description = "The bot"),
        ("start_time" = Option<String>, Query, description = "From then on; 2019-09-01 if left out. This and the others may also stand in a JSON body"),
        ("end_time" = Option<String>, Query, description = "Until then, not included; now if left out"),
        ("from" = Option<String>, Query, description = "Only from this number"),
        ("page" = Option<u64>, Query, description = "Counts from 1", minimum = 1),
        ("page_size" = Option<u64>, Query, description = "1 to 1,000; 20 if left out", minimum = 1, maximum = 1_000),
    ),
    responses(
        (status = 200, description = "The callbacks", body = Callbacks),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The token is missing, wrong or revoked, or it is not the bot's", body = ErrorBody),
    ),
)]
pub(super) async fn notifications(
    State(app): State<App>,
    Caller { number, .. }: Caller,
    query: Query,
    body: Body,
) -> Result<Json<Callbacks>, Error> {
    let wanted = body.json::<Wanted>()?;
    let text = |name, given: Option<String>| given.or(query.get(name).map(str::to_owned));
    let from = text("start_time", wanted.start_time);
    let to = text("end_time", wanted.end_time);
    let sender = text("from", wanted.from);
    let sender = sender.map(|sender| parse("from", &sender, PersonRef::parse)).transpose()?;
    let size = count("page_size", wanted.page_size, &query, PAGE_SIZE, PAGE_SIZE_MAX)?;
    let page = count("page", wanted.page, &query, 1, REACH_MAX / size)?;
    let wanted = notices::Wanted {
        sender,
        from: from.map_or(Ok(BEGINNING), |text| moment("start_time", &text))?,
        to: to.map(|text| moment("end_time", &text)).transpose()?,
        // Both are bounded by the reach.
        skip: u32::try_from((page - 1) * size).unwrap_or(u32::MAX),
        limit: u32::try_from(size).unwrap_or(u32::MAX),
    };
    let notices = notices::list(&app, &number, wanted).await?;
    // A thousand of them take longer than others should wait for.
    let rendering = move || notices.iter().filter_map(|one| render(&number, one)).collect();
    match app.runtime.spawn_blocking(rendering).await {
        Ok(results) => Ok(Json(Callbacks { results })),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The callback that tells of an event, if one does.
fn render(number: &Number, notice: &Notice) -> Option<Value> {
    let Notice { alias_second, recorded } = notice;
    let business = number.display_number.as_str();
    let Payload { body, .. } = webhook::render_event(&webhook::Happened {
        business,
        bot_id: &number.bot_id,
        in_group: &spelled(business, alias_second),
        at: recorded.at,
        request_id: &recorded.request_id,
        event: &recorded.event,
    })?;
    serde_json::from_slice(&body).ok()
}

fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let moment: Moment = text
        .parse()
        .map_err(|_| Problem::field(name, "must be a moment such as 2020-01-31T12:00:00Z"))?;
    Ok(Timestamp::from_millis(moment.as_millisecond()))
}

fn count(
    name: &'static str,
    given: Option<u64>,
    query: &Query,
    default: u64,
    max: u64,
) -> Result<u64, Problem> {
    let wrong = || Problem::field(name, format!("must be a whole number from 1 to {max}"));
    let given = match (given, query.get(name)) {
        (Some(given), _) => given,
        (None, Some(text)) => text.parse().map_err(|_| wrong())?,
        (None, None) => default,
    };
    if (1..=max).contains(&given) { Ok(given) } else { Err(wrong()) }
}
