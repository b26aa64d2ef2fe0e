//! Errors of our own API: a code for programs, a message for people, and the field where it is one.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Refusal;
use serde::Serialize;
use utoipa::ToSchema;
use wire::problem::Problem;

use crate::app::Failure;
use crate::app::handshake::HandshakeError;
use crate::app::subscriptions::SubscriptionError;
use crate::kit::reply::status_of;
use crate::store::{ChangeError, StoreError};
use crate::telemetry::Reason;

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
        let (status, text) = (problem.status(), problem.text());
        let retry_after = problem.retry_after_secs();
        let (code, field) = match problem {
            Problem::NoSuchPath { .. } => ("no_such_path", None),
            Problem::NoSuchMethod { .. } => ("no_such_method", None),
            Problem::HeadersTooLarge { longest, .. } => ("headers_too_large", Some(longest)),
            Problem::ForeignHost { .. } => ("foreign_host", Some("Host".to_owned())),
            Problem::BodyTooLarge { .. } => ("body_too_large", None),
            Problem::BodyTooSlow => ("body_too_slow", None),
            Problem::MediaType { .. } => ("media_type", Some("Content-Type".to_owned())),
            Problem::ContentEncoding { .. } => {
                ("content_encoding", Some("Content-Encoding".to_owned()))
            }
            Problem::Overloaded | Problem::GroupBusy | Problem::TooManyFetches => ("busy", None),
            Problem::BodyBroken => ("body_broken", None),
            Problem::NotJson { .. } | Problem::NotMultipart { .. } => ("invalid_body", None),
            Problem::Field { name, .. } => ("invalid_field", Some(name)),
            Problem::Picture { part, .. } => ("invalid_field", Some(part)),
            Problem::Cursor { name } => ("invalid_cursor", Some(name.to_owned())),
            Problem::KeyReused => ("idempotency_key_reused", Some("Idempotency-Key".to_owned())),
            Problem::Taken { field } => ("taken", Some(field.to_owned())),
            Problem::Subscribed { subscription } => {
                return Self {
                    subscription_id: Some(subscription),
                    ..Self::new(status_of(status), "already_subscribed", text).naming("url")
                };
            }
            Problem::Unknown { field } => ("unknown", Some(field.to_owned())),
            Problem::WrongPin => ("wrong_pin", None),
            Problem::TooMany { field, .. } => ("too_many", Some(field.to_owned())),
            Problem::Unavailable => ("unavailable", None),
            Problem::OutcomeUnknown => ("outcome_unknown", None),
            Problem::Internal => ("internal", None),
        };
        Self { field, retry_after, ..Self::new(status_of(status), code, text) }
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
        Problem::from(error).into()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match Problem::try_from(failure) {
            Ok(problem) => problem.into(),
            Err(refusal) => refusal.into(),
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match Problem::try_from(error) {
            Ok(problem) => problem.into(),
            Err(refusal) => refusal.into(),
        }
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::NoToken => Problem::missing("verify_token").into(),
            HandshakeError::Failed(_) => {
                let message = format!("The handshake failed: {error}");
                Self::new(StatusCode::BAD_REQUEST, "handshake_failed", message).naming("url")
            }
        }
    }
}

impl From<SubscriptionError> for Error {
    fn from(error: SubscriptionError) -> Self {
        match error {
            SubscriptionError::Handshake(error) => error.into(),
            SubscriptionError::Change(error) => error.into(),
            SubscriptionError::NoLease => {
                let message = "The subscription has no lease: it lasts until it is removed";
                Self::new(StatusCode::CONFLICT, "no_lease", message)
            }
            SubscriptionError::NoSample
            | SubscriptionError::NotTold(_)
            | SubscriptionError::SampleBroken(_) => {
                Problem::field("event", error.to_string()).into()
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self { status, code, message, field, subscription_id, retry_after } = self;
        let reason = Reason(message.clone());
        let body = ErrorBody { error: ErrorDetail { code, message, field, subscription_id } };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(reason);
        if let Some(secs) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
