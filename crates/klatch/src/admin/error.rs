//! Errors of our own API: a code for programs, a message for people, and the field where it is one.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{ChangeError, Failure, OUTCOME_UNKNOWN, StoreError};
use crate::http::problem::Problem;
use crate::telemetry::Reason;
use crate::webhook::send::HandshakeFailure;

/// The word for a change that may or may not have been stored.
const OUTCOME_UNKNOWN_CODE: &str = "outcome_unknown";

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
    subscription_id: Option<String>,
    /// Seconds after which the same call may do better.
    retry_after: Option<u32>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetail,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// One word for one kind of error; never changes.
    #[schema(example = "invalid_field")]
    code: &'static str,
    /// For people.
    message: String,
    /// The field, parameter or header that is wrong, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The subscription that is in the way, for the code `already_subscribed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<String>,
}

impl Error {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, field: None, subscription_id: None, retry_after: None }
    }

    fn naming(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    pub(super) fn no_token() -> Self {
        let message = "The admin token is missing: send it as Authorization: Bearer <token>";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message).naming("Authorization")
    }

    pub(super) fn wrong_token() -> Self {
        let message = "This is not the admin token";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message).naming("Authorization")
    }

    pub(super) fn too_many_wrong_tokens(secs: u32) -> Self {
        let message = format!(
            "Too many wrong admin tokens came from this address: the next one is looked at in \
             {secs} s"
        );
        let code = "too_many_wrong_tokens";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).naming("Authorization");
        Self { retry_after: Some(secs), ..error }
    }

    pub(super) fn people_off() -> Self {
        let message = "Simulated people are off; start with people = true to play them";
        Self::new(StatusCode::FORBIDDEN, "people_off", message)
    }

    pub(super) fn handshake_failed(failure: &HandshakeFailure) -> Self {
        let message = format!("The handshake failed: the receiver {failure}");
        Self::new(StatusCode::BAD_REQUEST, "handshake_failed", message).naming("url")
    }

    pub(super) fn no_lease() -> Self {
        let message = "The subscription has no lease: it lasts until it is removed";
        Self::new(StatusCode::CONFLICT, "no_lease", message)
    }

    pub(super) fn not_replayed() -> Self {
        let message = "The delivery is just being made, waits for another one, or its subscription \
                       was removed";
        Self::new(StatusCode::CONFLICT, "not_replayed", message)
    }

    pub(super) fn unknown(field: &'static str) -> Self {
        ChangeError::Unknown { field }.into()
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let text = problem.text();
        match problem {
            Problem::NoSuchPath { .. } => Self::new(StatusCode::NOT_FOUND, "no_such_path", text),
            Problem::NoSuchMethod { .. } => {
                Self::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", text)
            }
            Problem::HeadersTooLarge { longest, .. } => {
                Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", text)
                    .naming(longest)
            }
            Problem::ForeignHost { .. } => {
                Self::new(StatusCode::FORBIDDEN, "foreign_host", text).naming("Host")
            }
            Problem::BodyTooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text)
            }
            Problem::BodyTooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", text),
            Problem::MediaType { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", text)
                    .naming("Content-Type")
            }
            Problem::ContentEncoding { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding", text)
                    .naming("Content-Encoding")
            }
            Problem::Overloaded => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text),
            Problem::BodyBroken => Self::new(StatusCode::BAD_REQUEST, "body_broken", text),
            Problem::NotJson { .. } | Problem::NotMultipart { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_body", text)
            }
            Problem::Field { name, .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_field", text).naming(name)
            }
            Problem::Cursor { name } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_cursor", text).naming(name)
            }
            Problem::Panicked => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match refusal {
            Refusal::GroupUnknown => (StatusCode::NOT_FOUND, "group_unknown"),
            Refusal::GroupSuspended => (StatusCode::CONFLICT, "group_suspended"),
            Refusal::GroupFull { .. } => (StatusCode::CONFLICT, "group_full"),
            Refusal::GroupLimitReached { .. } => (StatusCode::CONFLICT, "group_limit_reached"),
            Refusal::NumberNotEligible => (StatusCode::CONFLICT, "number_not_eligible"),
            Refusal::NumberNotRegistered => (StatusCode::CONFLICT, "number_not_registered"),
            Refusal::CreationDisabled => (StatusCode::CONFLICT, "creation_disabled"),
            Refusal::TooManyOperations { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_operations")
            }
            Refusal::TermsNotAccepted => (StatusCode::CONFLICT, "terms_not_accepted"),
            Refusal::InviteLinkDead => (StatusCode::NOT_FOUND, "invite_link_dead"),
            Refusal::RemovedByBusiness => (StatusCode::FORBIDDEN, "removed_by_business"),
            Refusal::AlreadyParticipant => (StatusCode::CONFLICT, "already_participant"),
            Refusal::NotParticipant => (StatusCode::CONFLICT, "not_participant"),
            Refusal::JoinRequestUnknown => (StatusCode::NOT_FOUND, "join_request_unknown"),
            Refusal::TooManyJoinRequests { .. } => (StatusCode::CONFLICT, "too_many_join_requests"),
            Refusal::DuplicateEntry { .. } => (StatusCode::BAD_REQUEST, "duplicate_entry"),
            Refusal::BusinessNamed => (StatusCode::BAD_REQUEST, "business_named"),
            Refusal::NothingToChange => (StatusCode::BAD_REQUEST, "nothing_to_change"),
        };
        let message = refusal.to_string();
        let mut letters = message.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let message = first.into_iter().chain(letters).collect::<String>();
        Self::new(status, code, message)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        error.log();
        match error {
            StoreError::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The store is not available; try again",
            ),
            StoreError::OutcomeUnknown(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                OUTCOME_UNKNOWN_CODE,
                format!("The outcome is unknown: {OUTCOME_UNKNOWN}"),
            ),
            StoreError::Damaged(_) | StoreError::Corrupt { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error")
            }
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::KeyReused => {
                let message = "Idempotency-Key was used for another request; choose a new one";
                Self::new(StatusCode::CONFLICT, "idempotency_key_reused", message)
                    .naming("Idempotency-Key")
            }
            Failure::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The group is being changed by too many callers at once; try again",
            ),
            Failure::TooManyFetches => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Try again")
            }
            Failure::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        let text = error.to_string();
        match error {
            ChangeError::Taken { field } => {
                Self::new(StatusCode::CONFLICT, "taken", text).naming(field)
            }
            ChangeError::Subscribed { subscription } => Self {
                subscription_id: Some(subscription.to_string()),
                ..Self::new(StatusCode::CONFLICT, "already_subscribed", text).naming("url")
            },
            ChangeError::Unknown { field } => {
                Self::new(StatusCode::NOT_FOUND, "unknown", text).naming(field)
            }
            ChangeError::WrongPin => Self::new(StatusCode::CONFLICT, "wrong_pin", text),
            ChangeError::NotRegistered => {
                Self::new(StatusCode::CONFLICT, "number_not_registered", text)
            }
            ChangeError::TooMany { field, .. } => {
                Self::new(StatusCode::CONFLICT, "too_many", text).naming(field)
            }
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self { status, code, message, field, subscription_id, retry_after } = self;
        // A client that repeats by itself what may have been done may do it twice.
        let unavailable = (status == StatusCode::SERVICE_UNAVAILABLE
            && code != OUTCOME_UNKNOWN_CODE)
            .then_some(1);
        let reason = Reason(message.clone());
        let body = ErrorBody { error: ErrorDetail { code, message, field, subscription_id } };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(reason);
        // A client that repeats by itself what may have been done may do it twice.
        if let Some(secs) = retry_after.or(unavailable).filter(|_| code != OUTCOME_UNKNOWN_CODE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
