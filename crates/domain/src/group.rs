//! The aggregate: what a group is, what it agrees to, and how it changes.

use crate::command::{Command, CreateGroup};
use crate::event::{Answered, Event, Failed};
use crate::ids::{GroupId, GroupSerial, JoinRequestId, PhoneNumberId};
use crate::limits::{Limits, OPEN_REQUESTS_MAX};
use crate::person::{Entry, Person, PersonRef};
use crate::refusal::{List, Refusal};
use crate::values::{
    Batch, BusinessNumber, Description, InviteCode, JoinApprovalMode, Picture, Subject, Timestamp,
};

/// Where a group is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Everything works.
    Active,
    /// WhatsApp has suspended it: reads go on, changes are refused.
    Suspended,
    /// The business ended it. Final.
    Deleted,
    /// The business left it. Final.
    Left,
}

/// A person who is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub person: Person,
    /// Whether the business has made them an admin.
    pub admin: bool,
    /// Since when.
    pub joined_at: Timestamp,
}

/// A person who asks to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The request's id.
    pub id: JoinRequestId,
    /// Who asks.
    pub person: Person,
    /// Since when.
    pub created_at: Timestamp,
    /// The group's version that opened it: orders requests, unique within the group.
    pub opened_in: u64,
}

/// Everything there is to know about a group. Plain data: the store writes it down and reads it
/// back, readers look at it; only [`Group::apply`] changes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// How many events have made the group what it is; the first one, its creation, makes this 1.
    pub version: u64,
    /// Its id.
    pub id: GroupId,
    /// WhatsApp's own number for it.
    pub serial: GroupSerial,
    /// The number that owns it.
    pub number: PhoneNumberId,
    /// That number's digits: creator, and admin for ever, but never counted as a participant.
    pub business: BusinessNumber,
    /// A unix second that no other group of this number has.
    pub alias_second: i64,
    /// Name.
    pub subject: Subject,
    /// About text; empty where there is none.
    pub description: Description,
    /// How a tap on the link is treated.
    pub mode: JoinApprovalMode,
    /// Picture, once one was set.
    pub picture: Option<Picture>,
    /// The link that is alive, if one is.
    pub invite: Option<InviteCode>,
    /// Who is in, in order of arrival.
    pub participants: Vec<Participant>,
    /// Who asks to come in, in order of asking.
    pub requests: Vec<JoinRequest>,
    /// Whom the business removed: a link never lets them in again. The one list without an end:
    /// it grows by one person for each removal, and a ban must not be forgotten.
    pub removed: Vec<Person>,
    /// Where it is in its life.
    pub status: Status,
    /// Since when it exists.
    pub created_at: Timestamp,
}

impl GroupState {
    /// Whether the outside world can still see the group.
    #[must_use]
    pub const fn exists(&self) -> bool {
        matches!(self.status, Status::Active | Status::Suspended)
    }

    /// The participant that this points at.
    #[must_use]
    pub fn participant(&self, person: &PersonRef) -> Option<&Participant> {
        self.participants.iter().find(|participant| person.is(&participant.person))
    }

    /// The open request of the person that this points at.
    #[must_use]
    pub fn request_of(&self, person: &PersonRef) -> Option<&JoinRequest> {
        self.requests.iter().find(|request| person.is(&request.person))
    }

    fn has(&self, person: &Person) -> bool {
        self.participants.iter().any(|participant| participant.person.is(person))
    }

    fn is_full(&self, besides: usize, limits: Limits) -> bool {
        let limit = usize::try_from(limits.participants).unwrap_or(usize::MAX);
        self.participants.len() + besides >= limit
    }
}

/// What lists of groups show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// Id.
    pub id: GroupId,
    /// Name.
    pub subject: Subject,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a group answers to a command that it does not refuse as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// What happens; nothing, if the command asks for what already is.
    pub event: Option<Event>,
    /// Entries of a bulk command that come to nothing, and why.
    pub refused: Vec<Failed>,
}

impl Decision {
    const NOTHING: Self = Self { event: None, refused: Vec::new() };
}

impl From<Event> for Decision {
    fn from(event: Event) -> Self {
        Self { event: Some(event), refused: Vec::new() }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(GroupState);

impl Group {
    /// A new group. The number's limit on groups is not looked at here, since no single group can
    /// see it: the store holds it in the same transaction.
    #[must_use]
    pub fn create(command: CreateGroup, at: Timestamp) -> (Self, Event) {
        let group = Self::created(&command, at);
        (group, Event::Created(Box::new(command)))
    }

    /// A group as the store has kept it.
    #[must_use]
    pub const fn from_state(state: GroupState) -> Self {
        Self(state)
    }

    /// The group that its own history tells of; `None` if the history does not begin with its
    /// creation.
    pub fn fold<'a>(history: impl IntoIterator<Item = (&'a Event, Timestamp)>) -> Option<Self> {
        let mut history = history.into_iter();
        let Some((Event::Created(command), at)) = history.next() else { return None };
        let mut group = Self::created(command, at);
        for (event, at) in history {
            group.apply(event, at);
        }
        Some(group)
    }

    /// Everything there is to know.
    #[must_use]
    pub const fn state(&self) -> &GroupState {
        &self.0
    }

    fn created(command: &CreateGroup, at: Timestamp) -> Self {
        Self(GroupState {
            version: 1,
            id: command.id.clone(),
            serial: command.serial,
            number: command.number.clone(),
            business: command.business.clone(),
            alias_second: command.alias_second,
            subject: command.subject.clone(),
            description: command.description.clone(),
            mode: command.mode,
            picture: None,
            invite: Some(command.invite.clone()),
            participants: Vec::new(),
            requests: Vec::new(),
            removed: Vec::new(),
            status: Status::Active,
            created_at: at,
        })
    }

    /// What comes of a command: an event to apply, or nothing, or a refusal. Changes nothing.
    pub fn decide(&self, command: &Command, limits: Limits) -> Result<Decision, Refusal> {
        match (self.0.status, command) {
            (Status::Deleted | Status::Left, _) => return Err(Refusal::GroupUnknown),
            (Status::Suspended, Command::Restore) => return Ok(Event::Restored.into()),
            (Status::Suspended, Command::Suspend) => return Ok(Decision::NOTHING),
            (Status::Suspended, _) => return Err(Refusal::GroupSuspended),
            (Status::Active, _) => {}
        }
        match command {
            Command::ChangeSettings { subject: None, description: None, picture: None } => {
                Err(Refusal::NothingToChange)
            }
            Command::ChangeSettings { subject, description, picture } => {
                Ok(Event::SettingsChanged {
                    subject: subject.clone(),
                    description: description.clone(),
                    picture: picture.clone(),
                }
                .into())
            }
            Command::ReportPictureFailure { problem } => {
                Ok(Event::PictureFailed { problem: problem.clone() }.into())
            }
            Command::ProvideInvite { .. } if self.0.invite.is_some() => Ok(Decision::NOTHING),
            Command::ProvideInvite { code } | Command::ResetInvite { code } => {
                let replaced = self.0.invite.is_some();
                Ok(Event::InviteReset { code: code.clone(), replaced }.into())
            }
            Command::DeleteInvite if self.0.invite.is_none() => Ok(Decision::NOTHING),
            Command::DeleteInvite => Ok(Event::InviteDeleted.into()),
            Command::Join { person, code, request } => self.join(person, code, request, limits),
            Command::CancelJoinRequest { person } => {
                let request = self.0.request_of(person).ok_or(Refusal::JoinRequestUnknown)?;
                Ok(Event::JoinRequestCancelled(answered(request)).into())
            }
            Command::LeaveAsParticipant { person } => {
                let participant = self.0.participant(person).ok_or(Refusal::NotParticipant)?;
                Ok(Event::ParticipantLeft { person: participant.person.clone() }.into())
            }
            Command::ApproveJoinRequests { requests } => self.approve(requests, limits),
            Command::RejectJoinRequests { requests } => self.reject(requests),
            Command::AddParticipants { people } => self.add(people, limits),
            Command::RemoveParticipants { people } => self.remove(people),
            Command::PromoteAdmins { people } => self.promote(people),
            Command::DemoteAdmins { people } => self.demote(people),
            Command::Suspend => Ok(Event::Suspended.into()),
            Command::Restore => Ok(Decision::NOTHING),
            Command::Delete => Ok(Event::Deleted.into()),
            Command::LeaveAsBusiness => Ok(Event::BusinessLeft.into()),
        }
    }

    fn join(
        &self,
        person: &Person,
        code: &InviteCode,
        request: &JoinRequestId,
        limits: Limits,
    ) -> Result<Decision, Refusal> {
        if self.0.invite.as_ref() != Some(code) {
            return Err(Refusal::InviteLinkDead);
        }
        if self.names_business(person) {
            return Err(Refusal::BusinessNamed);
        }
        if self.0.has(person) {
            return Err(Refusal::AlreadyParticipant);
        }
        if self.0.removed.iter().any(|removed| removed.is(person)) {
            return Err(Refusal::RemovedByBusiness);
        }
        match self.0.mode {
            JoinApprovalMode::AutoApprove if self.0.is_full(0, limits) => {
                Err(Refusal::GroupFull { limit: limits.participants })
            }
            JoinApprovalMode::AutoApprove => {
                Ok(Event::ParticipantJoined { person: person.clone() }.into())
            }
            JoinApprovalMode::ApprovalRequired => {
                if self.0.requests.iter().any(|open| open.person.is(person)) {
                    return Ok(Decision::NOTHING);
                }
                if self.0.requests.len() >= OPEN_REQUESTS_MAX {
                    return Err(Refusal::TooManyJoinRequests { limit: OPEN_REQUESTS_MAX });
                }
                let (request, person) = (request.clone(), person.clone());
                Ok(Event::JoinRequested { request, person }.into())
            }
        }
    }

    fn approve(
        &self,
        requests: &Batch<JoinRequestId>,
        limits: Limits,
    ) -> Result<Decision, Refusal> {
        let mut approved = Vec::new();
        let refused = self.answer(requests, |request| {
            if !request.person.terms_accepted {
                return Err(Refusal::TermsNotAccepted);
            }
            if self.0.is_full(approved.len(), limits) {
                return Err(Refusal::GroupFull { limit: limits.participants });
            }
            approved.push(answered(request));
            Ok(())
        })?;
        let event = (!approved.is_empty()).then_some(Event::JoinRequestsApproved { approved });
        Ok(Decision { event, refused })
    }

    fn reject(&self, requests: &Batch<JoinRequestId>) -> Result<Decision, Refusal> {
        let mut rejected = Vec::new();
        let refused = self.answer(requests, |request| {
            rejected.push(answered(request));
            Ok(())
        })?;
        let event = (!rejected.is_empty()).then_some(Event::JoinRequestsRejected { rejected });
        Ok(Decision { event, refused })
    }

    /// Goes through the named requests in order; gives those that are not open, or that `each`
    /// will not have.
    fn answer(
        &self,
        requests: &Batch<JoinRequestId>,
        mut each: impl FnMut(&JoinRequest) -> Result<(), Refusal>,
    ) -> Result<Vec<Failed>, Refusal> {
        refuse_duplicates(
            List::JoinRequests,
            requests,
            |first, second| first == second,
            JoinRequestId::as_str,
        )?;
        let mut refused = Vec::new();
        for id in requests.entries() {
            let outcome = match self.0.requests.iter().find(|request| request.id == *id) {
                Some(request) => each(request),
                None => Err(Refusal::JoinRequestUnknown),
            };
            if let Err(refusal) = outcome {
                refused.push(Failed { input: id.as_str().to_owned(), refusal });
            }
        }
        Ok(refused)
    }

    fn add(&self, people: &Batch<Entry<Person>>, limits: Limits) -> Result<Decision, Refusal> {
        refuse_duplicates(List::People, people, |a, b| a.target.is(&b.target), |e| &e.input)?;
        let mut added: Vec<Entry<Person>> = Vec::new();
        let mut failed = Vec::new();
        for entry in people.entries() {
            let refusal = if self.names_business(&entry.target) {
                Refusal::BusinessNamed
            } else if self.0.has(&entry.target) {
                Refusal::AlreadyParticipant
            } else if !entry.target.terms_accepted {
                Refusal::TermsNotAccepted
            } else if self.0.is_full(added.len(), limits) {
                Refusal::GroupFull { limit: limits.participants }
            } else {
                added.push(entry.clone());
                continue;
            };
            failed.push(Failed { input: entry.input.clone(), refusal });
        }
        let refused = failed.clone();
        Ok(Decision { event: Some(Event::ParticipantsAdded { added, failed }), refused })
    }

    fn remove(&self, people: &Batch<Entry<PersonRef>>) -> Result<Decision, Refusal> {
        self.refuse_same_person(people)?;
        let mut removed = Vec::new();
        let mut failed = Vec::new();
        for entry in people.entries() {
            let input = entry.input.clone();
            match self.0.participant(&entry.target) {
                Some(participant) => {
                    removed.push(Entry { input, target: participant.person.clone() });
                }
                None if self.is_business(&entry.target) => {
                    failed.push(Failed { input, refusal: Refusal::BusinessNamed });
                }
                None => failed.push(Failed { input, refusal: Refusal::NotParticipant }),
            }
        }
        let refused = failed.clone();
        Ok(Decision { event: Some(Event::ParticipantsRemoved { removed, failed }), refused })
    }

    fn promote(&self, people: &Batch<Entry<PersonRef>>) -> Result<Decision, Refusal> {
        self.refuse_same_person(people)?;
        let mut promoted = Vec::new();
        for entry in people.entries().iter().filter(|entry| !self.is_business(&entry.target)) {
            let participant = self.0.participant(&entry.target).ok_or(Refusal::NotParticipant)?;
            if !participant.admin {
                promoted.push(participant.person.clone());
            }
        }
        let event = (!promoted.is_empty()).then_some(Event::AdminsPromoted { people: promoted });
        Ok(Decision { event, refused: Vec::new() })
    }

    fn demote(&self, people: &Batch<Entry<PersonRef>>) -> Result<Decision, Refusal> {
        self.refuse_same_person(people)?;
        let mut demoted = Vec::new();
        for entry in people.entries() {
            if self.is_business(&entry.target) {
                return Err(Refusal::BusinessNamed);
            }
            let participant = self.0.participant(&entry.target).ok_or(Refusal::NotParticipant)?;
            if participant.admin {
                demoted.push(participant.person.clone());
            }
        }
        let event = (!demoted.is_empty()).then_some(Event::AdminsDemoted { people: demoted });
        Ok(Decision { event, refused: Vec::new() })
    }

    fn is_business(&self, person: &PersonRef) -> bool {
        matches!(person, PersonRef::Phone(wa_id) if self.0.business.is(wa_id))
    }

    fn names_business(&self, person: &Person) -> bool {
        person.phone.as_ref().is_some_and(|phone| self.0.business.is(phone))
    }

    /// Two spellings of one person are one person: by the same words, or by pointing at the same
    /// participant.
    fn refuse_same_person(&self, people: &Batch<Entry<PersonRef>>) -> Result<(), Refusal> {
        let points_at = |a: &PersonRef, b: &PersonRef| {
            self.0.participant(a).is_some_and(|participant| b.is(&participant.person))
        };
        let same = |a: &Entry<PersonRef>, b: &Entry<PersonRef>| {
            a.target == b.target || points_at(&a.target, &b.target)
        };
        refuse_duplicates(List::People, people, same, |entry| &entry.input)
    }

    /// Makes the change that the event tells of. Cannot fail: what has happened has happened.
    pub fn apply(&mut self, event: &Event, at: Timestamp) {
        let state = &mut self.0;
        state.version += 1;
        match event {
            // A group is created once; a second creation tells nothing new. What failed changed
            // nothing.
            Event::Created(_) | Event::PictureFailed { .. } => {}
            Event::SettingsChanged { subject, description, picture } => {
                if let Some(subject) = subject {
                    state.subject = subject.clone();
                }
                if let Some(description) = description {
                    state.description = description.clone();
                }
                if let Some(picture) = picture {
                    state.picture = Some(picture.clone());
                }
            }
            Event::InviteReset { code, .. } => state.invite = Some(code.clone()),
            Event::InviteDeleted => state.invite = None,
            Event::ParticipantJoined { person } => self.let_in(person, at),
            Event::JoinRequested { request, person } => state.requests.push(JoinRequest {
                id: request.clone(),
                person: person.clone(),
                created_at: at,
                opened_in: state.version,
            }),
            Event::JoinRequestCancelled(answered) => {
                state.requests.retain(|request| request.id != answered.request);
            }
            Event::JoinRequestsApproved { approved } => {
                for answered in approved {
                    self.let_in(&answered.person, at);
                }
            }
            Event::JoinRequestsRejected { rejected } => state
                .requests
                .retain(|request| !rejected.iter().any(|answer| answer.request == request.id)),
            Event::ParticipantsAdded { added, .. } => {
                for entry in added {
                    // Only the business itself takes back a removal.
                    self.0.removed.retain(|removed| !removed.is(&entry.target));
                    self.let_in(&entry.target, at);
                }
            }
            Event::ParticipantsRemoved { removed, .. } => {
                for entry in removed {
                    self.let_out(&entry.target);
                    self.0.removed.push(entry.target.clone());
                }
            }
            Event::ParticipantLeft { person } => self.let_out(person),
            Event::AdminsPromoted { people } => self.set_admin(people, true),
            Event::AdminsDemoted { people } => self.set_admin(people, false),
            Event::Suspended => state.status = Status::Suspended,
            Event::Restored => state.status = Status::Active,
            Event::Deleted => state.end(Status::Deleted),
            Event::BusinessLeft => state.end(Status::Left),
        }
    }

    fn let_in(&mut self, person: &Person, at: Timestamp) {
        let state = &mut self.0;
        state.requests.retain(|request| !request.person.is(person));
        if !state.has(person) {
            let person = person.clone();
            state.participants.push(Participant { person, admin: false, joined_at: at });
        }
    }

    fn let_out(&mut self, person: &Person) {
        self.0.participants.retain(|participant| !participant.person.is(person));
    }

    fn set_admin(&mut self, people: &[Person], admin: bool) {
        for participant in &mut self.0.participants {
            if people.iter().any(|person| person.is(&participant.person)) {
                participant.admin = admin;
            }
        }
    }
}

impl GroupState {
    /// Nobody is in a group that has ended, nobody waits for it, and no link leads to it.
    fn end(&mut self, status: Status) {
        self.status = status;
        self.invite = None;
        self.participants.clear();
        self.requests.clear();
    }
}

fn answered(request: &JoinRequest) -> Answered {
    Answered { request: request.id.clone(), person: request.person.clone() }
}

/// Refuses a list in which an entry says again what an earlier one has said. Quadratic on purpose:
/// lists hold a handful, and the longest has 1,024 short ids.
fn refuse_duplicates<T>(
    list: List,
    entries: &Batch<T>,
    same: impl Fn(&T, &T) -> bool,
    input: impl Fn(&T) -> &str,
) -> Result<(), Refusal> {
    let entries = entries.entries();
    for (second, entry) in entries.iter().enumerate() {
        if let Some(first) = entries[..second].iter().position(|earlier| same(earlier, entry)) {
            return Err(Refusal::DuplicateEntry {
                list,
                input: input(entry).to_owned(),
                first,
                second,
            });
        }
    }
    Ok(())
}
