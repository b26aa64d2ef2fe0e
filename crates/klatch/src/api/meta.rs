//! Meta's Cloud API, the group operations of Graph as they were in version 23.0 and are since.
//!
//! A version before every path, or none; a token that opens one number or a whole account; answers
//! and errors in Graph's envelope.

mod auth;
mod batch;
pub mod error;
mod groups;
mod headers;
mod intake;
mod invite_link;
mod join_requests;
mod node;
mod number;
mod participants;
mod registration;
mod token;
mod waba;
mod webhook;

use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router, middleware};
use utoipa::openapi::schema::AnyOf;
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::Dialect;
use wire::graph::request::Product;
use wire::problem::Problem;

use self::error::Error;
use crate::app::App;
use crate::kit::served::{Served, with_fallbacks};

type Params = crate::api::graph::params::Params<Error>;

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(node::get_several, batch::run))
        .routes(routes!(node::get, groups::post, groups::delete))
        .routes(routes!(invite_link::get, invite_link::reset, invite_link::delete))
        .routes(routes!(join_requests::list, join_requests::approve, join_requests::reject))
        .routes(routes!(participants::add, participants::remove))
        .routes(routes!(webhook::get, webhook::subscribe, webhook::unsubscribe))
        .routes(routes!(webhook::get_app, webhook::set_app, webhook::remove_app))
        .routes(routes!(waba::list_numbers))
        .routes(routes!(registration::register))
        .routes(routes!(registration::deregister))
        .routes(routes!(token::get_access_token, token::create_access_token))
        .routes(routes!(token::debug))
        .routes(routes!(token::me))
        .routes(routes!(token::app))
}

/// Meta's dialect behind the port. Its routes are without a version: that is taken off before.
#[must_use]
pub fn serve(app: App) -> Served {
    let router = operations().split_for_parts().0.with_state(app.clone());
    let router = finish(with_fallbacks(router, answer), app);
    Served { dialect: Dialect::META, router, answer }
}

/// Refuses versions that are none, reads token and parameters, and adds the headers that Graph's
/// answers have.
fn finish(router: Router, app: App) -> Router {
    // Around the router as a whole: a layer of its own would come after the method was matched.
    let routes = Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn_with_state(app.clone(), intake::take))
        .layer(middleware::from_fn_with_state(app, headers::add));
    // The operations of a batch go through the same routes, but cannot be batches.
    routes.clone().layer(Extension(batch::Routes(routes)))
}

/// Answers what is wrong before a route is reached, or after one has failed.
fn answer(problem: Problem) -> Response {
    let mut response = Error::from(problem).into_response();
    headers::describe(response.headers_mut(), headers::NEWEST);
    response
}

/// Whether a call has to say which product it means: a multipart form need not.
fn product(params: &Params) -> Product {
    if params.is_multipart() { Product::Optional } else { Product::Required }
}

/// Paths and schemas of all operations, with the version.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = OpenApiRouter::<App>::new().nest("/{version}", operations()).into_openapi();
    let schemas = document.components.iter_mut().flat_map(|components| &mut components.schemas);
    schemas.for_each(|(_, schema)| any_of(schema));
    document
}

/// Objects of several kinds can have the same fields selected: one that is valid as an app and as a
/// WABA is valid all the same.
fn any_of(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::OneOf(one_of)) = schema {
        let (items, description) = (std::mem::take(&mut one_of.items), one_of.description.take());
        *schema = RefOr::T(Schema::AnyOf(AnyOf { items, description, ..AnyOf::default() }));
    }
}
