//! What is wrong, as numbers and titles that Meta has published.

use domain::Refusal;
use domain::refusal::List;
use domain::values::PictureProblem;
use serde::Serialize;
use utoipa::ToSchema;

/// An error inside an answer or a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorItem {
    /// One of the published codes.
    #[schema(example = 131_213)]
    code: u32,
    /// `(#code) ` and details.
    message: String,
    title: &'static str,
    error_data: ErrorData,
}

/// The human part of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorData {
    details: String,
}

impl From<&Refusal> for ErrorItem {
    fn from(refusal: &Refusal) -> Self {
        let Code { code, title } = Code::of(refusal);
        let details = sentence(refusal);
        let message = format!("(#{code}) {details}");
        Self { code, message, title, error_data: ErrorData { details } }
    }
}

impl ErrorItem {
    /// What stands over a call about people that failed for some of them. Number from the table of
    /// group errors, words as in the sample.
    #[must_use]
    pub fn partly(call: PeopleCall, failed: usize) -> Self {
        let (title, message) = match call {
            PeopleCall::Add => (
                "Not All Participants Add Succeeded",
                "Failed to add some participants to the group",
            ),
            PeopleCall::Remove => (
                "Not All Participants Remove Succeeded",
                "Failed to remove some participants from the group",
            ),
        };
        let whose = if failed == 1 { "its" } else { "each" };
        let details = format!("{failed} of the participants failed; {whose} entry says why");
        let message = message.to_owned();
        Self { code: 131_201, message, title, error_data: ErrorData { details } }
    }

    /// Each once, in the order in which they first come.
    #[must_use]
    pub fn distinct(all: impl IntoIterator<Item = Self>) -> Vec<Self> {
        all.into_iter().fold(Vec::new(), |mut kept, error| {
            if !kept.contains(&error) {
                kept.push(error);
            }
            kept
        })
    }
}

/// What a business does to people by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeopleCall {
    /// Adds them.
    Add,
    /// Removes them.
    Remove,
}

/// A published error: number and title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Number.
    pub code: u32,
    /// Title.
    pub title: &'static str,
}

impl Code {
    /// Graph's general code for anything that is wrong with a parameter.
    pub const INVALID_PARAMETER: Self = Self::new(100, "Invalid parameter");
    /// A cursor that leads nowhere.
    pub const INVALID_CURSOR: Self = Self::new(131_059, "Invalid cursor");

    /// The number is not registered for the Cloud API.
    pub const NOT_REGISTERED: Self = Self::new(133_010, "Account not registered");

    const fn new(code: u32, title: &'static str) -> Self {
        Self { code, title }
    }

    /// The code of a refusal. Meta's table of group errors; where it has none, 100.
    #[must_use]
    pub const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::GroupUnknown => Self::new(131_041, "Group unknown"),
            Refusal::GroupSuspended => Self::new(131_207, "Group suspended"),
            Refusal::GroupFull { .. } => Self::new(131_204, "Participant overlimit"),
            Refusal::GroupLimitReached { .. } => Self::new(131_211, "Group create limit reached"),
            Refusal::NotParticipant => {
                Self::new(131_212, "Participant is not a part of the group.")
            }
            Refusal::JoinRequestUnknown => Self::new(131_213, "Group join request does not exist."),
            Refusal::DuplicateEntry { .. } => Self::new(131_202, "Duplicate participant"),
            Refusal::TermsNotAccepted => Self::new(131_203, "Unable to add participant to group"),
            Refusal::TooManyOperations { .. } => Self::new(131_208, "Group Rate Limit Hit"),
            Refusal::CreationDisabled => {
                Self::new(131_214, "Group creation is temporarily disabled")
            }
            Refusal::NumberNotRegistered => Self::NOT_REGISTERED,
            Refusal::NumberNotEligible => {
                Self::new(131_215, "This phone number is not eligible to access Groups APIs")
            }
            Refusal::BusinessNamed
            | Refusal::NothingToChange
            | Refusal::InviteLinkDead
            | Refusal::RemovedByBusiness
            | Refusal::AlreadyParticipant
            | Refusal::TooManyJoinRequests { .. } => Self::INVALID_PARAMETER,
        }
    }

    /// The code of a picture that breaks the published rules.
    #[must_use]
    pub const fn of_picture(problem: PictureProblem) -> Self {
        match problem {
            PictureProblem::NotSquare { .. } => {
                Self::new(131_209, "Invalid Group Profile Picture Aspect Ratio")
            }
            PictureProblem::TooSmall { .. } => Self::new(131_210, "Image is Too Small to Process"),
            PictureProblem::Empty
            | PictureProblem::TooLarge { .. }
            | PictureProblem::NotJpeg
            | PictureProblem::NotImage
            | PictureProblem::DamagedPng
            | PictureProblem::Damaged => Self::INVALID_PARAMETER,
        }
    }
}

/// What a refusal says to a caller of this family, naming the field where there is one.
#[must_use]
pub fn sentence(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NothingToChange => {
            "give at least one of subject, description and a picture (part file)".to_owned()
        }
        Refusal::DuplicateEntry { list, input, first, second } => {
            let list = match list {
                List::JoinRequests => "join_requests",
                List::People => "participants",
            };
            format!("{list}[{second}] repeats {list}[{first}]: {input}")
        }
        Refusal::GroupUnknown
        | Refusal::GroupSuspended
        | Refusal::GroupFull { .. }
        | Refusal::GroupLimitReached { .. }
        | Refusal::NumberNotEligible
        | Refusal::NumberNotRegistered
        | Refusal::CreationDisabled
        | Refusal::TooManyOperations { .. }
        | Refusal::InviteLinkDead
        | Refusal::RemovedByBusiness
        | Refusal::AlreadyParticipant
        | Refusal::NotParticipant
        | Refusal::TermsNotAccepted
        | Refusal::JoinRequestUnknown
        | Refusal::TooManyJoinRequests { .. }
        | Refusal::BusinessNamed => refusal.to_string(),
    }
}
