//! What callers get.

use domain::event::{Answered, Failed};
use domain::group::{JoinRequest, Participant};
use domain::values::InviteCode;
use domain::{Event, GroupState, GroupSummary, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use super::PRODUCT;
use super::code::ErrorItem;
use super::fields::{Fields, Inside, Known};
use super::person::{Names, PersonInfo};
use crate::answers::Effect;
use crate::paging::Paging;

/// The change is made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success {
    /// Not published: only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_product: Option<&'static str>,
    /// Always true. Participants for whom the call failed are in the webhook.
    success: bool,
    /// The call's id, repeated in the webhook. Not published: only for numbers whose `answers` are
    /// `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl From<Effect<'_>> for Success {
    fn from(effect: Effect<'_>) -> Self {
        let Effect { answers, request_id, .. } = effect;
        Self {
            messaging_product: answers.besides(PRODUCT),
            success: true,
            request_id: answers.besides(request_id.to_string()),
        }
    }
}

/// An invite link.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteLink {
    messaging_product: &'static str,
    /// The id of the call that made the link. Not published: only for numbers whose `answers` are
    /// `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Always begins with `https://chat.whatsapp.com/`.
    #[schema(example = "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv")]
    invite_link: String,
}

impl From<&InviteCode> for InviteLink {
    fn from(code: &InviteCode) -> Self {
        Self { messaging_product: PRODUCT, request_id: None, invite_link: code.link() }
    }
}

impl TryFrom<Effect<'_>> for InviteLink {
    type Error = Refusal;

    /// The link that the call brought about, even if it was replaced since; else the present one.
    fn try_from(effect: Effect<'_>) -> Result<Self, Refusal> {
        if let Some(Event::InviteReset { code, .. }) = effect.event {
            let request_id = effect.answers.besides(effect.request_id.to_string());
            return Ok(Self { request_id, ..code.into() });
        }
        let present = effect.group.invite.as_ref();
        Ok(present.ok_or(Refusal::InviteLinkDead)?.into())
    }
}

/// A page of groups. `S` is how seconds are written: the vendors differ in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupPage<S: ToSchema> {
    data: GroupPageData<S>,
    paging: Paging,
}

/// The groups of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupPageData<S: ToSchema> {
    /// Newest first.
    groups: Vec<GroupEntry<S>>,
}

/// A group in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupEntry<S: ToSchema> {
    id: String,
    subject: String,
    /// Unix seconds.
    created_at: S,
}

impl<S: ToSchema> GroupPage<S> {
    /// Renders a page.
    #[must_use]
    pub fn new(
        groups: impl IntoIterator<Item = GroupSummary>,
        paging: Paging,
        seconds: impl Fn(i64) -> S,
    ) -> Self {
        let groups = groups
            .into_iter()
            .map(|group| GroupEntry {
                id: group.id.to_string(),
                subject: group.subject.as_str().to_owned(),
                created_at: seconds(group.created_at.as_secs()),
            })
            .collect();
        Self { data: GroupPageData { groups }, paging }
    }
}

/// The fields of a participant that a caller can select.
const PARTICIPANT_FIELDS: &[Known] = &[
    Known::value("wa_id"),
    Known::value("user_id"),
    Known::value("parent_user_id"),
    Known::value("username"),
];

/// The fields of a group that a caller can select.
pub const GROUP_FIELDS: &[Known] = &[
    Known::value("messaging_product"),
    Known::value("id"),
    Known::value("subject"),
    Known::value("description"),
    Known::value("join_approval_mode"),
    Known::value("suspended"),
    Known::value("creation_timestamp"),
    Known { name: "participants", inside: Inside::List(PARTICIPANT_FIELDS) },
    Known::value("total_participant_count"),
];

/// What is known of a group, as far as it was asked for.
// Borrows from the group: this is the answer that is given most.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupInfo<'a> {
    messaging_product: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    /// Missing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<bool>,
    /// The business not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_participant_count: Option<usize>,
    /// The business not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    participants: Option<Vec<PersonInfo<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_approval_mode: Option<&'static str>,
}

impl<'a> GroupInfo<'a> {
    /// Renders the chosen fields.
    #[must_use]
    pub fn new(group: &'a GroupState, fields: &Fields, names: Names) -> Self {
        let chosen = |name| fields.has(name);
        let description = group.description.as_str();
        let person = |participant: &'a Participant| PersonInfo::new(&participant.person, names);
        Self {
            messaging_product: PRODUCT,
            id: group.id.as_str(),
            subject: chosen("subject").then(|| group.subject.as_str()),
            description: Some(description).filter(|text| chosen("description") && !text.is_empty()),
            creation_timestamp: chosen("creation_timestamp").then(|| group.created_at.as_secs()),
            suspended: chosen("suspended").then_some(group.status == domain::Status::Suspended),
            total_participant_count: chosen("total_participant_count")
                .then_some(group.participants.len()),
            participants: chosen("participants")
                .then(|| group.participants.iter().map(person).collect()),
            join_approval_mode: chosen("join_approval_mode").then(|| group.mode.as_str()),
        }
    }
}

/// A page of open join requests.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestPage<'a> {
    /// Oldest first.
    data: Vec<JoinRequestInfo<'a>>,
    paging: Paging,
}

/// An open join request.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestInfo<'a> {
    join_request_id: &'a str,
    #[serde(flatten)]
    person: PersonInfo<'a>,
    /// Unix seconds.
    creation_timestamp: i64,
}

impl<'a> JoinRequestPage<'a> {
    /// Renders a page.
    #[must_use]
    pub fn new(requests: Vec<(u64, &'a JoinRequest)>, paging: Paging, names: Names) -> Self {
        let data = requests
            .into_iter()
            .map(|(_, request)| JoinRequestInfo {
                join_request_id: request.id.as_str(),
                person: PersonInfo::new(&request.person, names),
                creation_timestamp: request.created_at.as_secs(),
            })
            .collect();
        Self { data, paging }
    }
}

/// What became of the join requests that were named.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestsAnswered {
    messaging_product: &'static str,
    /// The call's id. Not published: only for numbers whose `answers` are `superset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Ids of those let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_join_requests: Option<Vec<String>>,
    /// Ids of those turned away.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_join_requests: Option<Vec<String>>,
    /// Those that came to nothing; only there if some did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_join_requests: Vec<FailedJoinRequest>,
    /// Why, once for each reason; only there if some came to nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

/// A join request that came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailedJoinRequest {
    join_request_id: String,
    errors: Vec<ErrorItem>,
}

impl JoinRequestsAnswered {
    /// Those let in, and those that came to nothing.
    #[must_use]
    pub fn approved(effect: Effect<'_>) -> Self {
        Self { approved_join_requests: Some(answered(effect)), ..Self::failed(effect) }
    }

    /// Those turned away, and those that came to nothing.
    #[must_use]
    pub fn rejected(effect: Effect<'_>) -> Self {
        Self { rejected_join_requests: Some(answered(effect)), ..Self::failed(effect) }
    }

    fn failed(effect: Effect<'_>) -> Self {
        let why = |failed: &Failed| ErrorItem::from(&failed.refusal);
        let failed_join_requests = effect
            .refused
            .iter()
            .map(|failed| FailedJoinRequest {
                join_request_id: failed.input.clone(),
                errors: vec![why(failed)],
            })
            .collect();
        let errors = ErrorItem::distinct(effect.refused.iter().map(why));
        Self {
            messaging_product: PRODUCT,
            request_id: effect.answers.besides(effect.request_id.to_string()),
            approved_join_requests: None,
            rejected_join_requests: None,
            failed_join_requests,
            errors,
        }
    }
}

/// The requests that a call answered.
fn answered(effect: Effect<'_>) -> Vec<String> {
    let answered: &[Answered] = match effect.event {
        Some(Event::JoinRequestsApproved { approved }) => approved,
        Some(Event::JoinRequestsRejected { rejected }) => rejected,
        _ => &[],
    };
    answered.iter().map(|answered| answered.request.to_string()).collect()
}
