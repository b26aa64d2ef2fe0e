//! A small world to test in: a shop, a handful of people, and short words for commands and events.

use domain::event::{Answered, Failed};
use domain::ids::{GroupId, GroupSerial, JoinRequestId, PhoneNumberId, UserId};
use domain::person::Entry;
use domain::values::{
    Batch, BusinessNumber, Description, InviteCode, JoinApprovalMode, Picture, Subject, Timestamp,
    WaId,
};
use domain::{Command, CreateGroup, Decision, Event, Group, Limits, Person, PersonRef, Refusal};
use proptest::test_runner::Config;

/// Everybody there is, by name; the last two hide their phone number.
pub(crate) const PEOPLE: [(&str, Option<&str>); 6] = [
    ("ada", Some("4915550000001")),
    ("ben", Some("4915550000002")),
    ("cem", Some("4915550000003")),
    ("dee", Some("4915550000004")),
    ("eve", None),
    ("flo", None),
];
/// The business, should it come along as if it were a person.
pub(crate) const SHOP: &str = "shop";
pub(crate) const SHOP_PHONE: &str = "49301234567";
/// The link that a new group has.
pub(crate) const LINK: &str = "FirstLink";
/// Participants allowed where a test does not care for another figure.
pub(crate) const LIMIT: u32 = 3;

/// What a group answers.
pub(crate) type Outcome = Result<Decision, Refusal>;

/// Declares [`Kind`]: one word for each command. A command that is not in the list does not
/// compile, and neither does a table over kinds in which it has no place.
macro_rules! kinds {
    ($($name:ident),* $(,)?) => {
        /// Which command, whatever it carries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind { $($name),* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) fn of(command: &Command) -> Self {
                match command { $(Command::$name { .. } => Self::$name),* }
            }
        }
    };
}

kinds! {
    ChangeSettings, ReportPictureFailure, ProvideInvite, ResetInvite, DeleteInvite,
    Join, CancelJoinRequest, LeaveAsParticipant,
    ApproveJoinRequests, RejectJoinRequests, AddParticipants, RemoveParticipants,
    PromoteAdmins, DemoteAdmins,
    Suspend, Restore, Delete, LeaveAsBusiness,
}

/// How the laws are tried out: always the same number of cases, and nothing written to disk.
pub(crate) fn config() -> Config {
    Config { cases: 256, failure_persistence: None, ..Config::default() }
}

pub(crate) fn limits(participants: u32) -> Limits {
    Limits { participants, ..Limits::default() }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + second * 1_000)
}

// People.

pub(crate) fn user_id(name: &str) -> UserId {
    UserId::parse(&format!("DE.{name}")).expect("names are letters")
}

fn phone_of(name: &str) -> Option<WaId> {
    let digits = if name == SHOP {
        Some(SHOP_PHONE)
    } else {
        PEOPLE.iter().find(|(known, _)| *known == name).and_then(|(_, digits)| *digits)
    };
    digits.map(|digits| WaId::parse(digits).expect("digits"))
}

/// Anybody; names beyond [`PEOPLE`] have no phone number.
pub(crate) fn person(name: &str) -> Person {
    Person {
        user_id: user_id(name),
        phone: phone_of(name),
        hides_phone: false,
        parent_user_id: None,
        username: Some(format!("@{name}")),
        terms_accepted: true,
    }
}

pub(crate) fn by_phone(name: &str) -> PersonRef {
    PersonRef::Phone(phone_of(name).expect("has a phone number"))
}

pub(crate) fn by_id(name: &str) -> PersonRef {
    PersonRef::User(user_id(name))
}

/// By phone number where there is one.
pub(crate) fn by_any(name: &str) -> PersonRef {
    phone_of(name).map_or_else(|| by_id(name), PersonRef::Phone)
}

pub(crate) fn people(names: &[&str]) -> Vec<Person> {
    names.iter().map(|name| person(name)).collect()
}

/// Entries spelled like the name, which is neither the phone number nor the id.
pub(crate) fn entries(names: &[&str]) -> Vec<Entry<Person>> {
    names.iter().map(|name| entry(name, person(name))).collect()
}

pub(crate) fn refs(names: &[&str]) -> Vec<Entry<PersonRef>> {
    names.iter().map(|name| entry(name, by_any(name))).collect()
}

pub(crate) fn entry<T>(input: &str, target: T) -> Entry<T> {
    Entry { input: input.to_owned(), target }
}

// Values.

pub(crate) fn code(text: &str) -> InviteCode {
    InviteCode::parse(text).expect("codes are letters")
}

pub(crate) fn request_id(text: &str) -> JoinRequestId {
    JoinRequestId::parse(text).expect("no blanks")
}

pub(crate) fn subject(text: &str) -> Subject {
    Subject::parse(text).expect("short")
}

pub(crate) fn description(text: &str) -> Description {
    Description::parse(text).expect("short")
}

pub(crate) fn picture(byte: u8) -> Picture {
    Picture { sha256: [byte; 32], mime_type: "image/jpeg".to_owned() }
}

pub(crate) fn batch<T>(entries: Vec<T>) -> Batch<T> {
    Batch::new(entries, usize::MAX).expect("not empty")
}

fn request_ids(ids: &[&str]) -> Batch<JoinRequestId> {
    batch(ids.iter().map(|id| request_id(id)).collect())
}

// Groups.

pub(crate) fn creation(mode: JoinApprovalMode) -> CreateGroup {
    CreateGroup {
        id: GroupId::parse("group-1").expect("no blanks"),
        serial: GroupSerial::new(120_363_000_000_000_001).expect("18 digits"),
        number: PhoneNumberId::parse("number-1").expect("no blanks"),
        business: BusinessNumber::parse(SHOP_PHONE).expect("digits"),
        alias_second: 1_800_000_000,
        subject: subject("Before"),
        description: description("As it was"),
        mode,
        invite: code(LINK),
    }
}

/// A group that all this happened to, one second apart from [`at`]`(0)` on.
pub(crate) fn group_after(mode: JoinApprovalMode, given: &[Event]) -> Group {
    let (mut group, _) = Group::create(creation(mode), at(0));
    for (event, second) in given.iter().zip(1..) {
        group.apply(event, at(second));
    }
    group
}

// Commands.

pub(crate) fn join(name: &str, link: &str, request: &str) -> Command {
    Command::Join { person: person(name), code: code(link), request: request_id(request) }
}

pub(crate) fn cancel(person: PersonRef) -> Command {
    Command::CancelJoinRequest { person }
}

pub(crate) fn leave(person: PersonRef) -> Command {
    Command::LeaveAsParticipant { person }
}

pub(crate) fn approve(ids: &[&str]) -> Command {
    Command::ApproveJoinRequests { requests: request_ids(ids) }
}

pub(crate) fn reject(ids: &[&str]) -> Command {
    Command::RejectJoinRequests { requests: request_ids(ids) }
}

pub(crate) fn add(names: &[&str]) -> Command {
    Command::AddParticipants { people: batch(entries(names)) }
}

pub(crate) fn remove(people: Vec<Entry<PersonRef>>) -> Command {
    Command::RemoveParticipants { people: batch(people) }
}

pub(crate) fn promote(people: Vec<Entry<PersonRef>>) -> Command {
    Command::PromoteAdmins { people: batch(people) }
}

pub(crate) fn demote(people: Vec<Entry<PersonRef>>) -> Command {
    Command::DemoteAdmins { people: batch(people) }
}

pub(crate) fn provide(link: &str) -> Command {
    Command::ProvideInvite { code: code(link) }
}

pub(crate) fn reset(link: &str) -> Command {
    Command::ResetInvite { code: code(link) }
}

// Events.

/// A link where there was none.
pub(crate) fn new_link(link: &str) -> Event {
    Event::InviteReset { code: code(link), replaced: false }
}

/// A link in place of another.
pub(crate) fn other_link(link: &str) -> Event {
    Event::InviteReset { code: code(link), replaced: true }
}

/// A picture that could not be had.
pub(crate) fn no_picture() -> Event {
    Event::PictureFailed { problem: "nobody answered".to_owned() }
}

pub(crate) fn joined(name: &str) -> Event {
    Event::ParticipantJoined { person: person(name) }
}

pub(crate) fn left(name: &str) -> Event {
    Event::ParticipantLeft { person: person(name) }
}

pub(crate) fn requested(request: &str, name: &str) -> Event {
    Event::JoinRequested { request: request_id(request), person: person(name) }
}

pub(crate) fn cancelled(request: &str, name: &str) -> Event {
    Event::JoinRequestCancelled(answer(request, name))
}

pub(crate) fn approved(answers: &[(&str, &str)]) -> Event {
    Event::JoinRequestsApproved { approved: answer_all(answers) }
}

pub(crate) fn rejected(answers: &[(&str, &str)]) -> Event {
    Event::JoinRequestsRejected { rejected: answer_all(answers) }
}

pub(crate) fn added(names: &[&str]) -> Event {
    added_but(names, &[])
}

pub(crate) fn added_but(names: &[&str], failed: &[(&str, Refusal)]) -> Event {
    Event::ParticipantsAdded { added: entries(names), failed: failures(failed) }
}

pub(crate) fn removed(names: &[&str]) -> Event {
    removed_but(names, &[])
}

pub(crate) fn removed_but(names: &[&str], failed: &[(&str, Refusal)]) -> Event {
    Event::ParticipantsRemoved { removed: entries(names), failed: failures(failed) }
}

pub(crate) fn promoted(names: &[&str]) -> Event {
    Event::AdminsPromoted { people: people(names) }
}

pub(crate) fn demoted(names: &[&str]) -> Event {
    Event::AdminsDemoted { people: people(names) }
}

fn answer(request: &str, name: &str) -> Answered {
    Answered { request: request_id(request), person: person(name) }
}

fn answer_all(answers: &[(&str, &str)]) -> Vec<Answered> {
    answers.iter().map(|(request, name)| answer(request, name)).collect()
}

fn failures(failed: &[(&str, Refusal)]) -> Vec<Failed> {
    failed
        .iter()
        .map(|(input, refusal)| Failed { input: (*input).to_owned(), refusal: refusal.clone() })
        .collect()
}

// Outcomes.

pub(crate) fn happens(event: Event) -> Outcome {
    happens_but(event, &[])
}

pub(crate) fn happens_but(event: Event, refused: &[(&str, Refusal)]) -> Outcome {
    answer_with(Ok(Some(event)), refused)
}

pub(crate) fn nothing() -> Outcome {
    nothing_but(&[])
}

pub(crate) fn nothing_but(refused: &[(&str, Refusal)]) -> Outcome {
    answer_with(Ok(None), refused)
}

pub(crate) fn refused(refusal: Refusal) -> Outcome {
    answer_with(Err(refusal), &[])
}

fn answer_with(event: Result<Option<Event>, Refusal>, refused: &[(&str, Refusal)]) -> Outcome {
    event.map(|event| Decision { event, refused: failures(refused) })
}
