//! Multipart forms, read part by part as they arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http_body_util::BodyDataStream;
use multer::{Field, Multipart};
use serde_json::Value;
use wire::problem::Problem;

use super::{PARAMETERS_MAX, Param, UNKNOWN_CALLER_BYTES_MAX};
use crate::app::App;
use crate::app::shares::Share;
use crate::kit::body::{FORM_BYTES_MAX, JSON_BYTES_MAX};
use crate::runtime::Deadline;

/// How long a large form waits for a place in memory. Ours.
const PLACE_TIMEOUT: Duration = Duration::from_secs(2);

/// A part of a multipart form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of the parameter.
    pub name: String,
    /// The name of the file, for a part that is one.
    pub file_name: Option<String>,
    /// The part's own content type.
    pub content_type: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

impl Part {
    /// As a parameter: a text, unless it is a file or is not UTF-8.
    pub(super) fn param(&self) -> Param {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if self.file_name.is_none() => Param::Value(Value::String(text.to_owned())),
            _ => Param::Bytes,
        }
    }
}

/// A form that is being read.
pub(super) struct Form {
    stream: Multipart<'static>,
    /// Bytes that may arrive, boundaries included.
    limit: Arc<AtomicUsize>,
    parts: Vec<Part>,
    /// Bytes of all parts.
    kept: usize,
}

/// More bytes have arrived than may.
#[derive(Debug, thiserror::Error)]
#[error("the form is too long")]
struct TooLong;

impl Form {
    /// Begins to read a form. Until [`Form::read_all`] is called no more than the bytes of an
    /// unknown caller may arrive.
    ///
    /// # Errors
    /// [`Problem::NotMultipart`] where the content type names no boundary.
    pub(super) fn new(body: axum::body::Body, headers: &HeaderMap) -> Result<Self, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|text| text.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(broken)?;
        let limit = Arc::new(AtomicUsize::new(UNKNOWN_CALLER_BYTES_MAX));
        let (most, mut arrived) = (Arc::clone(&limit), 0);
        let stream = BodyDataStream::new(body).map(move |chunk| {
            let chunk = chunk?;
            arrived += chunk.len();
            if arrived > most.load(Ordering::Relaxed) {
                return Err(axum::Error::new(TooLong));
            }
            Ok(chunk)
        });
        Ok(Self { stream: Multipart::new(stream, boundary), limit, parts: Vec::new(), kept: 0 })
    }

    /// Reads parts until the one of this name was read; gives its text. `None` if the form ends
    /// before, or is too long.
    pub(super) async fn read_until(
        &mut self,
        name: &str,
        deadline: &Deadline,
    ) -> Result<Option<String>, Problem> {
        loop {
            match in_time(deadline, self.read_part(None)).await {
                Err(Problem::BodyTooLarge { .. }) | Ok(None) => return Ok(None),
                Err(problem) => return Err(problem),
                Ok(Some(())) => {}
            }
            let last = self.parts.last().filter(|part| part.name == name);
            if let Some(Param::Value(Value::String(text))) = last.map(Part::param) {
                return Ok(Some(text));
            }
        }
    }

    /// Reads the rest and gives all parts, with the place in memory that they take if they are
    /// large.
    pub(super) async fn read_all(
        mut self,
        app: &App,
        payer: &str,
        share: Option<Share>,
        deadline: &Deadline,
    ) -> Result<(Vec<Part>, Option<Share>), Problem> {
        self.limit.store(FORM_BYTES_MAX, Ordering::Relaxed);
        let mut place = Place { app, payer, share };
        while in_time(deadline, self.read_part(Some(&mut place))).await?.is_some() {}
        Ok((self.parts, place.share))
    }

    /// Reads the next part; `None` at the end of the form.
    async fn read_part(
        &mut self,
        mut place: Option<&mut Place<'_>>,
    ) -> Result<Option<()>, Problem> {
        let Some(mut field) = self.stream.next_field().await.map_err(broken)? else {
            return Ok(None);
        };
        if self.parts.len() == PARAMETERS_MAX {
            let detail = format!("must not have more than {PARAMETERS_MAX} parts");
            return Err(Problem::field("body", detail));
        }
        let mut content = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            self.kept += chunk.len();
            if self.kept > JSON_BYTES_MAX
                && let Some(place) = place.as_deref_mut()
            {
                place.take().await?;
            }
            content.extend_from_slice(&chunk);
        }
        self.parts.push(part(&field, content.freeze()));
        Ok(Some(()))
    }
}

fn part(field: &Field<'_>, bytes: Bytes) -> Part {
    Part {
        name: field.name().unwrap_or_default().to_owned(),
        file_name: field.file_name().map(str::to_owned),
        content_type: field.content_type().map(ToString::to_string),
        bytes,
    }
}

/// The place in memory that a large form takes.
struct Place<'a> {
    app: &'a App,
    payer: &'a str,
    share: Option<Share>,
}

impl Place<'_> {
    async fn take(&mut self) -> Result<(), Problem> {
        if self.share.is_none() {
            self.share = Some(large_place(self.app, self.payer).await?);
        }
        Ok(())
    }
}

/// Takes a place for a large form.
///
/// # Errors
/// [`Problem::Overloaded`] if none becomes free in time.
pub(super) async fn large_place(app: &App, payer: &str) -> Result<Share, Problem> {
    let wait = PLACE_TIMEOUT.min(app.settings.body_timeout / 4);
    app.large_bodies.take(payer, wait).await.ok_or(Problem::Overloaded)
}

async fn in_time<T>(
    deadline: &Deadline,
    reading: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    deadline.limit(reading).await.unwrap_or(Err(Problem::BodyTooSlow))
}

/// What is wrong with a form.
fn broken(error: multer::Error) -> Problem {
    let multer::Error::StreamReadFailed(cause) = &error else {
        return Problem::NotMultipart { detail: error.to_string() };
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(cause.as_ref());
    while let Some(error) = cause {
        if error.is::<TooLong>() {
            return Problem::BodyTooLarge { max_bytes: FORM_BYTES_MAX };
        }
        cause = error.source();
    }
    Problem::BodyBroken
}
