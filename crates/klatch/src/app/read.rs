//! Reads that say more than the store: which groups exist, what is shown of a person, whether the
//! store works. Nothing here changes anything, and nothing here waits for a writer.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use domain::Refusal;
use domain::event::Standing;
use domain::ids::{AccountId, GroupId};
use domain::values::{InviteCode, WaId};

use super::{App, Failure, Usage};
use crate::app::people::PersonStandings;
use crate::directory::{KeyHash, Number, Opening, PersonIds, Profile};
use crate::store::{PersonStanding, Scope, StoreError, Stored};

/// For how long an answer of the store to a readiness probe is shared, in milliseconds. Ours.
const READINESS_MS: i64 = 1_000;

impl App {
    /// A group that exists; one that has ended is as unknown as one that never was.
    pub async fn group(&self, scope: &Scope, id: &GroupId) -> Result<Arc<Stored>, Failure> {
        let stored = self.store.group(scope, id).await?;
        let stored = stored.filter(|stored| stored.group.state().exists());
        Ok(stored.ok_or(Refusal::GroupUnknown)?)
    }

    /// The group that a live link leads to.
    pub async fn group_by_invite(&self, code: &InviteCode) -> Result<Arc<Stored>, Failure> {
        let id = self.store.group_by_invite(code).await?.ok_or(Refusal::InviteLinkDead)?;
        self.group(&Scope::Everything, &id).await
    }

    /// The picture of a group that exists: media type and bytes.
    pub async fn picture(
        &self,
        scope: &Scope,
        id: &GroupId,
    ) -> Result<Option<(String, Bytes)>, Failure> {
        self.group(scope, id).await?;
        Ok(self.store.picture(scope, id).await?)
    }

    /// Where a person stands: groups, open requests, bans.
    pub async fn person(&self, wa_id: &WaId) -> Result<PersonStandings, StoreError> {
        let standings = self.store.standings(wa_id.as_str()).await?;
        let with = |wanted: Standing| -> Vec<PersonStanding> {
            standings.iter().filter(|one| one.standing == wanted).cloned().collect()
        };
        Ok(PersonStandings {
            participant: with(Standing::Participant),
            requested: with(Standing::Requested),
            removed: with(Standing::Removed),
        })
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

    /// How much of its limit of operations a number has used.
    #[must_use]
    pub fn usage(&self, number: &Number) -> Usage {
        self.pace.used(&number.id, number.limits.operations, self.runtime.now())
    }

    /// Whether the store can write and read. Probes share an answer of the last second, and those
    /// that arrive while the store is being asked wait for that answer: any number of them costs
    /// one write a second.
    pub async fn ready(&self) -> bool {
        let mut last = self.readiness.lock().await;
        let now = self.runtime.now().as_millis();
        if let Some((at, ready)) = *last
            && (0..READINESS_MS).contains(&(now - at))
        {
            return ready;
        }
        let answer = self.store.ready().await;
        if let Err(error) = &answer {
            error.log();
        }
        *last = Some((self.runtime.now().as_millis(), answer.is_ok()));
        answer.is_ok()
    }
}
