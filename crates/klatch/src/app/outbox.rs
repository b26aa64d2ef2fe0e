//! The outbox as the rest of the program sees it: what is owed, what came of it, and doing it once
//! more.

use domain::ids::AccountId;

use super::App;
pub use crate::directory::{Configured, Place, PlaceChange};
use crate::directory::{
    Minted, Number, RecordChange, Secret, Subscription, SubscriptionChange, SubscriptionEvent,
    SubscriptionId,
};
use crate::page::{Page, Slice};
use crate::store::ChangeError;
use crate::store::StoreError;
use crate::store::outbox::{Amend, Amendment, Owed};
pub use crate::store::outbox::{
    Attempt, By, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId, DeliveryState, Exchange,
    Exchanged, Fate, Leased, LogFilter, Logged, LoggedEvent, Notice, Notices, Settlement,
};
use crate::webhook::plan::{Payload, Plan, Planned};

/// Deliveries that are amended in one write, so that they never hold up a commit for long.
const AMENDED_TOGETHER: usize = 500;

impl App {
    /// A page of what happened, oldest first.
    pub async fn log(&self, filter: &LogFilter, page: Page) -> Result<Slice<Logged>, StoreError> {
        self.store.log(filter, page).await
    }

    /// Notices of what happened to the groups of a number, oldest first.
    pub async fn notices(
        &self,
        number: &Number,
        wanted: &Notices,
    ) -> Result<Vec<Notice>, StoreError> {
        self.store.notices(&number.id, wanted).await
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
        let owed = Owed { plan, nonces: vec![self.mint.delivery_nonce()] };
        let id = self.store.enqueue(owed, self.runtime.now()).await?;
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
        let (now, limit) = (self.runtime.now(), AMENDED_TOGETHER);
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

    /// Gives up what a subscription is still owed.
    pub(super) async fn give_up(
        &self,
        id: &SubscriptionId,
        reason: &str,
    ) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        let filter = DeliveryFilter { subscription: Some(id.clone()), ..DeliveryFilter::default() };
        self.amend(Amendment::GiveUp { reason }, filter).await.map(drop)
    }

    /// Removes a subscription, and gives up what it is still owed.
    pub async fn remove_subscription(&self, id: &SubscriptionId) -> Result<(), ChangeError> {
        let change = RecordChange::RemoveSubscription(id.clone(), self.runtime.now());
        self.change(change).await.map(drop)
    }

    /// Removes the subscriptions whose lease has ended, unless the clock is in doubt. Gives how many.
    pub async fn end_leases(&self) -> Result<usize, ChangeError> {
        if !self.runtime.believes_clock() {
            return Ok(0);
        }
        let now = self.runtime.now();
        let lapsed = self.store.lapsed(now).await?;
        for id in &lapsed {
            match self.change(RecordChange::EndLease(id.clone(), now)).await {
                Ok(_) => {
                    let subscription = id.as_str();
                    tracing::info!(subscription, "a subscription was removed: its lease has ended");
                }
                // It was removed or renewed meanwhile.
                Err(ChangeError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lapsed.len())
    }

    /// The subscriptions that reach a number.
    pub async fn subscriptions_of(&self, number: &Number) -> Result<Vec<Subscription>, StoreError> {
        Ok(self.receivers(&number.id).await?.subscriptions.clone())
    }

    /// The receiver that has a place in a vendor's configuration.
    pub async fn holder(&self, place: &Place) -> Result<Option<Subscription>, StoreError> {
        self.store.holder(place).await
    }

    /// The change that sets a receiver in a place of a vendor's configuration, whether or not there
    /// is one.
    #[must_use]
    pub fn set_place(&self, place: Place, receiver: Configured) -> RecordChange {
        let change = PlaceChange::Set(receiver, self.minted());
        RecordChange::ChangePlace(place, change, self.runtime.now())
    }

    /// The change that adds a receiver to those that a number has besides its main one, which may
    /// be `max` at most.
    #[must_use]
    pub fn add_place(&self, place: Place, receiver: Configured, max: usize) -> RecordChange {
        let change = PlaceChange::Add { receiver, minted: self.minted(), max };
        RecordChange::ChangePlace(place, change, self.runtime.now())
    }

    /// Another change to a place in a vendor's configuration.
    #[must_use]
    pub fn change_place(&self, place: Place, change: PlaceChange) -> RecordChange {
        RecordChange::ChangePlace(place, change, self.runtime.now())
    }

    fn minted(&self) -> Minted {
        let secret = Secret::new(self.mint.signing_secret());
        Minted { id: self.mint.subscription_id(), secret }
    }

    /// Changes a subscription, and wakes its pump.
    pub async fn change_subscription(
        &self,
        id: &SubscriptionId,
        change: SubscriptionChange,
        event: SubscriptionEvent,
    ) -> Result<(), ChangeError> {
        let change =
            RecordChange::ChangeSubscription(id.clone(), change, event, self.runtime.now());
        self.change(change).await.map(drop)
    }
}
