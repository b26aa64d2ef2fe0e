//! Changes to the records: accounts, numbers, keys. Each in a transaction of its own.

use domain::ids::PhoneNumberId;
use domain::values::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::super::super::ChangeError;
use super::super::failed;
use super::{Trouble, exists};
use crate::directory::{Account, Key, KeyHash, LimitsChange, Number, RecordChange};

/// Makes the change, whole or not at all.
pub(super) fn change_alone(
    connection: &mut Connection,
    change: &RecordChange,
) -> Result<(), ChangeError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let changed = match change {
        RecordChange::AddAccount(account) => add_account(&transaction, account),
        RecordChange::AddNumber(number) => add_number(&transaction, number),
        RecordChange::AddKey(key, hash) => add_key(&transaction, key, hash),
        RecordChange::SetLimits(number, limits) => set_limits(&transaction, number, *limits),
        RecordChange::RevokeKey(key, at) => revoke_key(&transaction, key, *at),
    };
    match changed {
        Ok(()) => Ok(transaction.commit().map_err(failed)?),
        Err(Trouble::Clean(error) | Trouble::Dirty(error)) => Err(error),
    }
}

type Changed = Result<(), Trouble<ChangeError>>;

fn require(condition: bool, error: ChangeError) -> Changed {
    if condition { Ok(()) } else { Err(Trouble::Clean(error)) }
}

fn add_account(connection: &Connection, account: &Account) -> Changed {
    let sql = "SELECT 1 FROM accounts WHERE id = ?1";
    let taken = exists(connection, sql, [account.id.as_str()])?;
    require(!taken, ChangeError::Taken { field: "id" })?;
    connection.execute(
        "INSERT INTO accounts (id, name, created_at) VALUES (?1, ?2, ?3)",
        (account.id.as_str(), &account.name, account.created_at.as_millis()),
    )?;
    Ok(())
}

fn add_number(connection: &Connection, number: &Number) -> Changed {
    let account =
        exists(connection, "SELECT 1 FROM accounts WHERE id = ?1", [number.account.as_str()])?;
    require(account, ChangeError::Unknown { field: "account_id" })?;
    let taken = exists(connection, "SELECT 1 FROM numbers WHERE id = ?1", [number.id.as_str()])?;
    require(!taken, ChangeError::Taken { field: "phone_number_id" })?;
    let sql = "SELECT 1 FROM numbers WHERE display_number = ?1";
    let taken = exists(connection, sql, [number.display_number.as_str()])?;
    require(!taken, ChangeError::Taken { field: "display_phone_number" })?;
    let sql = "SELECT 1 FROM numbers WHERE bot_id = ?1";
    let taken = exists(connection, sql, [&number.bot_id])?;
    require(!taken, ChangeError::Taken { field: "bot_id" })?;
    connection.execute(
        "INSERT INTO numbers (id, account_id, display_number, waba_id, bot_id,
                              participants_limit, groups_limit, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            number.id.as_str(),
            number.account.as_str(),
            number.display_number.as_str(),
            &number.waba_id,
            &number.bot_id,
            number.limits.participants,
            number.limits.groups,
            number.created_at.as_millis(),
        ),
    )?;
    connection.execute(
        "INSERT INTO number_usage (number_id, groups, last_alias) VALUES (?1, 0, 0)",
        [number.id.as_str()],
    )?;
    Ok(())
}

fn add_key(connection: &Connection, key: &Key, hash: &KeyHash) -> Changed {
    let sql = "SELECT 1 FROM accounts WHERE id = ?1";
    let account = exists(connection, sql, [key.account.as_str()])?;
    require(account, ChangeError::Unknown { field: "account_id" })?;
    if let Some(number) = &key.number {
        let sql = "SELECT 1 FROM numbers WHERE id = ?1 AND account_id = ?2";
        let number = exists(connection, sql, (number.as_str(), key.account.as_str()))?;
        require(number, ChangeError::Unknown { field: "phone_number_id" })?;
    }
    let sql = "SELECT 1 FROM keys WHERE id = ?1 OR sha256 = ?2";
    let taken = exists(connection, sql, (&key.id, hash.as_bytes()))?;
    require(!taken, ChangeError::Taken { field: "id" })?;
    connection.execute(
        "INSERT INTO keys (id, account_id, number_id, sha256, hint, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            &key.id,
            key.account.as_str(),
            key.number.as_ref().map(PhoneNumberId::as_str),
            hash.as_bytes(),
            &key.hint,
            key.created_at.as_millis(),
        ),
    )?;
    Ok(())
}

fn set_limits(connection: &Connection, number: &PhoneNumberId, limits: LimitsChange) -> Changed {
    let changed = connection.execute(
        "UPDATE numbers SET participants_limit = coalesce(?2, participants_limit),
                            groups_limit = coalesce(?3, groups_limit)
         WHERE id = ?1",
        (number.as_str(), limits.participants, limits.groups),
    )?;
    require(changed > 0, ChangeError::Unknown { field: "phone_number_id" })
}

fn revoke_key(connection: &Connection, key: &str, at: Timestamp) -> Changed {
    let changed = connection.execute(
        "UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1",
        (key, at.as_millis()),
    )?;
    require(changed > 0, ChangeError::Unknown { field: "id" })
}
