//! What becomes of deliveries, beyond sending them.

use super::App;
use crate::directory::SubscriptionId;
use crate::store::StoreError;
use crate::store::outbox::{Amend, Amendment, DeliveryFilter};

/// Deliveries that are amended in one write, so that they never hold up a commit for long.
const AMENDED_TOGETHER: usize = 500;

/// Has deliveries made once more, with the same ids and bodies. Gives how many.
///
/// # Errors
///
/// The store failed.
pub async fn replay(app: &App, filter: DeliveryFilter) -> Result<usize, StoreError> {
    amend(app, Amendment::Replay, filter).await
}

/// Gives up the deliveries to a subscription that are not settled.
pub(super) async fn give_up(
    app: &App,
    id: &SubscriptionId,
    reason: &str,
) -> Result<(), StoreError> {
    let reason = reason.to_owned();
    let filter = DeliveryFilter { subscription: Some(id.clone()), ..DeliveryFilter::default() };
    amend(app, Amendment::GiveUp { reason }, filter).await.map(drop)
}

async fn amend(
    app: &App,
    amendment: Amendment,
    filter: DeliveryFilter,
) -> Result<usize, StoreError> {
    let mut amend =
        Amend { now: app.runtime.now(), amendment, filter, after: 0, limit: AMENDED_TOGETHER };
    let mut count = 0;
    loop {
        let amended = app.store.amend(amend.clone()).await?;
        count += amended.count;
        app.dispatch.hint(amended.subscriptions);
        match amended.next {
            Some(next) => amend.after = next,
            None => return Ok(count),
        }
    }
}
