//! Errors in 360dialog's words. Group routes answer `{"error": "…"}`, as published for 400, 401, 404
//! and 500. For other statuses 360dialog publishes nothing; those of the gateway (limits, outages) have
//! a `meta` object besides, which clients of other routes read.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Refusal;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::app::{ChangeError, Failure, OUTCOME_UNKNOWN, StoreError};
use crate::dialect::graph::ask::UpdateProblem;
use crate::dialect::graph::code::{Code, sentence};
use crate::http::problem::Problem;
use crate::telemetry::{self, Reason};

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    text: String,
    gateway: bool,
    retry_after: Option<u32>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong, with Meta's code in brackets where there is one.
    #[schema(example = "(#131041) Group unknown: the group does not exist")]
    error: String,
    /// Only in answers of the gateway whose status is not published for the group calls, such as 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<ErrorMeta>,
}

/// The gateway's own description of the error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorMeta {
    success: bool,
    http_code: u16,
    developer_message: String,
    /// The same as in the header `x-request-id` and in the log.
    #[serde(rename = "360dialog_trace_id", skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

/// What the configuration calls answer where there is nothing to show: errors, and what was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MetaBody {
    meta: ErrorMeta,
}

impl MetaBody {
    pub(super) fn done(message: &str) -> Self {
        Self {
            meta: ErrorMeta {
                success: true,
                http_code: StatusCode::OK.as_u16(),
                developer_message: message.to_owned(),
                trace_id: telemetry::trace_id(),
            },
        }
    }
}

/// What every call about one group can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum GroupErrors {
    /// A parameter, field or list is wrong, or the group is suspended
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The key is missing, wrong or revoked
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// No such group of this number
    #[response(status = 404)]
    NotFound(ErrorBody),
}

impl Error {
    fn plain(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), gateway: false, retry_after: None }
    }

    fn gateway(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), gateway: true, retry_after: None }
    }

    fn coded(status: StatusCode, code: Code, details: &str) -> Self {
        Self::plain(status, format!("(#{}) {}: {details}", code.code, code.title))
    }

    pub(super) fn no_key() -> Self {
        Self::plain(StatusCode::UNAUTHORIZED, "Invalid API key: send it in the D360-API-KEY header")
    }

    pub(super) fn wrong_key() -> Self {
        Self::plain(StatusCode::UNAUTHORIZED, "Invalid API key")
    }

    pub(super) fn key_of_account() -> Self {
        Self::plain(
            StatusCode::UNAUTHORIZED,
            "Invalid API key: it opens an account and not one number; use a key of the number",
        )
    }

    pub(super) fn no_webhook() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "No webhook is set")
    }

    pub(super) fn shared_waba() -> Self {
        Self::gateway(
            StatusCode::FORBIDDEN,
            "The WABA has other numbers, which this API key does not open: its webhook can be \
             shown and set only with the key of its only number",
        )
    }

    pub(super) fn no_such_destination(name: &str) -> Self {
        let problem = Problem::field("name", format!("names no destination: {name}"));
        Self { status: StatusCode::NOT_FOUND, ..problem.into() }
    }

    pub(super) fn no_such_group() -> Self {
        Refusal::GroupUnknown.into()
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::GroupUnknown => StatusCode::NOT_FOUND,
            Refusal::TooManyOperations { .. } => StatusCode::TOO_MANY_REQUESTS,
            // 403 is not declared for groups, nor any other status than these two.
            Refusal::GroupSuspended
            | Refusal::NumberNotEligible
            | Refusal::NumberNotRegistered
            | Refusal::CreationDisabled
            | Refusal::TermsNotAccepted
            | Refusal::GroupFull { .. }
            | Refusal::GroupLimitReached { .. }
            | Refusal::InviteLinkDead
            | Refusal::RemovedByBusiness
            | Refusal::AlreadyParticipant
            | Refusal::NotParticipant
            | Refusal::JoinRequestUnknown
            | Refusal::TooManyJoinRequests { .. }
            | Refusal::DuplicateEntry { .. }
            | Refusal::BusinessNamed
            | Refusal::NothingToChange => StatusCode::BAD_REQUEST,
        };
        let coded = Self::coded(status, Code::of(&refusal), &sentence(&refusal));
        Self { retry_after: refusal.retry_after_secs(), ..coded }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let text = problem.text();
        match problem {
            Problem::NoSuchPath { .. } => Self::plain(StatusCode::NOT_FOUND, text),
            Problem::NoSuchMethod { .. } => Self::plain(StatusCode::METHOD_NOT_ALLOWED, text),
            Problem::HeadersTooLarge { .. } => {
                Self::gateway(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            }
            Problem::ForeignHost { .. } => Self::gateway(StatusCode::FORBIDDEN, text),
            Problem::BodyTooLarge { .. } => Self::gateway(StatusCode::PAYLOAD_TOO_LARGE, text),
            Problem::BodyTooSlow => Self::gateway(StatusCode::REQUEST_TIMEOUT, text),
            Problem::Overloaded => Self {
                retry_after: Some(1),
                ..Self::gateway(StatusCode::SERVICE_UNAVAILABLE, text)
            },
            Problem::MediaType { .. } | Problem::ContentEncoding { .. } => {
                Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
            Problem::Cursor { .. } => {
                Self::coded(StatusCode::BAD_REQUEST, Code::INVALID_CURSOR, &text)
            }
            Problem::BodyBroken
            | Problem::NotJson { .. }
            | Problem::NotMultipart { .. }
            | Problem::Field { .. } => {
                Self::coded(StatusCode::BAD_REQUEST, Code::INVALID_PARAMETER, &text)
            }
            Problem::Panicked => Self::plain(StatusCode::INTERNAL_SERVER_ERROR, text),
        }
    }
}

impl From<UpdateProblem> for Error {
    fn from(problem: UpdateProblem) -> Self {
        match problem {
            UpdateProblem::Request(problem) => problem.into(),
            UpdateProblem::Picture { part, problem } => {
                let details = format!("{part} {problem}");
                Self::coded(StatusCode::BAD_REQUEST, Code::of_picture(problem), &details)
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        error.log();
        match error {
            StoreError::Unavailable(_) => Self {
                retry_after: Some(1),
                ..Self::gateway(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable")
            },
            // A client that repeats it by itself may do it twice.
            StoreError::OutcomeUnknown(_) => Self::gateway(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("The outcome is unknown: {OUTCOME_UNKNOWN}"),
            ),
            StoreError::Damaged(_) | StoreError::Corrupt { .. } => {
                Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            }
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::KeyReused => Self::plain(
                StatusCode::CONFLICT,
                "Idempotency-Key was used for another request; choose a new one",
            ),
            Failure::TooManyFetches => Self {
                retry_after: Some(1),
                ..Self::gateway(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable")
            },
            Failure::Busy => Self {
                retry_after: Some(1),
                ..Self::gateway(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The group is being changed by too many callers at once; try again",
                )
            },
            Failure::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::TooMany { field, max } => {
                Problem::field(field, format!("must not be more than {max}")).into()
            }
            // Somebody else changes the same thing at the same time.
            ChangeError::Taken { .. }
            | ChangeError::Subscribed { .. }
            | ChangeError::Unknown { .. }
            | ChangeError::WrongPin
            | ChangeError::NotRegistered => {
                Self::plain(StatusCode::CONFLICT, "It was changed by somebody else; try again")
            }
        }
    }
}

impl Error {
    fn meta(&self) -> ErrorMeta {
        ErrorMeta {
            success: false,
            http_code: self.status.as_u16(),
            developer_message: self.text.clone(),
            trace_id: telemetry::trace_id(),
        }
    }

    /// The answer of the configuration calls.
    pub(super) fn into_meta_response(self) -> Response {
        let meta = self.meta();
        self.respond(Json(MetaBody { meta }))
    }

    fn respond(self, body: impl IntoResponse) -> Response {
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Reason(self.text));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let meta = self.gateway.then(|| self.meta());
        let body = ErrorBody { error: self.text.clone(), meta };
        self.respond(Json(body))
    }
}
