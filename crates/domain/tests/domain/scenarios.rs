//! Given what happened, when this is asked, then that is the answer.
//!
//! First the whole matrix: every command, aimed at a person of every standing, in every kind of
//! group. Then what the matrix cannot say: bulk calls, links, longer stories, and what an event
//! changes.

use domain::event::Standing;
use domain::group::{JoinRequest, Participant};
use domain::limits::OPEN_REQUESTS_MAX;
use domain::person::Entry;
use domain::refusal::List::{self, JoinRequests as Waiting, People};
use domain::values::JoinApprovalMode::{self, ApprovalRequired as Ask, AutoApprove as Auto};
use domain::{Command, Event, Group, GroupState, Person, PersonRef, Refusal, Status};

use crate::common::{
    Kind, LIMIT, LINK, Outcome, PEOPLE, SHOP, add, added, added_but, approve, approved, at, batch,
    by_any, by_id, by_phone, cancel, cancelled, code, creation, demote, demoted, description,
    entries, entry, group_after, happens, happens_but, join, joined, leave, left, limits, new_link,
    no_picture, nothing, nothing_but, other_link, person, picture, promote, promoted, provide,
    refs, refused, reject, rejected, remove, removed, removed_but, request_id, requested, reset,
    subject,
};

const FULL: Refusal = Refusal::GroupFull { limit: LIMIT };
const UNKNOWN: Refusal = Refusal::JoinRequestUnknown;
const ALREADY: Refusal = Refusal::AlreadyParticipant;
const NOT_IN: Refusal = Refusal::NotParticipant;
const BANNED: Refusal = Refusal::RemovedByBusiness;
const BUSINESS: Refusal = Refusal::BusinessNamed;
const DEAD: Refusal = Refusal::InviteLinkDead;

// The matrix.

/// What the person whom a command is aimed at has to do with the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Stranger,
    Participant,
    Admin,
    Requested,
    Rejected,
    Left,
    Removed,
    Business,
}

impl Who {
    const ALL: [Self; 8] = [
        Self::Stranger,
        Self::Participant,
        Self::Admin,
        Self::Requested,
        Self::Rejected,
        Self::Left,
        Self::Removed,
        Self::Business,
    ];

    const fn name(self) -> &'static str {
        if matches!(self, Self::Business) { SHOP } else { "ada" }
    }

    /// How the person came to be that, where it can come about at all: where nobody has to ask,
    /// nobody has asked.
    fn history(self, mode: JoinApprovalMode) -> Option<Vec<Event>> {
        let entered = match mode {
            Auto => vec![joined("ada")],
            Ask => vec![requested("r-ada", "ada"), approved(&[("r-ada", "ada")])],
        };
        let later = |event| [entered.clone(), vec![event]].concat();
        match self {
            Self::Stranger | Self::Business => Some(Vec::new()),
            Self::Participant => Some(entered),
            Self::Admin => Some(later(promoted(&["ada"]))),
            Self::Left => Some(later(left("ada"))),
            Self::Removed => Some(later(removed(&["ada"]))),
            Self::Requested | Self::Rejected if mode == Auto => None,
            Self::Requested => Some(vec![requested("r-ada", "ada")]),
            Self::Rejected => Some(vec![requested("r-ada", "ada"), rejected(&[("r-ada", "ada")])]),
        }
    }
}

/// The kinds of group, in the order of the table's columns.
const COLUMNS: [(JoinApprovalMode, bool); 4] =
    [(Auto, false), (Auto, true), (Ask, false), (Ask, true)];

/// A group in which one person is something, filled with others to the limit, or to one below it.
fn history(who: Who, mode: JoinApprovalMode, full: bool) -> Option<Vec<Event>> {
    let mut history = who.history(mode)?;
    let inside = usize::from(matches!(who, Who::Participant | Who::Admin));
    let places = usize::try_from(LIMIT).expect("small") - usize::from(!full);
    history.push(added(&["ben", "cem", "dee"][..places - inside]));
    Some(history)
}

/// How the command points at the person: it makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Phone,
    Id,
}

impl By {
    fn points_at(self, who: Who) -> PersonRef {
        match self {
            // The business has no id of its own kind, only its number.
            Self::Id if who != Who::Business => by_id(who.name()),
            Self::Phone | Self::Id => by_phone(who.name()),
        }
    }
}

/// One command of each kind, aimed at that person if it can be aimed.
fn command(kind: Kind, who: Who, by: By) -> Command {
    let name = who.name();
    let aimed = || vec![entry(name, by.points_at(who))];
    match kind {
        Kind::ChangeSettings => Command::ChangeSettings {
            subject: Some(subject("After")),
            description: None,
            picture: None,
        },
        Kind::ReportPictureFailure => {
            Command::ReportPictureFailure { problem: "nobody answered".to_owned() }
        }
        Kind::ProvideInvite => provide("NewLink"),
        Kind::ResetInvite => reset("NewLink"),
        Kind::DeleteInvite => Command::DeleteInvite,
        Kind::Join => join(name, LINK, "r-new"),
        Kind::CancelJoinRequest => cancel(by.points_at(who)),
        Kind::LeaveAsParticipant => leave(by.points_at(who)),
        Kind::ApproveJoinRequests => approve(&["r-ada"]),
        Kind::RejectJoinRequests => reject(&["r-ada"]),
        Kind::AddParticipants => add(&[name]),
        Kind::RemoveParticipants => remove(aimed()),
        Kind::PromoteAdmins => promote(aimed()),
        Kind::DemoteAdmins => demote(aimed()),
        Kind::Suspend => Command::Suspend,
        Kind::Restore => Command::Restore,
        Kind::Delete => Command::Delete,
        Kind::LeaveAsBusiness => Command::LeaveAsBusiness,
    }
}

/// What the table says of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    /// The command's own event, with nothing held against it.
    Done,
    /// The same, and the link that was there before dies of it.
    Replaces,
    /// The tap on the link only opens a request.
    Asks,
    /// Nothing happens, and nothing is wrong.
    Nothing,
    /// The whole command is refused.
    No(Refusal),
    /// Nothing happens: its only entry is refused.
    Fails(Refusal),
    /// An event all the same, which tells that its only entry came to nothing.
    Tells(Refusal),
    /// There is no such person in such a group.
    Never,
}

impl Cell {
    fn outcome(&self, kind: Kind, who: Who) -> Option<Outcome> {
        let name = who.name();
        match self {
            Self::Done => Some(happens(done(kind, name))),
            Self::Replaces => Some(happens(other_link("NewLink"))),
            Self::Asks => Some(happens(requested("r-new", name))),
            Self::Nothing => Some(nothing()),
            Self::No(refusal) => Some(refused(refusal.clone())),
            Self::Fails(refusal) => Some(nothing_but(&[("r-ada", refusal.clone())])),
            Self::Tells(refusal) => {
                let failed = [(name, refusal.clone())];
                let event = match kind {
                    Kind::AddParticipants => added_but(&[], &failed),
                    Kind::RemoveParticipants => removed_but(&[], &failed),
                    _ => panic!("{kind:?} tells of no failure"),
                };
                Some(happens_but(event, &failed))
            }
            Self::Never => None,
        }
    }
}

/// The event of a command that goes as it was meant to.
fn done(kind: Kind, name: &str) -> Event {
    match kind {
        Kind::ChangeSettings => Event::SettingsChanged {
            subject: Some(subject("After")),
            description: None,
            picture: None,
        },
        Kind::ReportPictureFailure => no_picture(),
        Kind::ProvideInvite | Kind::ResetInvite => new_link("NewLink"),
        Kind::DeleteInvite => Event::InviteDeleted,
        Kind::Join => joined(name),
        Kind::CancelJoinRequest => cancelled("r-ada", name),
        Kind::LeaveAsParticipant => left(name),
        Kind::ApproveJoinRequests => approved(&[("r-ada", name)]),
        Kind::RejectJoinRequests => rejected(&[("r-ada", name)]),
        Kind::AddParticipants => added(&[name]),
        Kind::RemoveParticipants => removed(&[name]),
        Kind::PromoteAdmins => promoted(&[name]),
        Kind::DemoteAdmins => demoted(&[name]),
        Kind::Suspend => Event::Suspended,
        Kind::Restore => Event::Restored,
        Kind::Delete => Event::Deleted,
        Kind::LeaveAsBusiness => Event::BusinessLeft,
    }
}

use Cell::{Asks, Done, Fails, Never, No, Nothing, Replaces, Tells};

/// A person's standing, then [`COLUMNS`]: auto, auto and full, approval, approval and full.
type Row = (Who, [Cell; 4]);

const JOIN: [Row; 8] = [
    (Who::Stranger, [Done, No(FULL), Asks, Asks]),
    (Who::Participant, [No(ALREADY), No(ALREADY), No(ALREADY), No(ALREADY)]),
    (Who::Admin, [No(ALREADY), No(ALREADY), No(ALREADY), No(ALREADY)]),
    (Who::Requested, [Never, Never, Nothing, Nothing]),
    (Who::Rejected, [Never, Never, Asks, Asks]),
    (Who::Left, [Done, No(FULL), Asks, Asks]),
    (Who::Removed, [No(BANNED), No(BANNED), No(BANNED), No(BANNED)]),
    (Who::Business, [No(BUSINESS), No(BUSINESS), No(BUSINESS), No(BUSINESS)]),
];

const CANCEL: [Row; 8] = [
    (Who::Stranger, [No(UNKNOWN), No(UNKNOWN), No(UNKNOWN), No(UNKNOWN)]),
    (Who::Participant, [No(UNKNOWN), No(UNKNOWN), No(UNKNOWN), No(UNKNOWN)]),
    (Who::Admin, [No(UNKNOWN), No(UNKNOWN), No(UNKNOWN), No(UNKNOWN)]),
    (Who::Requested, [Never, Never, Done, Done]),
    (Who::Rejected, [Never, Never, No(UNKNOWN), No(UNKNOWN)]),
    (Who::Left, [No(UNKNOWN), No(UNKNOWN), No(UNKNOWN), No(UNKNOWN)]),
    (Who::Removed, [No(UNKNOWN), No(UNKNOWN), No(UNKNOWN), No(UNKNOWN)]),
    (Who::Business, [No(UNKNOWN), No(UNKNOWN), No(UNKNOWN), No(UNKNOWN)]),
];

const LEAVE: [Row; 8] = [
    (Who::Stranger, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Participant, [Done, Done, Done, Done]),
    (Who::Admin, [Done, Done, Done, Done]),
    (Who::Requested, [Never, Never, No(NOT_IN), No(NOT_IN)]),
    (Who::Rejected, [Never, Never, No(NOT_IN), No(NOT_IN)]),
    (Who::Left, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Removed, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Business, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
];

const APPROVE: [Row; 8] = [
    (Who::Stranger, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Participant, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Admin, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Requested, [Never, Never, Done, Fails(FULL)]),
    (Who::Rejected, [Never, Never, Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Left, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Removed, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Business, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
];

const REJECT: [Row; 8] = [
    (Who::Stranger, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Participant, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Admin, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Requested, [Never, Never, Done, Done]),
    (Who::Rejected, [Never, Never, Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Left, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Removed, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
    (Who::Business, [Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN), Fails(UNKNOWN)]),
];

const ADD: [Row; 8] = [
    (Who::Stranger, [Done, Tells(FULL), Done, Tells(FULL)]),
    (Who::Participant, [Tells(ALREADY), Tells(ALREADY), Tells(ALREADY), Tells(ALREADY)]),
    (Who::Admin, [Tells(ALREADY), Tells(ALREADY), Tells(ALREADY), Tells(ALREADY)]),
    (Who::Requested, [Never, Never, Done, Tells(FULL)]),
    (Who::Rejected, [Never, Never, Done, Tells(FULL)]),
    (Who::Left, [Done, Tells(FULL), Done, Tells(FULL)]),
    (Who::Removed, [Done, Tells(FULL), Done, Tells(FULL)]),
    (Who::Business, [Tells(BUSINESS), Tells(BUSINESS), Tells(BUSINESS), Tells(BUSINESS)]),
];

const REMOVE: [Row; 8] = [
    (Who::Stranger, [Tells(NOT_IN), Tells(NOT_IN), Tells(NOT_IN), Tells(NOT_IN)]),
    (Who::Participant, [Done, Done, Done, Done]),
    (Who::Admin, [Done, Done, Done, Done]),
    (Who::Requested, [Never, Never, Tells(NOT_IN), Tells(NOT_IN)]),
    (Who::Rejected, [Never, Never, Tells(NOT_IN), Tells(NOT_IN)]),
    (Who::Left, [Tells(NOT_IN), Tells(NOT_IN), Tells(NOT_IN), Tells(NOT_IN)]),
    (Who::Removed, [Tells(NOT_IN), Tells(NOT_IN), Tells(NOT_IN), Tells(NOT_IN)]),
    (Who::Business, [Tells(BUSINESS), Tells(BUSINESS), Tells(BUSINESS), Tells(BUSINESS)]),
];

const PROMOTE: [Row; 8] = [
    (Who::Stranger, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Participant, [Done, Done, Done, Done]),
    (Who::Admin, [Nothing, Nothing, Nothing, Nothing]),
    (Who::Requested, [Never, Never, No(NOT_IN), No(NOT_IN)]),
    (Who::Rejected, [Never, Never, No(NOT_IN), No(NOT_IN)]),
    (Who::Left, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Removed, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Business, [Nothing, Nothing, Nothing, Nothing]),
];

const DEMOTE: [Row; 8] = [
    (Who::Stranger, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Participant, [Nothing, Nothing, Nothing, Nothing]),
    (Who::Admin, [Done, Done, Done, Done]),
    (Who::Requested, [Never, Never, No(NOT_IN), No(NOT_IN)]),
    (Who::Rejected, [Never, Never, No(NOT_IN), No(NOT_IN)]),
    (Who::Left, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Removed, [No(NOT_IN), No(NOT_IN), No(NOT_IN), No(NOT_IN)]),
    (Who::Business, [No(BUSINESS), No(BUSINESS), No(BUSINESS), No(BUSINESS)]),
];

/// A kind's part of the matrix.
enum Part {
    /// It depends on the person.
    Person(&'static [Row; 8]),
    /// It depends on whether a link is alive: with one, without one.
    Link(Cell, Cell),
    /// It depends on nothing.
    Always(Cell),
}

/// What an active group answers.
const fn part(kind: Kind) -> Part {
    match kind {
        Kind::ResetInvite => Part::Link(Replaces, Done),
        Kind::ChangeSettings
        | Kind::ReportPictureFailure
        | Kind::Suspend
        | Kind::Delete
        | Kind::LeaveAsBusiness => Part::Always(Done),
        Kind::Restore => Part::Always(Nothing),
        Kind::ProvideInvite => Part::Link(Nothing, Done),
        Kind::DeleteInvite => Part::Link(Done, Nothing),
        Kind::Join => Part::Person(&JOIN),
        Kind::CancelJoinRequest => Part::Person(&CANCEL),
        Kind::LeaveAsParticipant => Part::Person(&LEAVE),
        Kind::ApproveJoinRequests => Part::Person(&APPROVE),
        Kind::RejectJoinRequests => Part::Person(&REJECT),
        Kind::AddParticipants => Part::Person(&ADD),
        Kind::RemoveParticipants => Part::Person(&REMOVE),
        Kind::PromoteAdmins => Part::Person(&PROMOTE),
        Kind::DemoteAdmins => Part::Person(&DEMOTE),
    }
}

/// One place in the matrix: a command, and the history of the group that it meets.
struct Place {
    kind: Kind,
    who: Who,
    by: By,
    column: usize,
    history: Option<Vec<Event>>,
}

impl Place {
    fn name(&self) -> String {
        let (mode, full) = COLUMNS[self.column];
        let full = if full { ", full" } else { "" };
        format!("{:?} × {:?} by {:?} × {}{full}", self.kind, self.who, self.by, mode.as_str())
    }

    fn command(&self) -> Command {
        command(self.kind, self.who, self.by)
    }

    /// Asks once this has happened as well; `None` where the place cannot be.
    fn answer_after(&self, more: &[Event]) -> Option<Outcome> {
        let history = [self.history.as_ref()?, more].concat();
        let group = group_after(COLUMNS[self.column].0, &history);
        Some(group.decide(&self.command(), limits(LIMIT)))
    }
}

fn matrix() -> impl Iterator<Item = Place> {
    let kinds = Kind::ALL.iter().copied();
    let aims = kinds.flat_map(|kind| Who::ALL.map(|who| (kind, who)));
    let aims = aims.flat_map(|(kind, who)| [By::Phone, By::Id].map(|by| (kind, who, by)));
    aims.flat_map(|(kind, who, by)| {
        (0..COLUMNS.len()).map(move |column| {
            let (mode, full) = COLUMNS[column];
            Place { kind, who, by, column, history: history(who, mode, full) }
        })
    })
}

#[test]
fn every_command_has_an_example_of_its_own_kind() {
    for place in matrix() {
        assert_eq!(Kind::of(&place.command()), place.kind, "{}", place.name());
    }
}

#[test]
fn an_active_group_answers_as_the_table_says() {
    for place in matrix() {
        let name = place.name();
        let expected = |cell: &Cell| cell.outcome(place.kind, place.who);
        match part(place.kind) {
            Part::Person(rows) => {
                let row = Who::ALL.iter().position(|who| *who == place.who).expect("listed");
                assert_eq!(rows[row].0, place.who, "row {row} of {:?}", place.kind);
                assert_eq!(place.answer_after(&[]), expected(&rows[row].1[place.column]), "{name}");
            }
            Part::Link(..) | Part::Always(_) if place.history.is_none() => {}
            Part::Link(with, without) => {
                assert_eq!(place.answer_after(&[]), expected(&with), "{name}, with a link");
                let answer = place.answer_after(&[Event::InviteDeleted]);
                assert_eq!(answer, expected(&without), "{name}, without a link");
            }
            Part::Always(cell) => {
                assert_eq!(place.answer_after(&[]), expected(&cell), "{name}, with a link");
                let answer = place.answer_after(&[Event::InviteDeleted]);
                assert_eq!(answer, expected(&cell), "{name}, without a link");
            }
        }
    }
}

#[test]
fn a_suspended_group_refuses_every_command_but_suspend_and_restore() {
    for place in matrix() {
        let expected = match place.kind {
            Kind::Suspend => nothing(),
            Kind::Restore => happens(Event::Restored),
            _ => refused(Refusal::GroupSuspended),
        };
        if let Some(answer) = place.answer_after(&[Event::Suspended]) {
            assert_eq!(answer, expected, "{}", place.name());
        }
    }
}

#[test]
fn a_deleted_or_left_group_refuses_every_command() {
    for place in matrix() {
        for end in [Event::Deleted, Event::BusinessLeft] {
            if let Some(answer) = place.answer_after(std::slice::from_ref(&end)) {
                assert_eq!(answer, refused(Refusal::GroupUnknown), "{} × {end:?}", place.name());
            }
        }
    }
}

#[test]
fn a_restored_group_answers_as_it_did_before_it_was_suspended() {
    for place in matrix() {
        let answer = place.answer_after(&[Event::Suspended, Event::Restored]);
        assert_eq!(answer, place.answer_after(&[]), "{}", place.name());
    }
}

#[test]
fn a_dead_link_refuses_everybody_alike() {
    for place in matrix().filter(|place| place.kind == Kind::Join) {
        for dead in [Event::InviteDeleted, new_link("NewLink")] {
            if let Some(answer) = place.answer_after(std::slice::from_ref(&dead)) {
                assert_eq!(answer, refused(DEAD), "{} × {dead:?}", place.name());
            }
        }
    }
}

// Single scenarios.

/// Name, kind of group, given, when, then.
type Scenario = (&'static str, JoinApprovalMode, Vec<Event>, Command, Outcome);

fn check(scenarios: impl IntoIterator<Item = Scenario>) {
    for (name, mode, given, when, then) in scenarios {
        let group = group_after(mode, &given);
        let before = group.clone();
        assert_eq!(group.decide(&when, limits(LIMIT)), then, "{name}");
        assert_eq!(group, before, "{name}: deciding changes nothing");
    }
}

fn twice(list: List, input: &str, first: usize, second: usize) -> Outcome {
    refused(Refusal::DuplicateEntry { list, input: input.to_owned(), first, second })
}

fn settings(name: Option<&str>, about: Option<&str>, byte: Option<u8>) -> Command {
    Command::ChangeSettings {
        subject: name.map(subject),
        description: about.map(description),
        picture: byte.map(picture),
    }
}

fn settings_changed(name: Option<&str>, about: Option<&str>, byte: Option<u8>) -> Event {
    Event::SettingsChanged {
        subject: name.map(subject),
        description: about.map(description),
        picture: byte.map(picture),
    }
}

#[test]
fn settings_are_changed_together_or_one_by_one() {
    let (name, about) = (Some("After"), Some("Now"));
    check([
        ("none", Auto, vec![], settings(None, None, None), refused(Refusal::NothingToChange)),
        (
            "name",
            Auto,
            vec![],
            settings(name, None, None),
            happens(settings_changed(name, None, None)),
        ),
        (
            "about text",
            Auto,
            vec![],
            settings(None, about, None),
            happens(settings_changed(None, about, None)),
        ),
        (
            "an empty about text is a change too",
            Auto,
            vec![],
            settings(None, Some(""), None),
            happens(settings_changed(None, Some(""), None)),
        ),
        (
            "picture",
            Auto,
            vec![],
            settings(None, None, Some(7)),
            happens(settings_changed(None, None, Some(7))),
        ),
        (
            "all",
            Ask,
            vec![],
            settings(name, about, Some(7)),
            happens(settings_changed(name, about, Some(7))),
        ),
    ]);
}

#[test]
fn only_the_link_that_is_alive_leads_in() {
    let second = || vec![new_link("SecondLink")];
    let dead = || vec![Event::InviteDeleted];
    let revived = || vec![Event::InviteDeleted, new_link("SecondLink")];
    let asked = || vec![requested("r1", "ada"), new_link("SecondLink")];
    check([
        ("never existed", Auto, vec![], join("ada", "Guess", "r1"), refused(DEAD)),
        ("other letter case", Auto, vec![], join("ada", "FIRSTLINK", "r1"), refused(DEAD)),
        ("reset, the old one", Auto, second(), join("ada", LINK, "r1"), refused(DEAD)),
        (
            "reset, the new one",
            Auto,
            second(),
            join("ada", "SecondLink", "r1"),
            happens(joined("ada")),
        ),
        ("reset, ask by the old one", Ask, second(), join("ada", LINK, "r1"), refused(DEAD)),
        ("deleted", Auto, dead(), join("ada", LINK, "r1"), refused(DEAD)),
        ("deleted, provide", Auto, dead(), provide("SecondLink"), happens(new_link("SecondLink"))),
        ("deleted, reset", Auto, dead(), reset("SecondLink"), happens(new_link("SecondLink"))),
        ("deleted, delete", Auto, dead(), Command::DeleteInvite, nothing()),
        ("revived, the old one", Auto, revived(), join("ada", LINK, "r1"), refused(DEAD)),
        ("revived", Auto, revived(), join("ada", "SecondLink", "r1"), happens(joined("ada"))),
        ("revived, provide", Auto, revived(), provide("ThirdLink"), nothing()),
        (
            "reset, pending requests stay",
            Ask,
            asked(),
            approve(&["r1"]),
            happens(approved(&[("r1", "ada")])),
        ),
        (
            "deleted, pending requests stay",
            Ask,
            vec![requested("r1", "ada"), Event::InviteDeleted],
            approve(&["r1"]),
            happens(approved(&[("r1", "ada")])),
        ),
        (
            "asked by the old one, ask again by it",
            Ask,
            asked(),
            join("ada", LINK, "r2"),
            refused(DEAD),
        ),
        (
            "asked by the old one, by the new one",
            Ask,
            asked(),
            join("ada", "SecondLink", "r2"),
            nothing(),
        ),
    ]);
}

#[test]
fn whoever_was_removed_stays_out_until_the_business_adds_them() {
    let out = || vec![added(&["ada"]), removed(&["ada"])];
    let back = || [out(), vec![added(&["ada"])]].concat();
    let and_left = || [back(), vec![left("ada")]].concat();
    let again = || [and_left(), vec![joined("ada"), removed(&["ada"])]].concat();
    check([
        ("removed, by link", Auto, out(), join("ada", LINK, "r1"), refused(BANNED)),
        ("removed, asking", Ask, out(), join("ada", LINK, "r1"), refused(BANNED)),
        (
            "removed, by a later link",
            Auto,
            [out(), vec![new_link("SecondLink")]].concat(),
            join("ada", "SecondLink", "r1"),
            refused(BANNED),
        ),
        ("removed, others by link", Auto, out(), join("ben", LINK, "r1"), happens(joined("ben"))),
        ("removed, added", Auto, out(), add(&["ada"]), happens(added(&["ada"]))),
        ("added back, by link", Auto, back(), join("ada", LINK, "r1"), refused(ALREADY)),
        ("added back, leaves", Auto, back(), leave(by_any("ada")), happens(left("ada"))),
        ("left, by link", Auto, and_left(), join("ada", LINK, "r1"), happens(joined("ada"))),
        ("left, asking", Ask, and_left(), join("ada", LINK, "r1"), happens(requested("r1", "ada"))),
        ("removed again, by link", Auto, again(), join("ada", LINK, "r1"), refused(BANNED)),
        (
            "a removal that failed bans nobody",
            Auto,
            vec![removed_but(&[], &[("ada", NOT_IN)])],
            join("ada", LINK, "r1"),
            happens(joined("ada")),
        ),
        (
            "an addition that failed lifts nothing",
            Auto,
            [out(), vec![added_but(&[], &[("ada", FULL)])]].concat(),
            join("ada", LINK, "r1"),
            refused(BANNED),
        ),
    ]);
}

#[test]
fn requests_are_answered_one_by_one() {
    let two = || vec![requested("r1", "ada"), requested("r2", "ben")];
    let one_place = || [vec![added(&["cem", "dee"])], two()].concat();
    let full = || [vec![added(&["cem", "dee", "eve"])], two()].concat();
    let taken_back = || [two(), vec![cancelled("r1", "ada")]].concat();
    let asked_again = || [taken_back(), vec![requested("r3", "ada")]].concat();
    let both = || happens(approved(&[("r1", "ada"), ("r2", "ben")]));
    check([
        ("both", Ask, two(), approve(&["r1", "r2"]), both()),
        (
            "in the caller's order",
            Ask,
            two(),
            approve(&["r2", "r1"]),
            happens(approved(&[("r2", "ben"), ("r1", "ada")])),
        ),
        (
            "the last place goes to the first",
            Ask,
            one_place(),
            approve(&["r2", "r1"]),
            happens_but(approved(&[("r2", "ben")]), &[("r1", FULL)]),
        ),
        (
            "an unknown one takes no place",
            Ask,
            one_place(),
            approve(&["r9", "r1", "r2"]),
            happens_but(approved(&[("r1", "ada")]), &[("r9", UNKNOWN), ("r2", FULL)]),
        ),
        (
            "full",
            Ask,
            full(),
            approve(&["r1", "r9", "r2"]),
            nothing_but(&[("r1", FULL), ("r9", UNKNOWN), ("r2", FULL)]),
        ),
        (
            "full, turning away",
            Ask,
            full(),
            reject(&["r2", "r9", "r1"]),
            happens_but(rejected(&[("r2", "ben"), ("r1", "ada")]), &[("r9", UNKNOWN)]),
        ),
        (
            "cancelled",
            Ask,
            taken_back(),
            approve(&["r1", "r2"]),
            happens_but(approved(&[("r2", "ben")]), &[("r1", UNKNOWN)]),
        ),
        (
            "cancelled, rejected",
            Ask,
            taken_back(),
            reject(&["r1"]),
            nothing_but(&[("r1", UNKNOWN)]),
        ),
        (
            "asked again, the old id",
            Ask,
            asked_again(),
            reject(&["r1", "r3"]),
            happens_but(rejected(&[("r3", "ada")]), &[("r1", UNKNOWN)]),
        ),
        (
            "other letter case is another id",
            Ask,
            two(),
            approve(&["R1"]),
            nothing_but(&[("R1", UNKNOWN)]),
        ),
    ]);
}

#[test]
fn requests_are_one_for_each_person() {
    let asked = || vec![requested("r1", "ada")];
    let full = || vec![added(&["ben", "cem", "dee"])];
    check([
        ("asks", Ask, vec![], join("ada", LINK, "r1"), happens(requested("r1", "ada"))),
        ("asks twice", Ask, asked(), join("ada", LINK, "r2"), nothing()),
        ("another asks", Ask, asked(), join("ben", LINK, "r2"), happens(requested("r2", "ben"))),
        ("full, asks", Ask, full(), join("ada", LINK, "r1"), happens(requested("r1", "ada"))),
        (
            "cancelled, asks",
            Ask,
            vec![requested("r1", "ada"), cancelled("r1", "ada")],
            join("ada", LINK, "r2"),
            happens(requested("r2", "ada")),
        ),
        (
            "rejected, asks",
            Ask,
            vec![requested("r1", "ada"), rejected(&[("r1", "ada")])],
            join("ada", LINK, "r2"),
            happens(requested("r2", "ada")),
        ),
        (
            "cancels the right one",
            Ask,
            vec![requested("r1", "ada"), requested("r2", "ben")],
            cancel(by_id("ben")),
            happens(cancelled("r2", "ben")),
        ),
        (
            "adding closes the request",
            Ask,
            vec![requested("r1", "ada"), added(&["ada"])],
            approve(&["r1"]),
            nothing_but(&[("r1", UNKNOWN)]),
        ),
        (
            "adding closes nobody else's request",
            Ask,
            vec![requested("r1", "ada"), requested("r2", "ben"), added(&["ada"])],
            approve(&["r2"]),
            happens(approved(&[("r2", "ben")])),
        ),
        (
            "approving makes a participant at once",
            Ask,
            vec![requested("r1", "ada"), approved(&[("r1", "ada")])],
            leave(by_any("ada")),
            happens(left("ada")),
        ),
    ]);
}

#[test]
fn open_requests_have_an_end() {
    let crowd = |size: usize| -> Vec<Event> {
        (0..size).map(|n| requested(&format!("r{n}"), &format!("crowd{n}"))).collect()
    };
    let too_many = Refusal::TooManyJoinRequests { limit: OPEN_REQUESTS_MAX };
    let full = crowd(OPEN_REQUESTS_MAX);
    let freed = [full.clone(), vec![cancelled("r7", "crowd7")]].concat();
    check([
        (
            "one place left",
            Ask,
            crowd(OPEN_REQUESTS_MAX - 1),
            join("ada", LINK, "r-ada"),
            happens(requested("r-ada", "ada")),
        ),
        ("none left", Ask, full.clone(), join("ada", LINK, "r-ada"), refused(too_many)),
        ("none left, asks twice", Ask, full, join("crowd7", LINK, "r-again"), nothing()),
        ("freed", Ask, freed, join("ada", LINK, "r-ada"), happens(requested("r-ada", "ada"))),
    ]);
}

#[test]
fn adding_tells_of_everybody() {
    check([
        (
            "three",
            Auto,
            vec![],
            add(&["ada", "ben", "cem"]),
            happens(added(&["ada", "ben", "cem"])),
        ),
        (
            "the last places go to the first",
            Auto,
            vec![joined("dee")],
            add(&["cem", "ben", "ada"]),
            happens_but(added_but(&["cem", "ben"], &[("ada", FULL)]), &[("ada", FULL)]),
        ),
        (
            "whoever fails takes no place",
            Auto,
            vec![joined("dee"), joined("cem")],
            add(&[SHOP, "dee", "ada", "ben", "cem"]),
            happens_but(
                added_but(
                    &["ada"],
                    &[(SHOP, BUSINESS), ("dee", ALREADY), ("ben", FULL), ("cem", ALREADY)],
                ),
                &[(SHOP, BUSINESS), ("dee", ALREADY), ("ben", FULL), ("cem", ALREADY)],
            ),
        ),
        (
            "people without a phone number are no business",
            Auto,
            vec![],
            add(&["eve", "flo"]),
            happens(added(&["eve", "flo"])),
        ),
        (
            "nobody needs a link to be added",
            Ask,
            vec![Event::InviteDeleted],
            add(&["ada"]),
            happens(added(&["ada"])),
        ),
    ]);
}

#[test]
fn removing_tells_of_everybody() {
    let two = || vec![joined("ada"), joined("eve")];
    check([
        ("both", Auto, two(), remove(refs(&["eve", "ada"])), happens(removed(&["eve", "ada"]))),
        (
            "some",
            Auto,
            two(),
            remove(refs(&["ben", "ada", SHOP])),
            happens_but(
                removed_but(&["ada"], &[("ben", NOT_IN), (SHOP, BUSINESS)]),
                &[("ben", NOT_IN), (SHOP, BUSINESS)],
            ),
        ),
        (
            "none",
            Auto,
            two(),
            remove(refs(&["ben", "flo"])),
            happens_but(
                removed_but(&[], &[("ben", NOT_IN), ("flo", NOT_IN)]),
                &[("ben", NOT_IN), ("flo", NOT_IN)],
            ),
        ),
        (
            "whoever hides the number has none to be found by",
            Auto,
            two(),
            remove(vec![entry("ada", by_phone("ada")), entry("cem", by_phone("cem"))]),
            happens_but(removed_but(&["ada"], &[("cem", NOT_IN)]), &[("cem", NOT_IN)]),
        ),
    ]);
}

#[test]
fn admins_are_made_and_unmade_all_or_none() {
    let two = || vec![joined("ada"), joined("eve")];
    let one_admin = || [two(), vec![promoted(&["ada"])]].concat();
    let two_admins = || [two(), vec![promoted(&["ada", "eve"])]].concat();
    let returned = || vec![joined("ada"), promoted(&["ada"]), left("ada"), joined("ada")];
    check([
        ("both", Auto, two(), promote(refs(&["eve", "ada"])), happens(promoted(&["eve", "ada"]))),
        (
            "one is one already",
            Auto,
            one_admin(),
            promote(refs(&["ada", "eve"])),
            happens(promoted(&["eve"])),
        ),
        ("both are already", Auto, two_admins(), promote(refs(&["ada", "eve"])), nothing()),
        (
            "and the business",
            Auto,
            two(),
            promote(refs(&[SHOP, "ada"])),
            happens(promoted(&["ada"])),
        ),
        ("and a stranger", Auto, two(), promote(refs(&["ada", "ben"])), refused(NOT_IN)),
        (
            "the business and a stranger",
            Auto,
            two(),
            promote(refs(&[SHOP, "ben"])),
            refused(NOT_IN),
        ),
        (
            "both no more",
            Auto,
            two_admins(),
            demote(refs(&["eve", "ada"])),
            happens(demoted(&["eve", "ada"])),
        ),
        (
            "one was none",
            Auto,
            one_admin(),
            demote(refs(&["eve", "ada"])),
            happens(demoted(&["ada"])),
        ),
        ("neither was one", Auto, two(), demote(refs(&["eve", "ada"])), nothing()),
        (
            "unmake a stranger too",
            Auto,
            one_admin(),
            demote(refs(&["ada", "ben"])),
            refused(NOT_IN),
        ),
        (
            "unmake the business too",
            Auto,
            one_admin(),
            demote(refs(&["ada", SHOP])),
            refused(BUSINESS),
        ),
        ("left and returned", Auto, returned(), demote(refs(&["ada"])), nothing()),
        (
            "left and returned, again",
            Auto,
            returned(),
            promote(refs(&["ada"])),
            happens(promoted(&["ada"])),
        ),
    ]);
}

#[test]
fn the_same_entry_twice_refuses_the_whole_call() {
    let two = || vec![joined("ada"), joined("ben")];
    let asked = || vec![requested("r1", "ada"), requested("r2", "ben")];
    let both_ways = || {
        vec![entry("Ben", by_id("ben")), entry("+49", by_phone("ada")), entry("Ada", by_id("ada"))]
    };
    let other_way = || vec![entry("Ada", by_id("ada")), entry("+49", by_phone("ada"))];
    let strangers = || vec![entry("Cem", by_id("cem")), entry("+49", by_phone("cem"))];
    let respelled = || {
        let mut people = entries(&["ben", "ada", "cem"]);
        people.extend([entry("Ada once more", person("ada")), entry("and Ben", person("ben"))]);
        Command::AddParticipants { people: batch(people) }
    };
    check([
        ("approve", Ask, asked(), approve(&["r2", "r1", "r1"]), twice(Waiting, "r1", 1, 2)),
        (
            "approve, unknown",
            Ask,
            asked(),
            approve(&["r9", "r1", "r9"]),
            twice(Waiting, "r9", 0, 2),
        ),
        ("reject", Ask, asked(), reject(&["r1", "r2", "r1"]), twice(Waiting, "r1", 0, 2)),
        ("reject, unknown", Ask, vec![], reject(&["r9", "r9"]), twice(Waiting, "r9", 0, 1)),
        ("add", Auto, vec![], add(&["ada", "ben", "ben", "ada"]), twice(People, "ben", 1, 2)),
        ("add, two spellings", Auto, vec![], respelled(), twice(People, "Ada once more", 1, 3)),
        ("add, already in", Auto, two(), add(&["ada", "ada"]), twice(People, "ada", 0, 1)),
        ("add the business", Auto, vec![], add(&[SHOP, SHOP]), twice(People, SHOP, 0, 1)),
        ("remove", Auto, two(), remove(refs(&["ada", "ben", "ada"])), twice(People, "ada", 0, 2)),
        (
            "remove a stranger",
            Auto,
            two(),
            remove(refs(&["cem", "ada", "cem"])),
            twice(People, "cem", 0, 2),
        ),
        ("remove, two spellings", Auto, two(), remove(both_ways()), twice(People, "Ada", 1, 2)),
        (
            "remove, two spellings back",
            Auto,
            two(),
            remove(other_way()),
            twice(People, "+49", 0, 1),
        ),
        (
            "remove, two spellings of nobody in particular",
            Auto,
            two(),
            remove(strangers()),
            happens_but(
                removed_but(&[], &[("Cem", NOT_IN), ("+49", NOT_IN)]),
                &[("Cem", NOT_IN), ("+49", NOT_IN)],
            ),
        ),
        ("promote", Auto, two(), promote(refs(&["ada", "ada"])), twice(People, "ada", 0, 1)),
        ("promote, two spellings", Auto, two(), promote(both_ways()), twice(People, "Ada", 1, 2)),
        (
            "promote a stranger",
            Auto,
            two(),
            promote(refs(&["cem", "cem"])),
            twice(People, "cem", 0, 1),
        ),
        (
            "promote the business",
            Auto,
            two(),
            promote(refs(&[SHOP, SHOP])),
            twice(People, SHOP, 0, 1),
        ),
        ("demote", Auto, two(), demote(refs(&["ada", "ada"])), twice(People, "ada", 0, 1)),
        ("demote, two spellings", Auto, two(), demote(both_ways()), twice(People, "Ada", 1, 2)),
        (
            "demote the business",
            Auto,
            two(),
            demote(refs(&[SHOP, SHOP])),
            twice(People, SHOP, 0, 1),
        ),
    ]);
}

#[test]
fn a_group_above_a_lowered_limit_keeps_what_it_has_and_takes_nobody_new() {
    let lowered = 1;
    let full = Refusal::GroupFull { limit: lowered };
    let auto = group_after(Auto, &[joined("ada"), joined("ben"), joined("cem")]);
    let ask = group_after(Ask, &[added(&["ada", "ben", "cem"]), requested("r1", "dee")]);
    let rows = [
        ("join", &auto, join("dee", LINK, "r1"), refused(full.clone())),
        (
            "add",
            &auto,
            add(&["dee"]),
            happens_but(added_but(&[], &[("dee", full.clone())]), &[("dee", full.clone())]),
        ),
        ("approve", &ask, approve(&["r1"]), nothing_but(&[("r1", full)])),
        ("ask", &ask, join("eve", LINK, "r2"), happens(requested("r2", "eve"))),
        ("leave", &auto, leave(by_any("ada")), happens(left("ada"))),
    ];
    for (name, group, when, then) in rows {
        assert_eq!(group.decide(&when, limits(lowered)), then, "{name}");
    }
    let none = group_after(Auto, &[]).decide(&join("ada", LINK, "r1"), limits(0));
    assert_eq!(none, refused(Refusal::GroupFull { limit: 0 }), "a limit of nobody");
}

// Longer stories: here each answer comes of the ones before.

fn tell(name: &str, mode: JoinApprovalMode, steps: impl IntoIterator<Item = (Command, Outcome)>) {
    let mut group = group_after(mode, &[]);
    for ((when, then), step) in steps.into_iter().zip(1..) {
        let answer = group.decide(&when, limits(LIMIT));
        assert_eq!(answer, then, "{name}, step {step}");
        if let Some(event) = answer.ok().and_then(|decision| decision.event) {
            group.apply(&event, at(step));
        }
    }
}

#[test]
fn a_removed_person_returns_by_the_business_alone() {
    tell(
        "removed and returned",
        Auto,
        [
            (join("eve", LINK, "r1"), happens(joined("eve"))),
            (remove(refs(&["eve"])), happens(removed(&["eve"]))),
            (join("eve", LINK, "r2"), refused(BANNED)),
            (reset("SecondLink"), happens(other_link("SecondLink"))),
            (join("eve", "SecondLink", "r3"), refused(BANNED)),
            (add(&["eve"]), happens(added(&["eve"]))),
            (leave(by_id("eve")), happens(left("eve"))),
            (join("eve", "SecondLink", "r4"), happens(joined("eve"))),
        ],
    );
}

#[test]
fn who_has_not_accepted_the_terms_comes_in_by_no_other_hand() {
    let terms = || Refusal::TermsNotAccepted;
    let eve = || Person { terms_accepted: false, ..person("eve") };
    let asked = Event::JoinRequested { request: request_id("r1"), person: eve() };
    let group = group_after(Ask, &[asked, requested("r2", "ada")]);
    let answer = group.decide(&approve(&["r1", "r2"]), limits(1));
    let expected = [("r1", terms())];
    assert_eq!(answer, happens_but(approved(&[("r2", "ada")]), &expected), "approved");
    // That comes first: room would not help.
    let answer = group.decide(&approve(&["r1"]), limits(0));
    assert_eq!(answer, nothing_but(&expected), "approved, and full");
    let add_eve = Command::AddParticipants {
        people: batch(vec![Entry { input: "eve".to_owned(), target: eve() }]),
    };
    let failed = [("eve", terms())];
    let answer = group_after(Auto, &[]).decide(&add_eve, limits(LIMIT));
    assert_eq!(answer, happens_but(added_but(&[], &failed), &failed), "added");
    // A tap on the link is her own doing.
    let tap = Command::Join { person: eve(), code: code(LINK), request: request_id("r1") };
    let answer = group_after(Auto, &[]).decide(&tap, limits(LIMIT));
    assert_eq!(answer, happens(Event::ParticipantJoined { person: eve() }), "tapped");
}

#[test]
fn who_hides_the_number_is_found_by_it_all_the_same() {
    let ada = Person { hides_phone: true, ..person("ada") };
    assert_eq!((ada.wa_id(), ada.spelled()), (None, "DE.ada"));
    assert_eq!(person("ada").wa_id(), person("ada").phone.as_ref());
    assert_eq!(person("ada").spelled(), person("ada").phone.expect("she has one").as_str());
    let group = group_after(Auto, &[Event::ParticipantJoined { person: ada.clone() }]);
    for by in [by_phone("ada"), by_id("ada")] {
        let answer = group.decide(&leave(by), limits(LIMIT));
        assert_eq!(answer, happens(Event::ParticipantLeft { person: ada.clone() }));
    }
}

#[test]
fn a_picture_that_could_not_be_had_changes_nothing() {
    let before = group_after(Auto, &[joined("ada")]);
    let mut after = before.clone();
    after.apply(&no_picture(), at(9));
    let version = before.state().version + 1;
    assert_eq!(*after.state(), GroupState { version, ..before.state().clone() });
}

#[test]
fn a_request_goes_the_whole_way() {
    tell(
        "asked, turned away, asked, let in",
        Ask,
        [
            (join("ada", LINK, "r1"), happens(requested("r1", "ada"))),
            (join("ada", LINK, "r2"), nothing()),
            (approve(&["r2"]), nothing_but(&[("r2", UNKNOWN)])),
            (reject(&["r1"]), happens(rejected(&[("r1", "ada")]))),
            (approve(&["r1"]), nothing_but(&[("r1", UNKNOWN)])),
            (join("ada", LINK, "r3"), happens(requested("r3", "ada"))),
            (cancel(by_phone("ada")), happens(cancelled("r3", "ada"))),
            (cancel(by_phone("ada")), refused(UNKNOWN)),
            (join("ada", LINK, "r4"), happens(requested("r4", "ada"))),
            (approve(&["r4"]), happens(approved(&[("r4", "ada")]))),
            (approve(&["r4"]), nothing_but(&[("r4", UNKNOWN)])),
            (join("ada", LINK, "r5"), refused(ALREADY)),
            (leave(by_phone("ada")), happens(left("ada"))),
            (join("ada", LINK, "r6"), happens(requested("r6", "ada"))),
        ],
    );
}

#[test]
fn a_place_is_free_again_once_somebody_goes() {
    tell(
        "full, and no longer",
        Auto,
        [
            (add(&["ada", "ben", "cem"]), happens(added(&["ada", "ben", "cem"]))),
            (join("dee", LINK, "r1"), refused(FULL)),
            (leave(by_any("ada")), happens(left("ada"))),
            (join("dee", LINK, "r2"), happens(joined("dee"))),
            (join("ada", LINK, "r3"), refused(FULL)),
            (remove(refs(&["dee"])), happens(removed(&["dee"]))),
            (join("ada", LINK, "r4"), happens(joined("ada"))),
        ],
    );
}

#[test]
fn a_group_lives_and_ends() {
    let unknown = || refused(Refusal::GroupUnknown);
    let suspended = || refused(Refusal::GroupSuspended);
    tell(
        "suspended, restored, deleted",
        Auto,
        [
            (Command::Restore, nothing()),
            (Command::Suspend, happens(Event::Suspended)),
            (Command::Suspend, nothing()),
            (join("ada", LINK, "r1"), suspended()),
            (Command::Restore, happens(Event::Restored)),
            (join("ada", LINK, "r2"), happens(joined("ada"))),
            (Command::Delete, happens(Event::Deleted)),
            (Command::Delete, unknown()),
            (Command::Restore, unknown()),
            (Command::LeaveAsBusiness, unknown()),
        ],
    );
}

// What events change.

/// Checks that an event makes exactly this change, and counts.
fn check_effect(
    name: &str,
    mode: JoinApprovalMode,
    given: &[Event],
    event: &Event,
    change: impl FnOnce(&mut GroupState),
) {
    let mut group = group_after(mode, given);
    let mut expected = group.state().clone();
    expected.version += 1;
    change(&mut expected);
    group.apply(event, at(99));
    assert_eq!(*group.state(), expected, "{name}");
}

fn participant(name: &str, admin: bool, second: i64) -> Participant {
    Participant { person: person(name), admin, joined_at: at(second) }
}

fn request(id: &str, name: &str, second: i64, opened_in: u64) -> JoinRequest {
    JoinRequest { id: request_id(id), person: person(name), created_at: at(second), opened_in }
}

#[test]
fn a_new_group_is_what_its_creation_says() {
    let command = creation(Ask);
    let (group, event) = Group::create(command.clone(), at(5));
    assert_eq!(event, Event::Created(Box::new(command.clone())));
    let expected = GroupState {
        version: 1,
        id: command.id,
        serial: command.serial,
        number: command.number,
        business: command.business,
        alias_second: command.alias_second,
        subject: command.subject,
        description: command.description,
        mode: Ask,
        picture: None,
        invite: Some(command.invite),
        participants: Vec::new(),
        requests: Vec::new(),
        removed: Vec::new(),
        status: Status::Active,
        created_at: at(5),
    };
    assert_eq!(*group.state(), expected);
    assert_eq!(Group::fold([(&event, at(5))]), Some(group.clone()));
    assert_eq!(Group::from_state(expected), group);
}

#[test]
fn a_history_begins_with_a_creation_and_has_only_one() {
    let (created, other) = (creation(Auto), creation(Ask));
    let (group, event) = Group::create(created, at(0));
    let (_, second_event) = Group::create(other, at(1));
    assert_eq!(Group::fold([]), None);
    assert_eq!(Group::fold([(&joined("ada"), at(0)), (&event, at(1))]), None);
    let twice = Group::fold([(&event, at(0)), (&second_event, at(1))]).expect("begins well");
    let expected = GroupState { version: 2, ..group.state().clone() };
    assert_eq!(*twice.state(), expected);
}

#[test]
fn settings_links_and_status_change_alone() {
    check_effect("name", Auto, &[], &settings_changed(Some("After"), None, None), |group| {
        group.subject = subject("After");
    });
    check_effect("about text", Auto, &[], &settings_changed(None, Some(""), None), |group| {
        group.description = description("");
    });
    let pictured = [settings_changed(None, None, Some(1))];
    check_effect("picture", Auto, &pictured, &settings_changed(None, None, Some(2)), |group| {
        group.picture = Some(picture(2));
    });
    check_effect(
        "a picture stays",
        Auto,
        &pictured,
        &settings_changed(Some("After"), None, None),
        |group| {
            group.subject = subject("After");
            assert_eq!(group.picture, Some(picture(1)));
        },
    );
    let asked = [requested("r1", "ada")];
    check_effect("link", Ask, &asked, &new_link("SecondLink"), |group| {
        group.invite = Some(code("SecondLink"));
    });
    check_effect("no link", Ask, &asked, &Event::InviteDeleted, |group| group.invite = None);
    check_effect("suspended", Ask, &asked, &Event::Suspended, |group| {
        group.status = Status::Suspended;
    });
    check_effect(
        "restored",
        Ask,
        &[requested("r1", "ada"), Event::Suspended],
        &Event::Restored,
        |group| {
            group.status = Status::Active;
        },
    );
}

#[test]
fn people_come_last_and_as_no_admins() {
    let inside = [joined("ada"), promoted(&["ada"])];
    check_effect("joined", Auto, &inside, &joined("eve"), |group| {
        group.participants = vec![participant("ada", true, 1), participant("eve", false, 99)];
    });
    check_effect("added", Auto, &inside, &added_but(&["cem", "ben"], &[("dee", FULL)]), |group| {
        group.participants = vec![
            participant("ada", true, 1),
            participant("cem", false, 99),
            participant("ben", false, 99),
        ];
    });
    let banned = [added(&["ada", "ben"]), removed(&["ada", "ben"])];
    check_effect("added back", Auto, &banned, &added(&["ada"]), |group| {
        group.participants = vec![participant("ada", false, 99)];
        group.removed = vec![person("ben")];
    });
    let gone = [joined("ada"), promoted(&["ada"]), joined("ben"), left("ada")];
    check_effect("returned", Auto, &gone, &joined("ada"), |group| {
        group.participants = vec![participant("ben", false, 3), participant("ada", false, 99)];
    });
}

#[test]
fn people_go_alone() {
    let inside = [joined("ada"), joined("ben"), joined("cem")];
    check_effect("left", Auto, &inside, &left("ben"), |group| {
        group.participants = vec![participant("ada", false, 1), participant("cem", false, 3)];
    });
    let event = removed_but(&["cem", "ada"], &[("dee", NOT_IN)]);
    check_effect("removed", Auto, &inside, &event, |group| {
        group.participants = vec![participant("ben", false, 2)];
        group.removed = vec![person("cem"), person("ada")];
    });
    check_effect("nobody removed", Auto, &inside, &removed_but(&[], &[("dee", NOT_IN)]), |_| {});
}

#[test]
fn requests_open_last_and_close_alone() {
    let asked = [
        requested("r1", "ada"),
        Event::InviteDeleted,
        requested("r2", "ben"),
        requested("r3", "eve"),
    ];
    let [ada, ben, eve] =
        [request("r1", "ada", 1, 2), request("r2", "ben", 3, 4), request("r3", "eve", 4, 5)];
    check_effect("asked", Ask, &asked, &requested("r4", "dee"), |group| {
        let all = [ada.clone(), ben.clone(), eve.clone(), request("r4", "dee", 99, 6)];
        group.requests = all.to_vec();
    });
    check_effect("cancelled", Ask, &asked, &cancelled("r2", "ben"), |group| {
        group.requests = vec![ada.clone(), eve.clone()];
    });
    check_effect("turned away", Ask, &asked, &rejected(&[("r3", "eve"), ("r1", "ada")]), |group| {
        group.requests = vec![ben.clone()];
    });
    check_effect("let in", Ask, &asked, &approved(&[("r3", "eve"), ("r1", "ada")]), |group| {
        group.requests = vec![ben.clone()];
        group.participants = vec![participant("eve", false, 99), participant("ada", false, 99)];
    });
    check_effect("added", Ask, &asked, &added(&["ben"]), |group| {
        group.requests = vec![ada.clone(), eve.clone()];
        group.participants = vec![participant("ben", false, 99)];
    });
}

#[test]
fn admins_change_alone() {
    let inside = [joined("ada"), joined("ben"), joined("eve"), promoted(&["ada", "ben"])];
    let with = |ada, ben, eve| {
        vec![participant("ada", ada, 1), participant("ben", ben, 2), participant("eve", eve, 3)]
    };
    check_effect("promoted", Auto, &inside, &promoted(&["eve"]), |group| {
        group.participants = with(true, true, true);
    });
    check_effect("demoted", Auto, &inside, &demoted(&["ben"]), |group| {
        group.participants = with(true, false, false);
    });
}

#[test]
fn an_ended_group_has_nobody_and_no_link() {
    let given = [
        added(&["ada", "ben", "cem"]),
        removed(&["ben"]),
        promoted(&["ada"]),
        requested("r1", "dee"),
        settings_changed(None, None, Some(3)),
    ];
    for (event, status) in [(Event::Deleted, Status::Deleted), (Event::BusinessLeft, Status::Left)]
    {
        check_effect("ended", Ask, &given, &event, |group| {
            group.status = status;
            group.participants.clear();
            group.requests.clear();
            group.invite = None;
        });
    }
}

#[test]
fn only_a_group_that_has_not_ended_exists() {
    for (event, exists) in [
        (Event::Restored, true),
        (Event::Suspended, true),
        (Event::Deleted, false),
        (Event::BusinessLeft, false),
    ] {
        assert_eq!(group_after(Auto, &[event]).state().exists(), exists);
    }
}

#[test]
fn people_are_found_by_number_and_by_id() {
    let group = group_after(Ask, &[added(&["ada", "eve"]), requested("r1", "ben")]);
    let state = group.state();
    let found = |whom| state.participant(&whom).map(|found| found.person.clone());
    let asking = |whom| state.request_of(&whom).map(|found| found.id.clone());
    assert_eq!(found(by_phone("ada")), Some(person("ada")));
    assert_eq!(found(by_id("ada")), Some(person("ada")));
    assert_eq!(found(by_id("eve")), Some(person("eve")));
    assert_eq!(found(by_phone("cem")), None, "eve hides her number: it is nobody's");
    assert_eq!(found(by_id("ben")), None, "only asks");
    assert_eq!(asking(by_phone("ben")), Some(request_id("r1")));
    assert_eq!(asking(by_id("ben")), Some(request_id("r1")));
    assert_eq!(asking(by_id("ada")), None, "is in");
    for (name, digits) in PEOPLE {
        let whom = person(name);
        assert!(by_id(name).is(&whom), "{name}");
        assert_eq!(by_id(name).to_string(), format!("DE.{name}"));
        assert_eq!(by_any(name).to_string(), digits.map_or(format!("DE.{name}"), str::to_owned));
        assert_eq!(by_phone("ada").is(&whom), name == "ada", "{name}");
    }
}

// What events are called.

/// Declares every event once: its name, its word, one of its kind. An event that is not in the list
/// does not compile.
macro_rules! events {
    ($($name:ident, $word:literal, $example:expr;)*) => {
        fn every_event() -> Vec<(&'static str, Event)> {
            vec![$(($word, $example)),*]
        }

        fn word_of(event: &Event) -> &'static str {
            match event { $(Event::$name { .. } => $word),* }
        }
    };
}

events! {
    Created, "created", Event::Created(Box::new(creation(Auto)));
    PictureFailed, "picture_failed", no_picture();
    SettingsChanged, "settings_changed", settings_changed(Some("After"), None, None);
    InviteReset, "invite_reset", new_link("NewLink");
    InviteDeleted, "invite_deleted", Event::InviteDeleted;
    ParticipantJoined, "participant_joined", joined("ada");
    JoinRequested, "join_requested", requested("r1", "ada");
    JoinRequestCancelled, "join_request_cancelled", cancelled("r1", "ada");
    JoinRequestsApproved, "join_requests_approved", approved(&[("r1", "ada"), ("r2", "ben")]);
    JoinRequestsRejected, "join_requests_rejected", rejected(&[("r1", "ada"), ("r2", "ben")]);
    ParticipantsAdded, "participants_added", added_but(&["ada", "ben"], &[("cem", FULL)]);
    ParticipantsRemoved, "participants_removed", removed_but(&["ada", "ben"], &[("cem", NOT_IN)]);
    ParticipantLeft, "participant_left", left("ada");
    AdminsPromoted, "admins_promoted", promoted(&["ada", "ben"]);
    AdminsDemoted, "admins_demoted", demoted(&["ada", "ben"]);
    Suspended, "suspended", Event::Suspended;
    Restored, "restored", Event::Restored;
    Deleted, "deleted", Event::Deleted;
    BusinessLeft, "business_left", Event::BusinessLeft;
}

#[test]
fn events_keep_their_words() {
    for (word, event) in every_event() {
        assert_eq!((event.kind(), word_of(&event)), (word, word));
    }
}

#[test]
fn events_tell_whose_standing_they_set() {
    for (word, event) in every_event() {
        let (names, standing): (&[&str], _) = match word {
            "participant_joined" => (&["ada"], Standing::Participant),
            "join_requested" => (&["ada"], Standing::Requested),
            "participant_left" | "join_request_cancelled" => (&["ada"], Standing::None),
            "join_requests_approved" | "participants_added" => {
                (&["ada", "ben"], Standing::Participant)
            }
            "join_requests_rejected" => (&["ada", "ben"], Standing::None),
            "participants_removed" => (&["ada", "ben"], Standing::Removed),
            _ => (&[], Standing::None),
        };
        let people: Vec<_> = names.iter().map(|name| person(name)).collect();
        let expected: Vec<_> = people.iter().map(|person| (person, standing)).collect();
        assert_eq!(event.standings(), expected, "{word}");
    }
}
