//! A WhatsApp user, and the ways in which a caller may point at one.

use std::fmt;

use crate::ids::UserId;
use crate::values::{Problem, WaId};

/// A WhatsApp user as one business sees them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// Business-scoped id: always there, hence the identity.
    pub user_id: UserId,
    /// Phone number, as far as it is known here; for what others may see there is
    /// [`Person::wa_id`].
    pub phone: Option<WaId>,
    /// Whether the person hides the number behind a username.
    pub hides_phone: bool,
    /// The same person for the whole portfolio, where there is one.
    pub parent_user_id: Option<UserId>,
    /// Chosen public name.
    pub username: Option<String>,
    /// Whether the person has accepted WhatsApp's present terms: nobody else can let those in who
    /// have not.
    pub terms_accepted: bool,
}

impl Person {
    /// Whether both are the same person: by the id, or by the phone number where both show one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.user_id == other.user_id || (self.phone.is_some() && self.phone == other.phone)
    }

    /// The phone number, where the business may see it.
    #[must_use]
    pub fn wa_id(&self) -> Option<&WaId> {
        self.phone.as_ref().filter(|_| !self.hides_phone)
    }

    /// What the business would write to name this person: the number, or else the id.
    #[must_use]
    pub fn spelled(&self) -> &str {
        self.wa_id().map_or(self.user_id.as_str(), WaId::as_str)
    }
}

/// How a caller points at a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PersonRef {
    /// By phone number.
    Phone(WaId),
    /// By business-scoped id.
    User(UserId),
}

impl PersonRef {
    /// Reads what callers write where a person is meant: a user id, or a phone number.
    ///
    /// # Errors
    /// The text is neither; the problem is that of a phone number.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        UserId::parse(text).map(Self::User).or_else(|_| WaId::parse(text).map(Self::Phone))
    }

    /// Whether this points at that person.
    #[must_use]
    pub fn is(&self, person: &Person) -> bool {
        match self {
            Self::Phone(phone) => person.phone.as_ref() == Some(phone),
            Self::User(user_id) => person.user_id == *user_id,
        }
    }
}

impl fmt::Display for PersonRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(wa_id) => wa_id.fmt(f),
            Self::User(user_id) => user_id.fmt(f),
        }
    }
}

/// An entry of a bulk call: what the caller wrote, to be repeated to them, and what it means to us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry<T> {
    /// The caller's own spelling.
    pub input: String,
    /// Its meaning.
    pub target: T,
}
