//! The simulated people: whoever taps links, asks, thinks better of it, and leaves.
//!
//! They go the same way as everybody else, through [`App::execute`]; what they lack is a key,
//! since WhatsApp gives people none. Hence only the operator can move them.

use domain::ids::{AccountId, GroupId, JoinRequestId};
use domain::person::Entry;
use domain::values::{Batch, InviteCode, WaId};
use domain::{Command, Event, Person, PersonRef};

use crate::app::caller::Call;
use crate::app::{App, Failure, Outcome};
use crate::mint;
use crate::store::{PersonStanding, StoreError, Stored};

/// What a tap on a link came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The person is in.
    In(GroupId),
    /// The business has to decide.
    Requested(GroupId, JoinRequestId),
}

impl App {
    /// A person taps an invite link.
    pub async fn join(
        &self,
        call: &Call,
        wa_id: &WaId,
        code: &InviteCode,
    ) -> Result<Joined, Failure> {
        // The link may have died since the first of two same calls.
        let outcome = if let Some(earlier) = self.repeated(call).await? {
            earlier
        } else {
            let stored = self.group_by_invite(code).await?;
            let (person, request) = self.asking(&stored, wa_id).await?;
            let command = Command::Join { person, code: code.clone(), request };
            self.execute(call, &stored.group.state().id, command).await?
        };
        let group = outcome.stored.group.state().id.clone();
        let request = match outcome.event {
            Some(Event::ParticipantJoined { .. }) => return Ok(Joined::In(group)),
            Some(Event::JoinRequested { request, .. }) => request,
            // Nothing happened: the request was open already.
            _ => {
                let person = PersonRef::Phone(wa_id.clone());
                match outcome.stored.group.state().request_of(&person) {
                    Some(open) => open.id.clone(),
                    // Answered since the first of two same calls.
                    None => self.asking(&outcome.stored, wa_id).await?.1,
                }
            }
        };
        Ok(Joined::Requested(group, request))
    }

    /// A person withdraws a request.
    pub async fn cancel(
        &self,
        call: &Call,
        wa_id: &WaId,
        group: &GroupId,
    ) -> Result<Outcome, Failure> {
        let person = PersonRef::Phone(wa_id.clone());
        self.execute(call, group, Command::CancelJoinRequest { person }).await
    }

    /// A person walks out of a group.
    pub async fn leave(
        &self,
        call: &Call,
        wa_id: &WaId,
        group: &GroupId,
    ) -> Result<Outcome, Failure> {
        let person = PersonRef::Phone(wa_id.clone());
        self.execute(call, group, Command::LeaveAsParticipant { person }).await
    }

    /// Who a phone number is to an account.
    pub async fn known_to(&self, account: &AccountId, wa_id: &WaId) -> Result<Person, StoreError> {
        Ok(self.person_ids(account).await?.person(&self.profile(wa_id).await?))
    }

    /// Who these phone numbers are to an account.
    pub async fn introduce(
        &self,
        account: &AccountId,
        named: Batch<Entry<WaId>>,
    ) -> Result<Batch<Entry<Person>>, StoreError> {
        let ids = self.person_ids(account).await?;
        let mut profiles = Vec::new();
        for entry in named.entries() {
            profiles.push(self.profile(&entry.target).await?);
        }
        Ok(named.zip(profiles, |entry, profile| Entry {
            input: entry.input,
            target: ids.person(&profile),
        }))
    }

    /// Who a phone number is to a group's business, and the id of their wish to join.
    async fn asking(
        &self,
        stored: &Stored,
        wa_id: &WaId,
    ) -> Result<(Person, JoinRequestId), StoreError> {
        let person = self.known_to(&stored.account, wa_id).await?;
        let request = mint::join_request_id(&person, stored.group.state().serial);
        Ok((person, request))
    }
}

/// Where a person stands, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonStandings {
    /// Groups the person is in.
    pub participant: Vec<PersonStanding>,
    /// Groups the person has asked.
    pub requested: Vec<PersonStanding>,
    /// Groups that have removed the person.
    pub removed: Vec<PersonStanding>,
}
