//! Accounts, numbers, keys, subscriptions and people: plain records that say who may do what where,
//! and who is told.

mod actor;
mod person_ids;
mod profile;
mod subscription;

use std::fmt;
use std::sync::Arc;

use domain::Limits;
use domain::ids::{AccountId, PhoneNumberId};
use domain::values::{BusinessNumber, Timestamp};
use sha2::{Digest as _, Sha256};
use wire::Answers;
use wire::news::Sender;

pub use self::actor::Actor;
pub use self::person_ids::PersonIds;
pub use self::profile::{PersonKey, Profile};
pub use self::subscription::{
    Activity, Configured, Minted, Place, PlaceChange, Reach, Role, Rotation, STANDARD_PREFIX,
    Secret, Secrets, Subscription, SubscriptionChange, SubscriptionEvent, SubscriptionId, Target,
    VendorField,
};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What the operator calls it.
    pub name: String,
    /// The app by which the tenant's receivers are told, where the vendor has such a thing.
    pub app: VendorApp,
    /// Makes the ids by which the account knows people.
    pub person_key: PersonKey,
    /// Since when.
    pub created_at: Timestamp,
}

/// A tenant's app, as Meta has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorApp {
    /// Its id, in digits.
    pub id: String,
    /// What signs deliveries to the receivers that it has configured.
    pub secret: Secret,
}

/// Whether a number may work with groups. Meta gives the right to Official Business Accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eligibility {
    /// It may.
    #[default]
    Eligible,
    /// It may look, and change nothing.
    NotEligible,
    /// It may change the groups that it has, and create none for the time being.
    CreationDisabled,
}

impl Eligibility {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eligible, Self::NotEligible, Self::CreationDisabled];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eligible => "eligible",
            Self::NotEligible => "not_eligible",
            Self::CreationDisabled => "creation_disabled",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|eligibility| eligibility.as_str() == text)
    }
}

/// A two-step verification PIN: six digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 6]);

impl Pin {
    /// Reads six digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = <[u8; 6]>::try_from(text.as_bytes()).ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The six digits, for the store.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // Nothing but digits is ever taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// A number's registration with the vendor's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    /// Whether it is registered. A number that is not can change nothing.
    pub is_active: bool,
    /// Its two-step verification PIN, if one was set.
    pub pin: Option<Pin>,
}

impl Default for Registration {
    /// As numbers are created: registered, without a PIN.
    fn default() -> Self {
        Self { is_active: true, pin: None }
    }
}

/// A business phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// The id that API calls name it by.
    pub id: PhoneNumberId,
    /// Whose it is.
    pub account: AccountId,
    /// Its digits, as the operator spells them.
    pub display_number: BusinessNumber,
    /// The WhatsApp Business Account it belongs to.
    pub waba_id: String,
    /// The name by which bot-style APIs know it.
    pub bot_id: String,
    /// What it is allowed.
    pub limits: Limits,
    /// Whether it may work with groups.
    pub eligibility: Eligibility,
    /// Which fields the answers to its calls have.
    pub answers: Answers,
    /// Whether it is registered with the vendor's API.
    pub registration: Registration,
    /// Whether an override of the callback URL is taken although the app is not subscribed to the
    /// WABA. Meta refuses it.
    pub unsubscribed_overrides: bool,
    /// Whether the app's own receiver is told of its WABA's events.
    pub app_subscribed: bool,
    /// Whether its extra receivers, of a vendor that has such, are told.
    pub extra_receivers: bool,
    /// Since when.
    pub created_at: Timestamp,
}

impl Number {
    /// The number as payloads name it.
    #[must_use]
    pub fn sender(&self) -> Sender<'_> {
        Sender {
            phone_number_id: self.id.as_str(),
            display_phone_number: self.display_number.as_str(),
            waba_id: &self.waba_id,
            bot_id: &self.bot_id,
        }
    }
}

/// A key, without its secret: that is shown once, when the key is made, and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id, for listing and revoking.
    pub id: String,
    /// The account it opens, or that owns the number it opens.
    pub account: AccountId,
    /// The only number it opens; `None` opens the whole account.
    pub number: Option<PhoneNumberId>,
    /// The first characters of the secret, to tell keys apart.
    pub hint: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when not any more.
    pub revoked_at: Option<Timestamp>,
}

/// SHA-256 of a key's secret. Secrets are long and random, so a fast hash is enough.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Hashes what a caller sent.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// What a key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The id of the key.
    pub key: String,
    /// The account.
    pub account: AccountId,
    /// The number: the key's own, or the account's only one. `None` where the key opens an account
    /// with no number or with several.
    pub number: Option<Arc<Number>>,
    /// Whether the key is that number's, and opens nothing else of the account.
    pub is_number_only: bool,
}

/// What can be changed about a number; what is not given stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberChange {
    /// See [`Limits::participants`].
    pub participants: Option<u32>,
    /// See [`Limits::groups`].
    pub groups: Option<u32>,
    /// See [`Limits::operations`]; 0 lifts the limit.
    pub operations: Option<u32>,
    /// See [`Number::eligibility`].
    pub eligibility: Option<Eligibility>,
    /// See [`Number::answers`].
    pub answers: Option<Answers>,
    /// See [`Registration::is_active`].
    pub registered: Option<bool>,
    /// See [`Registration::pin`].
    pub pin: Option<Pin>,
    /// See [`Number::unsubscribed_overrides`].
    pub unsubscribed_overrides: Option<bool>,
    /// See [`Number::extra_receivers`].
    pub extra_receivers: Option<bool>,
}

/// A change to the records. Like a group's commit it is a value, taken whole or not at all.
#[derive(Debug, Clone)]
pub enum RecordChange {
    /// A new tenant.
    AddAccount(Account),
    /// A new number.
    AddNumber(Number),
    /// A new key.
    AddKey(Key, KeyHash),
    /// Another shape for a number.
    ChangeNumber(PhoneNumberId, NumberChange),
    /// A number is registered with this PIN, which has to be the one that it has, if it has one.
    RegisterNumber(PhoneNumberId, Pin),
    /// A registered number is registered no more. It keeps its PIN.
    DeregisterNumber(PhoneNumberId),
    /// A key stops to open anything, at once. Revoking it again changes nothing.
    RevokeKey(String, Timestamp),
    /// A new subscription.
    AddSubscription(Subscription),
    /// Another shape for a subscription, what to call the change in the log, and when.
    ChangeSubscription(SubscriptionId, SubscriptionChange, SubscriptionEvent, Timestamp),
    /// A subscription lasts until then unless its lease is renewed once more.
    RenewLease(SubscriptionId, Timestamp),
    /// A subscription is removed if its lease has ended by then.
    EndLease(SubscriptionId, Timestamp),
    /// A subscription is told of nothing any more. What it is still owed is given up.
    RemoveSubscription(SubscriptionId, Timestamp),
    /// Whether the app's own receiver is told of a WABA's events.
    SubscribeApp {
        /// The tenant.
        account: AccountId,
        /// The WhatsApp Business Account.
        waba_id: String,
        /// Whether it is.
        on: bool,
    },
    /// Another receiver in a place of a vendor's configuration, and when.
    ChangePlace(Place, PlaceChange, Timestamp),
    /// Extra receivers beside the main one in this place are removed, unless they have one of these
    /// names; and when.
    RetainExtras(Place, Vec<String>, Timestamp),
    /// What is special about a person.
    SetProfile(Profile),
    /// Several changes, one after the other: all of them, or none.
    All(Vec<RecordChange>),
}

/// What a [`RecordChange`] came to, beyond what it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// Subscriptions that were added or changed.
    pub subscriptions: Vec<SubscriptionId>,
    /// Subscriptions that were removed. Their deliveries are yet to be given up.
    pub removed: Vec<SubscriptionId>,
}
