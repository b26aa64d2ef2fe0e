//! People, as answers and webhooks show them.

use domain::ids::UserId;
use domain::values::WaId;
use serde::Serialize;
use utoipa::ToSchema;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonInfo<'a> {
    /// Phone number in digits; missing for a person who hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
    /// The person as this business knows them.
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
}

impl<'a> From<&'a domain::Person> for PersonInfo<'a> {
    fn from(person: &'a domain::Person) -> Self {
        Self {
            wa_id: person.wa_id().map(WaId::as_str),
            user_id: person.user_id.as_str(),
            parent_user_id: person.parent_user_id.as_ref().map(UserId::as_str),
            username: person.username.as_deref(),
        }
    }
}
