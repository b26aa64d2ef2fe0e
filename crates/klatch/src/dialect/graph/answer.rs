//! What callers get.

use axum::http::StatusCode;
use domain::event::{Answered, Failed};
use domain::group::{JoinRequest, Participant};
use domain::values::InviteCode;
use domain::{Event, GroupState, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use super::PRODUCT;
use super::ask::Fields;
use super::code::{ErrorItem, PeopleCall};
use super::person::PersonInfo;
use crate::app::{GroupSummary, Outcome};
use crate::http::paging::Paging;

/// A new group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    messaging_product: &'static str,
    /// The group's id.
    id: String,
    /// The call's id, repeated in the webhook.
    request_id: String,
}

impl From<&Outcome> for Created {
    fn from(outcome: &Outcome) -> Self {
        Self {
            messaging_product: PRODUCT,
            id: outcome.stored.group.state().id.to_string(),
            request_id: outcome.request_id.to_string(),
        }
    }
}

/// Done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success {
    messaging_product: &'static str,
    /// Always true: the call was taken. For whom it came to nothing is told besides, or by webhook.
    success: bool,
    /// The call's id, repeated in the webhook.
    request_id: String,
}

impl From<&Outcome> for Success {
    fn from(outcome: &Outcome) -> Self {
        let request_id = outcome.request_id.to_string();
        Self { messaging_product: PRODUCT, success: true, request_id }
    }
}

/// An invite link.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteLink {
    messaging_product: &'static str,
    /// The call's id, where it made the link.
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

impl TryFrom<&Outcome> for InviteLink {
    type Error = Refusal;

    /// The link that the call brought about, even if it was replaced since; else the present one.
    fn try_from(outcome: &Outcome) -> Result<Self, Refusal> {
        if let Some(Event::InviteReset { code, .. }) = &outcome.event {
            let request_id = Some(outcome.request_id.to_string());
            return Ok(Self { request_id, ..code.into() });
        }
        let present = outcome.stored.group.state().invite.as_ref();
        Ok(present.ok_or(Refusal::InviteLinkDead)?.into())
    }
}

/// There is no invite link any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkDeleted {
    messaging_product: &'static str,
    /// `true`, as text. So published, here and nowhere else.
    #[schema(example = "true")]
    success: &'static str,
    /// The call's id.
    request_id: String,
}

impl From<&Outcome> for LinkDeleted {
    fn from(outcome: &Outcome) -> Self {
        let request_id = outcome.request_id.to_string();
        Self { messaging_product: PRODUCT, success: "true", request_id }
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
        groups: Vec<(u64, GroupSummary)>,
        paging: Paging,
        seconds: impl Fn(i64) -> S,
    ) -> Self {
        let groups = groups
            .into_iter()
            .map(|(_, group)| GroupEntry {
                id: group.id.to_string(),
                subject: group.subject.as_str().to_owned(),
                created_at: seconds(group.created_at.as_secs()),
            })
            .collect();
        Self { data: GroupPageData { groups }, paging }
    }
}

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
    pub fn new(group: &'a GroupState, fields: &Fields) -> Self {
        let chosen = |name| fields.has(name);
        let description = group.description.as_str();
        let person = |participant: &'a Participant| PersonInfo::from(&participant.person);
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
    pub fn new(requests: Vec<(u64, &'a JoinRequest)>, paging: Paging) -> Self {
        let data = requests
            .into_iter()
            .map(|(_, request)| JoinRequestInfo {
                join_request_id: request.id.as_str(),
                person: (&request.person).into(),
                creation_timestamp: request.created_at.as_secs(),
            })
            .collect();
        Self { data, paging }
    }
}

/// What became of the participants that were named: 206 where it is not the same for all.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParticipantsAnswered {
    #[serde(flatten)]
    taken: Success,
    /// Those that came to nothing; only there if some did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_participants: Vec<FailedParticipant>,
    /// Why: 131201 where it went well for others; only there if some came to nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

/// A participant for whom the call came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailedParticipant {
    /// As the caller had written it.
    input: String,
    errors: Vec<ErrorItem>,
}

impl ParticipantsAnswered {
    /// Status and body.
    #[must_use]
    pub fn new(call: PeopleCall, outcome: &Outcome) -> (StatusCode, Self) {
        let done = match &outcome.event {
            Some(Event::ParticipantsAdded { added, .. }) => added.len(),
            Some(Event::ParticipantsRemoved { removed, .. }) => removed.len(),
            _ => 0,
        };
        let why = |failed: &Failed| ErrorItem::from(&failed.refusal);
        let failed = &outcome.refused;
        let (status, errors) = match (done, failed.len()) {
            (_, 0) => (StatusCode::OK, Vec::new()),
            (0, _) => (StatusCode::OK, ErrorItem::distinct(failed.iter().map(why))),
            (_, some) => (StatusCode::PARTIAL_CONTENT, vec![ErrorItem::partly(call, some)]),
        };
        let failed_participants = failed
            .iter()
            .map(|failed| FailedParticipant {
                input: failed.input.clone(),
                errors: vec![why(failed)],
            })
            .collect();
        (status, Self { taken: outcome.into(), failed_participants, errors })
    }
}

/// What became of the join requests that were named.
#[derive(Debug, Serialize, ToSchema)]
pub struct JoinRequestsAnswered {
    messaging_product: &'static str,
    /// The call's id. The webhook of an approval has none, and a rejection has no webhook.
    request_id: String,
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
    pub fn approved(outcome: &Outcome) -> Self {
        Self { approved_join_requests: Some(answered(outcome)), ..Self::failed(outcome) }
    }

    /// Those turned away, and those that came to nothing.
    #[must_use]
    pub fn rejected(outcome: &Outcome) -> Self {
        Self { rejected_join_requests: Some(answered(outcome)), ..Self::failed(outcome) }
    }

    fn failed(outcome: &Outcome) -> Self {
        let why = |failed: &Failed| ErrorItem::from(&failed.refusal);
        let failed_join_requests = outcome
            .refused
            .iter()
            .map(|failed| FailedJoinRequest {
                join_request_id: failed.input.clone(),
                errors: vec![why(failed)],
            })
            .collect();
        let errors = ErrorItem::distinct(outcome.refused.iter().map(why));
        Self {
            messaging_product: PRODUCT,
            request_id: outcome.request_id.to_string(),
            approved_join_requests: None,
            rejected_join_requests: None,
            failed_join_requests,
            errors,
        }
    }
}

/// The requests that a call answered.
fn answered(outcome: &Outcome) -> Vec<String> {
    let answered: &[Answered] = match &outcome.event {
        Some(Event::JoinRequestsApproved { approved }) => approved,
        Some(Event::JoinRequestsRejected { rejected }) => rejected,
        _ => &[],
    };
    answered.iter().map(|answered| answered.request.to_string()).collect()
}
