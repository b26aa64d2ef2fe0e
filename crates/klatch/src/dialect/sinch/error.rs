//! Errors in Sinch's words: `message` is the status, or `Validation error`, and `reason` says why.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Refusal;
use domain::refusal::List;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::app::{Failure, OUTCOME_UNKNOWN, StoreError};
use crate::http::problem::Problem;
use crate::telemetry::Reason;

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    reason: String,
    retry_after: Option<u32>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// `Validation error`, or the status.
    #[schema(example = "Validation error")]
    message: String,
    /// What is wrong, with the field in square brackets where it is one.
    #[schema(example = "Field [subject] can not be empty")]
    reason: String,
    /// The same: so one page of the documentation has it.
    details: String,
}

/// What every call about one group can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum GroupErrors {
    /// A field is wrong
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The token is missing, wrong or revoked, or it is not the bot's
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// There is no such group, or it is not in a state for this
    #[response(status = 406)]
    NotAcceptable(ErrorBody),
    /// The number has asked for too many changes
    #[response(status = 429)]
    TooMany(ErrorBody),
}

impl Error {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), retry_after: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized bot")
    }

    pub(super) fn no_such_group() -> Self {
        Refusal::GroupUnknown.into()
    }

    fn unavailable(reason: &str) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, reason) }
    }

    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let retry_after = refusal.retry_after_secs();
        let (status, reason) = match refusal {
            Refusal::DuplicateEntry { list, ref input, first, second } => {
                let list = match list {
                    List::People => "numbers",
                    List::JoinRequests => "join_requests",
                };
                let reason = format!("Field [{list}[{second}]] repeats [{list}[{first}]]: {input}");
                (StatusCode::BAD_REQUEST, reason)
            }
            Refusal::NothingToChange => {
                (StatusCode::BAD_REQUEST, "Field [subject] can not be empty".to_owned())
            }
            Refusal::TooManyOperations { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, refusal.to_string())
            }
            Refusal::BusinessNamed => (
                StatusCode::NOT_ACCEPTABLE,
                "the bot is an admin of its groups for ever".to_owned(),
            ),
            Refusal::GroupUnknown
            | Refusal::GroupSuspended
            | Refusal::GroupFull { .. }
            | Refusal::GroupLimitReached { .. }
            | Refusal::NumberNotEligible
            | Refusal::NumberNotRegistered
            | Refusal::CreationDisabled
            | Refusal::InviteLinkDead
            | Refusal::RemovedByBusiness
            | Refusal::AlreadyParticipant
            | Refusal::NotParticipant
            | Refusal::TermsNotAccepted
            | Refusal::JoinRequestUnknown
            | Refusal::TooManyJoinRequests { .. } => {
                (StatusCode::NOT_ACCEPTABLE, refusal.to_string())
            }
        };
        Self { retry_after, ..Self::new(status, reason) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let text = problem.text();
        match problem {
            Problem::NoSuchPath { .. } => Self::new(StatusCode::NOT_FOUND, text),
            Problem::NoSuchMethod { .. } => Self::new(StatusCode::METHOD_NOT_ALLOWED, text),
            Problem::HeadersTooLarge { .. } => {
                Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            }
            Problem::ForeignHost { .. } => Self::new(StatusCode::FORBIDDEN, text),
            Problem::BodyTooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, text),
            Problem::BodyTooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, text),
            Problem::Overloaded => Self::unavailable(&text),
            Problem::MediaType { .. } | Problem::ContentEncoding { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
            Problem::Field { name, detail, .. } => {
                Self::new(StatusCode::BAD_REQUEST, format!("Field [{name}] {detail}"))
            }
            Problem::BodyBroken
            | Problem::NotJson { .. }
            | Problem::NotMultipart { .. }
            | Problem::Cursor { .. } => Self::new(StatusCode::BAD_REQUEST, text),
            Problem::Panicked => Self::internal(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        error.log();
        match error {
            StoreError::Unavailable(_) => {
                Self::unavailable("Internal service not available, request could not be handled")
            }
            // A client that repeats it by itself may do it twice.
            StoreError::OutcomeUnknown(_) => Self {
                retry_after: None,
                ..Self::unavailable(&format!("The outcome is unknown: {OUTCOME_UNKNOWN}"))
            },
            StoreError::Damaged(_) | StoreError::Corrupt { .. } => Self::internal(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::KeyReused => Self::new(
                StatusCode::CONFLICT,
                "Idempotency-Key was used for another request; choose a new one",
            ),
            Failure::Busy => Self::unavailable(
                "The group is being changed by too many callers at once; try again",
            ),
            Failure::TooManyFetches => {
                Self::unavailable("Too many icons are being fetched at once; try again")
            }
            Failure::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self { status, reason, retry_after } = self;
        let message = match status {
            StatusCode::BAD_REQUEST => "Validation error".to_owned(),
            other => other.as_u16().to_string(),
        };
        let body = ErrorBody { message, details: reason.clone(), reason: reason.clone() };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(Reason(reason));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
