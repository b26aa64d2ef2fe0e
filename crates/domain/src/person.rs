//! A WhatsApp user, and the ways in which a caller may point at one.

use std::fmt;

use crate::ids::UserId;
use crate::values::WaId;

/// A WhatsApp user as one business sees them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// Business-scoped id: always there, hence the identity.
    pub user_id: UserId,
    /// Phone number; missing when the person hides it behind a username.
    pub wa_id: Option<WaId>,
    /// The same person for the whole portfolio, where there is one.
    pub parent_user_id: Option<UserId>,
    /// Chosen public name.
    pub username: Option<String>,
}

impl Person {
    /// Whether both are the same person: by the id, or by the phone number where both show one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.user_id == other.user_id || (self.wa_id.is_some() && self.wa_id == other.wa_id)
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
    /// Whether this points at that person.
    #[must_use]
    pub fn is(&self, person: &Person) -> bool {
        match self {
            Self::Phone(wa_id) => person.wa_id.as_ref() == Some(wa_id),
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
