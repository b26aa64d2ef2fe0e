//! Request bodies: read once, under a limit and a deadline, then looked at as JSON.

use std::io::Read as _;
use std::marker::PhantomData;

use axum::extract::FromRequest;
use axum::http::{HeaderMap, HeaderName, Request, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use domain::limits::PICTURE_BYTES_MAX;
use flate2::bufread::MultiGzDecoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, Deserializer};
use wire::problem::{Fault, JsonType, Problem};

use crate::app::App;
use crate::app::caller::{IDEMPOTENCY_KEY_CHARS_MAX, Idempotency};
use crate::runtime::Deadline;
use crate::serde_text::without_values;

/// Longest JSON body, in bytes, after decompression. Ours: a thousand join requests fit in several
/// times.
pub const JSON_BYTES_MAX: usize = 256 * 1_024;
/// Longest multipart form, in bytes, after decompression: the largest picture and 64 KB around it.
/// Ours.
pub const FORM_BYTES_MAX: usize = PICTURE_BYTES_MAX + 64 * 1_024;

/// The header that makes a call repeatable.
pub(crate) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What some programs write before JSON: a byte order mark in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A JSON body, and what else the call says about itself. `E` is the error of the API that the
/// request is for, so that a bad body is answered in its shape.
#[derive(Debug)]
pub struct Body<E> {
    /// What was sent, decompressed.
    pub bytes: Bytes,
    /// Given where the caller wants to be able to repeat the call.
    pub idempotency: Option<Idempotency>,
    content_type: ContentType,
    error: PhantomData<E>,
}

/// What a request says its body is.
#[derive(Debug, Clone)]
pub(crate) struct ContentType {
    pub(crate) kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Json,
    /// A form, by its content type; but tools send this content type with any body.
    Urlencoded,
    Multipart,
    Other,
}

impl ContentType {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = headers.get(header::CONTENT_TYPE);
        let text = text.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let text = text.unwrap_or_default();
        Self { kind: Kind::of(&text), text }
    }

    /// The refusal of a body of this type.
    pub(crate) fn refused(&self) -> Problem {
        Problem::MediaType { found: self.text.clone() }
    }
}

impl Kind {
    /// JSON is assumed where the content type is missing, and where a tool sends its default.
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
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

impl<E> FromRequest<App> for Body<E>
where
    E: From<Problem> + IntoResponse,
{
    type Rejection = E;

    async fn from_request(request: Request<axum::body::Body>, app: &App) -> Result<Self, E> {
        let (parts, body) = request.into_parts();
        let deadline = app.runtime.deadline(app.settings.body_timeout);
        let bytes = collect(body, &parts.headers, JSON_BYTES_MAX, &deadline).await?;
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let idempotency = idempotency(&parts.headers, method, path, &bytes)?;
        let content_type = ContentType::of(&parts.headers);
        Ok(Self { bytes, idempotency, content_type, error: PhantomData })
    }
}

impl<E> Body<E> {
    /// Refuses an `Idempotency-Key` where the call could not keep what the key promises.
    ///
    /// # Errors
    /// [`Problem::Field`] naming the header, if there is a key.
    pub fn refuse_key(&self) -> Result<(), Problem> {
        refuse_key(self.idempotency.as_ref())
    }

    /// The body as a JSON object. An empty body is an empty object: which fields are required is
    /// for the call to say.
    ///
    /// # Errors
    /// [`Problem::MediaType`] where the content type is not JSON, [`Problem::NotJson`] where the
    /// bytes are not a JSON object, [`Problem::Field`] where a field has another type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if !matches!(self.content_type.kind, Kind::Json | Kind::Urlencoded) {
            return Err(self.content_type.refused());
        }
        json_object(&self.bytes)
    }
}

/// Refuses an `Idempotency-Key` where the call could not keep what the key promises.
pub(crate) fn refuse_key(idempotency: Option<&Idempotency>) -> Result<(), Problem> {
    match idempotency {
        None => Ok(()),
        Some(_) => Err(Problem::field("Idempotency-Key", "is not supported by this call")),
    }
}

/// Reads the header `Idempotency-Key`. `content` is what makes the call the same call.
pub(crate) fn idempotency(
    headers: &HeaderMap,
    method: &str,
    path: &str,
    content: &[u8],
) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = headers.get(&IDEMPOTENCY_KEY) else { return Ok(None) };
    let read = Idempotency::new(key.as_bytes(), method, path, content);
    read.map(Some).ok_or_else(|| {
        let max = IDEMPOTENCY_KEY_CHARS_MAX;
        Problem::field("Idempotency-Key", format!("must be 1 to {max} visible ASCII characters"))
    })
}

/// Whether the body is compressed with gzip.
///
/// # Errors
/// [`Problem::ContentEncoding`] for any other compression.
pub(crate) fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(false) };
    let found = String::from_utf8_lossy(encoding.as_bytes()).trim().to_ascii_lowercase();
    match found.as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => Err(Problem::ContentEncoding { found }),
    }
}

/// Reads a whole body of at most `max_bytes` until the deadline, and decompresses it. The limit
/// holds before and after decompression.
pub(crate) async fn collect(
    body: axum::body::Body,
    headers: &HeaderMap,
    max_bytes: usize,
    deadline: &Deadline,
) -> Result<Bytes, Problem> {
    let gzip = is_gzip(headers)?;
    let collected = Limited::new(body, max_bytes).collect();
    let bytes = match deadline.limit(collected).await {
        Err(_) => return Err(Problem::BodyTooSlow),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Problem::BodyTooLarge { max_bytes });
        }
        Ok(Err(_)) => return Err(Problem::BodyBroken),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    if !gzip {
        return Ok(bytes);
    }
    // A body of a few KB can become one of several MB: that work is not for a thread on which
    // other requests wait.
    let unpacked = deadline.runtime().spawn_blocking(move || unpack(&bytes, max_bytes)).await;
    unpacked.unwrap_or(Err(Problem::Internal))
}

fn unpack(packed: &[u8], max_bytes: usize) -> Result<Bytes, Problem> {
    let mut unpacked = Vec::new();
    let one_more = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed)
        .take(one_more)
        .read_to_end(&mut unpacked)
        .map_err(|_| Problem::field("Content-Encoding", "is gzip, but the body is not"))?;
    if unpacked.len() > max_bytes {
        return Err(Problem::BodyTooLarge { max_bytes });
    }
    Ok(unpacked.into())
}

/// Bytes as a JSON object; no bytes are an empty object.
pub(crate) fn json_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = json_text(bytes);
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

/// The bytes without white space around them and without a byte order mark.
pub(crate) fn json_text(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii()
}

/// Reads an object, naming the field that is wrong.
pub(crate) fn deserialize<'de, T, D>(json: D) -> Result<T, Problem>
where
    T: DeserializeOwned,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|error| {
        let name = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() && name != "." {
            let (detail, fault) = describe(&inner);
            Problem::Field { name, detail, fault }
        } else {
            Problem::NotJson { detail: without_values(&inner.to_string()) }
        }
    })
}

/// serde's message without the value, which may be a secret, without the position, which says
/// nothing about a field, and without words that only Rust has.
fn describe(error: &serde_json::Error) -> (String, Fault) {
    let text = without_values(&error.to_string());
    let text = text.split(" at line ").next().unwrap_or(&text);
    // Our own readers write whole details.
    if text.starts_with("must ") {
        return (text.to_owned(), Fault::Other);
    }
    let (found, expected) = text.split_once(", expected ").unwrap_or((text, ""));
    let (expected, wanted) = match expected {
        "" => return (format!("is not valid: {text}"), Fault::Other),
        "a string" | "an id" => (expected, Some(JsonType::String)),
        "a boolean" => (expected, Some(JsonType::Boolean)),
        "a sequence" | "a list of names" => ("a list", Some(JsonType::Array)),
        "a map" => ("an object", Some(JsonType::Object)),
        _ if expected.starts_with("struct ") => ("an object", Some(JsonType::Object)),
        "u16" | "u32" | "u64" | "i64" => ("a whole number", Some(JsonType::Integer)),
        other => (other, None),
    };
    let Some(found) = found.strip_prefix("invalid type: ") else {
        return (format!("is not valid: {found}, expected {expected}"), Fault::Other);
    };
    let found = match found {
        "sequence" => "list",
        "map" => "object",
        other => other,
    };
    let fault = wanted.map_or(Fault::Other, Fault::WrongType);
    (format!("has the wrong type: {found}, expected {expected}"), fault)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_limit_holds_for_what_is_unpacked() {
        assert_eq!(unpack(&packed(b"{}"), 2).unwrap(), "{}");
        let large = packed(&vec![b' '; 1_000_000]);
        assert!(large.len() < 2_000);
        assert_eq!(unpack(&large, 999_999), Err(Problem::BodyTooLarge { max_bytes: 999_999 }));
        assert_eq!(unpack(&large, 1_000_000).unwrap().len(), 1_000_000);
        // Two members one after the other are one body (RFC 1952).
        assert_eq!(unpack(&[packed(b"{"), packed(b"}")].concat(), 2).unwrap(), "{}");
        for broken in [&b"{}"[..], &large[..large.len() - 9], b""] {
            assert!(matches!(unpack(broken, 1_000_000), Err(Problem::Field { .. })));
        }
    }
}
