//! Subscriptions that the operator manages: who is told, where, how, and of what.

use std::time::Duration;

use domain::ids::AccountId;
use wire::Dialect;
use wire::news::Topic;

use super::App;
use super::handshake::{HandshakeError, shake_hands};
use super::webhooks::first_number;
use crate::directory::{
    Activity, Actor, Reach, RecordChange, Role, Rotation, Secret, Secrets, Subscription,
    SubscriptionChange, SubscriptionEvent, SubscriptionId, Target,
};
use crate::store::outbox::{DeliveryId, Owed};
use crate::store::{ChangeError, StoreError};
use crate::webhook::plan::{Plan, Planned};
use crate::webhook::{retry, sample};

const UNKNOWN: ChangeError = ChangeError::Unknown { field: "subscription_id" };

/// What is said about a new subscription; the rest is minted.
#[derive(Debug)]
pub struct NewSubscription {
    /// Whose it is.
    pub account: AccountId,
    /// Whose events are told.
    pub reach: Reach,
    /// In whose words.
    pub dialect: Dialect,
    /// Where.
    pub target: Target,
    /// Of what; `None` is everything.
    pub topics: Option<Vec<Topic>>,
    /// What signs; minted, if left out.
    pub secret: Option<Secret>,
    /// What the handshake says. Required where the dialect has one.
    pub verify_token: Option<Secret>,
    /// Whether the vendor's own signature is sent. If left out: where the dialect always sends it,
    /// or a secret is brought along.
    pub vendor_signature: Option<bool>,
    /// How long it lasts unless its lease is renewed; `None` lasts until it is removed.
    pub lease: Option<Duration>,
}

/// A subscription with a new secret.
#[derive(Debug)]
pub struct WithSecret {
    /// The subscription.
    pub subscription: Subscription,
    /// The new secret; `None` if the caller has brought it along.
    pub minted: Option<String>,
}

/// Why something about a subscription was not done.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// The receiver was not taken.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// There is no such subscription, or the store did not take the change.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It has no lease that could be renewed.
    #[error("the subscription has no lease: it lasts until it is removed")]
    NoLease,
    /// There is no such sample.
    #[error("must be one of {}", sample::NAMES.join(", "))]
    NoSample,
    /// The dialect does not tell of what the sample is about.
    #[error("is nothing that {} tells of", .0.as_str())]
    NotTold(Dialect),
    /// The samples themselves are wrong.
    #[error(transparent)]
    SampleBroken(#[from] domain::values::Problem),
}

impl From<StoreError> for SubscriptionError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// Whose a subscription with this reach is. `account` has to be given where no number is named.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such number or account, or the number is of another
/// account.
pub async fn owner(
    app: &App,
    reach: &Reach,
    account: Option<AccountId>,
) -> Result<AccountId, ChangeError> {
    if let Reach::Number(id) = reach {
        let number = app.store.number(id).await?;
        let number = number.filter(|number| account.is_none_or(|id| id == number.account));
        let number = number.ok_or(ChangeError::Unknown { field: "phone_number_id" })?;
        return Ok(number.account.clone());
    }
    let unknown = ChangeError::Unknown { field: "account_id" };
    match account {
        Some(account) if app.store.account(&account).await?.is_some() => Ok(account),
        _ => Err(unknown),
    }
}

/// Creates a subscription. Where the dialect has a handshake, the receiver is asked first.
///
/// # Errors
///
/// [`SubscriptionError::Handshake`]; [`ChangeError::Subscribed`] if another subscription sends the
/// same to the same address.
pub async fn create(
    app: &App,
    actor: &Actor,
    new: NewSubscription,
) -> Result<WithSecret, SubscriptionError> {
    let NewSubscription { account, reach, dialect, target, topics, verify_token, lease, .. } = new;
    let (current, minted) = signing_secret(app, new.secret);
    let vendor_signature =
        new.vendor_signature.unwrap_or(dialect.webhooks.always_signs || minted.is_none());
    let subscription = Subscription {
        id: app.mint.subscription_id(),
        account,
        reach,
        dialect,
        role: Role::Added,
        target,
        topics,
        fields: Vec::new(),
        secrets: Secrets { current, old: None },
        vendor_signature,
        verify_token,
        created_at: app.runtime.now(),
        lease_until: lease.map(|lease| retry::later(app.runtime.now(), lease)),
        failing_since: None,
        activity: Activity::On,
    };
    let Subscription { account, target, verify_token, .. } = &subscription;
    shake_hands(app, account, dialect, target, verify_token.as_ref()).await?;
    app.change(actor, RecordChange::AddSubscription(subscription.clone())).await?;
    tracing::info!(subscription = subscription.id.as_str(), %account, "a subscription was created");
    Ok(WithSecret { subscription, minted })
}

/// A subscription.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is none, or it was removed.
pub async fn find(app: &App, id: &SubscriptionId) -> Result<Subscription, ChangeError> {
    app.store.subscription(id).await?.ok_or(UNKNOWN)
}

/// Changes a subscription as it was just found. If the address or the verify token is another one,
/// the receiver is asked first, where the dialect has a handshake.
///
/// # Errors
///
/// [`SubscriptionError::Handshake`]; [`ChangeError::Subscribed`] if another subscription sends the
/// same to the same address; [`ChangeError::Unknown`] if it was removed.
pub async fn change(
    app: &App,
    actor: &Actor,
    found: Subscription,
    change: SubscriptionChange,
) -> Result<Subscription, SubscriptionError> {
    let Subscription { id, account, dialect, target, verify_token, .. } = found;
    if change.url.is_some() || change.verify_token.is_some() {
        let target = Target {
            url: change.url.clone().unwrap_or(target.url),
            timeout: change.timeout.unwrap_or(target.timeout),
            ..target
        };
        let token = change.verify_token.as_ref().or(verify_token.as_ref());
        shake_hands(app, &account, dialect, &target, token).await?;
    }
    write(app, actor, &id, change, SubscriptionEvent::Changed).await?;
    tracing::info!(subscription = id.as_str(), "a subscription was changed");
    Ok(find(app, &id).await?)
}

/// Holds deliveries back. They wait, as long as retries go on.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such subscription.
pub async fn pause(
    app: &App,
    actor: &Actor,
    id: &SubscriptionId,
) -> Result<Subscription, ChangeError> {
    let found = find(app, id).await?;
    match found.activity {
        // What was switched off is already held back.
        Activity::Paused { .. } | Activity::Off { .. } => Ok(found),
        Activity::On => {
            let paused = Activity::Paused { since: app.runtime.now() };
            set_activity(app, actor, id, paused, SubscriptionEvent::Paused).await
        }
    }
}

/// Lets deliveries go out again, whether they were held back by the operator or the receiver was
/// switched off.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such subscription.
pub async fn resume(
    app: &App,
    actor: &Actor,
    id: &SubscriptionId,
) -> Result<Subscription, ChangeError> {
    let found = find(app, id).await?;
    match found.activity {
        Activity::On => Ok(found),
        Activity::Paused { .. } | Activity::Off { .. } => {
            set_activity(app, actor, id, Activity::On, SubscriptionEvent::Resumed).await
        }
    }
}

async fn set_activity(
    app: &App,
    actor: &Actor,
    id: &SubscriptionId,
    activity: Activity,
    event: SubscriptionEvent,
) -> Result<Subscription, ChangeError> {
    tracing::info!(subscription = id.as_str(), event = event.kind(), "a subscription was changed");
    let change = SubscriptionChange { activity: Some(activity), ..SubscriptionChange::default() };
    write(app, actor, id, change, event).await?;
    find(app, id).await
}

/// Gives a subscription a new secret: the given one, or a minted one. The old one signs as well for
/// so long.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such subscription.
pub async fn rotate(
    app: &App,
    actor: &Actor,
    id: &SubscriptionId,
    secret: Option<Secret>,
    overlap: Duration,
) -> Result<WithSecret, ChangeError> {
    let (secret, minted) = signing_secret(app, secret);
    let until = retry::later(app.runtime.now(), overlap);
    let rotation = Rotation { secret, overlap_until: (!overlap.is_zero()).then_some(until) };
    let change = SubscriptionChange { rotation: Some(rotation), ..SubscriptionChange::default() };
    write(app, actor, id, change, SubscriptionEvent::SecretRotated).await?;
    tracing::info!(subscription = id.as_str(), "a subscription's secret was rotated");
    Ok(WithSecret { subscription: find(app, id).await?, minted })
}

/// Removes a subscription. What it is still owed is given up.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such subscription.
pub async fn remove(app: &App, actor: &Actor, id: &SubscriptionId) -> Result<(), ChangeError> {
    app.change(actor, RecordChange::RemoveSubscription(id.clone(), app.runtime.now())).await?;
    tracing::info!(subscription = id.as_str(), "a subscription was removed");
    Ok(())
}

/// Owes a subscription a sample, as a delivery like any other. It is about a number that the
/// subscription reaches.
///
/// # Errors
///
/// [`SubscriptionError::NoSample`] and [`SubscriptionError::NotTold`];
/// [`ChangeError::Unknown`] if there is no such subscription, or it reaches no number.
pub async fn test(
    app: &App,
    id: &SubscriptionId,
    event: &str,
) -> Result<DeliveryId, SubscriptionError> {
    let Subscription { account, reach, dialect, .. } = find(app, id).await?;
    let number = first_number(app, &account, &reach).await?;
    let number = number.ok_or(ChangeError::Unknown { field: "phone_number_id" })?;
    let request_id = app.mint.request_id();
    let ids = app.person_ids(&number.account).await?;
    let payload = sample::render(
        event,
        dialect.webhooks.format,
        &number,
        &ids,
        &request_id,
        app.runtime.now(),
    )?;
    let payload = payload.ok_or(if sample::NAMES.contains(&event) {
        SubscriptionError::NotTold(dialect)
    } else {
        SubscriptionError::NoSample
    })?;
    let deliveries = vec![Planned { subscription: id.clone(), payload: 0, follows: None }];
    let plan = Plan { payloads: vec![payload], deliveries };
    let owed = Owed { plan, nonces: vec![app.mint.delivery_nonce()] };
    let delivery = app.store.enqueue(owed, app.runtime.now()).await?;
    app.metrics.webhook_deliveries.inc_by(delivery.iter().count() as u64);
    app.dispatch.hint([id.clone()]);
    Ok(delivery.ok_or(UNKNOWN)?)
}

/// Changes a subscription, says in the log how that is to be called, and wakes its pump.
pub(super) async fn write(
    app: &App,
    actor: &Actor,
    id: &SubscriptionId,
    change: SubscriptionChange,
    event: SubscriptionEvent,
) -> Result<(), ChangeError> {
    let change = RecordChange::ChangeSubscription(id.clone(), change, event, app.runtime.now());
    app.change(actor, change).await.map(drop)
}

/// The secret that was brought along, or a minted one; and the minted one as it is shown.
fn signing_secret(app: &App, brought: Option<Secret>) -> (Secret, Option<String>) {
    if let Some(secret) = brought {
        return (secret, None);
    }
    let minted = app.mint.signing_secret();
    (Secret::new(minted.clone()), Some(minted))
}
