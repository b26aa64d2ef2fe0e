//! A bounded cache that never shows anything older than the database.
//!
//! This process is the only writer of its file, so it knows of every change. What makes a cache
//! hard nevertheless is the reader that fetched a row just before a commit and puts it in just
//! after: it would bury the new value under the old one. Hence the epoch: a reader notes it before
//! it asks the database, and what it found is taken in only if no commit has touched the shard
//! since.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

const SHARDS: usize = 64;

pub(super) struct Cache<K: Hash + Eq, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hasher: RandomState,
}

struct Shard<K: Hash + Eq, V> {
    epoch: u64,
    entries: LruCache<K, V>,
}

/// When a reader began to look. Not `Copy`: one look, one value.
pub(super) struct Epoch(u64);

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Room for about so many entries.
    pub(super) fn new(entries: usize) -> Self {
        let each = NonZeroUsize::new(entries / SHARDS).unwrap_or(NonZeroUsize::MIN);
        let shard = || Mutex::new(Shard { epoch: 0, entries: LruCache::new(each) });
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The value, or the epoch to give back with [`Cache::fill`].
    pub(super) fn get(&self, key: &K) -> Result<V, Epoch> {
        let mut shard = self.shard(key);
        match shard.entries.get(key) {
            Some(value) => Ok(value.clone()),
            None => Err(Epoch(shard.epoch)),
        }
    }

    /// Takes in what the database said, unless it may be out of date by now.
    pub(super) fn fill(&self, key: K, value: V, since: &Epoch) {
        let mut shard = self.shard(&key);
        if shard.epoch == since.0 {
            shard.entries.put(key, value);
        }
    }

    /// Takes in what has just been committed.
    pub(super) fn put(&self, key: K, value: V) {
        let mut shard = self.shard(&key);
        shard.epoch += 1;
        shard.entries.put(key, value);
    }

    /// What was there is not true any more, and what is true now is not kept.
    pub(super) fn forget(&self, key: &K) {
        let mut shard = self.shard(key);
        shard.epoch += 1;
        shard.entries.pop(key);
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let hash = self.hasher.hash_one(key);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let index = hash as usize % SHARDS;
        unpoisoned(&self.shards[index])
    }
}

/// A thread that panicked while it held the lock can have lost a cache entry, not damaged one.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reader_does_not_bury_a_commit() {
        let cache = Cache::new(64);
        let Err(epoch) = cache.get(&1) else { panic!("nothing is there yet") };
        cache.put(1, "new");
        cache.fill(1, "old", &epoch);
        assert!(matches!(cache.get(&1), Ok("new")));
    }

    #[test]
    fn nor_after_the_commit_was_evicted_again() {
        let cache = Cache::new(1);
        let Err(epoch) = cache.get(&1) else { panic!("nothing is there yet") };
        cache.put(1, "new");
        cache.forget(&1);
        cache.fill(1, "old", &epoch);
        assert!(cache.get(&1).is_err());
    }

    #[test]
    fn a_reader_in_time_is_believed() {
        let cache = Cache::new(64);
        let Err(epoch) = cache.get(&1) else { panic!("nothing is there yet") };
        cache.fill(1, "read", &epoch);
        assert!(matches!(cache.get(&1), Ok("read")));
    }
}
