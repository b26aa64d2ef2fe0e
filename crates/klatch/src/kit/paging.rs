//! How a page tells of its neighbours: cursors, and whole addresses to follow.

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Uri, header};
use wire::paging::{Cursors, Paging};

use super::peer::Forwarded;
use crate::app::App;
use crate::page::{Cursor, Slice};

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

/// Describes a page of the named list by its cursors alone.
#[must_use]
pub fn cursors<T>(name: &str, slice: &Slice<T>) -> Option<Cursors> {
    let ((first, _), (last, _)) = (slice.items.first()?, slice.items.last()?);
    Some(Cursors { before: Cursor::encode(name, *first), after: Cursor::encode(name, *last) })
}

impl Address {
    /// Describes a page of the named list that has this address.
    #[must_use]
    pub fn paging<T>(&self, name: &str, slice: &Slice<T>, limit: u16) -> Paging {
        let Some(cursors) = cursors(name, slice) else { return Paging::default() };
        Paging {
            next: slice.more_after.then(|| self.with(limit, "after", &cursors.after)),
            previous: slice.more_before.then(|| self.with(limit, "before", &cursors.before)),
            cursors: Some(cursors),
        }
    }

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
