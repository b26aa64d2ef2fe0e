//! What receivers are told, in Sinch's words: callbacks with notifications of type `group_event`.
//!
//! Shapes as in Sinch's WhatsApp documentation of July 2020. Join requests do not exist there, so
//! nothing is told of them.

use std::time::Duration;

use domain::event::{Author, Failed};
use domain::ids::RequestId;
use domain::values::{Timestamp, WaId};
use domain::{Event, Person, Refusal};
use jiff::Timestamp as Moment;
use serde::Serialize;

use super::alias;
use crate::json::ascii_json;
use crate::news::{News, Payload, Topic, What};
use crate::spec::{Format, Proof, Webhooks};

/// Stands around the sentences that people are shown, as in the published sample.
const MARK: char = '\u{200e}';

#[derive(Serialize)]
struct Callback<'a> {
    r#type: &'static str,
    notifications: Vec<Notification<'a>>,
}

#[derive(Serialize)]
struct Notification<'a> {
    /// Who acted, in digits.
    from: &'a str,
    message_id: String,
    message: GroupEvent<'a>,
    /// Whole seconds.
    timestamp: String,
    in_group: &'a str,
    /// The bot.
    to: &'a str,
}

#[derive(Serialize)]
struct GroupEvent<'a> {
    r#type: &'static str,
    event_type: &'static str,
    /// For people.
    body: String,
    /// Whom it happened to, in digits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<String>,
    in_group: &'a str,
}

/// One notification, before it is addressed.
struct Told {
    event_type: &'static str,
    members: Vec<String>,
    /// Reads on after the members, or stands alone.
    sentence: String,
}

/// Seconds before the first retry, and how many there are. Published: five seconds, doubling, the
/// last wait 81,920 s.
const FIRST_SECS: u64 = 5;
const RETRIES: u32 = 15;

/// Sinch's callbacks.
pub static CALLBACKS: Format = Format { name: "sinch", render };

pub(super) const WEBHOOKS: Webhooks = Webhooks {
    format: &CALLBACKS,
    wait_secs: |failed| {
        let doubled = 2_u64.saturating_pow(failed.saturating_sub(1));
        (failed <= RETRIES).then(|| FIRST_SECS.saturating_mul(doubled))
    },
    is_received: |status| matches!(status, 200..=299),
    // Sinch gives up on what it calls permanent errors. We read that as the statuses that blame the
    // request.
    is_refused: |status| matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429),
    // Nothing is published.
    timeout: Duration::from_secs(10),
    proofs: &[Proof::SinchNonce],
    always_signs: false,
    has_handshake: false,
    agents: None,
    url_rules: &[],
};

/// Puts news into Sinch's words: the topic, and the whole body.
fn render(news: &News<'_>) -> Option<Payload> {
    // Sinch's calls answer for themselves; one that fails later is an event.
    let What::Happened(event) = news.what else { return None };
    render_event(&Happened {
        business: news.group.business.as_str(),
        bot_id: news.number.bot_id,
        in_group: &alias(news.group),
        at: news.at,
        request_id: news.request_id,
        event,
    })
}

/// An event, and what a callback says about the group besides.
pub struct Happened<'a> {
    /// The business's number, in digits.
    pub business: &'a str,
    /// The name of the bot that is told.
    pub bot_id: &'a str,
    /// The name of the group in this API.
    pub in_group: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// The call by which it happened.
    pub request_id: &'a RequestId,
    /// What happened.
    pub event: &'a Event,
}

/// The callback that tells of an event, if one does: the topic, and the whole body.
#[must_use]
pub fn render_event(happened: &Happened<'_>) -> Option<Payload> {
    let Happened { business, bot_id, in_group, at, request_id, event } = *happened;
    // The log is searched by the same.
    let from = match event.notice()? {
        Author::Business => business,
        Author::Person(person) => person.spelled(),
    };
    let (topic, told) = tell(business, event)?;
    let timestamp = Moment::from_second(at.as_secs()).map(|moment| moment.to_string());
    let timestamp = timestamp.unwrap_or_default();
    let notifications = told
        .into_iter()
        .enumerate()
        .map(|(index, told)| {
            let body = sentence(&told);
            let Told { event_type, members, .. } = told;
            let r#type = "group_event";
            Notification {
                from,
                message_id: format!("{request_id}{index:02}"),
                message: GroupEvent { r#type, event_type, body, members, in_group },
                timestamp: timestamp.clone(),
                in_group,
                to: bot_id,
            }
        })
        .collect();
    let body = ascii_json(&Callback { r#type: "whatsapp", notifications });
    Some(Payload { topic, body })
}

fn sentence(told: &Told) -> String {
    let members: Vec<String> = told
        .members
        .iter()
        .map(|member| {
            let is_number = member.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { format!("+{member}") } else { member.clone() }
        })
        .collect();
    let blank = if members.is_empty() { "" } else { " " };
    format!("{MARK}{MARK}{}{blank}{}{MARK}", members.join(", "), told.sentence)
}

/// A single notification.
fn told(event_type: &'static str, members: Vec<String>, sentence: impl Into<String>) -> Vec<Told> {
    vec![Told { event_type, members, sentence: sentence.into() }]
}

fn tell(business: &str, event: &Event) -> Option<(Topic, Vec<Told>)> {
    let itself = || vec![business.to_owned()];
    if let Some(told) = moved(event) {
        return Some((Topic::Participants, told));
    }
    Some(match event {
        Event::Created(group) => {
            let sentence = format!("created group \"{}\"", group.subject.as_str());
            (Topic::Lifecycle, told("group_created", itself(), sentence))
        }
        Event::Deleted => {
            (Topic::Lifecycle, told("group_ended", Vec::new(), "The group has ended"))
        }
        Event::BusinessLeft => {
            (Topic::Lifecycle, told("group_user_left", itself(), "left"))
        }
        Event::SettingsChanged { subject, description, picture } => {
            let changed = |event_type, sentence: String| Told {
                event_type,
                members: Vec::new(),
                sentence,
            };
            let subject = subject.as_ref().map(|subject| {
                let sentence = format!("The subject is now \"{}\"", subject.as_str());
                changed("group_subject_changed", sentence)
            });
            let description = description.as_ref().map(|_| {
                changed("group_description_changed", "The description was changed".to_owned())
            });
            let picture = picture
                .as_ref()
                .map(|_| changed("group_icon_changed", "The icon was changed".to_owned()));
            (Topic::Settings, [subject, description, picture].into_iter().flatten().collect())
        }
        // A first link, or one in place of a deleted one, revokes nothing.
        Event::InviteDeleted | Event::InviteReset { replaced: true, .. } => {
            (Topic::Settings, revoked())
        }
        Event::PictureFailed { problem } => {
            let sentence = format!("The icon could not be fetched: {problem}");
            (
                Topic::Settings,
                told("group_error_fetching_photo", Vec::new(), sentence),
            )
        }
        // Told of above.
        Event::ParticipantJoined { .. }
        | Event::ParticipantLeft { .. }
        | Event::JoinRequestsApproved { .. }
        | Event::ParticipantsAdded { .. }
        | Event::ParticipantsRemoved { .. }
        | Event::AdminsPromoted { .. }
        | Event::AdminsDemoted { .. }
        // Not told of.
        | Event::InviteReset { .. }
        | Event::JoinRequested { .. }
        | Event::JoinRequestCancelled(_)
        | Event::JoinRequestsRejected { .. }
        | Event::Suspended
        | Event::Restored => return None,
    })
}

/// People who came, went, or got other rights.
fn moved(event: &Event) -> Option<Vec<Told>> {
    Some(match event {
        Event::ParticipantJoined { person } => {
            let sentence = "joined using this group's invite link";
            told("group_user_joined", all([person]), sentence)
        }
        Event::ParticipantLeft { person } => told("group_user_left", all([person]), "left"),
        Event::JoinRequestsApproved { approved } => {
            let people = all(approved.iter().map(|answered| &answered.person));
            let sentence = counted(&people, "was added", "were added");
            told("group_user_joined", people, sentence)
        }
        Event::ParticipantsAdded { added, failed } => {
            let people = all(added.iter().map(|entry| &entry.target));
            let sentence = counted(&people, "was added", "were added");
            let added = told("group_user_joined", people, sentence);
            let added = added.into_iter().filter(|told| !told.members.is_empty());
            added.chain(not_added(failed)).collect()
        }
        Event::ParticipantsRemoved { removed, failed } => {
            let people = all(removed.iter().map(|entry| &entry.target));
            let strangers = failed.iter().map(written).collect();
            let sentence = counted(&people, "was removed", "were removed");
            let removed = told("group_user_left", people, sentence);
            let sentence = "could not be removed";
            let failed = told("group_error_removing_user", strangers, sentence);
            removed.into_iter().chain(failed).filter(|told| !told.members.is_empty()).collect()
        }
        Event::AdminsPromoted { people } => {
            let people = all(people);
            let sentence = counted(&people, "is now an admin", "are now admins");
            told("group_user_promoted", people, sentence)
        }
        Event::AdminsDemoted { people } => {
            let people = all(people);
            let sentence = counted(&people, "is no longer an admin", "are no longer admins");
            told("group_user_demoted", people, sentence)
        }
        Event::Created(_)
        | Event::SettingsChanged { .. }
        | Event::PictureFailed { .. }
        | Event::InviteReset { .. }
        | Event::InviteDeleted
        | Event::JoinRequested { .. }
        | Event::JoinRequestCancelled(_)
        | Event::JoinRequestsRejected { .. }
        | Event::Suspended
        | Event::Restored
        | Event::Deleted
        | Event::BusinessLeft => return None,
    })
}

/// What is said of one, or of several.
const fn counted(people: &[String], one: &'static str, several: &'static str) -> &'static str {
    if people.len() == 1 { one } else { several }
}

fn revoked() -> Vec<Told> {
    told("group_invite_link_revoked", Vec::new(), "The invite link was revoked")
}

/// Those who could not be added: for want of room, and for any other reason.
fn not_added(failed: &[Failed]) -> Vec<Told> {
    let is_full = |failed: &&Failed| matches!(failed.refusal, Refusal::GroupFull { .. });
    let (full, other): (Vec<_>, Vec<_>) = failed.iter().partition(is_full);
    [(full, "group_error_full_adding_users"), (other, "group_error_adding_users")]
        .into_iter()
        .filter(|(failed, _)| !failed.is_empty())
        .map(|(failed, event_type)| Told {
            event_type,
            members: failed.into_iter().map(written).collect(),
            sentence: "could not be added".to_owned(),
        })
        .collect()
}

fn all<'a>(people: impl IntoIterator<Item = &'a Person>) -> Vec<String> {
    people.into_iter().map(|person| person.spelled().to_owned()).collect()
}

/// Whom the caller meant: digits, where it was a phone number.
fn written(failed: &Failed) -> String {
    let digits = WaId::parse(&failed.input).map(|wa_id| wa_id.to_string());
    digits.unwrap_or_else(|_| failed.input.clone())
}
