//! Leases: subscriptions that are removed unless somebody keeps them up.

use std::time::Duration;

use super::App;
use super::subscriptions::{SubscriptionError, find};
use crate::directory::{Actor, RecordChange, Subscription, SubscriptionId};
use crate::store::ChangeError;
use crate::webhook::retry;

/// Renews the lease of a subscription: from now on it lasts so long.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such subscription, [`SubscriptionError::NoLease`] if it
/// lasts until it is removed.
pub async fn renew(
    app: &App,
    actor: &Actor,
    id: &SubscriptionId,
    lease: Duration,
) -> Result<Subscription, SubscriptionError> {
    let subscription = find(app, id).await?;
    if subscription.lease_until.is_none() {
        return Err(SubscriptionError::NoLease);
    }
    let until = retry::later(app.runtime.now(), lease);
    app.change(actor, RecordChange::RenewLease(id.clone(), until)).await?;
    Ok(Subscription { lease_until: Some(until), ..subscription })
}

/// Removes the subscriptions whose lease has ended, unless the clock is in doubt. Gives how many.
///
/// # Errors
///
/// The store failed.
pub async fn end(app: &App) -> Result<usize, ChangeError> {
    if !app.runtime.believes_clock() {
        return Ok(0);
    }
    let now = app.runtime.now();
    let lapsed = app.store.lapsed(now).await?;
    for id in &lapsed {
        match app.change(&Actor::Timer, RecordChange::EndLease(id.clone(), now)).await {
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
