//! 360dialog's Messaging API, the group operations of its specification 1.41.0.
//!
//! Meta's API behind one header: the key names the number, so that no path does. Its own are the
//! header, the paths, the error shape and native JSON types where the guide prints strings.

mod auth;
pub mod error;
mod groups;
mod invite_link;
mod join_requests;
mod participants;
mod webhook;

use axum::Router;
use axum::response::IntoResponse as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Dialect;

use self::error::Error;
use crate::app::App;
use crate::kit::served::{Served, with_fallbacks};

type Body = crate::kit::body::Body<Error>;
type Params = crate::api::graph::params::Params<Error>;

fn unversioned() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::info, groups::update, groups::delete))
        .routes(routes!(invite_link::get, invite_link::reset))
        .routes(routes!(join_requests::list, join_requests::approve, join_requests::reject))
        .routes(routes!(participants::remove))
        .routes(routes!(webhook::get_waba, webhook::set_waba))
        .routes(routes!(
            webhook::get_multi,
            webhook::switch_multi,
            webhook::add_multi,
            webhook::change_multi
        ))
}

/// What is published under `/v1`.
fn configs() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(webhook::get, webhook::set, webhook::remove))
}

fn operations() -> OpenApiRouter<App> {
    unversioned().nest("/v1", configs())
}

/// 360dialog's dialect behind the port; each operation with and without `/v1`, for clients whose
/// base address ends in it.
#[must_use]
pub fn serve(app: App) -> Served {
    let answer = |problem| Error::from(problem).into_response();
    let (router, _) = unversioned().merge(configs()).split_for_parts();
    let router = Router::new().merge(router.clone()).nest("/v1", router).with_state(app);
    Served { dialect: Dialect::D360, router: with_fallbacks(router, answer), answer }
}

/// Paths and schemas of all operations.
#[must_use]
pub fn document() -> OpenApi {
    operations().into_openapi()
}
