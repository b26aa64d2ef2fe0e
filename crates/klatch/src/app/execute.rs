//! The only writer. Groups: load, decide, commit; and again, if somebody else was faster. Records
//! are plain: there is nothing to decide.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::event::Failed;
use domain::ids::{GroupId, PhoneNumberId, RequestId};
use domain::values::{InviteCode, Timestamp};
use domain::{Command, CreateGroup, Decision, Event, Group, GroupState, NewGroup, Refusal};
use wire::news::{News, What};
use wire::{Answers, Effect};

use super::caller::Call;
use super::idempotency::receipt_scope;
use super::{App, Failure, TURNS, deliveries};
use crate::directory::{Actor, Changed, Eligibility, Number, RecordChange, Subscription};
use crate::mint;
use crate::store::outbox::{Owed, Sweep};
use crate::store::{
    ChangeError, Commit, CommitError, RECEIPT_HORIZON_MS, Receipt, Receivers, Recorded, StoreError,
    Stored,
};
use crate::webhook::plan::plan;
use crate::webhook::retry;

/// How often a decision is made again before the caller is told to come back later.
const ATTEMPTS_MAX: usize = 16;

/// A change that is asked of a group: the command, and the bytes that it speaks of.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is asked.
    pub command: Command,
    /// The bytes of the picture that the command sets.
    pub picture: Option<Bytes>,
}

impl From<Command> for Change {
    fn from(command: Command) -> Self {
        Self { command, picture: None }
    }
}

/// What came of a call that was not refused as a whole.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The group afterwards.
    pub stored: Arc<Stored>,
    /// The call's id, repeated wherever the change is told of.
    pub request_id: RequestId,
    /// What happened, if anything did.
    pub event: Option<Event>,
    /// Entries of a bulk call that came to nothing.
    pub refused: Vec<Failed>,
    /// Which fields the answer has.
    pub answers: Answers,
}

impl Outcome {
    /// What an answer tells of it.
    #[must_use]
    pub fn effect(&self) -> Effect<'_> {
        Effect {
            group: self.stored.group.state(),
            request_id: &self.request_id,
            event: self.event.as_ref(),
            refused: &self.refused,
            answers: self.answers,
        }
    }
}

/// What a business is about to do.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Create,
    Change,
}

/// What was decided upon and is not yet on the disk.
struct Decided {
    number: Arc<Number>,
    stored: Stored,
    event: Event,
    refused: Vec<Failed>,
    picture: Option<Bytes>,
    at: Timestamp,
}

impl App {
    /// Creates a group of this number.
    pub async fn create(
        &self,
        call: &Call,
        number: &Arc<Number>,
        new: &NewGroup,
    ) -> Result<Outcome, Failure> {
        if let Some(outcome) = self.repeated(call).await? {
            return Ok(outcome);
        }
        let at = self.runtime.now();
        self.admit(call, number, Purpose::Create, at)?;
        for _ in 0..ATTEMPTS_MAX {
            let serial = self.mint.group_serial();
            let (group, event) = Group::create(
                CreateGroup {
                    id: mint::group_id(&number.display_number, serial),
                    serial,
                    number: number.id.clone(),
                    business: number.display_number.clone(),
                    alias_second: self.next_alias(&number.id, at).await?,
                    subject: new.subject.clone(),
                    description: new.description.clone(),
                    mode: new.mode,
                    invite: self.mint.invite_code(),
                },
                at,
            );
            let decided = Decided {
                number: Arc::clone(number),
                stored: Stored { group, account: number.account.clone() },
                event,
                refused: Vec::new(),
                picture: None,
                at,
            };
            match self.commit(call, decided).await? {
                Some(outcome) => return Ok(outcome),
                None => self.forget_alias(&number.id),
            }
        }
        Err(Failure::Busy)
    }

    /// Asks something of a group that exists.
    pub async fn execute(
        &self,
        call: &Call,
        id: &GroupId,
        change: impl Into<Change>,
    ) -> Result<Outcome, Failure> {
        // First the turn: of the same call made twice at once, the second finds the first's receipt.
        let _turn = self.turns[place(id)].lock().await;
        if let Some(outcome) = self.repeated(call).await? {
            return Ok(outcome);
        }
        let Change { command, picture } = change.into();
        let at = self.runtime.now();
        for attempt in 0..ATTEMPTS_MAX {
            let stored = self.group(&call.scope, id).await?;
            let number = self.number_of(&stored).await?;
            // However often it takes, it is one operation.
            if attempt == 0 {
                self.admit(call, &number, Purpose::Change, at)?;
            }
            let Decision { event, refused } = stored.group.decide(&command, number.limits)?;
            let Some(event) = event else {
                let (request_id, answers) = (self.mint.request_id(), number.answers);
                let outcome = Outcome { stored, request_id, event: None, refused, answers };
                return self.remember(call, outcome, at).await;
            };
            let mut stored = Stored::clone(&stored);
            stored.group.apply(&event, at);
            let picture = picture.clone();
            let decided = Decided { number, stored, event, refused, picture, at };
            if let Some(outcome) = self.commit(call, decided).await? {
                return Ok(outcome);
            }
        }
        Err(Failure::Busy)
    }

    /// Whether a group can be changed at all, as things are now.
    pub(super) async fn may_change(&self, call: &Call, id: &GroupId) -> Result<(), Failure> {
        let stored = self.group(&call.scope, id).await?;
        let number = self.number_of(&stored).await?;
        if call.actor.is_business() {
            entitled(&number, Purpose::Change)?;
            self.pace.would_admit(&number.id, number.limits.operations, self.runtime.now())?;
        }
        let probe = Command::ReportPictureFailure { problem: String::new() };
        stored.group.decide(&probe, number.limits)?;
        Ok(())
    }

    /// The link of a group; where it had been deleted, a new one.
    pub async fn invite_link(&self, call: &Call, id: &GroupId) -> Result<InviteCode, Failure> {
        let stored = self.group(&call.scope, id).await?;
        if let Some(code) = &stored.group.state().invite {
            return Ok(code.clone());
        }
        let command = Command::ProvideInvite { code: self.mint.invite_code() };
        let outcome = self.execute(call, id, command).await?;
        let present = outcome.stored.group.state().invite.as_ref();
        Ok(present.ok_or(Refusal::InviteLinkDead)?.clone())
    }

    /// Whether a number may ask for this at all. It is not asked about what others do.
    fn admit(
        &self,
        call: &Call,
        number: &Number,
        purpose: Purpose,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        if !call.actor.is_business() {
            return Ok(());
        }
        entitled(number, purpose)?;
        self.pace.admit(&number.id, number.limits.operations, at)
    }

    /// Counts an operation of a number that is no change to a group: a registration, or a change to
    /// the configuration of webhooks.
    ///
    /// # Errors
    ///
    /// The number has used up its limit.
    pub(super) fn admit_operation(&self, number: &Number) -> Result<(), Refusal> {
        self.pace.admit(&number.id, number.limits.operations, self.runtime.now())
    }

    /// Builds the one value that the store takes or leaves. `None`: somebody else was faster.
    async fn commit(&self, call: &Call, decided: Decided) -> Result<Option<Outcome>, Failure> {
        let Decided { number, stored, event, refused, picture, at } = decided;
        let state = stored.group.state();
        let request_id = self.mint.request_id();
        let receivers = self.receivers(&number.id).await?;
        let owed = self.owed(
            // As it was when the receivers were read.
            &receivers.number,
            &News {
                number: receivers.number.sender(),
                group: state,
                at,
                request_id: &request_id,
                what: What::Happened(&event),
            },
            &receivers.subscriptions,
        );
        let owing: Vec<_> =
            owed.plan.deliveries.iter().map(|planned| planned.subscription.clone()).collect();
        let answers = number.answers;
        let version = Some(state.version);
        let receipt = receipt(call, state, &request_id, version, &refused, answers, at);
        let recorded = Recorded {
            version: state.version,
            at,
            actor: Some(call.actor.clone()),
            request_id: request_id.clone(),
            event: event.clone(),
        };
        let stored = Arc::new(stored);
        let commit = Commit {
            stored: Arc::clone(&stored),
            recorded,
            groups_max: number.limits.groups,
            picture,
            receipt,
            owed,
            revision: receivers.revision,
        };
        match self.store.commit(commit).await {
            Ok(()) => {
                if !owing.is_empty() {
                    self.metrics.webhook_deliveries.inc_by(owing.len() as u64);
                    self.dispatch.hint(owing);
                }
                Ok(Some(Outcome { stored, request_id, event: Some(event), refused, answers }))
            }
            Err(CommitError::Conflict) => {
                self.metrics.conflicts.inc();
                Ok(None)
            }
            // The same call came twice at once, and the other one won.
            Err(CommitError::ReceiptTaken) => self.repeated(call).await,
            Err(CommitError::NoRoom) => {
                // Nothing was created: the second was not used up.
                self.forget_alias(&number.id);
                match self.repeated(call).await? {
                    Some(earlier) => Ok(Some(earlier)),
                    None => Err(Refusal::GroupLimitReached { limit: number.limits.groups }.into()),
                }
            }
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// A call that changed nothing is an answer nevertheless: repeated, it gets the same.
    async fn remember(
        &self,
        call: &Call,
        outcome: Outcome,
        at: Timestamp,
    ) -> Result<Outcome, Failure> {
        let Outcome { stored, request_id, refused, answers, .. } = &outcome;
        let state = stored.group.state();
        let Some(receipt) = receipt(call, state, request_id, None, refused, *answers, at) else {
            return Ok(outcome);
        };
        match self.store.remember(receipt).await {
            Ok(()) => Ok(outcome),
            Err(CommitError::Store(error)) => Err(error.into()),
            // The same call came twice at once, and the other one won.
            Err(_) => Ok(self.repeated(call).await?.unwrap_or(outcome)),
        }
    }

    /// Changes the records. Gives up what removed subscriptions were still owed, and wakes the
    /// dispatcher for the others.
    pub async fn change(
        &self,
        actor: &Actor,
        change: RecordChange,
    ) -> Result<Changed, ChangeError> {
        let changed = self.store.change(actor, change).await?;
        self.dispatch.reconfigured(&changed);
        for id in &changed.removed {
            // It is removed all the same; the sweep gives up what is left.
            if let Err(error) = deliveries::give_up(self, id, "the subscription was removed").await
            {
                error.log();
            }
        }
        Ok(changed)
    }

    /// What the deliveries of a number are planned from.
    pub(super) async fn receivers(&self, id: &PhoneNumberId) -> Result<Arc<Receivers>, StoreError> {
        self.store.receivers(id).await?.ok_or_else(|| no_such_number(id))
    }

    /// What these receivers are owed for these news.
    fn owed(&self, number: &Number, news: &News<'_>, receivers: &[Subscription]) -> Owed {
        if receivers.is_empty() {
            return Owed::default();
        }
        let plan = plan(number, news, receivers);
        let nonces = plan.deliveries.iter().map(|_| self.mint.delivery_nonce()).collect();
        Owed { plan, nonces }
    }

    /// Forgets what is too old: calls that cannot be repeated any more, deliveries that were
    /// settled long ago. Gives up deliveries that are owed for longer than the retry horizon. Gives
    /// how many rows that were.
    ///
    /// Does nothing while the clock is not believed.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        if !self.runtime.believes_clock() {
            return Ok(0);
        }
        let now = self.runtime.now();
        self.store.saw(now).await?;
        let ago = |duration: Duration| {
            now.minus_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
        };
        let sweep = Sweep {
            now,
            receipts_before: now.minus_millis(RECEIPT_HORIZON_MS),
            owed_before: ago(retry::HORIZON),
            settled_before: ago(self.settings.retention),
        };
        let mut swept = 0;
        loop {
            // Bit by bit: in between, others get their turn.
            match self.store.sweep(sweep).await? {
                0 => return Ok(swept),
                some => swept += some,
            }
        }
    }

    async fn number_of(&self, stored: &Stored) -> Result<Arc<Number>, StoreError> {
        let id = &stored.group.state().number;
        self.store.number(id).await?.ok_or_else(|| no_such_number(id))
    }

    /// This second, or the next one that no group of the number has yet.
    async fn next_alias(&self, number: &PhoneNumberId, now: Timestamp) -> Result<i64, StoreError> {
        let known = self.aliases().get(number).copied();
        let last = match known {
            Some(last) => last,
            None => self.store.last_alias(number).await?,
        };
        let mut aliases = self.aliases();
        let latest = aliases.entry(number.clone()).or_insert(last);
        *latest = now.as_secs().max(*latest + 1);
        Ok(*latest)
    }

    /// Another process has used seconds that we do not know of.
    fn forget_alias(&self, number: &PhoneNumberId) {
        self.aliases().remove(number);
    }

    fn aliases(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<PhoneNumberId, i64>> {
        self.aliases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_number(id: &PhoneNumberId) -> StoreError {
    StoreError::Corrupt {
        table: "groups",
        column: "number_id",
        row: id.to_string(),
        problem: "there is no such number".to_owned(),
    }
}

/// What to remember of a call, if it may be repeated.
fn receipt(
    call: &Call,
    group: &GroupState,
    request_id: &RequestId,
    version: Option<u64>,
    refused: &[Failed],
    answers: Answers,
    at: Timestamp,
) -> Option<Receipt> {
    call.idempotency.as_ref().map(|idempotency| Receipt {
        scope: receipt_scope(&call.scope),
        key: idempotency.key.clone(),
        fingerprint: idempotency.fingerprint,
        group: group.id.clone(),
        request_id: request_id.clone(),
        version,
        refused: refused.to_vec(),
        answers,
        created_at: at,
    })
}

fn entitled(number: &Number, purpose: Purpose) -> Result<(), Refusal> {
    if !number.registration.is_active {
        return Err(Refusal::NumberNotRegistered);
    }
    match (number.eligibility, purpose) {
        (Eligibility::NotEligible, _) => Err(Refusal::NumberNotEligible),
        (Eligibility::CreationDisabled, Purpose::Create) => Err(Refusal::CreationDisabled),
        (Eligibility::CreationDisabled, Purpose::Change) | (Eligibility::Eligible, _) => Ok(()),
    }
}

fn place(id: &GroupId) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
    let place = hash as usize % TURNS;
    place
}
