//! What Graph does with a request before it looks at the path: it finds the token, wherever it
//! stands, and refuses a wrong one; it reads all parameters into one map; and it lets a POST be
//! another method by the parameter `method`, for programs that can send nothing else.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::Limited;
use wire::meta::error::Error as MetaError;
use wire::problem::Problem;

use super::auth::Identity;
use super::error::Error;
use super::headers::Seen;
use super::token::Sent;
use crate::api::graph::params::Incoming;
use crate::app::App;
use crate::kit::params::bearer;

/// The only path that needs no token: it gives them.
const TOKEN_PATH: &str = "/oauth/access_token";
/// Longest body of a request for a token, in bytes. Ours.
const OPEN_BYTES_MAX: usize = 16 * 1_024;

/// The methods that a POST can be, by their names in the parameter `method`.
const METHODS: [(&str, Method); 3] =
    [("get", Method::GET), ("post", Method::POST), ("delete", Method::DELETE)];

/// Reads a request and answers it.
pub(super) async fn take(State(app): State<App>, request: Request, next: Next) -> Response {
    match read(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// The same request, with its [`Identity`] and its parameters beside it.
async fn read(app: &App, request: Request) -> Result<Request, Error> {
    let (mut parts, body) = request.into_parts();
    if parts.uri.path() == TOKEN_PATH {
        return read_open(app, parts, body).await;
    }
    let in_header = bearer(&parts).map(str::to_owned);
    let mut incoming = Incoming::new(app, &parts, body);
    let in_query = incoming.token_in_query();
    let token = if let Some(token) = agreed([in_header, in_query])? {
        token
    } else {
        let found = incoming.find_token(&parts.headers).await?;
        agreed([found, None])?.ok_or_else(MetaError::no_token)?
    };
    // Before the rest of the body is read: it costs memory.
    let identity = Identity::of(app, &token).await?;
    if let (Some(seen), Some(number)) = (parts.extensions.get::<Seen>(), identity.number()) {
        seen.by(number);
    }
    let read = incoming.finish(app, &parts, identity.payer()).await?;
    agreed([Some(token.clone()), read.only_text("access_token")?.map(Into::into)])?;
    // Never made as the method that it was sent with, where it may be meant as another one.
    if let Some(name) = read.only_text("method")? {
        parts.method = overridden(&parts.method, &name)?;
    }
    parts.extensions.insert(identity);
    parts.extensions.insert(Sent(token));
    parts.extensions.insert(Arc::new(read));
    Ok(Request::from_parts(parts, Body::empty()))
}

/// A request for a token: its sender has none yet, so that little is read of it.
async fn read_open(app: &App, mut parts: Parts, body: Body) -> Result<Request, Error> {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > OPEN_BYTES_MAX) {
        return Err(Problem::BodyTooLarge { max_bytes: OPEN_BYTES_MAX }.into());
    }
    let body = Body::new(Limited::new(body, OPEN_BYTES_MAX));
    let read = Incoming::new(app, &parts, body).finish(app, &parts, TOKEN_PATH).await?;
    parts.extensions.insert(Arc::new(read));
    Ok(Request::from_parts(parts, Body::empty()))
}

/// The one token that a request names, in however many places. Empty ones do not count.
fn agreed(tokens: [Option<String>; 2]) -> Result<Option<String>, Error> {
    let mut tokens = tokens
        .into_iter()
        .flatten()
        .map(|token| token.trim().to_owned())
        .filter(|token| !token.is_empty());
    let token = tokens.next();
    match tokens.next() {
        Some(other) if Some(&other) != token.as_ref() => Err(MetaError::two_tokens().into()),
        _ => Ok(token),
    }
}

/// The method that the parameter `method` names. Only a POST can be another one: a link that
/// somebody follows must not delete anything.
fn overridden(method: &Method, name: &str) -> Result<Method, Problem> {
    let named = METHODS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
    match named {
        Some((_, named)) if named == method || *method == Method::POST => Ok(named.clone()),
        Some(_) => {
            let detail = format!("can only be changed by a POST request, not by {method}");
            Err(Problem::field("method", detail))
        }
        None => Err(Problem::not_one_of("method", &["get", "post", "delete"], name)),
    }
}
