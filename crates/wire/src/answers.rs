//! What an answer is made of.

use domain::event::Failed;
use domain::ids::RequestId;
use domain::{Event, GroupState};

/// Which fields the answers to a number's calls have. Webhooks are the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answers {
    /// Those that the vendor publishes, and no others.
    #[default]
    Published,
    /// Besides, those by which Klatch answers more than the vendor does.
    Superset,
}

impl Answers {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Published, Self::Superset];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Superset => "superset",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answers| answers.as_str() == text)
    }

    /// The value of a field that the vendor does not publish.
    pub fn besides<T>(self, value: T) -> Option<T> {
        match self {
            Self::Published => None,
            Self::Superset => Some(value),
        }
    }
}

/// What came of a call that was not refused as a whole, as an answer tells it.
#[derive(Debug, Clone, Copy)]
pub struct Effect<'a> {
    /// The group afterwards.
    pub group: &'a GroupState,
    /// The call's id, repeated wherever the change is told of.
    pub request_id: &'a RequestId,
    /// What happened, if anything did.
    pub event: Option<&'a Event>,
    /// Entries of a bulk call that came to nothing.
    pub refused: &'a [Failed],
    /// Which fields the answer has.
    pub answers: Answers,
}
