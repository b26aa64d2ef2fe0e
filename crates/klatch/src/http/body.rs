//! Request bodies: read once, under a limit and a deadline, then looked at as JSON or as a form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart};
use axum::http::{HeaderValue, Request, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use domain::limits::PICTURE_BYTES_MAX;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use tokio::sync::OwnedSemaphorePermit;

use super::problem::Problem;
use crate::app::App;
use crate::app::caller::{IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY_CHARS_MAX, Idempotency};
use crate::serde_text::without_values;

/// Longest JSON body, in bytes. Ours: a thousand join requests fit in several times.
pub const JSON_BYTES_MAX: usize = 256 * 1_024;
/// Longest form that can hold a picture, in bytes: the picture, and 64 KB around it. Ours.
pub const FORM_BYTES_MAX: usize = PICTURE_BYTES_MAX + 64 * 1_024;

/// A request's body, and what else the call said about itself. `E` is the error of the API that
/// the request is for, so that a bad body is answered in its shape; `FORM` is how long a form may
/// be where the call takes one.
#[derive(Debug)]
pub struct Body<E, const FORM: usize = JSON_BYTES_MAX> {
    /// What was sent.
    pub bytes: Bytes,
    /// Given where the caller wants to be able to repeat the call.
    pub idempotency: Option<Idempotency>,
    kind: Kind,
    content_type: Option<String>,
    error: PhantomData<E>,
    // Held as long as the bytes are.
    _place: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    /// Says that it is a form; but tools say so of whatever they are told to send.
    Urlencoded,
    Multipart,
    Other,
}

impl Kind {
    /// JSON is taken for granted where nothing is said, and where a tool says its default.
    fn of(content_type: Option<&str>) -> Self {
        let essence =
            content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" | "application/json" | "text/json" | "text/plain" | "application/octet-stream" => {
                Self::Json
            }
            "application/x-www-form-urlencoded" => Self::Urlencoded,
            kind if kind.ends_with("+json") => Self::Json,
            "multipart/form-data" => Self::Multipart,
            _ => Self::Other,
        }
    }
}

impl<E, const FORM: usize> FromRequest<App> for Body<E, FORM>
where
    E: From<Problem> + IntoResponse,
{
    type Rejection = E;

    async fn from_request(request: Request<axum::body::Body>, app: &App) -> Result<Self, E> {
        let (parts, body) = request.into_parts();
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let kind = Kind::of(content_type.as_deref());
        let max_bytes = match kind {
            Kind::Multipart => FORM,
            Kind::Json | Kind::Urlencoded | Kind::Other => JSON_BYTES_MAX,
        };
        let place = if max_bytes > JSON_BYTES_MAX {
            Arc::clone(&app.forms).acquire_owned().await.ok()
        } else {
            None
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
        let boundary =
            content_type.as_deref().filter(|_| kind == Kind::Multipart).and_then(boundary);
        let idempotency = match parts.headers.get(IDEMPOTENCY_HEADER) {
            None => None,
            Some(key) => {
                let same = without(&bytes, boundary.unwrap_or_default());
                Some(read_key(key, parts.method.as_str(), path, &same)?)
            }
        };
        Ok(Self { bytes, idempotency, kind, content_type, error: PhantomData, _place: place })
    }
}

/// The boundary that a form's content type names.
fn boundary(content_type: &str) -> Option<&str> {
    let (_, rest) = content_type.split_once("boundary=")?;
    Some(rest.split(';').next().unwrap_or(rest).trim().trim_matches('"'))
}

/// The bytes without a form's boundary: clients draw a new one for each attempt at the same call.
fn without<'a>(bytes: &'a [u8], boundary: &str) -> Cow<'a, [u8]> {
    if boundary.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(boundary.as_bytes()) {
            rest = behind;
        } else {
            kept.push(rest[0]);
            rest = &rest[1..];
        }
    }
    Cow::Owned(kept)
}

fn read_key(
    key: &HeaderValue,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Idempotency, Problem> {
    Idempotency::new(key.as_bytes(), method, path, body).ok_or_else(|| {
        let max = IDEMPOTENCY_KEY_CHARS_MAX;
        Problem::field("Idempotency-Key", format!("must be 1 to {max} visible ASCII characters"))
    })
}

impl<E, const FORM: usize> Body<E, FORM> {
    /// Refuses an `Idempotency-Key` where the call could not keep what the key promises.
    pub fn refuse_key(&self) -> Result<(), Problem> {
        match self.idempotency {
            None => Ok(()),
            Some(_) => Err(Problem::field("Idempotency-Key", "is not supported by this call")),
        }
    }

    /// The body as a JSON object. An empty body is an empty object: which fields are required is
    /// for the call to say.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !matches!(self.kind, Kind::Json | Kind::Urlencoded) {
            let found = self.content_type.clone().unwrap_or_default();
            return Err(Problem::MediaType { found });
        }
        let text = self.bytes.trim_ascii();
        let text = if text.is_empty() { b"{}" } else { text };
        if text[0] != b'{' {
            return Err(Problem::NotJson { detail: "it must be a JSON object".to_owned() });
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let value = deserialize(&mut json)?;
        match json.end() {
            Ok(()) => Ok(value),
            Err(error) => Err(Problem::NotJson { detail: error.to_string() }),
        }
    }

    /// The body as an object, be it written as JSON or as a form. Where a list or an object is
    /// wanted, a form has it as JSON, as Graph does.
    pub async fn fields<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let text = self.bytes.trim_ascii();
        let pairs = match self.kind {
            Kind::Multipart => self.form().await?,
            Kind::Urlencoded if !text.starts_with(b"{") => url::form_urlencoded::parse(text)
                .map(|(name, value)| (name.into_owned(), Bytes::from(value.into_owned())))
                .collect(),
            Kind::Json | Kind::Urlencoded | Kind::Other => return self.json(),
        };
        // Of what is said twice the last counts.
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            let value = FormText(text_of(&name, &value)?);
            fields.insert(name, value);
        }
        deserialize(MapDeserializer::new(fields.into_iter()))
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
        let mut request = Request::builder()
            .header(header::CONTENT_TYPE, content_type)
            .body(axum::body::Body::from(self.bytes.clone()))
            .map_err(|error| broken(&error))?;
        // The bytes are here and have been counted; axum's own limit would be two megabytes.
        DefaultBodyLimit::disable().apply(&mut request);
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

/// What a form has under a name. It is text, whatever it looks like, unless something else is
/// wanted there: a subject may well begin with a bracket.
struct FormText(String);

impl FormText {
    /// The text as JSON, if it begins like a list or an object; else it stays what it is.
    fn json(self) -> Result<serde_json::Value, serde_json::Error> {
        if !self.0.trim_start().starts_with(['[', '{']) {
            return Ok(self.0.into());
        }
        let wrong = |error| serde_json::Error::custom(format!("not JSON: {error}"));
        serde_json::from_str(&self.0).map_err(wrong)
    }
}

impl IntoDeserializer<'_, serde_json::Error> for FormText {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for FormText {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.json()?.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.json()?.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json()?.deserialize_struct(name, fields, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct tuple tuple_struct enum identifier ignored_any
    }
}

/// The text of a form's part.
pub fn text_of(name: &str, bytes: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).map(str::to_owned);
    text.map_err(|_| Problem::field(name, "must be text in UTF-8"))
}

/// Reads an object, naming the field that is wrong.
fn deserialize<'de, T, D>(json: D) -> Result<T, Problem>
where
    T: DeserializeOwned,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() && path != "." {
            Problem::field(path, describe(&inner))
        } else {
            Problem::NotJson { detail: without_values(&inner.to_string()) }
        }
    })
}

/// serde's message without the value, which may be a secret, without the position, which says
/// nothing about a field, and without words that only Rust has.
fn describe(error: &serde_json::Error) -> String {
    let text = without_values(&error.to_string());
    let text = text.split(" at line ").next().unwrap_or(&text);
    let text = match text.split_once("expected struct ") {
        Some((found, _)) => format!("{found}expected an object"),
        None => text.replace("expected u64", "expected a whole number"),
    };
    let text = text.replace("a sequence", "a list").replace("type: map", "type: object");
    let text = text.replace("type: sequence", "type: list");
    match text.strip_prefix("invalid type: ") {
        Some(rest) => format!("has the wrong type: {rest}"),
        None => format!("is not valid: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_the_same_under_any_boundary() {
        let one = without(b"--abc\r\nx\r\n--abc--", "abc");
        let two = without(b"--def\r\nx\r\n--def--", "def");
        assert_eq!(one, two);
        assert_ne!(one, without(b"--def\r\ny\r\n--def--", "def"));
        assert_eq!(boundary("multipart/form-data; boundary=\"+++\"; x=y"), Some("+++"));
        assert_eq!(boundary("multipart/form-data"), None);
    }
}
