//! The simulated people: whoever taps links, asks, thinks better of it, and leaves.
//!
//! They go the same way as everybody else, through [`App::execute`]; what they lack is a key,
//! since WhatsApp gives people none. Hence only the operator can move them.

use domain::event::Standing;
use domain::ids::{GroupId, JoinRequestId};
use domain::values::{InviteCode, WaId};
use domain::{Command, Event, Person, PersonRef};

use crate::app::caller::Call;
use crate::app::{App, Failure, Outcome, Stored, mint};
use crate::app::{PersonStanding, StoreError};

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
            let (person, request) = asking(&stored, wa_id);
            let command = Command::Join { person, code: code.clone(), request };
            self.execute(call, &stored.group.state().id, command).await?
        };
        let group = outcome.stored.group.state().id.clone();
        Ok(match outcome.event {
            Some(Event::ParticipantJoined { .. }) => Joined::In(group),
            // If nothing happened, the request was open already: it has the same id.
            _ => Joined::Requested(group, asking(&outcome.stored, wa_id).1),
        })
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

    /// Where a person stands: groups, open requests, bans.
    pub async fn person(&self, wa_id: &WaId) -> Result<PersonStandings, StoreError> {
        let standings = self.standings(wa_id.as_str()).await?;
        let with = |wanted: Standing| -> Vec<PersonStanding> {
            standings.iter().filter(|one| one.standing == wanted).cloned().collect()
        };
        Ok(PersonStandings {
            participant: with(Standing::Participant),
            requested: with(Standing::Requested),
            removed: with(Standing::Removed),
        })
    }
}

/// Who a phone number is to a group's business, and the id of their wish to join.
fn asking(stored: &Stored, wa_id: &WaId) -> (Person, JoinRequestId) {
    let person = mint::person(&stored.account, wa_id);
    let request = mint::join_request_id(&person, stored.group.state().serial);
    (person, request)
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
