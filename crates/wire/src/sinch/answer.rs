//! What Sinch's callers get.

use domain::GroupState;
use jiff::Timestamp as Moment;
use serde::Serialize;
use utoipa::ToSchema;

use super::alias;

/// A new group.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedGroup {
    #[schema(example = "group:447506616260-1565342732")]
    group_id: String,
}

impl From<&GroupState> for CreatedGroup {
    fn from(group: &GroupState) -> Self {
        Self { group_id: alias(group) }
    }
}

/// All groups of a bot.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupList {
    /// Newest first.
    #[schema(example = json!(["group:447506616260-1565342732"]))]
    groups: Vec<String>,
}

/// A group. People who hide their number appear by their user id.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupInfo {
    /// The bot's number, and whoever was made an admin.
    admins: Vec<String>,
    /// The bot's number.
    creator: String,
    /// The bot's number, and everybody else in the group.
    members: Vec<String>,
    subject: String,
    #[schema(example = "2019-08-09T09:25:32.000Z")]
    creation_time: String,
}

impl From<&GroupState> for GroupInfo {
    fn from(group: &GroupState) -> Self {
        let business = group.business.to_string();
        let people = |admins_only: bool| {
            let chosen = group.participants.iter().filter(move |one| one.admin || !admins_only);
            let names = chosen.map(|participant| participant.person.spelled().to_owned());
            std::iter::once(business.clone()).chain(names).collect()
        };
        let created_at = Moment::from_millisecond(group.created_at.as_millis()).unwrap_or_default();
        Self {
            admins: people(true),
            members: people(false),
            creator: business.clone(),
            subject: group.subject.as_str().to_owned(),
            creation_time: format!("{created_at:.3}"),
        }
    }
}

/// An invite link.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteLink {
    #[schema(example = "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv")]
    invite_link: String,
}

impl From<&domain::values::InviteCode> for InviteLink {
    fn from(code: &domain::values::InviteCode) -> Self {
        Self { invite_link: code.link() }
    }
}
