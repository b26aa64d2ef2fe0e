//! Simulated people, as far as they are not like everybody else.

use std::fmt;

use domain::values::WaId;

/// What is special about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The person's phone number, whoever may see it.
    pub wa_id: WaId,
    /// Public name, unique in the world.
    pub username: Option<String>,
    /// Whether businesses do not see the number.
    pub hides_phone: bool,
    /// Whether businesses get to know the id that the person has for a whole portfolio of them.
    pub enrolled: bool,
    /// Whether the person has accepted WhatsApp's present terms.
    pub terms_accepted: bool,
}

impl Profile {
    /// Like everybody else.
    #[must_use]
    pub const fn plain(wa_id: WaId) -> Self {
        Self { wa_id, username: None, hides_phone: false, enrolled: false, terms_accepted: true }
    }
}

/// The secret by which an account's ids of people are made: without it nobody can find the phone
/// number behind an id by trying all numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonKey([u8; 32]);

impl PersonKey {
    /// Takes 32 bytes, random but in the sandbox.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for making ids and for the store.
    #[must_use]
    pub const fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(…)")
    }
}
