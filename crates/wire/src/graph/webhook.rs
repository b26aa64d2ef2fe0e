//! What receivers are told, in Meta's words. 360dialog passes the same payloads on.
//!
//! Shapes as in Meta's "Webhooks for Groups API", with the identity fields of 2026. Where its
//! samples and its tables disagree, `docs/webhooks.md` says what was chosen.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::event::{Answered, Failed};
use domain::ids::JoinRequestId;
use domain::person::Entry;
use domain::values::Picture;
use domain::{Event, Person, Refusal};
use serde::Serialize;

use super::PRODUCT;
use super::code::{ErrorItem, PeopleCall};
use super::person::PersonInfo;
use crate::json::graph_json;
use crate::news::{News, Payload, Settings, Topic, What};
use crate::spec::Format;

/// How a person came in who was let in by the link: the only reason that is published.
const BY_LINK: &str = "invite_link";

#[derive(Serialize)]
struct Envelope<'a> {
    object: &'static str,
    entry: [WabaEntry<'a>; 1],
}

#[derive(Serialize)]
struct WabaEntry<'a> {
    id: &'a str,
    changes: [Change<'a>; 1],
}

#[derive(Serialize)]
struct Change<'a> {
    field: &'static str,
    value: Value<'a>,
}

#[derive(Serialize)]
struct Value<'a> {
    messaging_product: &'static str,
    metadata: Metadata<'a>,
    groups: [GroupNews<'a>; 1],
}

#[derive(Serialize)]
struct Metadata<'a> {
    display_phone_number: &'a str,
    phone_number_id: &'a str,
}

/// One thing that happened to one group. What does not belong to its `type` is missing.
#[derive(Default, Serialize)]
#[serde(default)]
struct GroupNews<'a> {
    /// Unix seconds, as a string.
    timestamp: String,
    group_id: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_approval_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_request_id: Option<&'a str>,
    #[serde(flatten)]
    person: Option<PersonInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiated_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added_participants: Vec<ParticipantNews<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed_participants: Vec<ParticipantNews<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_participants: Vec<FailedNews<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_picture: Option<PictureNews<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_subject: Option<TextNews<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_description: Option<TextNews<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

/// A person who came or went: as the caller had written it, as we know them, or both.
#[derive(Serialize)]
struct ParticipantNews<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(flatten)]
    person: Option<PersonInfo<'a>>,
}

#[derive(Serialize)]
struct FailedNews<'a> {
    input: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

#[derive(Serialize)]
struct PictureNews<'a> {
    mime_type: &'a str,
    /// Of the bytes as they were uploaded, in base64, as Meta's webhooks of media have it.
    sha256: String,
    #[serde(flatten)]
    outcome: SettingOutcome,
}

#[derive(Serialize)]
struct TextNews<'a> {
    text: &'a str,
    #[serde(flatten)]
    outcome: SettingOutcome,
}

#[derive(Clone, Serialize)]
struct SettingOutcome {
    update_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorItem>,
}

/// Meta's envelope, as the two APIs of this family send it.
pub static GRAPH: Format = Format { name: "graph", render };

/// Puts news into Meta's words: the field that they come under, and the whole body.
fn render(news: &News<'_>) -> Option<Payload> {
    let (topic, told) = tell(news)?;
    let News { number, group, at, .. } = news;
    let groups =
        [GroupNews { timestamp: at.as_secs().to_string(), group_id: group.id.as_str(), ..told }];
    let metadata = Metadata {
        display_phone_number: number.display_phone_number,
        phone_number_id: number.phone_number_id,
    };
    let value = Value { messaging_product: PRODUCT, metadata, groups };
    let changes = [Change { field: topic.as_str(), value }];
    let entry = [WabaEntry { id: number.waba_id, changes }];
    let body = graph_json(&Envelope { object: "whatsapp_business_account", entry });
    Some(Payload { topic, body })
}

fn tell<'a>(news: &News<'a>) -> Option<(Topic, GroupNews<'a>)> {
    let request_id = Some(news.request_id.as_str());
    let told = match news.what {
        What::Happened(event) => return happened(news, event),
        What::CreateFailed(refusal) => {
            let told = GroupNews { request_id, errors: vec![refusal.into()], ..created(news) };
            (Topic::Lifecycle, GroupNews { invite_link: None, join_approval_mode: None, ..told })
        }
        What::DeleteFailed(refusal) => {
            let errors = vec![refusal.into()];
            (Topic::Lifecycle, GroupNews { errors, ..deleted(news) })
        }
        What::SettingsFailed { done, failed, refusal } => {
            (Topic::Settings, settings(news, done, failed, Some(refusal)))
        }
    };
    Some(told)
}

fn happened<'a>(news: &News<'a>, event: &'a Event) -> Option<(Topic, GroupNews<'a>)> {
    Some(match event {
        Event::Created(_) => (Topic::Lifecycle, created(news)),
        // To receivers of this family a group that the business left is a group that has ended.
        Event::Deleted | Event::BusinessLeft => (Topic::Lifecycle, deleted(news)),
        Event::ParticipantJoined { person } => {
            (Topic::Participants, added_by_link(vec![known(person)]))
        }
        Event::JoinRequestsApproved { approved } => {
            let people = approved.iter().map(|answered| {
                let input = Some(answered.person.spelled());
                ParticipantNews { input, ..known(&answered.person) }
            });
            (Topic::Participants, added_by_link(people.collect()))
        }
        Event::JoinRequested { request, person } => {
            (Topic::Participants, asked("group_join_request_created", request, person))
        }
        Event::JoinRequestCancelled(Answered { request, person }) => {
            (Topic::Participants, asked("group_join_request_revoked", request, person))
        }
        Event::ParticipantsAdded { added, failed } => {
            let people = added
                .iter()
                .map(|entry| ParticipantNews { input: Some(&entry.input), ..known(&entry.target) });
            let told = GroupNews {
                added_participants: people.collect(),
                ..plain("group_participants_add")
            };
            (
                Topic::Participants,
                by_business(news, told, added.is_empty(), failed, PeopleCall::Add),
            )
        }
        Event::ParticipantsRemoved { removed, failed } => {
            let told = taken_out("business", removed.iter().map(as_written).collect());
            (
                Topic::Participants,
                by_business(news, told, removed.is_empty(), failed, PeopleCall::Remove),
            )
        }
        Event::ParticipantLeft { person } => {
            (Topic::Participants, taken_out("participant", vec![known(person)]))
        }
        Event::SettingsChanged { subject, description, picture } => {
            let (subject, description) = (subject.as_ref(), description.as_ref());
            let done = Settings { subject, description, picture: picture.as_ref() };
            (Topic::Settings, settings(news, done, Settings::default(), None))
        }
        Event::Suspended => (Topic::Status, plain("group_suspend")),
        Event::Restored => (Topic::Status, plain("group_suspend_cleared")),
        // Published: no webhook tells of a rejection, and none is printed for links. Admins are
        // no part of this family.
        // Nor has anybody of this family pointed at a picture.
        Event::JoinRequestsRejected { .. }
        | Event::PictureFailed { .. }
        | Event::InviteReset { .. }
        | Event::InviteDeleted
        | Event::AdminsPromoted { .. }
        | Event::AdminsDemoted { .. } => return None,
    })
}

fn plain<'a>(r#type: &'static str) -> GroupNews<'a> {
    GroupNews { r#type, ..GroupNews::default() }
}

fn created<'a>(news: &News<'a>) -> GroupNews<'a> {
    let group = news.group;
    GroupNews {
        request_id: Some(news.request_id.as_str()),
        subject: Some(group.subject.as_str()),
        // As elsewhere: what is empty is missing.
        description: Some(group.description.as_str()).filter(|text| !text.is_empty()),
        invite_link: group.invite.as_ref().map(domain::values::InviteCode::link),
        join_approval_mode: Some(group.mode.as_str()),
        ..plain("group_create")
    }
}

fn deleted<'a>(news: &News<'a>) -> GroupNews<'a> {
    GroupNews { request_id: Some(news.request_id.as_str()), ..plain("group_delete") }
}

fn added_by_link(added_participants: Vec<ParticipantNews<'_>>) -> GroupNews<'_> {
    GroupNews { reason: Some(BY_LINK), added_participants, ..plain("group_participants_add") }
}

fn taken_out<'a>(
    initiated_by: &'static str,
    removed_participants: Vec<ParticipantNews<'a>>,
) -> GroupNews<'a> {
    let initiated_by = Some(initiated_by);
    GroupNews { initiated_by, removed_participants, ..plain("group_participants_remove") }
}

fn asked<'a>(
    r#type: &'static str,
    request: &'a JoinRequestId,
    person: &'a Person,
) -> GroupNews<'a> {
    let (join_request_id, person) = (Some(request.as_str()), Some(person.into()));
    GroupNews { join_request_id, person, ..plain(r#type) }
}

fn known(person: &Person) -> ParticipantNews<'_> {
    ParticipantNews { input: None, person: Some(person.into()) }
}

fn as_written(entry: &Entry<Person>) -> ParticipantNews<'_> {
    ParticipantNews { input: Some(&entry.input), person: None }
}

/// What the business did to people, with those for whom it failed. In a partial failure each entry
/// says why; in a total one, which prints no reasons per entry, the whole does.
fn by_business<'a>(
    news: &News<'a>,
    told: GroupNews<'a>,
    total: bool,
    failed: &'a [Failed],
    call: PeopleCall,
) -> GroupNews<'a> {
    let why = |failed: &'a Failed| ErrorItem::from(&failed.refusal);
    let failed_participants = failed
        .iter()
        .map(|failed| FailedNews {
            input: &failed.input,
            errors: if total { Vec::new() } else { vec![why(failed)] },
        })
        .collect();
    let errors = match failed {
        [] => Vec::new(),
        some if total => ErrorItem::distinct(some.iter().map(why)),
        some => vec![ErrorItem::partly(call, some.len())],
    };
    let request_id = Some(news.request_id.as_str());
    GroupNews { request_id, failed_participants, errors, ..told }
}

/// One member for each setting that was asked for, whether or not it was changed.
fn settings<'a>(
    news: &News<'a>,
    done: Settings<'a>,
    failed: Settings<'a>,
    refusal: Option<&Refusal>,
) -> GroupNews<'a> {
    let errors: Vec<ErrorItem> = refusal.map(Into::into).into_iter().collect();
    let outcome = |update_successful: bool| SettingOutcome {
        update_successful,
        errors: if update_successful { Vec::new() } else { errors.clone() },
    };
    let text = |done: Option<&'a str>, failed: Option<&'a str>| {
        let text = done.or(failed)?;
        Some(TextNews { text, outcome: outcome(done.is_some()) })
    };
    let picture = done.picture.or(failed.picture).map(|picture: &Picture| PictureNews {
        mime_type: &picture.mime_type,
        sha256: BASE64.encode(picture.sha256),
        outcome: outcome(done.picture.is_some()),
    });
    GroupNews {
        request_id: Some(news.request_id.as_str()),
        profile_picture: picture,
        group_subject: text(
            done.subject.map(domain::values::Subject::as_str),
            failed.subject.map(domain::values::Subject::as_str),
        ),
        group_description: text(
            done.description.map(domain::values::Description::as_str),
            failed.description.map(domain::values::Description::as_str),
        ),
        errors,
        ..plain("group_settings_update")
    }
}
