//! Subscriptions: who is told, where, how, and of what.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use domain::ids::{AccountId, PhoneNumberId};
use domain::values::Timestamp;
use wire::Dialect;
use wire::news::Topic;

use super::Number;

/// What every subscription's id begins with.
const ID_PREFIX: &str = "sub_";

/// A subscription's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(Arc<str>);

impl SubscriptionId {
    /// Reads `sub_…`; `None` for what cannot be the id of a subscription.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(ID_PREFIX)?;
        let well_formed =
            (1..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        well_formed.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a secret of Standard Webhooks begins with; base64 follows.
pub const STANDARD_PREFIX: &str = "whsec_";

/// What a receiver shares with us to tell our deliveries from somebody else's. Kept as it is: it
/// is needed for every signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes what the operator or the mint says.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for signing, storing, and showing it once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secrets that sign: one, or two while receivers change from the old to the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The one that stays.
    pub current: Secret,
    /// The one before, and until when it signs as well.
    pub old: Option<(Secret, Timestamp)>,
}

impl Secrets {
    /// Those that sign now, the one that receivers have known for longer first.
    pub fn at(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let old = self.old.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        old.into_iter().chain([&self.current])
    }
}

/// Whose events are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Those of one number.
    Number(PhoneNumberId),
    /// Those of all numbers of a WhatsApp Business Account.
    Waba(String),
    /// Those of all numbers of the account.
    Account,
}

/// How a subscription came to be, and hence how it stands beside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Through our own API: told of everything, whoever else is.
    Added,
    /// The one receiver of a vendor's configuration, for a number or for a WABA. A number's comes
    /// before its WABA's.
    Main {
        /// A WABA's that comes before all of its numbers'.
        over_all: bool,
    },
    /// One of a vendor's further receivers: told once the main one has been.
    Extra {
        /// Its name, unique for the number.
        name: String,
    },
}

/// Whether deliveries go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// They do.
    On,
    /// The operator holds them back; they wait.
    Paused {
        /// Since when.
        since: Timestamp,
    },
    /// The receiver has failed for too long, or said that it is gone; they wait.
    Off {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A webhook field that a vendor's configuration asks for, whether or not this server has events
/// for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorField {
    /// The vendor's name for it.
    pub name: String,
    /// The version of the vendor's API that asked for it.
    pub version: String,
}

/// Where to send and what to send along.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub url: url::Url,
    /// Sent with every delivery; names as they were written.
    pub headers: Vec<(String, HeaderValue)>,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut shown = f.debug_struct("Target");
        shown.field("url", &self.url.as_str()).field("headers", &names);
        shown.field("timeout", &self.timeout).finish()
    }
}

/// A receiver, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose it is.
    pub account: AccountId,
    /// Whose events are told.
    pub reach: Reach,
    /// In whose words.
    pub dialect: Dialect,
    /// How it came to be.
    pub role: Role,
    /// Where.
    pub target: Target,
    /// Of what; `None` is everything.
    pub topics: Option<Vec<Topic>>,
    /// The fields that the vendor's configuration asks for, where the vendor lists them.
    pub fields: Vec<VendorField>,
    /// What proves that a delivery is ours.
    pub secrets: Secrets,
    /// Whether the dialect's own signature is sent, besides the one that is always sent.
    pub vendor_signature: bool,
    /// What the handshake says, in the dialect that has one.
    pub verify_token: Option<Secret>,
    /// Since when.
    pub created_at: Timestamp,
    /// When it is removed unless its lease is renewed; `None` lasts until somebody removes it.
    pub lease_until: Option<Timestamp>,
    /// Since when no delivery has gone through; `None` while they do.
    pub failing_since: Option<Timestamp>,
    /// Whether deliveries go out.
    pub activity: Activity,
}

/// A place in a vendor's configuration, for one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose it is.
    pub account: AccountId,
    /// In which vendor's.
    pub dialect: Dialect,
    /// For whose events.
    pub reach: Reach,
    /// Which of those that there are for them. What a receiver is over has no say in it.
    pub role: Role,
}

/// A receiver as a vendor's configuration call describes it.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Where to send, and what to send along.
    pub target: Target,
    /// The topics; `None` leaves those of the receiver that is there, and is everything for a new
    /// one.
    pub topics: Option<Vec<Topic>>,
    /// The fields that the vendor's configuration lists, where the vendor has such a list.
    pub fields: Vec<VendorField>,
    /// What signs; `None` leaves the secret of the receiver that is there, and takes
    /// [`Minted::secret`] for a new one.
    pub secret: Option<Secret>,
    /// What the handshake says, where the vendor has one.
    pub verify_token: Option<Secret>,
    /// Whether the vendor's own signature is sent.
    pub vendor_signature: bool,
}

/// Names for a subscription that a change may have to create.
#[derive(Debug, Clone)]
pub struct Minted {
    /// Its id.
    pub id: SubscriptionId,
    /// Its secret, unless the caller brings one.
    pub secret: Secret,
}

/// A change to one [`Place`] of a vendor's configuration. The store decides it upon the receiver
/// that it finds while it writes, so that of two calls at the same time neither undoes the other.
#[derive(Debug, Clone)]
pub enum PlaceChange {
    /// Sets the receiver. One that is there keeps its id, its deliveries and an operator's pause;
    /// if it was switched off, it is on again.
    Set(Configured, Minted),
    /// Adds a receiver. Fails if the place is taken, or if the number has `max` extra receivers.
    Add {
        /// The receiver.
        receiver: Configured,
        /// Its names.
        minted: Minted,
        /// The highest number of extra receivers with the same reach.
        max: usize,
    },
    /// Changes the receiver. Fails if there is none.
    Change(SubscriptionChange),
    /// Unsubscribes from webhook fields of the vendor, by name. The receiver is removed with its
    /// last field.
    EndFields(Vec<String>),
    /// Removes the receiver, if there is one.
    Clear,
}

impl Subscription {
    /// Whether the events of this number are its business.
    #[must_use]
    pub fn reaches(&self, number: &Number) -> bool {
        self.account == number.account
            && match &self.reach {
                Reach::Number(id) => *id == number.id,
                Reach::Waba(waba_id) => *waba_id == number.waba_id,
                Reach::Account => true,
            }
    }

    /// Whether it wants to be told of such things.
    #[must_use]
    pub fn wants(&self, topic: Topic) -> bool {
        self.topics.as_ref().is_none_or(|topics| topics.contains(&topic))
    }
}

/// A new secret, and until when the one before signs as well.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The new one.
    pub secret: Secret,
    /// `None` ends the old one at once.
    pub overlap_until: Option<Timestamp>,
}

/// What can be changed about a subscription; what is not given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionChange {
    /// Another place. Whoever fails at the old one does not fail at the new.
    pub url: Option<url::Url>,
    /// Other headers.
    pub headers: Option<Vec<(String, HeaderValue)>>,
    /// Another timeout.
    pub timeout: Option<Duration>,
    /// Other topics.
    pub topics: Option<Vec<Topic>>,
    /// Other fields of the vendor's configuration.
    pub fields: Option<Vec<VendorField>>,
    /// Another secret.
    pub rotation: Option<Rotation>,
    /// Another token for the handshake.
    pub verify_token: Option<Secret>,
    /// Held back, or let go. Letting go forgets a switching-off.
    pub activity: Option<Activity>,
    /// Whether a WABA's receiver comes before those of its numbers.
    pub over_all: Option<bool>,
    /// Whether the dialect's own signature is sent.
    pub vendor_signature: Option<bool>,
}

/// What has happened to a subscription, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionEvent {
    /// It is there.
    Added,
    /// Its address, headers, topics or timeout are other ones.
    Changed,
    /// It has a new secret.
    SecretRotated,
    /// The operator holds it back.
    Paused,
    /// The operator lets it go.
    Resumed,
    /// It has failed for too long, or said that it is gone.
    SwitchedOff {
        /// Why.
        reason: String,
    },
    /// It is no more.
    Removed,
}

impl SubscriptionEvent {
    /// The word by which it is kept and shown.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Added => "subscription_added",
            Self::Changed => "subscription_changed",
            Self::SecretRotated => "subscription_secret_rotated",
            Self::Paused => "subscription_paused",
            Self::Resumed => "subscription_resumed",
            Self::SwitchedOff { .. } => "subscription_switched_off",
            Self::Removed => "subscription_removed",
        }
    }
}
