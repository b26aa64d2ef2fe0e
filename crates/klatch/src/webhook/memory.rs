//! What the dispatcher knows without asking: who may have something due, and how receivers have been
//! doing. Losing it loses nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::values::Timestamp;
use tokio::sync::Notify;

use super::retry;
use crate::directory::SubscriptionId;

/// Deliveries on their way to one receiver at a time.
pub const CONCURRENCY: usize = 16;
/// Failures in a row after which a receiver is only tried now and then.
const FAILURES_UNTIL_REST: u32 = 8;
/// The first and the longest rest between such tries, in seconds.
const REST_SECS: (u64, u64) = (1, 64);

/// What dispatching keeps in memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    hints: Mutex<BTreeSet<SubscriptionId>>,
    hinted: Notify,
    health: Mutex<HashMap<SubscriptionId, Health>>,
}

/// How a receiver has been doing. Only there while it fails.
#[derive(Debug, Clone, Copy)]
struct Health {
    failures: u32,
    rest_until: Timestamp,
}

impl Memory {
    /// Says that something is due for these.
    pub(super) fn hint(&self, subscriptions: impl IntoIterator<Item = SubscriptionId>) {
        locked(&self.hints).extend(subscriptions);
        self.hinted.notify_one();
    }

    /// Waits until something is said to be due; gives for whom.
    pub(super) async fn hinted(&self) -> BTreeSet<SubscriptionId> {
        self.hinted.notified().await;
        std::mem::take(&mut *locked(&self.hints))
    }

    /// How many deliveries a receiver may have on their way now.
    pub(super) fn allowance(&self, id: &SubscriptionId, now: Timestamp) -> usize {
        let health = locked(&self.health).get(id).copied();
        let Some(Health { failures, rest_until }) = health else { return CONCURRENCY };
        if failures < FAILURES_UNTIL_REST {
            return (CONCURRENCY >> failures).max(1);
        }
        // A rest that is longer than any was set by a clock that has been put back since.
        let longest = retry::later(now, Duration::from_secs(REST_SECS.1));
        usize::from(rest_until <= now || rest_until > longest)
    }

    /// How often in a row the receiver has failed.
    pub(super) fn failures(&self, id: &SubscriptionId) -> u32 {
        locked(&self.health).get(id).map_or(0, |health| health.failures)
    }

    /// Whatever a receiver was like, it has a new chance.
    pub(super) fn forgive(&self, id: &SubscriptionId) {
        locked(&self.health).remove(id);
    }

    /// Takes note of an attempt that failed. Those that were under way together fail together, and
    /// count once: only the first of them finds as many failures as there were when it began.
    pub(super) fn blame(&self, id: &SubscriptionId, failures_before: u32, now: Timestamp) {
        let mut all = locked(&self.health);
        let health = all.entry(id.clone()).or_insert(Health { failures: 0, rest_until: now });
        if health.failures != failures_before {
            return;
        }
        health.failures = health.failures.saturating_add(1);
        if let Some(beyond) = health.failures.checked_sub(FAILURES_UNTIL_REST) {
            let rest = REST_SECS.0.saturating_mul(2_u64.saturating_pow(beyond)).min(REST_SECS.1);
            health.rest_until = retry::later(now, Duration::from_secs(rest));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
