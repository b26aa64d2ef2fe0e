//! Why not.

use crate::wording::counted;

/// What a bulk command lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Join requests.
    JoinRequests,
    /// People.
    People,
}

/// Why a command, or one entry of a bulk command, was not carried out.
///
/// States a fact about the world. It is matched without a wildcard wherever it is put into words
/// for a caller, so that a new reason cannot be forgotten there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Deleted, or left by the business: from the outside the group does not exist.
    #[error("the group does not exist")]
    GroupUnknown,
    /// Suspended by WhatsApp: reads go on, changes do not.
    #[error("the group is suspended")]
    GroupSuspended,
    /// No place for another participant.
    #[error("the group already holds {}", counted(limit, "participant"))]
    GroupFull {
        /// Participants allowed.
        limit: u32,
    },
    /// The number has as many groups as it may have.
    #[error("the number already has {}", counted(limit, "group"))]
    GroupLimitReached {
        /// Groups allowed.
        limit: u32,
    },
    /// The number may not work with groups at all.
    #[error("the number is not eligible for groups")]
    NumberNotEligible,
    /// The number is not registered for the API, so it can change nothing.
    #[error("the number is not registered")]
    NumberNotRegistered,
    /// The number may not create groups for the time being.
    #[error("the number cannot create groups at present")]
    CreationDisabled,
    /// The number has asked for more changes in a minute than it may.
    #[error(
        "the number has used up its {} a minute; the next one is possible in {retry_after_secs} s",
        counted(limit, "group operation")
    )]
    TooManyOperations {
        /// Operations allowed in a minute.
        limit: u32,
        /// Seconds until the next one is.
        retry_after_secs: u32,
    },
    /// The link was reset or deleted, or never existed.
    #[error("the invite link is no longer valid")]
    InviteLinkDead,
    /// The business removed this person; a link cannot bring them back.
    #[error("the person was removed from the group by the business")]
    RemovedByBusiness,
    /// Already in.
    #[error("the person is already a participant of the group")]
    AlreadyParticipant,
    /// Not in.
    #[error("the person is not a participant of the group")]
    NotParticipant,
    /// The person has yet to accept WhatsApp's present terms.
    #[error("the person has not accepted the present terms of service and privacy policy")]
    TermsNotAccepted,
    /// Cancelled, already handled, or never made.
    #[error("the join request does not exist")]
    JoinRequestUnknown,
    /// As many requests are open as one group can hold.
    #[error("the group already has {} open", counted(limit, "join request"))]
    TooManyJoinRequests {
        /// Open requests allowed.
        limit: usize,
    },
    /// The same entry twice in one call. Positions count from 0.
    #[error("entry {second} repeats entry {first}: {input}")]
    DuplicateEntry {
        /// What kind of list it is in.
        list: List,
        /// The caller's spelling of the repetition.
        input: String,
        /// Position of the first.
        first: usize,
        /// Position of the repetition.
        second: usize,
    },
    /// The business's own number was named where only a person makes sense.
    #[error("the business is the group's creator and not one of its participants")]
    BusinessNamed,
    /// Asked to change settings, but no setting was given.
    #[error("no setting was given")]
    NothingToChange,
}

impl Refusal {
    /// Seconds until the same may be asked again, where that helps.
    #[must_use]
    pub const fn retry_after_secs(&self) -> Option<u32> {
        if let Self::TooManyOperations { retry_after_secs, .. } = self {
            Some(*retry_after_secs)
        } else {
            None
        }
    }
}
