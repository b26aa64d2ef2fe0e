//! The toy's handlers: parse, execute, render.

mod auth;
mod rooms;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use klatch::app::App;
use klatch::kit::reply::Refused;
use klatch::kit::served::{Served, with_fallbacks};

use super::wire::error;
use super::wire::spec::TOY;

pub(super) type Error = Refused<error::Error>;

pub(super) fn serve(app: App) -> Served {
    let answer = |problem| Error::from(problem).into_response();
    let router = Router::new()
        .route("/rooms", post(rooms::make))
        .route("/rooms/{room}", get(rooms::show))
        .with_state(app);
    Served { dialect: TOY, router: with_fallbacks(router, answer), answer }
}
