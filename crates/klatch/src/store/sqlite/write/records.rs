//! Changes to the records: accounts, numbers, keys, subscriptions. Each in a transaction of its own.

mod places;

use std::time::Duration;

use domain::ids::{AccountId, PhoneNumberId};
use domain::values::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, TransactionBehavior, params};
use url::Url;
use wire::Answers;

use super::super::super::{ChangeError, StoreError, rows};
use super::super::{Caches, failed, not_committed, read};
use super::{Trouble, exists};
use crate::directory::{
    Account, Activity, Actor, Changed, Eligibility, Key, KeyHash, Number, NumberChange, Pin,
    Profile, Reach, RecordChange, Role, Rotation, Secret, Subscription, SubscriptionChange,
    SubscriptionEvent, SubscriptionId,
};

/// Who makes a change, and what it has touched so far.
struct Touched<'a> {
    actor: &'a Actor,
    changed: Changed,
    /// Accounts whose configuration is another one now.
    accounts: Vec<AccountId>,
}

/// Makes the change, whole or not at all.
pub(super) fn change_alone(
    connection: &mut Connection,
    caches: &Caches,
    actor: &Actor,
    change: &RecordChange,
) -> Result<Changed, ChangeError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut touched = Touched { actor, changed: Changed::default(), accounts: Vec::new() };
    match make(&transaction, change, &mut touched) {
        Ok(()) => {}
        Err(Trouble::Clean(error) | Trouble::Dirty(error)) => return Err(error),
    }
    let committed = transaction.commit().map_err(not_committed);
    // Also where it is not known whether the change was stored: what is in memory may be wrong.
    for account in touched.accounts {
        caches.revisions.changed(account);
    }
    committed?;
    Ok(touched.changed)
}

fn make(connection: &Connection, change: &RecordChange, touched: &mut Touched<'_>) -> Outcome {
    match change {
        RecordChange::AddAccount(account) => add_account(connection, account),
        RecordChange::AddNumber(number) => {
            touched.accounts.push(number.account.clone());
            add_number(connection, number)
        }
        RecordChange::AddKey(key, hash) => {
            touched.accounts.push(key.account.clone());
            add_key(connection, key, hash)
        }
        RecordChange::ChangeNumber(number, change) => {
            change_number(connection, number, *change, touched)
        }
        RecordChange::RegisterNumber(number, pin) => {
            register_number(connection, number, *pin, touched)
        }
        RecordChange::DeregisterNumber(number) => deregister_number(connection, number, touched),
        RecordChange::RevokeKey(key, at) => revoke_key(connection, key, *at, touched),
        RecordChange::AddSubscription(subscription) => {
            add_subscription(connection, subscription, touched)
        }
        RecordChange::ChangeSubscription(id, change, event, at) => {
            change_subscription(connection, id, change, event, *at, touched)
        }
        RecordChange::RemoveSubscription(id, at) => {
            let found = read::subscription(connection, id).map_err(dirty)?;
            let found = found.ok_or(Trouble::Clean(UNKNOWN_SUBSCRIPTION))?;
            remove_subscription(connection, &found, *at, touched)
        }
        RecordChange::EndLease(id, now) => {
            let found = read::subscription(connection, id).map_err(dirty)?;
            let found = found.filter(|found| found.lease_until.is_some_and(|until| until <= *now));
            let found = found.ok_or(Trouble::Clean(UNKNOWN_SUBSCRIPTION))?;
            remove_subscription(connection, &found, *now, touched)
        }
        // Nothing is planned from a lease.
        RecordChange::RenewLease(id, until) => renew_lease(connection, id, *until),
        RecordChange::SubscribeApp { account, waba_id, on } => {
            touched.accounts.push(account.clone());
            subscribe_app(connection, account, waba_id, *on)
        }
        RecordChange::ChangePlace(place, change, at) => {
            places::change(connection, place, change, *at, touched)
        }
        RecordChange::RetainExtras(main, names, at) => {
            places::retain_extras(connection, main, names, *at, touched)
        }
        RecordChange::SetProfile(profile) => set_profile(connection, profile),
        RecordChange::All(changes) => {
            changes.iter().try_for_each(|change| make(connection, change, touched))
        }
    }
}

type Outcome = Result<(), Trouble<ChangeError>>;

const UNKNOWN_SUBSCRIPTION: ChangeError = ChangeError::Unknown { field: "subscription_id" };

fn dirty(error: StoreError) -> Trouble<ChangeError> {
    Trouble::Dirty(error.into())
}

/// The account that a row belongs to, from a statement that returns its id.
fn account_of(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Option<AccountId>, Trouble<ChangeError>> {
    let id: Option<String> =
        connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?;
    let parse = |id: String| rows::parse(AccountId::parse, &id);
    id.map(parse).transpose().map_err(|problem| {
        let (table, column, row) = ("accounts", "id", "of a change".to_owned());
        dirty(StoreError::Corrupt { table, column, row, problem })
    })
}

fn require(condition: bool, error: ChangeError) -> Outcome {
    if condition { Ok(()) } else { Err(Trouble::Clean(error)) }
}

fn require_account(connection: &Connection, account: &AccountId) -> Outcome {
    let known = exists(connection, "SELECT 1 FROM accounts WHERE id = ?1", [account.as_str()])?;
    require(known, ChangeError::Unknown { field: "account_id" })
}

/// A number of this account.
fn require_number(connection: &Connection, id: &PhoneNumberId, account: &AccountId) -> Outcome {
    let sql = "SELECT 1 FROM numbers WHERE id = ?1 AND account_id = ?2";
    let known = exists(connection, sql, (id.as_str(), account.as_str()))?;
    require(known, ChangeError::Unknown { field: "phone_number_id" })
}

fn add_account(connection: &Connection, account: &Account) -> Outcome {
    let sql = "SELECT 1 FROM accounts WHERE id = ?1";
    let taken = exists(connection, sql, [account.id.as_str()])?;
    require(!taken, ChangeError::Taken { field: "id" })?;
    connection.execute(
        "INSERT INTO accounts (id, name, app_id, app_secret, person_key, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            account.id.as_str(),
            &account.name,
            &account.app.id,
            account.app.secret.reveal(),
            account.person_key.reveal(),
            account.created_at.as_millis(),
        ),
    )?;
    Ok(())
}

fn add_number(connection: &Connection, number: &Number) -> Outcome {
    require_account(connection, &number.account)?;
    let taken = exists(connection, "SELECT 1 FROM numbers WHERE id = ?1", [number.id.as_str()])?;
    require(!taken, ChangeError::Taken { field: "phone_number_id" })?;
    let sql = "SELECT 1 FROM numbers WHERE display_number = ?1";
    for spelling in number.display_number.wa_id().spellings() {
        let taken = exists(connection, sql, [spelling])?;
        require(!taken, ChangeError::Taken { field: "display_phone_number" })?;
    }
    let sql = "SELECT 1 FROM numbers WHERE bot_id = ?1";
    let taken = exists(connection, sql, [&number.bot_id])?;
    require(!taken, ChangeError::Taken { field: "bot_id" })?;
    connection.execute(
        "INSERT INTO numbers (id, account_id, display_number, waba_id, bot_id,
                              participants_limit, groups_limit, operations_limit, eligibility,
                              answers, extra_receivers, registered, pin,
                              unsubscribed_overrides, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        (
            number.id.as_str(),
            number.account.as_str(),
            number.display_number.as_str(),
            &number.waba_id,
            &number.bot_id,
            number.limits.participants,
            number.limits.groups,
            number.limits.operations,
            number.eligibility.as_str(),
            number.answers.as_str(),
            number.extra_receivers,
            number.registration.is_active,
            number.registration.pin.as_ref().map(Pin::reveal),
            number.unsubscribed_overrides,
            number.created_at.as_millis(),
        ),
    )?;
    connection.execute(
        "INSERT INTO number_usage (number_id, groups, last_alias) VALUES (?1, 0, 0)",
        [number.id.as_str()],
    )?;
    Ok(())
}

fn add_key(connection: &Connection, key: &Key, hash: &KeyHash) -> Outcome {
    require_account(connection, &key.account)?;
    if let Some(number) = &key.number {
        require_number(connection, number, &key.account)?;
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

fn change_number(
    connection: &Connection,
    id: &PhoneNumberId,
    change: NumberChange,
    touched: &mut Touched<'_>,
) -> Outcome {
    let NumberChange { participants, groups, operations, eligibility, .. } = change;
    let account = account_of(
        connection,
        "UPDATE numbers SET participants_limit = coalesce(?2, participants_limit),
                            groups_limit = coalesce(?3, groups_limit),
                            operations_limit = nullif(coalesce(?4, operations_limit), 0),
                            eligibility = coalesce(?5, eligibility),
                            extra_receivers = coalesce(?6, extra_receivers),
                            registered = coalesce(?7, registered),
                            pin = coalesce(?8, pin),
                            unsubscribed_overrides = coalesce(?9, unsubscribed_overrides),
                            answers = coalesce(?10, answers)
         WHERE id = ?1 RETURNING account_id",
        (
            id.as_str(),
            participants,
            groups,
            operations,
            eligibility.map(Eligibility::as_str),
            change.extra_receivers,
            change.registered,
            change.pin.as_ref().map(Pin::reveal),
            change.unsubscribed_overrides,
            change.answers.map(Answers::as_str),
        ),
    )?;
    require(account.is_some(), ChangeError::Unknown { field: "phone_number_id" })?;
    touched.accounts.extend(account);
    Ok(())
}

fn register_number(
    connection: &Connection,
    id: &PhoneNumberId,
    pin: Pin,
    touched: &mut Touched<'_>,
) -> Outcome {
    let account = account_of(
        connection,
        "UPDATE numbers SET registered = 1, pin = ?2 WHERE id = ?1 AND coalesce(pin, ?2) = ?2
         RETURNING account_id",
        (id.as_str(), pin.reveal()),
    )?;
    require(account.is_some(), ChangeError::WrongPin)?;
    touched.accounts.extend(account);
    Ok(())
}

fn deregister_number(
    connection: &Connection,
    id: &PhoneNumberId,
    touched: &mut Touched<'_>,
) -> Outcome {
    let sql = "UPDATE numbers SET registered = 0 WHERE id = ?1 AND registered = 1
               RETURNING account_id";
    let account = account_of(connection, sql, [id.as_str()])?;
    require(account.is_some(), ChangeError::NotRegistered)?;
    touched.accounts.extend(account);
    Ok(())
}

/// A WABA of this account: it is there as long as one of the account's numbers belongs to it.
fn require_waba(connection: &Connection, waba_id: &str, account: &AccountId) -> Outcome {
    let sql = "SELECT 1 FROM numbers WHERE waba_id = ?1 AND account_id = ?2";
    let known = exists(connection, sql, (waba_id, account.as_str()))?;
    require(known, ChangeError::Unknown { field: "waba_id" })
}

fn subscribe_app(connection: &Connection, account: &AccountId, waba_id: &str, on: bool) -> Outcome {
    require_waba(connection, waba_id, account)?;
    let sql = if on {
        "INSERT INTO subscribed_wabas (account_id, waba_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM subscribed_wabas WHERE account_id = ?1 AND waba_id = ?2"
    };
    connection.execute(sql, (account.as_str(), waba_id))?;
    Ok(())
}

fn set_profile(connection: &Connection, profile: &Profile) -> Outcome {
    let Profile { wa_id, username, hides_phone, enrolled, terms_accepted } = profile;
    let sql = "SELECT 1 FROM people WHERE username = ?1 AND wa_id <> ?2";
    let taken = exists(connection, sql, (username, wa_id.as_str()))?;
    require(!taken, ChangeError::Taken { field: "username" })?;
    connection.execute(
        "INSERT INTO people (wa_id, username, hides_phone, enrolled, terms_accepted)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (wa_id) DO UPDATE SET username = ?2, hides_phone = ?3, enrolled = ?4,
                                           terms_accepted = ?5",
        (wa_id.as_str(), username, hides_phone, enrolled, terms_accepted),
    )?;
    Ok(())
}

fn revoke_key(
    connection: &Connection,
    key: &str,
    at: Timestamp,
    touched: &mut Touched<'_>,
) -> Outcome {
    let account = account_of(
        connection,
        "UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1 RETURNING account_id",
        (key, at.as_millis()),
    )?;
    require(account.is_some(), ChangeError::Unknown { field: "id" })?;
    touched.accounts.extend(account);
    Ok(())
}

fn add_subscription(
    connection: &Connection,
    subscription: &Subscription,
    touched: &mut Touched<'_>,
) -> Outcome {
    let Subscription { id, account, reach, dialect, role, target, topics, secrets, .. } =
        subscription;
    require_account(connection, account)?;
    match reach {
        Reach::Number(number) => require_number(connection, number, account)?,
        Reach::Waba(waba_id) => require_waba(connection, waba_id, account)?,
        Reach::Account => {}
    }
    let (number, waba_id) = rows::subscription::reach_columns(reach);
    if *role == Role::Added {
        let sql = "SELECT id FROM subscriptions
                   WHERE removed_at IS NULL AND account_id = ?1
                     AND coalesce(number_id, '') = coalesce(?2, '')
                     AND coalesce(waba_id, '') = coalesce(?3, '') AND dialect = ?4 AND url = ?5";
        let params = (account.as_str(), number, waba_id, dialect.as_str(), target.url.as_str());
        require_unsubscribed(connection, sql, params)?;
    }
    let (role, over_all, name) = rows::subscription::role_columns(role);
    let paused_at = match &subscription.activity {
        Activity::Paused { since } => Some(since.as_millis()),
        Activity::On | Activity::Off { .. } => None,
    };
    let added = connection.execute(
        "INSERT INTO subscriptions (id, account_id, number_id, waba_id, dialect, role, over_all,
                                    name, url, headers, timeout_ms, topics, fields,
                                    secret, vendor_signature, verify_token, created_at, paused_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
         ON CONFLICT DO NOTHING",
        params![
            id.as_str(),
            account.as_str(),
            number,
            waba_id,
            dialect.as_str(),
            role,
            over_all,
            name,
            target.url.as_str(),
            rows::subscription::write_headers(&target.headers),
            millis(target.timeout),
            topics.as_deref().map(rows::subscription::write_topics),
            rows::subscription::write_fields(&subscription.fields),
            secrets.current.reveal(),
            subscription.vendor_signature,
            subscription.verify_token.as_ref().map(Secret::reveal),
            subscription.created_at.as_millis(),
            paused_at,
        ],
    )?;
    require(added > 0, ChangeError::Taken { field: "id" })?;
    if let Some(until) = subscription.lease_until {
        renew_lease(connection, id, until)?;
    }
    touched.accounts.push(account.clone());
    touched.changed.subscriptions.push(id.clone());
    log(connection, id, &SubscriptionEvent::Added, subscription.created_at, touched.actor)
}

/// Refuses a subscription if the query, which looks for one like it, finds one.
fn require_unsubscribed(connection: &Connection, sql: &str, params: impl Params) -> Outcome {
    let found: Option<String> =
        connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?;
    match found.and_then(|id| SubscriptionId::parse(&id)) {
        Some(subscription) => Err(Trouble::Clean(ChangeError::Subscribed { subscription })),
        None => Ok(()),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn change_subscription(
    connection: &Connection,
    id: &SubscriptionId,
    change: &SubscriptionChange,
    event: &SubscriptionEvent,
    at: Timestamp,
    touched: &mut Touched<'_>,
) -> Outcome {
    let sql = "SELECT account_id FROM subscriptions WHERE id = ?1 AND removed_at IS NULL";
    let account = account_of(connection, sql, [id.as_str()])?;
    require(account.is_some(), UNKNOWN_SUBSCRIPTION)?;
    touched.accounts.extend(account);
    touched.changed.subscriptions.push(id.clone());
    let SubscriptionChange { url, headers, timeout, topics, rotation, activity, .. } = change;
    if let Some(url) = url {
        // A vendor's configuration may name an address that is subscribed already.
        let sql = "SELECT other.id FROM subscriptions AS other
                   JOIN subscriptions AS own ON own.id = ?1 AND own.role = 'added'
                   WHERE other.removed_at IS NULL AND other.id <> own.id
                     AND other.account_id = own.account_id
                     AND coalesce(other.number_id, '') = coalesce(own.number_id, '')
                     AND coalesce(other.waba_id, '') = coalesce(own.waba_id, '') AND other.dialect = own.dialect
                     AND other.url = ?2";
        require_unsubscribed(connection, sql, (id.as_str(), url.as_str()))?;
    }
    connection.execute(
        "UPDATE subscriptions
         SET url = coalesce(?2, url), headers = coalesce(?3, headers),
             timeout_ms = coalesce(?4, timeout_ms), topics = coalesce(?5, topics),
             verify_token = coalesce(?6, verify_token), over_all = coalesce(?7, over_all),
             vendor_signature = coalesce(?8, vendor_signature), fields = coalesce(?9, fields),
             failing_since = iif(coalesce(?2, url) = url, failing_since, NULL)
         WHERE id = ?1",
        (
            id.as_str(),
            url.as_ref().map(Url::as_str),
            headers.as_deref().map(rows::subscription::write_headers),
            timeout.map(millis),
            topics.as_deref().map(rows::subscription::write_topics),
            change.verify_token.as_ref().map(Secret::reveal),
            change.over_all,
            change.vendor_signature,
            change.fields.as_deref().map(rows::subscription::write_fields),
        ),
    )?;
    if let Some(Rotation { secret, overlap_until }) = rotation {
        connection.execute(
            "UPDATE subscriptions SET old_secret = iif(?3 IS NULL, NULL, secret), secret = ?2,
                                      old_secret_until = ?3
             WHERE id = ?1",
            (id.as_str(), secret.reveal(), overlap_until.map(Timestamp::as_millis)),
        )?;
    }
    if let Some(activity) = activity {
        let (paused_at, off_at, reason) = match activity {
            Activity::On => (None, None, None),
            Activity::Paused { since } => (Some(since.as_millis()), None, None),
            Activity::Off { since, reason } => (None, Some(since.as_millis()), Some(reason)),
        };
        // Whoever is let go again starts with a clean record.
        connection.execute(
            "UPDATE subscriptions SET paused_at = ?2, off_at = ?3, off_reason = ?4,
                                      failing_since = iif(?5, NULL, failing_since)
             WHERE id = ?1",
            (id.as_str(), paused_at, off_at, reason, *activity == Activity::On),
        )?;
    }
    log(connection, id, event, at, touched.actor)
}

fn renew_lease(connection: &Connection, id: &SubscriptionId, until: Timestamp) -> Outcome {
    let renewed = connection.execute(
        "UPDATE subscriptions SET lease_until = ?2 WHERE id = ?1 AND removed_at IS NULL",
        (id.as_str(), until.as_millis()),
    )?;
    require(renewed > 0, UNKNOWN_SUBSCRIPTION)
}

fn remove_subscription(
    connection: &Connection,
    subscription: &Subscription,
    at: Timestamp,
    touched: &mut Touched<'_>,
) -> Outcome {
    let id = &subscription.id;
    // Its secrets have no business here any more; an address can hold one, too.
    connection.execute(
        "UPDATE subscriptions SET removed_at = ?2, secret = '', old_secret = NULL, headers = '[]',
                                  url = '',
                                  verify_token = NULL
         WHERE id = ?1",
        (id.as_str(), at.as_millis()),
    )?;
    places::vacated(connection, subscription)?;
    touched.accounts.push(subscription.account.clone());
    touched.changed.removed.push(id.clone());
    log(connection, id, &SubscriptionEvent::Removed, at, touched.actor)
}

/// Writes down what happened to a subscription: in its number's stream, or in its account's.
fn log(
    connection: &Connection,
    id: &SubscriptionId,
    event: &SubscriptionEvent,
    at: Timestamp,
    actor: &Actor,
) -> Outcome {
    connection.execute(
        "INSERT INTO events (number_seq, account_seq, subscription_seq, at, event, acted_by)
         SELECT numbers.seq, iif(numbers.seq IS NULL, accounts.seq, NULL), subscriptions.seq, ?2,
                ?3, ?4
         FROM subscriptions
         JOIN accounts ON accounts.id = subscriptions.account_id
         LEFT JOIN numbers ON numbers.id = subscriptions.number_id
         WHERE subscriptions.id = ?1",
        (
            id.as_str(),
            at.as_millis(),
            rows::subscription::write_subscription_event(event),
            rows::write_actor(actor),
        ),
    )?;
    Ok(())
}
