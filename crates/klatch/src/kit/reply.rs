//! Errors as answers: status, headers and body of whatever a dialect has made of what is wrong.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Refusal;
use wire::problem::{ErrorAnswer, Problem};

use crate::app::Failure;
use crate::store::{ChangeError, StoreError};
use crate::telemetry::{self, Reason};

/// An answer that is not the one that was hoped for, in a dialect's own words.
#[derive(Debug)]
pub struct Refused<E>(pub E);

impl<E: ErrorAnswer> From<Problem> for Refused<E> {
    fn from(problem: Problem) -> Self {
        Self(problem.into())
    }
}

impl<E: ErrorAnswer> From<Refusal> for Refused<E> {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl<E: ErrorAnswer> From<StoreError> for Refused<E> {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl<E: ErrorAnswer> From<Failure> for Refused<E> {
    fn from(failure: Failure) -> Self {
        match Problem::try_from(failure) {
            Ok(problem) => problem.into(),
            Err(refusal) => refusal.into(),
        }
    }
}

impl<E: ErrorAnswer> From<ChangeError> for Refused<E> {
    fn from(error: ChangeError) -> Self {
        match Problem::try_from(error) {
            Ok(problem) => problem.into(),
            Err(refusal) => refusal.into(),
        }
    }
}

impl<E: ErrorAnswer> IntoResponse for Refused<E> {
    fn into_response(self) -> Response {
        let status = status_of(self.0.status());
        let body = WrittenJson(self.0.body(telemetry::trace_id()));
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(Reason(self.0.reason()));
        if let Some(seconds) = self.0.retry_after_secs() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A status by its number; 500 for what is none.
pub(crate) fn status_of(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// JSON that is written already.
#[derive(Debug)]
pub struct WrittenJson(pub Vec<u8>);

impl IntoResponse for WrittenJson {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], self.0).into_response()
    }
}

impl From<Vec<u8>> for WrittenJson {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
