//! Reads. Nothing here changes anything, and nothing here waits for a writer.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use domain::Refusal;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use domain::values::{BusinessNumber, InviteCode, WaId};

use super::{App, Failure, Usage};
use crate::directory::{Account, Key, KeyHash, Number, Opening, PersonIds, Profile, Reach};
use crate::page::{LIMIT_MAX, Page, Seek, Slice};
use crate::store::{GroupSummary, PersonStanding, Recorded, Scope, StoreError, Stored};

/// For how long an answer of the store to a readiness probe is shared, in milliseconds. Ours.
const READINESS_MS: i64 = 1_000;

impl App {
    /// A group that exists; one that has ended is as unknown as one that never was.
    pub async fn group(&self, scope: &Scope, id: &GroupId) -> Result<Arc<Stored>, Failure> {
        let stored = self.store.group(scope, id).await?;
        let stored = stored.filter(|stored| stored.group.state().exists());
        Ok(stored.ok_or(Refusal::GroupUnknown)?)
    }

    /// A group of this number, whether or not it still exists.
    pub async fn group_ever(
        &self,
        number: &Number,
        id: &GroupId,
    ) -> Result<Option<Arc<Stored>>, StoreError> {
        self.store.group(&Scope::Number(number.id.clone()), id).await
    }

    /// A page of a number's groups, newest first.
    pub async fn groups(
        &self,
        number: &PhoneNumberId,
        page: Page,
    ) -> Result<Slice<GroupSummary>, StoreError> {
        self.store.groups(number, page).await
    }

    /// The group that a live link leads to.
    pub async fn group_by_invite(&self, code: &InviteCode) -> Result<Arc<Stored>, Failure> {
        let id = self.store.group_by_invite(code).await?.ok_or(Refusal::InviteLinkDead)?;
        self.group(&Scope::Everything, &id).await
    }

    /// The group of a number that has this alias second.
    pub async fn group_by_alias(
        &self,
        number: &PhoneNumberId,
        alias_second: i64,
    ) -> Result<Option<GroupId>, StoreError> {
        self.store.group_by_alias(number, alias_second).await
    }

    /// The picture of a group: media type and bytes.
    pub async fn picture(
        &self,
        scope: &Scope,
        id: &GroupId,
    ) -> Result<Option<(String, Bytes)>, Failure> {
        self.group(scope, id).await?;
        Ok(self.store.picture(scope, id).await?)
    }

    /// The log of a group, oldest first, dead groups included.
    pub async fn history(
        &self,
        id: &GroupId,
        from_version: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.store.history(id, from_version, limit).await
    }

    /// Where a person stands in which groups.
    pub async fn standings(&self, person: &str) -> Result<Vec<PersonStanding>, StoreError> {
        self.store.standings(person).await
    }

    /// What is special about a person; nothing, where nobody has said anything.
    pub async fn profile(&self, wa_id: &WaId) -> Result<Profile, StoreError> {
        let profile = self.store.profile(wa_id).await?;
        Ok(profile.unwrap_or_else(|| Profile::plain(wa_id.clone())))
    }

    /// The ids by which an account knows people.
    pub async fn person_ids(&self, account: &AccountId) -> Result<PersonIds, StoreError> {
        let known = || self.person_ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ids) = known().get(account) {
            return Ok(ids.clone());
        }
        let found = self.store.account(account).await?.ok_or_else(|| StoreError::Corrupt {
            table: "accounts",
            column: "id",
            row: account.to_string(),
            problem: "there is no such account".to_owned(),
        })?;
        let ids = PersonIds::new(found.person_key);
        known().insert(account.clone(), ids.clone());
        Ok(ids)
    }

    /// What a key opens; `None` for a key that is unknown or revoked.
    pub async fn opening(&self, secret: &str) -> Result<Option<Arc<Opening>>, StoreError> {
        self.store.opening(&KeyHash::of(secret)).await
    }

    /// An account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.store.account(id).await
    }

    /// The account whose app has this id.
    pub async fn account_of_app(&self, app_id: &str) -> Result<Option<Account>, StoreError> {
        self.store.account_of_app(app_id).await
    }

    /// A number.
    pub async fn number(&self, id: &PhoneNumberId) -> Result<Option<Arc<Number>>, StoreError> {
        self.store.number(id).await
    }

    /// The number with these digits, spelled as its operator spells them.
    pub async fn number_of_digits(
        &self,
        digits: &BusinessNumber,
    ) -> Result<Option<Number>, StoreError> {
        self.store.number_of_digits(digits).await
    }

    /// The number of an account that has this bot id.
    pub async fn number_of_bot(
        &self,
        account: &AccountId,
        bot_id: &str,
    ) -> Result<Option<Number>, StoreError> {
        self.store.number_of_bot(account, bot_id).await
    }

    /// The ids of the account's WhatsApp Business Accounts, in order, at most [`LIMIT_MAX`].
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn wabas(&self, account: &AccountId) -> Result<Vec<String>, StoreError> {
        self.store.wabas(account, LIMIT_MAX).await
    }

    /// A key.
    pub async fn key(&self, id: &str) -> Result<Option<Key>, StoreError> {
        self.store.key(id).await
    }

    /// A page of all accounts.
    pub async fn accounts(&self, page: Page) -> Result<Slice<Account>, StoreError> {
        self.store.accounts(page).await
    }

    /// A page of numbers.
    pub async fn numbers(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Number>, StoreError> {
        self.store.numbers(account, page).await
    }

    /// A page of an account's numbers that belong to a WABA, oldest first.
    pub async fn numbers_of_waba(
        &self,
        account: &AccountId,
        waba_id: &str,
        page: Page,
    ) -> Result<Slice<Number>, StoreError> {
        self.store.numbers_of_waba(account, waba_id, page).await
    }

    /// Whether a number is the only one of its WABA.
    pub async fn is_alone_on_waba(&self, number: &Number) -> Result<bool, StoreError> {
        let page = Page { limit: 2, seek: Seek::First };
        let slice = self.numbers_of_waba(&number.account, &number.waba_id, page).await?;
        Ok(slice.items.iter().all(|(_, other)| other.id == number.id))
    }

    /// The oldest number that a subscription or a call with this reach is about.
    pub async fn first_number(
        &self,
        account: &AccountId,
        reach: &Reach,
    ) -> Result<Option<Arc<Number>>, StoreError> {
        let page = Page { limit: 1, seek: Seek::First };
        let slice = match reach {
            Reach::Number(id) => {
                let number = self.store.number(id).await?;
                return Ok(number.filter(|number| number.account == *account));
            }
            Reach::Waba(waba_id) => self.store.numbers_of_waba(account, waba_id, page).await?,
            Reach::Account => self.store.numbers(Some(account), page).await?,
        };
        Ok(slice.items.into_iter().next().map(|(_, number)| Arc::new(number)))
    }

    /// A page of keys.
    pub async fn keys(
        &self,
        account: Option<&AccountId>,
        page: Page,
    ) -> Result<Slice<Key>, StoreError> {
        self.store.keys(account, page).await
    }

    /// How much of its limit of operations a number has used.
    #[must_use]
    pub fn usage(&self, number: &Number) -> Usage {
        self.pace.used(&number.id, number.limits.operations, self.runtime.now())
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> domain::values::Timestamp {
        self.runtime.now()
    }

    /// Whether the store can write and read. Probes share an answer of the last second, and those
    /// that arrive while the store is being asked wait for that answer: any number of them costs
    /// one write a second.
    pub async fn ready(&self) -> bool {
        let mut last = self.readiness.lock().await;
        let now = self.now().as_millis();
        if let Some((at, ready)) = *last
            && (0..READINESS_MS).contains(&(now - at))
        {
            return ready;
        }
        let answer = self.store.ready().await;
        if let Err(error) = &answer {
            error.log();
        }
        *last = Some((self.now().as_millis(), answer.is_ok()));
        answer.is_ok()
    }
}
