//! How groups and events are written down: serializable twins of the domain's types, both ways.
//!
//! The words are ours and for ever: a field may be added with a default, none may be renamed.

mod actor;
pub(super) mod subscription;

use std::borrow::Cow;

use domain::event::{Answered, Failed};
use domain::group::{JoinRequest, Participant};
use domain::ids::{GroupId, GroupSerial, JoinRequestId, PhoneNumberId, UserId};
use domain::person::Entry;
use domain::refusal::List;
use domain::values::{
    BusinessNumber, Description, InviteCode, JoinApprovalMode, Picture, Problem, Subject,
    Timestamp, WaId,
};
use domain::{CreateGroup, Event, GroupState, Person, Refusal, Status};
use serde::{Deserialize, Serialize};

pub(super) use self::actor::{read_actor, write_actor};
use crate::serde_text::without_values;

type Text<'a> = Cow<'a, str>;

/// What is wrong with a row, in words.
pub(super) type Damage = String;

/// The part of a group that has no column of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct StateRow<'a> {
    serial: u64,
    #[serde(borrow)]
    business: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    description: Text<'a>,
    #[serde(borrow)]
    mode: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    picture: Option<PictureRow<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    participants: Vec<ParticipantRow<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    requests: Vec<RequestRow<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<PersonRow<'a>>,
}

#[derive(Serialize, Deserialize)]
struct PictureRow<'a> {
    #[serde(borrow)]
    sha256: Text<'a>,
    #[serde(borrow)]
    mime_type: Text<'a>,
}

#[derive(Serialize, Deserialize)]
struct PersonRow<'a> {
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wa_id: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_user_id: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hides_phone: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    terms_missing: bool,
}

#[derive(Serialize, Deserialize)]
struct ParticipantRow<'a> {
    #[serde(borrow)]
    person: PersonRow<'a>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    admin: bool,
    joined_at: i64,
}

#[derive(Serialize, Deserialize)]
struct RequestRow<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    person: PersonRow<'a>,
    created_at: i64,
    opened_in: u64,
}

#[derive(Serialize, Deserialize)]
struct EntryRow<'a> {
    #[serde(borrow)]
    input: Text<'a>,
    #[serde(borrow)]
    person: PersonRow<'a>,
}

#[derive(Serialize, Deserialize)]
struct AnsweredRow<'a> {
    #[serde(borrow)]
    request: Text<'a>,
    #[serde(borrow)]
    person: PersonRow<'a>,
}

#[derive(Serialize, Deserialize)]
struct FailedRow<'a> {
    #[serde(borrow)]
    input: Text<'a>,
    #[serde(with = "RefusalRow")]
    refusal: Refusal,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "List", rename_all = "snake_case")]
enum ListRow {
    JoinRequests,
    People,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Refusal", rename_all = "snake_case")]
enum RefusalRow {
    GroupUnknown,
    GroupSuspended,
    GroupFull {
        limit: u32,
    },
    GroupLimitReached {
        limit: u32,
    },
    NumberNotEligible,
    NumberNotRegistered,
    CreationDisabled,
    TooManyOperations {
        limit: u32,
        retry_after_secs: u32,
    },
    InviteLinkDead,
    RemovedByBusiness,
    AlreadyParticipant,
    NotParticipant,
    TermsNotAccepted,
    JoinRequestUnknown,
    TooManyJoinRequests {
        limit: usize,
    },
    DuplicateEntry {
        #[serde(with = "ListRow")]
        list: List,
        input: String,
        first: usize,
        second: usize,
    },
    BusinessNamed,
    NothingToChange,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum EventRow<'a> {
    Created {
        id: Text<'a>,
        serial: u64,
        number: Text<'a>,
        business: Text<'a>,
        alias_second: i64,
        subject: Text<'a>,
        #[serde(default, skip_serializing_if = "str::is_empty")]
        description: Text<'a>,
        mode: Text<'a>,
        invite: Text<'a>,
    },
    SettingsChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Text<'a>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<Text<'a>>,
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        picture: Option<PictureRow<'a>>,
    },
    PictureFailed {
        problem: Text<'a>,
    },
    InviteReset {
        code: Text<'a>,
        /// Not written where an older link died of it: so were most in the beginning.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        first: bool,
    },
    InviteDeleted,
    ParticipantJoined {
        #[serde(borrow)]
        person: PersonRow<'a>,
    },
    JoinRequested {
        request: Text<'a>,
        #[serde(borrow)]
        person: PersonRow<'a>,
    },
    JoinRequestCancelled {
        request: Text<'a>,
        #[serde(borrow)]
        person: PersonRow<'a>,
    },
    JoinRequestsApproved {
        #[serde(borrow)]
        approved: Vec<AnsweredRow<'a>>,
    },
    JoinRequestsRejected {
        #[serde(borrow)]
        rejected: Vec<AnsweredRow<'a>>,
    },
    ParticipantsAdded {
        #[serde(borrow)]
        added: Vec<EntryRow<'a>>,
        #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<FailedRow<'a>>,
    },
    ParticipantsRemoved {
        #[serde(borrow)]
        removed: Vec<EntryRow<'a>>,
        #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<FailedRow<'a>>,
    },
    ParticipantLeft {
        #[serde(borrow)]
        person: PersonRow<'a>,
    },
    AdminsPromoted {
        #[serde(borrow)]
        people: Vec<PersonRow<'a>>,
    },
    AdminsDemoted {
        #[serde(borrow)]
        people: Vec<PersonRow<'a>>,
    },
    Suspended,
    Restored,
    Deleted,
    BusinessLeft,
}

/// The columns of a group beside its state.
pub(super) struct GroupColumns<'a> {
    pub(super) id: &'a GroupId,
    pub(super) number: &'a str,
    pub(super) alias_second: i64,
    pub(super) version: u64,
    pub(super) status: &'a str,
    pub(super) subject: &'a str,
    pub(super) created_at: i64,
    pub(super) invite_code: Option<&'a str>,
}

/// The word for a status.
pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Suspended => "suspended",
        Status::Deleted => "deleted",
        Status::Left => "left",
    }
}

/// Writes the state of a group.
pub(super) fn write_state(state: &GroupState) -> String {
    write(&StateRow {
        serial: state.serial.get(),
        business: state.business.as_str().into(),
        description: state.description.as_str().into(),
        mode: state.mode.as_str().into(),
        picture: state.picture.as_ref().map(PictureRow::from),
        participants: state.participants.iter().map(ParticipantRow::from).collect(),
        requests: state.requests.iter().map(RequestRow::from).collect(),
        removed: state.removed.iter().map(PersonRow::from).collect(),
    })
}

/// Reads a group back.
pub(super) fn read_state(columns: &GroupColumns<'_>, state: &str) -> Result<GroupState, Damage> {
    let row: StateRow<'_> = read(state)?;
    Ok(GroupState {
        version: columns.version,
        id: columns.id.clone(),
        serial: serial(row.serial)?,
        number: parse(PhoneNumberId::parse, columns.number)?,
        business: parse(BusinessNumber::parse, &row.business)?,
        alias_second: columns.alias_second,
        subject: parse(Subject::restore, columns.subject)?,
        description: parse(Description::parse, &row.description)?,
        mode: parse(JoinApprovalMode::parse, &row.mode)?,
        picture: row.picture.map(TryInto::try_into).transpose()?,
        invite: maybe(InviteCode::parse, columns.invite_code)?,
        participants: read_all(row.participants)?,
        requests: read_all(row.requests)?,
        removed: read_all(row.removed)?,
        status: match columns.status {
            "active" => Status::Active,
            "suspended" => Status::Suspended,
            "deleted" => Status::Deleted,
            "left" => Status::Left,
            other => return Err(format!("unknown status {other}")),
        },
        created_at: Timestamp::from_millis(columns.created_at),
    })
}

/// Writes an event.
pub(super) fn write_event(event: &Event) -> String {
    write(&EventRow::from(event))
}

/// Reads an event back.
pub(super) fn read_event(text: &str) -> Result<Event, Damage> {
    let row: EventRow<'_> = read(text)?;
    row.try_into()
}

/// Writes the entries that came to nothing.
pub(super) fn write_failed(failed: &[Failed]) -> String {
    write(&failed.iter().map(FailedRow::from).collect::<Vec<_>>())
}

/// Reads them back.
pub(super) fn read_failed(text: &str) -> Result<Vec<Failed>, Damage> {
    let rows: Vec<FailedRow<'_>> = read(text)?;
    Ok(rows.into_iter().map(Failed::from).collect())
}

#[expect(clippy::expect_used, reason = "structs of strings and numbers always serialize")]
fn write<T: Serialize>(row: &T) -> String {
    serde_json::to_string(row).expect("a row is made of strings and numbers")
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Damage> {
    serde_json::from_str(text).map_err(|error| without_values(&error.to_string()))
}

/// Parses a column or field, naming what is wrong with it.
pub(super) fn parse<T>(f: impl Fn(&str) -> Result<T, Problem>, text: &str) -> Result<T, Damage> {
    f(text).map_err(|problem| format!("{text:?} {problem}"))
}

fn maybe<T>(
    f: impl Fn(&str) -> Result<T, Problem>,
    text: Option<&str>,
) -> Result<Option<T>, Damage> {
    text.map(|text| parse(f, text)).transpose()
}

fn read_all<R, T: TryFrom<R, Error = Damage>>(rows: Vec<R>) -> Result<Vec<T>, Damage> {
    rows.into_iter().map(T::try_from).collect()
}

fn serial(number: u64) -> Result<GroupSerial, Damage> {
    GroupSerial::new(number).ok_or_else(|| format!("{number} is not a group serial"))
}

// The twins, one pair after the other: from the domain for writing, back for reading. Orphan rules
// forbid `TryFrom` for foreign types, so each pair goes through a local type on one side.

impl<'a> From<&'a Picture> for PictureRow<'a> {
    fn from(picture: &'a Picture) -> Self {
        Self {
            sha256: crate::hex(&picture.sha256).into(),
            mime_type: picture.mime_type.as_str().into(),
        }
    }
}

impl TryFrom<PictureRow<'_>> for Picture {
    type Error = Damage;
    fn try_from(row: PictureRow<'_>) -> Result<Self, Damage> {
        let sha256 = crate::unhex(&row.sha256)
            .ok_or_else(|| format!("{:?} is not a SHA-256 in hex", row.sha256))?;
        Ok(Self { sha256, mime_type: row.mime_type.into_owned() })
    }
}

impl<'a> From<&'a Person> for PersonRow<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            user_id: person.user_id.as_str().into(),
            wa_id: person.phone.as_ref().map(|phone| phone.as_str().into()),
            parent_user_id: person.parent_user_id.as_ref().map(|id| id.as_str().into()),
            username: person.username.as_deref().map(Into::into),
            hides_phone: person.hides_phone,
            terms_missing: !person.terms_accepted,
        }
    }
}

impl TryFrom<PersonRow<'_>> for Person {
    type Error = Damage;
    fn try_from(row: PersonRow<'_>) -> Result<Self, Damage> {
        Ok(Self {
            user_id: parse(UserId::parse, &row.user_id)?,
            phone: maybe(WaId::parse, row.wa_id.as_deref())?,
            hides_phone: row.hides_phone,
            terms_accepted: !row.terms_missing,
            parent_user_id: maybe(UserId::parse, row.parent_user_id.as_deref())?,
            username: row.username.map(Cow::into_owned),
        })
    }
}

impl<'a> From<&'a Participant> for ParticipantRow<'a> {
    fn from(participant: &'a Participant) -> Self {
        Self {
            person: (&participant.person).into(),
            admin: participant.admin,
            joined_at: participant.joined_at.as_millis(),
        }
    }
}

impl TryFrom<ParticipantRow<'_>> for Participant {
    type Error = Damage;
    fn try_from(row: ParticipantRow<'_>) -> Result<Self, Damage> {
        Ok(Self {
            person: row.person.try_into()?,
            admin: row.admin,
            joined_at: Timestamp::from_millis(row.joined_at),
        })
    }
}

impl<'a> From<&'a JoinRequest> for RequestRow<'a> {
    fn from(request: &'a JoinRequest) -> Self {
        Self {
            id: request.id.as_str().into(),
            person: (&request.person).into(),
            created_at: request.created_at.as_millis(),
            opened_in: request.opened_in,
        }
    }
}

impl TryFrom<RequestRow<'_>> for JoinRequest {
    type Error = Damage;
    fn try_from(row: RequestRow<'_>) -> Result<Self, Damage> {
        Ok(Self {
            id: parse(JoinRequestId::parse, &row.id)?,
            person: row.person.try_into()?,
            created_at: Timestamp::from_millis(row.created_at),
            opened_in: row.opened_in,
        })
    }
}

impl<'a> From<&'a Answered> for AnsweredRow<'a> {
    fn from(answered: &'a Answered) -> Self {
        Self { request: answered.request.as_str().into(), person: (&answered.person).into() }
    }
}

impl TryFrom<AnsweredRow<'_>> for Answered {
    type Error = Damage;
    fn try_from(row: AnsweredRow<'_>) -> Result<Self, Damage> {
        Ok(Self {
            request: parse(JoinRequestId::parse, &row.request)?,
            person: row.person.try_into()?,
        })
    }
}

impl<'a> From<&'a Entry<Person>> for EntryRow<'a> {
    fn from(entry: &'a Entry<Person>) -> Self {
        Self { input: entry.input.as_str().into(), person: (&entry.target).into() }
    }
}

impl TryFrom<EntryRow<'_>> for Entry<Person> {
    type Error = Damage;
    fn try_from(row: EntryRow<'_>) -> Result<Self, Damage> {
        Ok(Self { input: row.input.into_owned(), target: row.person.try_into()? })
    }
}

impl<'a> From<&'a Failed> for FailedRow<'a> {
    fn from(failed: &'a Failed) -> Self {
        Self { input: failed.input.as_str().into(), refusal: failed.refusal.clone() }
    }
}

impl From<FailedRow<'_>> for Failed {
    fn from(row: FailedRow<'_>) -> Self {
        Self { input: row.input.into_owned(), refusal: row.refusal }
    }
}

impl<'a> From<&'a Event> for EventRow<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::Created(group) => Self::Created {
                id: group.id.as_str().into(),
                serial: group.serial.get(),
                number: group.number.as_str().into(),
                business: group.business.as_str().into(),
                alias_second: group.alias_second,
                subject: group.subject.as_str().into(),
                description: group.description.as_str().into(),
                mode: group.mode.as_str().into(),
                invite: group.invite.as_str().into(),
            },
            Event::SettingsChanged { subject, description, picture } => Self::SettingsChanged {
                subject: subject.as_ref().map(|subject| subject.as_str().into()),
                description: description.as_ref().map(|text| text.as_str().into()),
                picture: picture.as_ref().map(Into::into),
            },
            Event::PictureFailed { problem } => {
                Self::PictureFailed { problem: problem.as_str().into() }
            }
            Event::InviteReset { code, replaced } => {
                Self::InviteReset { code: code.as_str().into(), first: !replaced }
            }
            Event::InviteDeleted => Self::InviteDeleted,
            Event::ParticipantJoined { person } => {
                Self::ParticipantJoined { person: person.into() }
            }
            Event::JoinRequested { request, person } => {
                Self::JoinRequested { request: request.as_str().into(), person: person.into() }
            }
            Event::JoinRequestCancelled(answered) => Self::JoinRequestCancelled {
                request: answered.request.as_str().into(),
                person: (&answered.person).into(),
            },
            Event::JoinRequestsApproved { approved } => {
                Self::JoinRequestsApproved { approved: approved.iter().map(Into::into).collect() }
            }
            Event::JoinRequestsRejected { rejected } => {
                Self::JoinRequestsRejected { rejected: rejected.iter().map(Into::into).collect() }
            }
            Event::ParticipantsAdded { added, failed } => Self::ParticipantsAdded {
                added: added.iter().map(Into::into).collect(),
                failed: failed.iter().map(Into::into).collect(),
            },
            Event::ParticipantsRemoved { removed, failed } => Self::ParticipantsRemoved {
                removed: removed.iter().map(Into::into).collect(),
                failed: failed.iter().map(Into::into).collect(),
            },
            Event::ParticipantLeft { person } => Self::ParticipantLeft { person: person.into() },
            Event::AdminsPromoted { people } => {
                Self::AdminsPromoted { people: people.iter().map(Into::into).collect() }
            }
            Event::AdminsDemoted { people } => {
                Self::AdminsDemoted { people: people.iter().map(Into::into).collect() }
            }
            Event::Suspended => Self::Suspended,
            Event::Restored => Self::Restored,
            Event::Deleted => Self::Deleted,
            Event::BusinessLeft => Self::BusinessLeft,
        }
    }
}

impl TryFrom<EventRow<'_>> for Event {
    type Error = Damage;
    fn try_from(row: EventRow<'_>) -> Result<Self, Damage> {
        Ok(match row {
            EventRow::Created {
                id,
                serial: number_of_group,
                number,
                business,
                alias_second,
                subject,
                description,
                mode,
                invite,
            } => Self::Created(Box::new(CreateGroup {
                id: parse(GroupId::parse, &id)?,
                serial: serial(number_of_group)?,
                number: parse(PhoneNumberId::parse, &number)?,
                business: parse(BusinessNumber::parse, &business)?,
                alias_second,
                subject: parse(Subject::restore, &subject)?,
                description: parse(Description::parse, &description)?,
                mode: parse(JoinApprovalMode::parse, &mode)?,
                invite: parse(InviteCode::parse, &invite)?,
            })),
            EventRow::SettingsChanged { subject, description, picture } => Self::SettingsChanged {
                subject: maybe(Subject::restore, subject.as_deref())?,
                description: maybe(Description::parse, description.as_deref())?,
                picture: picture.map(TryInto::try_into).transpose()?,
            },
            EventRow::PictureFailed { problem } => {
                Self::PictureFailed { problem: problem.into_owned() }
            }
            EventRow::InviteReset { code, first } => {
                Self::InviteReset { code: parse(InviteCode::parse, &code)?, replaced: !first }
            }
            EventRow::InviteDeleted => Self::InviteDeleted,
            EventRow::ParticipantJoined { person } => {
                Self::ParticipantJoined { person: person.try_into()? }
            }
            EventRow::JoinRequested { request, person } => Self::JoinRequested {
                request: parse(JoinRequestId::parse, &request)?,
                person: person.try_into()?,
            },
            EventRow::JoinRequestCancelled { request, person } => {
                Self::JoinRequestCancelled(AnsweredRow { request, person }.try_into()?)
            }
            EventRow::JoinRequestsApproved { approved } => {
                Self::JoinRequestsApproved { approved: read_all(approved)? }
            }
            EventRow::JoinRequestsRejected { rejected } => {
                Self::JoinRequestsRejected { rejected: read_all(rejected)? }
            }
            EventRow::ParticipantsAdded { added, failed } => Self::ParticipantsAdded {
                added: read_all(added)?,
                failed: failed.into_iter().map(Failed::from).collect(),
            },
            EventRow::ParticipantsRemoved { removed, failed } => Self::ParticipantsRemoved {
                removed: read_all(removed)?,
                failed: failed.into_iter().map(Failed::from).collect(),
            },
            EventRow::ParticipantLeft { person } => {
                Self::ParticipantLeft { person: person.try_into()? }
            }
            EventRow::AdminsPromoted { people } => {
                Self::AdminsPromoted { people: read_all(people)? }
            }
            EventRow::AdminsDemoted { people } => Self::AdminsDemoted { people: read_all(people)? },
            EventRow::Suspended => Self::Suspended,
            EventRow::Restored => Self::Restored,
            EventRow::Deleted => Self::Deleted,
            EventRow::BusinessLeft => Self::BusinessLeft,
        })
    }
}

/// What stands in databases already, to the letter: it is read, and written as it was.
#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [&str; 23] = [
        r#"{"kind":"created","id":"group","serial":123456789012345678,"number":"1001","business":"15550001111","alias_second":1700000000,"subject":"Tea","description":"Green","mode":"auto_approve","invite":"Abc123"}"#,
        r#"{"kind":"created","id":"group","serial":123456789012345678,"number":"1001","business":"15550001111","alias_second":1700000000,"subject":"Tea","mode":"approval_required","invite":"Abc123"}"#,
        r#"{"kind":"settings_changed","subject":"Tea","description":"","picture":{"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","mime_type":"image/jpeg"}}"#,
        r#"{"kind":"settings_changed"}"#,
        r#"{"kind":"picture_failed","problem":"must be square"}"#,
        r#"{"kind":"invite_reset","code":"Abc123"}"#,
        r#"{"kind":"invite_reset","code":"Abc123","first":true}"#,
        r#"{"kind":"invite_deleted"}"#,
        r#"{"kind":"participant_joined","person":{"user_id":"US.abc"}}"#,
        r#"{"kind":"participant_joined","person":{"user_id":"US.abc","wa_id":"15550002222","parent_user_id":"US.ENT.def","username":"ann","hides_phone":true,"terms_missing":true}}"#,
        r#"{"kind":"join_requested","request":"r1","person":{"user_id":"US.abc"}}"#,
        r#"{"kind":"join_request_cancelled","request":"r1","person":{"user_id":"US.abc"}}"#,
        r#"{"kind":"join_requests_approved","approved":[{"request":"r1","person":{"user_id":"US.abc"}}]}"#,
        r#"{"kind":"join_requests_rejected","rejected":[{"request":"r1","person":{"user_id":"US.abc"}}]}"#,
        r#"{"kind":"participants_added","added":[{"input":"+1 555","person":{"user_id":"US.abc"}}]}"#,
        r#"{"kind":"participants_removed","removed":[],"failed":[{"input":"+1 555","refusal":"not_participant"}]}"#,
        r#"{"kind":"participant_left","person":{"user_id":"US.abc"}}"#,
        r#"{"kind":"admins_promoted","people":[{"user_id":"US.abc"}]}"#,
        r#"{"kind":"admins_demoted","people":[{"user_id":"US.abc"}]}"#,
        r#"{"kind":"suspended"}"#,
        r#"{"kind":"restored"}"#,
        r#"{"kind":"deleted"}"#,
        r#"{"kind":"business_left"}"#,
    ];

    const REFUSALS: [&str; 19] = [
        r#""group_unknown""#,
        r#""group_suspended""#,
        r#"{"group_full":{"limit":8}}"#,
        r#"{"group_limit_reached":{"limit":9}}"#,
        r#""number_not_eligible""#,
        r#""number_not_registered""#,
        r#""creation_disabled""#,
        r#"{"too_many_operations":{"limit":100,"retry_after_secs":60}}"#,
        r#""invite_link_dead""#,
        r#""removed_by_business""#,
        r#""already_participant""#,
        r#""not_participant""#,
        r#""terms_not_accepted""#,
        r#""join_request_unknown""#,
        r#"{"too_many_join_requests":{"limit":1000}}"#,
        r#"{"duplicate_entry":{"list":"people","input":"+1 555","first":0,"second":1}}"#,
        r#"{"duplicate_entry":{"list":"join_requests","input":"r1","first":0,"second":1}}"#,
        r#""business_named""#,
        r#""nothing_to_change""#,
    ];

    const STATES: [&str; 2] = [
        r#"{"serial":123456789012345678,"business":"15550001111","mode":"auto_approve"}"#,
        r#"{"serial":123456789012345678,"business":"15550001111","description":"Green","mode":"approval_required","picture":{"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","mime_type":"image/jpeg"},"participants":[{"person":{"user_id":"US.abc"},"joined_at":1700000000000},{"person":{"user_id":"US.def"},"admin":true,"joined_at":1700000000000}],"requests":[{"id":"r1","person":{"user_id":"US.ghi"},"created_at":1700000000000,"opened_in":3}],"removed":[{"user_id":"US.jkl"}]}"#,
    ];

    #[test]
    fn stored_events_are_read_and_written_as_they_were() {
        for stored in EVENTS {
            assert_eq!(write_event(&read_event(stored).unwrap()), stored);
        }
    }

    #[test]
    fn stored_events_of_subscriptions_are_read_and_written_as_they_were() {
        for stored in [
            r#"{"kind":"subscription_added"}"#,
            r#"{"kind":"subscription_changed"}"#,
            r#"{"kind":"subscription_secret_rotated"}"#,
            r#"{"kind":"subscription_paused"}"#,
            r#"{"kind":"subscription_resumed"}"#,
            r#"{"kind":"subscription_switched_off","reason":"410"}"#,
            r#"{"kind":"subscription_removed"}"#,
        ] {
            let event = subscription::read_subscription_event(stored).unwrap();
            assert_eq!(subscription::write_subscription_event(&event), stored);
        }
    }

    #[test]
    fn stored_refusals_are_read_and_written_as_they_were() {
        for stored in REFUSALS {
            let stored = format!(r#"[{{"input":"+1 555","refusal":{stored}}}]"#);
            assert_eq!(write_failed(&read_failed(&stored).unwrap()), stored);
        }
    }

    #[test]
    fn stored_states_are_read_and_written_as_they_were() {
        let id = GroupId::parse("group").unwrap();
        for (status, stored) in ["active", "left"].into_iter().zip(STATES) {
            let columns = GroupColumns {
                id: &id,
                number: "1001",
                alias_second: 1_700_000_000,
                version: 4,
                status,
                subject: "Tea",
                created_at: 1_700_000_000_000,
                invite_code: Some("Abc123"),
            };
            assert_eq!(write_state(&read_state(&columns, stored).unwrap()), stored);
        }
    }

    #[test]
    fn a_damaged_row_says_what_is_wrong_and_repeats_no_value_of_a_wrong_type() {
        let failed = |stored: &str| read_failed(stored).unwrap_err();
        assert_eq!(
            failed(r#"[{"input":"a","refusal":"zebra"}]"#).split_once(", expected").unwrap().0,
            "unknown variant"
        );
        assert!(failed(r#"[{"input":"a"}]"#).starts_with("missing field `refusal`"));
        let event = |stored: &str| read_event(stored).unwrap_err();
        assert_eq!(
            event(r#"{"kind":"join_requested","request":"a b","person":{"user_id":"US.abc"}}"#),
            format!("\"a b\" {}", JoinRequestId::parse("a b").unwrap_err())
        );
    }
}
