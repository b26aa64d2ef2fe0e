//! The outbox: deliveries, what is asked of them, and what comes of them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use domain::values::Timestamp;
use wire::news::Topic;

use super::Recorded;
use crate::directory::{Actor, Subscription, SubscriptionEvent, SubscriptionId};
use crate::webhook::plan::Plan;

/// A delivery's id, which is also what receivers tell duplicates by: a number that is never used
/// twice in one database, and a random one, so that two databases do not share it either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId {
    /// Counts up; the key of lists.
    pub seq: u64,
    /// Random.
    pub nonce: i64,
}

impl DeliveryId {
    /// Reads `msg_<number>_<16 hex digits>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, nonce) = text.strip_prefix("msg_")?.split_once('_')?;
        let id = Self {
            seq: seq.parse().ok()?,
            nonce: i64::from_str_radix(nonce, 16).ok().filter(|nonce| *nonce >= 0)?,
        };
        // One id has one spelling.
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "msg_{}_{:016x}", self.seq, self.nonce)
    }
}

/// What a commit owes: a plan, and a random number for each of its deliveries.
#[derive(Debug, Clone, Default)]
pub struct Owed {
    /// Who gets what.
    pub plan: Plan,
    /// For the ids, one for each delivery.
    pub nonces: Vec<i64>,
}

/// Where a delivery is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Its first attempt is to come.
    Pending,
    /// It has failed and is tried again.
    Failing,
    /// It has arrived.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Failing, Self::Delivered, Self::Dead];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failing => "failing",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One try at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub millis: u32,
    /// Status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// What was wrong, beyond the status.
    pub problem: Option<String>,
    /// How the answer begins.
    pub head: String,
}

/// A delivery, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub subscription: SubscriptionId,
    /// About which group, and which of its versions; `None` for a test.
    pub about: Option<(GroupId, u64)>,
    /// About what.
    pub topic: Topic,
    /// Where it is in its life.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next, where that is known: not at once, and not waiting for something else.
    pub next_attempt_at: Option<Timestamp>,
    /// When it came to be owed.
    pub created_at: Timestamp,
    /// When it arrived or was given up.
    pub settled_at: Option<Timestamp>,
    /// Why it was given up.
    pub reason: Option<String>,
}

/// A delivery with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// What is sent.
    pub body: Bytes,
    /// The tries, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Which deliveries are meant. What is not given is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// This one.
    pub id: Option<DeliveryId>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// To this subscription.
    pub subscription: Option<SubscriptionId>,
    /// About this group.
    pub group: Option<GroupId>,
    /// About what happened then, or later.
    pub from: Option<Timestamp>,
    /// About what happened before then.
    pub to: Option<Timestamp>,
}

/// A delivery that the caller alone may send, until the lease runs out.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its id.
    pub id: DeliveryId,
    /// Tries that have failed since it came to be owed.
    pub failed: u32,
    /// When it came to be owed: when the event happened, or at the latest replay.
    pub owed_since: Timestamp,
    /// What to send.
    pub body: Bytes,
    /// Names the lease.
    pub lease: i64,
    /// When it runs out.
    pub until: Timestamp,
}

/// What came of a leased delivery.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Which.
    pub id: DeliveryId,
    /// Under which lease. If it has run out and somebody else has the delivery now, nothing is
    /// settled.
    pub lease: i64,
    /// The try; `None` if there was none.
    pub attempt: Option<Attempt>,
    /// What is to become of the delivery.
    pub fate: Fate,
    /// Whether the receiver has shown that it is there, whatever it said; `None` if it was not
    /// asked.
    pub alive: Option<bool>,
}

/// What is to become of a delivery after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has arrived.
    Delivered,
    /// It is tried again then.
    Retry {
        /// When.
        due_at: Timestamp,
    },
    /// It is given up.
    Dead {
        /// Why.
        reason: String,
    },
    /// There was no try: it is as due as it was before.
    GivenBack,
}

impl Settlement {
    /// A lease that was not used.
    #[must_use]
    pub fn given_back(leased: &Leased) -> Self {
        let Leased { id, lease, .. } = *leased;
        Self { id, lease, attempt: None, fate: Fate::GivenBack, alive: None }
    }
}

/// What a dispatcher hands back and asks for, about one subscription, in one write.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Whose deliveries.
    pub subscription: SubscriptionId,
    /// Now.
    pub now: Timestamp,
    /// What came of those that were leased before.
    pub settlements: Vec<Settlement>,
    /// How many more it can take.
    pub room: usize,
    /// Names the new leases.
    pub lease: i64,
    /// Until when they last.
    pub lease_until: Timestamp,
}

/// What a dispatcher gets.
#[derive(Debug, Clone)]
pub struct Exchanged {
    /// The subscription as it is now; `None` once it is removed: then nothing is leased.
    pub subscription: Option<Arc<Subscription>>,
    /// Oldest due first. None while the subscription is paused or switched off.
    pub leased: Vec<Leased>,
    /// How many could have been leased.
    pub room: usize,
    /// Other subscriptions that have become due by what was settled.
    pub released: Vec<SubscriptionId>,
}

/// What is to become of many deliveries at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amendment {
    /// They are made once more, whatever has come of them. What is just being sent, what follows
    /// another delivery, and what nobody is there for, is left alone.
    Replay,
    /// Those that are not settled are given up.
    GiveUp {
        /// Why.
        reason: String,
    },
}

/// Many deliveries, and what is to become of them.
#[derive(Debug, Clone)]
pub struct Amend {
    /// Now.
    pub now: Timestamp,
    /// What.
    pub amendment: Amendment,
    /// Which.
    pub filter: DeliveryFilter,
    /// Only those behind this key.
    pub after: u64,
    /// How many at most.
    pub limit: usize,
}

/// How far it has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// How many it has met.
    pub count: usize,
    /// Whose they are.
    pub subscriptions: Vec<SubscriptionId>,
    /// Where to go on; `None` if that was all.
    pub next: Option<u64>,
}

/// What is too old to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// Now.
    pub now: Timestamp,
    /// Receipts from before.
    pub receipts_before: Timestamp,
    /// Deliveries that are owed since before then, and not settled, are given up.
    pub owed_before: Timestamp,
    /// Deliveries that were settled before then are forgotten, and so are subscriptions that were
    /// removed before then, with their events.
    pub settled_before: Timestamp,
}

/// Whose history is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFilter {
    /// A group's.
    Group(GroupId),
    /// A number's.
    Number(PhoneNumberId),
    /// An account's.
    Account(AccountId),
    /// A subscription's.
    Subscription(SubscriptionId),
    /// Everybody's.
    Everything,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Whose it is.
    pub account: AccountId,
    /// The number's, where it is one's.
    pub number: Option<PhoneNumberId>,
    /// When.
    pub at: Timestamp,
    /// By whom; `None` for an event that is older than the column.
    pub actor: Option<Actor>,
    /// What happened.
    pub what: LoggedEvent,
}

/// What an entry of the log tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedEvent {
    /// Something happened to a group.
    Group(GroupId, Recorded),
    /// Something happened to a subscription.
    Subscription(SubscriptionId, SubscriptionEvent),
}

/// By whom the members of a group see that something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Whoever it was.
    Anyone,
    /// The business.
    Business,
    /// The person with this phone number or, where it is hidden, this user id.
    Person(String),
}

/// Which notices are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notices {
    /// By whom.
    pub by: By,
    /// What happened then, or later.
    pub from: Timestamp,
    /// What happened before then.
    pub to: Timestamp,
    /// How many of the oldest are left out.
    pub skip: u32,
    /// How many at most.
    pub limit: u32,
}

/// An event of which the members of a group see a notice: see [`domain::Event::notice`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The alias second of the group.
    pub alias_second: i64,
    /// The event.
    pub recorded: Recorded,
}
