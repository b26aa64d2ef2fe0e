//! Shares of something scarce: each of those who use it has so many places, and nobody can use up
//! another one's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::runtime::Runtime;

/// Places by the name of the one who uses them. Names that use none take no memory.
#[derive(Debug, Clone)]
pub struct Shares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Runtime,
    each: usize,
    in_use: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place that is in use; it is free again when this is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Shares,
    name: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// So many places for each.
    #[must_use]
    pub fn new(runtime: Runtime, each: usize) -> Self {
        Self(Arc::new(Inner { runtime, each, in_use: Mutex::default() }))
    }

    /// Takes one of the places of this name. `None` if none has become free within `wait`.
    pub async fn take(&self, name: &str, wait: Duration) -> Option<Share> {
        let places = {
            let mut in_use = self.in_use();
            let new = || Arc::new(Semaphore::new(self.0.each));
            Arc::clone(in_use.entry(name.to_owned()).or_insert_with(new))
        };
        // Dropped, whatever comes of it: then the name is forgotten if it has no place in use.
        let mut share = Share { shares: self.clone(), name: name.to_owned(), permit: None };
        share.permit = self.0.runtime.timeout(wait, places.acquire_owned()).await.ok()?.ok();
        share.permit.is_some().then_some(share)
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.0.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut in_use = self.shares.in_use();
        self.permit = None;
        // Whoever waits holds the semaphore, too.
        if in_use.get(&self.name).is_some_and(|places| Arc::strong_count(places) == 1) {
            in_use.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_cannot_use_up_the_places_of_another() {
        let shares = Shares::new(Runtime::system(), 2);
        let (one, two) =
            (shares.take("a", Duration::ZERO).await, shares.take("a", Duration::ZERO).await);
        assert!(one.is_some() && two.is_some());
        assert!(shares.take("a", Duration::ZERO).await.is_none());
        assert!(shares.take("b", Duration::ZERO).await.is_some());
        let waiting = shares.take("a", Duration::from_mins(1));
        let (third, ()) = tokio::join!(waiting, async { drop(one) });
        assert!(third.is_some());
        drop((two, third));
        assert!(shares.in_use().is_empty());
    }
}
