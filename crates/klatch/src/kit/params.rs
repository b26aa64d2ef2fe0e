//! What stands in a request's path and query.

use std::borrow::Cow;
use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use utoipa::IntoParams;
use wire::paging::{LIMIT_DEFAULT, LIMIT_MAX};
use wire::problem::Problem;

use crate::page::{Cursor, Page, Seek};

/// What every list understands, for the documentation; read by [`QueryParams::page`].
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes a query, is never made")]
pub struct PageParams {
    /// Items wanted; 25 if left out.
    #[param(minimum = 1, maximum = 1024)]
    limit: Option<u16>,
    /// Cursor: read on behind it.
    after: Option<String>,
    /// Cursor: read back from it.
    before: Option<String>,
}

/// The values in the path, percent-decoded, by the name that the route gives them.
#[derive(Debug)]
pub struct PathParams(Option<RawPathParams>);

impl PathParams {
    /// The value of this name; empty if it is not readable text.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let mut values = self.0.iter().flatten();
        values.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        // What is not UTF-8 names nothing that exists.
        Ok(Self(RawPathParams::from_request_parts(parts, state).await.ok()))
    }
}

/// The token in `Authorization: Bearer …`.
#[must_use]
pub fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The query: what is not known is ignored, of what is said twice the last counts.
#[derive(Debug)]
pub struct QueryParams<E> {
    values: Vec<(String, String)>,
    error: PhantomData<E>,
}

impl<E: From<Problem> + IntoResponse, S: Send + Sync> FromRequestParts<S> for QueryParams<E> {
    type Rejection = E;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, E> {
        let Query(values) = Query::from_request_parts(parts, state).await.map_err(|error| {
            Problem::field("query", format!("is not valid: {}", error.body_text()))
        })?;
        Ok(Self { values, error: PhantomData })
    }
}

impl<E> QueryParams<E> {
    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The page of the named list that `limit`, `after` and `before` ask for.
    pub fn page(&self, list: &str) -> Result<Page, Problem> {
        page(list, |name| self.get(name).map(Cow::Borrowed))
    }
}

/// The page of the named list that `limit`, `after` and `before` ask for; `get` gives the
/// parameters. An empty one is as good as none.
///
/// # Errors
/// [`Problem::Field`] for a limit out of range and for two cursors at once, [`Problem::Cursor`] for
/// a cursor of another list.
pub(crate) fn page<'a>(
    list: &str,
    get: impl Fn(&'static str) -> Option<Cow<'a, str>>,
) -> Result<Page, Problem> {
    let limit = match get("limit").as_deref() {
        None | Some("") => LIMIT_DEFAULT,
        Some(text) => match text.parse() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => limit,
            _ => {
                let detail = format!("must be a whole number from 1 to {LIMIT_MAX}");
                return Err(Problem::field("limit", detail));
            }
        },
    };
    let cursor = |name: &'static str| -> Result<Option<u64>, Problem> {
        match get(name).as_deref() {
            None | Some("") => Ok(None),
            Some(text) => match Cursor::decode(list, text) {
                Some(key) => Ok(Some(key)),
                None => Err(Problem::Cursor { name }),
            },
        }
    };
    let seek = match (cursor("after")?, cursor("before")?) {
        (None, None) => Seek::First,
        (Some(key), None) => Seek::After(key),
        (None, Some(key)) => Seek::Before(key),
        (Some(_), Some(_)) => {
            return Err(Problem::field("before", "cannot be combined with after"));
        }
    };
    Ok(Page { limit, seek })
}
