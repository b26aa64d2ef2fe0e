//! Our own API under `/klatch/v1`: accounts, numbers, keys, subscriptions; what happened, and what
//! was told of it; and the people, where they are on.
//!
//! Whoever holds the admin token is the operator and may do everything. The same care as in the
//! dialects: JSON always, the field named, lists with cursors.

mod accounts;
mod auth;
mod deliveries;
pub mod error;
mod events;
mod groups;
mod keys;
mod numbers;
mod people;
mod subscriptions;

use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use domain::ids::AccountId;
use jiff::Timestamp as Moment;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::paging::Paging;
use wire::problem::Problem;
use wire::problem::parse;

use self::error::Error;
use crate::app::App;
use crate::directory::SubscriptionId;
use crate::kit::paging::Address;
use crate::page::{Page, Slice};

type Body = crate::kit::body::Body<Error>;
type Query = crate::kit::params::QueryParams<Error>;

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::get))
        .routes(routes!(numbers::list, numbers::create))
        .routes(routes!(numbers::get, numbers::change))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get, keys::revoke))
        .routes(routes!(subscriptions::list, subscriptions::create))
        .routes(routes!(subscriptions::get, subscriptions::change, subscriptions::remove))
        .routes(routes!(subscriptions::pause))
        .routes(routes!(subscriptions::resume))
        .routes(routes!(subscriptions::rotate))
        .routes(routes!(subscriptions::renew))
        .routes(routes!(subscriptions::test))
        .routes(routes!(events::list))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::replay_many))
        .routes(routes!(deliveries::get))
        .routes(routes!(deliveries::replay))
        .routes(routes!(people::get, people::set))
        .routes(routes!(people::join))
        .routes(routes!(people::cancel))
        .routes(routes!(people::leave))
        .routes(routes!(groups::picture))
        .routes(routes!(groups::suspend))
        .routes(routes!(groups::restore))
}

/// All operations, to be mounted under `/klatch`.
pub fn router(app: App) -> Router {
    operations().split_for_parts().0.with_state(app)
}

/// Something that went wrong outside of any handler, in this API's own shape.
#[must_use]
pub fn answer(problem: Problem) -> Response {
    Error::from(problem).into_response()
}

/// Paths and schemas of all operations, as mounted.
#[must_use]
pub fn document() -> OpenApi {
    OpenApiRouter::<App>::new().nest("/klatch", operations()).into_openapi()
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
struct Listed<T> {
    data: Vec<T>,
    paging: Paging,
}

/// Answers with a page of the list of this name, as it is read.
async fn listed<R, T: From<R>>(
    list: &str,
    query: &Query,
    address: &Address,
    read: impl AsyncFnOnce(Page) -> Result<Slice<R>, Error>,
) -> Result<Json<Listed<T>>, Error> {
    let page = query.page(list)?;
    let slice = read(page).await?;
    let paging = address.paging(list, &slice, page.limit);
    Ok(Json(Listed {
        data: slice.items.into_iter().map(|(_, record)| record.into()).collect(),
        paging,
    }))
}

/// The account that a list is narrowed to, and the list's name.
fn of_account(list: &str, query: &Query) -> Result<(Option<AccountId>, String), Problem> {
    let Some(account) = query.get("account_id") else { return Ok((None, list.to_owned())) };
    let account = parse("account_id", account, AccountId::parse)?;
    let list = format!("{list} of {account}");
    Ok((Some(account), list))
}

/// An optional part of a query, parsed.
fn given<T>(
    query: &Query,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    query.get(name).filter(|text| !text.is_empty()).map(parse).transpose()
}

/// Reads a subscription's id.
fn subscription_id(text: &str) -> Result<SubscriptionId, Problem> {
    SubscriptionId::parse(text)
        .ok_or_else(|| Problem::field("subscription_id", "must be an id that begins with sub_"))
}

/// Reads a moment in RFC 3339.
fn moment(name: &str, text: &str) -> Result<domain::values::Timestamp, Problem> {
    let moment: Moment = text
        .parse()
        .map_err(|_| Problem::field(name, "must be a moment such as 2026-01-31T12:00:00Z"))?;
    Ok(domain::values::Timestamp::from_millis(moment.as_millisecond()))
}

/// A moment in RFC 3339.
fn rfc3339(at: domain::values::Timestamp) -> String {
    Moment::from_millisecond(at.as_millis()).map(|moment| moment.to_string()).unwrap_or_default()
}
