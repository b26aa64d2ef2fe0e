//! Deliveries: owed, leased, settled, made once more, given up, forgotten.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::values::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::super::failed;
use super::super::read::{self, Amendable, TooOld};
use crate::directory::{Activity, SubscriptionId};
use crate::store::StoreError;
use crate::store::outbox::{
    Amend, Amended, Amendment, Attempt, DeliveryId, Exchange, Exchanged, Fate, Leased, Owed,
    Settlement,
};
use crate::webhook::plan::Planned;
use crate::webhook::retry::LONGEST_WAIT_MS;

type Sql<T> = Result<T, rusqlite::Error>;

/// A lane: what one subscription is told of one group. `None` for tests, which have no order.
type Lane = Option<(i64, i64)>;

/// What came to be owed: the keys of the deliveries; those to nobody are missing.
pub(super) fn owe(
    connection: &Connection,
    about: Option<(i64, u64)>,
    owed: &Owed,
    at: Timestamp,
) -> Sql<Vec<Option<i64>>> {
    let Owed { plan, nonces } = owed;
    let mut payloads = Vec::with_capacity(plan.payloads.len());
    for (index, payload) in plan.payloads.iter().enumerate() {
        let mine = plan.deliveries.iter().filter(|planned| planned.payload == index).count();
        connection
            .prepare_cached(
                "INSERT INTO payloads (topic, body, deliveries_left) VALUES (?1, ?2, ?3)",
            )?
            .execute((payload.topic.as_str(), &payload.body, mine))?;
        payloads.push(connection.last_insert_rowid());
    }
    let mut seqs: Vec<Option<i64>> = Vec::with_capacity(plan.deliveries.len());
    let planned = plan.deliveries.iter().zip(nonces).enumerate();
    for (index, (Planned { subscription, payload, follows }, nonce)) in planned {
        let leads = plan.deliveries.iter().any(|other| other.follows == Some(index));
        let leader = follows.map(|leader| seqs[leader]);
        let payload = payloads[*payload];
        // A subscription that was removed in the meantime is owed nothing, nor is who follows it.
        let seq = if leader == Some(None) {
            None
        } else {
            connection
                .prepare_cached(
                    "INSERT INTO deliveries (nonce, subscription_seq, group_seq, version,
                                             payload_seq, state, attempts, due_at, follows,
                                             created_at, owed_since, failed, leads)
                     SELECT ?2, subscriptions.seq, ?3, ?4, ?5, iif(?6 IS NULL, 'pending', 'held'),
                            0,
                            iif(?6 IS NOT NULL OR EXISTS (
                                SELECT 1 FROM deliveries
                                WHERE state = 'pending' AND group_seq = ?3
                                      AND subscription_seq = subscriptions.seq
                            ), NULL, 0),
                            ?6, ?7, ?7, 0, ?8
                     FROM subscriptions WHERE id = ?1 AND removed_at IS NULL RETURNING seq",
                )?
                .query_row(
                    (
                        subscription.as_str(),
                        nonce,
                        about.map(|(group_seq, _)| group_seq),
                        about.map(|(_, version)| version),
                        payload,
                        leader.flatten(),
                        at.as_millis(),
                        leads,
                    ),
                    |row| row.get(0),
                )
                .optional()?
        };
        if seq.is_none() {
            let_go(connection, payload)?;
        }
        seqs.push(seq);
    }
    Ok(seqs)
}

/// One delivery less points at a payload; the last one takes it along.
fn let_go(connection: &Connection, payload: i64) -> Sql<()> {
    let left: Option<i64> = connection
        .prepare_cached(
            "UPDATE payloads SET deliveries_left = deliveries_left - 1 WHERE seq = ?1
             RETURNING deliveries_left",
        )?
        .query_row([payload], |row| row.get(0))
        .optional()?;
    if left == Some(0) {
        connection.prepare_cached("DELETE FROM payloads WHERE seq = ?1")?.execute([payload])?;
    }
    Ok(())
}

/// Owes a delivery that no event stands behind.
pub(super) fn enqueue(
    connection: &Connection,
    owed: &Owed,
    at: Timestamp,
) -> Sql<Option<DeliveryId>> {
    let seqs = owe(connection, None, owed, at)?;
    let mut ids = seqs.into_iter().zip(&owed.nonces);
    Ok(ids.find_map(|(seq, nonce)| Some((seq?, *nonce))).map(id))
}

fn id((seq, nonce): (i64, i64)) -> DeliveryId {
    DeliveryId { seq: seq.unsigned_abs(), nonce }
}

fn key(id: DeliveryId) -> i64 {
    i64::try_from(id.seq).unwrap_or(i64::MAX)
}

/// Settles what was leased, leases what is due.
pub(super) fn exchange(
    connection: &Connection,
    exchange: &Exchange,
) -> Result<Exchanged, StoreError> {
    let subscription = read::subscription(connection, &exchange.subscription)?;
    let removed = subscription.is_none();
    let mut released = Vec::new();
    let (mut alive, mut missed) = (false, None);
    for settlement in &exchange.settlements {
        let at = settlement.attempt.as_ref().map_or(exchange.now, |attempt| attempt.at);
        match settlement.alive {
            Some(true) => alive = true,
            Some(false) => missed = missed.or(Some(at)),
            None => {}
        }
        settle(connection, settlement, removed, exchange.now, &mut released).map_err(failed)?;
    }
    let Some(mut subscription) = subscription else {
        let room = exchange.room;
        return Ok(Exchanged { subscription: None, leased: Vec::new(), room, released });
    };
    // What went through counts more than what did not: the receiver is there.
    let failing_since = if alive { None } else { subscription.failing_since.or(missed) };
    if failing_since != subscription.failing_since {
        connection
            .prepare_cached("UPDATE subscriptions SET failing_since = ?2 WHERE id = ?1")
            .and_then(|mut update| {
                update.execute((subscription.id.as_str(), failing_since.map(Timestamp::as_millis)))
            })
            .map_err(failed)?;
        subscription.failing_since = failing_since;
    }
    let leased = match subscription.activity {
        Activity::On if exchange.room > 0 => lease(connection, exchange).map_err(failed)?,
        Activity::On | Activity::Paused { .. } | Activity::Off { .. } => Vec::new(),
    };
    let room = exchange.room;
    Ok(Exchanged { subscription: Some(subscription.into()), leased, room, released })
}

fn settle(
    connection: &Connection,
    settlement: &Settlement,
    removed: bool,
    now: Timestamp,
    released: &mut Vec<SubscriptionId>,
) -> Sql<()> {
    let Settlement { id, lease, attempt, fate, .. } = settlement;
    let seq = key(*id);
    let removed = removed.then_some("the subscription was removed");
    let (state, due_at, reason) = match (fate, removed) {
        (Fate::Delivered, _) => ("delivered", None, None),
        (Fate::Dead { reason }, _) => ("dead", None, Some(reason.as_str())),
        (Fate::Retry { .. } | Fate::GivenBack, Some(removed)) => ("dead", None, Some(removed)),
        (Fate::Retry { due_at }, None) => ("failing", Some(due_at.as_millis()), None),
        (Fate::GivenBack, None) => return give_back(connection, seq, *lease),
    };
    let settled_at = due_at.is_none().then_some(now.as_millis());
    let tried = u32::from(attempt.is_some());
    let missed = if state == "delivered" { 0 } else { tried };
    let found = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?3, attempts = attempts + ?4, failed = failed + ?5,
                                   due_at = ?6, lease = NULL, lease_until = NULL,
                                   settled_at = ?7, reason = ?8
             WHERE seq = ?1 AND lease = ?2
             RETURNING attempts, failed, leads, group_seq, subscription_seq",
        )?
        .query_row((seq, lease, state, tried, missed, due_at, settled_at, reason), |row| {
            let lane: Lane = row.get::<_, Option<i64>>(3)?.zip(row.get(4)?);
            // Who has never failed before was pending.
            let was_first = row.get::<_, u32>(1)? == missed;
            Ok((row.get::<_, u32>(0)?, was_first, row.get::<_, bool>(2)?, lane))
        })
        .optional()?;
    // The lease has run out, and somebody else has taken the delivery or settled it.
    let Some((attempts, was_first, leads, lane)) = found else { return Ok(()) };
    if let Some(Attempt { at, millis, status, problem, head }) = attempt {
        connection
            .prepare_cached(
                "INSERT INTO attempts (delivery_seq, number, at, millis, status, problem, head)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((seq, attempts, at.as_millis(), millis, status, problem, head))?;
    }
    if was_first {
        promote(connection, lane)?;
    }
    match state {
        "delivered" if leads => release(connection, seq, now, released),
        "dead" if leads => abandon(connection, seq, now),
        _ => Ok(()),
    }
}

/// As due as it was before it was leased.
fn give_back(connection: &Connection, seq: i64, lease: i64) -> Sql<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET lease = NULL, lease_until = NULL WHERE seq = ?1 AND lease = ?2",
        )?
        .execute((seq, lease))?;
    Ok(())
}

/// What waits for a delivery that was given up is given up with it.
fn abandon(connection: &Connection, leader: i64, now: Timestamp) -> Sql<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'dead', settled_at = ?2,
                                   reason = 'the main receiver has not taken it'
             WHERE follows = ?1 AND state = 'held'",
        )?
        .execute((leader, now.as_millis()))?;
    Ok(())
}

fn lane_of(connection: &Connection, seq: i64) -> Sql<Lane> {
    connection
        .prepare_cached("SELECT group_seq, subscription_seq FROM deliveries WHERE seq = ?1")?
        .query_row([seq], |row| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?)))
}

/// The next first attempt of a lane becomes due, one being over.
fn promote(connection: &Connection, lane: Lane) -> Sql<()> {
    let Some(lane) = lane else { return Ok(()) };
    connection
        .prepare_cached(
            "UPDATE deliveries SET due_at = 0
             WHERE due_at IS NULL AND seq = (SELECT min(seq) FROM deliveries
                                             WHERE state = 'pending' AND group_seq = ?1
                                                   AND subscription_seq = ?2)",
        )?
        .execute(lane)?;
    Ok(())
}

/// As [`promote`], if none is under way: looks at all that is pending in the lane.
fn promote_idle(connection: &Connection, lane: Lane) -> Sql<()> {
    let Some(of) = lane else { return Ok(()) };
    let busy = connection
        .prepare_cached(
            "SELECT 1 FROM deliveries WHERE state = 'pending' AND group_seq = ?1
                                            AND subscription_seq = ?2 AND due_at IS NOT NULL",
        )?
        .exists(of)?;
    if busy { Ok(()) } else { promote(connection, lane) }
}

/// What had to wait for a delivery to go through need not any more, even if it was given up with it
/// in the meantime.
fn release(
    connection: &Connection,
    leader: i64,
    now: Timestamp,
    released: &mut Vec<SubscriptionId>,
) -> Sql<()> {
    let mut select = connection.prepare_cached(
        "SELECT deliveries.seq, group_seq, subscription_seq, subscriptions.id FROM deliveries
         JOIN subscriptions ON subscriptions.seq = subscription_seq
         WHERE follows = ?1 AND attempts = 0 AND state IN ('held', 'dead')
               AND removed_at IS NULL",
    )?;
    let followers = select
        .query_map([leader], |row| {
            let lane: Lane = row.get::<_, Option<i64>>(1)?.zip(row.get(2)?);
            Ok((row.get::<_, i64>(0)?, lane, row.get::<_, String>(3)?))
        })?
        .collect::<Sql<Vec<_>>>()?;
    for (seq, lane, subscription) in followers {
        connection
            .prepare_cached(
                "UPDATE deliveries SET state = 'pending', owed_since = ?2, settled_at = NULL,
                                       reason = NULL
                 WHERE seq = ?1",
            )?
            .execute((seq, now.as_millis()))?;
        promote_idle(connection, lane)?;
        released.extend(SubscriptionId::parse(&subscription));
    }
    Ok(())
}

fn lease(connection: &Connection, exchange: &Exchange) -> Sql<Vec<Leased>> {
    let Exchange { subscription, now, room, lease, lease_until, .. } = exchange;
    let mut select = connection.prepare_cached(
        "SELECT deliveries.seq, nonce, failed, owed_since, body FROM deliveries
         JOIN payloads ON payloads.seq = payload_seq
         WHERE subscription_seq = (SELECT seq FROM subscriptions WHERE id = ?1) AND due_at <= ?2
               AND (lease IS NULL OR lease_until <= ?2)
         ORDER BY due_at, deliveries.seq LIMIT ?3",
    )?;
    let leased = select
        .query_map((subscription.as_str(), now.as_millis(), room), |row| {
            Ok(Leased {
                id: id((row.get(0)?, row.get(1)?)),
                failed: row.get(2)?,
                owed_since: Timestamp::from_millis(row.get(3)?),
                body: Bytes::from(row.get::<_, Vec<u8>>(4)?),
                lease: *lease,
                until: *lease_until,
            })
        })?
        .collect::<Sql<Vec<_>>>()?;
    let mut update = connection
        .prepare_cached("UPDATE deliveries SET lease = ?2, lease_until = ?3 WHERE seq = ?1")?;
    for one in &leased {
        update.execute((key(one.id), lease, lease_until.as_millis()))?;
    }
    if leased.is_empty() {
        after_a_clock_was_put_back(connection, exchange)?;
    }
    Ok(leased)
}

/// What is due later than anything can be, or leased for longer, was put there by a clock that has
/// been put back since. The one is due now; the other may still be kept, and is given as long as a
/// new lease.
fn after_a_clock_was_put_back(connection: &Connection, exchange: &Exchange) -> Sql<()> {
    let Exchange { subscription, now, lease_until, .. } = exchange;
    let (id, now) = (subscription.as_str(), now.as_millis());
    let beyond = now.saturating_add(LONGEST_WAIT_MS);
    connection
        .prepare_cached(
            "UPDATE deliveries SET due_at = ?2
             WHERE subscription_seq = (SELECT seq FROM subscriptions WHERE id = ?1)
                   AND due_at > ?3",
        )?
        .execute((id, now, beyond))?;
    connection
        .prepare_cached(
            "UPDATE deliveries SET lease_until = ?4
             WHERE subscription_seq = (SELECT seq FROM subscriptions WHERE id = ?1)
                   AND due_at <= ?2 AND lease_until > ?3",
        )?
        .execute((id, now, beyond, lease_until.as_millis()))?;
    Ok(())
}

/// Changes the fate of these deliveries, as far as it may still be changed.
pub(super) fn amend(connection: &Connection, amend: &Amend, chosen: &[Amendable]) -> Sql<Amended> {
    let Amend { now, amendment, limit, .. } = amend;
    let mut lanes: BTreeSet<Lane> = BTreeSet::new();
    let mut subscriptions: BTreeSet<&SubscriptionId> = BTreeSet::new();
    let mut count = 0;
    for Amendable { seq, lane, subscription } in chosen {
        let amended = match amendment {
            Amendment::Replay => owe_anew(connection, *seq, *now)?,
            Amendment::GiveUp { reason } => give_up(connection, *seq, *now, reason)?,
        };
        if amended {
            count += 1;
            lanes.insert(*lane);
            subscriptions.insert(subscription);
        }
    }
    for lane in lanes {
        promote_idle(connection, lane)?;
    }
    let last = chosen.last().filter(|_| chosen.len() == *limit);
    Ok(Amended {
        count,
        subscriptions: subscriptions.into_iter().cloned().collect(),
        next: last.map(|last| last.seq.unsigned_abs()),
    })
}

/// Whether it is owed anew: not what is being sent just now, nor what follows another delivery that
/// was given up. What follows one that is to come waits for it.
fn owe_anew(connection: &Connection, seq: i64, now: Timestamp) -> Sql<bool> {
    let changed = connection
        .prepare_cached(
            "WITH leader (state) AS (
                 SELECT leaders.state FROM deliveries AS mine
                 JOIN deliveries AS leaders ON leaders.seq = mine.follows WHERE mine.seq = ?1
             ), fate (waits) AS (
                 SELECT coalesce((SELECT state <> 'delivered' FROM leader), false)
             )
             UPDATE deliveries
             SET state = iif((SELECT waits FROM fate), 'held', 'pending'), failed = 0,
                 owed_since = ?2, settled_at = NULL, reason = NULL, lease = NULL,
                 lease_until = NULL,
                 due_at = iif(group_seq IS NULL AND NOT (SELECT waits FROM fate), 0, NULL)
             WHERE seq = ?1 AND (lease IS NULL OR lease_until <= ?2)
                   AND coalesce((SELECT state FROM leader), '') <> 'dead'",
        )?
        .execute((seq, now.as_millis()))?;
    Ok(changed > 0)
}

/// Whether it is given up: not what is being sent just now, nor what is settled.
fn give_up(connection: &Connection, seq: i64, now: Timestamp, reason: &str) -> Sql<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'dead', due_at = NULL, lease = NULL,
                                   lease_until = NULL, settled_at = ?2, reason = ?3
             WHERE seq = ?1 AND state IN ('pending', 'failing', 'held')
                   AND (lease IS NULL OR lease_until <= ?2)",
        )?
        .execute((seq, now.as_millis(), reason))?;
    if changed > 0 {
        abandon(connection, seq, now)?;
    }
    Ok(changed > 0)
}

/// Gives up and forgets what is too old. Gives how many rows that were.
pub(super) fn sweep(connection: &Connection, too_old: &TooOld, now: Timestamp) -> Sql<usize> {
    let TooOld { owed, settled, events, subscriptions } = too_old;
    let mut count = 0;
    let mut lanes: BTreeSet<Lane> = BTreeSet::new();
    for seq in owed {
        // It may have been settled, or leased, since it was found.
        if give_up(connection, *seq, now, "nobody took it in time")? {
            count += 1;
            lanes.insert(lane_of(connection, *seq)?);
        }
    }
    for lane in lanes {
        promote_idle(connection, lane)?;
    }
    for seq in settled {
        let payload: Option<i64> = connection
            .prepare_cached(
                "DELETE FROM deliveries WHERE seq = ?1 AND state IN ('delivered', 'dead')
                 RETURNING payload_seq",
            )?
            .query_row([seq], |row| row.get(0))
            .optional()?;
        if let Some(payload) = payload {
            connection
                .prepare_cached("DELETE FROM attempts WHERE delivery_seq = ?1")?
                .execute([seq])?;
            let_go(connection, payload)?;
            count += 1;
        }
    }
    for seq in events {
        count += connection.prepare_cached("DELETE FROM events WHERE seq = ?1")?.execute([seq])?;
    }
    for seq in subscriptions {
        count += connection
            .prepare_cached("DELETE FROM subscriptions WHERE seq = ?1")?
            .execute([seq])?;
    }
    Ok(count)
}

/// Leases of a process that is no more.
pub(in crate::store::sqlite) fn take_leases_back(connection: &Connection) -> Sql<usize> {
    connection.execute(
        "UPDATE deliveries SET lease = NULL, lease_until = NULL
         WHERE due_at IS NOT NULL AND lease IS NOT NULL",
        [],
    )
}
