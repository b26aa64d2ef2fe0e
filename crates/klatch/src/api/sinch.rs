//! Sinch's WhatsApp API, the group operations as they were from September 2019 to October 2020.
//!
//! A bot and its token, groups by an alias made of number and second, empty answers where all went
//! well. There are admins here, and no join requests.

mod admins;
mod auth;
mod callbacks;
pub mod error;
mod groups;
mod icon;
mod invite_link;
mod participants;

use axum::response::IntoResponse as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Dialect;

use self::error::Error;
use crate::app::App;
use crate::kit::served::{Served, with_fallbacks};

type Body = crate::kit::body::Body<Error>;
type Query = crate::kit::params::QueryParams<Error>;

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

/// Sinch's dialect behind the port.
#[must_use]
pub fn serve(app: App) -> Served {
    let answer = |problem| Error::from(problem).into_response();
    let router = operations().split_for_parts().0.with_state(app);
    Served { dialect: Dialect::SINCH, router: with_fallbacks(router, answer), answer }
}

/// Paths and schemas of all operations.
#[must_use]
pub fn document() -> OpenApi {
    operations().into_openapi()
}
