//! Keys: what opens a number or an account.

use domain::ids::{AccountId, PhoneNumberId};

use super::App;
use crate::directory::{Actor, Key, KeyHash, RecordChange};
use crate::store::ChangeError;

/// Characters of a secret that are kept to tell keys apart.
const HINT_CHARS: usize = 4;
const UNKNOWN: ChangeError = ChangeError::Unknown { field: "key_id" };

/// What a new key is to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// All numbers of an account.
    Account(AccountId),
    /// One number, of whichever account it is.
    Number(PhoneNumberId),
    /// One number, which has to be of this account.
    NumberOf(AccountId, PhoneNumberId),
}

/// Creates a key. Gives it with its secret, of which only the hash is kept.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such account, or no such number in it.
pub async fn create(app: &App, actor: &Actor, grant: Grant) -> Result<(Key, String), ChangeError> {
    let (account, number) = match grant {
        Grant::Account(account) => (account, None),
        Grant::NumberOf(account, number) => (account, Some(number)),
        Grant::Number(number) => {
            let found = app.store.number(&number).await?;
            let found = found.ok_or(ChangeError::Unknown { field: "phone_number_id" })?;
            (found.account.clone(), Some(number))
        }
    };
    let secret = app.mint.secret();
    let key = Key {
        id: app.mint.key_id(),
        account,
        number,
        hint: secret.chars().take(HINT_CHARS).collect(),
        created_at: app.runtime.now(),
        revoked_at: None,
    };
    app.change(actor, RecordChange::AddKey(key.clone(), KeyHash::of(&secret))).await?;
    tracing::info!(key = key.id, account = %key.account, "a key was created");
    Ok((key, secret))
}

/// Revokes a key: it opens nothing from now on. Revoking it again changes nothing.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such key.
pub async fn revoke(app: &App, actor: &Actor, id: &str) -> Result<Key, ChangeError> {
    let revoked =
        app.change(actor, RecordChange::RevokeKey(id.to_owned(), app.runtime.now())).await;
    revoked.map_err(|error| match error {
        ChangeError::Unknown { .. } => UNKNOWN,
        other => other,
    })?;
    tracing::info!(key = id, "a key was revoked");
    find(app, id).await
}

/// A key, revoked ones included.
///
/// # Errors
///
/// [`ChangeError::Unknown`] if there is no such key.
pub async fn find(app: &App, id: &str) -> Result<Key, ChangeError> {
    app.store.key(id).await?.ok_or(UNKNOWN)
}
