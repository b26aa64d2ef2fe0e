//! How a page tells of its neighbours: cursors, and whole addresses to follow.

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Uri, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::peer::Forwarded;
use crate::app::App;
use crate::page::{Cursor, Slice};

/// Where a page is in its list. All of it is missing where the page is empty.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paging {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursors: Option<Cursors>,
    /// The next page, whole address; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The previous page, whole address; missing on the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// The ends of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cursors {
    /// Of the first item.
    before: String,
    /// Of the last item.
    after: String,
}

/// The address that a request was sent to, as its sender sees it: from `public_url`, or from what a
/// trusted proxy says, or from the `Host` of the request. Its query stays as it came, so that a token
/// is in it only if it was there before.
#[derive(Debug)]
pub struct Address {
    base: String,
    uri: Uri,
}

impl FromRequestParts<App> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(parts, app).await;
        let base = app.settings.public_url.clone().unwrap_or_else(|| {
            let forwarded = parts.extensions.get::<Forwarded>();
            let scheme = forwarded.and_then(|forwarded| forwarded.scheme).unwrap_or("http");
            let host = forwarded.and_then(|forwarded| forwarded.host.as_deref());
            let host = host.or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
            // A client that sends something else than a host gets an address all the same.
            let host = host.filter(|host| !host.contains('@') && host.parse::<Authority>().is_ok());
            format!("{scheme}://{}", host.unwrap_or("localhost"))
        });
        Ok(Self { base, uri })
    }
}

impl Paging {
    /// Describes a page of the named list that has no address of its own: with cursors only.
    #[must_use]
    pub fn without_addresses<T>(name: &str, slice: &Slice<T>) -> Self {
        let (Some((first, _)), Some((last, _))) = (slice.items.first(), slice.items.last()) else {
            return Self { cursors: None, next: None, previous: None };
        };
        let (before, after) = (Cursor::encode(name, *first), Cursor::encode(name, *last));
        Self { cursors: Some(Cursors { before, after }), next: None, previous: None }
    }

    /// Describes a page of the named list.
    #[must_use]
    pub fn of<T>(name: &str, slice: &Slice<T>, limit: u16, address: &Address) -> Self {
        let (Some((first, _)), Some((last, _))) = (slice.items.first(), slice.items.last()) else {
            return Self { cursors: None, next: None, previous: None };
        };
        let before = Cursor::encode(name, *first);
        let after = Cursor::encode(name, *last);
        Self {
            next: slice.more_after.then(|| address.with(limit, "after", &after)),
            previous: slice.more_before.then(|| address.with(limit, "before", &before)),
            cursors: Some(Cursors { before, after }),
        }
    }
}

impl Address {
    /// The same address with other paging parameters; whatever else was asked for stays.
    fn with(&self, limit: u16, name: &str, cursor: &str) -> String {
        let kept = self
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| {
                let key = pair.split('=').next().unwrap_or_default();
                !pair.is_empty() && !matches!(key, "limit" | "after" | "before")
            })
            .fold(String::new(), |kept, pair| format!("{kept}{pair}&"));
        let cursor = cursor.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("{}{}?{kept}limit={limit}&{name}={cursor}", self.base, self.uri.path())
    }
}
