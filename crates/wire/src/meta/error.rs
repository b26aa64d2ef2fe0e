//! Errors in Graph's envelope: a code that programs go by, and details that name the field.

use domain::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::graph::PRODUCT;
use crate::graph::code::{Code, sentence};
use crate::json::json;
use crate::problem::{ErrorAnswer, Fault, JsonType, Problem};

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
    status: u16,
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

impl Error {
    fn coded(status: u16, Code { code, title }: Code, details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            ..Self::bare(status, code, format!("(#{code}) {title}"))
        }
    }

    fn bare(status: u16, code: u32, message: impl Into<String>) -> Self {
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
        Self { details: Some(details), ..Self::bare(400, 100, message) }
    }

    fn parameter(status: u16, details: impl Into<String>) -> Self {
        Self::coded(status, Code::INVALID_PARAMETER, details)
    }

    fn unavailable(details: &str) -> Self {
        let message = "(#2) Service temporarily unavailable";
        let status = 503;
        let details = Some(details.to_owned());
        Self { details, retry_after: Some(1), ..Self::bare(status, 2, message) }
    }

    /// The request has no token.
    #[must_use]
    pub fn no_token() -> Self {
        let message = "An access token is required to request this resource";
        let details =
            "send the key as Authorization: Bearer <key>, or as the parameter access_token";
        let details = Some(details.to_owned());
        Self { details, ..Self::bare(401, 104, message) }
    }

    /// The token is unknown or revoked.
    #[must_use]
    pub fn wrong_token() -> Self {
        Self::bare(401, 190, "Invalid OAuth access token")
    }

    /// The request has two tokens that differ.
    #[must_use]
    pub fn two_tokens() -> Self {
        let details = "the request holds two different access tokens";
        Self { details: Some(details.to_owned()), ..Self::wrong_token() }
    }

    /// No such object, or none of the caller's: the answer is the same.
    #[must_use]
    pub fn no_such_object(method: &str, id: &str) -> Self {
        let method = method.to_ascii_lowercase();
        let id: String = id.chars().take(SHOWN_CHARS_MAX).collect();
        let message = format!(
            "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded \
             due to missing permissions, or does not support this operation. Please read the Graph \
             API documentation at https://developers.facebook.com/docs/graph-api"
        );
        Self { kind: METHOD, subcode: Some(NO_OBJECT), ..Self::bare(400, 100, message) }
    }

    /// The object may exist, but has no such edge.
    fn no_such_edge(edge: &str) -> Self {
        let edge: String = edge.chars().take(SHOWN_CHARS_MAX).collect();
        Self::bare(400, 2500, format!("Unknown path components: /{edge}"))
    }

    /// It exists, and the token opens a part of it only.
    #[must_use]
    pub fn not_permitted(details: &str) -> Self {
        let message = "(#200) Permissions error";
        let details = Some(details.to_owned());
        Self { details, ..Self::bare(403, 200, message) }
    }

    /// The number has another two-step verification PIN. Published for `/register`.
    fn wrong_pin() -> Self {
        let code = Code { code: 133_005, title: "Two step verification PIN Mismatch" };
        let details = "pin is not the number's two-step verification PIN";
        Self::coded(400, code, details)
    }

    /// Too many registrations of one number. Published for `/register` and `/deregister`.
    #[must_use]
    pub fn too_many_registrations(refusal: &Refusal) -> Self {
        let title = "Account register deregister rate limit exceeded";
        Self::coded(400, Code { code: 133_016, title }, sentence(refusal))
    }

    /// A receiver cannot be put in the place of an app's that receives nothing. Seen live.
    #[must_use]
    pub fn not_subscribed() -> Self {
        let message = "(#100) Before override the current callback uri, your app must be \
                       subscribed to receive messages for WhatsApp Business Account";
        Self::bare(400, 100, message)
    }

    /// A parameter of `/oauth/access_token` is missing. Graph's own sentence.
    #[must_use]
    pub fn missing_for_token(name: &str) -> Self {
        Self::bare(400, 101, format!("Missing {name} parameter."))
    }

    /// There is no such app. Graph's own sentence.
    #[must_use]
    pub fn unknown_client() -> Self {
        let message = "Error validating application. Cannot get application info due to a system \
                       error.";
        Self::bare(400, 101, message)
    }

    /// The secret is not that of the app. Graph's own sentence.
    #[must_use]
    pub fn wrong_client_secret() -> Self {
        Self::bare(400, 1, "Error validating client secret.")
    }

    /// A number's key asks about another token. Graph's own sentence.
    #[must_use]
    pub fn cannot_debug() -> Self {
        let message = "(#100) You must provide an app access token, or a user access token that \
                       is an owner or developer of the app";
        Self::bare(400, 100, message)
    }

    /// An app's token belongs to no user. Graph's own sentence.
    #[must_use]
    pub fn no_user() -> Self {
        let message = "An active access token must be used to query information about the \
                       current user.";
        Self::bare(400, 2_500, message)
    }

    /// A receiver has not passed its handshake: the field that named it, what Graph says of the
    /// answer, and what we say. In Graph's words, as they were seen in live answers.
    #[must_use]
    pub fn handshake_failed(field: &str, answer: HandshakeAnswer, why: &str) -> Self {
        let errors = match answer {
            HandshakeAnswer::Status { status, reason } => {
                format!("HTTP Status Code = {status}; HTTP Message = {reason}")
            }
            HandshakeAnswer::OtherBody => "HTTP Status Code = 200; HTTP Message = OK; Response \
                                           does not match challenge"
                .to_owned(),
            HandshakeAnswer::None => "No response from the callback URL".to_owned(),
        };
        let code = HANDSHAKE;
        let message =
            format!("(#{code}) Callback verification failed with the following errors: {errors}");
        let details = Some(format!("{field}: the receiver could not be verified: it {why}"));
        Self { details, ..Self::bare(400, code, message) }
    }
}

/// What came back instead of the challenge of a handshake.
#[derive(Debug, Clone, Copy)]
pub enum HandshakeAnswer {
    /// Another status than 200, and its standard phrase.
    Status {
        /// The status.
        status: u16,
        /// Its phrase.
        reason: &'static str,
    },
    /// 200 with something else.
    OtherBody,
    /// Nothing.
    None,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::GroupSuspended => 403,
            Refusal::TooManyOperations { .. } => 429,
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
            | Refusal::NothingToChange => 400,
        };
        let retry_after = refusal.retry_after_secs();
        Self { retry_after, ..Self::coded(status, Code::of(&refusal), sentence(&refusal)) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let (status, text) = (problem.status(), problem.text());
        match problem {
            // Graph has no 404 and no 405: an object that is not there, one that lacks the edge, and
            // one that cannot be asked with this method.
            Problem::NoSuchPath { path } => match path.trim_matches('/').split_once('/') {
                Some((_, edge)) => Self::no_such_edge(edge),
                None => Self::no_such_object("get", path.trim_matches('/')),
            },
            Problem::NoSuchMethod { method, path } => {
                let id = path.trim_matches('/').split('/').next().unwrap_or_default();
                Self::no_such_object(&method, id)
            }
            Problem::Cursor { .. } => Self::coded(status, Code::INVALID_CURSOR, text),
            Problem::Field { name, fault, .. } => Self::field(&name, &fault, text),
            Problem::Picture { problem, .. } => {
                Self::coded(status, Code::of_picture(problem), text)
            }
            Problem::WrongPin => Self::wrong_pin(),
            Problem::TooMany { field, max } => {
                let fault = Fault::Other;
                Self::field(field, &fault, format!("{field} must not be more than {max}"))
            }
            // Somebody else changes the same thing at the same time.
            Problem::Taken { .. } | Problem::Subscribed { .. } | Problem::Unknown { .. } => {
                Self::unavailable("it was changed by somebody else; try again")
            }
            Problem::Unavailable | Problem::TooManyFetches => Self::unavailable("try again"),
            Problem::GroupBusy => Self::unavailable(&uncapitalized(&text)),
            // Not transient: a client that repeats it by itself may do it twice.
            Problem::OutcomeUnknown => {
                Self { retry_after: None, ..Self::unavailable(&uncapitalized(&text)) }
            }
            Problem::Overloaded => Self::unavailable(&text),
            Problem::Internal => Self::bare(status, 1, "An unexpected error has occurred"),
            Problem::HeadersTooLarge { .. }
            | Problem::ForeignHost { .. }
            | Problem::BodyTooLarge { .. }
            | Problem::BodyTooSlow
            | Problem::BodyBroken
            | Problem::MediaType { .. }
            | Problem::ContentEncoding { .. }
            | Problem::NotJson { .. }
            | Problem::NotMultipart { .. }
            | Problem::KeyReused => Self::parameter(status, text),
        }
    }
}

/// A sentence that follows a colon.
fn uncapitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
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

impl ErrorAnswer for Error {
    fn status(&self) -> u16 {
        self.status
    }

    fn retry_after_secs(&self) -> Option<u32> {
        self.retry_after
    }

    fn reason(&self) -> String {
        match &self.details {
            Some(details) => format!("{}: {details}", self.message),
            None => self.message.clone(),
        }
    }

    fn body(&self, trace_id: Option<String>) -> Vec<u8> {
        json(&ErrorBody {
            error: ErrorObject {
                message: self.message.clone(),
                r#type: self.kind,
                code: self.code,
                error_subcode: self.subcode,
                error_data: self
                    .details
                    .clone()
                    .map(|details| ErrorDetails { messaging_product: PRODUCT, details }),
                is_transient: self.retry_after.is_some(),
                fbtrace_id: trace_id.unwrap_or_default(),
            },
        })
    }
}
