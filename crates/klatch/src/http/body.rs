//! Request bodies: read once, under a limit and a deadline, then looked at as JSON or as a form.

use std::marker::PhantomData;

use axum::extract::{FromRequest, Multipart};
use axum::http::{HeaderMap, Request, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use domain::limits::PICTURE_BYTES_MAX;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::app::App;
use crate::app::caller::{IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY_CHARS_MAX, Idempotency};

/// Longest JSON body, in bytes. Ours: a thousand join requests fit in several times.
pub const JSON_BYTES_MAX: usize = 256 * 1_024;
/// What a form may have around its picture, in bytes. Ours.
pub const FORM_EXTRA_BYTES_MAX: usize = 64 * 1_024;

/// A request's body, and what else the call said about itself. `E` is the error of the API that
/// the request is for, so that a bad body is answered in its shape.
#[derive(Debug)]
pub struct Body<E> {
    /// What was sent.
    pub bytes: Bytes,
    /// Given where the caller wants to be able to repeat the call.
    pub idempotency: Option<Idempotency>,
    kind: Kind,
    content_type: Option<String>,
    error: PhantomData<E>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Multipart,
    Other,
}

impl Kind {
    /// JSON is taken for granted where nothing is said, and where a tool says its default.
    fn of(content_type: Option<&str>) -> Self {
        let essence =
            content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            ""
            | "application/json"
            | "text/json"
            | "text/plain"
            | "application/x-www-form-urlencoded"
            | "application/octet-stream" => Self::Json,
            kind if kind.ends_with("+json") => Self::Json,
            "multipart/form-data" => Self::Multipart,
            _ => Self::Other,
        }
    }
}

impl<E: From<Problem> + IntoResponse> FromRequest<App> for Body<E> {
    type Rejection = E;

    async fn from_request(request: Request<axum::body::Body>, app: &App) -> Result<Self, E> {
        let (parts, body) = request.into_parts();
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let kind = Kind::of(content_type.as_deref());
        let max_bytes = match kind {
            Kind::Multipart => PICTURE_BYTES_MAX + FORM_EXTRA_BYTES_MAX,
            Kind::Json | Kind::Other => JSON_BYTES_MAX,
        };
        let collected = Limited::new(body, max_bytes).collect();
        let bytes = match tokio::time::timeout(app.settings.body_timeout, collected).await {
            Err(_) => return Err(Problem::BodyTooSlow.into()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(Problem::BodyTooLarge { max_bytes }.into());
            }
            Ok(Err(_)) => return Err(Problem::BodyBroken.into()),
            Ok(Ok(collected)) => collected.to_bytes(),
        };
        let path = parts.uri.path();
        let idempotency = read_key(&parts.headers, parts.method.as_str(), path, &bytes)?;
        Ok(Self { bytes, idempotency, kind, content_type, error: PhantomData })
    }
}

fn read_key(
    headers: &HeaderMap,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Option<Idempotency>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_HEADER) else { return Ok(None) };
    let key = Idempotency::new(value.as_bytes(), method, path, body).ok_or_else(|| {
        let max = IDEMPOTENCY_KEY_CHARS_MAX;
        Problem::field("Idempotency-Key", format!("must be 1 to {max} visible ASCII characters"))
    })?;
    Ok(Some(key))
}

impl<E> Body<E> {
    /// The body as a JSON object. An empty body is an empty object: which fields are required is
    /// for the call to say.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.kind != Kind::Json {
            let found = self.content_type.clone().unwrap_or_default();
            return Err(Problem::MediaType { found });
        }
        let text = self.bytes.trim_ascii();
        let text = if text.is_empty() { b"{}" } else { text };
        if text[0] != b'{' {
            let detail = match serde_json::from_slice::<serde::de::IgnoredAny>(text) {
                Ok(_) => "it must be an object".to_owned(),
                Err(error) => error.to_string(),
            };
            return Err(Problem::NotJson { detail });
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if inner.is_data() && path != "." {
                Problem::field(path, describe(&inner))
            } else {
                Problem::NotJson { detail: inner.to_string() }
            }
        })?;
        match json.end() {
            Ok(()) => Ok(value),
            Err(error) => Err(Problem::NotJson { detail: error.to_string() }),
        }
    }

    /// Whether the body says of itself that it is a multipart form.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.kind == Kind::Multipart
    }

    /// The parts of a multipart form, in order: name and bytes.
    pub async fn form(&self) -> Result<Vec<(String, Bytes)>, Problem> {
        let broken = |error: &dyn ToString| Problem::NotMultipart { detail: error.to_string() };
        let content_type = self.content_type.clone().unwrap_or_default();
        let request = Request::builder()
            .header(header::CONTENT_TYPE, content_type)
            .body(axum::body::Body::from(self.bytes.clone()))
            .map_err(|error| broken(&error))?;
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|error| broken(&error.body_text()))?;
        let mut parts = Vec::new();
        while let Some(part) =
            form.next_field().await.map_err(|error| broken(&error.body_text()))?
        {
            let name = part.name().unwrap_or_default().to_owned();
            let bytes = part.bytes().await.map_err(|error| broken(&error.body_text()))?;
            parts.push((name, bytes));
        }
        Ok(parts)
    }
}

/// serde's message without the position, which says nothing about a field.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match text.strip_prefix("invalid type: ") {
        Some(rest) => format!("has the wrong type: {rest}"),
        None => format!("is not valid: {text}"),
    }
}
