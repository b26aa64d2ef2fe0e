//! The outbox as the rest of the program sees it: what is owed, what came of it, and doing it once
//! more.

use std::sync::Arc;

use domain::ids::AccountId;

use super::App;
pub use crate::directory::Place;
use crate::directory::{
    Activity, Number, RecordChange, Role, Rotation, Secret, Secrets, Subscription,
    SubscriptionChange, SubscriptionEvent, SubscriptionId, Target, VendorField,
};
use crate::page::{Page, Slice};
use crate::store::ChangeError;
use crate::store::StoreError;
use crate::store::outbox::{Amend, Amendment, Owed};
pub use crate::store::outbox::{
    Attempt, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryState, Exchange,
    Exchanged, Fate, Leased, LogFilter, Logged, LoggedEvent, Settlement, Span, Spanned,
};
use crate::webhook::Topic;
use crate::webhook::plan::{Payload, Plan, Planned};

/// Deliveries that are amended in one write, so that they never hold up a commit for long.
const AMENDED_TOGETHER: usize = 500;
/// How often a place in a vendor's configuration is tried to be taken, while others do the same.
const CONFIGURE_ATTEMPTS_MAX: usize = 3;

/// A receiver as a vendor's configuration has it.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Where, and what is sent along.
    pub target: Target,
    /// Of what; `None` is everything, or what it was.
    pub topics: Option<Vec<Topic>>,
    /// The fields that the vendor's configuration lists, where the vendor has such a list.
    pub fields: Vec<VendorField>,
    /// What signs; minted, where the vendor has no such thing.
    pub secret: Option<Secret>,
    /// What the handshake says, where the vendor has one.
    pub verify_token: Option<Secret>,
    /// Whether the vendor's own signature is sent.
    pub vendor_signature: bool,
}

impl App {
    /// A page of what happened, oldest first.
    pub async fn log(&self, filter: &LogFilter, page: Page) -> Result<Slice<Logged>, StoreError> {
        self.store.log(filter, page).await
    }

    /// What happened to the groups of a number in a span of time, oldest first.
    pub async fn events_between(
        &self,
        number: &Number,
        span: Span,
    ) -> Result<Vec<Spanned>, StoreError> {
        self.store.events_between(&number.id, span).await
    }

    /// A subscription.
    pub async fn subscription(
        &self,
        id: &SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        self.store.subscription(id).await
    }

    /// A page of subscriptions.
    pub async fn subscriptions(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Subscription>, StoreError> {
        self.store.subscriptions(account, page).await
    }

    /// A page of deliveries, newest first.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: Page,
    ) -> Result<Slice<Delivery>, StoreError> {
        self.store.deliveries(filter, page).await
    }

    /// A delivery, with its body and attempts.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreError> {
        self.store.delivery(id).await
    }

    /// Owes a subscription a delivery that no event stands behind. `None` if it is no more.
    pub async fn send_test(
        &self,
        subscription: &SubscriptionId,
        payload: Payload,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let deliveries =
            vec![Planned { subscription: subscription.clone(), payload: 0, follows: None }];
        let plan = Plan { payloads: vec![payload], deliveries };
        let owed = Owed { plan, nonces: vec![self.mint.nonce()] };
        let id = self.store.enqueue(owed, self.clock.now()).await?;
        self.metrics.webhook_deliveries.inc_by(id.iter().count() as u64);
        self.dispatch.hint([subscription.clone()]);
        Ok(id)
    }

    /// Has deliveries made once more, with the same ids and bodies. Gives how many.
    pub async fn replay(&self, filter: DeliveryFilter) -> Result<usize, StoreError> {
        self.amend(Amendment::Replay, filter).await
    }

    async fn amend(
        &self,
        amendment: Amendment,
        filter: DeliveryFilter,
    ) -> Result<usize, StoreError> {
        let (now, limit) = (self.clock.now(), AMENDED_TOGETHER);
        let mut amend = Amend { now, amendment, filter, after: 0, limit };
        let mut count = 0;
        loop {
            let amended = self.store.amend(amend.clone()).await?;
            count += amended.count;
            self.dispatch.hint(amended.subscriptions);
            match amended.next {
                Some(next) => amend.after = next,
                None => return Ok(count),
            }
        }
    }

    /// Removes a subscription, and gives up what it is still owed.
    pub async fn remove_subscription(&self, id: &SubscriptionId) -> Result<(), ChangeError> {
        let change = RecordChange::RemoveSubscription(id.clone(), self.clock.now());
        self.store.change(change).await?;
        self.dispatch.forgive(id);
        let reason = "the subscription was removed".to_owned();
        let filter = DeliveryFilter { subscription: Some(id.clone()), ..DeliveryFilter::default() };
        self.amend(Amendment::GiveUp { reason }, filter).await?;
        Ok(())
    }

    /// Removes the subscriptions whose lease has ended. Gives how many.
    pub async fn end_leases(&self) -> Result<usize, ChangeError> {
        let lapsed = self.store.lapsed(self.clock.now()).await?;
        for id in &lapsed {
            match self.remove_subscription(id).await {
                Ok(()) => {
                    let subscription = id.as_str();
                    tracing::info!(subscription, "a subscription was removed: its lease has ended");
                }
                // It was removed meanwhile.
                Err(ChangeError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lapsed.len())
    }

    /// The subscriptions that reach a number.
    pub async fn receivers(&self, number: &Number) -> Result<Arc<[Subscription]>, StoreError> {
        self.store.receivers(number).await
    }

    /// The receiver that has a place in a vendor's configuration.
    pub async fn holder(&self, place: &Place) -> Result<Option<Subscription>, StoreError> {
        self.store.holder(place).await
    }

    /// Puts a receiver in its place in a vendor's configuration, whether or not there is one. It
    /// starts with a clean record, and goes on being owed what the one before was.
    pub async fn configure(&self, place: Place, receiver: Configured) -> Result<(), ChangeError> {
        for _ in 0..CONFIGURE_ATTEMPTS_MAX {
            let Configured { target, topics, fields, secret, verify_token, vendor_signature } =
                receiver.clone();
            if let Some(holder) = self.store.holder(&place).await? {
                let over_all = match place.role {
                    Role::Main { over_all } => Some(over_all),
                    Role::Added | Role::Extra { .. } => None,
                };
                // What the operator has paused stays paused.
                let off = matches!(holder.activity, Activity::Off { .. });
                let Target { url, headers, timeout } = target;
                let change = SubscriptionChange {
                    url: Some(url),
                    headers: Some(headers),
                    timeout: Some(timeout),
                    topics,
                    fields: Some(fields),
                    verify_token,
                    rotation: secret
                        .filter(|secret| *secret != holder.secrets.current)
                        .map(|secret| Rotation { secret, overlap_until: None }),
                    vendor_signature: vendor_signature.then_some(true),
                    activity: off.then_some(Activity::On),
                    over_all,
                };
                return self
                    .change_subscription(&holder.id, change, SubscriptionEvent::Changed)
                    .await;
            }
            let Place { account, reach, dialect, role } = place.clone();
            let current = secret.unwrap_or_else(|| Secret::new(self.mint.signing_secret()));
            let added = self
                .change(RecordChange::AddSubscription(Subscription {
                    id: self.mint.subscription_id(),
                    account,
                    reach,
                    dialect,
                    role,
                    target,
                    topics,
                    fields,
                    secrets: Secrets { current, old: None },
                    vendor_signature,
                    verify_token,
                    created_at: self.clock.now(),
                    lease_until: None,
                    failing_since: None,
                    activity: Activity::On,
                }))
                .await;
            // Somebody else may have taken the place just now.
            if !matches!(added, Err(ChangeError::Taken { .. })) {
                return added;
            }
        }
        Err(ChangeError::Taken { field: "url" })
    }

    /// Changes a subscription, and tells its pump.
    pub async fn change_subscription(
        &self,
        id: &SubscriptionId,
        change: SubscriptionChange,
        event: SubscriptionEvent,
    ) -> Result<(), ChangeError> {
        let change = RecordChange::ChangeSubscription(id.clone(), change, event, self.clock.now());
        self.store.change(change).await?;
        self.dispatch.forgive(id);
        self.dispatch.hint([id.clone()]);
        Ok(())
    }

    pub(crate) async fn switch_off(
        &self,
        id: &SubscriptionId,
        reason: String,
    ) -> Result<(), ChangeError> {
        let event = SubscriptionEvent::SwitchedOff { reason: reason.clone() };
        let activity = Some(Activity::Off { since: self.clock.now(), reason });
        let change = SubscriptionChange { activity, ..SubscriptionChange::default() };
        self.change_subscription(id, change, event).await
    }

    pub(crate) async fn due(&self) -> Result<Vec<SubscriptionId>, StoreError> {
        self.store.due(self.clock.now()).await
    }

    pub(crate) async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        self.store.exchange(exchange).await
    }
}
