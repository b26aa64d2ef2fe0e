//! Queries: one function each, from a connection and values to values.

mod outbox;

use std::sync::Arc;

use bytes::Bytes;
use domain::GroupSummary;
use domain::event::Standing;
use domain::ids::{AccountId, GroupId, PhoneNumberId, RequestId};
use domain::values::{BusinessNumber, InviteCode, Subject, Timestamp, WaId};
use domain::{Group, Limits};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, RowIndex};
use wire::Answers;

pub(super) use self::outbox::{
    Amendable, TooOld, amendable, deliveries, delivery, due, extras, holder, lapsed, log, notices,
    receivers, subscription, subscriptions, too_old,
};
use super::super::rows::{self, Damage, GroupColumns};
use super::super::{PersonStanding, Receipt, Recorded, STANDINGS_MAX, StoreError, Stored};
use super::failed;
use crate::directory::{
    Account, Actor, Eligibility, Key, KeyHash, Number, Opening, PersonKey, Pin, Profile,
    Registration, Secret, VendorApp,
};
use crate::page::{Page, Seek, Slice};

/// A row that this program would never have written.
struct Damaged {
    column: &'static str,
    problem: Damage,
}

/// Either SQLite's error or ours.
enum RowError {
    Sqlite(rusqlite::Error),
    Damaged(Damaged),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn in_column(column: &'static str) -> impl Fn(Damage) -> RowError {
    move |problem| RowError::Damaged(Damaged { column, problem })
}

fn in_table(table: &'static str, row: impl ToString) -> impl FnOnce(RowError) -> StoreError {
    move |error| match error {
        RowError::Sqlite(error) => failed(error),
        RowError::Damaged(Damaged { column, problem }) => {
            StoreError::Corrupt { table, column, row: row.to_string(), problem }
        }
    }
}

/// A column's text, where it lies.
fn text<'a>(row: &'a Row<'_>, column: impl RowIndex) -> Result<&'a str, RowError> {
    Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
}

/// Column `name` as a value that is parsed.
fn parsed<T>(
    row: &Row<'_>,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, domain::values::Problem>,
) -> Result<T, RowError> {
    rows::parse(parse, text(row, name)?).map_err(in_column(name))
}

fn time(row: &Row<'_>, name: &str) -> Result<Timestamp, RowError> {
    Ok(Timestamp::from_millis(row.get(name)?))
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, RowError>,
) -> Result<Option<T>, RowError> {
    let mut select = connection.prepare_cached(sql)?;
    let mut found = select.query(params)?;
    found.next()?.map(read).transpose()
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, RowError>,
) -> Result<Vec<T>, RowError> {
    let mut select = connection.prepare_cached(sql)?;
    let mut found = select.query(params)?;
    let mut items = Vec::new();
    while let Some(row) = found.next()? {
        items.push(read(row)?);
    }
    Ok(items)
}

/// A single value of a single row.
fn value<T: FromSql>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Option<T>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_row(params, |row| row.get(0)).optional())
        .map_err(failed)
}

pub(super) fn group(connection: &Connection, id: &GroupId) -> Result<Option<Stored>, StoreError> {
    one(
        connection,
        "SELECT account_id, number_id, alias_second, version, status, subject, created_at,
                invite_code, state
         FROM groups WHERE id = ?1",
        [id.as_str()],
        |row| {
            // By position, and where it lies: this is the query that everything waits for.
            let columns = GroupColumns {
                id,
                number: text(row, 1)?,
                alias_second: row.get(2)?,
                version: row.get(3)?,
                status: text(row, 4)?,
                subject: text(row, 5)?,
                created_at: row.get(6)?,
                invite_code: row.get_ref(7)?.as_str_or_null().map_err(rusqlite::Error::from)?,
            };
            let state = rows::read_state(&columns, text(row, 8)?).map_err(in_column("state"))?;
            let account = parsed(row, "account_id", AccountId::parse)?;
            Ok(Stored { group: Group::from_state(state), account })
        },
    )
    .map_err(in_table("groups", id))
}

pub(super) fn group_by_invite(
    connection: &Connection,
    code: &InviteCode,
) -> Result<Option<GroupId>, StoreError> {
    one(connection, "SELECT id FROM groups WHERE invite_code = ?1", [code.as_str()], |row| {
        parsed(row, "id", GroupId::parse)
    })
    .map_err(in_table("groups", "by invite code"))
}

pub(super) fn group_by_alias(
    connection: &Connection,
    number: &PhoneNumberId,
    alias_second: i64,
) -> Result<Option<GroupId>, StoreError> {
    one(
        connection,
        "SELECT id FROM groups WHERE number_id = ?1 AND alias_second = ?2",
        (number.as_str(), alias_second),
        |row| parsed(row, "id", GroupId::parse),
    )
    .map_err(in_table("groups", "by alias"))
}

pub(super) fn groups(
    connection: &Connection,
    number: &PhoneNumberId,
    page: Page,
) -> Result<Slice<GroupSummary>, StoreError> {
    // Newest first, so that reading on is reading down.
    let (condition, key, order) = match page.seek {
        Seek::First => ("<=", i64::MAX, "DESC"),
        Seek::After(key) => ("<", signed(key), "DESC"),
        Seek::Before(key) => (">", signed(key), "ASC"),
    };
    let sql = format!(
        "SELECT alias_second, id, subject, created_at FROM groups
         WHERE number_id = ?1 AND alias_second {condition} ?2
               AND status IN ('active', 'suspended')
         ORDER BY alias_second {order} LIMIT ?3"
    );
    let fetched = all(connection, &sql, (number.as_str(), key, page.fetch()), |row| {
        let summary = GroupSummary {
            id: parsed(row, "id", GroupId::parse)?,
            subject: parsed(row, "subject", Subject::restore)?,
            created_at: time(row, "created_at")?,
        };
        Ok((row.get::<_, u64>("alias_second")?, summary))
    })
    .map_err(in_table("groups", number))?;
    Ok(page.slice(fetched))
}

/// An event of a group, from columns that have the names of the table's.
fn read_recorded(row: &Row<'_>) -> Result<Recorded, RowError> {
    Ok(Recorded {
        version: row.get("version")?,
        at: time(row, "at")?,
        actor: actor(row)?,
        request_id: parsed(row, "request_id", RequestId::parse)?,
        event: rows::read_event(text(row, "event")?).map_err(in_column("event"))?,
    })
}

/// Who brought an event about; `None` where that was not yet written down.
fn actor(row: &Row<'_>) -> Result<Option<Actor>, RowError> {
    let actor: Option<String> = row.get("acted_by")?;
    actor.map(|actor| rows::read_actor(&actor)).transpose().map_err(in_column("acted_by"))
}

pub(super) fn history(
    connection: &Connection,
    group: &GroupId,
    from_version: u64,
    limit: u32,
) -> Result<Vec<Recorded>, StoreError> {
    all(
        connection,
        "SELECT version, at, request_id, event, acted_by FROM events
         WHERE group_seq = (SELECT seq FROM groups WHERE id = ?1) AND version >= ?2
         ORDER BY version LIMIT ?3",
        (group.as_str(), signed(from_version), limit),
        read_recorded,
    )
    .map_err(in_table("events", group))
}

pub(super) fn picture(
    connection: &Connection,
    group: &GroupId,
) -> Result<Option<(String, Bytes)>, StoreError> {
    one(
        connection,
        "SELECT mime_type, bytes FROM pictures
         WHERE group_seq = (SELECT seq FROM groups WHERE id = ?1)",
        [group.as_str()],
        |row| Ok((row.get("mime_type")?, Bytes::from(row.get::<_, Vec<u8>>("bytes")?))),
    )
    .map_err(in_table("pictures", group))
}

pub(super) fn standings(
    connection: &Connection,
    person: &str,
) -> Result<Vec<PersonStanding>, StoreError> {
    all(
        connection,
        "SELECT groups.id, standing, since FROM standings
         JOIN groups ON groups.seq = standings.group_seq
         WHERE person = ?1 AND groups.status IN ('active', 'suspended')
         ORDER BY since, group_seq LIMIT ?2",
        (person, STANDINGS_MAX),
        |row| {
            let word: String = row.get("standing")?;
            Ok(PersonStanding {
                group: parsed(row, "id", GroupId::parse)?,
                standing: match word.as_str() {
                    "participant" => Standing::Participant,
                    "requested" => Standing::Requested,
                    "removed" => Standing::Removed,
                    other => {
                        return Err(in_column("standing")(format!("unknown standing {other}")));
                    }
                },
                since: time(row, "since")?,
            })
        },
    )
    .map_err(in_table("standings", person))
}

pub(super) fn profile(
    connection: &Connection,
    wa_id: &WaId,
) -> Result<Option<Profile>, StoreError> {
    one(
        connection,
        "SELECT username, hides_phone, enrolled, terms_accepted FROM people WHERE wa_id = ?1",
        [wa_id.as_str()],
        |row| {
            Ok(Profile {
                wa_id: wa_id.clone(),
                username: row.get("username")?,
                hides_phone: row.get("hides_phone")?,
                enrolled: row.get("enrolled")?,
                terms_accepted: row.get("terms_accepted")?,
            })
        },
    )
    .map_err(in_table("people", wa_id))
}

pub(super) fn receipt(
    connection: &Connection,
    scope: &str,
    key: &str,
) -> Result<Option<Receipt>, StoreError> {
    one(
        connection,
        "SELECT fingerprint, group_id, request_id, version, refused, answers, created_at FROM receipts
         WHERE scope = ?1 AND key = ?2",
        [scope, key],
        |row| {
            let refused: String = row.get("refused")?;
            Ok(Receipt {
                scope: scope.to_owned(),
                key: key.to_owned(),
                fingerprint: row.get("fingerprint")?,
                group: parsed(row, "group_id", GroupId::parse)?,
                request_id: parsed(row, "request_id", RequestId::parse)?,
                version: row.get("version")?,
                refused: rows::read_failed(&refused).map_err(in_column("refused"))?,
                answers: answers(row)?,
                created_at: time(row, "created_at")?,
            })
        },
    )
    .map_err(in_table("receipts", key))
}

pub(super) fn opening(
    connection: &Connection,
    key: &KeyHash,
) -> Result<Option<Opening>, StoreError> {
    let found = one(
        connection,
        "SELECT id, account_id, number_id FROM keys WHERE sha256 = ?1 AND revoked_at IS NULL",
        [key.as_bytes()],
        |row| {
            let account = parsed(row, "account_id", AccountId::parse)?;
            let number: Option<String> = row.get("number_id")?;
            Ok((row.get("id")?, account, number))
        },
    )
    .map_err(in_table("keys", "by hash"))?;
    let Some((key, account, number)) = found else { return Ok(None) };
    let is_number_only = number.is_some();
    let mut numbers = match number {
        Some(id) => all(connection, &numbers_where("id = ?1"), [&id], read_number),
        None => all(
            connection,
            &format!("{} LIMIT 2", numbers_where("account_id = ?1")),
            [account.as_str()],
            read_number,
        ),
    }
    .map_err(in_table("numbers", &account))?;
    let number = if numbers.len() == 1 { numbers.pop().map(Arc::new) } else { None };
    Ok(Some(Opening { key, account, number, is_number_only }))
}

fn numbers_where(condition: &str) -> String {
    format!(
        "SELECT seq, id, account_id, display_number, waba_id, bot_id, participants_limit,
                groups_limit, operations_limit, eligibility, answers, extra_receivers, registered,
                pin, unsubscribed_overrides, created_at,
                EXISTS (SELECT 1 FROM subscribed_wabas AS subscribed
                        WHERE subscribed.account_id = numbers.account_id
                              AND subscribed.waba_id = numbers.waba_id) AS app_subscribed
         FROM numbers WHERE {condition}"
    )
}

fn answers(row: &Row<'_>) -> Result<Answers, RowError> {
    let word = text(row, "answers")?;
    let unknown = || format!("there are no {word} answers");
    Answers::parse(word).ok_or_else(unknown).map_err(in_column("answers"))
}

fn read_number(row: &Row<'_>) -> Result<Number, RowError> {
    Ok(Number {
        id: parsed(row, "id", PhoneNumberId::parse)?,
        account: parsed(row, "account_id", AccountId::parse)?,
        display_number: parsed(row, "display_number", BusinessNumber::parse)?,
        waba_id: row.get("waba_id")?,
        bot_id: row.get("bot_id")?,
        limits: Limits {
            participants: row.get("participants_limit")?,
            groups: row.get("groups_limit")?,
            operations: row.get("operations_limit")?,
        },
        eligibility: {
            let word = text(row, "eligibility")?;
            let unknown = || format!("unknown eligibility {word}");
            Eligibility::parse(word).ok_or_else(unknown).map_err(in_column("eligibility"))?
        },
        answers: answers(row)?,
        registration: {
            let digits: Option<String> = row.get("pin")?;
            let unreadable = || "not six digits".to_owned();
            let pin = |digits: String| Pin::parse(&digits).ok_or_else(unreadable);
            Registration {
                is_active: row.get("registered")?,
                pin: digits.map(pin).transpose().map_err(in_column("pin"))?,
            }
        },
        unsubscribed_overrides: row.get("unsubscribed_overrides")?,
        app_subscribed: row.get("app_subscribed")?,
        extra_receivers: row.get("extra_receivers")?,
        created_at: time(row, "created_at")?,
    })
}

pub(super) fn number(
    connection: &Connection,
    id: &PhoneNumberId,
) -> Result<Option<Number>, StoreError> {
    one(connection, &numbers_where("id = ?1"), [id.as_str()], read_number)
        .map_err(in_table("numbers", id))
}

pub(super) fn number_of_digits(
    connection: &Connection,
    digits: &BusinessNumber,
) -> Result<Option<Number>, StoreError> {
    one(connection, &numbers_where("display_number = ?1"), [digits.as_str()], read_number)
        .map_err(in_table("numbers", digits))
}

/// The number of this account that has this bot id.
pub(super) fn number_of_bot(
    connection: &Connection,
    account: &AccountId,
    bot_id: &str,
) -> Result<Option<Number>, StoreError> {
    let sql = numbers_where("bot_id = ?1 AND account_id = ?2");
    one(connection, &sql, (bot_id, account.as_str()), read_number)
        .map_err(in_table("numbers", bot_id))
}

fn accounts_where(condition: &str) -> String {
    format!(
        "SELECT seq, id, name, app_id, app_secret, person_key, created_at
         FROM accounts WHERE {condition}"
    )
}

fn read_account(row: &Row<'_>) -> Result<Account, RowError> {
    Ok(Account {
        id: parsed(row, "id", AccountId::parse)?,
        name: row.get("name")?,
        app: VendorApp { id: row.get("app_id")?, secret: Secret::new(row.get("app_secret")?) },
        person_key: PersonKey::new(row.get("person_key")?),
        created_at: time(row, "created_at")?,
    })
}

pub(super) fn account(
    connection: &Connection,
    id: &AccountId,
) -> Result<Option<Account>, StoreError> {
    one(connection, &accounts_where("id = ?1"), [id.as_str()], read_account)
        .map_err(in_table("accounts", id))
}

fn keys_where(condition: &str) -> String {
    format!(
        "SELECT seq, id, account_id, number_id, hint, created_at, revoked_at
         FROM keys WHERE {condition}"
    )
}

fn read_key(row: &Row<'_>) -> Result<Key, RowError> {
    let number: Option<String> = row.get("number_id")?;
    let revoked_at: Option<i64> = row.get("revoked_at")?;
    Ok(Key {
        id: row.get("id")?,
        account: parsed(row, "account_id", AccountId::parse)?,
        number: number
            .map(|number| rows::parse(PhoneNumberId::parse, &number))
            .transpose()
            .map_err(in_column("number_id"))?,
        hint: row.get("hint")?,
        created_at: time(row, "created_at")?,
        revoked_at: revoked_at.map(Timestamp::from_millis),
    })
}

pub(super) fn key(connection: &Connection, id: &str) -> Result<Option<Key>, StoreError> {
    one(connection, &keys_where("id = ?1"), [id], read_key).map_err(in_table("keys", id))
}

/// The account whose app has this id.
pub(super) fn account_of_app(
    connection: &Connection,
    app_id: &str,
) -> Result<Option<Account>, StoreError> {
    one(connection, &accounts_where("app_id = ?1"), [app_id], read_account)
        .map_err(in_table("accounts", app_id))
}

pub(super) fn accounts(connection: &Connection, page: Page) -> Result<Slice<Account>, StoreError> {
    records(connection, "accounts", &accounts_where("true"), None, page, read_account)
}

pub(super) fn numbers(
    connection: &Connection,
    account: Option<&AccountId>,
    page: Page,
) -> Result<Slice<Number>, StoreError> {
    records(connection, "numbers", &numbers_where("true"), account, page, read_number)
}

/// The numbers of an account that belong to a WABA, oldest first.
pub(super) fn numbers_of_waba(
    connection: &Connection,
    account: &AccountId,
    waba_id: &str,
    page: Page,
) -> Result<Slice<Number>, StoreError> {
    let (condition, key, order) = keyset(page.seek);
    let sql = numbers_where("account_id = ?3 AND waba_id = ?4");
    let sql = format!("{sql} AND seq {condition} ?1 ORDER BY seq {order} LIMIT ?2");
    let params = (key, page.fetch(), account.as_str(), waba_id);
    let read = |row: &Row<'_>| Ok((row.get::<_, u64>("seq")?, read_number(row)?));
    let fetched = all(connection, &sql, params, read).map_err(in_table("numbers", waba_id))?;
    Ok(page.slice(fetched))
}

pub(super) fn wabas(
    connection: &Connection,
    account: &AccountId,
    limit: u16,
) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT DISTINCT waba_id FROM numbers WHERE account_id = ?1 ORDER BY waba_id LIMIT ?2";
    all(connection, sql, (account.as_str(), limit), |row| Ok(row.get("waba_id")?))
        .map_err(in_table("numbers", account))
}

pub(super) fn keys(
    connection: &Connection,
    account: Option<&AccountId>,
    page: Page,
) -> Result<Slice<Key>, StoreError> {
    records(connection, "keys", &keys_where("true"), account, page, read_key)
}

/// Comparison, key and order of the rows that a page begins with.
fn keyset(seek: Seek) -> (&'static str, i64, &'static str) {
    match seek {
        Seek::First => (">=", 0, "ASC"),
        Seek::After(key) => (">", signed(key), "ASC"),
        Seek::Before(key) => ("<", signed(key), "DESC"),
    }
}

/// A page of a table of records, oldest first, of one account or of all.
fn records<T>(
    connection: &Connection,
    table: &'static str,
    select: &str,
    account: Option<&AccountId>,
    page: Page,
    read: impl Fn(&Row<'_>) -> Result<T, RowError>,
) -> Result<Slice<T>, StoreError> {
    let (condition, key, order) = keyset(page.seek);
    let of_account = if account.is_some() { "AND account_id = ?3" } else { "AND ?3 IS NULL" };
    let sql = format!("{select} AND seq {condition} ?1 {of_account} ORDER BY seq {order} LIMIT ?2");
    let params = (key, page.fetch(), account.map(AccountId::as_str));
    let fetched = all(connection, &sql, params, |row| Ok((row.get::<_, u64>("seq")?, read(row)?)))
        .map_err(in_table(table, "of a page"))?;
    Ok(page.slice(fetched))
}

pub(super) fn last_alias(
    connection: &Connection,
    number: &PhoneNumberId,
) -> Result<i64, StoreError> {
    let sql = "SELECT last_alias FROM number_usage WHERE number_id = ?1";
    Ok(value(connection, sql, [number.as_str()])?.unwrap_or(0))
}

pub(super) fn last_seen(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = value(connection, "SELECT at FROM last_seen", [])?;
    Ok(at.map(Timestamp::from_millis))
}

pub(super) fn probe(connection: &Connection) -> Result<(), StoreError> {
    value::<u32>(connection, "SELECT count(*) FROM migrations", []).map(drop)
}

/// SQLite's integers are signed. A key beyond them is beyond every row.
fn signed(key: u64) -> i64 {
    i64::try_from(key).unwrap_or(i64::MAX)
}
