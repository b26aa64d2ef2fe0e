//! The storage contract: all that the rest of the program may ask of a database.
//!
//! A transaction is a value: whoever wants a change builds one [`Commit`] and hands it over; it is
//! taken whole, on stable storage before the answer, or not at all. No handle, lock or cursor
//! leaves this module.

pub mod migrate;
pub mod outbox;
mod rows;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::GroupSummary;
use domain::event::{Failed, Standing};
use domain::ids::{AccountId, GroupId, PhoneNumberId, RequestId};
use domain::values::{BusinessNumber, InviteCode, Timestamp, WaId};
use domain::{Event, Group};
use wire::Answers;

use self::outbox::{
    Amend, Amended, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId, Exchange, Exchanged,
    LogFilter, Logged, Notice, Notices, Owed, Sweep,
};
use crate::directory::{
    Account, Actor, Changed, Key, KeyHash, Number, Opening, Place, Profile, RecordChange,
    Subscription, SubscriptionId,
};
use crate::page::{Page, Slice};
use crate::telemetry;

/// Where a caller may look. Every read of a group needs one, so that a tenant cannot be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The groups of one number.
    Number(PhoneNumberId),
    /// The groups of all numbers of an account.
    Account(AccountId),
    /// All groups: the operator, and the people in them.
    Everything,
}

impl Scope {
    /// Whether a group is inside.
    #[must_use]
    pub fn covers(&self, stored: &Stored) -> bool {
        match self {
            Self::Number(number) => stored.group.state().number == *number,
            Self::Account(account) => stored.account == *account,
            Self::Everything => true,
        }
    }
}

/// A group and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The group.
    pub group: Group,
    /// The account of its number.
    pub account: AccountId,
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The group's version that the event made.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// By whom; `None` for an event that is older than the column.
    pub actor: Option<Actor>,
    /// By which call.
    pub request_id: RequestId,
    /// What.
    pub event: Event,
}

/// A state of an account's configuration: its numbers, keys and subscriptions, and the WABAs that
/// its app is subscribed to.
///
/// Opaque outside of the store. A store that other processes write to as well keeps a counter in
/// the account's row, increments it in the transaction of every [`RecordChange`] that concerns the
/// account, and compares it in the transaction of every [`Commit`]. A store with one writer may
/// count in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision(u64);

/// Everything that the deliveries of a number's events are planned from, read as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receivers {
    /// The number.
    pub number: Arc<Number>,
    /// The subscriptions of its account that reach it, oldest first.
    pub subscriptions: Vec<Subscription>,
    /// The configuration that both belong to.
    pub revision: Revision,
}

/// One change to one group, with everything that must become true together with it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The group as it is afterwards, and whose it is. Its version is one more than the version
    /// that the decision was made upon; version 1 is a new group.
    pub stored: Arc<Stored>,
    /// What happened, and when, and by which call.
    pub recorded: Recorded,
    /// How many groups the number may have; looked at when the group is new.
    pub groups_max: u32,
    /// The bytes of a new picture.
    pub picture: Option<Bytes>,
    /// What to remember of the call, if it may be repeated.
    pub receipt: Option<Receipt>,
    /// The deliveries that are owed from now on.
    pub owed: Owed,
    /// The configuration that they were planned from: [`Receivers::revision`].
    pub revision: Revision,
}

/// Standings of one person that are told of. Ours.
pub const STANDINGS_MAX: usize = 1_024;

/// How long a receipt keeps its key from being used anew, in milliseconds: 24 hours.
pub const RECEIPT_HORIZON_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is remembered of a call that came with an `Idempotency-Key`. The event itself is in the
/// log; the receipt points there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose keys these are: two callers may choose the same.
    pub scope: String,
    /// The caller's key.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
    /// The group that was asked.
    pub group: GroupId,
    /// The call's id.
    pub request_id: RequestId,
    /// The version that the change made; `None` if the call changed nothing.
    pub version: Option<u64>,
    /// Entries that came to nothing.
    pub refused: Vec<Failed>,
    /// Which fields the answer had.
    pub answers: Answers,
    /// When.
    pub created_at: Timestamp,
}

/// Where a person stands in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonStanding {
    /// The group.
    pub group: GroupId,
    /// How.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
}

/// The database does not do what it should. The caller cannot help it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Full, busy, unreachable, stopped: may work later.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The write failed in its last step. It is not visible now, but it may be once the store has
    /// been opened again: whoever repeats it may do it twice, except with an idempotency key.
    #[error("it is not known whether the change was stored")]
    OutcomeUnknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database itself is broken, and knows it.
    #[error("the database is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds what this program would never have written.
    #[error("the store holds a damaged value in {table}.{column}, row {row}: {problem}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// What identifies the row.
        row: String,
        /// What is wrong.
        problem: String,
    },
}

impl StoreError {
    /// Logs the failure. To be called once, where it becomes an answer.
    pub fn log(&self) {
        let (request_id, why) = (telemetry::trace_id(), telemetry::chain(self));
        match self {
            Self::Unavailable(_) => tracing::warn!(request_id, error = why, "the store failed"),
            Self::OutcomeUnknown(_) => {
                tracing::error!(request_id, error = why, "the outcome of a write is unknown");
            }
            Self::Damaged(_) | Self::Corrupt { .. } => {
                tracing::error!(request_id, error = why, "the store is damaged");
            }
        }
    }
}

/// Why a commit was not taken. Nothing of it was written, unless it says
/// [`StoreError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The group has changed since it was read, the account's configuration has changed since the
    /// deliveries were planned, or a newly minted name is taken: decide and plan again.
    #[error("version conflict")]
    Conflict,
    /// The number has as many groups as it may.
    #[error("the number has no room for another group")]
    NoRoom,
    /// A call with this `Idempotency-Key` has just been committed.
    #[error("the idempotency key has just been used")]
    ReceiptTaken,
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a record was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Another record has this value, named by the field.
    #[error("{field} is already in use")]
    Taken {
        /// The field, as our own API spells it.
        field: &'static str,
    },
    /// Another subscription sends the same events in the same dialect to the same URL.
    #[error(
        "url is already subscribed to these events in this dialect by {subscription}: change or \
         remove that subscription"
    )]
    Subscribed {
        /// The other subscription.
        subscription: SubscriptionId,
    },
    /// There is no such record.
    #[error("{field} does not exist")]
    Unknown {
        /// The field that names it, as our own API spells it.
        field: &'static str,
    },
    /// The number has another two-step verification PIN.
    #[error("the two-step verification PIN is another one")]
    WrongPin,
    /// The number is not registered.
    #[error("the number is not registered")]
    NotRegistered,
    /// There would be more of them than there may be.
    #[error("{field} must not be more than {max}")]
    TooMany {
        /// The field, as the vendor's API spells it.
        field: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// See there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Groups, for those who look: every read of one takes the scope of whoever asks, and lists are a number's.
/// Dead groups are read as well; [`App::group`](crate::app::App::group) gives those that exist.
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// A group, dead ones included, if it is inside the scope.
    async fn group(&self, scope: &Scope, id: &GroupId) -> Result<Option<Arc<Stored>>, StoreError>;

    /// The group of the number that has this alias second, dead ones included.
    async fn group_by_alias(
        &self,
        number: &PhoneNumberId,
        alias_second: i64,
    ) -> Result<Option<GroupId>, StoreError>;

    /// The groups of a number that exist, newest first. Keys are the groups' alias seconds.
    async fn groups(
        &self,
        number: &PhoneNumberId,
        page: Page,
    ) -> Result<Slice<GroupSummary>, StoreError>;

    /// The picture of a group: media type and bytes.
    async fn picture(
        &self,
        scope: &Scope,
        group: &GroupId,
    ) -> Result<Option<(String, Bytes)>, StoreError>;
}

/// Accounts, numbers, keys and subscriptions, for those who look.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// An account.
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    /// The account whose app has this id.
    async fn account_of_app(&self, app_id: &str) -> Result<Option<Account>, StoreError>;

    /// A number.
    async fn number(&self, id: &PhoneNumberId) -> Result<Option<Arc<Number>>, StoreError>;

    /// The number with these digits, spelled as its operator spells them.
    async fn number_of_digits(&self, digits: &BusinessNumber)
    -> Result<Option<Number>, StoreError>;

    /// The number of this account that has this bot id.
    async fn number_of_bot(
        &self,
        account: &AccountId,
        bot_id: &str,
    ) -> Result<Option<Number>, StoreError>;

    /// The ids of the account's WhatsApp Business Accounts, in order, at most `limit`.
    async fn wabas(&self, account: &AccountId, limit: u16) -> Result<Vec<String>, StoreError>;

    /// A key, revoked ones included.
    async fn key(&self, id: &str) -> Result<Option<Key>, StoreError>;

    /// All accounts, oldest first.
    async fn accounts(&self, page: Page) -> Result<Slice<Account>, StoreError>;

    /// The numbers of an account, or all, oldest first.
    async fn numbers(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Number>, StoreError>;

    /// The numbers of an account that belong to a WhatsApp Business Account, oldest first.
    async fn numbers_of_waba(
        &self,
        account: &AccountId,
        waba_id: &str,
        page: Page,
    ) -> Result<Slice<Number>, StoreError>;

    /// The keys of an account, or all, oldest first.
    async fn keys(&self, account: Option<&AccountId>, page: Page)
    -> Result<Slice<Key>, StoreError>;

    /// The subscription that has this place in a vendor's configuration.
    async fn holder(&self, place: &Place) -> Result<Option<Subscription>, StoreError>;

    /// A subscription that was not removed.
    async fn subscription(&self, id: &SubscriptionId) -> Result<Option<Subscription>, StoreError>;

    /// The subscriptions of an account, or all, oldest first.
    async fn subscriptions(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Subscription>, StoreError>;
}

/// Deliveries, for those who look.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// Deliveries, newest first.
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: Page,
    ) -> Result<Slice<Delivery>, StoreError>;

    /// A delivery, with its body and attempts.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreError>;
}

/// What happened, for those who look.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// What happened, oldest first.
    async fn log(&self, filter: &LogFilter, page: Page) -> Result<Slice<Logged>, StoreError>;

    /// Notices of what happened to the groups of a number, oldest first.
    async fn notices(
        &self,
        number: &PhoneNumberId,
        wanted: &Notices,
    ) -> Result<Vec<Notice>, StoreError>;
}

/// A database. Reads see every commit that was answered before they began. What handlers may read
/// stands in the traits before; all else is for the use cases and for the dispatcher.
#[async_trait]
pub trait Store: Groups + Directory + Deliveries + Log {
    /// The group that a live invite link leads to.
    async fn group_by_invite(&self, code: &InviteCode) -> Result<Option<GroupId>, StoreError>;

    /// The log of a group from a version on, oldest first, at most `limit` events.
    async fn history(
        &self,
        group: &GroupId,
        from_version: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// The groups that exist in which the person with this phone number has a standing, oldest
    /// standing first, at most [`STANDINGS_MAX`].
    async fn standings(&self, person: &str) -> Result<Vec<PersonStanding>, StoreError>;

    /// What is special about the person with this phone number, if anything is.
    async fn profile(&self, wa_id: &WaId) -> Result<Option<Profile>, StoreError>;

    /// The receipt of an earlier call.
    async fn receipt(&self, scope: &str, key: &str) -> Result<Option<Receipt>, StoreError>;

    /// Takes a change to a group, whole or not at all, if neither the group nor the account's
    /// configuration has changed since they were read.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// Takes the receipt of a call that was answered without changing anything.
    async fn remember(&self, receipt: Receipt) -> Result<(), CommitError>;

    /// What a key opens, unless it was revoked.
    async fn opening(&self, key: &KeyHash) -> Result<Option<Arc<Opening>>, StoreError>;

    /// Takes a change to the records, whole or not at all; who makes it is kept in the log of what
    /// happens to subscriptions. Once it is answered, every commit whose
    /// deliveries were planned before is refused with [`CommitError::Conflict`].
    async fn change(&self, actor: &Actor, change: RecordChange) -> Result<Changed, ChangeError>;

    /// The latest alias second that the number has used; 0 before the first.
    async fn last_alias(&self, number: &PhoneNumberId) -> Result<i64, StoreError>;

    /// What the number's deliveries are planned from; `None` if there is no such number.
    async fn receivers(&self, number: &PhoneNumberId)
    -> Result<Option<Arc<Receivers>>, StoreError>;

    /// The subscriptions whose lease has ended.
    async fn lapsed(&self, now: Timestamp) -> Result<Vec<SubscriptionId>, StoreError>;

    /// Takes a delivery that is owed without anything having happened: a test. `None` if there is
    /// no such subscription any more.
    async fn enqueue(&self, owed: Owed, at: Timestamp) -> Result<Option<DeliveryId>, StoreError>;

    /// The subscriptions for which something is due: neither paused nor switched off.
    async fn due(&self, now: Timestamp) -> Result<Vec<SubscriptionId>, StoreError>;

    /// Settles deliveries of a subscription and leases the next ones, whole or not at all.
    async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError>;

    /// Changes the fate of deliveries, oldest first.
    async fn amend(&self, amend: Amend) -> Result<Amended, StoreError>;

    /// Gives up and forgets some of what is too old; gives how many rows. Zero means that none is
    /// left.
    async fn sweep(&self, sweep: Sweep) -> Result<usize, StoreError>;

    /// The latest time that was believed, if there is one: see [`Store::saw`].
    async fn last_seen(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Takes down a time that is believed, so that the next start can compare its clock with it.
    async fn saw(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Whether reads and writes work.
    async fn ready(&self) -> Result<(), StoreError>;
}
