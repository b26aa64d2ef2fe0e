//! Queries about subscriptions, deliveries and the log.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::{AccountId, GroupId, PhoneNumberId};
use domain::values::Timestamp;
use rusqlite::{Connection, Row};
use url::Url;
use wire::Dialect;
use wire::news::Topic;

use super::{
    RowError, actor, all, in_column, in_table, one, parsed, read_recorded, signed, text, time,
    value,
};
use crate::directory::{
    self, Activity, Number, Reach, Role, Secret, Secrets, Subscription, SubscriptionId, Target,
};
use crate::page::{Page, Seek, Slice};
use crate::store::outbox::{
    Amend, Amendment, Attempt, By, Delivery, DeliveryDetail, DeliveryFilter, DeliveryId,
    DeliveryState, LogFilter, Logged, LoggedEvent, Notice, Notices, Sweep,
};
use crate::store::{StoreError, rows};
use crate::webhook::retry::LONGEST_WAIT_MS;

/// Rows that a sweep takes up at a time, so that it never holds up a commit for long.
const SWEPT_TOGETHER: usize = 500;

fn subscriptions_where(condition: &str) -> String {
    format!(
        "SELECT seq, id, account_id, number_id, waba_id, dialect, role, over_all, name, url, topics, fields,
                headers, secret, old_secret, old_secret_until, vendor_signature, verify_token,
                timeout_ms, created_at, lease_until, failing_since, paused_at, off_at, off_reason
         FROM subscriptions WHERE removed_at IS NULL AND {condition}"
    )
}

/// A column that holds a word of a closed set.
fn word<T>(
    row: &Row<'_>,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, RowError> {
    let text = text(row, column)?;
    parse(text).ok_or_else(|| in_column(column)(format!("{text:?} is not one of its words")))
}

fn maybe_time(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, RowError> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub(in crate::store::sqlite) fn read_subscription(row: &Row<'_>) -> Result<Subscription, RowError> {
    let number: Option<String> = row.get("number_id")?;
    let waba: Option<String> = row.get("waba_id")?;
    let reach = match (number, waba) {
        (Some(number), _) => Reach::Number(
            rows::parse(PhoneNumberId::parse, &number).map_err(in_column("number_id"))?,
        ),
        (None, Some(waba_id)) => Reach::Waba(waba_id),
        (None, None) => Reach::Account,
    };
    let name: Option<String> = row.get("name")?;
    let role = match (text(row, "role")?, name) {
        ("added", _) => Role::Added,
        ("main", _) => Role::Main { over_all: row.get("over_all")? },
        ("extra", Some(name)) => Role::Extra { name },
        (other, _) => return Err(in_column("role")(format!("{other:?} is not a role"))),
    };
    let topics: Option<String> = row.get("topics")?;
    let secret = |column: &str| -> Result<Option<Secret>, RowError> {
        Ok(row.get::<_, Option<String>>(column)?.map(Secret::new))
    };
    let missing = || in_column("secret")("there is none".to_owned());
    let activity = match (maybe_time(row, "off_at")?, maybe_time(row, "paused_at")?) {
        (Some(since), _) => {
            let reason: Option<String> = row.get("off_reason")?;
            Activity::Off { since, reason: reason.unwrap_or_default() }
        }
        (None, Some(since)) => Activity::Paused { since },
        (None, None) => Activity::On,
    };
    Ok(Subscription {
        id: word(row, "id", SubscriptionId::parse)?,
        account: parsed(row, "account_id", AccountId::parse)?,
        reach,
        dialect: word(row, "dialect", Dialect::parse)?,
        role,
        target: Target {
            url: word(row, "url", |text| Url::parse(text).ok())?,
            headers: rows::subscription::read_headers(text(row, "headers")?)
                .map_err(in_column("headers"))?,
            timeout: Duration::from_millis(row.get("timeout_ms")?),
        },
        topics: topics
            .map(|topics| rows::subscription::read_topics(&topics))
            .transpose()
            .map_err(in_column("topics"))?,
        fields: rows::subscription::read_fields(text(row, "fields")?)
            .map_err(in_column("fields"))?,
        secrets: Secrets {
            current: secret("secret")?.ok_or_else(missing)?,
            old: secret("old_secret")?.zip(maybe_time(row, "old_secret_until")?),
        },
        vendor_signature: row.get("vendor_signature")?,
        verify_token: secret("verify_token")?,
        created_at: time(row, "created_at")?,
        lease_until: maybe_time(row, "lease_until")?,
        failing_since: maybe_time(row, "failing_since")?,
        activity,
    })
}

pub(in crate::store::sqlite) fn subscription(
    connection: &Connection,
    id: &SubscriptionId,
) -> Result<Option<Subscription>, StoreError> {
    one(connection, &subscriptions_where("id = ?1"), [id.as_str()], read_subscription)
        .map_err(in_table("subscriptions", id))
}

pub(in crate::store::sqlite) fn lapsed(
    connection: &Connection,
    now: Timestamp,
) -> Result<Vec<SubscriptionId>, StoreError> {
    let sql = "SELECT id FROM subscriptions WHERE removed_at IS NULL AND lease_until <= ?1
               ORDER BY lease_until";
    all(connection, sql, [now.as_millis()], |row| word(row, "id", SubscriptionId::parse))
        .map_err(in_table("subscriptions", "with a lease"))
}

pub(in crate::store::sqlite) fn subscriptions(
    connection: &Connection,
    account: Option<&AccountId>,
    page: Page,
) -> Result<Slice<Subscription>, StoreError> {
    let select = subscriptions_where("true");
    super::records(connection, "subscriptions", &select, account, page, read_subscription)
}

pub(in crate::store::sqlite) fn receivers(
    connection: &Connection,
    number: &Number,
) -> Result<Vec<Subscription>, StoreError> {
    // Word for word what the index is made for.
    let reach = |number: &str, waba_id: &str| {
        subscriptions_where(&format!(
            "account_id = ?1 AND coalesce(number_id, '') = {number}
                 AND coalesce(waba_id, '') = {waba_id}"
        ))
    };
    let sql = format!(
        "{} UNION ALL {} UNION ALL {} ORDER BY seq",
        reach("?2", "''"),
        reach("''", "?3"),
        reach("''", "''"),
    );
    let params = (number.account.as_str(), number.id.as_str(), &number.waba_id);
    all(connection, &sql, params, read_subscription).map_err(in_table("subscriptions", &number.id))
}

pub(in crate::store::sqlite) fn holder(
    connection: &Connection,
    place: &directory::Place,
) -> Result<Option<Subscription>, StoreError> {
    let (number, waba_id) = rows::subscription::reach_columns(&place.reach);
    let (role, _, name) = rows::subscription::role_columns(&place.role);
    let sql = subscriptions_where(
        "dialect = ?1 AND account_id = ?2 AND coalesce(number_id, '') = ?3
             AND coalesce(waba_id, '') = ?4 AND role = ?5 AND coalesce(name, '') = ?6
             AND role <> 'added'",
    );
    let account = place.account.as_str();
    let params = (
        place.dialect.as_str(),
        account,
        number.unwrap_or_default(),
        waba_id.unwrap_or_default(),
        role,
        name.unwrap_or_default(),
    );
    one(connection, &sql, params, read_subscription).map_err(in_table("subscriptions", account))
}

/// The extra receivers beside this place, oldest first.
pub(in crate::store::sqlite) fn extras(
    connection: &Connection,
    place: &directory::Place,
) -> Result<Vec<Subscription>, StoreError> {
    let (number, waba_id) = rows::subscription::reach_columns(&place.reach);
    let sql = subscriptions_where(
        "dialect = ?1 AND account_id = ?2 AND coalesce(number_id, '') = ?3
             AND coalesce(waba_id, '') = ?4 AND role = 'extra' AND role <> 'added'
         ORDER BY seq",
    );
    let account = place.account.as_str();
    let (number, waba_id) = (number.unwrap_or_default(), waba_id.unwrap_or_default());
    let params = (place.dialect.as_str(), account, number, waba_id);
    all(connection, &sql, params, read_subscription).map_err(in_table("subscriptions", account))
}

const LOG: &str = "SELECT events.seq, events.version, events.at, events.request_id, events.event,
            events.acted_by,
            groups.id AS group_id, subscriptions.id AS subscription_id, numbers.id AS number_id,
            coalesce(numbers.account_id, accounts.id) AS account_id
     FROM events
     LEFT JOIN numbers ON numbers.seq = events.number_seq
     LEFT JOIN accounts ON accounts.seq = events.account_seq
     LEFT JOIN groups ON groups.seq = events.group_seq
     LEFT JOIN subscriptions ON subscriptions.seq = events.subscription_seq";

fn read_logged(row: &Row<'_>) -> Result<Logged, RowError> {
    let number: Option<String> = row.get("number_id")?;
    let group: Option<String> = row.get("group_id")?;
    let what = match group {
        Some(group) => LoggedEvent::Group(
            rows::parse(GroupId::parse, &group).map_err(in_column("group_seq"))?,
            read_recorded(row)?,
        ),
        None => LoggedEvent::Subscription(
            word(row, "subscription_id", SubscriptionId::parse)?,
            rows::subscription::read_subscription_event(text(row, "event")?)
                .map_err(in_column("event"))?,
        ),
    };
    let number = number
        .map(|number| rows::parse(PhoneNumberId::parse, &number))
        .transpose()
        .map_err(in_column("number_seq"))?;
    Ok(Logged {
        account: parsed(row, "account_id", AccountId::parse)?,
        number,
        at: time(row, "at")?,
        actor: actor(row)?,
        what,
    })
}

pub(in crate::store::sqlite) fn log(
    connection: &Connection,
    filter: &LogFilter,
    page: Page,
) -> Result<Slice<Logged>, StoreError> {
    let number_seq = "events.number_seq = (SELECT seq FROM numbers WHERE id = ?3)";
    let stream = |condition: &str, id: &str| log_stream(connection, condition, id, page);
    let fetched = match filter {
        LogFilter::Everything => stream("?3 = ''", "")?,
        // A group's history is short, and in the order of its versions.
        LogFilter::Group(id) => {
            stream("events.group_seq = (SELECT seq FROM groups WHERE id = ?3)", id.as_str())?
        }
        LogFilter::Subscription(id) => {
            let of = "events.subscription_seq = (SELECT seq FROM subscriptions WHERE id = ?3)";
            stream(of, id.as_str())?
        }
        LogFilter::Number(id) => stream(number_seq, id.as_str())?,
        // The streams of its numbers and its own, merged: each is read no further than the page
        // could need.
        LogFilter::Account(id) => {
            let own = "events.account_seq = (SELECT seq FROM accounts WHERE id = ?3)";
            let mut merged = stream(own, id.as_str())?;
            let numbers = all(
                connection,
                "SELECT id FROM numbers WHERE account_id = ?1",
                [id.as_str()],
                |row| parsed(row, "id", PhoneNumberId::parse),
            );
            for number in numbers.map_err(in_table("numbers", id))? {
                merged.extend(stream(number_seq, number.as_str())?);
            }
            merged.sort_by_key(|(seq, _)| *seq);
            if matches!(page.seek, Seek::Before(_)) {
                merged.reverse();
            }
            merged.truncate(page.fetch());
            merged
        }
    };
    Ok(page.slice(fetched))
}

/// What a page needs of one stream, in reading direction.
fn log_stream(
    connection: &Connection,
    condition: &str,
    id: &str,
    page: Page,
) -> Result<Vec<(u64, Logged)>, StoreError> {
    let (beyond, key, order) = ascending(page);
    let sql = format!(
        "{LOG} WHERE {condition} AND events.seq {beyond} ?1 ORDER BY events.seq {order} LIMIT ?2"
    );
    all(connection, &sql, (key, page.fetch(), id), |row| Ok((row.get("seq")?, read_logged(row)?)))
        .map_err(in_table("events", id))
}

/// Keys of notices, from the indices alone: ?1 is the number, ?2 and ?3 the span, ?4 how many, ?5 how
/// many are left out, ?6 the person. Word for word what the indices are made for.
const fn notice_keys(by: &By) -> &'static str {
    match by {
        By::Anyone => {
            "SELECT at, seq FROM events
             WHERE number_seq = ?1 AND actor = '' AND at >= ?2 AND at < ?3
             UNION ALL
             SELECT at, seq FROM events
             WHERE number_seq = ?1 AND actor <> '' AND at >= ?2 AND at < ?3
             ORDER BY at, seq LIMIT ?4 OFFSET ?5"
        }
        By::Business => {
            "SELECT at, seq FROM events
             WHERE number_seq = ?1 AND actor = '' AND at >= ?2 AND at < ?3
             ORDER BY at, seq LIMIT ?4 OFFSET ?5"
        }
        By::Person(_) => {
            "SELECT at, seq FROM events
             WHERE number_seq = ?1 AND actor = ?6 AND actor <> '' AND at >= ?2 AND at < ?3
             ORDER BY at, seq LIMIT ?4 OFFSET ?5"
        }
    }
}

/// Notices of what happened to the groups of a number, oldest first.
pub(in crate::store::sqlite) fn notices(
    connection: &Connection,
    number: &PhoneNumberId,
    wanted: &Notices,
) -> Result<Vec<Notice>, StoreError> {
    let sql = "SELECT seq FROM numbers WHERE id = ?1";
    let number_seq: Option<i64> = value(connection, sql, [number.as_str()])?;
    let Notices { by, from, to, skip, limit } = wanted;
    let (from, to) = (from.as_millis(), to.as_millis());
    let damaged = || in_table("events", number);
    let key = |row: &Row<'_>| -> Result<i64, RowError> { Ok(row.get("seq")?) };
    let keys = match by {
        By::Person(person) => {
            let params = (number_seq, from, to, limit, skip, person);
            all(connection, notice_keys(by), params, key)
        }
        By::Anyone | By::Business => {
            all(connection, notice_keys(by), (number_seq, from, to, limit, skip), key)
        }
    };
    let mut notices = Vec::new();
    for key in keys.map_err(damaged())? {
        let sql = "SELECT alias_second, events.version, at, request_id, event, acted_by FROM events
                   JOIN groups ON groups.seq = events.group_seq WHERE events.seq = ?1";
        let notice = one(connection, sql, [key], |row| {
            Ok(Notice { alias_second: row.get("alias_second")?, recorded: read_recorded(row)? })
        });
        notices.extend(notice.map_err(damaged())?);
    }
    Ok(notices)
}

/// How to reach a page of a list that counts up.
fn ascending(page: Page) -> (&'static str, i64, &'static str) {
    match page.seek {
        Seek::First => (">=", 0, "ASC"),
        Seek::After(key) => (">", signed(key), "ASC"),
        Seek::Before(key) => ("<", signed(key), "DESC"),
    }
}

const DELIVERIES: &str =
    "SELECT deliveries.seq, nonce, subscriptions.id AS subscription_id, groups.id AS group_id,
            deliveries.version, topic, deliveries.state, attempts, lease,
            iif(paused_at IS NULL AND off_at IS NULL, due_at, NULL) AS due_at,
            deliveries.created_at, settled_at, reason
     FROM deliveries
     JOIN subscriptions ON subscriptions.seq = subscription_seq
     JOIN payloads ON payloads.seq = payload_seq
     LEFT JOIN groups ON groups.seq = group_seq";

fn read_delivery(row: &Row<'_>) -> Result<Delivery, RowError> {
    let group: Option<String> = row.get("group_id")?;
    let about = match group {
        Some(group) => {
            let group = rows::parse(GroupId::parse, &group).map_err(in_column("group_seq"))?;
            Some((group, row.get("version")?))
        }
        None => None,
    };
    let leased = row.get::<_, Option<i64>>("lease")?.is_some();
    let due_at = maybe_time(row, "due_at")?;
    let held = |state: &str| (state == "held").then_some(DeliveryState::Pending);
    Ok(Delivery {
        id: DeliveryId { seq: row.get("seq")?, nonce: row.get("nonce")? },
        subscription: word(row, "subscription_id", SubscriptionId::parse)?,
        about,
        topic: word(row, "topic", Topic::parse)?,
        state: word(row, "state", |state| held(state).or_else(|| DeliveryState::parse(state)))?,
        attempts: row.get("attempts")?,
        next_attempt_at: due_at.filter(|due_at| due_at.as_millis() > 0 && !leased),
        created_at: time(row, "created_at")?,
        settled_at: maybe_time(row, "settled_at")?,
        reason: row.get("reason")?,
    })
}

/// A filter as a condition, with its values from `?3` on.
pub(in crate::store::sqlite) struct Filtered {
    condition: String,
    values: Vec<rusqlite::types::Value>,
}

impl Filtered {
    pub(in crate::store::sqlite) fn new(
        connection: &Connection,
        filter: &DeliveryFilter,
    ) -> Result<Self, StoreError> {
        let mut filtered = Self { condition: "true".to_owned(), values: Vec::new() };
        let DeliveryFilter { id, state, subscription, group, from, to } = filter;
        filtered.and("deliveries.seq =", "", id.map(|id| signed(id.seq).into()));
        // Word for word what the indices are made for: SQLite does not conclude anything.
        filtered.condition.push_str(match state {
            None => "",
            Some(DeliveryState::Pending) => {
                " AND deliveries.seq IN (
                      SELECT seq FROM deliveries WHERE state = 'pending'
                      UNION ALL
                      SELECT seq FROM deliveries WHERE state = 'held' AND follows IS NOT NULL)"
            }
            Some(DeliveryState::Failing) => {
                " AND deliveries.state IN ('failing', 'dead') AND deliveries.state = 'failing'"
            }
            Some(DeliveryState::Dead) => {
                " AND deliveries.state IN ('failing', 'dead') AND deliveries.state = 'dead'"
            }
            Some(DeliveryState::Delivered) => " AND deliveries.state = 'delivered'",
        });
        let of = "subscription_seq = (SELECT seq FROM subscriptions WHERE id =";
        filtered.and(of, ")", subscription.as_ref().map(|id| id.as_str().to_owned().into()));
        let of = "group_seq = (SELECT seq FROM groups WHERE id =";
        filtered.and(of, ")", group.as_ref().map(|id| id.as_str().to_owned().into()));
        // The keys find the place, the moments decide: a clock may have been put back.
        for (at, key, moment) in [
            (from, "deliveries.seq >=", "deliveries.created_at >="),
            (to, "deliveries.seq <", "deliveries.created_at <"),
        ] {
            let seq = at.map(|at| first_since(connection, at)).transpose()?;
            filtered.and(key, "", seq.map(Into::into));
            filtered.and(moment, "", at.map(|at| at.as_millis().into()));
        }
        Ok(filtered)
    }

    fn and(&mut self, before: &str, behind: &str, value: Option<rusqlite::types::Value>) {
        if let Some(value) = value {
            self.values.push(value);
            let place = self.values.len() + 2;
            // Writing to a `String` cannot fail.
            let _ = write!(self.condition, " AND {before} ?{place}{behind}");
        }
    }

    pub(in crate::store::sqlite) fn condition(&self) -> &str {
        &self.condition
    }

    /// All values: two that come first, then the filter's own.
    pub(in crate::store::sqlite) fn params(
        &self,
        first: i64,
        second: usize,
    ) -> impl rusqlite::Params {
        let second = i64::try_from(second).unwrap_or(i64::MAX);
        let first = [first.into(), second.into()];
        rusqlite::params_from_iter(first.into_iter().chain(self.values.clone()))
    }
}

/// The first delivery that came to be owed then or later; one beyond the last if there is none.
/// Found by halving: they came in the order of their keys.
fn first_since(connection: &Connection, at: Timestamp) -> Result<i64, StoreError> {
    let last: Option<Option<i64>> = value(connection, "SELECT max(seq) FROM deliveries", [])?;
    let last = last.flatten().unwrap_or_default();
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let sql = "SELECT created_at FROM deliveries WHERE seq >= ?1 ORDER BY seq LIMIT 1";
        let created_at: Option<i64> = value(connection, sql, [middle])?;
        if created_at.is_some_and(|created_at| created_at < at.as_millis()) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

pub(in crate::store::sqlite) fn deliveries(
    connection: &Connection,
    filter: &DeliveryFilter,
    page: Page,
) -> Result<Slice<Delivery>, StoreError> {
    let filtered = Filtered::new(connection, filter)?;
    // Newest first, so that reading on is reading down.
    let (beyond, key, order) = match page.seek {
        Seek::First => ("<=", i64::MAX, "DESC"),
        Seek::After(key) => ("<", signed(key), "DESC"),
        Seek::Before(key) => (">", signed(key), "ASC"),
    };
    let sql = format!(
        "{DELIVERIES} WHERE {} AND deliveries.seq {beyond} ?1
         ORDER BY deliveries.seq {order} LIMIT ?2",
        filtered.condition()
    );
    let params = filtered.params(key, page.fetch());
    let read = |row: &Row<'_>| Ok((row.get("seq")?, read_delivery(row)?));
    let fetched =
        all(connection, &sql, params, read).map_err(in_table("deliveries", "of a page"))?;
    Ok(page.slice(fetched))
}

pub(in crate::store::sqlite) fn delivery(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<DeliveryDetail>, StoreError> {
    let key = (signed(id.seq), id.nonce);
    let sql = format!("{DELIVERIES} WHERE deliveries.seq = ?1 AND nonce = ?2");
    let found = one(connection, &sql, key, read_delivery).map_err(in_table("deliveries", id))?;
    let Some(delivery) = found else { return Ok(None) };
    let body: Option<Vec<u8>> = value(
        connection,
        "SELECT body FROM payloads WHERE seq = (SELECT payload_seq FROM deliveries WHERE seq = ?1)",
        [key.0],
    )?;
    let attempts = all(
        connection,
        "SELECT at, millis, status, problem, head FROM attempts WHERE delivery_seq = ?1
         ORDER BY number",
        [key.0],
        |row| {
            Ok(Attempt {
                at: time(row, "at")?,
                millis: row.get("millis")?,
                status: row.get("status")?,
                problem: row.get("problem")?,
                head: row.get("head")?,
            })
        },
    );
    let attempts = attempts.map_err(in_table("attempts", id))?;
    Ok(Some(DeliveryDetail { delivery, body: Bytes::from(body.unwrap_or_default()), attempts }))
}

/// From one subscription that has something scheduled to the next, and of each the first.
const DUE: &str = "WITH RECURSIVE owing (seq) AS (
         SELECT min(subscription_seq) FROM deliveries WHERE due_at IS NOT NULL
         UNION ALL
         SELECT (SELECT min(subscription_seq) FROM deliveries
                 WHERE due_at IS NOT NULL AND subscription_seq > owing.seq)
         FROM owing WHERE owing.seq IS NOT NULL
     ), first (id, due_at) AS (
         SELECT id, (SELECT due_at FROM deliveries
                     WHERE subscription_seq = owing.seq AND due_at IS NOT NULL
                           AND (lease IS NULL OR lease_until <= ?1 OR lease_until > ?2)
                     ORDER BY due_at LIMIT 1)
         FROM owing JOIN subscriptions USING (seq)
         WHERE paused_at IS NULL AND off_at IS NULL AND removed_at IS NULL
     )
     SELECT id FROM first WHERE due_at <= ?1 OR due_at > ?2";

pub(in crate::store::sqlite) fn due(
    connection: &Connection,
    now: Timestamp,
) -> Result<Vec<SubscriptionId>, StoreError> {
    // What is due later than anything can be was put there before the clock was put back.
    let params = (now.as_millis(), now.as_millis().saturating_add(LONGEST_WAIT_MS));
    all(connection, DUE, params, |row| word(row, "id", SubscriptionId::parse))
        .map_err(in_table("subscriptions", "that are due"))
}

/// A delivery whose fate may be changed: its key, its lane, whose it is.
pub(in crate::store::sqlite) struct Amendable {
    pub(in crate::store::sqlite) seq: i64,
    pub(in crate::store::sqlite) lane: Option<(i64, i64)>,
    pub(in crate::store::sqlite) subscription: SubscriptionId,
}

/// Some of the deliveries whose fate is to be changed, oldest first.
pub(in crate::store::sqlite) fn amendable(
    connection: &Connection,
    amend: &Amend,
) -> Result<Vec<Amendable>, StoreError> {
    let Amend { amendment, filter, after, limit, .. } = amend;
    let filtered = Filtered::new(connection, filter)?;
    let which = match amendment {
        Amendment::Replay => "state <> 'held' AND removed_at IS NULL",
        Amendment::GiveUp { .. } => "state IN ('pending', 'failing', 'held')",
    };
    let sql = format!(
        "SELECT deliveries.seq, group_seq, subscription_seq, subscriptions.id FROM deliveries
         JOIN subscriptions ON subscriptions.seq = subscription_seq
         WHERE {} AND deliveries.seq > ?1 AND {which} ORDER BY deliveries.seq LIMIT ?2",
        filtered.condition()
    );
    all(connection, &sql, filtered.params(signed(*after), *limit), |row| {
        Ok(Amendable {
            seq: row.get("seq")?,
            lane: row.get::<_, Option<i64>>("group_seq")?.zip(row.get("subscription_seq")?),
            subscription: word(row, "id", SubscriptionId::parse)?,
        })
    })
    .map_err(in_table("deliveries", "to be amended"))
}

/// Deliveries that are too old.
pub(in crate::store::sqlite) struct TooOld {
    /// Not settled: to be given up.
    pub(in crate::store::sqlite) owed: Vec<i64>,
    /// Settled: to be forgotten.
    pub(in crate::store::sqlite) settled: Vec<i64>,
    /// Events of subscriptions that were removed.
    pub(in crate::store::sqlite) events: Vec<i64>,
    /// Subscriptions that were removed, and that nothing points at any more.
    pub(in crate::store::sqlite) subscriptions: Vec<i64>,
}

/// ?1 is when, ?2 how many.
const EVENTS_OF_REMOVED: &str = "SELECT events.seq FROM subscriptions
     CROSS JOIN events ON events.subscription_seq = subscriptions.seq
     WHERE removed_at IS NOT NULL AND removed_at < ?1 LIMIT ?2";
const REMOVED: &str = "SELECT seq FROM subscriptions
     WHERE removed_at IS NOT NULL AND removed_at < ?1
           AND NOT EXISTS (SELECT 1 FROM events WHERE subscription_seq = subscriptions.seq)
           AND NOT EXISTS (SELECT 1 FROM deliveries WHERE subscription_seq = subscriptions.seq)
     LIMIT ?2";

/// Only what nobody tries to deliver is given up for its age alone: the receiver is paused, switched
/// off or removed. For all others the last attempt decides.
macro_rules! untried {
    () => {
        " AND EXISTS (SELECT 1 FROM subscriptions
                      WHERE seq = subscription_seq
                            AND (paused_at IS NOT NULL OR off_at IS NOT NULL
                                 OR removed_at IS NOT NULL)) LIMIT ?2"
    };
}

/// Word for word what the indices are made for.
const OWED_TOO_LONG: [&str; 3] = [
    concat!("SELECT seq FROM deliveries WHERE state = 'pending' AND owed_since < ?1", untried!()),
    concat!(
        "SELECT seq FROM deliveries
         WHERE state IN ('failing', 'dead') AND state = 'failing' AND owed_since < ?1",
        untried!()
    ),
    concat!(
        "SELECT seq FROM deliveries
         WHERE state = 'held' AND follows IS NOT NULL AND owed_since < ?1",
        untried!()
    ),
];

pub(in crate::store::sqlite) fn too_old(
    connection: &Connection,
    sweep: &Sweep,
) -> Result<TooOld, StoreError> {
    let damaged = || in_table("deliveries", "that are too old");
    let key = |row: &Row<'_>| -> Result<i64, RowError> { Ok(row.get(0)?) };
    let mut owed: Vec<i64> = Vec::new();
    for sql in OWED_TOO_LONG {
        let params = (sweep.owed_before.as_millis(), SWEPT_TOGETHER);
        owed.extend(all(connection, sql, params, key).map_err(damaged())?);
    }
    let settled = "SELECT seq FROM deliveries
                   WHERE seq < ?3 AND state IN ('delivered', 'dead') AND settled_at < ?1
                   ORDER BY seq LIMIT ?2";
    let bound = first_since(connection, sweep.settled_before)?;
    let params = (sweep.settled_before.as_millis(), SWEPT_TOGETHER, bound);
    let settled = all(connection, settled, params, key).map_err(damaged())?;
    let params = (sweep.settled_before.as_millis(), SWEPT_TOGETHER);
    let events = all(connection, EVENTS_OF_REMOVED, params, key).map_err(damaged())?;
    let subscriptions = all(connection, REMOVED, params, key).map_err(damaged())?;
    Ok(TooOld { owed, settled, events, subscriptions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::runtime::Runtime;
    use crate::store::sqlite::{Sqlite, locked};

    /// How SQLite goes about a query.
    fn plan(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> String {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explain.query_map(params, |row| row.get::<_, String>("detail")).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn nothing_that_may_be_long_is_read_from_end_to_end() {
        let store = Sqlite::in_memory(&Runtime::system(), &Metrics::default()).unwrap();
        let connection = locked(&store.readers[0]);
        for sql in OWED_TOO_LONG {
            let plan = plan(&connection, sql, (0, 1));
            assert!(
                plan.contains("USING INDEX deliveries_") || plan.contains("COVERING"),
                "{plan}"
            );
        }
        for (by, index) in [
            (By::Anyone, "events_by_people"),
            (By::Business, "events_by_business"),
            (By::Person(String::new()), "events_by_person"),
        ] {
            let explained = match by {
                By::Person(_) => plan(&connection, notice_keys(&by), (1, 0, 9, 1, 0, "x")),
                By::Anyone | By::Business => plan(&connection, notice_keys(&by), (1, 0, 9, 1, 0)),
            };
            let indexed = explained.contains(&format!("COVERING INDEX {index}"));
            assert!(indexed && !explained.contains("TEMP B-TREE"), "{by:?}:\n{explained}");
        }
        for sql in [EVENTS_OF_REMOVED, REMOVED] {
            let explained = plan(&connection, sql, (0, 1));
            assert!(explained.contains("INDEX subscriptions_removed"), "{explained}");
            assert!(!explained.contains("SCAN"), "{explained}");
        }
        let due = plan(&connection, DUE, (0, 0));
        assert!(!due.contains("SCAN deliveries"), "{due}");
        for (state, index) in [
            (DeliveryState::Pending, "deliveries_pending"),
            (DeliveryState::Failing, "deliveries_failed"),
            (DeliveryState::Dead, "deliveries_failed"),
        ] {
            let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
            let filtered = Filtered::new(&connection, &filter).unwrap();
            let sql = format!("{DELIVERIES} WHERE {} LIMIT ?2 + ?1", filtered.condition());
            let plan = plan(&connection, &sql, filtered.params(1, 1));
            assert!(plan.contains(index), "{state:?}:\n{plan}");
        }
    }
}
