//! People, as answers and webhooks show them.

use domain::Person;
use domain::ids::UserId;
use domain::values::WaId;
use serde::Serialize;
use utoipa::ToSchema;

/// Which of a person's names are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// All that the business may know.
    All,
    /// The phone number. A person who hides it is shown by the user id.
    Number,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonInfo<'a> {
    /// Phone number in digits; missing for a person who hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
    /// The person as this business knows them. Missing beside a `wa_id` where the vendor publishes the
    /// `wa_id` alone and the number's `answers` are `published`.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
}

impl<'a> From<&'a Person> for PersonInfo<'a> {
    fn from(person: &'a Person) -> Self {
        Self::new(person, Names::All)
    }
}

impl<'a> PersonInfo<'a> {
    /// Renders a person.
    #[must_use]
    pub fn new(person: &'a Person, names: Names) -> Self {
        let wa_id = person.wa_id().map(WaId::as_str);
        let all = names == Names::All;
        Self {
            wa_id,
            user_id: (all || wa_id.is_none()).then(|| person.user_id.as_str()),
            parent_user_id: person.parent_user_id.as_ref().map(UserId::as_str).filter(|_| all),
            username: person.username.as_deref().filter(|_| all),
        }
    }
}
