//! Which accounts' configuration has changed, and when in the order of changes.
//!
//! This process is the only writer of its file, so that the order can be counted in memory, and a
//! commit is compared with it without asking the database. Nothing that carries a [`Revision`]
//! outlives the process.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use domain::ids::AccountId;

use super::super::Revision;

#[derive(Default)]
pub(super) struct Revisions(RwLock<Latest>);

#[derive(Default)]
struct Latest {
    /// Changes so far, of whichever account.
    counter: u64,
    /// What the counter said after an account's latest change. An account that is missing has not
    /// changed since the store was opened.
    of: HashMap<AccountId, u64>,
}

impl Revisions {
    /// The revision of what is read from now on. Has to be taken before the database is asked: a
    /// change that is written in between makes it out of date, never the reverse.
    pub(super) fn now(&self) -> Revision {
        Revision(self.0.read().unwrap_or_else(PoisonError::into_inner).counter)
    }

    /// Whether an account's configuration is still the one that was read at this revision.
    pub(super) fn is_current(&self, account: &AccountId, revision: Revision) -> bool {
        let latest = self.0.read().unwrap_or_else(PoisonError::into_inner);
        latest.of.get(account).is_none_or(|changed| *changed <= revision.0)
    }

    /// An account's configuration may have changed. Called by the writer, after its transaction and
    /// before the answer.
    pub(super) fn changed(&self, account: AccountId) {
        let mut latest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        latest.counter += 1;
        let counter = latest.counter;
        latest.of.insert(account, counter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_out_of_date_for_that_account_only() {
        let [ours, theirs] = ["ours", "theirs"].map(|id| AccountId::parse(id).unwrap());
        let revisions = Revisions::default();
        let before = revisions.now();
        assert!(revisions.is_current(&ours, before), "nothing has changed since the start");
        revisions.changed(ours.clone());
        assert!(!revisions.is_current(&ours, before));
        assert!(revisions.is_current(&theirs, before), "another account's change is no matter");
        assert!(revisions.is_current(&ours, revisions.now()));
    }
}
