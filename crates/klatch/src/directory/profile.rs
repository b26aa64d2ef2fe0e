//! Simulated people, as far as they are not like everybody else.

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
