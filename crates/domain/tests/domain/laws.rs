//! What holds whatever is asked of a group, in whatever order.
//!
//! A script is a random series of commands of every kind over a small world, in which the operator
//! also changes the limit. It is played once, and each law looks at the play.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::{Failed, Standing};
use domain::ids::{JoinRequestId, UserId};
use domain::person::Entry;
use domain::refusal::List;
use domain::values::{Batch, InviteCode, JoinApprovalMode, Timestamp};
use domain::{
    Command, Decision, Event, Group, GroupState, Limits, Person, PersonRef, Refusal, Status,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::common::{
    Kind, LINK, Outcome, PEOPLE, SHOP, at, batch, by_any, by_id, code, config, creation,
    description, entry, limits, person, picture, request_id, subject,
};

// Scripts.

/// One step of a script. The picks are made sense of when the step is played, since a script cannot
/// know which requests and links there will be.
#[derive(Debug, Clone)]
enum Step {
    /// The operator sets how many participants are allowed.
    Limit(u32),
    /// Somebody asks something of the group.
    Ask(Kind, Vec<usize>),
}

#[derive(Debug, Clone)]
struct Script {
    mode: JoinApprovalMode,
    limit: u32,
    steps: Vec<Step>,
}

/// How often a kind of command is asked: people come and go all the time, a group ends once.
const fn weight(kind: Kind) -> usize {
    match kind {
        Kind::Join => 96,
        Kind::ApproveJoinRequests => 40,
        Kind::AddParticipants | Kind::RemoveParticipants => 32,
        Kind::LeaveAsParticipant | Kind::PromoteAdmins => 24,
        Kind::CancelJoinRequest | Kind::RejectJoinRequests | Kind::DemoteAdmins => 16,
        Kind::ProvideInvite | Kind::Restore => 12,
        Kind::ResetInvite => 8,
        Kind::ChangeSettings | Kind::ReportPictureFailure | Kind::DeleteInvite => 4,
        Kind::Suspend | Kind::Delete | Kind::LeaveAsBusiness => 1,
    }
}

fn step() -> impl Strategy<Value = Step> {
    let all = Kind::ALL.iter().flat_map(|kind| std::iter::repeat_n(*kind, weight(*kind)));
    let kind = prop::sample::select(all.collect::<Vec<_>>());
    let picks = (1_usize..=4, prop::array::uniform4(0_usize..64));
    let ask = (kind, picks).prop_map(|(kind, (many, picks))| Step::Ask(kind, picks[..many].into()));
    prop_oneof![24 => ask, 1 => (0_u32..6).prop_map(Step::Limit)]
}

fn script() -> impl Strategy<Value = Script> {
    let mode =
        prop_oneof![Just(JoinApprovalMode::AutoApprove), Just(JoinApprovalMode::ApprovalRequired)];
    (mode, 1_u32..5, prop::collection::vec(step(), 0..=60))
        .prop_map(|(mode, limit, steps)| Script { mode, limit, steps })
}

// Plays.

/// A command, what it met, and what came of it.
#[derive(Debug)]
struct Move {
    before: GroupState,
    command: Command,
    limits: Limits,
    outcome: Outcome,
    after: GroupState,
}

impl Move {
    fn event(&self) -> Option<&Event> {
        self.outcome.as_ref().ok().and_then(|decision| decision.event.as_ref())
    }

    fn refused(&self) -> &[Failed] {
        self.outcome.as_ref().map_or(&[], |decision| &decision.refused)
    }
}

#[derive(Debug)]
struct Play {
    history: Vec<(Event, Timestamp)>,
    moves: Vec<Move>,
    group: Group,
}

/// Hands out what a command carries: fresh ids and codes, and old ones again.
struct World {
    /// Every link that the group was ever offered, the latest last.
    codes: Vec<InviteCode>,
    /// Every id that a request was ever to have.
    requests: Vec<JoinRequestId>,
}

impl World {
    fn new() -> Self {
        Self { codes: vec![code(LINK)], requests: vec![request_id("r0")] }
    }

    /// Everybody, and the business as if it were a person.
    fn name(pick: usize) -> &'static str {
        PEOPLE.get(pick % (PEOPLE.len() + 1)).map_or(SHOP, |(name, _)| name)
    }

    fn whom(pick: usize) -> PersonRef {
        let name = Self::name(pick);
        if pick.is_multiple_of(2) { by_any(name) } else { by_id(name) }
    }

    fn entries<T>(picks: &[usize], target: impl Fn(usize) -> T) -> Batch<Entry<T>> {
        let entries = picks.iter().zip(1..);
        batch(entries.map(|(pick, nth)| entry(&format!("no. {nth}"), target(*pick))).collect())
    }

    fn refs(picks: &[usize]) -> Batch<Entry<PersonRef>> {
        Self::entries(picks, Self::whom)
    }

    fn requests(&self, picks: &[usize]) -> Batch<JoinRequestId> {
        // Counted from the latest, where the open ones are.
        let latest = self.requests.iter().rev();
        batch(
            picks.iter().filter_map(|pick| latest.clone().cycle().nth(pick % 8).cloned()).collect(),
        )
    }

    fn new_code(&mut self) -> InviteCode {
        let fresh = code(&format!("Link{}", self.codes.len()));
        self.codes.push(fresh.clone());
        fresh
    }

    fn tapped(&self, alive: Option<&InviteCode>, picks: &[usize]) -> InviteCode {
        let old = picks.get(2).is_some_and(|pick| pick.is_multiple_of(3));
        let pick = picks.last().copied().unwrap_or_default();
        alive.filter(|_| !old).unwrap_or(&self.codes[pick % self.codes.len()]).clone()
    }

    fn command(&mut self, kind: Kind, picks: &[usize], group: &GroupState) -> Command {
        let first = picks.first().copied().unwrap_or_default();
        let few = &picks[..picks.len().min(2)];
        match kind {
            Kind::ChangeSettings => Command::ChangeSettings {
                subject: (first & 1 != 0).then(|| subject(&format!("Subject {first}"))),
                description: (first & 2 != 0).then(|| description(&format!("About {first}"))),
                picture: (first & 4 != 0).then(|| picture(1)),
            },
            Kind::ReportPictureFailure => {
                Command::ReportPictureFailure { problem: "nobody answered".to_owned() }
            }
            Kind::ProvideInvite => Command::ProvideInvite { code: self.new_code() },
            Kind::ResetInvite => Command::ResetInvite { code: self.new_code() },
            Kind::DeleteInvite => Command::DeleteInvite,
            Kind::Join => {
                let request = request_id(&format!("r{}", self.requests.len()));
                self.requests.push(request.clone());
                let code = self.tapped(group.invite.as_ref(), picks);
                Command::Join { person: person(Self::name(first)), code, request }
            }
            Kind::CancelJoinRequest => Command::CancelJoinRequest { person: Self::whom(first) },
            Kind::LeaveAsParticipant => Command::LeaveAsParticipant { person: Self::whom(first) },
            Kind::ApproveJoinRequests => {
                Command::ApproveJoinRequests { requests: self.requests(picks) }
            }
            Kind::RejectJoinRequests => {
                Command::RejectJoinRequests { requests: self.requests(picks) }
            }
            Kind::AddParticipants => Command::AddParticipants {
                people: Self::entries(picks, |pick| person(Self::name(pick))),
            },
            Kind::RemoveParticipants => Command::RemoveParticipants { people: Self::refs(few) },
            Kind::PromoteAdmins => Command::PromoteAdmins { people: Self::refs(few) },
            Kind::DemoteAdmins => Command::DemoteAdmins { people: Self::refs(few) },
            Kind::Suspend => Command::Suspend,
            Kind::Restore => Command::Restore,
            Kind::Delete => Command::Delete,
            Kind::LeaveAsBusiness => Command::LeaveAsBusiness,
        }
    }
}

fn play(script: &Script) -> Play {
    let (mut group, created) = Group::create(creation(script.mode), at(0));
    let mut history = vec![(created, at(0))];
    let mut moves = Vec::new();
    let mut world = World::new();
    let mut limit = limits(script.limit);
    for (step, second) in script.steps.iter().zip(1..) {
        let (kind, picks) = match step {
            Step::Limit(allowed) => {
                limit = limits(*allowed);
                continue;
            }
            Step::Ask(kind, picks) => (*kind, picks),
        };
        let before = group.state().clone();
        let command = world.command(kind, picks, &before);
        let outcome = group.decide(&command, limit);
        if let Ok(Decision { event: Some(event), .. }) = &outcome {
            group.apply(event, at(second));
            history.push((event.clone(), at(second)));
        }
        let after = group.state().clone();
        moves.push(Move { before, command, limits: limit, outcome, after });
    }
    Play { history, moves, group }
}

// What a group looks like from the outside.

fn inside(group: &GroupState) -> Vec<&UserId> {
    group.participants.iter().map(|participant| &participant.person.user_id).collect()
}

fn asking(group: &GroupState) -> Vec<&UserId> {
    group.requests.iter().map(|request| &request.person.user_id).collect()
}

fn admins(group: &GroupState) -> BTreeSet<UserId> {
    let admins = group.participants.iter().filter(|participant| participant.admin);
    admins.map(|participant| participant.person.user_id.clone()).collect()
}

fn standing(group: &GroupState, user_id: &UserId) -> Standing {
    if inside(group).contains(&user_id) {
        Standing::Participant
    } else if asking(group).contains(&user_id) {
        Standing::Requested
    } else if banned(group).contains(&user_id) {
        Standing::Removed
    } else {
        Standing::None
    }
}

fn banned(group: &GroupState) -> Vec<&UserId> {
    group.removed.iter().map(|person| &person.user_id).collect()
}

fn everybody() -> Vec<Person> {
    PEOPLE.iter().map(|(name, _)| person(name)).chain([person(SHOP)]).collect()
}

fn has_no_repetition<T: Ord>(items: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

// Laws.

#[test]
fn the_scripts_reach_every_command_every_event_and_every_refusal() {
    let mut runner = TestRunner::deterministic();
    let (mut kinds, mut events) = (BTreeSet::new(), BTreeSet::new());
    let mut refusals = BTreeSet::new();
    let word = |refusal: &Refusal| {
        format!("{refusal:?}").split_whitespace().next().unwrap_or_default().to_owned()
    };
    for _ in 0..config().cases {
        let play = play(&script().new_tree(&mut runner).expect("no filters").current());
        events.extend(play.history.iter().map(|(event, _)| event.kind()));
        for step in &play.moves {
            // What only an ended or suspended group was asked counts for nothing.
            if step.before.status == Status::Active {
                kinds.insert(Kind::of(&step.command));
            }
            refusals.extend(step.refused().iter().map(|refused| word(&refused.refusal)));
            refusals.extend(step.outcome.as_ref().err().map(word));
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), Kind::ALL);
    assert_eq!(events.len(), 19, "{events:?}");
    let expected = [
        "AlreadyParticipant",
        "BusinessNamed",
        "DuplicateEntry",
        "GroupFull",
        "GroupSuspended",
        "GroupUnknown",
        "InviteLinkDead",
        "JoinRequestUnknown",
        "NotParticipant",
        "NothingToChange",
        "RemovedByBusiness",
    ];
    assert_eq!(refusals.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_group_is_what_its_history_tells(script in script()) {
        let play = play(&script);
        let folded = Group::fold(play.history.iter().map(|(event, at)| (event, *at)));
        prop_assert_eq!(folded.as_ref(), Some(&play.group));
        prop_assert_eq!(u64::try_from(play.history.len()), Ok(play.group.state().version));
        let kept = Group::from_state(play.group.state().clone());
        prop_assert_eq!(kept, play.group);
    }

    #[test]
    fn a_group_changes_by_its_events_alone_and_one_at_a_time(script in script()) {
        for step in play(&script).moves {
            if step.event().is_some() {
                prop_assert_eq!(step.after.version, step.before.version + 1);
            } else {
                prop_assert_eq!(&step.after, &step.before, "{:?}", step.command);
            }
            let asked_again = Group::from_state(step.before).decide(&step.command, step.limits);
            prop_assert_eq!(asked_again, step.outcome, "{:?}", step.command);
        }
    }

    #[test]
    fn a_group_never_grows_beyond_the_limit(script in script()) {
        for step in play(&script).moves {
            let entered = inside(&step.after).iter().any(|who| !inside(&step.before).contains(who));
            let size = step.after.participants.len();
            let allowed = usize::try_from(step.limits.participants).expect("small");
            prop_assert!(!entered || size <= allowed, "{size} of {allowed}: {:?}", step.command);
        }
    }

    #[test]
    fn nobody_is_refused_for_want_of_a_place_while_there_is_one(script in script()) {
        for step in play(&script).moves {
            let entries = step.refused().iter().map(|entry| &entry.refusal);
            for refusal in entries.chain(step.outcome.as_ref().err()) {
                if let Refusal::GroupFull { limit } = refusal {
                    prop_assert_eq!(*limit, step.limits.participants);
                    let size = u32::try_from(step.after.participants.len()).expect("small");
                    prop_assert!(size >= *limit, "{size} of {limit}: {:?}", step.command);
                }
            }
        }
    }

    #[test]
    fn whoever_was_removed_is_out_until_added(script in script()) {
        let mut banned: BTreeSet<UserId> = BTreeSet::new();
        for step in play(&script).moves {
            match step.event() {
                Some(Event::ParticipantsRemoved { removed, .. }) => {
                    banned.extend(removed.iter().map(|entry| entry.target.user_id.clone()));
                }
                Some(Event::ParticipantsAdded { added, .. }) => {
                    banned.retain(|who| added.iter().all(|entry| entry.target.user_id != *who));
                }
                _ => {}
            }
            prop_assert!(inside(&step.after).iter().all(|who| !banned.contains(who)));
            prop_assert!(asking(&step.after).iter().all(|who| !banned.contains(who)));
            let kept: BTreeSet<UserId> =
                step.after.removed.iter().map(|person| person.user_id.clone()).collect();
            prop_assert_eq!(&kept, &banned);
        }
    }

    #[test]
    fn a_dead_link_leads_nowhere(script in script()) {
        let mut alive = Some(code(LINK));
        for step in play(&script).moves {
            if step.before.status == Status::Active {
                match &step.command {
                    Command::Join { code, .. } if alive.as_ref() != Some(code) => {
                        prop_assert_eq!(&step.outcome, &Err(Refusal::InviteLinkDead));
                    }
                    Command::Join { .. } => {
                        prop_assert_ne!(&step.outcome, &Err(Refusal::InviteLinkDead));
                    }
                    Command::ResetInvite { code } => alive = Some(code.clone()),
                    Command::ProvideInvite { code } => alive = alive.or(Some(code.clone())),
                    Command::DeleteInvite | Command::Delete | Command::LeaveAsBusiness => alive = None,
                    _ => {}
                }
            }
            prop_assert_eq!(&step.after.invite, &alive, "{:?}", step.command);
        }
    }

    #[test]
    fn nobody_is_in_two_places_nor_twice_in_one(script in script()) {
        let shop = person(SHOP);
        for Move { after, command, .. } in play(&script).moves {
            let everyone = || inside(&after).into_iter().chain(asking(&after)).chain(self::banned(&after));
            prop_assert!(has_no_repetition(everyone()), "{command:?}: {after:?}");
            prop_assert!(everyone().all(|who| *who != shop.user_id), "{command:?}: {after:?}");
        }
    }

    #[test]
    fn people_and_requests_stand_in_the_order_of_coming(script in script()) {
        for Move { before, after, .. } in play(&script).moves {
            prop_assert!(has_no_repetition(after.requests.iter().map(|request| &request.id)));
            prop_assert!(after.requests.iter().map(|request| request.opened_in).is_sorted_by(|a, b| a < b));
            prop_assert!(after.requests.iter().map(|request| request.created_at).is_sorted_by(|a, b| a < b));
            prop_assert!(after.participants.iter().map(|participant| participant.joined_at).is_sorted());
            for request in after.requests.iter().filter(|request| !before.requests.contains(request)) {
                prop_assert_eq!(request.opened_in, after.version, "opened just now");
            }
        }
    }

    #[test]
    fn events_tell_whose_standing_they_set(script in script()) {
        for step in play(&script).moves {
            let told: BTreeMap<&UserId, Standing> = step.event().map(Event::standings).unwrap_or_default()
                .into_iter().map(|(person, standing)| (&person.user_id, standing)).collect();
            let ended = !step.after.exists();
            for Person { user_id, .. } in everybody() {
                let (before, after) = (standing(&step.before, &user_id), standing(&step.after, &user_id));
                match told.get(&user_id) {
                    Some(told) => prop_assert_eq!(*told, after, "{:?}", step.command),
                    // An end sends everybody away, and its event names nobody.
                    None if ended => prop_assert!(matches!(after, Standing::None | Standing::Removed)),
                    None => prop_assert_eq!(before, after, "{:?}", step.command),
                }
            }
        }
    }

    #[test]
    fn every_entry_of_a_bulk_command_is_accounted_for_once(script in script()) {
        fn inputs<T>(entries: &[Entry<T>]) -> Vec<&str> {
            entries.iter().map(|entry| entry.input.as_str()).collect()
        }
        for step in play(&script).moves {
            let Ok(decision) = &step.outcome else { continue };
            let failed: Vec<&str> = decision.refused.iter().map(|entry| entry.input.as_str()).collect();
            let (asked, done) = match (&step.command, &decision.event) {
                (Command::AddParticipants { people }, Some(Event::ParticipantsAdded { added, failed })) => {
                    prop_assert_eq!(failed, &decision.refused);
                    prop_assert!(added.iter().all(|entry| people.entries().contains(entry)));
                    (inputs(people.entries()), inputs(added))
                }
                (Command::RemoveParticipants { people }, Some(Event::ParticipantsRemoved { removed, failed })) => {
                    prop_assert_eq!(failed, &decision.refused);
                    for out in removed {
                        let asked = people.entries().iter().find(|entry| entry.input == out.input);
                        prop_assert!(asked.is_some_and(|entry| entry.target.is(&out.target)));
                    }
                    (inputs(people.entries()), inputs(removed))
                }
                (Command::ApproveJoinRequests { requests } | Command::RejectJoinRequests { requests }, event) => {
                    let done = match event {
                        Some(Event::JoinRequestsApproved { approved }) => approved.as_slice(),
                        Some(Event::JoinRequestsRejected { rejected }) => rejected.as_slice(),
                        _ => &[],
                    };
                    prop_assert_eq!(event.is_none(), done.is_empty());
                    let asked = requests.entries().iter().map(JoinRequestId::as_str).collect();
                    (asked, done.iter().map(|answer| answer.request.as_str()).collect())
                }
                (Command::AddParticipants { .. } | Command::RemoveParticipants { .. }, other) => {
                    return Err(TestCaseError::fail(format!("a bulk change told by {other:?}")));
                }
                _ => {
                    prop_assert!(failed.is_empty(), "{:?} has no entries to refuse", step.command);
                    continue;
                }
            };
            // Each list is in the caller's order, and together they are the caller's list.
            for part in [&done, &failed] {
                let places: Vec<_> = part.iter().map(|one| asked.iter().position(|all| all == one)).collect();
                prop_assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{:?}", step);
            }
            prop_assert!(has_no_repetition(done.iter().chain(&failed)), "{:?}", step);
            prop_assert_eq!(done.len() + failed.len(), asked.len(), "{:?}", step);
        }
    }

    #[test]
    fn only_a_promotion_makes_an_admin(script in script()) {
        for step in play(&script).moves {
            let (before, after) = (admins(&step.before), admins(&step.after));
            let promoted: BTreeSet<UserId> = match step.event() {
                Some(Event::AdminsPromoted { people }) => people.iter().map(|one| one.user_id.clone()).collect(),
                _ => BTreeSet::new(),
            };
            let demoted: BTreeSet<UserId> = match step.event() {
                Some(Event::AdminsDemoted { people }) => people.iter().map(|one| one.user_id.clone()).collect(),
                _ => BTreeSet::new(),
            };
            prop_assert!(promoted.is_disjoint(&before) && promoted.is_subset(&after));
            prop_assert!(demoted.is_subset(&before) && demoted.is_disjoint(&after));
            prop_assert!(after.iter().all(|who| before.contains(who) || promoted.contains(who)));
            let gone: Vec<_> = before.difference(&after).filter(|who| !demoted.contains(*who)).collect();
            prop_assert!(gone.iter().all(|who| !inside(&step.after).contains(who)), "still in, but no admin");
        }
    }

    #[test]
    fn an_ended_group_is_empty_and_final(script in script()) {
        for step in play(&script).moves {
            if !step.before.exists() {
                prop_assert_eq!(&step.outcome, &Err(Refusal::GroupUnknown));
            }
            if !step.after.exists() {
                let GroupState { participants, requests, invite, .. } = &step.after;
                prop_assert!(participants.is_empty() && requests.is_empty() && invite.is_none());
            }
        }
    }

    #[test]
    fn a_suspended_group_stands_still(script in script()) {
        for step in play(&script).moves {
            if step.before.status == Status::Suspended {
                let restored = GroupState {
                    status: Status::Active, version: step.before.version + 1, ..step.before.clone()
                };
                let expected = if step.command == Command::Restore { restored } else { step.before };
                prop_assert_eq!(&step.after, &expected, "{:?}", step.command);
            }
        }
    }

    #[test]
    fn a_group_answers_as_the_model_does(script in script()) {
        let mut model = Model::new(&script);
        for step in play(&script).moves {
            let answer = model.answer(&step.command, step.limits.participants);
            let given = step.outcome.as_ref().map_err(Clone::clone).map(|decision| Done {
                happens: decision.event.is_some(),
                refused: step.refused().iter().map(|one| (one.input.clone(), one.refusal.clone())).collect(),
            });
            prop_assert_eq!(given, answer, "{:?} of {:?}", step.command, step.before);
            prop_assert_eq!(&Model::seen(&step.after), &model, "{:?}", step.command);
        }
    }
}

// The model: the same rules told a second time, as one table of who stands where.

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Asking(JoinRequestId),
    Inside { admin: bool },
    Banned,
}

/// An answer without the words of the event.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    happens: bool,
    refused: Vec<(String, Refusal)>,
}

impl Done {
    const NOTHING: Self = Self { happens: false, refused: Vec::new() };
    const YES: Self = Self { happens: true, refused: Vec::new() };
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    mode: JoinApprovalMode,
    status: Status,
    link: Option<InviteCode>,
    /// Whoever is not here has nothing to do with the group.
    places: BTreeMap<UserId, Place>,
}

impl Model {
    fn new(script: &Script) -> Self {
        let link = Some(code(LINK));
        Self { mode: script.mode, status: Status::Active, link, places: BTreeMap::new() }
    }

    /// The model that a group amounts to.
    fn seen(group: &GroupState) -> Self {
        let inside = group.participants.iter().map(|participant| {
            (participant.person.user_id.clone(), Place::Inside { admin: participant.admin })
        });
        let asking = group
            .requests
            .iter()
            .map(|request| (request.person.user_id.clone(), Place::Asking(request.id.clone())));
        let banned = group.removed.iter().map(|who| (who.user_id.clone(), Place::Banned));
        let places = inside.chain(asking).chain(banned).collect();
        Self { mode: group.mode, status: group.status, link: group.invite.clone(), places }
    }

    fn is_shop(whom: &PersonRef) -> bool {
        *whom == by_any(SHOP)
    }

    /// Whose number or id that is, in or out.
    fn known(whom: &PersonRef) -> UserId {
        let known = everybody().into_iter().find(|person| whom.is(person));
        known.expect("nobody else is ever named").user_id
    }

    fn is_inside(&self, who: &UserId) -> bool {
        matches!(self.places.get(who), Some(Place::Inside { .. }))
    }

    fn is_full(&self, limit: u32) -> bool {
        let inside = self.places.keys().filter(|who| self.is_inside(who)).count();
        inside >= usize::try_from(limit).expect("small")
    }

    fn let_in(&mut self, who: &UserId) {
        self.places.insert(who.clone(), Place::Inside { admin: false });
    }

    fn asker(&self, id: &JoinRequestId) -> Option<UserId> {
        let open = Place::Asking(id.clone());
        self.places.iter().find(|(_, place)| **place == open).map(|(who, _)| who.clone())
    }

    fn end(&mut self, status: Status) -> Done {
        self.status = status;
        self.link = None;
        self.places.retain(|_, place| *place == Place::Banned);
        Done::YES
    }

    fn answer(&mut self, command: &Command, limit: u32) -> Result<Done, Refusal> {
        if matches!(self.status, Status::Deleted | Status::Left) {
            return Err(Refusal::GroupUnknown);
        }
        if let Command::Suspend | Command::Restore = command {
            let wanted =
                if *command == Command::Suspend { Status::Suspended } else { Status::Active };
            let happens = std::mem::replace(&mut self.status, wanted) != wanted;
            return Ok(Done { happens, ..Done::NOTHING });
        }
        if self.status == Status::Suspended {
            return Err(Refusal::GroupSuspended);
        }
        match command {
            Command::Suspend | Command::Restore => unreachable!("answered above"),
            Command::ChangeSettings { subject, description, picture } => {
                let any = subject.is_some() || description.is_some() || picture.is_some();
                if any { Ok(Done::YES) } else { Err(Refusal::NothingToChange) }
            }
            Command::ReportPictureFailure { .. } => Ok(Done::YES),
            Command::ProvideInvite { .. } if self.link.is_some() => Ok(Done::NOTHING),
            Command::ProvideInvite { code } | Command::ResetInvite { code } => {
                self.link = Some(code.clone());
                Ok(Done::YES)
            }
            Command::DeleteInvite => {
                Ok(Done { happens: self.link.take().is_some(), ..Done::NOTHING })
            }
            Command::Join { person, code, request } => self.join(person, code, request, limit),
            Command::CancelJoinRequest { person } => {
                let who = Self::known(person);
                match self.places.get(&who) {
                    Some(Place::Asking(_)) => self.places.remove(&who),
                    _ => return Err(Refusal::JoinRequestUnknown),
                };
                Ok(Done::YES)
            }
            Command::LeaveAsParticipant { person } => {
                let who = Self::known(person);
                if !self.is_inside(&who) {
                    return Err(Refusal::NotParticipant);
                }
                self.places.remove(&who);
                Ok(Done::YES)
            }
            Command::ApproveJoinRequests { requests } => self.settle(requests, |model, who| {
                if model.is_full(limit) {
                    return Err(Refusal::GroupFull { limit });
                }
                model.let_in(who);
                Ok(())
            }),
            Command::RejectJoinRequests { requests } => self.settle(requests, |model, who| {
                model.places.remove(who);
                Ok(())
            }),
            Command::AddParticipants { people } => self.add(people, limit),
            Command::RemoveParticipants { people } => self.remove(people),
            Command::PromoteAdmins { people } => self.set_admin(people, true),
            Command::DemoteAdmins { people } => self.set_admin(people, false),
            Command::Delete => Ok(self.end(Status::Deleted)),
            Command::LeaveAsBusiness => Ok(self.end(Status::Left)),
        }
    }

    fn join(
        &mut self,
        person: &Person,
        link: &InviteCode,
        request: &JoinRequestId,
        limit: u32,
    ) -> Result<Done, Refusal> {
        if self.link.as_ref() != Some(link) {
            return Err(Refusal::InviteLinkDead);
        }
        if person.user_id == crate::common::user_id(SHOP) {
            return Err(Refusal::BusinessNamed);
        }
        match (self.places.get(&person.user_id), self.mode) {
            (Some(Place::Inside { .. }), _) => return Err(Refusal::AlreadyParticipant),
            (Some(Place::Banned), _) => return Err(Refusal::RemovedByBusiness),
            (Some(Place::Asking(_)), _) => return Ok(Done::NOTHING),
            (None, JoinApprovalMode::ApprovalRequired) => {
                self.places.insert(person.user_id.clone(), Place::Asking(request.clone()));
            }
            (None, JoinApprovalMode::AutoApprove) if self.is_full(limit) => {
                return Err(Refusal::GroupFull { limit });
            }
            (None, JoinApprovalMode::AutoApprove) => self.let_in(&person.user_id),
        }
        Ok(Done::YES)
    }

    fn settle(
        &mut self,
        requests: &Batch<JoinRequestId>,
        settle: impl Fn(&mut Self, &UserId) -> Result<(), Refusal>,
    ) -> Result<Done, Refusal> {
        refuse_repetition(List::JoinRequests, requests.entries(), |id| (id.as_str(), id.clone()))?;
        let mut done = Done::NOTHING;
        for id in requests.entries() {
            let asker = self.asker(id).ok_or(Refusal::JoinRequestUnknown);
            match asker.and_then(|who| settle(self, &who)) {
                Ok(()) => done.happens = true,
                Err(refusal) => done.refused.push((id.as_str().to_owned(), refusal)),
            }
        }
        Ok(done)
    }

    fn add(&mut self, people: &Batch<Entry<Person>>, limit: u32) -> Result<Done, Refusal> {
        refuse_repetition(List::People, people.entries(), |one| {
            (&one.input, one.target.user_id.clone())
        })?;
        let mut done = Done::YES;
        for Entry { input, target } in people.entries() {
            let refusal = if target.user_id == crate::common::user_id(SHOP) {
                Refusal::BusinessNamed
            } else if self.is_inside(&target.user_id) {
                Refusal::AlreadyParticipant
            } else if self.is_full(limit) {
                Refusal::GroupFull { limit }
            } else {
                self.let_in(&target.user_id);
                continue;
            };
            done.refused.push((input.clone(), refusal));
        }
        Ok(done)
    }

    fn remove(&mut self, people: &Batch<Entry<PersonRef>>) -> Result<Done, Refusal> {
        self.refuse_same_person(people)?;
        let mut done = Done::YES;
        for Entry { input, target } in people.entries() {
            let who = Self::known(target);
            if self.is_inside(&who) {
                self.places.insert(who, Place::Banned);
            } else if Self::is_shop(target) {
                done.refused.push((input.clone(), Refusal::BusinessNamed));
            } else {
                done.refused.push((input.clone(), Refusal::NotParticipant));
            }
        }
        Ok(done)
    }

    /// All or none.
    fn set_admin(&mut self, people: &Batch<Entry<PersonRef>>, to: bool) -> Result<Done, Refusal> {
        self.refuse_same_person(people)?;
        let mut next = self.clone();
        for Entry { target, .. } in people.entries() {
            if Self::is_shop(target) {
                if to {
                    continue;
                }
                return Err(Refusal::BusinessNamed);
            }
            match next.places.get_mut(&Self::known(target)) {
                Some(Place::Inside { admin }) => *admin = to,
                _ => return Err(Refusal::NotParticipant),
            }
        }
        let happens = *self != next;
        *self = next;
        Ok(Done { happens, ..Done::NOTHING })
    }

    /// Two spellings of a participant are one; of anybody else, only the same words are.
    fn refuse_same_person(&self, people: &Batch<Entry<PersonRef>>) -> Result<(), Refusal> {
        refuse_repetition(List::People, people.entries(), |one| {
            let who = Self::known(&one.target);
            let whom = if self.is_inside(&who) { PersonRef::User(who) } else { one.target.clone() };
            (&one.input, whom)
        })
    }
}

fn refuse_repetition<'a, T, K: PartialEq>(
    list: List,
    entries: &'a [T],
    name_and_key: impl Fn(&'a T) -> (&'a str, K),
) -> Result<(), Refusal> {
    let mut seen: Vec<K> = Vec::new();
    for (second, entry) in entries.iter().enumerate() {
        let (name, key) = name_and_key(entry);
        if let Some(first) = seen.iter().position(|earlier| *earlier == key) {
            return Err(Refusal::DuplicateEntry { list, input: name.to_owned(), first, second });
        }
        seen.push(key);
    }
    Ok(())
}
