//! The version in front of a path, and the headers that Graph's answers have.

use std::sync::{Arc, OnceLock};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wire::problem::Problem;

use super::error::Error;
use crate::app::{App, Usage};
use crate::directory::Number;
use crate::kit::choice::Base;
use crate::telemetry;

/// The version that a call without one gets: the newest, of July 2026.
pub(super) const NEWEST: &str = "v26.0";

/// Which number has called, once that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<OnceLock<Arc<Number>>>);

impl Seen {
    /// Notes it down.
    pub(super) fn by(&self, number: &Arc<Number>) {
        let _ = self.0.set(Arc::clone(number));
    }
}

/// Answers a request under its version.
pub(super) async fn add(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let version = request.extensions().get::<Base>().and_then(Base::version).map(str::to_owned);
    let seen = Seen::default();
    request.extensions_mut().insert(seen.clone());
    let reads = *request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = match version.as_deref().map(check).transpose() {
        Ok(_) => next.run(request).await,
        Err(problem) => Error::from(problem).into_response(),
    };
    if reads && response.status() == StatusCode::OK {
        response = tagged(response, known.as_ref()).await;
    }
    let version = version.filter(|version| check(version).is_ok());
    let headers = response.headers_mut();
    describe(headers, version.as_deref().unwrap_or(NEWEST));
    if let Some(number) = seen.0.get() {
        tell_usage(headers, number, app.usage(number));
    }
    response
}

/// `v`, a number, a point, a number. Which versions there are is not our business.
fn check(version: &str) -> Result<(), Problem> {
    let number = version.strip_prefix('v').and_then(|number| number.split_once('.'));
    match number {
        Some(_) => Ok(()),
        None => Err(Problem::field("version", "must be like v23.0")),
    }
}

pub(super) fn describe(headers: &mut HeaderMap, version: &str) {
    let id = telemetry::trace_id().unwrap_or_default();
    set(headers, "facebook-api-version", version);
    for name in ["x-fb-request-id", "x-fb-trace-id", "x-fb-debug"] {
        set(headers, name, &id);
    }
    set(headers, "x-fb-rev", env!("CARGO_PKG_VERSION"));
}

/// How much of what it may a number has used, in per cent. Nothing but changes is limited, so
/// that of everything else it has used nothing.
fn tell_usage(headers: &mut HeaderMap, number: &Number, used: Usage) {
    let Usage { percent, free_in_secs } = used;
    let shares = json!({ "call_count": percent, "total_cputime": 0, "total_time": 0 });
    set(headers, "x-app-usage", &shares.to_string());
    let business = json!({ &number.waba_id: [{
        "type": "whatsapp_business_management",
        "call_count": percent,
        "total_cputime": 0,
        "total_time": 0,
        "estimated_time_to_regain_access": free_in_secs.div_ceil(60),
    }] });
    set(headers, "x-business-use-case-usage", &business.to_string());
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Whether this is among the tags that a reader knows. They may be marked as weak: proxies that
/// compress answers do so.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let mut known = known.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    known.any(|one| one == b"*" || one.strip_prefix(b"W/").unwrap_or(one) == tag.as_bytes())
}

/// Gives an answer the tag by which its reader can ask whether it is still the same.
async fn tagged(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    // Our own answers are in memory, whole.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Error::from(Problem::Internal).into_response();
    };
    let tag = format!("\"{}\"", crate::hex(&Sha256::digest(&bytes)[..16]));
    let Ok(tag) = HeaderValue::from_str(&tag) else { return (parts, bytes).into_response() };
    if known.is_some_and(|known| names(known, &tag)) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    parts.headers.insert(header::ETAG, tag);
    Response::from_parts(parts, Body::from(bytes))
}
