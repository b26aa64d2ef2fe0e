//! A store with a hand in between: what another process, or a failing disk, does at a moment that a
//! test chooses. Everything else goes straight through.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use domain::GroupSummary;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use domain::values::{BusinessNumber, InviteCode, Timestamp, WaId};
use futures_util::future::BoxFuture;
use klatch::directory::{
    Account, Actor, Changed, Key, KeyHash, Number, Opening, Place, Profile, RecordChange,
    Subscription, SubscriptionId,
};
use klatch::page::{Page, Slice};
use klatch::store::outbox::{
    Amend, Amended, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId, Exchange, Exchanged,
    LogFilter, Logged, Notice, Notices, Owed, Sweep,
};
use klatch::store::{
    ChangeError, Commit, CommitError, Deliveries, Directory, Groups, Log, PersonStanding, Receipt,
    Receivers, Recorded, Scope, Store, StoreError, Stored,
};

/// What happens to the next write instead of nothing.
pub(crate) enum Instead {
    /// Something else is done first.
    First(BoxFuture<'static, ()>),
    /// It is written, and said to have failed in its last step.
    WrittenInDoubt,
    /// It is not written, and said to have failed in its last step.
    LostInDoubt,
}

pub(crate) struct Interposed {
    inner: Arc<dyn Store>,
    next: Mutex<Option<Instead>>,
    changes: AtomicUsize,
}

impl Interposed {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, next: Mutex::default(), changes: AtomicUsize::new(0) })
    }

    /// How many times the records have been changed so far.
    pub(crate) fn changes(&self) -> usize {
        self.changes.load(Ordering::SeqCst)
    }

    /// Lies in wait for the next commit or change.
    pub(crate) fn at_next_write(&self, instead: Instead) {
        *self.next.lock().unwrap() = Some(instead);
    }

    /// Does what was laid in wait. `false`: the write is not to reach the store.
    async fn interpose(&self) -> (bool, Result<(), StoreError>) {
        let instead = self.next.lock().unwrap().take();
        let doubt = || StoreError::OutcomeUnknown("the disk answered with an I/O error".into());
        match instead {
            None => (true, Ok(())),
            Some(Instead::First(other)) => {
                other.await;
                (true, Ok(()))
            }
            Some(Instead::WrittenInDoubt) => (true, Err(doubt())),
            Some(Instead::LostInDoubt) => (false, Err(doubt())),
        }
    }
}

macro_rules! passing_on {
    ($contract:ident $own:tt $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        passing_on! { @ $contract $own [$(
            async fn $name(&self, $($argument: $type),*) -> $result {
                self.inner.$name($($argument),*).await
            }
        )*] }
    };
    (@ $contract:ident {$($own:tt)*} [$($passed:tt)*]) => {
        #[async_trait]
        impl $contract for Interposed {
            $($own)*
            $($passed)*
        }
    };
}

passing_on! {
    Groups {}
    group(scope: &Scope, id: &GroupId) -> Result<Option<Arc<Stored>>, StoreError>;
    group_by_alias(number: &PhoneNumberId, second: i64) -> Result<Option<GroupId>, StoreError>;
    groups(number: &PhoneNumberId, page: Page) -> Result<Slice<GroupSummary>, StoreError>;
    picture(scope: &Scope, group: &GroupId) -> Result<Option<(String, Bytes)>, StoreError>;
}

passing_on! {
    Directory {}
    account(id: &AccountId) -> Result<Option<Account>, StoreError>;
    account_of_app(app_id: &str) -> Result<Option<Account>, StoreError>;
    number(id: &PhoneNumberId) -> Result<Option<Arc<Number>>, StoreError>;
    number_of_digits(digits: &BusinessNumber) -> Result<Option<Number>, StoreError>;
    number_of_bot(account: &AccountId, bot_id: &str) -> Result<Option<Number>, StoreError>;
    key(id: &str) -> Result<Option<Key>, StoreError>;
    accounts(page: Page) -> Result<Slice<Account>, StoreError>;
    numbers(account: Option<&AccountId>, page: Page) -> Result<Slice<Number>, StoreError>;
    numbers_of_waba(account: &AccountId, waba_id: &str, page: Page) -> Result<Slice<Number>, StoreError>;
    wabas(account: &AccountId, limit: u16) -> Result<Vec<String>, StoreError>;
    keys(account: Option<&AccountId>, page: Page) -> Result<Slice<Key>, StoreError>;
    holder(place: &Place) -> Result<Option<Subscription>, StoreError>;
    subscription(id: &SubscriptionId) -> Result<Option<Subscription>, StoreError>;
    subscriptions(account: Option<&AccountId>, page: Page) -> Result<Slice<Subscription>, StoreError>;
}

passing_on! {
    Deliveries {}
    deliveries(filter: &DeliveryFilter, page: Page) -> Result<Slice<Delivery>, StoreError>;
    delivery(id: DeliveryId) -> Result<Option<DeliveryDetail>, StoreError>;
}

passing_on! {
    Log {}
    log(filter: &LogFilter, page: Page) -> Result<Slice<Logged>, StoreError>;
    notices(number: &PhoneNumberId, wanted: &Notices) -> Result<Vec<Notice>, StoreError>;
}

passing_on! {
    Store {
        async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
            let (reaches, outcome) = self.interpose().await;
            if reaches {
                self.inner.commit(commit).await?;
            }
            Ok(outcome?)
        }

        async fn change(&self, actor: &Actor, change: RecordChange) -> Result<Changed, ChangeError> {
            self.changes.fetch_add(1, Ordering::SeqCst);
            let (reaches, outcome) = self.interpose().await;
            let changed =
                if reaches { self.inner.change(actor, change).await? } else { Changed::default() };
            outcome?;
            Ok(changed)
        }
    }
    group_by_invite(code: &InviteCode) -> Result<Option<GroupId>, StoreError>;
    history(group: &GroupId, from: u64, limit: u32) -> Result<Vec<Recorded>, StoreError>;
    standings(person: &str) -> Result<Vec<PersonStanding>, StoreError>;
    profile(wa_id: &WaId) -> Result<Option<Profile>, StoreError>;
    receipt(scope: &str, key: &str) -> Result<Option<Receipt>, StoreError>;
    remember(receipt: Receipt) -> Result<(), CommitError>;
    opening(key: &KeyHash) -> Result<Option<Arc<Opening>>, StoreError>;
    last_alias(number: &PhoneNumberId) -> Result<i64, StoreError>;
    receivers(number: &PhoneNumberId) -> Result<Option<Arc<Receivers>>, StoreError>;
    lapsed(now: Timestamp) -> Result<Vec<SubscriptionId>, StoreError>;
    enqueue(owed: Owed, at: Timestamp) -> Result<Option<DeliveryId>, StoreError>;
    due(now: Timestamp) -> Result<Vec<SubscriptionId>, StoreError>;
    exchange(exchange: Exchange) -> Result<Exchanged, StoreError>;
    amend(amend: Amend) -> Result<Amended, StoreError>;
    sweep(sweep: Sweep) -> Result<usize, StoreError>;
    last_seen() -> Result<Option<Timestamp>, StoreError>;
    saw(now: Timestamp) -> Result<(), StoreError>;
    ready() -> Result<(), StoreError>;
}
