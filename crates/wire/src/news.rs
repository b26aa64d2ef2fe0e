//! What there is to tell receivers, before it is put into a vendor's words.

use domain::ids::RequestId;
use domain::values::{Description, Picture, Subject, Timestamp};
use domain::{Event, GroupState, Refusal};

/// What an event is about: what receivers choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Groups come and go.
    Lifecycle,
    /// People come and go, and get other rights.
    Participants,
    /// Subject, description, picture, link.
    Settings,
    /// WhatsApp suspends and restores.
    Status,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lifecycle, Self::Participants, Self::Settings, Self::Status];

    /// The word: the name of the webhook field in Meta's documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lifecycle => "group_lifecycle_update",
            Self::Participants => "group_participants_update",
            Self::Settings => "group_settings_update",
            Self::Status => "group_status_update",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }
}

/// What is sent, to however many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it is about.
    pub topic: Topic,
    /// The body: JSON in ASCII.
    pub body: Vec<u8>,
}

/// The number that tells, as payloads name it.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Its id, as Meta has it.
    pub phone_number_id: &'a str,
    /// The phone number, in digits.
    pub display_phone_number: &'a str,
    /// Its WhatsApp Business Account.
    pub waba_id: &'a str,
    /// The name of its bot, as Sinch has it.
    pub bot_id: &'a str,
}

/// News of a group, to be put into a vendor's words.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// The number that owns the group.
    pub number: Sender<'a>,
    /// The group afterwards.
    pub group: &'a GroupState,
    /// When.
    pub at: Timestamp,
    /// By which call.
    pub request_id: &'a RequestId,
    /// What.
    pub what: What<'a>,
}

/// What there is to tell. The engine answers at once whether a call succeeds; the vendors tell of
/// failures later, and receivers have to cope with that: hence the failures.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// Something happened.
    Happened(&'a Event),
    /// No group was created.
    CreateFailed(&'a Refusal),
    /// The group was not deleted.
    DeleteFailed(&'a Refusal),
    /// Some settings, or all, were not changed.
    SettingsFailed {
        /// Those that were.
        done: Settings<'a>,
        /// Those that were not.
        failed: Settings<'a>,
        /// Why not.
        refusal: &'a Refusal,
    },
}

/// Settings of a group, as far as they were asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// Name.
    pub subject: Option<&'a Subject>,
    /// About text.
    pub description: Option<&'a Description>,
    /// Picture.
    pub picture: Option<&'a Picture>,
}
