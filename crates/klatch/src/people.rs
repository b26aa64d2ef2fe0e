//! The simulated people: whoever taps links, asks, thinks better of it, and leaves.
//!
//! They go the same way as everybody else, through [`App::execute`]; what they lack is a key,
//! since WhatsApp gives people none. Hence only the operator can move them.

use domain::event::Standing;
use domain::ids::{GroupId, JoinRequestId};
use domain::values::{InviteCode, WaId};
use domain::{Command, Event, PersonRef};

use crate::app::caller::Call;
use crate::app::{App, Failure, Outcome, mint};
use crate::app::{PersonStanding, StoreError};

/// What a tap on a link came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The person is in.
    In(GroupId),
    /// The business has to decide.
    Requested(GroupId, JoinRequestId),
}

impl Joined {
    /// Reads it from the event; where nothing happened, the request was open already.
    fn from(outcome: &Outcome, open: Option<JoinRequestId>) -> Self {
        let group = outcome.stored.group.state().id.clone();
        let request = match &outcome.event {
            Some(Event::JoinRequested { request, .. }) => Some(request.clone()),
            Some(_) => None,
            None => open,
        };
        match request {
            Some(request) => Self::Requested(group, request),
            None => Self::In(group),
        }
    }
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
        if let Some(outcome) = self.repeated(call).await? {
            return Ok(Joined::from(&outcome, None));
        }
        let stored = self.group_by_invite(code).await?;
        let state = stored.group.state();
        let person = mint::person(&stored.account, wa_id);
        let request = mint::join_request_id(&person, state.serial);
        let command = Command::Join { person, code: code.clone(), request: request.clone() };
        let outcome = self.execute(call, &state.id, command).await?;
        Ok(Joined::from(&outcome, Some(request)))
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
