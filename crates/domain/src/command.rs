//! What may be asked of a group.

use crate::ids::{GroupId, GroupSerial, JoinRequestId, PhoneNumberId};
use crate::person::{Entry, Person, PersonRef};
use crate::values::{
    Batch, BusinessNumber, Description, InviteCode, JoinApprovalMode, Picture, Subject,
};

/// What a caller says about a new group; the rest is minted.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Name.
    pub subject: Subject,
    /// About text.
    pub description: Description,
    /// How a tap on the link is treated.
    pub mode: JoinApprovalMode,
}

/// Everything needed to bring a group into the world, ids and invite code already minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateGroup {
    /// The new group's id.
    pub id: GroupId,
    /// WhatsApp's own number for it.
    pub serial: GroupSerial,
    /// The number that creates it.
    pub number: PhoneNumberId,
    /// That number's digits: the creator, and admin for ever.
    pub business: BusinessNumber,
    /// A unix second that no other group of this number has: with `business`, a second name.
    pub alias_second: i64,
    /// Name.
    pub subject: Subject,
    /// About text.
    pub description: Description,
    /// How a tap on the link is treated.
    pub mode: JoinApprovalMode,
    /// The first invite link.
    pub invite: InviteCode,
}

/// What may be asked of a group that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The business changes one or more settings. Setting what is set already is a change like
    /// any other: the caller is owed the news that it went through.
    ChangeSettings {
        /// New name.
        subject: Option<Subject>,
        /// New about text; an empty one clears it.
        description: Option<Description>,
        /// New picture.
        picture: Option<Picture>,
    },
    /// The business had pointed at a picture somewhere else, and it could not be had.
    ReportPictureFailure {
        /// Why not, in words.
        problem: String,
    },
    /// The business wants a valid link: the present one, or `code` if there is none.
    ProvideInvite {
        /// Used only where no link is alive.
        code: InviteCode,
    },
    /// The business replaces the link; older ones die.
    ResetInvite {
        /// The new link. The group does not remember old ones: never minted before.
        code: InviteCode,
    },
    /// The business kills the link without a new one.
    DeleteInvite,
    /// A person taps an invite link.
    Join {
        /// Who.
        person: Person,
        /// The link that was tapped.
        code: InviteCode,
        /// The id to use if the tap only opens a request; no other person's in this group.
        request: JoinRequestId,
    },
    /// A person withdraws an open request.
    CancelJoinRequest {
        /// Who.
        person: PersonRef,
    },
    /// A participant walks out.
    LeaveAsParticipant {
        /// Who.
        person: PersonRef,
    },
    /// The business lets people in.
    ApproveJoinRequests {
        /// Which requests.
        requests: Batch<JoinRequestId>,
    },
    /// The business turns people away; they may ask again.
    RejectJoinRequests {
        /// Which requests.
        requests: Batch<JoinRequestId>,
    },
    /// The business adds people by itself, which also lifts a former removal.
    AddParticipants {
        /// Whom.
        people: Batch<Entry<Person>>,
    },
    /// The business removes people for good.
    RemoveParticipants {
        /// Whom.
        people: Batch<Entry<PersonRef>>,
    },
    /// The business makes participants admins.
    PromoteAdmins {
        /// Whom.
        people: Batch<Entry<PersonRef>>,
    },
    /// The business takes the admin right away again.
    DemoteAdmins {
        /// From whom.
        people: Batch<Entry<PersonRef>>,
    },
    /// WhatsApp suspends the group.
    Suspend,
    /// WhatsApp lifts a suspension.
    Restore,
    /// The business ends the group for everybody.
    Delete,
    /// The business walks out.
    LeaveAsBusiness,
}
