//! Errors in Graph's envelope: a code that programs go by, and details that name the field.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Refusal;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::app::{ChangeError, Failure, OUTCOME_UNKNOWN, StoreError};
use crate::dialect::graph::PRODUCT;
use crate::dialect::graph::ask::UpdateProblem;
use crate::dialect::graph::code::{Code, sentence};
use crate::http::problem::{Fault, JsonType, Problem};
use crate::telemetry::{self, Reason};
use crate::webhook::send::HandshakeFailure;

/// Graph's word for most errors.
const OAUTH: &str = "OAuthException";
/// Graph's word where the object itself is the trouble.
const METHOD: &str = "GraphMethodException";
/// Graph's second number for an object that does not exist or is not the caller's.
const NO_OBJECT: u32 = 33;
/// Characters of what the caller sent that are repeated in a message. Ours.
const SHOWN_CHARS_MAX: usize = 256;
/// Graph's number for a receiver that has not passed its handshake.
const HANDSHAKE: u32 = 2200;

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    kind: &'static str,
    code: u32,
    subcode: Option<u32>,
    message: String,
    details: Option<String>,
    retry_after: Option<u32>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorObject,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorObject {
    /// `(#code)` and the title of the code.
    #[schema(example = "(#131041) Group unknown")]
    message: String,
    /// `OAuthException` or `GraphMethodException`.
    r#type: &'static str,
    /// What programs should go by.
    #[schema(example = 131_041)]
    code: u32,
    /// 33 where an object does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_subcode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_data: Option<ErrorDetails>,
    /// Only there, and true, where the same call may work later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_transient: bool,
    /// The same as in the header `x-fb-trace-id` and in the log.
    fbtrace_id: String,
}

/// What exactly is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetails {
    messaging_product: &'static str,
    /// Names the field, where it is one.
    #[schema(example = "the group does not exist")]
    details: String,
}

/// What every call about one group can answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers, is never made")]
pub(super) enum GroupErrors {
    /// A parameter, field or list is wrong, or there is no such group
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The token is missing, wrong or revoked
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The group is suspended
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The number has asked for too many changes
    #[response(status = 429)]
    TooMany(ErrorBody),
}

impl Error {
    fn coded(status: StatusCode, Code { code, title }: Code, details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            ..Self::bare(status, code, format!("(#{code}) {title}"))
        }
    }

    fn bare(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: OAUTH,
            code,
            subcode: None,
            message: message.into(),
            details: None,
            retry_after: None,
        }
    }

    /// What is wrong with a parameter, in Graph's own sentence where it has one. The details say it
    /// in our words.
    fn field(name: &str, fault: &Fault, details: String) -> Self {
        let sentence = match fault {
            Fault::Missing => format!("The parameter {} is required.", spelled(name)),
            Fault::WrongType(wanted) => {
                format!("Param {} must be {}.", spelled(name), in_graphs_words(*wanted))
            }
            Fault::TooLong { max } => {
                format!("Param {} must be at most {max} characters long.", spelled(name))
            }
            Fault::NotOneOf { allowed, found } => {
                let allowed = allowed.join(", ").to_uppercase();
                let found: String = found.chars().take(SHOWN_CHARS_MAX).collect();
                let name = spelled(name);
                format!("Param {name} must be one of {{{allowed}}} - got \"{found}\".")
            }
            Fault::Other => Code::INVALID_PARAMETER.title.to_owned(),
        };
        let message = format!("(#100) {sentence}");
        Self { details: Some(details), ..Self::bare(StatusCode::BAD_REQUEST, 100, message) }
    }

    fn parameter(status: StatusCode, details: impl Into<String>) -> Self {
        Self::coded(status, Code::INVALID_PARAMETER, details)
    }

    fn unavailable(details: &str) -> Self {
        let message = "(#2) Service temporarily unavailable";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let details = Some(details.to_owned());
        Self { details, retry_after: Some(1), ..Self::bare(status, 2, message) }
    }

    pub(super) fn no_token() -> Self {
        let message = "An access token is required to request this resource";
        let details =
            "send the key as Authorization: Bearer <key>, or as the parameter access_token";
        let details = Some(details.to_owned());
        Self { details, ..Self::bare(StatusCode::UNAUTHORIZED, 104, message) }
    }

    pub(super) fn wrong_token() -> Self {
        Self::bare(StatusCode::UNAUTHORIZED, 190, "Invalid OAuth access token")
    }

    pub(super) fn two_tokens() -> Self {
        let details = "the request holds two different access tokens";
        Self { details: Some(details.to_owned()), ..Self::wrong_token() }
    }

    /// No such object, or none of the caller's: the answer is the same.
    pub(super) fn no_such_object(method: &Method, id: &str) -> Self {
        let method = method.as_str().to_ascii_lowercase();
        let id: String = id.chars().take(SHOWN_CHARS_MAX).collect();
        let message = format!(
            "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded \
             due to missing permissions, or does not support this operation. Please read the Graph \
             API documentation at https://developers.facebook.com/docs/graph-api"
        );
        Self {
            kind: METHOD,
            subcode: Some(NO_OBJECT),
            ..Self::bare(StatusCode::BAD_REQUEST, 100, message)
        }
    }

    /// The object may exist, but has no such edge.
    fn no_such_edge(edge: &str) -> Self {
        let edge: String = edge.chars().take(SHOWN_CHARS_MAX).collect();
        Self::bare(StatusCode::BAD_REQUEST, 2500, format!("Unknown path components: /{edge}"))
    }

    /// It exists, and the token opens a part of it only.
    pub(super) fn not_permitted(details: &str) -> Self {
        let message = "(#200) Permissions error";
        let details = Some(details.to_owned());
        Self { details, ..Self::bare(StatusCode::FORBIDDEN, 200, message) }
    }

    /// The number has another two-step verification PIN. Published for `/register`.
    fn wrong_pin() -> Self {
        let code = Code { code: 133_005, title: "Two step verification PIN Mismatch" };
        let details = "pin is not the number's two-step verification PIN";
        Self::coded(StatusCode::BAD_REQUEST, code, details)
    }

    /// Too many registrations of one number. Published for `/register` and `/deregister`.
    pub(super) fn too_many_registrations(refusal: &Refusal) -> Self {
        let title = "Account register deregister rate limit exceeded";
        Self::coded(StatusCode::BAD_REQUEST, Code { code: 133_016, title }, sentence(refusal))
    }

    /// A receiver cannot be put in the place of an app's that receives nothing. Seen live.
    pub(super) fn not_subscribed() -> Self {
        let message = "(#100) Before override the current callback uri, your app must be \
                       subscribed to receive messages for WhatsApp Business Account";
        Self::bare(StatusCode::BAD_REQUEST, 100, message)
    }

    /// A parameter of `/oauth/access_token` is missing. Graph's own sentence.
    pub(super) fn missing_for_token(name: &str) -> Self {
        Self::bare(StatusCode::BAD_REQUEST, 101, format!("Missing {name} parameter."))
    }

    /// There is no such app. Graph's own sentence.
    pub(super) fn unknown_client() -> Self {
        let message = "Error validating application. Cannot get application info due to a system \
                       error.";
        Self::bare(StatusCode::BAD_REQUEST, 101, message)
    }

    /// The secret is not that of the app. Graph's own sentence.
    pub(super) fn wrong_client_secret() -> Self {
        Self::bare(StatusCode::BAD_REQUEST, 1, "Error validating client secret.")
    }

    /// A number's key asks about another token. Graph's own sentence.
    pub(super) fn cannot_debug() -> Self {
        let message = "(#100) You must provide an app access token, or a user access token that \
                       is an owner or developer of the app";
        Self::bare(StatusCode::BAD_REQUEST, 100, message)
    }

    /// An app's token belongs to no user. Graph's own sentence.
    pub(super) fn no_user() -> Self {
        let message = "An active access token must be used to query information about the \
                       current user.";
        Self::bare(StatusCode::BAD_REQUEST, 2_500, message)
    }

    /// In Graph's words, as they were seen in live answers.
    pub(super) fn handshake_failed(field: &str, failure: &HandshakeFailure) -> Self {
        let status = |status: StatusCode| {
            let reason = status.canonical_reason().unwrap_or("Unknown");
            format!("HTTP Status Code = {}; HTTP Message = {reason}", status.as_u16())
        };
        let errors = match failure {
            HandshakeFailure::Status(other) => status(*other),
            HandshakeFailure::Body => {
                format!("{}; Response does not match challenge", status(StatusCode::OK))
            }
            HandshakeFailure::NoAnswer(_) => "No response from the callback URL".to_owned(),
        };
        let code = HANDSHAKE;
        let message =
            format!("(#{code}) Callback verification failed with the following errors: {errors}");
        let details = format!("{field}: the receiver could not be verified: it {failure}");
        let details = Some(details);
        Self { details, ..Self::bare(StatusCode::BAD_REQUEST, code, message) }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::GroupSuspended => StatusCode::FORBIDDEN,
            Refusal::TooManyOperations { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::GroupUnknown
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
            | Refusal::TooManyJoinRequests { .. }
            | Refusal::DuplicateEntry { .. }
            | Refusal::BusinessNamed
            | Refusal::NothingToChange => StatusCode::BAD_REQUEST,
        };
        let retry_after = refusal.retry_after_secs();
        Self { retry_after, ..Self::coded(status, Code::of(&refusal), sentence(&refusal)) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let text = problem.text();
        match problem {
            // Graph has no 404 and no 405: an object that is not there, one that lacks the edge, and
            // one that cannot be asked with this method.
            Problem::NoSuchPath { path } => match path.trim_matches('/').split_once('/') {
                Some((_, edge)) => Self::no_such_edge(edge),
                None => Self::no_such_object(&Method::GET, path.trim_matches('/')),
            },
            Problem::NoSuchMethod { method, path } => {
                let id = path.trim_matches('/').split('/').next().unwrap_or_default();
                Self::no_such_object(&method, id)
            }
            Problem::HeadersTooLarge { .. } => {
                Self::parameter(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            }
            Problem::ForeignHost { .. } => Self::parameter(StatusCode::FORBIDDEN, text),
            Problem::BodyTooLarge { .. } => Self::parameter(StatusCode::PAYLOAD_TOO_LARGE, text),
            Problem::BodyTooSlow => Self::parameter(StatusCode::REQUEST_TIMEOUT, text),
            Problem::Overloaded => Self::unavailable(&text),
            Problem::MediaType { .. } | Problem::ContentEncoding { .. } => {
                Self::parameter(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
            Problem::Cursor { .. } => {
                Self::coded(StatusCode::BAD_REQUEST, Code::INVALID_CURSOR, text)
            }
            Problem::BodyBroken | Problem::NotJson { .. } | Problem::NotMultipart { .. } => {
                Self::parameter(StatusCode::BAD_REQUEST, text)
            }
            Problem::Field { name, fault, .. } => Self::field(&name, &fault, text),
            Problem::Panicked => Self::internal(),
        }
    }
}

impl Error {
    fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::bare(status, 1, "An unexpected error has occurred")
    }
}

/// The path to a parameter as Graph spells it: `participants[0]['user']`.
fn spelled(name: &str) -> String {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |spelled, part| {
        let (key, place) = part.split_at(part.find('[').unwrap_or(part.len()));
        format!("{spelled}['{key}']{place}")
    })
}

const fn in_graphs_words(wanted: JsonType) -> &'static str {
    match wanted {
        JsonType::String => "a string",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Array => "an array",
        JsonType::Object => "a JSON object",
    }
}

impl From<UpdateProblem> for Error {
    fn from(problem: UpdateProblem) -> Self {
        match problem {
            UpdateProblem::Request(problem) => problem.into(),
            UpdateProblem::Picture { part, problem } => {
                let details = format!("{part} {problem}");
                Self::coded(StatusCode::BAD_REQUEST, Code::of_picture(problem), details)
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        error.log();
        match error {
            StoreError::Unavailable(_) => Self::unavailable("try again"),
            // Not transient: a client that repeats it by itself may do it twice.
            StoreError::OutcomeUnknown(_) => Self {
                retry_after: None,
                ..Self::unavailable(&format!("the outcome is unknown: {OUTCOME_UNKNOWN}"))
            },
            StoreError::Damaged(_) | StoreError::Corrupt { .. } => Self::internal(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::KeyReused => Self::parameter(
                StatusCode::CONFLICT,
                "Idempotency-Key was used for another request; choose a new one",
            ),
            Failure::Busy => Self::unavailable(
                "the group is being changed by too many callers at once; try again",
            ),
            Failure::TooManyFetches => Self::unavailable("try again"),
            Failure::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::WrongPin => Self::wrong_pin(),
            ChangeError::NotRegistered => Refusal::NumberNotRegistered.into(),
            ChangeError::TooMany { field, max } => {
                Problem::field(field, format!("must not be more than {max}")).into()
            }
            // Somebody else changes the same thing at the same time.
            ChangeError::Taken { .. }
            | ChangeError::Subscribed { .. }
            | ChangeError::Unknown { .. } => {
                Self::unavailable("it was changed by somebody else; try again")
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Self { status, kind, code, subcode, message, details, retry_after } = self;
        let reason = match &details {
            Some(details) => format!("{message}: {details}"),
            None => message.clone(),
        };
        let body = ErrorBody {
            error: ErrorObject {
                message,
                r#type: kind,
                code,
                error_subcode: subcode,
                error_data: details
                    .map(|details| ErrorDetails { messaging_product: PRODUCT, details }),
                is_transient: retry_after.is_some(),
                fbtrace_id: telemetry::trace_id().unwrap_or_default(),
            },
        };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(Reason(reason));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
