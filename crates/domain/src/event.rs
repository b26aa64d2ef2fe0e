//! What happened. Names are in the past tense and are never changed: they are kept for ever.

use crate::command::CreateGroup;
use crate::ids::JoinRequestId;
use crate::person::{Entry, Person};
use crate::refusal::Refusal;
use crate::values::{Description, InviteCode, Picture, Subject};

/// An entry of a bulk command that was not carried out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The caller's own spelling.
    pub input: String,
    /// Why not.
    pub refusal: Refusal,
}

/// A request that was answered, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The request.
    pub request: JoinRequestId,
    /// Who had asked.
    pub person: Person,
}

/// What happened to a group. Applying an event cannot fail: it has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The group came into the world.
    Created(Box<CreateGroup>),
    /// The settings that are there were changed.
    SettingsChanged {
        /// New name.
        subject: Option<Subject>,
        /// New about text.
        description: Option<Description>,
        /// New picture.
        picture: Option<Picture>,
    },
    /// The picture that the business had pointed at could not be had; nothing was changed.
    PictureFailed {
        /// Why not, in words.
        problem: String,
    },
    /// There is a new link, and only this one.
    InviteReset {
        /// It.
        code: InviteCode,
        /// Whether an older one died of it.
        replaced: bool,
    },
    /// There is no link any more.
    InviteDeleted,
    /// A person came in by the link.
    ParticipantJoined {
        /// Who.
        person: Person,
    },
    /// A person asks to come in.
    JoinRequested {
        /// The request's id.
        request: JoinRequestId,
        /// Who.
        person: Person,
    },
    /// The person thought better of it.
    JoinRequestCancelled(Answered),
    /// The business let these in.
    JoinRequestsApproved {
        /// In the caller's order.
        approved: Vec<Answered>,
    },
    /// The business turned these away.
    JoinRequestsRejected {
        /// In the caller's order.
        rejected: Vec<Answered>,
    },
    /// The business added people; may have failed for some or for all.
    ParticipantsAdded {
        /// Who is in now.
        added: Vec<Entry<Person>>,
        /// Who is not, and why.
        failed: Vec<Failed>,
    },
    /// The business removed people; may have failed for some or for all.
    ParticipantsRemoved {
        /// Who is out now.
        removed: Vec<Entry<Person>>,
        /// Who was not in.
        failed: Vec<Failed>,
    },
    /// A participant walked out.
    ParticipantLeft {
        /// Who.
        person: Person,
    },
    /// These participants became admins.
    AdminsPromoted {
        /// Who.
        people: Vec<Person>,
    },
    /// These participants are no longer admins.
    AdminsDemoted {
        /// Who.
        people: Vec<Person>,
    },
    /// WhatsApp suspended the group.
    Suspended,
    /// WhatsApp lifted the suspension.
    Restored,
    /// The business ended the group.
    Deleted,
    /// The business walked out.
    BusinessLeft,
}

impl Event {
    /// The word by which the event is kept and filtered.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::SettingsChanged { .. } => "settings_changed",
            Self::PictureFailed { .. } => "picture_failed",
            Self::InviteReset { .. } => "invite_reset",
            Self::InviteDeleted => "invite_deleted",
            Self::ParticipantJoined { .. } => "participant_joined",
            Self::JoinRequested { .. } => "join_requested",
            Self::JoinRequestCancelled(_) => "join_request_cancelled",
            Self::JoinRequestsApproved { .. } => "join_requests_approved",
            Self::JoinRequestsRejected { .. } => "join_requests_rejected",
            Self::ParticipantsAdded { .. } => "participants_added",
            Self::ParticipantsRemoved { .. } => "participants_removed",
            Self::ParticipantLeft { .. } => "participant_left",
            Self::AdminsPromoted { .. } => "admins_promoted",
            Self::AdminsDemoted { .. } => "admins_demoted",
            Self::Suspended => "suspended",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
            Self::BusinessLeft => "business_left",
        }
    }
}

/// Who is shown to the members of a group as the one who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author<'a> {
    /// The business.
    Business,
    /// A person.
    Person(&'a Person),
}

impl Event {
    /// Who is shown to have acted, if the members of the group see a notice of the event; `None`
    /// for an event that they do not notice.
    #[must_use]
    pub fn notice(&self) -> Option<Author<'_>> {
        match self {
            Self::ParticipantJoined { person } | Self::ParticipantLeft { person } => {
                Some(Author::Person(person))
            }
            Self::Created(_)
            | Self::SettingsChanged { .. }
            | Self::PictureFailed { .. }
            | Self::InviteDeleted
            | Self::InviteReset { replaced: true, .. }
            | Self::JoinRequestsApproved { .. }
            | Self::ParticipantsAdded { .. }
            | Self::ParticipantsRemoved { .. }
            | Self::AdminsPromoted { .. }
            | Self::AdminsDemoted { .. }
            | Self::Deleted
            | Self::BusinessLeft => Some(Author::Business),
            // A first link, or one in place of a deleted one, revokes nothing.
            Self::InviteReset { replaced: false, .. }
            | Self::JoinRequested { .. }
            | Self::JoinRequestCancelled(_)
            | Self::JoinRequestsRejected { .. }
            | Self::Suspended
            | Self::Restored => None,
        }
    }
}

/// Whom an event moved into, within or out of a group: what an index of people needs to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Is a participant.
    Participant,
    /// Has an open request.
    Requested,
    /// Was removed by the business.
    Removed,
    /// Has nothing to do with the group.
    None,
}

impl Event {
    /// Everybody whose standing in the group this event set, with the new standing. The end of a
    /// group names nobody: where a group has ended, nobody has a standing in it.
    #[must_use]
    pub fn standings(&self) -> Vec<(&Person, Standing)> {
        fn all(people: &[Answered], standing: Standing) -> Vec<(&Person, Standing)> {
            people.iter().map(|answered| (&answered.person, standing)).collect()
        }
        match self {
            Self::ParticipantJoined { person } => vec![(person, Standing::Participant)],
            Self::JoinRequested { person, .. } => vec![(person, Standing::Requested)],
            Self::JoinRequestCancelled(answered) => vec![(&answered.person, Standing::None)],
            Self::ParticipantLeft { person } => vec![(person, Standing::None)],
            Self::JoinRequestsApproved { approved } => all(approved, Standing::Participant),
            Self::JoinRequestsRejected { rejected } => all(rejected, Standing::None),
            Self::ParticipantsAdded { added, .. } => {
                added.iter().map(|entry| (&entry.target, Standing::Participant)).collect()
            }
            Self::ParticipantsRemoved { removed, .. } => {
                removed.iter().map(|entry| (&entry.target, Standing::Removed)).collect()
            }
            Self::Created(_)
            | Self::SettingsChanged { .. }
            | Self::PictureFailed { .. }
            | Self::InviteReset { .. }
            | Self::InviteDeleted
            | Self::AdminsPromoted { .. }
            | Self::AdminsDemoted { .. }
            | Self::Suspended
            | Self::Restored
            | Self::Deleted
            | Self::BusinessLeft => Vec::new(),
        }
    }
}
