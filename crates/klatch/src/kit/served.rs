//! What the port needs of a dialect.

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use wire::Dialect;
use wire::problem::Problem;

/// A dialect behind the port: its routes, and how it answers what goes wrong outside of them.
#[derive(Clone)]
pub struct Served {
    /// Whose words these are.
    pub dialect: Dialect,
    /// All its operations, and what it answers to paths and methods that it does not have.
    pub router: Router,
    /// What is wrong, in the dialect's own shape.
    pub answer: fn(Problem) -> Response,
}

/// Unknown paths and methods, too, are answered in the shape of the API they were meant for.
pub fn with_fallbacks(router: Router, answer: fn(Problem) -> Response) -> Router {
    router
        .fallback(move |uri: Uri| async move {
            answer(Problem::NoSuchPath { path: uri.path().to_owned() })
        })
        .method_not_allowed_fallback(move |method: Method, uri: Uri| async move {
            let method = method.as_str().to_owned();
            answer(Problem::NoSuchMethod { method, path: uri.path().to_owned() })
        })
}
