//! One port. Every request gets an id, a place to go, an answer in that place's own shape, a line
//! in the log and a place in the figures.

pub mod connections;
pub mod server;

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use tower::ServiceExt as _;
use wire::Dialect;
use wire::problem::Problem;

use crate::api::{self, klatch};
use crate::app::App;
use crate::kit::choice::{Api, Choice};
use crate::kit::served::{Served, with_fallbacks};
use crate::metrics::{ApiLabels, Metrics, RequestLabels, Status};
use crate::openapi;
use crate::runtime::{Instant, Runtime};
use crate::telemetry::{self, Reason, TraceId};

/// Bytes that all headers of a request may have together. Ours.
const HEADERS_BYTES_MAX: usize = 16 * 1_024;
/// The header of every answer that has the id of its request.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Seconds for which a browser may keep the answer to a preflight: as many as the strictest keeps
/// it. Ours.
const PREFLIGHT_MAX_AGE_SECS: &str = "7200";

/// The whole port as one service; clones share it.
#[derive(Clone)]
pub struct Port(Arc<Routes>);

struct Routes {
    app: App,
    probes: Router,
    klatch: Router,
    /// The dialects, and beside each at the same place how it is served.
    dialects: Vec<Dialect>,
    served: Vec<Served>,
}

impl Port {
    /// Puts all routes in place.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self::serving(app, &api::SERVED)
    }

    /// Puts the routes of these dialects in place, and our own.
    #[must_use]
    pub fn serving(app: App, dialects: &[fn(App) -> Served]) -> Self {
        let klatch = klatch::router(app.clone()).merge(openapi::router());
        let klatch = Router::new().nest("/klatch", klatch);
        let served: Vec<_> = dialects.iter().map(|serve| serve(app.clone())).collect();
        Self(Arc::new(Routes {
            probes: probes(app.clone()),
            klatch: with_fallbacks(klatch, klatch::answer),
            dialects: served.iter().map(|served| served.dialect).collect(),
            served,
            app,
        }))
    }

    /// Answers a request, whatever it is.
    pub async fn call(&self, mut request: Request<Body>) -> Response {
        let uri = request.uri().clone();
        self.0.app.settings.proxies.resolve(&mut request);
        let foreign = self.foreign(&request);
        let api = Choice::make(&self.0.dialects, &mut request);
        let told = Told {
            runtime: &self.0.app.runtime,
            metrics: &self.0.app.metrics,
            api,
            method: request.method().clone(),
            uri,
            id: TraceId::new(self.0.app.mint.log_id()),
            begun: self.0.app.runtime.instant(),
            status: Cell::new(None),
            reason: Cell::new(None),
        };
        told.metrics.in_flight.inc();
        telemetry::traced(told.id, async {
            // A panic is a bug of ours, but the caller gets an answer and the others never notice.
            let routed = async {
                match foreign {
                    Some(problem) => self.answer(api, problem),
                    None => self.route(api, request).await,
                }
            };
            let answered = AssertUnwindSafe(routed).catch_unwind().await;
            let mut response = answered.unwrap_or_else(|_| self.answer(api, Problem::Internal));
            response.headers_mut().insert(&REQUEST_ID, told.id.header());
            if let Api::Vendor(_) = api {
                let origin = header::ACCESS_CONTROL_ALLOW_ORIGIN;
                response.headers_mut().insert(origin, HeaderValue::from_static("*"));
            }
            if response.status() == StatusCode::UNAUTHORIZED && takes_bearer_tokens(api) {
                let bearer = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
            }
            told.status.set(Some(response.status()));
            told.reason.set(response.extensions_mut().remove::<Reason>());
            drop(told);
            response
        })
        .await
    }

    /// Refuses a host that a sandbox does not answer to.
    fn foreign(&self, request: &Request<Body>) -> Option<Problem> {
        let host = self.0.app.settings.hosts.foreign(&self.0.dialects, request)?;
        Some(Problem::ForeignHost { host: String::from_utf8_lossy(host).into_owned() })
    }

    fn served(&self, api: Api) -> Option<&Served> {
        let Api::Vendor(dialect) = api else { return None };
        self.0.served.iter().find(|served| served.dialect == dialect)
    }

    /// Something that went wrong outside of any handler, in this API's own shape.
    fn answer(&self, api: Api, problem: Problem) -> Response {
        self.served(api).map_or(klatch::answer as fn(_) -> _, |served| served.answer)(problem)
    }

    async fn route(&self, api: Api, request: Request<Body>) -> Response {
        if let Some(problem) = too_long(&request) {
            return self.answer(api, problem);
        }
        if matches!(api, Api::Vendor(_))
            && request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ORIGIN)
        {
            return preflight(&request);
        }
        let router = match self.served(api) {
            Some(served) => &served.router,
            None if api == Api::Probes => &self.0.probes,
            None => &self.0.klatch,
        };
        match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// What logs and figures are told of a request once it is over: when it is answered, or when the
/// caller goes away and the answer is dropped.
struct Told<'a> {
    runtime: &'a Runtime,
    metrics: &'a Metrics,
    api: Api,
    method: Method,
    uri: Uri,
    id: TraceId,
    begun: Instant,
    status: Cell<Option<StatusCode>>,
    reason: Cell<Option<Reason>>,
}

/// The status of a request whose caller went away, in logs and figures only. As nginx has it.
const GONE_AWAY: u16 = 499;

impl Drop for Told<'_> {
    fn drop(&mut self) {
        let Self { runtime, metrics, api, method, uri, id, begun, status, reason } = self;
        let taken = runtime.elapsed(*begun);
        let status = status.get().map_or(GONE_AWAY, |status| status.as_u16());
        let api = api.as_str();
        let labels = RequestLabels { api, method: word(method), status: Status(status) };
        metrics.in_flight.dec();
        metrics.requests.get_or_create(&labels).inc();
        metrics.request_seconds.get_or_create(&ApiLabels { api }).observe(taken.as_secs_f64());
        let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
        let (path, reason) = (shown(uri), reason.take().map(|reason| reason.0));
        if (500..600).contains(&status) {
            tracing::warn!(target: "klatch::access", request_id = %id, %method, path, status, micros, reason, "answered");
        } else if status == 200 && is_renewal(method, uri) {
            tracing::debug!(target: "klatch::access", request_id = %id, %method, path, status, micros, "answered");
        } else {
            tracing::info!(target: "klatch::access", request_id = %id, %method, path, status, micros, reason, "answered");
        }
    }
}

/// A path as the log may have it: without the query, which can hold secrets, and without what
/// somebody took for the id of a key, which may be the key.
fn shown(uri: &Uri) -> &str {
    match uri.path().strip_prefix("/klatch/v1/keys/") {
        Some(id) if !id.starts_with("key_") => "/klatch/v1/keys/…",
        _ => uri.path(),
    }
}

/// Whether a request only says that a receiver is still there: one every few seconds for each
/// `klatch listen`, and of no interest in the log as long as it succeeds.
fn is_renewal(method: &Method, uri: &Uri) -> bool {
    let rest = uri.path().strip_prefix("/klatch/v1/subscriptions/");
    *method == Method::POST && rest.is_some_and(|rest| rest.ends_with("/renew"))
}

/// Lets a browser send what it asks for. Graph is open to pages of any origin, as long as they bring
/// their token along; cookies are never looked at.
fn preflight(request: &Request<Body>) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    // Named one by one: `*` would not cover Authorization.
    if let Some(wanted) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    let max_age = HeaderValue::from_static(PREFLIGHT_MAX_AGE_SECS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, max_age);
    let vary = HeaderValue::from_static("access-control-request-headers");
    headers.insert(header::VARY, vary);
    response
}

fn too_long(request: &Request<Body>) -> Option<Problem> {
    let size = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let total: usize = request.headers().iter().map(size).sum();
    if total <= HEADERS_BYTES_MAX {
        return None;
    }
    let longest = request.headers().iter().max_by_key(|header| size(*header));
    let name = longest.map(|(name, _)| name.to_string()).unwrap_or_default();
    Some(Problem::HeadersTooLarge { longest: name, max_bytes: HEADERS_BYTES_MAX })
}

/// Whether a caller is to be told that a token goes into `Authorization`.
fn takes_bearer_tokens(api: Api) -> bool {
    match api {
        Api::Vendor(dialect) => dialect.header.is_none(),
        Api::Probes | Api::Klatch => true,
    }
}

/// Methods as labels: a caller must not be able to invent new ones.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn probes(app: App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(app)
}

async fn ready(State(app): State<App>) -> Response {
    if app.ready().await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store is not available\n").into_response()
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_renewals_are_quiet() {
        let quiet = |method, uri: &'static str| is_renewal(&method, &Uri::from_static(uri));
        assert!(quiet(Method::POST, "/klatch/v1/subscriptions/sub_1/renew"));
        for (method, uri) in [
            (Method::GET, "/klatch/v1/subscriptions/sub_1/renew"),
            (Method::POST, "/klatch/v1/subscriptions/sub_1/rotate"),
            (Method::POST, "/klatch/v1/subscriptions"),
            (Method::POST, "/groups/renew"),
        ] {
            assert!(!quiet(method, uri), "{uri}");
        }
    }

    #[test]
    fn the_log_shows_no_secret() {
        for (uri, expected) in [
            ("/groups?access_token=secret", "/groups"),
            ("/klatch/v1/keys/key_1", "/klatch/v1/keys/key_1"),
            ("/klatch/v1/keys/aH7lloIaci1dUE5NqlvN0Ez5CLbudRYY", "/klatch/v1/keys/…"),
        ] {
            assert_eq!(shown(&uri.parse().unwrap()), expected);
        }
    }
}
