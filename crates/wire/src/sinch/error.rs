//! Errors in Sinch's words: `message` is the status, or `Validation error`, and `reason` says why.

use domain::Refusal;
use domain::refusal::List;
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::json;
use crate::problem::{ErrorAnswer, Problem};

/// An answer that is not the one that was hoped for.
#[derive(Debug)]
pub struct Error {
    status: u16,
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

impl Error {
    fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), retry_after: None }
    }

    /// The token is missing, unknown or revoked, or it does not open this bot.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized bot")
    }

    /// The group does not exist, or belongs to another bot: the answer is the same.
    #[must_use]
    pub fn no_such_group() -> Self {
        Refusal::GroupUnknown.into()
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
                (400, reason)
            }
            Refusal::NothingToChange => (400, "Field [subject] can not be empty".to_owned()),
            Refusal::TooManyOperations { .. } => (429, refusal.to_string()),
            Refusal::BusinessNamed => {
                (406, "the bot is an admin of its groups for ever".to_owned())
            }
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
            | Refusal::TooManyJoinRequests { .. } => (406, refusal.to_string()),
        };
        Self { retry_after, ..Self::new(status, reason) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let retry_after = problem.retry_after_secs();
        let (status, reason) = match &problem {
            Problem::Field { name, detail, .. } => (400, format!("Field [{name}] {detail}")),
            Problem::TooMany { field, max } => {
                (400, format!("Field [{field}] must not be more than {max}"))
            }
            Problem::Unavailable => {
                (503, "Internal service not available, request could not be handled".to_owned())
            }
            Problem::TooManyFetches => {
                (503, "Too many icons are being fetched at once; try again".to_owned())
            }
            other => (other.status(), other.text()),
        };
        Self { retry_after, ..Self::new(status, reason) }
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
        self.reason.clone()
    }

    fn body(&self, _trace_id: Option<String>) -> Vec<u8> {
        let message = match self.status {
            400 => "Validation error".to_owned(),
            other => other.to_string(),
        };
        let reason = self.reason.clone();
        json(&ErrorBody { message, details: reason.clone(), reason })
    }
}
