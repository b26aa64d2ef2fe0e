//! `/v1/events`: what happened, in order.

use axum::Json;
use axum::extract::State;
use domain::event::{Answered, Failed};
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use domain::values::{Picture, Subject, WaId};
use domain::{Event, Person};
use serde::Serialize;
use utoipa::ToSchema;
use wire::problem::{Problem, parse};

use super::auth::Operator;
use super::error::{Error, ErrorBody};
use super::{Listed, Query, given, listed, rfc3339, subscription_id};
use crate::app::App;
use crate::directory::{Actor, SubscriptionEvent};
use crate::kit::paging::Address;
use crate::kit::params::PageParams;
use crate::store::outbox::{LogFilter, Logged, LoggedEvent};

/// Something that happened to a group or to a subscription. What does not belong to its `kind` is
/// missing.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct EventInfo {
    account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<String>,
    /// The group's version that this made.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// The call that brought it about, as its answer had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<String>,
    at: String,
    /// Who brought it about. Missing for events that an older version of the server has
    /// recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<ActorInfo>,
    /// What.
    #[schema(example = "join_requests_approved")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_approval_mode: Option<&'static str>,
    /// SHA-256 of the picture, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_link: Option<String>,
    /// Whom it happened to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<EventPerson>,
    /// For whom it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<FailedEntry>,
    /// Why a receiver was switched off, or why a picture could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Who brought an event about. What does not belong to the `kind` is missing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActorInfo {
    /// `key`: the holder of a key; `app`: the holder of the token of the account's app; `operator`:
    /// the operator; `person`: a person in WhatsApp; `whatsapp`: WhatsApp itself; `timer`: the
    /// server, because a lease has ended or a receiver has failed for too long.
    #[schema(example = "key")]
    kind: &'static str,
    /// The id of the key, never its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "key_4fQzT1xW9bLmR7aK")]
    key_id: Option<String>,
    /// The phone number of the person, whether or not businesses see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "16505551234")]
    wa_id: Option<String>,
}

impl From<Actor> for ActorInfo {
    fn from(actor: Actor) -> Self {
        let kind = actor.kind();
        let (key_id, wa_id) = match actor {
            Actor::Key { id } => (Some(id), None),
            Actor::Person(wa_id) => (None, Some(wa_id.to_string())),
            Actor::App { .. } | Actor::Operator | Actor::WhatsApp | Actor::Timer => (None, None),
        };
        Self { kind, key_id, wa_id }
    }
}

/// Somebody in an event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventPerson {
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<String>,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_request_id: Option<String>,
    /// As the caller had written it.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

/// An entry of a call that came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailedEntry {
    /// As the caller had written it.
    input: String,
    /// Why.
    reason: String,
}

impl From<&Person> for EventPerson {
    fn from(person: &Person) -> Self {
        Self {
            wa_id: person.wa_id().map(WaId::to_string),
            user_id: person.user_id.to_string(),
            username: person.username.clone(),
            join_request_id: None,
            input: None,
        }
    }
}

impl From<&Answered> for EventPerson {
    fn from(answered: &Answered) -> Self {
        let join_request_id = Some(answered.request.to_string());
        Self { join_request_id, ..(&answered.person).into() }
    }
}

impl From<&domain::person::Entry<Person>> for EventPerson {
    fn from(entry: &domain::person::Entry<Person>) -> Self {
        Self { input: Some(entry.input.clone()), ..(&entry.target).into() }
    }
}

impl From<&Failed> for FailedEntry {
    fn from(failed: &Failed) -> Self {
        Self { input: failed.input.clone(), reason: failed.refusal.to_string() }
    }
}

fn all<'a, T: 'a>(people: &'a [T]) -> Vec<EventPerson>
where
    EventPerson: From<&'a T>,
{
    people.iter().map(EventPerson::from).collect()
}

impl From<&Event> for EventInfo {
    fn from(event: &Event) -> Self {
        let none = Self { kind: event.kind(), ..Self::default() };
        match event {
            Event::Created(group) => Self {
                subject: Some(group.subject.as_str().to_owned()),
                description: Some(group.description.as_str().to_owned())
                    .filter(|text| !text.is_empty()),
                join_approval_mode: Some(group.mode.as_str()),
                invite_link: Some(group.invite.link()),
                ..none
            },
            Event::SettingsChanged { subject, description, picture } => Self {
                subject: subject.as_ref().map(Subject::as_str).map(str::to_owned),
                description: description.as_ref().map(|text| text.as_str().to_owned()),
                picture_sha256: picture
                    .as_ref()
                    .map(|picture: &Picture| crate::hex(&picture.sha256)),
                ..none
            },
            Event::PictureFailed { problem } => Self { reason: Some(problem.clone()), ..none },
            Event::InviteReset { code, .. } => Self { invite_link: Some(code.link()), ..none },
            Event::ParticipantJoined { person } | Event::ParticipantLeft { person } => {
                Self { people: vec![person.into()], ..none }
            }
            Event::JoinRequested { request, person } => {
                let join_request_id = Some(request.to_string());
                Self { people: vec![EventPerson { join_request_id, ..person.into() }], ..none }
            }
            Event::JoinRequestCancelled(answered) => Self { people: vec![answered.into()], ..none },
            Event::JoinRequestsApproved { approved: answered }
            | Event::JoinRequestsRejected { rejected: answered } => {
                Self { people: all(answered), ..none }
            }
            Event::ParticipantsAdded { added: people, failed }
            | Event::ParticipantsRemoved { removed: people, failed } => Self {
                people: all(people),
                failed: failed.iter().map(Into::into).collect(),
                ..none
            },
            Event::AdminsPromoted { people } | Event::AdminsDemoted { people } => {
                Self { people: all(people), ..none }
            }
            Event::InviteDeleted
            | Event::Suspended
            | Event::Restored
            | Event::Deleted
            | Event::BusinessLeft => none,
        }
    }
}

impl From<Logged> for EventInfo {
    fn from(logged: Logged) -> Self {
        let Logged { account, number, at, actor, what } = logged;
        let told = match what {
            LoggedEvent::Group(group, recorded) => Self {
                group_id: Some(group.to_string()),
                version: Some(recorded.version),
                request_id: Some(recorded.request_id.to_string()),
                ..Self::from(&recorded.event)
            },
            LoggedEvent::Subscription(subscription, event) => Self {
                subscription_id: Some(subscription.to_string()),
                kind: event.kind(),
                reason: match event {
                    SubscriptionEvent::SwitchedOff { reason } => Some(reason),
                    SubscriptionEvent::Added
                    | SubscriptionEvent::Changed
                    | SubscriptionEvent::SecretRotated
                    | SubscriptionEvent::Paused
                    | SubscriptionEvent::Resumed
                    | SubscriptionEvent::Removed => None,
                },
                ..Self::default()
            },
        };
        Self {
            account_id: account.to_string(),
            phone_number_id: number.map(|number| number.to_string()),
            at: rfc3339(at),
            actor: actor.map(Into::into),
            ..told
        }
    }
}

/// Lists what happened to groups and subscriptions, oldest first: of a group, a number, an account
/// or a subscription, or of all.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "list-events",
    params(
        ("group_id" = Option<String>, Query, description = "Only this group's"),
        ("phone_number_id" = Option<String>, Query, description = "Only this number's"),
        ("account_id" = Option<String>, Query, description = "Only this account's"),
        ("subscription_id" = Option<String>, Query, description = "Only this subscription's"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of events", body = Listed<EventInfo>),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "The admin token is missing or wrong", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    _: Operator,
    query: Query,
    address: Address,
) -> Result<Json<Listed<EventInfo>>, Error> {
    let group = given(&query, "group_id", |text| parse("group_id", text, GroupId::parse))?;
    let number = given(&query, "phone_number_id", |text| {
        parse("phone_number_id", text, PhoneNumberId::parse)
    })?;
    let account = given(&query, "account_id", |text| parse("account_id", text, AccountId::parse))?;
    let subscription = given(&query, "subscription_id", subscription_id)?;
    let mut filters = [
        group.map(|group| ("group_id", LogFilter::Group(group))),
        number.map(|number| ("phone_number_id", LogFilter::Number(number))),
        account.map(|account| ("account_id", LogFilter::Account(account))),
        subscription.map(|subscription| ("subscription_id", LogFilter::Subscription(subscription))),
    ]
    .into_iter()
    .flatten();
    let first = filters.next();
    if let (Some((first, _)), Some((second, _))) = (&first, filters.next()) {
        let detail = format!("cannot be combined with {first}");
        return Err(Problem::field(second, detail).into());
    }
    let filter = first.map_or(LogFilter::Everything, |(_, filter)| filter);
    listed("events", &query, &address, async |page| Ok(app.log.log(&filter, page).await?)).await
}
