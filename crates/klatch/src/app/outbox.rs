//! The outbox as the rest of the program sees it: what is owed, what came of it, and doing it once
//! more.

use super::{App, subscriptions};
use crate::directory::{Activity, Actor, SubscriptionChange, SubscriptionEvent, SubscriptionId};
use crate::store::outbox::{Exchange, Exchanged};
use crate::store::{ChangeError, StoreError};

impl App {
    pub(crate) async fn switch_off(
        &self,
        id: &SubscriptionId,
        reason: String,
    ) -> Result<(), ChangeError> {
        let event = SubscriptionEvent::SwitchedOff { reason: reason.clone() };
        let activity = Some(Activity::Off { since: self.clock.now(), reason });
        let change = SubscriptionChange { activity, ..SubscriptionChange::default() };
        subscriptions::write(self, &Actor::Timer, id, change, event).await
    }

    pub(crate) async fn due(&self) -> Result<Vec<SubscriptionId>, StoreError> {
        self.store.due(self.clock.now()).await
    }

    pub(crate) async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        self.store.exchange(exchange).await
    }
}
