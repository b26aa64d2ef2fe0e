//! Webhooks: whatever happens in a group reaches its receivers.
//!
//! The actors: [`plan`] says, inside the transaction of a change, what is owed to whom, with bodies
//! that never change again; [`dispatch`] takes what is due, sends it and writes down what came of
//! it, on the occasion of a commit or when the time has come; [`memory`] is what it knows without
//! asking. [`send`] talks to receivers, for deliveries and for handshakes alike; [`lookup`] finds
//! the addresses of a name and [`egress`] says which of them may be reached; [`retry`] when to try
//! again, and [`sign`] how to prove that it was us. [`target`] reads what people write where a
//! receiver is meant, [`sample`] makes up events to try a receiver with.
//!
//! The records: a subscription is a receiver; a delivery is one event owed to one subscription; an
//! attempt is one try at it.
//!
//! What is promised: at least once, as long as the receiver answers within the retry horizon; first
//! attempts in the order of the changes, for each group and subscription. What is not: exactly
//! once, or any order among retries. A lease on a delivery saves work; that nothing is lost never
//! depends on it.

pub mod dispatch;
pub mod egress;
pub mod lookup;
pub mod memory;
pub mod plan;
pub mod retry;
pub mod sample;
pub mod send;
pub mod sign;
pub mod target;

use domain::ids::RequestId;
use domain::values::{Description, Picture, Subject, Timestamp};
use domain::{Event, GroupState, Refusal};

use crate::directory::Number;

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

/// News of a group, to be put into a vendor's words.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// The number that owns the group.
    pub number: &'a Number,
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
