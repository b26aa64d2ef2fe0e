//! Errors in 360dialog's words. Group routes answer `{"error": "…"}`, as published for 400, 401, 404
//! and 500. For other statuses 360dialog publishes nothing; those of the gateway (limits, outages) have
//! a `meta` object besides, which clients of other routes read.

use domain::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::graph::code::{Code, sentence};
use crate::json::json;
use crate::problem::{ErrorAnswer, Problem};

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub struct Error {
    status: u16,
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
pub struct MetaBody {
    meta: ErrorMeta,
}

impl MetaBody {
    /// What was done. `trace_id` is the id of the request.
    #[must_use]
    pub fn done(message: &str, trace_id: Option<String>) -> Self {
        Self {
            meta: ErrorMeta {
                success: true,
                http_code: 200,
                developer_message: message.to_owned(),
                trace_id,
            },
        }
    }
}

impl Error {
    fn plain(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), gateway: false, retry_after: None }
    }

    fn gateway(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), gateway: true, retry_after: None }
    }

    fn coded(status: u16, code: Code, details: &str) -> Self {
        Self::plain(status, format!("(#{}) {}: {details}", code.code, code.title))
    }

    /// The header `D360-API-KEY` is missing.
    #[must_use]
    pub fn no_key() -> Self {
        Self::plain(401, "Invalid API key: send it in the D360-API-KEY header")
    }

    /// The key is unknown or revoked.
    #[must_use]
    pub fn wrong_key() -> Self {
        Self::plain(401, "Invalid API key")
    }

    /// The key opens an account, and this API has no way to say which of its numbers is meant.
    #[must_use]
    pub fn key_of_account() -> Self {
        Self::plain(
            401,
            "Invalid API key: it opens an account and not one number; use a key of the number",
        )
    }

    /// No receiver is configured.
    #[must_use]
    pub fn no_webhook() -> Self {
        Self::plain(404, "No webhook is set")
    }

    /// The receiver of a WABA that has other numbers than the one that the key opens.
    #[must_use]
    pub fn shared_waba() -> Self {
        Self::gateway(
            403,
            "The WABA has other numbers, which this API key does not open: its webhook can be \
             shown and set only with the key of its only number",
        )
    }

    /// No receiver besides the main one has this name.
    #[must_use]
    pub fn no_such_destination(name: &str) -> Self {
        let problem = Problem::field("name", format!("names no destination: {name}"));
        Self { status: 404, ..problem.into() }
    }

    /// The group does not exist, or belongs to another number: the answer is the same.
    #[must_use]
    pub fn no_such_group() -> Self {
        Refusal::GroupUnknown.into()
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::GroupUnknown => 404,
            Refusal::TooManyOperations { .. } => 429,
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
            | Refusal::NothingToChange => 400,
        };
        let coded = Self::coded(status, Code::of(&refusal), &sentence(&refusal));
        Self { retry_after: refusal.retry_after_secs(), ..coded }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let (status, text) = (problem.status(), problem.text());
        let retry_after = problem.retry_after_secs();
        let error = match problem {
            Problem::HeadersTooLarge { .. }
            | Problem::ForeignHost { .. }
            | Problem::BodyTooLarge { .. }
            | Problem::BodyTooSlow
            | Problem::Overloaded
            | Problem::GroupBusy
            | Problem::OutcomeUnknown => Self::gateway(status, text),
            Problem::Unavailable | Problem::TooManyFetches => {
                Self::gateway(status, "Service temporarily unavailable")
            }
            Problem::NoSuchPath { .. }
            | Problem::NoSuchMethod { .. }
            | Problem::MediaType { .. }
            | Problem::ContentEncoding { .. }
            | Problem::KeyReused
            | Problem::Internal => Self::plain(status, text),
            Problem::Cursor { .. } => Self::coded(status, Code::INVALID_CURSOR, &text),
            Problem::Picture { problem, .. } => {
                Self::coded(status, Code::of_picture(problem), &text)
            }
            Problem::TooMany { .. } => Self::coded(400, Code::INVALID_PARAMETER, &text),
            Problem::BodyBroken
            | Problem::NotJson { .. }
            | Problem::NotMultipart { .. }
            | Problem::Field { .. } => Self::coded(status, Code::INVALID_PARAMETER, &text),
            // Somebody else changes the same thing at the same time.
            Problem::Taken { .. }
            | Problem::Subscribed { .. }
            | Problem::Unknown { .. }
            | Problem::WrongPin => Self::plain(409, "It was changed by somebody else; try again"),
        };
        Self { retry_after, ..error }
    }
}

impl Error {
    fn meta(&self, trace_id: Option<String>) -> ErrorMeta {
        ErrorMeta {
            success: false,
            http_code: self.status,
            developer_message: self.text.clone(),
            trace_id,
        }
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
        self.text.clone()
    }

    fn body(&self, trace_id: Option<String>) -> Vec<u8> {
        let meta = self.gateway.then(|| self.meta(trace_id));
        json(&ErrorBody { error: self.text.clone(), meta })
    }
}

/// The same errors as the configuration calls answer them: in a shape of their own.
#[derive(Debug)]
pub struct ConfigError(pub Error);

impl From<Error> for ConfigError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Refusal> for ConfigError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.into())
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self(problem.into())
    }
}

impl ErrorAnswer for ConfigError {
    fn status(&self) -> u16 {
        self.0.status()
    }

    fn retry_after_secs(&self) -> Option<u32> {
        self.0.retry_after_secs()
    }

    fn reason(&self) -> String {
        self.0.reason()
    }

    fn body(&self, trace_id: Option<String>) -> Vec<u8> {
        json(&MetaBody { meta: self.0.meta(trace_id) })
    }
}
