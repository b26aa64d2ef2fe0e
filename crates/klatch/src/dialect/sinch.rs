//! Sinch's WhatsApp API, the group operations as they were from September 2019 to October 2020.
//!
//! A bot and its token, groups by an alias made of number and second, empty answers where all went
//! well. There are admins here, and no join requests.

mod admins;
mod ask;
mod auth;
mod callbacks;
pub mod error;
mod groups;
mod icon;
mod invite_link;
mod participants;
pub mod webhook;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::error::Error;
use crate::app::App;

type Body = crate::http::body::Body<Error>;
type Query = crate::http::params::QueryParams<Error>;

/// What stands before every path. Published.
const BASE: &str = "/whatsapp/v1/{bot_id}";

fn operations() -> OpenApiRouter<App> {
    let operations = OpenApiRouter::new()
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get, groups::update, groups::leave))
        .routes(routes!(participants::remove))
        .routes(routes!(admins::promote, admins::demote))
        .routes(routes!(invite_link::get, invite_link::delete))
        .routes(routes!(icon::set))
        .routes(routes!(callbacks::status))
        .routes(routes!(callbacks::notifications));
    OpenApiRouter::new().nest(BASE, operations)
}

/// All operations.
pub fn router(app: App) -> Router {
    operations().split_for_parts().0.with_state(app)
}

/// Paths and schemas of all operations.
#[must_use]
pub fn document() -> OpenApi {
    operations().into_openapi()
}
